"""The rows of a cloud pane."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from engine.model import ListingQuery, ListingView, ObjectRow, SortKey, Tier
from engine.model.folders import base_of
from widgets.cells import Cell, Name, Part
from widgets.columns import Column
from widgets.crumbs import empty_name
from widgets.glyphs import current
from widgets.marks import Marks
from widgets.text import age_text, amount_text, count_text, money_text, size_text
from widgets.virtual_list import VirtualList

_SORTED_WIDTH = 7  # cells of the column sorted by where it is narrow
TIER_SHORT = {Tier.HOT: "HOT", Tier.WARM: "WARM", Tier.COLD: "COLD", Tier.ARCHIVE: "ARCH"}
"""A tier in at most four letters; the first letters differ too."""

TIER_STYLE = {Tier.HOT: "hot", Tier.WARM: "warm", Tier.COLD: "cold", Tier.ARCHIVE: "archive"}

SORT_COLUMN = {
    SortKey.NAME: "name",
    SortKey.SIZE: "size",
    SortKey.AGE: "age",
    SortKey.TIER: "tier",
    SortKey.COST: "cost",
    SortKey.ACCESSES: "reads",
    SortKey.IDLE: "idle",
    SortKey.CLASS: "class",
    SortKey.OBJECTS: "tier",
}


def tier_cell(tier: Tier, target: Tier | None, target_class: str, width: int) -> Cell:
    """`HOT`, `HOT→COLD`, or `H→C` where there is no room for more."""
    if not target_class or target is None:
        return (TIER_SHORT[tier], TIER_STYLE[tier])
    arrow = current().arrow
    if width >= 9:
        return [
            (TIER_SHORT[tier], TIER_STYLE[tier]),
            (arrow, "dim"),
            (TIER_SHORT[target], TIER_STYLE[target]),
        ]
    return [
        (tier.value[0], TIER_STYLE[tier]),
        (arrow, "dim"),
        (target.value[0], TIER_STYLE[target]),
    ]


class ObjectList(VirtualList[ObjectRow]):
    """Objects of one listing view."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("name", "name", 12, flex=1, comfort=20),
        Column("tier", "tier", 4, wide=9, wide_priority=1),
        Column("size", "size", 5, right=True),
        Column("age", "age", 4, priority=2, right=True),
        Column("cost", "$/mo", 7, right=True),
        Column("reads", "r/30d", 6, priority=3, right=True),
        Column("idle", "idle", 5, priority=4, right=True),
        Column("class", "class", 20, priority=5),
    )

    def __init__(
        self,
        marks: Marks,
        placeholder: Callable[[int], Sequence[Cell]],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._marks = marks
        self._placeholder = placeholder
        self.view: ListingView | None = None
        self.query_shown = ListingQuery()

    def show(self, view: ListingView) -> None:
        """Take rows from that view; those that come later draw themselves."""
        self.view = view
        view.on_rows = self._came

    def _came(self) -> None:
        if self.is_mounted:
            self.rows_changed()

    def count(self) -> int:
        return 0 if self.view is None else len(self.view)

    def fetch(self, start: int, stop: int) -> Sequence[ObjectRow | None]:
        return () if self.view is None else self.view.rows(start, stop)

    def is_marked(self, row: ObjectRow) -> bool:
        return self._marks.has(row)

    def query_is(self, query: ListingQuery) -> None:
        """Another order or folder may be shown now; the column sorted by always is."""
        before, self.query_shown = self.query_shown, query
        if before.sort is not query.sort:
            self.columns_changed()
        elif before != query:
            self.header_changed()

    def columns(self) -> Sequence[Column]:
        by = SORT_COLUMN[self.query_shown.sort]
        chosen = next(column for column in self.COLUMNS if column.key == by)
        if not chosen.priority:
            return self.COLUMNS
        width = min(chosen.width, _SORTED_WIDTH)
        here = replace(
            chosen, priority=0, width=width, wide=chosen.width, wide_priority=chosen.priority
        )
        found: list[Column] = []
        for column in self.COLUMNS:  # where it is narrow, the tier makes room for it
            spare = replace(column, priority=1) if column.key == "tier" else column
            found.append(here if column.key == by else spare)
        return found

    def placeholder(self, width: int) -> Sequence[Cell]:
        return self._placeholder(width)

    def header(self, column: Column, width: int) -> Cell:
        glyphs = current()
        if SORT_COLUMN[self.query_shown.sort] != column.key:
            return column.title
        sign = glyphs.down if self.query_shown.descending else glyphs.up
        title = column.title[: max(width - 1, 1)]
        return (f"{sign}{title}" if column.right else f"{title}{sign}", "accent")

    def cell(self, row: ObjectRow, key: str, width: int) -> Cell:
        match key:
            case "name":
                parts: list[Part] = [(current().wait, "active"), " "] if row.busy else []
                return [*parts, *self._shown(row)]
            case "tier":
                if row.objects is not None:
                    return (amount_text(row.objects), "dim")
                return tier_cell(row.tier, row.target_tier, row.target_class, width)
            case "size":
                return size_text(row.size)
            case "age":
                return age_text(row.age_days)
            case "cost":
                return money_text(row.cost_month)
            case "reads":
                return count_text(row.reads_30d) if row.reads_30d else (current().dot, "dim")
            case "idle":
                return age_text(row.idle_days)
            case _:
                return Name(row.storage_class, "dim", "right")

    def _shown(self, row: ObjectRow) -> list[Part]:
        """The key; in a folder what follows the folder's own name."""
        folder = self.query_shown.folder
        if folder is None:
            return [Name(row.key)]
        name = row.key[len(base_of(folder)) :]
        if row.objects is None:
            return [Name(name) if name else empty_name()]
        name = name[:-1]
        return [("/", "group"), Name(name, "group") if name else empty_name()]
