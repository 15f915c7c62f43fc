"""The versions of one key, the newest first."""

from collections.abc import Sequence
from typing import ClassVar

from engine.model import ObjectVersion, ObjectVersions
from widgets.cells import Cell, Name
from widgets.columns import Column
from widgets.glyphs import current
from widgets.object_list import TIER_SHORT, TIER_STYLE
from widgets.text import bytes_text, counted, date_text, money_text, size_text
from widgets.virtual_list import VirtualList


class VersionList(VirtualList[ObjectVersion]):
    """One line a version; delete markers are lines too."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("when", "written", 19),
        Column("what", "what", 13),
        Column("size", "size", 5, right=True),
        Column("tier", "tier", 4),
        Column("class", "class", 18, priority=2),
        Column("cost", "$/mo", 7, right=True),
        Column("name", "version", 8, flex=1, comfort=12),
    )

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.found: ObjectVersions | None = None
        self._failed: tuple[str, ...] = ()

    def show(self, found: ObjectVersions) -> None:
        """Show these versions."""
        self.found, self._failed = found, ()
        self.rows_changed()
        self.placeholder_changed()

    def show_failed(self, lines: tuple[str, ...]) -> None:
        """Say why there are none to show."""
        self.found, self._failed = None, lines
        self.rows_changed()
        self.placeholder_changed()

    def count(self) -> int:
        return len(self.found.versions) if self.found is not None else 0

    def fetch(self, start: int, stop: int) -> Sequence[ObjectVersion]:
        return self.found.versions[start:stop] if self.found is not None else ()

    def row_style(self, row: ObjectVersion) -> str:
        return "" if row.current else "dim"

    def cell(self, row: ObjectVersion, key: str, width: int) -> Cell:
        match key:
            case "when":
                return date_text(row.pin.modified)
            case "what":
                if row.marker:
                    return ("delete marker", "bad" if row.current else "warn")
                if row.current:
                    return ("current", "good")
                return "snapshot" if row.snapshot else "earlier"
            case "name":
                return Name(row.name, "", "right")
            case _ if row.marker:
                return ""
            case "size":
                return size_text(row.pin.size)
            case "tier":
                return (TIER_SHORT[row.tier], TIER_STYLE[row.tier])
            case "class":
                return Name(row.storage_class)
            case "cost":
                return money_text(row.cost_month)
        return ""

    def placeholder(self, width: int) -> Sequence[Cell]:
        if self._failed:
            first, *rest = self._failed
            return [Name(f"FAILED: {first}", "bad", "right"), *(Name(t, "", "right") for t in rest)]
        if self.found is None:
            return [(f"Asking the store{current().ellipsis}", "dim")]
        if not self.found.kept:
            return [("This kind of store keeps one version of an object: the one there is.", "dim")]
        return [("The store tells of no version of this key.", "dim")]

    @property
    def summary(self) -> str:
        """How many there are, and what the earlier ones hold and cost."""
        if self.found is None or not self.found.versions:
            return ""
        versions = self.found.versions
        number = counted(len(versions), "version") + (" or more" if self.found.more else "")
        old = [item for item in versions if not item.current and not item.marker]
        if not old:
            return f"{number}; nothing earlier is kept"
        size = bytes_text(sum(item.pin.size for item in old))
        costs = [item.cost_month for item in old]
        known = [cost for cost in costs if cost is not None]
        cost = sum(known) if len(known) == len(costs) else None
        return (
            f"{number}; {len(old)} earlier hold {size}, {money_text(cost, currency=True)} a month"
        )
