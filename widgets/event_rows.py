"""The rows of the event feed: a window on messages that are decoded when they show."""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.message import Message

from engine.model import EventOutcome, EventRow, FeedSource
from widgets.cells import Cell, Name
from widgets.columns import Column
from widgets.text import clock_text
from widgets.virtual_list import VirtualList

_MATCHES_MORE = 200  # matches looked up at a time when one goes back in a filtered feed
_KEPT = 2000  # rows that stay while the feed is held, whatever leaves the ring
_AROUND = 300  # of them fetched when it is held


class EventRows(VirtualList[EventRow]):
    """Messages oldest first, addressed by their number in the feed.

    Row i is message `base + i`, decoded when it shows. With a filter the rows are the latest
    matches: as many as show while following, more when one goes back.
    """

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("time", "time", 8),
        Column("operation", "op", 8),
        Column("subject", "subject", 6, flex=3, comfort=24),
        Column("detail", "detail", 10, priority=1, flex=2, comfort=16),
        Column("topic", "topic", 16, priority=3),
    )

    class Moved(Message):
        """The operator went back in the feed, or to its end."""

        def __init__(self, to_end: bool) -> None:
            super().__init__()
            self.to_end = to_end

    def __init__(self, placeholder: Callable[[int], Sequence[Cell]]) -> None:
        super().__init__()
        self._placeholder = placeholder
        self.source: FeedSource | None = None
        self.following = True
        self.text = ""
        self._base = 0  # number of row 0 without a filter
        self._length = 0
        self._matches: list[EventRow] = []
        self.newest = -1  # the number up to which this is shown
        self.undrawn = 0  # messages that went by between two looks, and never showed
        self._kept: dict[int, EventRow] = {}

    def count(self) -> int:
        return len(self._matches) if self.text else self._length

    def fetch(self, start: int, stop: int) -> Sequence[EventRow]:
        if self.text:
            return self._matches[start:stop]
        if self.source is None or stop <= start:
            return ()
        first, last = self._base + start, self._base + stop - 1
        found = {row.number: row for row in self.source.window(stop - start, end=last)}
        if not self.following:
            self._keep(found.values())
        kept = self._kept
        return [
            row
            if (row := found.get(number)) is not None and row.topic
            else kept.get(number) or row or _gone(number)
            for number in range(first, last + 1)
        ]

    def show(self, source: FeedSource) -> None:
        """Take rows from that feed from now on."""
        self.source, self.newest = source, -1
        self._matches = []
        source.on_rows = self.came

    def _keep(self, rows: Iterable[EventRow]) -> None:
        """What was looked at while held stays, though the feed may have run on by far."""
        self._kept.update((row.number, row) for row in rows if row.topic)
        while len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]

    # -- back in the feed, and at its end ------------------------------------------------

    def move_cursor(self, index: int) -> None:
        # At once, not by message: a new event must not pull the cursor back in between.
        if index < self.count() - 1:
            index += self._hold()
            if index <= 0:
                index += self._older()
        super().move_cursor(index)

    def action_last(self) -> None:
        super().action_last()
        self.post_message(self.Moved(True))

    def on_mouse_scroll_up(self) -> None:
        self._hold()

    def on_scroll_to(self) -> None:
        self._hold()

    def on_scroll_up(self) -> None:
        self._hold()

    def _hold(self) -> int:
        """Stop following; returns how many rows came before the ones that show."""
        if not self.following:
            return 0
        self.following = False
        self._keep_around()
        self.post_message(self.Moved(False))
        return self._older()

    def _keep_around(self) -> None:
        if self.source is not None and not self.text and self.newest > 0:
            self._keep(self.source.window(_AROUND, end=self.newest))

    def hold(self) -> None:
        """Stop following with the cursor where it is."""
        self._hold()

    def _older(self) -> int:
        """With a filter, look further back; returns how many matches that gave."""
        if not self.text or self.source is None:
            return 0
        wanted = len(self._matches) + _MATCHES_MORE
        matches = list(self.source.window(wanted, end=self.newest, text=self.text))
        more = len(matches) - len(self._matches)
        if more <= 0:
            return 0
        self._matches = matches
        self.rows_changed(cursor=self.cursor + more, top=self.top + more)
        return more

    def follow(self) -> None:
        """Show what is new from now on."""
        self.following = True
        self._kept.clear()
        self.update()

    def update(self) -> None:
        """Take up what is new in the source, unless the feed is held."""
        if self.source is None or not self.following:
            return
        if self.text:
            room = max(self.visible_count, 1)
            self._matches = list(self.source.window(room, text=self.text))
        elif self.source.last == self.newest and self._base == self.source.first:
            return
        else:
            if self.newest > 0:  # what came before the first look is no loss
                self.undrawn += max(self.source.last - self.newest - self.visible_count, 0)
            self._base = self.source.first
            self._length = max(self.source.last - self.source.first + 1, 0)
        self.newest = self.source.last
        self._to_end()

    def came(self) -> None:
        """Messages that were asked for are here now: draw them, held or not."""
        if self.text and self.source is not None:
            room = len(self._matches) or max(self.visible_count, 1)
            end = None if self.following else self.newest
            self._matches = list(self.source.window(room, end=end, text=self.text))
        elif not self.following:
            self._keep_around()
        if self.is_mounted:
            self.rows_changed()

    def search(self, text: str) -> None:
        """Show only messages that fit this filter."""
        self.text = text
        self._matches = []
        self.newest = -1
        following, self.following = self.following, True
        self.update()
        if not following:
            self.following = False
            self._older()

    @property
    def unseen(self) -> int:
        """How many messages that fit the filter came since the feed was held."""
        return 0 if self.source is None else self.source.newer(self.text, self.newest)

    def _to_end(self) -> None:
        last = max(self.count() - 1, 0)
        self.rows_changed(cursor=last, top=max(self.count() - self.visible_count, 0))

    def on_resize(self) -> None:
        if self.following:
            self._to_end()

    def placeholder(self, width: int) -> Sequence[Cell]:
        return self._placeholder(width)

    def cell(self, row: EventRow, key: str, width: int) -> Cell:
        rejected = row.outcome is EventOutcome.REJECTED
        match key:
            case "time":
                return (clock_text(row.time), "dim")
            case "operation":
                if rejected:
                    return ("rejected", "bad")
                short = _SHORT.get(row.operation, row.operation)
                return Name(short, _OPERATION_STYLE.get(row.operation, ""), "right")
            case "subject":
                if rejected and not self._shows("detail"):
                    return Name(row.detail, "bad", "right")
                return Name(row.subject, cut="left" if width < 24 else "middle")
            case "detail":
                return Name(row.detail, "bad" if rejected else "dim", "right")
            case _:
                return Name(row.topic, "dim")

    def _shows(self, key: str) -> bool:
        return any(placed.column.key == key for placed in self._placed)


_OPERATION_STYLE = {"GET": "", "HEAD": "dim", "PUT": "good", "POST": "good", "DELETE": "warn"}

_SHORT = {  # states of jobs, in the words of the board
    "restoring": "restore",
    "verifying": "verify",
    "switching": "switch",
    "completed": "done",
    "cancelled": "cancel",
}


def _gone(number: int) -> EventRow:
    return EventRow(number, 0, "", 0, 0, EventOutcome.ACCEPTED, "", "no longer kept", "")
