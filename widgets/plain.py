"""Lines of cells without styles, for a command's output."""

from widgets.cells import Cell, Name
from widgets.text import visible


def plain_line(cell: Cell) -> str:
    """What a cell says; whatever is not printable is made visible, as on the screen."""
    parts = cell if isinstance(cell, list) else [cell]
    return "".join(
        visible(part.raw) if isinstance(part, Name) else _shown(part) for part in parts
    ).rstrip()


def _shown(part: str | tuple[str, str]) -> str:
    text = part if isinstance(part, str) else part[0]
    return text if text.isprintable() else visible(text)
