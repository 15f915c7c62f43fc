"""One line of caption, as a guided tour shows it."""

from widgets.banner import Banner


class Caption(Banner):
    """One line of text that stands out; empty, it takes no room."""

    DEFAULT_CSS = """
    Caption {
        background: $accent 30%; text-style: bold;
    }
    """
