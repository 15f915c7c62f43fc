"""Parts of the command that need no engine: init, prices, output, addresses of files."""

import asyncio
import io
import json
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from astra_tui.cli.console import need_terminal
from astra_tui.cli.entry import run
from astra_tui.cli.ingest import _history, file_address
from astra_tui.cli.init import AWS
from astra_tui.cli.output import address_text, counted, table_lines, usd
from astra_tui.cli.running import confirm, run_async
from astra_tui.config import load_settings
from astra_tui.setup.config_text import template
from engine.errors import Refused, UsageError
from engine.model import Address


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg-config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg-state"))


# -- init -----------------------------------------------------------------------------------


def test_init_writes_a_config_that_loads(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init"]) == 0
    assert Path("astra.toml").stat().st_mode & 0o777 == 0o600
    assert "astra doctor" in capsys.readouterr().err
    settings, _, warnings = load_settings(None, None, {})
    assert [cloud.name for cloud in settings.clouds] == ["aws"]
    assert warnings == []


def test_init_never_overwrites(capsys: pytest.CaptureFixture[str]) -> None:
    Path("astra.toml").write_text("mine")
    assert run(["init"]) == 2
    assert "It was not touched" in capsys.readouterr().err
    assert Path("astra.toml").read_text() == "mine"
    Path("link.toml").symlink_to("elsewhere.toml")
    assert run(["init", "link.toml"]) == 2
    assert not Path("elsewhere.toml").exists()


def test_init_where_it_is_told(tmp_path: Path) -> None:
    assert run(["init", "--user"]) == 0
    assert (tmp_path / "xdg-config" / "astra" / "astra.toml").exists()
    assert run(["--config", "given/x.toml", "init"]) == 0
    assert Path("given/x.toml").exists()


def test_everything_the_template_shows_is_understood() -> None:
    """Without the comment signs each line is a setting that the loader knows."""
    text = re.sub(r"^# (\[|[a-z_]+ = )", r"\1", template(AWS), flags=re.MULTILINE)
    for name in ("ca.pem", "prices.toml", "minio.secret", "service.json"):
        Path(name).write_text("{}\n")
        Path(name).chmod(0o600)
    Path("all.toml").write_text(text)
    secrets = ("MY_ACCESS_KEY", "MY_SECRET_KEY", "MINIO_ACCESS_KEY", "KAFKA_PASSWORD")
    environ = dict.fromkeys((*secrets, "AZURE_STORAGE_KEY"), "eA==")
    settings, console, warnings = load_settings(Path("all.toml"), None, environ)
    assert warnings == []
    assert [cloud.name for cloud in settings.clouds] == ["aws", "minio", "gcp", "azure", "disk"]
    assert settings.bwlimit == 20 * 1024**2
    assert console.keymap() == {"migrate": "ctrl+x"}


# -- prices ---------------------------------------------------------------------------------


def test_prices_need_no_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "aws", "--region", "us-east-1", "--class", "standard", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    storage = next(line for line in lines if line["name"] == "storage")
    assert storage["usd"] == 0.023
    assert storage["as_of"]
    assert storage["age_days"] >= 0
    assert storage["source"]


def test_unknown_prices_are_null_and_say_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert any(line["usd"] is None for line in lines if "usd" in line)
    assert run(["prices"]) == 0
    assert "unknown" in capsys.readouterr().out


def test_prices_of_nothing_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "aws", "--region", "moon-1"]) == 2
    assert "us-east-1" in capsys.readouterr().err


OWN = """
[sources.contract]
title = "our contract"
[[classes]]
provider = "aws"
region = "us-east-1"
name = "STANDARD"
source = "contract"
as_of = 2026-10-01
storage = 0.0195
[[classes]]
provider = "onprem"
name = "STANDARD"
storage = 0.008
"""


def test_a_price_file_of_the_operators_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN, encoding="utf-8")
    assert run(["prices", "--file", str(path), "--own", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["provider"], line["usd"], line["source"]) for line in lines] == [
        ("aws", 0.0195, "contract"),
        ("onprem", 0.008, "mine.toml"),
    ]
    assert all(line["own"] and not line["remembered"] for line in lines)
    assert run(["prices", "--file", str(path), "aws", "--class", "STANDARD"]) == 0
    text = capsys.readouterr().out
    assert "0.0195" in text
    assert "contract: our contract" in text
    assert "0.0004" in text  # the rest is the built-in figure


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (OWN + "stroage = 1", "class onprem STANDARD"),
        (OWN.replace("0.0195", "-1"), "class aws us-east-1 STANDARD"),
        (OWN.replace('"contract"\nas_of', '"hearsay"\nas_of'), "hearsay"),
        ("storage 0.02", "no TOML"),
    ],
)
def test_a_bad_price_file_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, complaint: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    assert run(["prices", "--file", str(path)]) == 2
    told = capsys.readouterr().err
    assert "mine.toml" in told
    assert complaint in told
    assert "Next:" in told
    assert run(["prices", "--file", str(tmp_path / "absent.toml")]) == 2
    assert "--file" in capsys.readouterr().err


def test_prices_show_one_region_a_provider_unless_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def regions(*words: str) -> set[str]:
        assert run(["prices", *words, "--json"]) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return {line["region"] for line in lines if line.get("region")}

    assert regions() == {"us-east-1", "us-central1", "eastus"}
    assert len(regions("--region", "all")) > 15
    assert regions("gcp", "--region", "europe-west1") == {"europe-west1"}
    assert run(["prices", "--own"]) == 2
    assert "--file" in capsys.readouterr().err


