"""Lines that stand out: above a list, what is wrong while old rows still show; below a filter,
why it cannot be used."""

from textual.geometry import Size
from textual.strip import Strip

from widgets.cells import Name
from widgets.line_view import LineView
from widgets.text import wrap


class Banner(LineView, can_focus=False):
    """One line; empty, it takes no room."""

    DEFAULT_CSS = """
    Banner {
        height: 1; overflow-y: hidden; display: none;
        background: $error 20%;
        &.-shown { display: block; }
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.text = ""

    def show(self, text: str) -> None:
        """Show this text; an empty one hides the line."""
        if text != self.text:
            self.text = text
            self.set_class(bool(text), "-shown")
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.line_width
        return self.draw_line([("", 0, False), (Name(self.text, "", "right"), width - 1, False)])


class Problem(Banner):
    """A sentence of as many lines as it needs, three at most."""

    DEFAULT_CSS = """
    Problem { height: auto; max-height: 3; }
    """

    def show(self, text: str) -> None:
        if text != self.text:
            super().show(text)
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width)) or 1

    def _lines(self, width: int) -> list[str]:
        return wrap(self.text, max(width - 2, 8), lines=3)

    def render_line(self, y: int) -> Strip:
        width = self.line_width
        lines = self._lines(width)
        text = lines[y] if y < len(lines) else ""
        return self.draw_line([("", 0, False), (Name(text, "bad", "right"), width - 1, False)])
