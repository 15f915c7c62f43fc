"""Where the panels of the console stand: arithmetic first, then the container that obeys it.

Narrow or low terminals show one panel at a time. From 100 × 28 on, clouds stand side by side
over the migrations, and the feed stands at the right of both where that leaves every cloud
enough room, else beside the migrations.
"""

from collections.abc import Collection, Mapping, Sequence

from rich.segment import Segment
from textual import events
from textual.geometry import Offset, Region, Size, Spacing
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from engine.model import PanelLayout
from widgets.cells import Part, draw_cell
from widgets.line_view import LineView
from widgets.text import visible

WIDE, TALL = 100, 28
PANE_WIDTH = 40  # below this a pane loses its columns
FEED_WIDTH = (38, 60)
BOARD_HEIGHT = (8, 18)
STEPS = 12  # that a panel can be made larger or smaller, at most
_FEED_STEP, _BOARD_STEP, _CLOUD_STEP = 4, 2, 6  # cells that a step is
_LEAST_WIDTH, _LEAST_HEIGHT = 24, 5


def is_stacked(size: Size) -> bool:
    """Whether there is room for one panel only."""
    return size.width < WIDE or size.height < TALL


def place(
    size: Size,
    clouds: int,
    current: int,
    first: int = 0,
    *,
    alone: bool = False,
    hidden: Collection[int] = (),
    grown: Mapping[int, int] | None = None,
) -> dict[int, Region]:
    """Where each panel that shows stands, by its number.

    The numbers 0 … clouds-1 are the places in the row of clouds, then that of the feed, then
    that of the board; a `hidden` one leaves its room to the others. `current` is always shown;
    `first` is the first of the row to show where not all fit (see `scrolled`). `grown` tells
    how many steps larger than usual a panel is: the feed and clouds in width, the board in height.
    """
    grown = grown or {}
    if alone:
        return {current: Region(0, 0, size.width, size.height)}
    feed, board = clouds, clouds + 1
    row = _row(clouds, hidden)
    with_feed, with_board = feed not in hidden, board not in hidden
    feed_width = _feed_width(size.width, len(row), grown.get(feed, 0)) if with_feed else 0
    main = size.width - feed_width
    if not row:
        regions = {board: Region(0, 0, main, size.height)} if with_board else {}
        if with_feed:
            left = main if with_board else 0
            regions[feed] = Region(left, 0, size.width - left, size.height)
        return regions
    beside = with_feed and main // len(row) >= PANE_WIDTH
    below = with_board or (with_feed and not beside)
    low = min(max(size.height * 3 // 10, BOARD_HEIGHT[0]), BOARD_HEIGHT[1]) if below else 0
    if with_board:
        wished = low + _BOARD_STEP * grown.get(board, 0)
        low = max(min(wished, size.height - 2 * _LEAST_HEIGHT), _LEAST_HEIGHT)
    top = size.height - low
    row_width = main if beside else size.width
    fitting = row[first : first + _fitting(row_width, len(row))]
    shares = _shares(row_width, [grown.get(number, 0) for number in fitting])
    regions = {
        row[first + number]: Region(x, 0, width, top) for number, (x, width) in enumerate(shares)
    }
    if beside:
        regions[feed] = Region(main, 0, feed_width, size.height)
    elif with_feed:
        left = main if with_board else 0
        regions[feed] = Region(left, top, size.width - left, low)
    if with_board:
        regions[board] = Region(0, top, main, low)
    return regions


def scrolled(
    size: Size, clouds: int, current: int, first: int, *, hidden: Collection[int] = ()
) -> int:
    """Which of the row comes first, so that the current one shows; moves as little as needed."""
    row = _row(clouds, hidden)
    fitting = _fitting(size.width, len(row))
    if current in row:
        at = row.index(current)
        first = min(max(first, at - fitting + 1), at)
    return min(max(first, 0), max(len(row) - fitting, 0))


def _row(clouds: int, hidden: Collection[int]) -> list[int]:
    return [number for number in range(clouds) if number not in hidden]


def _fitting(width: int, clouds: int) -> int:
    return min(max(width // PANE_WIDTH, 1), max(clouds, 1))


def _feed_width(width: int, clouds: int, steps: int) -> int:
    """As wide as usual, and the steps; larger only as far as it does not lose its place."""
    usual = min(max(width * 3 // 10, FEED_WIDTH[0]), FEED_WIDTH[1])
    most = max(width - PANE_WIDTH * max(clouds, 1), usual)
    return max(min(usual + _FEED_STEP * steps, most), _LEAST_WIDTH)


def _shares(width: int, steps: Sequence[int]) -> list[tuple[int, int]]:
    """Start and width of panels side by side, alike but for these steps.

    What one gains, the others give in equal parts.
    """
    count = len(steps)
    edges = [width * number // count for number in range(count + 1)]
    widths = [edges[i + 1] - edges[i] for i in range(count)]
    for number, step in enumerate(steps):
        for other in range(count):
            if other != number:
                to, of = (number, other) if step > 0 else (other, number)
                give = _CLOUD_STEP * abs(step) // (count - 1)
                give = min(give, max(widths[of] - _LEAST_WIDTH, 0))
                widths[to] += give
                widths[of] -= give
    starts = [sum(widths[:number]) for number in range(count)]
    return list(zip(starts, widths, strict=True))


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

    def __init__(self, panels: Mapping[str, Widget], clouds: int) -> None:
        super().__init__(*panels.values())
        self.panels = list(panels.values())
        """The panels in their order: the first ones stand in the row, the others around it."""
        self.clouds = clouds
        self.current = 0
        self.zoomed = False
        self.first = 0
        self.shown: tuple[int, ...] = ()
        self._names = {panel: name for name, panel in panels.items()}
        self._hidden: set[Widget] = set()
        self._grown: dict[Widget, int] = {}
        self._panel_layout = _PanelLayout()

    @property
    def layout(self) -> Layout:
        """Panels are placed by `place`, whatever the style sheet says."""
        return self._panel_layout

    def regions(self, size: Size) -> list[tuple[Widget, Region]]:
        """The panels that show and where."""
        hidden = self.hidden
        self.first = scrolled(size, self.clouds, self.current, self.first, hidden=hidden)
        alone = self.zoomed or is_stacked(self.app.size)
        regions = self._places(size, alone=alone)
        shown = tuple(sorted(regions))
        if shown != self.shown:
            self.shown = shown
            self.post_message(self.Arranged())
        return [(self.panels[number], region) for number, region in regions.items()]

    def _places(self, size: Size, *, alone: bool) -> dict[int, Region]:
        return place(
            *(size, self.clouds, self.current, self.first),
            alone=alone, hidden=self.hidden,
            grown={n: self._grown.get(panel, 0) for n, panel in enumerate(self.panels)},
        )  # fmt: skip

    # -- where they stand ---------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """The panels by name, in their order."""
        return tuple(self._names[panel] for panel in self.panels)

    @property
    def hidden(self) -> frozenset[int]:
        """The numbers of the panels that are hidden."""
        return frozenset(n for n, panel in enumerate(self.panels) if panel in self._hidden)

    @property
    def as_left(self) -> PanelLayout:
        """Order, hidden panels and sizes, to be kept."""
        names = self.names
        sizes = tuple(self._grown.get(panel, 0) for panel in self.panels)
        hidden = tuple(names[number] for number in sorted(self.hidden))
        return PanelLayout(names, hidden, sizes if any(sizes) else ())

    def set_out(self, layout: PanelLayout) -> None:
        """Let the panels stand as they were left. The current one stays current if it shows."""
        by_name = {name: panel for panel, name in self._names.items()}
        current = self.panels[self.current]
        self.panels = [by_name[name] for name in layout.arranged(self.names)]
        hidden = {by_name[name] for name in layout.hidden if name in by_name}
        if len(hidden) == len(self.panels):
            hidden = set()
        if current in hidden:
            current = next(panel for panel in self.panels if panel not in hidden)
        self._hidden, self.current = hidden, self.panels.index(current)
        sizes = zip(layout.order, layout.sizes, strict=False)
        self._grown = {by_name[name]: steps for name, steps in sizes if name in by_name}
        self._arrange_again()

    def beside(self, by: int) -> int | None:
        """The panel that shows before (-1) or after (1) the current one, None at the end."""
        hidden, number = self.hidden, self.current + by
        while 0 <= number < len(self.panels) and number in hidden:
            number += by
        return number if 0 <= number < len(self.panels) else None

    def swap(self, by: int) -> None:
        """Let the current panel change places with the one before (-1) or after (1) it."""
        other = self.beside(by)
        if other is not None:
            here, panels = self.current, self.panels
            panels[here], panels[other] = panels[other], panels[here]
            self.current = other
            self._arrange_again()

    def grown_to(self, by: int) -> dict[Widget, int]:
        """Sizes with the current panel a step larger (1) or smaller (-1), {} if it cannot be."""
        if self.zoomed or is_stacked(self.app.size):
            return {}
        panel, before = self.panels[self.current], self._grown
        steps = before.get(panel, 0) + by
        if abs(steps) > STEPS:
            return {}
        was = self._places(self.size, alone=False)
        self._grown = {**before, panel: steps}
        changes = self._places(self.size, alone=False) != was
        wished, self._grown = self._grown, before
        return wished if changes else {}

    def grow(self, by: int) -> None:
        """Make the current panel a step larger (1) or smaller (-1), as far as there is room."""
        if wished := self.grown_to(by):
            self._grown = wished
            self._arrange_again()

    def hide(self) -> None:
        """Take the current panel away; the one beside it becomes the current one."""
        other = self.beside(1)
        if other is None:
            other = self.beside(-1)
        if other is not None:
            self._hidden.add(self.panels[self.current])
            self.current = other
            self._arrange_again()

    def show_all(self) -> None:
        """No panel is hidden any longer."""
        if self._hidden:
            self._hidden.clear()
            self._arrange_again()

    def go_to(self, number: int) -> None:
        """Make a panel the current one; it shows from now on."""
        panel = self.panels[number]
        if number != self.current or panel in self._hidden:
            self._hidden.discard(panel)
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
        self._tabs: tuple[tuple[str, str, bool], ...] = ()
        self._current = 0

    def show(self, tabs: Sequence[tuple[str, str, bool]], current: int) -> None:
        """Show (name, sign, hidden) of every panel; the current one stands out, hidden ones
        stand in brackets."""
        if (tuple(tabs), current) != (self._tabs, self._current):
            self._tabs, self._current = tuple(tabs), current
            self.refresh()

    def _cells(self) -> list[tuple[int, int, list[Part]]]:
        """Start, width and parts of each tab."""
        room = self.line_width // max(len(self._tabs), 1) - 2
        at, cells = 1, list[tuple[int, int, list[Part]]]()
        for number, (name, sign, hidden) in enumerate(self._tabs):
            shown = visible(name, width=max(room - 3 - len(sign) - 2 * hidden, 3), cut="right")
            shown = f"[{shown}]" if hidden else shown
            here = number == self._current
            texts = [
                (f" {number + 1} ", "cursor" if here else "dim"),
                (f"{shown} ", "cursor" if here else "dim" if hidden else ""),
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