# -- output ---------------------------------------------------------------------------------


def test_tables_align_wide_characters_and_stream() -> None:
    def rows() -> object:
        yield ("日本", "1", "x")
        yield ("a", "1000", "long name")

    lines = list(table_lines(("name", ">size", "object"), rows()))  # type: ignore[arg-type]
    assert lines == ["name  size  object", "日本     1  x", "a     1000  long name"]
    assert list(table_lines(("a",), [])) == []


def test_a_reader_that_goes_away_ends_a_viewing_verb_quietly() -> None:
    """Like `astra aliases --json | head -1`, with a pipe that is closed at once."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "astra_tui", "aliases", "--json"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    os.close(write)
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_the_output_is_an_error() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "astra_tui", "aliases", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            cwd=Path(__file__).parents[2],
        )
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


# -- asking ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("early", "answer", "agreed"),
    [
        *[(b"", b"y\n", True), (b"", b"YES\n", True), (b"", b"\n", False)],
        *[(b"y\n", b"\n", False), (b"n\n", b"y\n", True)],  # typed before the question
    ],
)
def test_a_question_on_a_terminal(
    early: bytes, answer: bytes, agreed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pty.openpty()

    async def ask() -> None:
        os.write(ours, early)
        question = asyncio.create_task(confirm("Really?", yes=False))
        await asyncio.sleep(0)  # now it waits for the answer
        os.write(ours, answer)
        await question

    try:
        with os.fdopen(theirs, "r", closefd=False) as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            if agreed:
                run_async(ask())
            else:
                with pytest.raises(Refused, match="Not confirmed"):
                    run_async(ask())
    finally:
        os.close(ours)
        os.close(theirs)


def test_no_terminal_is_no_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(Refused, match="no terminal"):
            run_async(confirm("Really?", yes=False))
        run_async(confirm("Really?", yes=True))


def test_work_runs_in_the_main_thread() -> None:
    async def work() -> threading.Thread:
        return threading.current_thread()

    assert run_async(work()) is threading.main_thread()


# -- ingest ---------------------------------------------------------------------------------


def test_addresses_of_files(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a b.csv").touch()
    (tmp_path / "way").symlink_to("real")
    (tmp_path / "link.csv").symlink_to("real/a b.csv")
    root, _, rest = str(tmp_path.resolve()).lstrip("/").partition("/")
    assert file_address("real/a b.csv") == Address("file", root, f"{rest}/real/a b.csv")
    assert file_address("way/a b.csv") == Address("file", root, f"{rest}/real/a b.csv")
    assert file_address("way") == Address("file", root, f"{rest}/real/")
    assert file_address(f"/{root}") == Address("file", root, "")
    with pytest.raises(UsageError, match="symbolic link"):
        file_address("link.csv")
    with pytest.raises(UsageError, match="No such file"):
        file_address("nothing")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        file_address("/dev/null")
    with pytest.raises(UsageError):
        file_address("/")


def test_a_history_is_read_whole_or_not_at_all() -> None:
    base = Address("aws", "b", "p/")
    Path("h.csv").write_text("object,date,reads,bytes_read\na,1970-01-02,3,40\nb/c,2023-01-01,1,\n")
    assert _history("h.csv", base) == [
        (Address("aws", "b", "p/a"), 1, 3, 40),
        (Address("aws", "b", "p/b/c"), 19358, 1, 0),
    ]
    import gzip

    Path("h.csv.gz").write_bytes(gzip.compress(Path("h.csv").read_bytes()))
    assert len(_history("h.csv.gz", base)) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("object,reads\n", "lacks date"),
        ("object,date,reads\na,yesterday,1\n", "Line 2"),
        ("object,date,reads\na,2023-01-01,1\na,2023-01-02,-1\n", "Line 3"),
        ("object,date,reads\na,2023-01-01\n", "Line 2"),
        ("object,date,reads\n,2023-01-01,1\n", "no name"),
        ("", "lacks"),
    ],
)
def test_a_history_that_does_not_fit_names_the_line(text: str, told: str) -> None:
    Path("h.csv").write_text(text)
    with pytest.raises(UsageError, match=told):
        _history("h.csv", Address("aws", "b"))


def test_a_history_that_cannot_be_read() -> None:
    with pytest.raises(UsageError, match="No such file"):
        _history("none.csv", Address("aws", "b"))
    Path("cut.csv.gz").write_bytes(b"\x1f\x8b\x08")
    with pytest.raises(UsageError, match="cannot be read"):
        _history("cut.csv.gz", Address("aws", "b"))


def test_what_nobody_knows_says_so_and_counts_read_well() -> None:
    assert usd(None, currency=True) == usd(None) == "unknown"
    assert usd(0.0, currency=True) == "$0.00"
    assert [counted(count, "job") for count in (1, 2, 1200)] == [*("1 job", "2 jobs", "1,200 jobs")]
    key = " both "
    assert address_text(Address("disk", "box", key)) == "disk:box/␣both␣"


@pytest.mark.parametrize("lost", ["stdin", "stdout", "stderr"])
def test_the_console_says_which_stream_is_no_terminal(
    lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stdin", "stdout", "stderr"):
        stream = io.StringIO()
        monkeypatch.setattr(stream, "isatty", lambda name=name: name != lost)
        monkeypatch.setattr(sys, name, stream)
    with pytest.raises(UsageError, match="draws on stderr" if lost == "stderr" else "terminal"):
        need_terminal()
