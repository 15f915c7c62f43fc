"""A list that draws only the lines that show: a million rows cost the same as ten."""

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from widgets.cells import Cell, draw_cell
from widgets.columns import GAP, Column, Placed, fit
from widgets.glyphs import current
from widgets.line_view import LineView

RowT = TypeVar("RowT")


class RowMessage(Message):
    """Something about one row of a list."""

    def __init__(self, control: "VirtualList[Any]", index: int) -> None:
        super().__init__()
        self.list = control
        self.index = index

    @property
    def control(self) -> "VirtualList[Any]":
        return self.list


class VirtualList(LineView, Generic[RowT], can_focus=True, inherit_bindings=False):
    """Rows on demand under a header line, with a cursor.

    A subclass gives `count()`, `fetch()`, `cell()` and, if it likes, `is_marked()`,
    `row_style()`, `header()` and `placeholder()`; it calls `rows_changed()` when the rows
    behind them changed. Only lines that look different then are drawn.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor_up", "Up", show=False, id="up"),
        Binding("down,j", "cursor_down", "Down", show=False, id="down"),
        Binding("pageup", "page_up", "Page up", show=False, id="page-up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="page-down"),
        Binding("ctrl+u", "half_up", "Half up", show=False, id="half-up"),
        Binding("ctrl+d", "half_down", "Half down", show=False, id="half-down"),
        Binding("home,g", "first", "First", show=False, id="first"),
        Binding("end,G", "last", "Last", show=False, id="last"),
    ]

    DEFAULT_CSS = "VirtualList { height: 1fr; }"

    GUTTER: ClassVar[int] = 3  # the cursor's sign, the mark, a space
    COLUMNS: ClassVar[tuple[Column, ...]] = ()
    HEADER: ClassVar[bool] = True

    class CursorMoved(RowMessage):
        """The cursor is on another row."""

    class Chosen(RowMessage):
        """A row was double-clicked, or `action_choose` was called on it."""

    class MarkClicked(RowMessage):
        """The gutter of a row was clicked."""

    class HeaderClicked(Message):
        """The head of a column was clicked."""

        def __init__(self, control: "VirtualList[Any]", key: str) -> None:
            super().__init__()
            self.list = control
            self.key = key

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._cursor = 0
        self._window_start = 0
        self._window: Sequence[RowT | None] | None = None
        self._placed: tuple[Placed, ...] = ()
        self._placed_for = -1
        self._drawn: dict[int, Strip] = {}  # the lines as drawn last
        self._instead: list[Cell] = []  # the placeholder as drawn last

    # -- what a subclass gives -----------------------------------------------------------

    def count(self) -> int:
        """How many rows there are."""
        return 0

    def fetch(self, start: int, stop: int) -> Sequence[RowT | None]:
        """Rows start ≤ i < stop; called for what shows, not for all. None for a row that is
        still on its way: it is drawn as a dim mark until `rows_changed()` is called."""
        return ()

    def cell(self, row: RowT, key: str, width: int) -> Cell:
        """What stands in one column of a row."""
        return ""

    def is_marked(self, row: RowT) -> bool:
        """Whether the row carries a mark."""
        return False

    def row_style(self, row: RowT) -> str:
        """A style for cells that have none of their own, "" for the usual one."""
        return "marked" if self.is_marked(row) else ""

    def columns(self) -> Sequence[Column]:
        """The columns; call `columns_changed` when they are others."""
        return self.COLUMNS

    def merged(self, row: RowT) -> tuple[str, ...]:
        """Neighbouring columns that are one cell in this row; it is asked for by the first."""
        return ()

    def header(self, column: Column, width: int) -> Cell:
        """The head of a column."""
        return column.title

    def placeholder(self, width: int) -> Sequence[Cell]:
        """Lines to show instead of rows while there are none."""
        return ()

    # -- the cursor ----------------------------------------------------------------------

    @property
    def head(self) -> int:
        """Lines taken by the header."""
        return 1 if self.HEADER else 0

    @property
    def visible_count(self) -> int:
        """Lines for rows."""
        return max(self.scrollable_content_region.height - self.head, 0)

    @property
    def top(self) -> int:
        """The first row that shows."""
        return round(self.scroll_offset.y)

    @property
    def cursor(self) -> int:
        """The row under the cursor, 0 if there are none."""
        return self._cursor

    @property
    def cursor_row(self) -> RowT | None:
        """The row under the cursor, None if there is none."""
        return self.row(self._cursor) if 0 <= self._cursor < self.count() else None

    def row(self, index: int) -> RowT | None:
        """A row, from the visible window if it is there."""
        window = self._window
        if window is not None and 0 <= index - self._window_start < len(window):
            return window[index - self._window_start]
        rows = self.fetch(index, index + 1)
        return rows[0] if rows else None

    def move_cursor(self, index: int) -> None:
        """Put the cursor on a row and scroll as little as needed to show it."""
        index = min(max(index, 0), max(self.count() - 1, 0))
        if index != self._cursor:
            old, self._cursor = self._cursor, index
            self._refresh_row(old)
            self._refresh_row(index)
            self.post_message(self.CursorMoved(self, index))
        self._show_cursor()

    def _show_cursor(self) -> None:
        shown = self.visible_count
        if shown <= 0:
            return
        if self._cursor < self.top:
            self._scroll_rows(self._cursor)
        elif self._cursor >= self.top + shown:
            self._scroll_rows(self._cursor - shown + 1)

    def _scroll_rows(self, top: int) -> None:
        self.scroll_to(y=max(top, 0), animate=False, immediate=True)

    def action_cursor_up(self) -> None:
        self.move_cursor(self._cursor - 1)

    def action_cursor_down(self) -> None:
        self.move_cursor(self._cursor + 1)

    def action_page_up(self) -> None:
        self.move_cursor(self._cursor - max(self.visible_count - 1, 1))

    def action_page_down(self) -> None:
        self.move_cursor(self._cursor + max(self.visible_count - 1, 1))

    def action_half_up(self) -> None:
        self.move_cursor(self._cursor - max(self.visible_count // 2, 1))

    def action_half_down(self) -> None:
        self.move_cursor(self._cursor + max(self.visible_count // 2, 1))

    def action_first(self) -> None:
        self.move_cursor(0)

    def action_last(self) -> None:
        self.move_cursor(self.count() - 1)

    def move_by(self, move: str, times: int) -> None:
        """Do a movement of `BINDINGS`, by its id, so many times at once; `first` and `last` go
        to that line instead, counted from 1."""
        page, half = max(self.visible_count - 1, 1), max(self.visible_count // 2, 1)
        steps = {
            "up": -1, "down": 1, "page-up": -page, "page-down": page,
            "half-up": -half, "half-down": half,
        }  # fmt: skip
        step = steps.get(move)
        self.move_cursor(times - 1 if step is None else self._cursor + step * times)

    def action_choose(self) -> None:
        """Post `Chosen` for the row under the cursor."""
        if self.count():
            self.post_message(self.Chosen(self, self._cursor))

    async def _on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < self.head:
            at = self.GUTTER
            for placed in self._columns(self.line_width):
                if at <= offset.x < at + placed.width:
                    self.post_message(self.HeaderClicked(self, placed.column.key))
                at += placed.width + GAP
            return
        index = self.top + offset.y - self.head
        if index >= self.count():
            return
        self.move_cursor(index)
        if offset.x < self.GUTTER:
            self.post_message(self.MarkClicked(self, index))
        elif event.chain == 2:
            self.post_message(self.Chosen(self, index))

    # -- changes -------------------------------------------------------------------------

    def rows_changed(self, *, cursor: int | None = None, top: int | None = None) -> None:
        """The rows behind `count` and `fetch` changed; draw again what differs.

        `cursor` and `top` move the cursor and the first visible row along with the rows.
        """
        old, old_start, old_top = self._window, self._window_start, self.top
        old_cursor = self._cursor
        self._window = None
        count = self.count()
        if cursor is not None:
            self._cursor = cursor
        self._cursor = min(max(self._cursor, 0), max(count - 1, 0))
        if not self.is_mounted:
            return
        self._resize_virtual(count)
        if top is not None:
            self._scroll_rows(min(top, max(count - self.visible_count, 0)))
        if not count and not old:
            self.placeholder_changed()
            return
        if not old or not count or self.top != old_top or old_start != old_top:
            self.refresh()
            return
        window = self._fetch_window()
        for line in range(max(len(old), len(window))):
            before = old[line] if line < len(old) else None
            after = window[line] if line < len(window) else None
            if before != after and (after is None or self._looks_new(line, after)):
                self.refresh_lines(self.top + self.head + line)
        if old_cursor != self._cursor:
            self._refresh_row(old_cursor)
            self._refresh_row(self._cursor)

    def _looks_new(self, line: int, row: RowT) -> bool:
        """Whether a row that differs also reads differently: an age of 3.0001 days does not."""
        return self._render_row(row, self.top + line, self.line_width) != self._drawn.get(line)

    def placeholder_changed(self) -> None:
        """Draw the placeholder again if it shows and reads differently now."""
        if not self.count() and list(self.placeholder(self.line_width)) != self._instead:
            self.refresh()

    def rows_marked(self, first: int, last: int | None = None) -> None:
        """Marks of these rows changed; draw their lines again."""
        for index in range(max(first, self.top), min((first if last is None else last) + 1,
                                                     self.top + self.visible_count)):  # fmt: skip
            self._refresh_row(index)

    def columns_changed(self) -> None:
        """Other columns are shown now; draw everything again."""
        self._placed_for = -1
        if self.is_mounted:
            self.refresh()

    def header_changed(self) -> None:
        """Draw the header line again."""
        self.refresh_lines(self.top)

    def _resize_virtual(self, count: int) -> None:
        self.set_line_count(count + self.head)

    def _refresh_row(self, index: int) -> None:
        if self.top <= index < self.top + self.visible_count:
            self.refresh_lines(index + self.head)

    def on_mount(self) -> None:
        self._resize_virtual(self.count())

    def on_focus(self) -> None:
        self._refresh_row(self._cursor)

    def on_blur(self) -> None:
        self._refresh_row(self._cursor)

    def on_resize(self) -> None:
        self._show_cursor()

    # -- drawing -------------------------------------------------------------------------

    def _fetch_window(self) -> Sequence[RowT | None]:
        top = self.top
        stop = min(top + max(self.visible_count, 1), self.count())
        window = self._window
        if window is None or self._window_start != top or len(window) < stop - top:
            window = self.fetch(top, stop)
            self._window, self._window_start = window, top
        return window

    def _columns(self, width: int) -> tuple[Placed, ...]:
        if self._placed_for != width:
            self._placed = fit(self.columns(), width - self.GUTTER)
            self._placed_for = width
        return self._placed

    def render_line(self, y: int) -> Strip:
        width = self.line_width
        line = y - self.head
        if not self.count():
            if line < 0:
                return Strip.blank(width, self.style_of())
            if line == 0 or not self._instead:
                self._instead = list(self.placeholder(width))
            instead = self._instead[line] if line < len(self._instead) else ""
            return self.draw_line([(instead, width, False)])
        if line < 0:
            return self.draw_line(self._header_cells(width), base="header")
        window = self._fetch_window()
        if line >= len(window):
            return Strip.blank(width, self.style_of())
        strip = self._render_row(window[line], self.top + line, width)
        self._drawn[line] = strip
        return strip

    def _header_cells(self, width: int) -> list[tuple[Cell, int, bool]]:
        cells: list[tuple[Cell, int, bool]] = [("", self.GUTTER - GAP, False)]
        for placed in self._columns(width):
            head = self.header(placed.column, placed.width)
            cells.append((head, placed.width, placed.column.right))
        return cells

    def _layout(self, row: RowT, width: int) -> list[tuple[str, int, bool]]:
        """(key, width, at the right) of the cells of a row, with its merged columns as one."""
        merged = self.merged(row)
        cells: list[tuple[str, int, bool]] = []
        start = -1
        for placed in self._columns(width):
            column = placed.column
            if column.key in merged and start >= 0:
                key, cells_wide, _ = cells[start]
                cells[start] = (key, cells_wide + GAP + placed.width, False)
                continue
            if column.key in merged:
                start = len(cells)
            cells.append((column.key, placed.width, column.right and column.key not in merged))
        return cells

    def _render_row(self, row: RowT | None, index: int, width: int) -> Strip:
        glyphs = current()
        here = index == self._cursor
        base = ("cursor" if self.has_focus else "blurred") if here else ""
        if row is None:
            segments = [
                Segment(glyphs.cursor if here else " ", self.style_of(base)),
                Segment(f"  {glyphs.ellipsis}", self.style_of(base, "dim")),
            ]
            return Strip(segments).crop_extend(0, width, self.style_of(base))
        marked = self.is_marked(row)
        over = self.row_style(row)
        segments = [
            Segment(glyphs.cursor if here else " ", self.style_of(base)),
            Segment(glyphs.mark if marked else " ", self.style_of(base, "marked")),
            Segment(" ", self.style_of(base)),
        ]
        for number, (key, cells, right) in enumerate(self._layout(row, width)):
            if number:
                segments.append(Segment(" " * GAP, self.style_of(base)))
            cell = self.cell(row, key, cells)
            segments += draw_cell(cell, cells, self.style_of, right=right, base=base, over=over)
        return Strip(segments).simplify().crop_extend(0, width, self.style_of(base))
