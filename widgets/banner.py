"""A line that stands out above a list: what is wrong while old rows still show."""

from textual.strip import Strip

from widgets.cells import Name
from widgets.line_view import LineView


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
