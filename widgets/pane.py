"""A bordered pane with a list and a filter line: what the console's panes have in common."""

import asyncio
from collections.abc import Iterator
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import Reactive
from textual.widgets import Input

from widgets.banner import Banner, Problem
from widgets.glyphs import ASCII, current
from widgets.key_names import key_of
from widgets.text import visible
from widgets.virtual_list import VirtualList


class FilterInput(Input):
    """One line for a filter. Its cursor does not blink: an idle console sends nothing.

    A letter more, or fewer, lays nothing out: the line stays as wide as it is, without a bar.
    """

    DEFAULT_CSS = "FilterInput { overflow: hidden hidden; }"

    virtual_size = Reactive(Size(0, 0), layout=False)

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Clear", show=False),
        Binding("down", "leave", "List", show=False),
    ]

    class Dismissed(Message):
        """Escape: clear the filter and go back to the list."""

    class Left(Message):
        """Enter or down: keep the filter and go back to the list."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(placeholder=placeholder, compact=True, select_on_focus=False)
        self.cursor_blink = False

    def action_dismiss(self) -> None:
        self.post_message(self.Dismissed())

    def action_leave(self) -> None:
        self.post_message(self.Left())

    def insert_text_at_cursor(self, text: str) -> None:
        super().insert_text_at_cursor("".join(char for char in text if char.isprintable()))

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.insert_text_at_cursor(event.text.partition("\n")[0])


class Pane(Vertical):
    """A bordered box whose titles are drawn again only when they changed."""

    DEFAULT_CSS = """
    Pane {
        border: round $foreground 30%;
        border-title-color: $foreground;
        border-title-style: bold;
        border-subtitle-color: $foreground 70%;
        background: transparent;
        &:focus-within { border: round $primary; }
        &:focus-within:nocolor { border-title-style: bold reverse; }
        &.-ascii { border: ascii $foreground 30%; }
        &.-ascii:focus-within { border: ascii $primary; }
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.set_class(current() is ASCII, "-ascii")
        self._titles: tuple[str, str] = ("", "")

    def set_titles(self, title: Text, subtitle: Text) -> None:
        """Show these in the border; equal ones are not drawn again."""
        titles = (title.markup, subtitle.markup)
        if titles[0] != self._titles[0]:
            self._border_title = Content.from_rich_text(title)
            self._refresh_edge(-1)
        if titles[1] != self._titles[1]:
            self._border_subtitle = Content.from_rich_text(subtitle)
            self._refresh_edge(self.size.height)
        self._titles = titles

    @property
    def title_room(self) -> int:
        """Cells for a title in the border: more would be cut by an ellipsis."""
        return self.size.width - 4

    def _refresh_edge(self, y: int) -> None:
        """Draw one line of the border again. Setting `border_title` itself would draw the
        whole pane with all its rows, four times a second while numbers change."""
        self.refresh(Region(-1, y, self.outer_size.width, 1))


class FilterPane(Pane):
    """A pane with one list and a filter line that opens below it.

    A subclass makes the list in `make_list` and is told of a new filter by `filter_changed`.
    """

    DEFAULT_CSS = """
    FilterPane {
        & > FilterInput {
            height: 1; display: none; padding: 0 1;
            background: $foreground 8%;
            &.-open { display: block; }
        }
        & > .problem { height: auto; max-height: 3; }
    }
    """

    FILTER_HINT: ClassVar[str] = "filter: part of a name"
    SEARCHES: ClassVar[bool] = False  # whether lines can be gone through by a text

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.filter_text = ""
        self.search_text = ""
        self._before = ""  # what was searched for before
        self._searching = False  # what is typed is searched for, it does not filter
        self._origin = 0  # the line where the search began
        self._at_search = asyncio.Lock()
        self._input = FilterInput(self.FILTER_HINT)
        self._banner = Banner()
        self._problem = Problem(classes="problem")

    def pane_list(self) -> VirtualList[Any]:
        """The list inside."""
        raise AssertionError("a subclass names its list")

    def filter_changed(self) -> None:
        """`filter_text` is another one now."""

    def compose(self) -> ComposeResult:
        yield self._banner
        yield self.pane_list()
        yield self._input
        yield self._problem

    def show_problem(self, text: str) -> None:
        """Say under the filter line why it cannot be used; "" says nothing."""
        self._problem.show(text)

    def focus(self, scroll_visible: bool = True) -> "FilterPane":
        """Focus the list."""
        if not self.pane_list().has_focus:  # focusing twice would draw twice
            self.pane_list().focus(scroll_visible)
        return self

    def action_filter(self) -> None:
        """Open the filter line."""
        self._input.add_class("-open")
        self._input.focus()

    def words_of(self, row: Any) -> str:
        """What a search finds in a row."""
        return ""

    async def find_row(self, text: str, start: int, step: int) -> int | None:
        """The first line with that text from `start` on, or back (step -1), round to the other
        end; None if there is none."""
        rows, wanted = self.pane_list(), text.casefold()
        for index in around(rows.count(), start, step):
            row = rows.row(index)
            if row is not None and wanted in self.words_of(row).casefold():
                return index
        return None

    def action_search(self) -> None:
        """Open the line for a text to go to; all lines stay."""
        self._searching, self._before = True, self.search_text
        self._origin = self.pane_list().cursor
        on, back = key_of("next-match"), key_of("previous-match")
        self._show_in_line("", f"search: part of a name; {on} and {back} go on")
        self._input.add_class("-open")
        self._input.focus()

    async def search_on(self, step: int, start: int | None = None) -> bool:
        """Go to the next line (1) with the text searched for, or the one before (-1)."""
        async with self._at_search:
            rows = self.pane_list()
            first = rows.cursor + step if start is None else start
            at = await self.find_row(self.search_text, first, step)
            if at is not None:
                rows.move_cursor(at)
            return at is not None

    async def _search_as_typed(self) -> None:
        found = not self.search_text or await self.search_on(1, self._origin)
        self._problem.show("" if found else f"Nothing here has {visible(self.search_text)}.")

    def _show_in_line(self, text: str, hint: str) -> None:
        with self._input.prevent(Input.Changed):
            self._input.value = text
        self._input.placeholder = hint

    def _end_search(self, *, keep: bool) -> None:
        """Let the line be the filter's again."""
        self._searching = False
        self._problem.show("")
        self._show_in_line(visible(self.filter_text), self.FILTER_HINT)
        if not keep or not self.search_text:
            self.search_text = self._before
            self.pane_list().move_cursor(self._origin)
        self._close_filter()

    def action_clear_filter(self) -> None:
        """Show everything again."""
        self._input.value = ""
        self._close_filter()

    def set_filter(self, text: str) -> None:
        """Filter by this text, as if it had been typed."""
        self._input.value = visible(text)
        self._input.set_class(bool(text) or self._input.has_focus, "-open")

    def _close_filter(self) -> None:
        if self._input.has_focus:
            self.pane_list().focus()
        if not self._input.value:
            self._input.remove_class("-open")

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._searching:
            self.search_text = event.value
            self.run_worker(self._search_as_typed(), group="search", exclusive=True)
        elif event.value != self.filter_text:
            self.filter_text = event.value
            self.filter_changed()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._line_left()

    def on_filter_input_left(self, event: FilterInput.Left) -> None:
        event.stop()
        self._line_left()

    def _line_left(self) -> None:
        if self._searching:
            self._end_search(keep=True)
        else:
            self._close_filter()

    def on_filter_input_dismissed(self, event: FilterInput.Dismissed) -> None:
        event.stop()
        if self._searching:
            self.workers.cancel_group(self, "search")
            self._end_search(keep=False)
        else:
            self.action_clear_filter()


def around(count: int, start: int, step: int) -> Iterator[int]:
    """All of `count` lines once, from `start` on (1) or back (-1), round to the other end."""
    yield from ((start + step * number) % count for number in range(count))
