"""What the console sends to a terminal, and how long a key takes over a slow line.

    python -m bench.line [stock] [ours] [COMMAND…]

Each driver gets a pty of 120 × 40 in true colour. Bytes are counted on a pty that takes all at
once; keys are timed on one that is read at 32 KiB/s: from the write of the key until a terminal
emulator that has read what came shows the cursor in another row. A command given last (say
`mc /usr/bin`) is measured as a reference: its bytes and times for the same keys.

"Busy" is a feed of 10,000 events a second and a board of running migrations, drawn anew four
times a second as in real life; the door behind the console is one of plain values.
"""

import asyncio
import codecs
import contextlib
import fcntl
import os
import pty
import select
import shlex
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.terminal.emulator import Terminal

WIDTH, HEIGHT = 120, 40
SLOW = 32 * 1024
KEYS = {"down": "\x1b[B", "up": "\x1b[A", "page": "\x1b[6~", "end": "\x1b[F", "home": "\x1b[H"}
EVENTS_PER_SECOND = 10_000
PATIENCE = 60.0


# -- the console that is measured ---------------------------------------------------------


async def console(running: int) -> None:
    """A console of plain values; busy with that many migrations, or still if 0."""
    from astra_tui.app import AstraApp
    from astra_tui.config import ConsoleSettings
    from bench.console import RingFeed
    from engine.model import EventRow, JobState, Step
    from tests.console import world
    from tests.console.door import FakeDoor

    names = [f"data/day-{n // 100:03}/object-{n:06}.log" for n in range(5_000)]

    class MixedFeed(RingFeed):
        """No two lines alike, as when many clients read many objects."""

        def window(self, count: int, **named: Any) -> list[EventRow]:
            return [
                replace(
                    row,
                    operation=("GET", "GET", "PUT", "GET", "DELETE")[row.number * 7919 % 5],
                    subject=f"aws:prod-data/{row.number * 2_654_435_761 % 2**32:08x}/"
                    f"{('report', 'photo', 'backup', 'log')[row.number * 31 % 4]}.bin",
                )
                for row in super().window(count, **named)
            ]

    feed = MixedFeed()
    feed.last = 2_000
    jobs = [
        world.job(f"day-{n:03}/backup-{n:04}.zip", JobState.COPYING, step=Step.UPLOAD)
        for n in range(running)
    ]
    with tempfile.TemporaryDirectory() as state:
        door = FakeDoor(Path(state), world.snapshot(jobs=tuple(jobs)), names=names, feed=feed)
        app: Any = AstraApp(door, ConsoleSettings())  # type: ignore[arg-type]

        async def live() -> None:
            begin = last = time.monotonic()
            while running:
                await asyncio.sleep(0.25)
                now = time.monotonic()
                feed.last += int((now - last) * EVENTS_PER_SECOND)
                feed.first = max(1, feed.last - 50_000)
                last = now
                moved = tuple(
                    replace(
                        job,
                        bytes_done=int((now - begin) * (n % 17 + 1) * 40_000) % job.spec.size,
                        rate=(n % 17 + 1) * 40_000.0 * (1 + 0.1 * ((int(now * 4) + n) % 3)),
                        eta=(300 - now + begin) % 300,
                    )
                    for n, job in enumerate(jobs)
                )
                kafka = world.kafka(
                    events_per_second=EVENTS_PER_SECOND + feed.last % 97, events_total=feed.last
                )
                door.show(
                    replace(door.now, jobs=moved, kafka=kafka, rate=sum(j.rate for j in moved))
                )

        task = asyncio.create_task(live())
        await app.run_async()
        task.cancel()


# -- the terminal it is measured with -----------------------------------------------------


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
            data = os.read(self.main, 512 if self.rate else 65_536)
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
        with contextlib.suppress(OSError):  # its terminal ends with the process
            while self.process.poll() is None and time.monotonic() < end:
                self.pump(0.1)
        self.process.kill()
        self.process.wait()
        os.close(self.main)


def start(driver: str, running: int, rate: float, *, draws: bool, command: str = "") -> Watched:
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    environ["ASTRA_DRIVER"] = driver
    words = shlex.split(command) or [sys.executable, "-m", "bench.line", "--console", str(running)]
    process = subprocess.Popen(
        words, stdin=other, stdout=other, stderr=other, env=environ, start_new_session=True
    )
    os.close(other)
    watched = Watched(main, process, rate, draws, bool(command))
    watched.pump(PATIENCE, lambda: watched.count > (3_000 if not command else 500))
    watched.pump(6.0 if not command else 2.0)
    return watched


def bytes_per_key(watched: Watched) -> dict[str, float]:
    watched.quiet()
    counts: dict[str, list[int]] = {}
    for name in ("down",) * 12 + ("page", "page", "end", "up", "up", "home"):
        watched.press(name)
        counts.setdefault(name, []).append(watched.quiet())
    return {name: statistics.median(values) for name, values in counts.items()}


def key_times(watched: Watched, rounds: int) -> list[float]:
    times = []
    for number in range(rounds):
        before = watched.row
        begin = time.monotonic()
        watched.press("up" if number % 2 else "down")
        shown = watched.pump(PATIENCE, lambda before=before: watched.row not in (before, -1))
        assert shown, watched.terminal.text
        times.append(time.monotonic() - begin)
        watched.pump(0.23 + 0.041 * (number % 7))
    return times


def main(names: list[str]) -> None:
    drivers = [name for name in names if name in ("stock", "ours")]
    command = " ".join(name for name in names if name not in drivers)
    for driver in drivers or ([] if command else ["stock", "ours"]):
        still = start(driver, 0, 0, draws=False)
        tell(driver, "bytes a key", {k: f"{v:,.0f}" for k, v in bytes_per_key(still).items()})
        before = still.count
        still.pump(10)
        tell(driver, "idle", {"bytes in 10 s": f"{still.count - before:,}"})
        still.close()
        for running in (20, 200):
            busy = start(driver, running, 0, draws=False)
            before = busy.count
            busy.pump(15)
            rate = (busy.count - before) / 15 / 1024
            tell(driver, f"busy, {running} jobs", {"KiB/s": f"{rate:.1f}"})
            busy.close()
        for running in (0, 20):
            slow = start(driver, running, SLOW, draws=True)
            tell(driver, f"key to screen at 32 KiB/s, {running} jobs", spread(key_times(slow, 40)))
            slow.close()
    if command:
        still = start("", 0, 0, draws=False, command=command)
        tell(command, "bytes a key", {k: f"{v:,.0f}" for k, v in bytes_per_key(still).items()})
        still.close()
        slow = start("", 0, SLOW, draws=True, command=command)
        tell(command, "key to screen at 32 KiB/s", spread(key_times(slow, 25)))
        slow.close()


def spread(times: list[float]) -> dict[str, str]:
    ordered = sorted(times)
    p95 = ordered[int(len(ordered) * 0.95) - 1]
    return {
        "median": f"{statistics.median(times) * 1e3:.0f} ms",
        "p95": f"{p95 * 1e3:.0f} ms",
        "worst": f"{ordered[-1] * 1e3:.0f} ms",
    }


def tell(driver: str, title: str, values: dict[str, str]) -> None:
    words = "   ".join(f"{name} {value}" for name, value in values.items())
    print(f"{driver:8} {title:38} {words}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--console"]:
        asyncio.run(console(int(sys.argv[2])))
    else:
        main(sys.argv[1:])
