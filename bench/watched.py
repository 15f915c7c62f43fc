"""A program on a terminal of ours: what it sends, how fast it is read, and what it shows."""

import codecs
import contextlib
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 120, 40
KEYS = {"down": "\x1b[B", "up": "\x1b[A", "page": "\x1b[6~", "end": "\x1b[F", "home": "\x1b[H"}


@dataclass
class Watched:
    """A program on a pty, read at a rate, and what it has shown."""

    main: int
    process: subprocess.Popen[bytes]
    rate: float
    draws: bool  # feed the emulator, or only count
    cursor_mode: bool = False  # keys as programs get them that ask for "application" keys

    def __post_init__(self) -> None:
        self.count = 0
        self.terminal: Any = None
        if self.draws:
            from tests.terminal.emulator import Terminal  # what is measured imports this too

            self.terminal = Terminal(WIDTH, HEIGHT)
        self._due = time.monotonic()
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def pump(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Read for so long, or until the condition holds."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            if until is not None and until():
                return True
            if self.rate and now < self._due:
                time.sleep(min(self._due, end) - now if self._due > now else 0)
                continue
            if not select.select([self.main], [], [], min(0.02, end - now))[0]:
                continue
            try:
                data = os.read(self.main, 512 if self.rate else 65_536)
            except OSError:  # its terminal ends with the process
                self.process.wait()
                break
            self.count += len(data)
            if self.rate:
                self._due = max(self._due, now - 0.02) + len(data) / self.rate
            if self.draws:
                self.terminal.feed(self._decode(data))
        return until is not None and until()

    def press(self, name: str) -> None:
        key = KEYS[name]
        os.write(
            self.main,
            (key.replace("[", "O") if self.cursor_mode and len(key) == 3 else key).encode(),
        )

    def type(self, text: str) -> None:
        os.write(self.main, text.encode())

    def quiet(self) -> int:
        """Bytes until nothing has come for a while."""
        before = self.count
        while True:
            last = self.count
            self.pump(0.4)
            if self.count == last:
                return self.count - before

    @property
    def row(self) -> int:
        """The row of the cursor in the first list: where its mark, or a bar, is."""
        screen = self.terminal.screen
        for y in range(2, HEIGHT - 2):
            if screen.buffer[y][1].data == "▸":
                return y
        plain = statistics.mode(screen.buffer[y][3].bg for y in range(2, HEIGHT - 4))
        for y in range(2, HEIGHT - 4):
            if screen.buffer[y][3].bg != plain:
                return y
        return -1

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < end:
            self.pump(0.1)
        self.process.kill()
        self.process.wait()
        os.close(self.main)


def run(
    words: Sequence[str],
    environ: Mapping[str, str] | None = None,
    *,
    rate: float = 0,
    draws: bool = True,
    cursor_mode: bool = False,
    cwd: Path | None = None,
) -> Watched:
    """Start a program on a terminal of 120 × 40 in true colour. `rate` in bytes a second at which
    it is read, 0 at once; `draws`: what it shows is wanted, not the bytes alone."""
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    process = subprocess.Popen(
        list(words), stdin=other, stdout=other, stderr=other, start_new_session=True, cwd=cwd,
        env={**os.environ, **terminal, **(environ or {})},
    )  # fmt: skip
    os.close(other)
    return Watched(main, process, rate, draws, cursor_mode)


def computed(pid: int) -> tuple[float, float]:
    """Seconds that a process' threads have computed, and those they waited for a processor."""
    ran = waited = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that has just ended
            one, two, _ = (task / "schedstat").read_text().split()
            ran, waited = ran + int(one), waited + int(two)
    return ran / 1e9, waited / 1e9


def resident(pid: int) -> float:
    """MiB of a process that are in memory."""
    return _status(pid, "VmRSS:")


def peak(pid: int) -> float:
    """The most of them so far."""
    return _status(pid, "VmHWM:")


def _status(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


def at(values: Sequence[float], share: float) -> float:
    """That quantile, in the unit of the values."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
