"""What the lab says around its chart: the setting above, progress or the sentence below."""

from textual.strip import Strip

from widgets.cells import Cell, Name, Part
from widgets.glyphs import current
from widgets.line_view import LineView
from widgets.text import wrap

_BAR = 30


class LabSetting(LineView, can_focus=False):
    """Two lines of `word value` pairs, the values as they came from anybody."""

    DEFAULT_CSS = "LabSetting { height: 2; overflow-y: hidden; padding: 0 1; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: tuple[tuple[tuple[str, str], ...], ...] = ()

    def show(self, *lines: tuple[tuple[str, str], ...]) -> None:
        """Show these pairs, a tuple a line."""
        if lines != self._lines:
            self._lines = lines
            self.refresh()

    def render_line(self, y: int) -> Strip:
        parts: list[Part] = []
        for word, value in self._lines[y] if y < len(self._lines) else ():
            gap = "   " if parts else ""
            parts += [(f"{gap}{word} ", "dim"), Name(value, "", "right")]
        return self.draw_line([(parts, self.line_width, False)])


class LabNote(LineView, can_focus=False):
    """A few lines at the foot: a bar while something runs, else a sentence."""

    DEFAULT_CSS = "LabNote { height: 2; overflow-y: hidden; padding: 0 1; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._text = ""
        self._style = ""
        self._what = ""
        self._share = -1.0

    def say(self, text: str, style: str = "") -> None:
        """Show a sentence, wrapped and cut to the lines there are."""
        if (text, style) != (self._text, self._style) or self._share >= 0:
            self._text, self._style, self._share = text, style, -1.0
            self.refresh()

    def progress(self, what: str, share: float) -> None:
        """Show how far it is; never 100 % before it is done. Drawn where it reads differently."""
        share = min(max(share, 0.0), 0.99)
        percent, cells = int(share * 100), int(share * _BAR)
        if (what, percent, cells) != (self._what, int(self._share * 100), int(self._share * _BAR)):
            self._what, self._share = what, share
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.line_width
        cell: Cell = ""
        if self._share >= 0:
            if y == 0:
                full, glyphs = int(self._share * _BAR), current()
                cell = [
                    (glyphs.bar_full * full, "active"),
                    (glyphs.bar_empty * (_BAR - full), "dim"),
                    f" {int(self._share * 100):>2} %  ",
                    Name(self._what, "", "right"),
                ]
        else:
            height = self.scrollable_content_region.height
            lines = wrap(self._text, width, lines=max(height, 1))
            cell = (lines[y], self._style) if y < len(lines) else ""
        return self.draw_line([(cell, width, False)])
