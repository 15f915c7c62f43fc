"""One line of caption, as a guided tour shows it."""

from textual.strip import Strip

from widgets.cells import Name
from widgets.line_view import LineView


class Caption(LineView, can_focus=False):
    """One line of text that stands out; empty, it takes no room."""

    DEFAULT_CSS = """
    Caption {
        height: 1; overflow-y: hidden; display: none;
        background: $accent 30%; text-style: bold; text-align: center;
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
        return self.draw_line([("", 1, False), (Name(self.text, "", "right"), width - 2, False)])
