"""A plan under review: its moves by route, what they save and cost, and which are taken."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from textual.message import Message

from engine.model import Move, MoveKind, Plan, PlanTotals
from widgets.cells import Cell, Name, Part
from widgets.columns import Column
from widgets.glyphs import current
from widgets.object_list import tier_cell
from widgets.text import count_text, money_text, size_text, visible
from widgets.virtual_list import VirtualList

_NANO = 1_000_000_000  # money is summed in whole nano-dollars: exact, in any order


class Sums:
    """Running sums over included moves; a sum with an unknown part is unknown."""

    __slots__ = ("_once", "_saving", "_unknown_once", "_unknown_saving", "moves", "size")

    def __init__(self) -> None:
        self.moves = self.size = 0
        self._saving = self._once = self._unknown_saving = self._unknown_once = 0

    def add(self, move: Move, sign: int) -> None:
        """Count a move in (1) or out (-1)."""
        self.moves += sign
        self.size += sign * move.size
        if move.saving_per_month is None:
            self._unknown_saving += sign
        else:
            self._saving += sign * round(move.saving_per_month * _NANO)
        if move.one_time_cost is None:
            self._unknown_once += sign
        else:
            self._once += sign * round(move.one_time_cost * _NANO)

    @property
    def saving(self) -> float | None:
        """USD a month."""
        return None if self._unknown_saving else self._saving / _NANO

    @property
    def once(self) -> float | None:
        """USD, paid once."""
        return None if self._unknown_once else self._once / _NANO

    def totals(self, refused: int) -> PlanTotals:
        """The sums as the plan's own totals."""
        saving, once = self.saving, self.once
        payback = once / saving if saving is not None and once is not None and saving > 0 else None
        return PlanTotals(self.moves, refused, self.size, saving, once, payback)


