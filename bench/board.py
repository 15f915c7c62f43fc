"""5,000 queued and 200 running jobs on the board and on the jobs screen, over the real socket.

    python -m bench.board [SECONDS]

An engine of its own process moves sparse files between two local clouds, 200 at once at a few
MiB/s, so that they run for long; its feed gets 10,000 messages a second. A console attaches to it
over the Unix socket and draws on a pty of 120 × 40 that is read at once (bytes) or at 32 KiB/s
(keys). `measure()` gives the figures for `bench.console`.
"""

import asyncio
import codecs
import contextlib
import fcntl
import gc
import json
import os
import pty
import select
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

from engine.engine import Engine
from engine.model import (
    Address,
    EventOutcome,
    EventRow,
    KafkaState,
    Provider,
    Snapshot,
    StoreKind,
)
from engine.service.place import socket_path
from engine.settings import CloudSettings, EngineSettings, KafkaSettings

WIDTH, HEIGHT = 120, 40
SLOW = 32 * 1024
JOBS, AT_ONCE = 5_200, 200
SIZE = 1024**2
LIMIT = 6 * 1024**2  # bytes a second over all jobs
EVENTS_PER_SECOND = 10_000
SCREENS = {"board": "4z", "jobs": "J"}  # the keys that lead there
PATIENCE = 90.0


@dataclass(frozen=True, slots=True)
class BoardFigures:
    """One screen: KiB/s to the terminal, KiB of a state on the socket, how often one comes, lag of
    the console's loop and key to screen in seconds (median, worst), running and waiting jobs."""

    screen: str
    kib_per_second: float
    state_kib: float
    states_per_second: float
    lag_p99: float
    lag_worst: float
    key_median: float
    key_worst: float
    running: int
    queued: int


# -- the engine ---------------------------------------------------------------------------


class Ring:
    """Counts upwards; makes a row only when it is looked at."""

    def __init__(self) -> None:
        self.first, self.last = 1, 0
        self.on_rows: Callable[[], None] | None = None

    def newer(self, text: str, after: int) -> int:
        return max(self.last - after, 0)

    def window(self, count: int, *, end: int | None = None, text: str = "") -> list[EventRow]:
        newest = self.last if end is None else min(end, self.last)
        oldest = max(self.first, newest - count + 1)
        return [
            EventRow(n, time.time(), "access_events", 0, n, EventOutcome.ACCEPTED,
                     ("GET", "GET", "PUT", "GET", "DELETE")[n * 7919 % 5],
                     f"aws:prod-data/{n * 2_654_435_761 % 2**32:08x}/report.bin", "1 read")
            for n in range(oldest, newest + 1)
        ]  # fmt: skip


class BusyEngine(Engine):
    """A real engine whose feed is that ring."""

    def __init__(self, settings: EngineSettings) -> None:
        super().__init__(settings)
        self._ring = Ring()

    def snapshot(self) -> Snapshot:
        now, ring = super().snapshot(), self._ring
        kafka = replace(
            now.kafka,
            state=KafkaState.CONNECTED,
            events_total=ring.last,
            events_per_second=float(EVENTS_PER_SECOND + ring.last % 97),
        )
        return replace(now, kafka=kafka, revision=now.revision + ring.last)

    async def live(self) -> None:
        """Let messages come, for ever."""
        self.feed = self._ring
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.1)
            now = time.monotonic()
            self._ring.last += int((now - last) * EVENTS_PER_SECOND)
            self._ring.first = max(1, self._ring.last - 50_000)
            last = now


def settings_of(folder: Path) -> EngineSettings:
    clouds = tuple(
        CloudSettings(name, StoreKind.LOCAL, Provider.ONPREM, bucket="b", root=folder / name)
        for name in ("here", "there")
    )
    kafka = KafkaSettings(bootstrap="off")
    return EngineSettings(clouds, folder / "state", kafka, jobs=AT_ONCE, bwlimit=LIMIT)


