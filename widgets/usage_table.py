"""What a folder's parts hold and cost: one line each, with a bar for its share."""

from collections.abc import Sequence
from typing import ClassVar

from engine.model import ListingQuery, ListingView, ObjectRow, SortKey
from engine.model.folders import base_of
from widgets.cells import Cell, Name
from widgets.columns import Column
from widgets.crumbs import empty_name
from widgets.glyphs import current
from widgets.text import age_text, count_text, money_text, size_text
from widgets.virtual_list import VirtualList

COLUMN_OF = {
    SortKey.COST: "cost",
    SortKey.SIZE: "size",
    SortKey.OBJECTS: "objects",
    SortKey.ACCESSES: "reads",
    SortKey.AGE: "age",
    SortKey.NAME: "name",
}
"""The orders of the table, in the order of the key that goes through them."""


class UsageTable(VirtualList[ObjectRow]):
    """The folders and objects of one folder, whichever is larger first."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("cost", "$/mo", 9, right=True),
        Column("size", "size", 6, right=True),
        Column("objects", "objects", 8, right=True),
        Column("share", "share", 5, right=True),
        Column("bar", "", 10, priority=1, wide=20, wide_priority=3),
        Column("name", "name", 12, flex=1, comfort=20),
        Column("reads", "r/30d", 7, priority=2, right=True),
        Column("age", "newest", 6, priority=4, right=True),
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view: ListingView | None = None
        self._words: Sequence[Cell] = ()

    def show(self, view: ListingView, place: int | None) -> None:
        """Take rows from that view, with the cursor on that one (None: as it is)."""
        before, self.view = self.view, view
        view.on_rows = self._came
        if before is None or before.query != view.query:
            self.header_changed()
        self.rows_changed(cursor=place)

    def say(self, lines: Sequence[Cell]) -> None:
        """What stands there instead of rows."""
        self._words = lines
        self.placeholder_changed()

    def _came(self) -> None:
        if self.is_mounted:
            self.rows_changed()

    @property
    def shown(self) -> ListingQuery:
        """What is shown."""
        return ListingQuery() if self.view is None else self.view.query

    def count(self) -> int:
        return 0 if self.view is None else len(self.view)

    def fetch(self, start: int, stop: int) -> Sequence[ObjectRow | None]:
        return () if self.view is None else self.view.rows(start, stop)

    def placeholder(self, width: int) -> Sequence[Cell]:
        return [["  ", *(line if isinstance(line, list) else [line])] for line in self._words]

    def header(self, column: Column, width: int) -> Cell:
        query, glyphs = self.shown, current()
        if COLUMN_OF.get(query.sort) != column.key:
            return column.title
        sign = glyphs.down if query.descending else glyphs.up
        return (f"{sign}{column.title}" if column.right else f"{column.title}{sign}", "accent")

    def share(self, row: ObjectRow) -> float | None:
        """Its part of the folder, of what is sorted by, else of the bytes; None if unknown."""
        view = self.view
        if view is None:
            return None
        whole: float | None = view.total_bytes
        part: float | None = row.size
        if view.query.sort is SortKey.COST:
            whole, part = view.total_cost_month, row.cost_month
        elif view.query.sort is SortKey.OBJECTS:
            whole, part = view.total_objects, 1 if row.objects is None else row.objects
        if whole is None or part is None:
            return None
        return part / whole if whole else 0.0

    def cell(self, row: ObjectRow, key: str, width: int) -> Cell:
        match key:
            case "name":
                return self._shown(row)
            case "size":
                return size_text(row.size)
            case "objects":
                return count_text(row.objects) if row.objects is not None else ("1", "dim")
            case "cost":
                return money_text(row.cost_month)
            case "share":
                share = self.share(row)
                return "?" if share is None else f"{share:.0%}" if share >= 0.1 else f"{share:.1%}"
            case "bar":
                return self._bar(self.share(row), width)
            case "reads":
                return count_text(row.reads_30d) if row.reads_30d else (current().dot, "dim")
            case _:
                return age_text(row.age_days)

    def _bar(self, share: float | None, width: int) -> Cell:
        glyphs = current()
        if share is None:
            return ("?" + " " * (width - 1), "dim")
        full = min(round(share * width), width)
        return [(glyphs.bar_full * full, "active"), (glyphs.bar_empty * (width - full), "dim")]

    def _shown(self, row: ObjectRow) -> Cell:
        name = row.key[len(base_of(self.shown.folder or "")) :]
        if row.objects is None:
            return Name(name) if name else empty_name()
        return [("/", "group"), Name(name[:-1], "group") if name[:-1] else empty_name()]