@dataclass(slots=True)
class Group:
    """The moves of one route and kind: the numbers of its moves in the plan."""

    title: str
    moves: "array[int]"
    sums: Sums
    refused: int = 0
    folded: bool = False


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A line of the table: a move with its number, or the head of a group (`move` None)."""

    group: int
    number: int
    move: Move | None
    included: bool
    head: str = ""
    saving: float | None = None
    once: float | None = None
    size: int = 0


def payback_text(saving: float | None, once: float | None) -> str:
    """Months until the saving paid the move: `at once`, `3.2 mo`, `>10 yr`, `never`, `?`."""
    if saving is None or once is None:
        return "?"
    if once <= 0:
        return "at once"
    if saving <= 0:
        return "never"
    months = once / saving
    if months < 0.1:
        return "<0.1 mo"
    if months > 120:
        return ">10 yr"
    return f"{months:.1f} mo" if months < 100 else f"{months / 12:.0f} yr"


class PlanTable(VirtualList[PlanLine]):
    """Moves in groups by route. Refused ones show why and cannot be included."""

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

    class SelectionChanged(Message):
        """Other moves are included now."""

        def __init__(self, table: "PlanTable") -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> "PlanTable":
            return self.table

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.plan: Plan | None = None
        self._included = bytearray()
        self._groups: list[Group] = []
        self._entries: array[int] = array("q")  # ≥ 0 a move, < 0 the head of group -1 - n
        self._group_of = array("q")
        self._refused = 0

    # -- showing -------------------------------------------------------------------------

    def show(self, plan: Plan) -> None:
        """Show this plan with every move included that is not refused."""
        if plan == self.plan:
            return
        self.plan = plan
        self._included = bytearray(0 if move.refused else 1 for move in plan.moves)
        self._group_moves(plan)
        self._refused = sum(group.refused for group in self._groups)
        self._lay_out()
        self.rows_changed(cursor=0, top=0)
        self.post_message(self.SelectionChanged(self))

    def _group_moves(self, plan: Plan) -> None:
        by_route: dict[tuple[str, MoveKind], int] = {}
        self._groups = []
        self._group_of = array("q")
        for number, move in enumerate(plan.moves):
            route = (move.route, move.kind)
            at = by_route.setdefault(route, len(self._groups))
            if at == len(self._groups):
                self._groups.append(Group(_title(move), array("q"), Sums()))
            group = self._groups[at]
            group.moves.append(number)
            self._group_of.append(at)
            if move.refused:
                group.refused += 1
            else:
                group.sums.add(move, 1)

    def _lay_out(self) -> None:
        entries = array("q")
        for number, group in enumerate(self._groups):
            entries.append(-1 - number)
            if not group.folded:
                entries.extend(group.moves)
        self._entries = entries

    # -- what is chosen ------------------------------------------------------------------

    @property
    def totals(self) -> PlanTotals:
        """Sums over the included moves."""
        sums = Sums()
        for group in self._groups:
            part = group.sums
            sums.moves += part.moves
            sums.size += part.size
            sums._saving += part._saving
            sums._once += part._once
            sums._unknown_saving += part._unknown_saving
            sums._unknown_once += part._unknown_once
        return sums.totals(self._refused)

    @property
    def selected(self) -> Plan | None:
        """The plan with only the included moves."""
        if self.plan is None:
            return None
        moves = tuple(m for m, taken in zip(self.plan.moves, self._included, strict=True) if taken)
        return replace(self.plan, moves=moves)

    @property
    def current_move(self) -> Move | None:
        """The move under the cursor, None on the head of a group."""
        row = self.cursor_row
        return None if row is None else row.move

    # -- actions -------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Include or leave out the move (or the whole group) under the cursor; go down."""
        self._toggle(self.cursor)
        self.action_cursor_down()

    def action_fold(self) -> None:
        """Hide or show the moves of the group under the cursor."""
        if not self._entries:
            return
        entry = self._entries[self.cursor]
        at = -1 - entry if entry < 0 else self._group_of[entry]
        self._groups[at].folded = not self._groups[at].folded
        self._lay_out()
        self.rows_changed(cursor=self._entries.index(-1 - at))

    def action_include_all(self) -> None:
        """Include every move that is not refused."""
        self._set_groups(range(len(self._groups)), 1)

    def action_include_none(self) -> None:
        """Leave out every move."""
        self._set_groups(range(len(self._groups)), 0)

    def take(self, numbers: Iterable[int], *, taken: bool) -> None:
        """Take these moves in, or leave them out. Refused ones stay out."""
        for number in numbers:
            self._set(number, int(taken))
        self._selection_changed()

    def _toggle(self, index: int) -> None:
        if self.plan is None or not 0 <= index < len(self._entries):
            return
        entry = self._entries[index]
        if entry < 0:
            group = self._groups[-1 - entry]
            possible = len(group.moves) - group.refused
            self._set_groups([-1 - entry], 0 if group.sums.moves == possible else 1)
            return
        if self.plan.moves[entry].refused:
            return
        self._set(entry, 0 if self._included[entry] else 1)
        self._selection_changed()

    def _set_groups(self, groups: Sequence[int], taken: int) -> None:
        for at in groups:
            for number in self._groups[at].moves:
                self._set(number, taken)
        self._selection_changed()

    def _set(self, number: int, taken: int) -> None:
        assert self.plan is not None
        move = self.plan.moves[number]
        if move.refused or self._included[number] == taken:
            return
        self._included[number] = taken
        self._groups[self._group_of[number]].sums.add(move, 1 if taken else -1)

    def _selection_changed(self) -> None:
        self.rows_changed()
        self.post_message(self.SelectionChanged(self))

    def on_virtual_list_mark_clicked(self, event: VirtualList.MarkClicked) -> None:
        event.stop()
        self._toggle(event.index)

    # -- drawing -------------------------------------------------------------------------

    def count(self) -> int:
        return len(self._entries)

    def fetch(self, start: int, stop: int) -> Sequence[PlanLine]:
        return [self._plan_line(entry) for entry in self._entries[start:stop]]

    def _plan_line(self, entry: int) -> PlanLine:
        assert self.plan is not None
        if entry >= 0:
            move = self.plan.moves[entry]
            return PlanLine(self._group_of[entry], entry, move, bool(self._included[entry]))
        group = self._groups[-1 - entry]
        sums, refused = group.sums, f", {count_text(group.refused)} refused"
        possible = len(group.moves) - group.refused
        head = f"{group.title}  {count_text(sums.moves)} of {count_text(possible)}"
        if group.refused:
            head += refused
        if group.folded:
            head += f" {current().ellipsis}"
        return PlanLine(
            -1 - entry, -1, None, bool(sums.moves), head, sums.saving, sums.once, sums.size
        )

    def is_marked(self, row: PlanLine) -> bool:
        return row.included

    def row_style(self, row: PlanLine) -> str:
        if row.move is None:
            return "group"
        return "" if row.included else "dim"

    def merged(self, row: PlanLine) -> tuple[str, ...]:
        return ("name", "class") if row.move is None else ()

    def placeholder(self, width: int) -> Sequence[Cell]:
        return [["  ", ("Nothing to move.", "strong")]]

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
                return Name(move.route, "dim")
            case _:
                return _note_cell(move)

    def _group_cell(self, row: PlanLine, key: str) -> Cell:
        match key:
            case "name":
                return Name(row.head, "group", "right")
            case "size":
                return (size_text(row.size), "group")
            case "saving":
                return (money_text(row.saving, signed=True), "group")
            case "once":
                return (money_text(row.once), "group")
            case "payback":
                return (payback_text(row.saving, row.once), "group")
            case _:
                return ""


def _title(move: Move) -> str:
    kinds = {MoveKind.MOVE: "move", MoveKind.COPY: "copy", MoveKind.TIER: "change class"}
    return f"{move.route}  {kinds[move.kind]}"


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
