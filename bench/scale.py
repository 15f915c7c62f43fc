"""Clouds of a million objects in the console, over the real socket: is every key still quick?

    python -m bench.scale [--objects 1000000] [--clouds 3] [--quick]

Everything is as an operator has it: `astra`'s console in a terminal of 120 × 40, its engine in a
process of its own, clouds of kind s3 whose pages come over HTTP (`bench.million`). A key counts
from when it reaches the console until a frame that shows what it asked for, with all its rows,
has been handed to the terminal's driver. The loop's lag is how late a timer of 5 ms fires.
Memory is the resident set of each process, its share of libraries included.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.watched import at, computed, peak, resident, run

ROUNDS = 8
TYPED = "customer_transactions_99"
PATIENCE = 120.0
LONGEST = 1200.0  # seconds of one run
MOVES = ("down", "pagedown", "end", "up", "pageup", "home")


# -- the console that is measured ---------------------------------------------------------


@dataclass
class Seen:
    """Seconds of every key by what it was for, and of every look at the loop by phase."""

    keys: dict[str, list[float]] = field(default_factory=dict)
    lags: dict[str, list[float]] = field(default_factory=dict)
    engine: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)  # of both processes, by key
    engine_cpu: dict[str, list[float]] = field(default_factory=dict)  # the engine's part of it
    facts: dict[str, float] = field(default_factory=dict)
    phase: str = "starting"


class Probe:
    """Presses keys in a console that runs, and looks at its loop and its engine meanwhile."""

    def __init__(self, app: Any, seen: Seen, rounds: int) -> None:
        self.app, self.seen, self.rounds = app, seen, rounds

    async def run(self) -> None:
        """Keys while the pages come, then keys, orders and filters in all of it."""
        app, seen = self.app, self.seen
        begin = time.perf_counter()
        watchers = [asyncio.create_task(self._lag()), asyncio.create_task(self._answers())]
        await until(lambda: app.started and len(app.snapshot.clouds) > 0)
        await until(lambda: app.screen.panes[0].objects.count() > 5000)
        seen.facts["first_rows"] = time.perf_counter() - begin
        seen.phase = "loading"
        while not self._ready():
            for key in MOVES:
                await self.key(f"{key}, pages come", key)
                await asyncio.sleep(0.15)
            seen.facts["console_loading"] = max(
                seen.facts.get("console_loading", 0), resident(os.getpid())
            )
        seen.facts["listed"] = time.perf_counter() - begin
        await until(lambda: self._settled(), 10)
        seen.phase = "listed"
        await asyncio.sleep(2.0)
        await self._moves()
        await self._sorts()
        await self._filters()
        await self._folders()
        engine = app.engine.link.peer.pid
        seen.facts["console"] = resident(os.getpid())
        seen.facts["engine"] = resident(engine)
        seen.facts["console_peak"] = peak(os.getpid())
        seen.facts["engine_peak"] = peak(engine)
        for watcher in watchers:
            watcher.cancel()

    async def _moves(self) -> None:
        for _ in range(self.rounds):
            for key in MOVES:
                await self.key(key, key)
                await asyncio.sleep(0.02)

    async def _sorts(self) -> None:
        from engine.model import SortKey

        for _ in range(max(self.rounds // 2, 1)):
            for _ in SortKey:
                await self.key("", "s")  # the next column; named by what it came to
                await asyncio.sleep(0.05)
                for move in ("end", "home"):
                    await self.key(f"{move}, sorted", move)
                await self.key("sort, reversed", "S")
                await asyncio.sleep(0.05)

    async def _filters(self) -> None:
        pane = self.app.screen.panes[0]
        for text in (TYPED, "*_99?.csv", "day-0005"):
            await self.key("filter opens", "/", lambda: pane._input.has_focus)
            for character in text:
                await self.key("filter, a letter", character)
                await asyncio.sleep(0.05)
            for _ in range(4):
                await self.key("filter, a letter back", "backspace")
            await self.key("filter cleared", "escape")
            await asyncio.sleep(0.1)

    async def _folders(self) -> None:
        await self.key("home", "home")
        for _ in range(max(self.rounds // 2, 1)):
            await self.key("folders instead of one list", "F")
            for name in ("a folder opened", "a folder left"):
                for _ in range(2):
                    await self.key(name, "right" if "opened" in name else "left")
                    await asyncio.sleep(0.05)
            await self.key("one list instead of folders", "F")
            await asyncio.sleep(0.1)

    def _ready(self) -> bool:
        return all(cloud.state.value in ("ready", "failed") for cloud in self.app.snapshot.clouds)

    def _settled(self) -> bool:
        shown = [pane.objects.count() for pane in self.app.screen.panes]
        return shown == [cloud.objects for cloud in self.app.snapshot.clouds]

    async def key(self, name: str, key: str, wanted: Callable[[], bool] | None = None) -> None:
        """Press it and wait for the frame."""
        from textual.events import Key

        app = self.app
        pane = app.screen.panes[0]
        objects = pane.objects
        before = (objects.cursor, pane.listing_query)
        painted = asyncio.Event()
        draw = app._display

        def shown() -> bool:
            if wanted is not None:
                return wanted()
            if (objects.cursor, pane.listing_query) == before:
                return False
            window = objects._window
            same = objects.view is not None and objects.view.query == pane.listing_query
            return same and (not objects.count() or (window is not None and None not in window))

        def watched(screen: Any, renderable: Any) -> None:
            is_shown = shown()
            draw(screen, renderable)
            if is_shown:
                painted.set()

        engine = app.engine.link.peer.pid
        if key in ("end", "pagedown", "down") and objects.cursor >= objects.count() - 1:
            return
        if key in ("home", "pageup", "up") and objects.cursor == 0:
            return
        app._display = watched
        theirs, used = computed(engine)[0], computed(os.getpid())[0]
        try:
            begin = time.perf_counter()
            app.post_message(Key(NAMES.get(key, key), key if len(key) == 1 else None))
            try:
                async with asyncio.timeout(PATIENCE):
                    await painted.wait()
            except TimeoutError:
                raise RuntimeError(f"{key!r} ({name}) never showed") from None
            seconds = time.perf_counter() - begin
        finally:
            app._display = draw
        name = name or f"sort by {pane.listing_query.sort.value}"
        self.seen.keys.setdefault(name, []).append(seconds)
        theirs = computed(engine)[0] - theirs
        used = computed(os.getpid())[0] - used
        self.seen.engine_cpu.setdefault(name, []).append(theirs)
        self.seen.cpu.setdefault(name, []).append(used + theirs)

    async def _lag(self) -> None:
        while True:
            begin = time.perf_counter()
            await asyncio.sleep(0.005)
            late = time.perf_counter() - begin - 0.005
            self.seen.lags.setdefault(self.seen.phase, []).append(max(late, 0.0))

    async def _answers(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            if self.app.started:
                begin = time.perf_counter()
                await self.app.engine.link.call("desk.status")
                seconds = time.perf_counter() - begin
                self.seen.engine.setdefault(self.seen.phase, []).append(seconds)


NAMES = {"_": "underscore", "*": "asterisk", "?": "question_mark", "/": "slash", ".": "full_stop"}


async def until(condition: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Look every 10 ms until it holds."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError("waited in vain")
        await asyncio.sleep(0.01)


def console(folder: Path, rounds: int) -> None:
    """Be the console, as `astra` alone starts it, with a probe beside it."""
    import gc

    gc.set_threshold(10_000, 20, 20)  # as the command itself does
    from astra_tui.app import AstraApp
    from astra_tui.cli import console as starting
    from astra_tui.cli.context import Command, Globals
    from astra_tui.cli.output import Output
    from astra_tui.cli.running import loop_factory

    options = Globals(config=folder / "astra.toml", state=folder / "state")
    command = Command(options, Output(json=False))
    app: Any = AstraApp(starting._engine(command), command.loaded[1])
    app.on_started = gc.freeze
    seen = Seen()

    async def work() -> None:
        probe = asyncio.create_task(Probe(app, seen, rounds).run())

        def told(task: "asyncio.Task[None]") -> None:
            failed = "" if task.cancelled() or task.exception() is None else repr(task.exception())
            result = {"keys": seen.keys, "lags": seen.lags, "engine": seen.engine,
                      "cpu": seen.cpu, "engine_cpu": seen.engine_cpu,
                      "facts": seen.facts, "failed": failed}  # fmt: skip
            (folder / "result.json").write_text(json.dumps(result))
            app.exit()

        probe.add_done_callback(told)
        await app.run_async()

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(work())


# -- the world around it ------------------------------------------------------------------


@contextlib.contextmanager
def world(objects: int, clouds: int) -> Iterator[Path]:
    """A folder with a config of that many clouds; the server and the engine end with it."""
    names = [f"million{number + 1}" for number in range(clouds)]
    with tempfile.TemporaryDirectory(prefix="astra-scale-") as text:
        folder = Path(text)
        server = subprocess.Popen(
            [sys.executable, "-m", "bench.million", str(objects), *names],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            (folder / "astra.toml").write_text(
                '[kafka]\nbootstrap = "off"\n'
                + "".join(
                    f'[clouds.{name}]\nkind = "s3"\nprovider = "aws"\nregion = "us-east-1"\n'
                    f'endpoint = "http://127.0.0.1:{port}"\npath_style = true\nbucket = "{name}"\n'
                    'access_key = "bench"\nsecret_key = "bench"\n'
                    for name in names
                )
            )
            yield folder
        finally:
            subprocess.run(
                [sys.executable, "-m", "astra_tui", "--config", str(folder / "astra.toml"),
                 "--state", str(folder / "state"), "engine", "stop", "--force"],
                check=False, capture_output=True,
            )  # fmt: skip
            server.kill()
            server.wait()


def measure(objects: int, clouds: int, rounds: int) -> dict[str, Any]:
    """One run; what the console's probe saw."""
    with world(objects, clouds) as folder:
        words = [sys.executable, "-m", "bench.scale", "--console", str(folder), str(rounds)]
        watched = run(words, draws=False)
        watched.pump(LONGEST, lambda: watched.process.poll() is not None)
        watched.close()
        result = folder / "result.json"
        if not result.exists():
            raise SystemExit(f"the console ended with {watched.process.returncode}")
        found: dict[str, Any] = json.loads(result.read_text())
    if found["failed"]:
        print(f"it broke off: {found['failed']}", file=sys.stderr)
    return found


