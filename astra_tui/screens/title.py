"""The first line of a full screen other than the console: what this is, and of what."""

from textual.strip import Strip

from widgets.cells import Name, Part
from widgets.line_view import LineView


class TitleLine(LineView, can_focus=False):
    """`Plan · 12 moves from aws`: our word for the screen, then text that may be anybody's."""

    DEFAULT_CSS = """
    TitleLine { height: 1; overflow-y: hidden; background: $foreground 6%; }
    """

    def __init__(self, kind: str, subject: str = "", note: str = "") -> None:
        super().__init__()
        self._kind = kind
        self._subject = subject
        self._note = note

    def show(self, subject: str, note: str = "") -> None:
        """Show another subject."""
        if (subject, note) != (self._subject, self._note):
            self._subject, self._note = subject, note
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.line_width
        note = len(self._note)
        parts: list[Part] = [" ", (self._kind, "strong"), "  "]
        left = width - len(self._kind) - 4 - (note + 2 if note else 0)
        return self.draw_line(
            [
                (parts, len(self._kind) + 3, False),
                (Name(self._subject), max(left - 1, 1), False),
                ((self._note, "dim"), note, True),
            ]
        )
