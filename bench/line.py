"""What the console sends to a terminal, and how long a key takes over a slow line.

    python -m bench.line [--quick] [stock] [ours] [COMMAND…]

Each driver gets a pty of 120 × 40 in true colour. Bytes are counted on a pty that takes all at
once; keys are timed on one that is read at 32 KiB/s: from the write of the key until a terminal
emulator that has read what came shows the cursor in another row. A command given last (say
`mc /usr/bin`) is measured as a reference: its bytes and times for the same keys.

"Busy" is a feed of 10,000 events a second and a board of running migrations, drawn anew four
times a second as in real life; the door behind the console is one of plain values. Of the key
that took longest the time is told, too, that the console's threads had waited for a processor:
on a machine that does other work it is most of it.
"""

import asyncio
import gc
import json
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.watched import Watched, at, computed, run

SLOW = 32 * 1024
EVENTS_PER_SECOND = 10_000
PATIENCE = 60.0


# -- the console that is measured ---------------------------------------------------------


async def console(running: int, lags: Path) -> None:
    """A console of plain values; busy with that many migrations, or still if 0. How late its
    loop's timers were is written to `lags` at the end."""
    from astra_tui.app import AstraApp
    from astra_tui.config import ConsoleSettings
    from bench.feed import MixedFeed
    from engine.model import JobState, Step
    from tests.console import world
    from tests.console.door import FakeDoor

    gc.set_threshold(10_000, 20, 20)  # as the command itself does
    names = [f"data/day-{n // 100:03}/object-{n:06}.log" for n in range(5_000)]

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

        late: list[float] = []

        async def look() -> None:
            while True:
                begin = time.perf_counter()
                await asyncio.sleep(0.005)
                late.append(max(time.perf_counter() - begin - 0.005, 0.0))

        app.on_started = gc.freeze
        tasks = [asyncio.create_task(work()) for work in (live, look)]
        await app.run_async()
        for task in tasks:
            task.cancel()
        lags.write_text(json.dumps(late[len(late) // 3 :]))  # without the start


# -- what is measured of it ---------------------------------------------------------------


@dataclass
class Measured:
    """Of one driver, or of another program: bytes by key, in 10 s with nothing to do and in a
    second when busy with that many jobs; seconds by how busy it was; and of the longest key,
    how many of them its threads waited for a processor."""

    key_bytes: dict[str, float] = field(default_factory=dict)
    idle_bytes: int = 0
    busy_rate: dict[int, float] = field(default_factory=dict)
    lags: dict[int, list[float]] = field(default_factory=dict)
    keys: dict[int, list[float]] = field(default_factory=dict)
    starved: dict[int, float] = field(default_factory=dict)


def start(driver: str, running: int, rate: float, *, draws: bool, lags: Path) -> Watched:
    """A console that shows its rows."""
    words = [sys.executable, "-m", "bench.line", "--console", str(running), str(lags)]
    watched = run(words, {"ASTRA_DRIVER": driver}, rate=rate, draws=draws)
    watched.pump(PATIENCE, lambda: watched.count > 3_000)
    watched.pump(6.0)
    return watched


def other(command: str, rate: float, *, draws: bool) -> Watched:
    """Another program, which asked for "application" keys."""
    watched = run(shlex.split(command), rate=rate, draws=draws, cursor_mode=True)
    watched.pump(PATIENCE, lambda: watched.count > 500)
    watched.pump(2.0)
    return watched


def bytes_per_key(watched: Watched) -> dict[str, float]:
    """Bytes that each key is answered by, the median."""
    watched.quiet()
    counts: dict[str, list[int]] = {}
    for name in ("down",) * 12 + ("page", "page", "end", "up", "up", "home"):
        watched.press(name)
        counts.setdefault(name, []).append(watched.quiet())
    return {name: statistics.median(values) for name, values in counts.items()}


def key_times(watched: Watched, rounds: int) -> tuple[list[float], float]:
    """Seconds of each key, and for how many of the longest one its program had no processor."""
    times: list[float] = []
    starved = 0.0
    for number in range(rounds):
        before = watched.row
        waited = computed(watched.process.pid)[1]
        begin = time.monotonic()
        watched.press("up" if number % 2 else "down")
        shown = watched.pump(PATIENCE, lambda before=before: watched.row not in (before, -1))
        assert shown, watched.terminal.text
        times.append(time.monotonic() - begin)
        if times[-1] == max(times):
            starved = min(computed(watched.process.pid)[1] - waited, times[-1])
        watched.pump(0.23 + 0.041 * (number % 7))
    return times, starved


def measure(driver: str, *, keys: int = 40, seconds: float = 15) -> Measured:
    """Everything of one driver, `stock` or `ours`."""
    found = Measured()
    with tempfile.TemporaryDirectory() as folder:
        lags = Path(folder) / "lags.json"
        still = start(driver, 0, 0, draws=False, lags=lags)
        found.key_bytes = bytes_per_key(still)
        before = still.count
        still.pump(10)
        found.idle_bytes = still.count - before
        still.close()
        for running in (20, 200):
            busy = start(driver, running, 0, draws=False, lags=lags)
            before = busy.count
            busy.pump(seconds)
            found.busy_rate[running] = (busy.count - before) / seconds
            busy.close()
            found.lags[running] = json.loads(lags.read_text())
        for running in (0, 20):
            slow = start(driver, running, SLOW, draws=True, lags=lags)
            found.keys[running], found.starved[running] = key_times(slow, keys)
            slow.close()
    return found


def measure_other(command: str, *, keys: int = 25) -> Measured:
    """The same keys to another program."""
    found = Measured()
    still = other(command, 0, draws=False)
    found.key_bytes = bytes_per_key(still)
    before = still.count
    still.pump(10)
    found.idle_bytes = still.count - before
    still.close()
    slow = other(command, SLOW, draws=True)
    found.keys[0], found.starved[0] = key_times(slow, keys)
    slow.close()
    return found


def main(names: Sequence[str]) -> None:
    quick = "--quick" in names
    names = [name for name in names if name != "--quick"]
    drivers = [name for name in names if name in ("stock", "ours")]
    command = " ".join(name for name in names if name not in drivers)
    for driver in drivers or ([] if command else ["stock", "ours"]):
        tell(driver, measure(driver, keys=12 if quick else 40, seconds=5 if quick else 15))
    if command:
        tell(command, measure_other(command))


def spread(times: list[float]) -> str:
    """Median, 95th percentile and worst, in ms."""
    values = (statistics.median(times), at(times, 0.95), max(times))
    return "median {:.0f} ms   p95 {:.0f} ms   worst {:.0f} ms".format(
        *(value * 1000 for value in values)
    )


def tell(name: str, found: Measured) -> None:
    """Every figure, a line each."""
    lines = {
        "bytes a key": "   ".join(f"{k} {v:,.0f}" for k, v in found.key_bytes.items()),
        "idle": f"{found.idle_bytes:,} bytes in 10 s",
    }
    for running, rate in found.busy_rate.items():
        lines[f"busy, {running} jobs"] = f"{rate / 1024:.1f} KiB/s"
    for running, lags in found.lags.items():
        lines[f"loop lag, {running} jobs"] = f"p99 {at(lags, 0.99) * 1000:.1f} ms"
    for running, times in found.keys.items():
        waited = f"   without a processor {found.starved[running] * 1000:.0f} ms of it"
        lines[f"key to screen at 32 KiB/s, {running} jobs"] = spread(times) + waited
    for title, words in lines.items():
        print(f"{name:8} {title:38} {words}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--console"]:
        asyncio.run(console(int(sys.argv[2]), Path(sys.argv[3])))
    else:
        main(sys.argv[1:])