def tell(found: dict[str, Any]) -> None:
    """Every figure, a line each."""
    for name, values in found["keys"].items():
        print(
            f"  {name:26} median {statistics.median(values) * 1000:7.1f} ms   "
            f"p95 {at(values, 0.95) * 1000:7.1f} ms   worst {max(values) * 1000:7.1f} ms"
            f"   ({len(values)})   CPU {statistics.median(found['cpu'][name]) * 1000:6.1f} ms,"
            f" of the engine {statistics.median(found['engine_cpu'][name]) * 1000:6.1f} ms"
        )
    for title in ("lags", "engine"):
        words = {"lags": "loop lag, console", "engine": "the engine answers"}[title]
        for phase, values in found[title].items():
            print(
                f"  {words + ', ' + phase:26} p50 {at(values, 0.5) * 1000:6.1f} ms   p99 "
                f"{at(values, 0.99) * 1000:6.1f} ms   worst {max(values) * 1000:6.1f} ms"
            )
    for name, value in found["facts"].items():
        print(f"  {name:26} {value:8.2f}")


ROWS = {  # of docs/performance.md: the words, and the keys they are about
    "cursor; page; end, all listed": ("down", "pagedown", "end"),
    "cursor; page; end, while pages come": tuple(f"{k}, pages come" for k in MOVES[:3]),
    "sort by size; age; cost": ("sort by size", "sort by age", "sort by cost"),
    "sort by idle; tier; class; accesses; name": tuple(
        f"sort by {name}" for name in ("idle", "tier", "class", "accesses", "name")
    ),
    "filter: opened; a letter; a letter back; cleared": (
        *("filter opens", "filter, a letter", "filter, a letter back", "filter cleared"),
    ),
    "folders instead of one list; a folder opened; left": (
        *("folders instead of one list", "a folder opened", "a folder left"),
    ),
}


