"""The live feed of Kafka messages: follow, pause, filter, inspect."""

from collections.abc import Iterable
from typing import Any, ClassVar

from rich.text import Text
from textual.message import Message

from engine.model import EventRow, FeedSource, KafkaState, KafkaStatus, checked_filter, exactly
from widgets.cells import Cell, Name
from widgets.event_rows import EventRows
from widgets.glyphs import current
from widgets.key_names import key_of
from widgets.pane import FilterPane
from widgets.text import count_text, name_text, wrap
from widgets.virtual_list import VirtualList


class EventFeed(FilterPane):
    """The feed as a pane. `show` is called at a steady pace, never once a message."""

    FILTER_HINT = "filter: text, topic:x, key:logs/*, since:10m"
    TITLE: ClassVar[str] = "events"

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
        self._good = ""  # the last filter that could be read
        self.hidden: frozenset[str] = frozenset()  # topics that do not show

    def pane_list(self) -> VirtualList[Any]:
        return self._rows

    def on_mount(self) -> None:
        self.set_titles(Text(self.TITLE), Text())

    def show(self, status: KafkaStatus, feed: FeedSource) -> None:
        """Show the newest messages, or while paused only how many came since."""
        self._status = status
        if self._rows.source is not feed:
            self._rows.show(feed)
        self._rows.update()
        self._rows.placeholder_changed()
        self._show_titles()

    @property
    def following(self) -> bool:
        """True while new messages appear by themselves."""
        return self._rows.following

    @property
    def undrawn(self) -> int:
        """Messages that went by while following, and never showed."""
        return self._rows.undrawn

    def action_pause(self) -> None:
        """Hold the feed still, or let it follow again."""
        self._follow(not self._rows.following)

    def action_inspect(self) -> None:
        """Ask to see the message under the cursor."""
        row = self._rows.cursor_row
        if row is not None and row.topic:  # a row without one is no longer kept
            self.post_message(self.Inspect(self, row))

    def hide_topics(self, names: Iterable[str]) -> None:
        """Leave out these topics from now on."""
        if frozenset(names) != self.hidden:
            self.hidden = frozenset(names)
            self._search()

    def filter_changed(self) -> None:
        problem = checked_filter(self.filter_text)
        self.show_problem(problem)
        if not problem:
            self._good = self.filter_text
            self._search()

    def _search(self) -> None:
        hidden = exactly("topic", sorted(self.hidden), negated=True) if self.hidden else ""
        self._rows.search(f"{self._good} {hidden}".strip())
        self._show_titles()

    def on_event_rows_moved(self, event: EventRows.Moved) -> None:
        event.stop()
        self._follow(event.to_end)

    def _follow(self, following: bool) -> None:
        if following == self._followed:
            return
        self._followed = following
        if following:
            self._rows.follow()
        else:
            self._rows.hold()
        self._show_titles()
        self.post_message(self.Followed(self, following))

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        event.stop()
        self.action_inspect()

    def on_resize(self) -> None:
        self._show_titles()

    def _show_titles(self) -> None:
        status, glyphs = self._status, current()
        title = Text(self.TITLE)
        if status is None:
            return
        if not self._rows.following:
            title.append("  paused")
        away = status.state is KafkaState.AWAY and self._rows.count() > 0
        self._banner.show(f"{glyphs.bad} AWAY, trying again: {status.error}" if away else "")
        line = Text()
        for part in self.notes(status):
            if line.cell_len + part.cell_len + 3 <= max(self.title_room, 10):
                line = Text.assemble(line, f" {glyphs.dot} " if line else "", part)
        self.set_titles(title, line)

    def notes(self, status: KafkaStatus) -> list[Text]:
        """What stands in the lower border, the most important first."""
        parts = list[Text]()
        if not self._rows.following:
            parts.append(Text(f"{count_text(self._rows.unseen)} new"))
        if status.state is KafkaState.AWAY:
            parts.append(Text("AWAY", "bold"))
        elif status.state is KafkaState.CONNECTED:
            parts.append(Text(f"{count_text(round(status.events_per_second))} ev/s"))
        if self._good:
            parts.append(Text("/").append_text(name_text(self._good, width=14)))
        if self.hidden:
            parts.append(Text(f"{len(self.hidden)} topics hidden"))
        if status.rejected_total:
            parts.append(Text(f"{count_text(status.rejected_total)} rejected"))
        if self._rows.undrawn:
            parts.append(Text(f"{count_text(self._rows.undrawn)} not drawn"))
        return parts

    def words(self, status: KafkaStatus | None) -> list[str]:
        """What stands instead of rows while there are none; the first line is its head."""
        if status is None or status.state is KafkaState.OFF:
            return ["Kafka is off.", "Accesses are not counted; set kafka.bootstrap to see them."]
        if status.state is KafkaState.CONNECTING:
            return [f"Connecting{current().ellipsis}", status.bootstrap]
        if status.state is KafkaState.AWAY:
            return ["AWAY: the broker does not answer.", status.error, "Trying again by itself."]
        if self._rows.text:
            if not self._good:
                return [
                    "No message of the topics that show.",
                    f"{key_of('topics')} shows more of them.",
                ]
            return ["No message fits the filter.", "esc in the filter line shows all."]
        return ["Waiting for the first event."]

    def _placeholder(self, width: int) -> list[Cell]:
        status, inner = self._status, max(width - 4, 8)
        head = "bad" if status is not None and status.state is KafkaState.AWAY else "strong"
        lines: list[Cell] = []
        for number, word in enumerate(self.words(status)):
            style = "dim" if number else head
            lines += [["  ", Name(text, style)] for text in wrap(word, inner)]
        return lines
