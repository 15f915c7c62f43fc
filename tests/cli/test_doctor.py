"""`astra doctor`: one line a check, one thing to do, exit 1 if something failed."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from astra_tui.cli import terminal
from engine.model import CheckState
from tests.cli.conftest import SECONDS, Astra, contents, put
from tests.servers import S3Server


async def test_all_is_well(astra: Astra, moto_s3: S3Server, bucket_name: str) -> None:
    cloud = moto_s3.cloud(bucket=bucket_name)
    await put(cloud, {"x": b"x"})
    astra.config(("aws", moto_s3, bucket_name), more='[kafka]\nbootstrap = "embedded"\n')
    checks = astra("doctor", "--json").lines
    assert {check["state"] for check in checks} <= {"ok", "warning", "skipped"}
    assert {"disk", "aws", "kafka"} <= {check["subject"] for check in checks}
    assert await contents(cloud) == {"x": b"x"}  # the canaries are gone
    assert list((astra.folder / "objects" / "box").iterdir()) == []
    kafka = astra("check-kafka", "--json").lines
    assert kafka
    assert {check["subject"] for check in kafka} == {"kafka"}


async def test_what_failed_says_what_to_do(astra: Astra) -> None:
    astra.config()
    path = astra.folder / "astra.toml"
    path.write_text(
        path.read_text() + '[clouds.gone]\nkind = "s3"\nprovider = "aws"\nregion = "r"\n'
        'endpoint = "http://127.0.0.1:9"\nbucket = "b"\naccess_key = "a"\nsecret_key = "b"\n'
    )
    checks = astra("doctor", "--json", code=1).lines
    failed = [check for check in checks if check["state"] == "failed"]
    assert {check["subject"] for check in failed} == {"gone"}
    assert all(check["todo"] for check in failed)
    text = astra("doctor", "--only", "gone", code=1).out
    assert "FAILED  gone" in text
    assert "disk" not in text
    wrong = astra("doctor", "--only", "nonsense", code=2)
    assert wrong.out == ""
    assert "disk, gone, kafka, state, prices, terminal" in wrong.err


def test_a_busy_state_directory_is_a_check_that_failed(astra: Astra) -> None:
    astra.config(more='[kafka]\nbootstrap = "embedded"\n')
    with astra.started("events", "tail") as process:
        # A doctor that came first would hold the directory itself, and the other one would end.
        held(astra.state / "lock", process)
        waiting = astra("doctor", "--only", "state", "--json", code=1)
        (check,) = waiting.lines
        assert check["state"] == "failed"
        assert str(process.pid) in check["detail"]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)
        assert process.returncode == 0


def held(lock: Path, process: "subprocess.Popen[str]") -> None:
    """Wait until that process has written itself into the lock, which it does once it has it."""
    end = time.monotonic() + SECONDS
    while not (lock.exists() and lock.read_text() == str(process.pid)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it never took the state directory"
        time.sleep(0.02)


class Screen:
    """A stream that says it is a terminal."""

    encoding = "ascii"

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("environ", "size", "found"),
    [
        (
            {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
            (120, 40),
            {"TERM": "ok", "size": "ok", "colours": "ok", "copying (OSC 52)": "ok"},
        ),
        ({"TERM": "xterm-256color", "TMUX": "x"}, (60, 20), {"size": "warning", "colours": "ok"}),
        ({"TERM": "dumb", "STY": "1"}, (0, 0), {"TERM": "failed", "size": "skipped"}),
        ({"TERM": "vt100"}, (80, 24), {"colours": "warning", "size": "ok"}),
        ({"TERM": "vt100", "NO_COLOR": "1"}, (80, 24), {"colours": "ok"}),
    ],
)
def test_terminals(
    environ: dict[str, str],
    size: tuple[int, int],
    found: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("TERM", "COLORTERM", "NO_COLOR", "TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(terminal.sys, "stdout", Screen())
    monkeypatch.setattr(terminal.os, "get_terminal_size", lambda _: size)
    checks = {check.name: check for check in terminal.terminal_checks()}
    assert {name: checks[name].state.value for name in found} == found
    assert checks["UTF-8"].state is CheckState.WARNING
    copying = checks["copying (OSC 52)"].state
    assert (copying is CheckState.WARNING) == ("TMUX" in environ or "STY" in environ)
    assert all(c.todo for c in checks.values() if c.state in (CheckState.FAILED, "warning"))


def test_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/null", "w") as nothing:
        monkeypatch.setattr(terminal.sys, "stdout", nothing)
        monkeypatch.setattr(terminal.sys, "stderr", nothing)
        assert [check.state for check in terminal.terminal_checks()] == [CheckState.SKIPPED]


async def test_read_only_writes_no_canary(astra: Astra) -> None:
    astra.config(more='[kafka]\nbootstrap = "off"\n')
    checks = {
        c["check"]: c["state"]
        for c in astra("doctor", "--only", "disk", "--read-only", "--json").lines
    }
    assert checks["write"] == checks["delete"] == "skipped"