def table(found: dict[str, Any]) -> str:
    """The same as rows of the table in docs/performance.md."""

    def medians(kind: str, names: Sequence[str]) -> str:
        known = [found[kind][name] for name in names if name in found[kind]]
        return "; ".join(f"{statistics.median(values) * 1000:.0f}" for values in known) + " ms"

    facts, lags = found["facts"], found["lags"]
    late = "; ".join(f"{at(lags[phase], 0.99) * 1000:.0f}" for phase in ("listed", "loading"))
    lines = [
        "| metric | goal | measured | CPU, both processes |",
        "|---|---|---|---|",
        *(
            f"| {words} | < 100 ms | {medians('keys', names)} | {medians('cpu', names)} |"
            for words, names in ROWS.items()
        ),
        f"| loop lag of the console p99: all listed; while pages come | < 50 ms | {late} ms | |",
        f"| memory of the console | < 150 MiB | {facts['console']:.0f} MiB | |",
        f"| memory of the engine; its peak | < 800 MiB | {facts['engine']:.0f};"
        f" {facts['engine_peak']:.0f} MiB | |",
        f"| first rows; all listed after | | {facts['first_rows']:.1f};"
        f" {facts['listed']:.0f} s | |",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--clouds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="100,000 objects, fewer rounds")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args()
    objects = min(chosen.objects, 100_000) if chosen.quick else chosen.objects
    print(f"{chosen.clouds} clouds of {objects:,} objects; load {os.getloadavg()[0]:.1f}")
    found = measure(objects, chosen.clouds, 3 if chosen.quick else chosen.rounds)
    tell(found)
    if not found["failed"]:
        print(f"\n{table(found)}\n\nload {os.getloadavg()[0]:.1f} afterwards")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--console"]:
        console(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
