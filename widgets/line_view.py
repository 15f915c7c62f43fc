"""The base of everything drawn line by line: styles by name, and lines made of cells."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

import widgets.bars  # noqa: F401  # its scrollbars
from widgets.cells import STYLES, Cell, draw_cell
from widgets.columns import GAP


class LineView(ScrollView):
    """Draws lines of cells; each style name of `cells.STYLES` is a component class
    `line--NAME`, so that a theme decides what it looks like."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"line--{name}" for name in STYLES}

    DEFAULT_CSS = """
    LineView {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        scrollbar-background: transparent;
        scrollbar-color: $foreground 20%;
        scrollbar-background-hover: transparent;
        scrollbar-background-active: transparent;
        background: transparent;
        & > .line--header { color: $foreground 60%; }
        & > .line--cursor { background: $primary 30%; text-style: bold; }
        & > .line--blurred { background: $foreground 8%; }
        & > .line--marked { color: $text-accent; text-style: bold; }
        & > .line--group { color: $text-primary; text-style: bold; }
        & > .line--strong { text-style: bold; }
        & > .line--dim { color: $foreground 60%; }
        & > .line--good { color: $text-success; }
        & > .line--warn { color: $text-warning; }
        & > .line--bad { color: $text-error; }
        & > .line--accent { color: $text-accent; }
        & > .line--active { color: $text-primary; }
        & > .line--hot { color: $text-error; }
        & > .line--warm { color: $text-warning; }
        & > .line--cold { color: $text-primary; }
        & > .line--archive { color: $text-secondary; }
    }
    """

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._styles_by_name: dict[tuple[str, ...], Style] = {}

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles_by_name.clear()

    def style_of(self, *names: str) -> Style:
        """The widget's own style with the named ones laid over it; "mark" draws reversed."""
        style = self._styles_by_name.get(names)
        if style is None:
            components = [f"line--{name}" for name in names if name and name != "mark"]
            style = self.get_visual_style(*components).rich_style
            # Textual's visual styles know no reverse; the themes of terminal colours need it.
            turned = any(self.get_component_styles(name).text_style.reverse for name in components)
            if turned != ("mark" in names):
                style += Style(reverse=True)
            self._styles_by_name[names] = style
        return style

    def set_line_count(self, count: int) -> None:
        """Say how many lines there are in all. Setting `virtual_size` itself would lay out the
        whole screen and draw this widget again; only the scrollbar needs to know."""
        size = Size(0, count)
        if size != self.virtual_size:
            self.set_reactive(LineView.virtual_size, size)
            self._scroll_update(size)

    @property
    def line_width(self) -> int:
        """Cells in a line, the scrollbar apart."""
        return self.scrollable_content_region.width

    def draw_line(
        self, cells: Sequence[tuple[Cell, int, bool]], *, base: str = "", gap: int = GAP
    ) -> Strip:
        """One line from (cell, width, at the right) in order, clipped or filled to the width."""
        segments: list[Segment] = []
        for number, (cell, width, right) in enumerate(cells):
            if number:
                segments.append(Segment(" " * gap, self.style_of(base)))
            segments += draw_cell(cell, width, self.style_of, right=right, base=base)
        return Strip(segments).simplify().crop_extend(0, self.line_width, self.style_of(base))