def make_objects(folder: Path) -> None:
    """Sparse files: they cost no disk, and are read like any other."""
    (folder / "there" / "b").mkdir(parents=True)
    for number in range(JOBS):
        path = folder / "here" / "b" / f"day-{number // 100:03}" / f"backup-{number:05}.zip"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(SIZE)


async def engine(folder: Path) -> None:
    """The engine's process, until SIGTERM."""
    from engine.service.process import serve_engine

    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    os.nice(10)
    async with BusyEngine(settings_of(folder)) as busy:
        for cloud in ("here", "there"):
            busy.scan(cloud)
            await busy.scanned(cloud)
        ends = Address("here", "b", ""), Address("there", "b", "")
        plan = await busy.plan_migration([ends[0]], ends[1])
        await busy.submit(plan)
        live = asyncio.create_task(busy.live())
        ready = (folder / "ready").touch
        gc.freeze()
        await serve_engine(busy, idle_stop=None, stopping=stopping, on_ready=ready)
        live.cancel()


# -- the console ---------------------------------------------------------------------------


async def console(folder: Path, told: Path) -> None:
    """A console on that engine; writes what it measured when it ends."""
    from astra_tui.app import AstraApp
    from astra_tui.config import ConsoleSettings
    from engine.service import link
    from engine.service.remote import RemoteEngine
    from engine.service.wire import Frame, Kind

    settings = settings_of(folder)
    door = RemoteEngine(settings, socket_path(settings.state_dir))
    app = AstraApp(door, ConsoleSettings())
    app.on_started = gc.freeze
    states: list[int] = []
    receive = link.receive

    async def counted(reader: asyncio.StreamReader) -> Frame:
        frame = await receive(reader)
        if frame.kind == Kind.STATE:
            states.append(len(bytes(frame.body)))
        return frame

    link.receive = counted
    lags: list[float] = []

    async def watch() -> None:
        while True:
            begin = time.perf_counter()
            await asyncio.sleep(0.01)
            lags.append(time.perf_counter() - begin - 0.01)

    watching = asyncio.create_task(watch())
    began = time.monotonic()
    counts: dict[str, int] = {}

    async def look() -> None:
        while True:
            await asyncio.sleep(1)
            if app.snapshot.job_counts:
                counts.update(app.snapshot.job_counts)
            if time.monotonic() - began < 8:  # the start is not what is measured here
                lags.clear()
                states.clear()
            told.write_text(json.dumps([lags, states, time.monotonic() - began - 8, counts]))

    looking = asyncio.create_task(look())
    await app.run_async()
    for task in (watching, looking):
        task.cancel()


# -- the terminal --------------------------------------------------------------------------


