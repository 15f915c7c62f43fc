"""Lines of a log, the newest at the bottom: level, when, who, what."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from textual.message import Message

from widgets.cells import Cell, Name
from widgets.columns import Column
from widgets.glyphs import current
from widgets.pane import FilterPane
from widgets.text import clock_text
from widgets.virtual_list import VirtualList

STYLE = {"debug": "dim", "info": "", "warning": "warn", "error": "bad"}


class Entry(Protocol):
    """What a line shows."""

    @property
    def time(self) -> float: ...
    @property
    def level(self) -> str: ...
    @property
    def origin(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def more(self) -> str: ...


class LogList(VirtualList[Entry]):
    """Entries, one a line. While it follows, the cursor is on the newest."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("time", "time", 8),
        Column("level", "level", 7),
        Column("origin", "from", 7),
        Column("text", "what", 20, flex=1),
    )
    GUTTER: ClassVar[int] = 2

    def __init__(self) -> None:
        super().__init__(id="entries")
        self.entries: Sequence[Entry] = ()
        self.following = True
        self.instead = "Nothing was worth a word so far."

    def show(self, entries: Sequence[Entry]) -> None:
        """Show these entries, oldest first."""
        here = self.cursor_row
        self.entries = entries
        if self.following:
            last = max(len(entries) - 1, 0)
            self.rows_changed(cursor=last, top=max(len(entries) - self.visible_count, 0))
            return
        # Held: the same line stays under the cursor, though older ones fell out.
        at = next((n for n, entry in enumerate(entries) if entry is here), self.cursor)
        shift = at - self.cursor
        self.rows_changed(cursor=at, top=max(self.top + shift, 0))

    def move_cursor(self, index: int) -> None:
        """Going up holds the log, going to its end follows again."""
        super().move_cursor(index)
        self.following = self.cursor >= self.count() - 1

    def count(self) -> int:
        return len(self.entries)

    def fetch(self, start: int, stop: int) -> Sequence[Entry | None]:
        return self.entries[start:stop]

    def row_style(self, row: Entry) -> str:
        return STYLE[row.level]

    def cell(self, row: Entry, key: str, width: int) -> Cell:
        match key:
            case "time":
                return (clock_text(row.time)[-8:] or "--:--:--", "dim")
            case "level":
                glyphs = current()
                signs = {"warning": glyphs.warn, "error": glyphs.bad}
                return f"{signs.get(row.level, glyphs.dot)} {row.level[:5].removesuffix('i')}"
            case "origin":
                return (row.origin, "dim")
        more = f"  (+{row.more.count(chr(10)) + 1} lines)" if row.more else ""
        return [Name(row.text, "", "right"), (more, "dim")]

    def placeholder(self, width: int) -> Sequence[Cell]:
        return [(self.instead, "dim")]


class LogPane(FilterPane):
    """The list with its filter line."""

    SEARCHES: ClassVar[bool] = True
    FILTER_HINT: ClassVar[str] = "filter: part of a line, or console, engine, notice"

    class Filtered(Message):
        """The filter is another one."""

    def __init__(self) -> None:
        super().__init__(id="log")
        self.list = LogList()

    def pane_list(self) -> LogList:
        return self.list

    def words_of(self, row: Entry) -> str:
        return f"{row.origin} {row.text} {row.more}"

    def filter_changed(self) -> None:
        self.post_message(self.Filtered())
