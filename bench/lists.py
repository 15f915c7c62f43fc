"""Our virtual list beside Textual's DataTable and OptionList, in one process and one run.

    python bench/lists.py [ROWS ...]      (default: 10000 100000)

Prints for each: seconds from rows to a painted screen, memory it kept, milliseconds from a
key press to a painted screen (median), bytes sent for it, and the ratio to ours.
"""

import asyncio
import gc
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from textual import events
from textual._compositor import CompositorUpdate
from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import DataTable, OptionList

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.widgets.samples import FakeView, ManyNames, cloud_status, object_row
from widgets.cloud_pane import CloudPane
from widgets.text import age_text, money_text, size_text

PRESSES = 15  # none of them scrolls


@dataclass
class Result:
    """What one widget needed."""

    load: float
    memory: float
    key: float
    end: float
    sent: float


class Bench(App[None]):
    """Holds one widget and counts what a terminal would get."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget
        self.sent = 0
        self.drawn = asyncio.Event()

    def compose(self) -> ComposeResult:
        yield self.widget

    def _display(self, screen, renderable) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        if isinstance(renderable, CompositorUpdate):
            self.sent += len(renderable.render_segments(self.console).encode())
            self.drawn.set()
        super()._display(screen, renderable)

    async def painted(self) -> None:
        """Wait until what was asked for is on the screen."""
        done = asyncio.Event()
        self.screen.call_after_refresh(done.set)
        await done.wait()


def fill_ours(widget: Widget, rows: int) -> None:
    """Hand the pane a view; it asks for what shows."""
    assert isinstance(widget, CloudPane)
    widget.show_status(cloud_status(objects=rows))
    widget.show_view(FakeView(ManyNames(rows)))


def row_texts(names: Sequence[str], index: int) -> tuple[str, ...]:
    """The same columns for the peers."""
    row = object_row(names[index], index)
    return (
        row.key.replace("[", "\\["),
        row.tier.value,
        size_text(row.size),
        age_text(row.age_days),
        money_text(row.cost_month),
    )


def fill_table(widget: Widget, rows: int) -> None:
    """Add every row to the table, in one call."""
    assert isinstance(widget, DataTable)
    names = ManyNames(rows)
    widget.add_columns("name", "tier", "size", "age", "$/mo")
    widget.add_rows(row_texts(names, index) for index in range(rows))


def fill_options(widget: Widget, rows: int) -> None:
    """Add every row to the list, in one call."""
    assert isinstance(widget, OptionList)
    names = ManyNames(rows)
    widget.add_options(["  ".join(row_texts(names, index)) for index in range(rows)])


async def measure(widget: Widget, fill: Callable[[Widget, int], None], rows: int) -> Result:
    """Load, then press keys."""
    app = Bench(widget)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        gc.collect()
        tracemalloc.start()
        fill(widget, rows)
        await app.painted()
        gc.collect()
        memory = tracemalloc.get_traced_memory()[0] / 2**20
        tracemalloc.stop()
        load = await timed_load(app, fill, rows)
        widget = app.widget
        widget.focus()
        await app.painted()
        app.sent = 0
        keys = [await press(app, "down") for _ in range(PRESSES)]
        sent = app.sent / PRESSES
        end = await press(app, "end")
    return Result(load, memory, statistics.median(keys) * 1000, end * 1000, sent)


async def timed_load(app: Bench, fill: Callable[[Widget, int], None], rows: int) -> float:
    """The same once more in a fresh widget, without the tracer in the way."""
    fresh = CloudPane("aws") if isinstance(app.widget, CloudPane) else type(app.widget)()
    await app.widget.remove()
    app.widget = fresh
    await app.mount(fresh)
    await app.painted()
    begin = time.perf_counter()
    fill(fresh, rows)
    await app.painted()
    return time.perf_counter() - begin


async def press(app: Bench, key: str) -> float:
    """Seconds from the key to the painted screen."""
    await app.painted()
    app.drawn.clear()
    begin = time.perf_counter()
    app.post_message(events.Key(key, None))
    await app.drawn.wait()
    return time.perf_counter() - begin


async def main(sizes: Sequence[int]) -> None:
    """Measure all three at each size."""
    makers: dict[str, tuple[Callable[[], Widget], Callable[[Widget, int], None]]] = {
        "virtual list": (lambda: CloudPane("aws"), fill_ours),
        "DataTable": (DataTable, fill_table),
        "OptionList": (OptionList, fill_options),
    }
    print(
        f"{'rows':>9}  {'widget':<13}{'load s':>9}{'MiB':>9}{'key ms':>9}{'end ms':>9}{'bytes':>8}"
    )
    for rows in sizes:
        ours: Result | None = None
        for name, (make, fill) in makers.items():
            result = await measure(make(), fill, rows)
            ours = ours or result
            print(
                f"{rows:>9,}  {name:<13}{result.load:>9.3f}{result.memory:>9.1f}"
                f"{result.key:>9.1f}{result.end:>9.1f}{result.sent:>8.0f}"
                f"   load ×{result.load / ours.load:.0f}"
                f", memory ×{result.memory / max(ours.memory, 0.01):.0f}"
                f", key ×{result.key / ours.key:.1f}",
                flush=True,
            )


if __name__ == "__main__":
    asyncio.run(main([int(argument) for argument in sys.argv[1:]] or [10_000, 100_000]))
