"""The clouds that were found, with check boxes, and what is known of the one at the cursor."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar

from engine.discovery.candidate import FIELDS, Candidate
from engine.model import Check, CheckState
from widgets.cells import Cell, Name, Part
from widgets.columns import Column
from widgets.glyphs import current
from widgets.lines import Lines, field, long_field, paragraph
from widgets.virtual_list import VirtualList


class Tried(StrEnum):
    """How far the test of a cloud is."""

    NOT = "not tested"
    RUNNING = "testing"
    WELL = "ok"
    WARNED = "look"
    FAILED = "failed"


STATE_STYLE = {
    CheckState.OK: "good",
    CheckState.WARNING: "warn",
    CheckState.FAILED: "bad",
    CheckState.SKIPPED: "dim",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list: a candidate, whether it is taken, and how its test went."""

    candidate: Candidate
    taken: bool
    tried: Tried = Tried.NOT
    checks: tuple[Check, ...] = ()
    buckets: tuple[str, ...] = ()

    def learnt(self, check: Check) -> "Entry":
        """With one check more."""
        return replace(self, checks=(*self.checks, check))

    def ended(self) -> "Entry":
        """Its test is over."""
        states = {check.state for check in self.checks}
        if CheckState.FAILED in states or not states:
            return replace(self, tried=Tried.FAILED)
        warned = CheckState.WARNING in states
        return replace(self, tried=Tried.WARNED if warned else Tried.WELL)

    def untried(self, candidate: Candidate) -> "Entry":
        """For other values: what was found before says nothing of them."""
        return Entry(candidate, self.taken)


class EntryList(VirtualList[Entry]):
    """The entries, one a line."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("box", "", 3),
        Column("name", "name", 12, wide=20, wide_priority=2),
        Column("kind", "kind", 5),
        Column("state", "test", 12),
        Column("place", "where", 16, flex=2, comfort=24),
        Column("source", "found in", 24, priority=1, flex=1, comfort=24),
    )
    GUTTER: ClassVar[int] = 2

    def __init__(self) -> None:
        super().__init__(id="entries")
        self.entries: list[Entry] = []
        self.looking = True

    def show(self, entries: Sequence[Entry], *, looking: bool) -> None:
        """Show these entries."""
        self.entries, self.looking = list(entries), looking
        self.rows_changed()

    def count(self) -> int:
        return len(self.entries)

    def fetch(self, start: int, stop: int) -> Sequence[Entry | None]:
        return self.entries[start:stop]

    def cell(self, row: Entry, key: str, width: int) -> Cell:
        item, glyphs = row.candidate, current()
        match key:
            case "box":
                return ("[x]", "marked") if row.taken else ("[ ]", "dim")
            case "name":
                return Name(item.name, "strong" if row.taken else "", "right")
            case "kind":
                return item.kind.value
            case "state":
                signs = {
                    Tried.NOT: (glyphs.off, "dim"),
                    Tried.RUNNING: (glyphs.wait, "active"),
                    Tried.WELL: (glyphs.good, "good"),
                    Tried.WARNED: (glyphs.warn, "warn"),
                    Tried.FAILED: (glyphs.bad, "bad"),
                }
                sign, style = signs[row.tried]
                return [(f"{sign} {row.tried.value}", style)]
            case "place":
                return Name(item.place or item.note, "" if item.place else "dim", "middle")
        return Name(item.source, "dim", "right")

    def placeholder(self, width: int) -> Sequence[Cell]:
        if self.looking:
            return [(f"Looking for clouds on this machine {current().ellipsis}", "dim")]
        text = "No cloud was found on this machine. Add one by hand (a), or see the demo (d)."
        return paragraph(text, width, style="dim")


class Details(Lines):
    """The whole of one entry: its values, where they come from, each check."""

    DEFAULT_CSS = (
        "Details { height: 11; max-height: 50%; border-top: solid $border-blurred; padding: 0 1; }"
    )

    def __init__(self) -> None:
        super().__init__(id="details")
        self.entry: Entry | None = None
        self.troubles: Sequence[str] = ()

    def show(self, entry: Entry | None, troubles: Sequence[str] = ()) -> None:
        """Show this entry; without one, what could not be read."""
        if (entry, tuple(troubles)) != (self.entry, tuple(self.troubles)):
            self.entry, self.troubles = entry, tuple(troubles)
            self.scroll_home(animate=False)
            self.lines_changed()

    def build(self, width: int) -> list[Cell]:
        lines: list[Cell] = []
        entry = self.entry
        if entry is not None:
            lines += self._checks(entry, width)
            item = entry.candidate
            lines += long_field("found in", item.source, width)
            if item.note:
                lines += long_field("note", item.note, width)
            for key in FIELDS:
                if value := item.get(key):
                    lines += long_field(key, value, width)
            if item.secrets:
                names = ", ".join(name for name, _ in item.secrets)
                text = f"{names}: not set yet; writing the config offers a private .env for it"
                lines += long_field("keys", text, width, style="warn")
            if entry.buckets:
                lines += long_field("buckets", ", ".join(entry.buckets), width)
        for trouble in self.troubles:
            lines += long_field("not read", trouble, width, style="warn")
        return lines

    @staticmethod
    def _checks(entry: Entry, width: int) -> list[Cell]:
        lines: list[Cell] = []
        order = (CheckState.FAILED, CheckState.WARNING, CheckState.OK, CheckState.SKIPPED)
        for state in order:
            for check in entry.checks:
                if check.state is not state or (state is CheckState.SKIPPED and not check.detail):
                    continue
                style = STATE_STYLE[state]
                first: list[Part] = [(f"{check.name:<14.14}", style)]
                lines += paragraph(
                    check.detail or state.value, width, first=first, indent=14,
                    style="dim" if state is CheckState.SKIPPED else "",
                )  # fmt: skip
                if check.todo and state in (CheckState.FAILED, CheckState.WARNING):
                    arrow: list[Part] = [(f"{current().arrow} ".rjust(14), "accent")]
                    lines += paragraph(check.todo, width, first=arrow, indent=14, style="strong")
        if entry.tried is Tried.RUNNING:
            lines.append(field("", (f"testing {current().ellipsis}", "active")))
        return lines