class Pty:
    """The console on a terminal of ours."""

    def __init__(self, folder: Path, told: Path, rate: float) -> None:
        from tests.terminal.emulator import Terminal

        self.main, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environ["LANG"] = "C.UTF-8"
        words = [sys.executable, "-m", "bench.board", "--console", str(folder), str(told)]
        self.process = subprocess.Popen(
            words, stdin=other, stdout=other, stderr=other, env=environ, start_new_session=True
        )
        os.close(other)
        self.rate, self.count, self._due = rate, 0, time.monotonic()
        self.terminal = Terminal(WIDTH, HEIGHT)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def pump(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Read for so long, or until the condition holds."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            if until is not None and until():
                return True
            if self.rate and now < self._due:
                time.sleep(min(self._due, end) - now)
                continue
            if not select.select([self.main], [], [], min(0.02, end - now))[0]:
                continue
            data = os.read(self.main, 512 if self.rate else 65_536)
            self.count += len(data)
            if self.rate:
                self._due = max(self._due, now - 0.02) + len(data) / self.rate
            self.terminal.feed(self._decode(data))
        return until is not None and until()

    def press(self, keys: str) -> None:
        os.write(self.main, keys.encode())

    @property
    def row(self) -> int:
        """The row of the cursor's sign in the list."""
        screen = self.terminal.screen
        rows = (y for y in range(2, HEIGHT - 1) if screen.buffer[y][1].data == "▸")
        return next(rows, -1)

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + 10
        with contextlib.suppress(OSError):  # its terminal ends with the process
            while self.process.poll() is None and time.monotonic() < end:
                self.pump(0.1)
        self.process.kill()
        self.process.wait()
        os.close(self.main)


def _open(folder: Path, told: Path, rate: float, keys: str) -> Pty:
    shown = Pty(folder, told, rate)
    try:
        assert shown.pump(PATIENCE, lambda: ".zip" in shown.terminal.text), shown.terminal.text
        for key in keys:
            shown.press(key)
            shown.pump(1.0)
        assert shown.pump(PATIENCE, lambda: shown.row > 0), shown.terminal.text
        shown.pump(8.0)
    except BaseException:
        shown.close()
        raise
    return shown


def measure_screen(folder: Path, screen: str, seconds: float, keys: int = 30) -> BoardFigures:
    """One screen on an engine that serves that folder."""
    told = folder / f"{screen}.json"
    shown = _open(folder, told, 0, SCREENS[screen])
    before = shown.count
    shown.pump(seconds)
    rate = (shown.count - before) / seconds / 1024
    shown.close()
    lags, states, lasted, counts = json.loads(told.read_text())
    shown = _open(folder, folder / "slow.json", SLOW, SCREENS[screen])
    times = []
    for number in range(keys):
        at = shown.row
        begin = time.monotonic()
        shown.press("\x1b[A" if number % 2 else "\x1b[B")
        # The cursor stays on its job, so one that ends just then may bring it back to its row.
        if shown.pump(5.0, lambda at=at: shown.row not in (at, -1)):  # type: ignore[misc]
            times.append(time.monotonic() - begin)
        shown.pump(0.23 + 0.041 * (number % 7))
    shown.close()
    lags.sort()
    return BoardFigures(
        screen,
        rate,
        statistics.mean(states) / 1024,
        len(states) / lasted,
        lags[int(len(lags) * 0.99)],
        lags[-1],
        statistics.median(times),
        max(times),
        sum(counts.get(name, 0) for name in ("copying", "verifying", "switching", "restoring")),
        counts.get("queued", 0),
    )


def measure(seconds: float = 15.0) -> list[BoardFigures]:
    """Both screens."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_objects(folder)
        words = [sys.executable, "-m", "bench.board", "--engine", name]
        serving = subprocess.Popen(words)
        try:
            end = time.monotonic() + PATIENCE
            while not (folder / "ready").exists():
                if serving.poll() is not None or time.monotonic() > end:
                    raise RuntimeError("the engine did not start")
                time.sleep(0.1)
            return [measure_screen(folder, screen, seconds) for screen in SCREENS]
        finally:
            serving.terminate()
            serving.wait()


def tell(found: BoardFigures) -> None:
    print(
        f"{found.screen:6} {found.running} running, {found.queued:,} queued:"
        f" {found.kib_per_second:.1f} KiB/s to the terminal;"
        f" state {found.state_kib:.0f} KiB × {found.states_per_second:.1f}/s;"
        f" loop lag p99 {found.lag_p99 * 1e3:.0f} ms, worst {found.lag_worst * 1e3:.0f} ms;"
        f" key at 32 KiB/s {found.key_median * 1e3:.0f} ms, worst {found.key_worst * 1e3:.0f} ms",
        flush=True,
    )


def main(words: list[str]) -> Any:
    if words[:1] in (["--engine"], ["--console"]):
        from astra_tui.cli.running import loop_factory

        gc.set_threshold(10_000, 20, 20)  # as the command itself does
        folder = Path(words[1])
        work = engine(folder) if words[0] == "--engine" else console(folder, Path(words[2]))
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(work)
    for found in measure(float(words[0]) if words else 15.0):
        tell(found)
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
