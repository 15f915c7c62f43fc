"""The lab's policies: which are taken into the run, and what each would have cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.message import Message

from engine.model import LabCost
from widgets.cells import Cell, Name, Part
from widgets.columns import Column
from widgets.glyphs import current
from widgets.text import count_text, money_text
from widgets.virtual_list import VirtualList

STYLES = ("accent", "good", "warn", "hot", "cold", "archive", "bad", "warm", "active")
"""Styles of lines, in turn; the letters tell them apart without."""


@dataclass(frozen=True, slots=True)
class LabLine:
    """A policy. `sign` is its letter in the chart, "" while it was not replayed."""

    policy: str
    taken: bool = True
    active: bool = False
    sign: str = ""
    style: str = ""
    cost: LabCost | None = None


_VALUES: dict[str, Callable[[LabCost], float]] = {
    "cost": lambda cost: cost.total,
    "ratio": lambda cost: cost.total,
    "storage": lambda cost: cost.storage,
    "requests": lambda cost: cost.requests,
    "retrieval": lambda cost: cost.retrieval,
    "moving": lambda cost: cost.transitions,
    "early": lambda cost: cost.early_deletion,
    "moves": lambda cost: cost.moves,
    "delayed": lambda cost: cost.reads_delayed,
}
SORTS = ("cost", "policy", *(key for key in _VALUES if key not in ("cost", "ratio")))


class LabTable(VirtualList[LabLine]):
    """Policies in the order of a column; those without figures come last."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("sign", "", 1),
        Column("policy", "policy", 16, flex=1, comfort=28),
        Column("cost", "cost $", 10, right=True),
        Column("ratio", "x opt", 6, right=True),
        Column("storage", "storage", 9, priority=5, right=True),
        Column("requests", "requests", 8, priority=6, right=True),
        Column("retrieval", "retrieval", 9, priority=3, right=True),
        Column("moving", "transit", 8, priority=7, right=True),
        Column("early", "early", 7, priority=4, right=True),
        Column("moves", "moves", 9, priority=1, right=True),
        Column("delayed", "delayed", 9, priority=2, right=True),
    )

    class Changed(Message):
        """Other policies are taken, or they stand in another order."""

        def __init__(self, table: "LabTable") -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> "LabTable":
            return self.table

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.lines: Sequence[LabLine] = ()
        self.sort_key = "cost"
        self.descending = False

    def show(self, lines: Sequence[LabLine]) -> None:
        """Show these policies in the table's own order; the cursor stays on its policy."""
        held = self.policy
        self.lines = self._sorted(lines)
        found = next((i for i, line in enumerate(self.lines) if line.policy == held), 0)
        self.rows_changed(cursor=found)

    @property
    def policy(self) -> str:
        """The policy under the cursor, "" if there is none."""
        row = self.cursor_row
        return "" if row is None else row.policy

    def go_to(self, policy: str) -> None:
        """Put the cursor on that policy."""
        for number, line in enumerate(self.lines):
            if line.policy == policy:
                self.move_cursor(number)

    # -- order ---------------------------------------------------------------------------

    def sort_by(self, key: str) -> None:
        """Sort by that column; by the same again turns the order around."""
        key = "cost" if key == "ratio" else key
        if key not in SORTS:
            return
        self.descending = not self.descending if key == self.sort_key else False
        self.sort_key = key
        self._sort_again()

    def action_sort(self) -> None:
        """Sort by the next column."""
        self.sort_key = SORTS[(SORTS.index(self.sort_key) + 1) % len(SORTS)]
        self._sort_again()

    def action_reverse(self) -> None:
        """Turn the order around."""
        self.descending = not self.descending
        self._sort_again()

    def _sort_again(self) -> None:
        self.show(self.lines)
        self.header_changed()
        self.post_message(self.Changed(self))

    def _sorted(self, lines: Sequence[LabLine]) -> list[LabLine]:
        if self.sort_key == "policy":
            return sorted(lines, key=lambda line: line.policy, reverse=self.descending)
        value, sign = _VALUES[self.sort_key], -1 if self.descending else 1

        def order(line: LabLine) -> tuple[bool, float]:
            return (line.cost is None, sign * value(line.cost) if line.cost else 0.0)

        return sorted(lines, key=order)

    def on_virtual_list_header_clicked(self, event: VirtualList.HeaderClicked) -> None:
        event.stop()
        self.sort_by(event.key)

    # -- what is taken -------------------------------------------------------------------

    @property
    def taken(self) -> tuple[str, ...]:
        """The policies that carry a mark."""
        return tuple(line.policy for line in self.lines if line.taken)

    def action_mark(self) -> None:
        """Take the policy under the cursor out of the run, or in again; go down."""
        self._take({self.policy: not self._is_taken(self.policy)})
        self.action_cursor_down()

    def action_mark_all(self) -> None:
        """Take every policy, or none where all are."""
        wanted = not all(line.taken for line in self.lines)
        self._take({line.policy: wanted for line in self.lines})

    def on_virtual_list_mark_clicked(self, event: VirtualList.MarkClicked) -> None:
        event.stop()
        policy = self.lines[event.index].policy
        self._take({policy: not self._is_taken(policy)})

    def _is_taken(self, policy: str) -> bool:
        return policy in self.taken

    def _take(self, changes: dict[str, bool]) -> None:
        self.lines = [
            LabLine(
                line.policy,
                changes.get(line.policy, line.taken),
                line.active,
                line.sign,
                line.style,
                line.cost,
            )
            for line in self.lines
        ]
        self.rows_changed()
        self.post_message(self.Changed(self))

    # -- drawing -------------------------------------------------------------------------

    def count(self) -> int:
        return len(self.lines)

    def fetch(self, start: int, stop: int) -> Sequence[LabLine]:
        return self.lines[start:stop]

    def is_marked(self, row: LabLine) -> bool:
        return row.taken

    def row_style(self, row: LabLine) -> str:
        return "" if row.taken else "dim"

    def header(self, column: Column, width: int) -> Cell:
        if column.key != self.sort_key:
            return column.title
        sign = current().down if self.descending else current().up
        title = column.title[: max(width - 1, 1)]
        return (f"{sign}{title}" if column.right else f"{title}{sign}", "accent")

    def cell(self, row: LabLine, key: str, width: int) -> Cell:
        cost = row.cost
        match key:
            case "sign":
                return (row.sign, row.style)
            case "policy":
                note: list[Part] = [("active ", "good")] if row.active else []
                return [*note, Name(row.policy)]
            case _ if cost is None:
                return (current().dot, "dim") if key == "cost" else ""
            case "ratio":
                return "?" if cost.ratio is None else f"{cost.ratio:.3f}"
            case "moves":
                return count_text(cost.moves)
            case "delayed":
                return count_text(cost.reads_delayed)
            case _:
                return money_text(_VALUES[key](cost))
