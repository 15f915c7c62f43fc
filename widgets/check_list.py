"""What was checked, the worst first, and the whole of the check at the cursor."""

from collections.abc import Sequence
from typing import ClassVar

from engine.model import Check, CheckState
from widgets.cells import Cell, Name, Part
from widgets.columns import Column
from widgets.glyphs import current
from widgets.lines import Lines, paragraph
from widgets.virtual_list import VirtualList

STYLE = {
    CheckState.OK: "good",
    CheckState.WARNING: "warn",
    CheckState.FAILED: "bad",
    CheckState.SKIPPED: "dim",
}
_ORDER = {CheckState.FAILED: 0, CheckState.WARNING: 1, CheckState.OK: 2, CheckState.SKIPPED: 3}
WORD = {
    CheckState.OK: "ok",
    CheckState.WARNING: "look",
    CheckState.FAILED: "FAILED",
    CheckState.SKIPPED: "skipped",
}


def sign(state: CheckState) -> str:
    """The sign of a state; it reads without colour, too."""
    glyphs = current()
    return {
        CheckState.OK: glyphs.good,
        CheckState.WARNING: glyphs.warn,
        CheckState.FAILED: glyphs.bad,
        CheckState.SKIPPED: glyphs.dot,
    }[state]


class CheckList(VirtualList[Check]):
    """Checks, one a line: failed ones first, then what to look at, the rest as it came."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("state", "", 9),
        Column("subject", "of", 9, wide=16, wide_priority=2),
        Column("name", "check", 12, wide=18, wide_priority=1),
        Column("detail", "found", 20, flex=1, comfort=30),
    )
    GUTTER: ClassVar[int] = 2

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.checks: list[Check] = []
        self.waiting = ""

    def show(self, checks: Sequence[Check], *, waiting: str = "") -> None:
        """Show these checks; `waiting` says what is still looked at. The cursor keeps its check,
        or stays at the top."""
        here = self.cursor_row if self.cursor else None
        self.checks = sorted(checks, key=lambda check: _ORDER[check.state])
        self.waiting = waiting
        at = next((n for n, check in enumerate(self.checks) if check == here), 0)
        self.rows_changed(cursor=at)

    def count(self) -> int:
        return len(self.checks)

    def fetch(self, start: int, stop: int) -> Sequence[Check | None]:
        return self.checks[start:stop]

    def row_style(self, row: Check) -> str:
        return "dim" if row.state is CheckState.SKIPPED else ""

    def cell(self, row: Check, key: str, width: int) -> Cell:
        match key:
            case "state":
                return (f"{sign(row.state)} {WORD[row.state]}", STYLE[row.state])
            case "subject":
                return Name(row.subject, "strong", "right")
            case "name":
                return Name(row.name, "", "right")
        return Name(row.detail or row.todo, "", "right")

    def placeholder(self, width: int) -> Sequence[Cell]:
        return [(self.waiting or "Nothing was checked yet.", "dim")]


class CheckCard(Lines):
    """One check whole: what was found, and the one thing to do."""

    DEFAULT_CSS = "CheckCard { height: 8; max-height: 40%; border-top: solid $foreground 30%; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.check: Check | None = None

    def show(self, check: Check | None) -> None:
        """Show this check."""
        if check != self.check:
            self.check = check
            self.scroll_home(animate=False)
            self.lines_changed()

    def build(self, width: int) -> list[Cell]:
        check = self.check
        if check is None:
            return []
        lines: list[Cell] = [
            [
                (f"{sign(check.state)} {WORD[check.state]}  ", STYLE[check.state]),
                Name(f"{check.subject}: {check.name}", "strong", "right"),
            ]
        ]
        lines += paragraph(check.detail, width, indent=2)
        if check.todo:
            arrow: list[Part] = [(f"{current().arrow} ", "accent")]
            lines += paragraph(check.todo, width, first=arrow, indent=2, style="strong")
        return lines


def as_text(checks: Sequence[Check]) -> str:
    """All checks as plain lines, for copying. Outside strings are as raw as they came."""
    lines = []
    for check in sorted(checks, key=lambda check: _ORDER[check.state]):
        lines.append(f"{WORD[check.state]:>8}  {check.subject}: {check.name}: {check.detail}")
        if check.todo:
            lines.append(f"{'':10}-> {check.todo}")
    return "\n".join(lines)
