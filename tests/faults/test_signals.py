"""A signal, or a lost terminal, at the requests of a real `astra migrate`: it ends in order,
says how to go on, and `resume` does."""

import os
import pty
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.model import StoreKind
from tests.cli.conftest import SECONDS, Astra
from tests.fake_s3 import FakeS3, Fault, Seen
from tests.migration.world import pattern

BODY = pattern(1000)
MOVE = ("migrate", "disk:box/k", "fake:b/k", "--yes", "--json")


class Signal:
    """Sends itself to a process at request `number` for the object, and then lets go on."""

    def __init__(self, fake: FakeS3, number: int, send: Callable[[], None]) -> None:
        self.sent = threading.Event()
        self._left = number
        self._send = send
        fake.on_request = self._on_request

    def _on_request(self, seen: Seen) -> Fault | None:
        if seen.key != "k":
            return None
        self._left -= 1
        return Fault(before=self._now) if self._left == 0 else None

    def _now(self) -> None:
        self._send()
        self.sent.set()


def configure(astra: Astra, fake: FakeS3) -> None:
    cloud = fake.cloud()
    assert cloud.kind is StoreKind.S3
    astra.config(
        more=(
            f'[clouds.fake]\nkind = "s3"\nprovider = "aws"\nregion = "{cloud.region}"\n'
            f'endpoint = "{cloud.endpoint}"\nbucket = "b"\npath_style = true\n'
            'access_key = "fake"\nsecret_key = "env:FAKE_SECRET"\n[kafka]\nbootstrap = "off"\n'
        )
    )
    astra.environ["FAKE_SECRET"] = "fake-secret"


def check(astra: Astra, fake: FakeS3, path: Path) -> None:
    """Nothing is lost now, and nothing is left to do after `resume`."""
    copy = fake.state.get("b", "k")
    assert path.exists() or (copy is not None and copy.body == BODY)
    fake.on_request = None
    done = astra("resume", "--json").summary
    assert done["failed"] == 0
    copy = fake.state.get("b", "k")
    if copy is None and not astra("jobs", "--json").lines:
        assert path.exists()  # interrupted while it was planned: nothing had begun
        return
    assert copy is not None
    assert copy.body == BODY
    assert not path.exists()
    assert not fake.state.uploads


def play(astra: Astra, fake: FakeS3, number: signal.Signals, at: int) -> int | None:
    """Send the signal at request `at` and resume; the exit code, None if it came to no signal."""
    fake.state.buckets["b"] = {}
    astra.folder.mkdir(exist_ok=True)
    configure(astra, fake)
    path = astra.file("k", BODY)
    with astra.started(*MOVE) as process:
        trap = Signal(fake, at, lambda: process.send_signal(number))
        _, err = process.communicate(timeout=SECONDS)
    assert "Traceback" not in err
    if process.returncode == 4:
        assert "astra resume" in err
    check(astra, fake, path)
    return process.returncode if trap.sent.is_set() else None


def test_a_signal_at_any_request(tmp_path: Path, fake: FakeS3) -> None:
    codes: list[int] = []
    while (
        code := play(Astra(tmp_path / str(len(codes))), fake, signal.SIGTERM, len(codes) + 1)
    ) is not None:
        codes.append(code)
    assert set(codes) <= {0, 4}
    assert codes.count(4) >= 2, codes


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_other_signals(tmp_path: Path, fake: FakeS3, number: signal.Signals) -> None:
    assert play(Astra(tmp_path), fake, number, 3) == 4


def test_the_terminal_goes_away(tmp_path: Path, fake: FakeS3) -> None:
    """The line drops: the other end of the terminal is closed, and the kernel says SIGHUP."""
    fake.state.buckets["b"] = {}
    astra = Astra(tmp_path)
    configure(astra, fake)
    path = astra.file("k", BODY)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        # setsid with a controlling terminal: what closes it is then told to the process.
        ["setsid", "--ctty", *astra.command(MOVE[:-1])],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=astra.folder,
        env=astra.environ,
    ) as process:
        os.close(theirs)
        trap = Signal(fake, 2, lambda: os.close(ours))
        code = process.wait(SECONDS)
    assert trap.sent.is_set()
    # 1: it found out by its output, which has nowhere to go, before it heard the signal.
    assert code in (0, 1, 4)
    check(astra, fake, path)
