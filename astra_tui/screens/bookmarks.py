"""The list of kept places: go to one, keep this one, give it another name or letter, delete it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from astra_tui.screens.dialogs import Dialog, Options
from engine.model import Bookmark, ListingQuery, SortKey
from widgets.glyphs import current
from widgets.text import visible


@dataclass(frozen=True, slots=True)
class Wish:
    """What the operator wants done: `go`, `save`, `rename`, `letter` or `delete`."""

    verb: str
    bookmark: Bookmark | None = None


def place_text(mark: Bookmark) -> str:
    """The address of a place, down to the folder that is shown: `aws:prod-data/logs/2024/`."""
    folder = mark.query.folder
    return str(mark.address if folder is None else replace(mark.address, key=folder))


def looks(query: ListingQuery) -> str:
    """How a place is looked at: `/*.csv  by size ↓`; "" for the usual way."""
    parts = [f"/{query.text}"] if query.text else []
    if query.sort is not SortKey.NAME or query.descending:
        sign = current().down if query.descending else current().up
        parts.append(f"by {query.sort.value} {sign}")
    return "  ".join(parts)


class BookmarkList(Dialog[Wish]):
    """One line for each place. Those of clouds that are not configured cannot be gone to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "wish('save')", show=False),
        Binding("r", "wish('rename')", show=False),
        Binding("l", "wish('letter')", show=False),
        Binding("d,delete", "wish('delete')", show=False),
    ]

    DEFAULT_CSS = """
    BookmarkList {
        & OptionList {
            height: auto; max-height: 14; border: none; padding: 0; background: transparent;
            &:focus { border: none; }
        }
        & .problem { color: $text-error; height: 1; }
    }
    """

    def __init__(
        self, kept: Sequence[Bookmark], clouds: Collection[str], here: str, start: str = ""
    ) -> None:
        """`here` names the place that would be kept, "" if there is none; `start` a bookmark."""
        lines = [f"Here: {visible(here, width=64)}"] if here else []
        if not kept:
            lines.append("No place is kept yet.")
        hint = "enter go   s keep   r rename   l letter   d delete   esc leave"
        super().__init__("Bookmarks", lines, hint=hint)
        self._kept = tuple(kept)
        self._clouds = clouds
        self._here = here
        self._start = next((n for n, mark in enumerate(kept) if mark.name == start), 0)

    def compose_answer(self) -> ComposeResult:
        yield Options(*(self._option(mark) for mark in self._kept), markup=False)
        yield Static("", markup=False, classes="problem")

    def answer_height(self) -> int:
        return max(min(len(self._kept), 6), 1) + 1

    def _option(self, mark: Bookmark) -> Option:
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{visible(mark.letter) or ' '}  ", "bold")
        text.append(visible(mark.name, width=24))
        text.append(f"  {visible(place_text(mark), width=24)}", "dim")
        if how := looks(mark.query):
            text.append(f"  {visible(how, width=14)}", "dim")
        return Option(text)

    def on_mount(self) -> None:
        options = self.query_one(Options)
        if self._kept:
            options.highlighted = self._start
        options.focus()

    @on(OptionList.OptionSelected)
    def _taken(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_wish("go")

    def action_wish(self, verb: str) -> None:
        """Leave with what is wanted, or say why it cannot be."""
        at = self.query_one(Options).highlighted
        mark = self._kept[at] if at is not None and self._kept else None
        problem = ""
        if verb == "save":
            mark = None
            if not self._here:
                problem = "Only the place of a cloud's panel can be kept."
        elif mark is None:
            problem = "There is none; s keeps this place."
        elif verb == "go" and mark.address.cloud not in self._clouds:
            problem = f"There is no cloud {visible(mark.address.cloud, width=20)} here."
        if problem:
            self.query_one(".problem", Static).update(problem)
        else:
            self.dismiss(Wish(verb, mark))
