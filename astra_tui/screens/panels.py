"""Where the panels of the console stand: arithmetic first, then the container that obeys it.

Narrow or low terminals show one panel at a time. From 100 × 28 on, clouds stand side by side
over the migrations, and the feed stands at the right of both where that leaves every cloud
enough room, else beside the migrations.
"""

from collections.abc import Sequence

from rich.segment import Segment
from textual import events
from textual.geometry import Offset, Region, Size, Spacing
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from widgets.cells import Part, draw_cell
from widgets.line_view import LineView
from widgets.text import visible

WIDE, TALL = 100, 28
PANE_WIDTH = 40  # below this a pane loses its columns
FEED_WIDTH = (38, 60)
BOARD_HEIGHT = (8, 18)


def is_stacked(size: Size) -> bool:
    """Whether there is room for one panel only."""
    return size.width < WIDE or size.height < TALL


def place(
    size: Size, clouds: int, current: int, first: int = 0, *, alone: bool = False
) -> dict[int, Region]:
    """Where each panel that shows stands, by its number.

    Panels 0 … clouds-1 are the clouds, then the feed, then the board. `current` is always
    shown; `first` is the first cloud to show where not all of them fit (see `scrolled`).
    """
    if alone:
        return {current: Region(0, 0, size.width, size.height)}
    feed_width = min(max(size.width * 3 // 10, FEED_WIDTH[0]), FEED_WIDTH[1])
    board_height = min(max(size.height * 3 // 10, BOARD_HEIGHT[0]), BOARD_HEIGHT[1])
    top = size.height - board_height
    main = size.width - feed_width
    beside = main // max(clouds, 1) >= PANE_WIDTH
    row_width = main if beside else size.width
    regions = {
        first + number: Region(x, 0, width, top)
        for number, (x, width) in enumerate(_shares(row_width, _fitting(row_width, clouds)))
    }
    if beside:
        regions[clouds] = Region(main, 0, feed_width, size.height)
    else:
        regions[clouds] = Region(main, top, feed_width, board_height)
    regions[clouds + 1] = Region(0, top, main, board_height)
    return regions


def scrolled(size: Size, clouds: int, current: int, first: int) -> int:
    """The first cloud to show, so that the current one does; moves as little as needed."""
    fitting = _fitting(size.width, clouds)
    if current < clouds:
        first = min(max(first, current - fitting + 1), current)
    return min(max(first, 0), clouds - fitting)


def _fitting(width: int, clouds: int) -> int:
    return min(max(width // PANE_WIDTH, 1), max(clouds, 1))


def _shares(width: int, count: int) -> list[tuple[int, int]]:
    edges = [width * number // count for number in range(count + 1)]
    return [(edges[i], edges[i + 1] - edges[i]) for i in range(count)]


class _PanelLayout(Layout):
    """Asks the container where its children go."""

    name = "panels"

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        assert isinstance(parent, Panels)
        return [
            WidgetPlacement(region, Offset(), Spacing(), widget)
            for widget, region in parent.regions(size)
            if widget in children
        ]


class Panels(Widget, can_focus=False):
    """Holds all panels and shows those that have room."""

    DEFAULT_CSS = "Panels { height: 1fr; overflow: hidden hidden; }"

    class Arranged(Message):
        """Other panels show now."""

    def __init__(self, panels: Sequence[Widget], clouds: int) -> None:
        super().__init__(*panels)
        self.panels = tuple(panels)
        self.clouds = clouds
        self.current = 0
        self.zoomed = False
        self.first = 0
        self.shown: tuple[int, ...] = ()
        self._panel_layout = _PanelLayout()

    @property
    def layout(self) -> Layout:
        """Panels are placed by `place`, whatever the style sheet says."""
        return self._panel_layout

    def regions(self, size: Size) -> list[tuple[Widget, Region]]:
        """The panels that show and where."""
        self.first = scrolled(size, self.clouds, self.current, self.first)
        alone = self.zoomed or is_stacked(self.app.size)
        regions = place(size, self.clouds, self.current, self.first, alone=alone)
        shown = tuple(sorted(regions))
        if shown != self.shown:
            self.shown = shown
            self.post_message(self.Arranged())
        return [(self.panels[number], region) for number, region in regions.items()]

    def go_to(self, number: int) -> None:
        """Make a panel the current one; it shows from now on."""
        if number != self.current:
            self.current = number
            self._arrange_again()

    def zoom(self, on: bool) -> None:
        """Give the current panel all the room, or no longer."""
        if on != self.zoomed:
            self.zoomed = on
            self._arrange_again()

    def _arrange_again(self) -> None:
        # A child's request makes its parent forget where the children stood; the parent's own
        # would only have it placed anew itself.
        self.panels[0].refresh(layout=True)


class Tabs(LineView, can_focus=False):
    """One line that names the panels where not all of them show."""

    DEFAULT_CSS = "Tabs { height: 1; overflow-y: hidden; }"

    class Picked(Message):
        """A panel was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self) -> None:
        super().__init__()
        self._tabs: tuple[tuple[str, str], ...] = ()
        self._current = 0

    def show(self, tabs: Sequence[tuple[str, str]], current: int) -> None:
        """Show (name, sign) of every panel; the current one stands out."""
        if (tuple(tabs), current) != (self._tabs, self._current):
            self._tabs, self._current = tuple(tabs), current
            self.refresh()

    def _cells(self) -> list[tuple[int, int, list[Part]]]:
        """Start, width and parts of each tab."""
        room = self.line_width // max(len(self._tabs), 1) - 2
        at, cells = 1, list[tuple[int, int, list[Part]]]()
        for number, (name, sign) in enumerate(self._tabs):
            shown = visible(name, width=max(room - 3 - len(sign), 3), cut="right")
            here = number == self._current
            texts = [
                (f" {number + 1} ", "cursor" if here else "dim"),
                (f"{shown} ", "cursor" if here else ""),
            ]
            if sign:
                texts.append((f"{sign} ", "cursor" if here else "accent"))
            width = sum(Segment(text).cell_length for text, _ in texts)
            cells.append((at, width, list(texts)))
            at += width + 1
        return cells

    def render_line(self, y: int) -> Strip:
        segments: list[Segment] = [Segment(" ", self.style_of())]
        for _, width, parts in self._cells():
            segments += draw_cell(parts, width, self.style_of)
            segments.append(Segment(" ", self.style_of()))
        return Strip(segments).crop_extend(0, self.line_width, self.style_of())

    def on_click(self, event: events.Click) -> None:
        for number, (at, width, _) in enumerate(self._cells()):
            if at <= event.x < at + width:
                self.post_message(self.Picked(number))
