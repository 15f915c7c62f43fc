"""What a plan has to say as a whole: each note under its own sign, as many lines as fit."""

from collections.abc import Sequence

from textual import events
from textual.strip import Strip

from widgets.cells import Cell
from widgets.glyphs import current
from widgets.line_view import LineView
from widgets.text import counted, wrap

_INDENT = 3


class PlanNotes(LineView, can_focus=False):
    """Takes the lines that it needs, `most` at most, and none without notes."""

    DEFAULT_CSS = "PlanNotes { height: auto; overflow-y: hidden; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.notes: tuple[str, ...] = ()
        self._most = 1
        self._lines: list[Cell] = []
        self._built_for = -1

    def show(self, notes: Sequence[str], most: int) -> None:
        """Show these; outside texts may be among them."""
        if (tuple(notes), most) != (self.notes, self._most):
            self.notes, self._most = tuple(notes), most
            self._fit()

    def on_resize(self, event: events.Resize) -> None:
        if self._built_for != self.line_width:
            self._fit()

    def _fit(self) -> None:
        self.display = bool(self.notes)
        width = self.line_width or self.app.size.width
        self._built_for = width
        self._lines = note_lines(self.notes, width, self._most)
        self.styles.height = max(len(self._lines), 1)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        cell = self._lines[y] if y < len(self._lines) else ""
        return self.draw_line([(cell, self.line_width, False)])


def note_lines(notes: Sequence[str], width: int, most: int) -> list[Cell]:
    """At most `most` lines: whole notes where all fit; else each begins at least, the first with
    the lines that are left, and the last line counts those that do not show."""
    room = max(width - _INDENT, 8)
    whole = [wrap(note, room) or [""] for note in notes]
    shown, rest = whole, 0
    if sum(map(len, whole)) > most:
        if len(notes) > most:
            shown, rest = whole[: most - 1], len(notes) - most + 1
        spare = most - len(shown) - bool(rest)
        fitted = []
        for note, lines in zip(notes, shown, strict=False):
            allowed = min(len(lines), 1 + spare)
            spare -= allowed - 1
            fitted.append(lines if len(lines) <= allowed else wrap(note, room, lines=allowed))
        shown = fitted
    found: list[Cell] = []
    for lines in shown:
        for number, text in enumerate(lines):
            sign = f" {current().warn} " if number == 0 else " " * _INDENT
            found.append([(sign, "warn"), (text, "warn")])
    if rest:
        found.append(
            (f" {current().warn} {counted(rest, 'more note')}; the export has all", "warn")
        )
    return found
