"""Key to paint: how long a key takes to show in a pane of 100,000 objects, busy and idle.

    python -m bench.console [OBJECTS]

A real engine lists real (empty) files of a local cloud; the console runs headless at 120 × 40.
A key is posted, and the clock stops when the first frame that shows the moved cursor has been
handed to the terminal driver.
"Busy" has events arriving at 10,000 a second in the feed's ring and a listing that is asked
for again four times a second, which is what a running scan does.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from astra_tui.app import AstraApp
from astra_tui.config import ConsoleSettings
from engine.engine import Engine
from engine.model import EventOutcome, EventRow, Provider, StoreKind
from engine.settings import CloudSettings, EngineSettings, KafkaSettings

KEYS = ("down", "pagedown", "end", "up", "home")
EVENTS_PER_SECOND = 10_000


class RingFeed:
    """Counts upwards at a steady rate; makes a row only when it is looked at."""

    def __init__(self) -> None:
        self.first, self.last = 1, 0

    def window(
        self, count: int, *, end: int | None = None, text: str = "", after: int = -1
    ) -> list[EventRow]:
        newest = self.last if end is None else min(end, self.last)
        oldest = max(self.first, after + 1, newest - count + 1)
        return [
            EventRow(n, time.time(), "access_events", 0, n, EventOutcome.ACCEPTED, "GET",
                     f"aws:prod-data/object-{n}", "1 read")
            for n in range(oldest, newest + 1)
        ]  # fmt: skip


def make_objects(root: Path, count: int) -> None:
    for number in range(count):
        if number % 1000 == 0:
            folder = root / "data" / f"day-{number // 1000:03}"
            folder.mkdir(parents=True)
        (folder / f"object-{number:06}.log").touch()


async def key_to_paint(app: Any, pane: Any, key: str) -> float:
    """Seconds until the first frame with the moved cursor is handed to the driver."""
    painted = asyncio.Event()
    draw = app._display
    before = pane.objects.cursor

    def watched(screen: Any, renderable: Any) -> None:
        moved = pane.objects.cursor != before
        draw(screen, renderable)
        if moved:
            painted.set()

    app._display = watched
    try:
        begin = time.perf_counter()
        app.simulate_key(key)
        await asyncio.wait_for(painted.wait(), 30)
        return time.perf_counter() - begin
    finally:
        app._display = draw


async def measure(app: Any, pane: Any, rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {key: [] for key in KEYS}
    for _ in range(rounds):
        for key in KEYS:
            times[key].append(await key_to_paint(app, pane, key))
            await asyncio.sleep(0.01)
    return times


def tell(title: str, times: dict[str, list[float]]) -> None:
    print(title)
    for key, values in times.items():
        ordered = sorted(values)
        p95 = ordered[int(len(ordered) * 0.95) - 1]
        print(
            f"  {key:9} median {statistics.median(values) * 1e3:6.1f} ms   p95 {p95 * 1e3:6.1f} ms"
        )


async def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        await asyncio.to_thread(make_objects, root, count)
        cloud = CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM, bucket="data", root=root)
        settings = EngineSettings((cloud,), Path(folder) / "state", KafkaSettings(bootstrap="off"))
        app: Any = AstraApp(Engine(settings), ConsoleSettings())
        begin = time.perf_counter()
        async with app.run_test(size=(120, 40)):
            first = time.perf_counter() - begin
            while not app.snapshot.clouds[0].objects:
                await asyncio.sleep(0.01)
            rows = time.perf_counter() - begin
            await app.engine.scanned("disk")
            listed = time.perf_counter() - begin
            pane = app.screen.panes[0]
            while pane.objects.count() < count:
                await asyncio.sleep(0.01)
            shown = time.perf_counter() - begin
            print(f"{count:,} objects: ready {first:.2f} s, first rows {rows:.2f} s, "
                  f"listed {listed:.2f} s, all in the pane {shown:.2f} s")  # fmt: skip
            tell("idle", await measure(app, pane, 40))
            feed = RingFeed()
            app.engine.feed = feed

            async def press_on() -> None:
                last = time.perf_counter()
                while True:
                    await asyncio.sleep(0.005)
                    now = time.perf_counter()
                    feed.last += int((now - last) * EVENTS_PER_SECOND)
                    feed.first = max(1, feed.last - 50_000)
                    last = now

            async def rescan() -> None:
                while True:
                    await asyncio.sleep(0.25)
                    app.screen.feed.show(app.snapshot.kafka, feed)
                    app.screen._ask(pane, pane.listing_query)

            busy = [asyncio.create_task(press_on()), asyncio.create_task(rescan())]
            tell("busy", await measure(app, pane, 40))
            for task in busy:
                task.cancel()
            await asyncio.gather(*busy, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
