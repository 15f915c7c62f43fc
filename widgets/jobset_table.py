"""Job sets, one line each: how far, how long still, what failed, what it saves."""

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.message import Message

from engine.model import JobsetLine
from engine.model.jobfilter import RUNNING
from widgets.cells import Cell, Name
from widgets.columns import Column
from widgets.glyphs import current
from widgets.pane import Pane
from widgets.text import (
    clock_text,
    count_text,
    counted,
    duration_text,
    money_text,
    rate_text,
    size_text,
)
from widgets.virtual_list import VirtualList

_BAR = 10


def set_word(line: JobsetLine) -> tuple[str, str]:
    """The one word for how a set is, with its style."""
    if line.count(*RUNNING):
        return ("running", "active")
    if line.count("queued"):
        return ("queued", "dim")
    if line.count("paused"):
        return ("paused", "warn")
    if line.count("failed"):
        return ("failed some", "bad")
    return ("done", "good") if line.count("completed") else ("cancelled", "dim")


def bar(progress: float, width: int = _BAR) -> list[tuple[str, str]]:
    """A bar of `width` cells; full only at 1."""
    glyphs = current()
    cells = width if progress >= 1 else min(int(progress * width), width - 1)
    return [(glyphs.bar_full * cells, "active"), (glyphs.bar_empty * (width - cells), "dim")]


def left_text(eta: float, now: float) -> str:
    """`3m 05s (12:05)`: how long still and when it ends; "" while unknown."""
    if eta <= 0:
        return ""
    return f"{duration_text(eta)} ({clock_text(now + eta, seconds=False)})"


class SetRows(VirtualList[JobsetLine]):
    """The lines."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("jobset", "job set", 10, flex=2, comfort=14),
        Column("when", "made", 16, priority=4),
        Column("route", "route", 13, priority=5),
        Column("word", "state", 11),
        Column("bar", "", _BAR, priority=2),
        Column("percent", "", 4, right=True),
        Column("jobs", "jobs", 7, right=True),
        Column("failed", "failed", 6, right=True),
        Column("size", "size", 5, right=True),
        Column("rate", "speed", 9, priority=3, right=True),
        Column("left", "left (ends)", 15, priority=1),
        Column("saving", "saves/mo", 9, priority=6, right=True),
    )

    def __init__(self) -> None:
        super().__init__()
        self.sets: Sequence[JobsetLine] | None = None
        self.now = 0.0

    def count(self) -> int:
        return len(self.sets or ())

    def fetch(self, start: int, stop: int) -> Sequence[JobsetLine]:
        return (self.sets or ())[start:stop]

    def placeholder(self, width: int) -> Sequence[Cell]:
        if self.sets is None:
            return [["  ", (f"Reading the job sets{current().ellipsis}", "dim")]]
        return [["  ", ("No job sets yet: approving a plan makes one.", "strong")]]

    def cell(self, row: JobsetLine, key: str, width: int) -> Cell:
        match key:
            case "jobset":
                return Name(row.jobset)
            case "when":
                text = clock_text(row.created, now=self.now, seconds=False)
                return (text, "dim")
            case "route":
                more = f" +{len(row.routes) - 1}" if len(row.routes) > 1 else ""
                return [Name(row.routes[0] if row.routes else "", "dim", "right"), (more, "dim")]
            case "word":
                return set_word(row)
            case "bar":
                return list(bar(row.progress))
            case "percent":
                return f"{int(row.progress * 100)}%"
            case "jobs":
                return count_text(row.jobs)
            case "failed":
                failed = row.count("failed")
                return (count_text(failed) if failed else "", "bad")
            case "size":
                return size_text(row.size)
            case "rate":
                return rate_text(row.rate)
            case "left":
                if row.finished:
                    took = duration_text(max(row.finished - (row.started or row.created), 0))
                    return (f"took {took}", "dim")
                return left_text(row.eta, self.now)
        return money_text(row.saving, signed=True) if row.saving else ""


class SetsPane(Pane):
    """The job sets in a box."""

    class Inspect(Message):
        """The operator wants to see one job set."""

        def __init__(self, jobset: str) -> None:
            super().__init__()
            self.jobset = jobset

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows = SetRows()

    def compose(self) -> Any:
        yield self._rows

    def pane_list(self) -> SetRows:
        """The list inside."""
        return self._rows

    def on_mount(self) -> None:
        self.set_titles(Text("job sets"), Text())

    def show(self, sets: Sequence[JobsetLine], now: float) -> None:
        """Show these; the cursor stays on its set."""
        rows = self._rows
        held = rows.cursor_row
        rows.sets, rows.now = sets, now
        names = [line.jobset for line in sets]
        at = names.index(held.jobset) if held is not None and held.jobset in names else rows.cursor
        rows.rows_changed(cursor=at)
        self.set_titles(Text("job sets"), Text(counted(len(sets), "set")))

    @property
    def jobset(self) -> str:
        """The set under the cursor, "" if there is none."""
        row = self._rows.cursor_row
        return row.jobset if row is not None else ""

    def action_inspect(self) -> None:
        """Ask to see the set under the cursor."""
        if self.jobset:
            self.post_message(self.Inspect(self.jobset))

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        event.stop()
        self.action_inspect()
