"""The live feed of Kafka messages: follow, pause, filter, inspect."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.message import Message

from engine.model import EventOutcome, EventRow, FeedSource, KafkaState, KafkaStatus
from widgets.cells import Cell, Name
from widgets.columns import Column
from widgets.glyphs import current
from widgets.pane import FilterPane
from widgets.text import clock_text, count_text, name_text, wrap
from widgets.virtual_list import VirtualList

_MATCHES_KEPT = 500  # rows of a filtered feed


class EventRows(VirtualList[EventRow]):
    """Messages oldest first, addressed by their number in the feed.

    Row i is message `base + i`, decoded when it shows. With a filter the rows are the latest
    matches, found among new messages only.
    """

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("time", "time", 8),
        Column("operation", "op", 4, wide=8, wide_priority=2),
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
        self._searched = -1  # the newest number that the filter has seen

    def count(self) -> int:
        return len(self._matches) if self.text else self._length

    def fetch(self, start: int, stop: int) -> Sequence[EventRow]:
        if self.text:
            return self._matches[start:stop]
        if self.source is None or stop <= start:
            return ()
        first, last = self._base + start, self._base + stop - 1
        rows = self.source.window(stop - start, end=last, after=first - 1)
        found = {row.number: row for row in rows}
        return [found.get(number) or _gone(number) for number in range(first, last + 1)]

    def move_cursor(self, index: int) -> None:
        # At once, not by message: a new event must not pull the cursor back in between.
        if index < self.count() - 1:
            self._hold()
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

    def _hold(self) -> None:
        if self.following:
            self.following = False
            self.post_message(self.Moved(False))

    def update(self) -> None:
        """Take up what is new in the source; while paused only the count of it grows."""
        if self.source is None or not self.following:
            return
        if self.text:
            new = self.source.window(_MATCHES_KEPT, text=self.text, after=self._searched)
            self._searched = self.source.last
            if new:
                self._matches = [*self._matches, *new][-_MATCHES_KEPT:]
        else:
            self._base = self.source.first
            self._length = max(self.source.last - self.source.first + 1, 0)
            self._searched = self.source.last
        self._to_end()

    def _to_end(self) -> None:
        last = max(self.count() - 1, 0)
        self.rows_changed(cursor=last, top=max(self.count() - self.visible_count, 0))

    def on_resize(self) -> None:
        if self.following:
            self._to_end()

    def search(self, text: str) -> None:
        """Show only messages that contain `text`."""
        self.text = text
        self._matches = []
        self._searched = -1
        following, self.following = self.following, True
        self.update()
        self.following = following

    @property
    def unseen(self) -> int:
        """How many messages came since the feed was paused."""
        return 0 if self.source is None else max(self.source.last - self._searched, 0)

    def placeholder(self, width: int) -> Sequence[Cell]:
        return self._placeholder(width)

    def cell(self, row: EventRow, key: str, width: int) -> Cell:
        rejected = row.outcome is EventOutcome.REJECTED
        match key:
            case "time":
                return (clock_text(row.time), "dim")
            case "operation":
                if rejected:
                    return ("rejected" if width >= 8 else "REJ", "bad")
                short = "DEL" if row.operation == "DELETE" and width < 6 else row.operation
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


def _gone(number: int) -> EventRow:
    return EventRow(number, 0, "", 0, 0, EventOutcome.ACCEPTED, "", "no longer kept", "")


class EventFeed(FilterPane):
    """The feed as a pane. `show` is called at a steady pace, never once a message."""

    FILTER_HINT = "filter: any part of a message"

    class Inspect(Message):
        """The operator wants to see one message whole."""

        def __init__(self, feed: "EventFeed", row: EventRow) -> None:
            super().__init__()
            self.feed = feed
            self.row = row

        @property
        def control(self) -> "EventFeed":
            return self.feed

    class Followed(Message):
        """The feed was paused, or follows again."""

        def __init__(self, feed: "EventFeed", following: bool) -> None:
            super().__init__()
            self.feed = feed
            self.following = following

        @property
        def control(self) -> "EventFeed":
            return self.feed

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows = EventRows(self._placeholder)
        self._status: KafkaStatus | None = None
        self._followed = True  # what was told last

    def pane_list(self) -> VirtualList[Any]:
        return self._rows

    def on_mount(self) -> None:
        self.set_titles(Text("events"), Text())

    def show(self, status: KafkaStatus, feed: FeedSource) -> None:
        """Show the newest messages, or while paused only how many came since."""
        before = self._status
        self._status = status
        self._rows.source = feed
        if feed.last != self._rows._searched:
            self._rows.update()
        if not self._rows.count() and (before is None or before.state is not status.state):
            self._rows.refresh()
        self._show_titles()

    @property
    def following(self) -> bool:
        """True while new messages appear by themselves."""
        return self._rows.following

    def action_pause(self) -> None:
        """Hold the feed still, or let it follow again."""
        self._follow(not self._rows.following)

    def action_inspect(self) -> None:
        """Ask to see the message under the cursor."""
        row = self._rows.cursor_row
        if row is not None:
            self.post_message(self.Inspect(self, row))

    def filter_changed(self) -> None:
        self._rows.search(self.filter_text)
        self._show_titles()

    def on_event_rows_moved(self, event: EventRows.Moved) -> None:
        event.stop()
        self._follow(event.to_end)

    def _follow(self, following: bool) -> None:
        if following == self._followed:
            return
        self._followed = self._rows.following = following
        self._rows.update()
        self._show_titles()
        self.post_message(self.Followed(self, following))

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        event.stop()
        self.action_inspect()

    def on_resize(self) -> None:
        self._show_titles()

    def _show_titles(self) -> None:
        status, glyphs = self._status, current()
        title, parts = Text("events"), list[Text]()
        if status is None:
            return
        if not self._rows.following:
            title.append(f"  {glyphs.paused} paused")
            parts.append(Text(f"{count_text(self._rows.unseen)} new"))
        if status.state is KafkaState.AWAY:
            parts.append(Text("AWAY", "bold"))
        elif status.state is KafkaState.CONNECTED:
            parts.append(Text(f"{count_text(round(status.events_per_second))} ev/s"))
        if self.filter_text:
            parts.append(Text("/").append_text(name_text(self.filter_text, width=14)))
        if status.rejected_total:
            parts.append(Text(f"{count_text(status.rejected_total)} rejected"))
        away = status.state is KafkaState.AWAY and self._rows.count() > 0
        self._banner.show(f"{glyphs.bad} AWAY, trying again: {status.error}" if away else "")
        line = Text()
        for part in parts:
            if line.cell_len + part.cell_len + 3 <= max(self.size.width - 2, 10):
                line = Text.assemble(line, f" {glyphs.dot} " if line else "", part)
        self.set_titles(title, line)

    def _placeholder(self, width: int) -> list[Cell]:
        status, inner = self._status, max(width - 2, 8)
        if status is None or status.state is KafkaState.OFF:
            words = ["Kafka is off.", "Accesses are not counted; set kafka.bootstrap to see them."]
        elif status.state is KafkaState.CONNECTING:
            words = [f"Connecting{current().ellipsis}", status.bootstrap]
        elif status.state is KafkaState.AWAY:
            words = ["AWAY: the broker does not answer.", status.error, "Trying again by itself."]
        elif self.filter_text:
            words = ["No message fits the filter.", "esc in the filter line shows all."]
        else:
            words = ["Waiting for the first event."]
        head = "bad" if status is not None and status.state is KafkaState.AWAY else "strong"
        lines: list[Cell] = []
        for number, word in enumerate(words):
            style = "dim" if number else head
            lines += [[" ", Name(text, style)] for text in wrap(word, inner)]
        return lines
