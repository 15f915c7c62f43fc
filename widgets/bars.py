"""Scrollbars of whole cells where the terminal has no blocks."""

from typing import Any

from rich.segment import Segments
from textual.scrollbar import ScrollBar, ScrollBarRender

from widgets.glyphs import ASCII, current

_PLAIN = [" "] * 8


class BarRender(ScrollBarRender):
    """Textual's, but in plain ASCII with no parts of cells."""

    @classmethod
    def render_bar(cls, *args: Any, **options: Any) -> Segments:
        kind = _PlainBars if current() is ASCII else ScrollBarRender
        return kind.render_bar(*args, **options)


class _PlainBars(ScrollBarRender):
    VERTICAL_BARS = _PLAIN
    HORIZONTAL_BARS = _PLAIN


ScrollBar.renderer = BarRender
