"""A plan under review: its moves in groups, what they save and cost, and which are taken."""

from collections.abc import Sequence
from typing import ClassVar

from engine.model import Move, MoveOrder, PlanLine, PlanLines
from widgets.cells import Cell, Name, Part
from widgets.columns import Column
from widgets.glyphs import current
from widgets.object_list import tier_cell
from widgets.plan_words import payback_text
from widgets.text import count_text, money_text, size_text, visible
from widgets.virtual_list import VirtualList

ORDER_OF = {
    "name": MoveOrder.NAME,
    "size": MoveOrder.SIZE,
    "saving": MoveOrder.SAVING,
    "once": MoveOrder.ONCE,
    "payback": MoveOrder.PAYBACK,
    "risk": MoveOrder.RISK,
}
"""What a click on the head of a column sorts by."""


class PlanTable(VirtualList[PlanLine]):
    """The lines of a review. Refused moves show why."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("name", "object", 12, flex=3, comfort=20),
        Column("class", "tier", 9, wide=26, wide_priority=4),
        Column("size", "size", 5, right=True),
        Column("saving", "saving/mo", 9, right=True),
        Column("once", "once", 8, right=True),
        Column("payback", "payback", 8, priority=1, right=True),
        Column("risk", "risk", 5),
        Column("route", "route", 13, priority=5),
        Column("note", "why", 10, priority=3, flex=3, comfort=26),
    )

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: PlanLines | None = None
        self._order = MoveOrder.PLAN
        self._descending = False
        self._nothing = "Nothing to move."

    def show(
        self,
        lines: PlanLines,
        *,
        order: MoveOrder = MoveOrder.PLAN,
        descending: bool = False,
        nothing: str = "Nothing to move.",
        cursor: int | None = None,
    ) -> None:
        """Show these lines, which are sorted so; `nothing` is said if there are none."""
        sorting = (order, descending)
        if sorting != (self._order, self._descending):
            self._order, self._descending = sorting
            self.header_changed()
        self._lines, self._nothing = lines, nothing
        self.rows_changed(cursor=cursor)
        if cursor is not None:
            self._show_cursor()

    @property
    def current_move(self) -> Move | None:
        """The move under the cursor, None on the head of a group."""
        row = self.cursor_row
        return None if row is None else row.move

    # -- drawing -------------------------------------------------------------------------

    def count(self) -> int:
        return len(self._lines) if self._lines is not None else 0

    def fetch(self, start: int, stop: int) -> Sequence[PlanLine | None]:
        return self._lines.rows(start, stop) if self._lines is not None else ()

    def is_marked(self, row: PlanLine) -> bool:
        return row.taken

    def row_style(self, row: PlanLine) -> str:
        if row.move is None:
            return "group"
        return "" if row.taken else "dim"

    def merged(self, row: PlanLine) -> tuple[str, ...]:
        return ("name", "class") if row.move is None else ()

    def header(self, column: Column, width: int) -> Cell:
        if ORDER_OF.get(column.key) is not self._order:
            return column.title
        sign = current().down if self._descending else current().up
        title = column.title[: max(width - 1, 1)]
        return (f"{sign}{title}" if column.right else f"{title}{sign}", "accent")

    def placeholder(self, width: int) -> Sequence[Cell]:
        return [["  ", (self._nothing, "strong")]]

    def cell(self, row: PlanLine, key: str, width: int) -> Cell:
        move = row.move
        if move is None:
            return self._group_cell(row, key)
        match key:
            case "name":
                return ["  ", Name(move.source.key)]
            case "class":
                return _class_cell(move, width)
            case "size":
                return size_text(move.size)
            case "saving":
                return _saving_cell(move.saving_per_month)
            case "once":
                return "" if move.refused else money_text(move.one_time_cost)
            case "payback":
                if move.refused:
                    return ""
                return payback_text(move.saving_per_month, move.one_time_cost)
            case "risk":
                return _risk_cell(move, width)
            case "route":
                return Name(_arrowed(move.route), "dim")
            case _:
                return _note_cell(move)

    def _group_cell(self, row: PlanLine, key: str) -> Cell:
        group = row.head
        if group is None:
            return ""
        match key:
            case "name":
                head = f"{count_text(group.taken)} of {count_text(group.possible)}"
                if group.refused:
                    head += f", {count_text(group.refused)} refused"
                if group.folded:
                    head += f" {current().ellipsis}"
                return Name(f"{_arrowed(group.title)}  {head}", "group", "right")
            case "size":
                return (size_text(group.size), "group")
            case "saving":
                return (money_text(group.saving_per_month, signed=True), "group")
            case "once":
                return (money_text(group.one_time_cost), "group")
            case "payback":
                return (payback_text(group.saving_per_month, group.one_time_cost), "group")
            case _:
                return ""


def _arrowed(text: str) -> str:
    """A route with the arrow that this terminal has."""
    return text.replace(" → ", f" {current().arrow} ")


def _class_cell(move: Move, width: int) -> Cell:
    if width >= 26:
        arrow = f" {current().arrow} "
        return [(visible(move.from_class, width=11), "dim"), (arrow, "dim"), Name(move.to_class)]
    if move.from_tier is move.to_tier:
        return tier_cell(move.from_tier, None, "", width)
    return tier_cell(move.from_tier, move.to_tier, move.to_class or "?", width)


def _saving_cell(saving: float | None) -> Cell:
    style = "dim" if saving is None else "good" if saving > 0 else "warn" if saving < 0 else ""
    return (money_text(saving, signed=True), style)


def _risk_cell(move: Move, width: int) -> Cell:
    if move.refused:
        return (f"{current().bad} no", "bad")
    number = len(move.risks) + len(move.losses)
    return (f"{current().warn} {number}", "warn") if number else (current().dot, "dim")


def _note_cell(move: Move) -> Cell:
    if move.refused:
        return Name(move.refused, "bad", "right")
    parts: list[Part] = []
    if move.risks:
        parts.append(Name(move.risks[0], "warn", "right"))
    elif move.losses:
        parts.append(Name(f"loses {move.losses[0]}", "warn", "right"))
    else:
        parts.append(Name(move.reason, "dim", "right"))
    return parts
