"""Cells of lists: our own short texts, and outside strings made safe, drawn to a width."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style

from widgets.glyphs import current
from widgets.text import Cut, cell_name

STYLES = (
    "header",
    "cursor",
    "blurred",
    "marked",
    "group",
    "strong",
    "dim",
    "good",
    "warn",
    "bad",
    "accent",
    "active",
    "hot",
    "warm",
    "cold",
    "archive",
)
"""Names of styles in cells."""


@dataclass(frozen=True, slots=True)
class Name:
    """An outside string in a cell: its control characters are made visible."""

    raw: str
    style: str = ""
    cut: Cut = "middle"


Part = str | tuple[str, str] | Name
"""Our own text, our own text with a style, or an outside string."""

Cell = Part | list[Part]

Styler = Callable[..., Style]
"""Gives the style for names laid over one another; "mark" draws reversed."""


def draw_cell(
    cell: Cell, width: int, styler: Styler, *, right: bool = False, base: str = "", over: str = ""
) -> list[Segment]:
    """Segments for one cell, together exactly `width` cells wide.

    `base` is the style of the line, `over` the one of parts that have none of their own.
    """
    drawn: list[Segment] = []
    left = width
    for part in cell if isinstance(cell, list) else [cell]:
        if left <= 0:
            break
        if isinstance(part, Name):
            raw, style, cut = part.raw, part.style or over, part.cut
        elif isinstance(part, str):
            raw, style, cut = part, over, "right"
        else:
            raw, style, cut = part[0], part[1] or over, "right"
        if not isinstance(part, Name) and raw.isprintable():
            text = raw if raw.isascii() and len(raw) <= left else _cut(raw, left)
            drawn.append(Segment(text, styler(base, style)))
            left -= drawn[-1].cell_length
            continue
        for text, marked in cell_name(raw, left, cut):
            look = styler(base, style, "mark") if marked else styler(base, style)
            drawn.append(Segment(text, look))
            left -= drawn[-1].cell_length
    if left > 0:
        blank = Segment(" " * left, styler(base))
        drawn = [blank, *drawn] if right else [*drawn, blank]
    return drawn


def _cut(text: str, width: int) -> str:
    if Segment(text).cell_length <= width:
        return text
    return set_cell_size(text, width - 1) + current().ellipsis
