"""Topics: how much comes on each, how far behind reading is, and which of them the feed shows."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from astra_tui import event_flows
from astra_tui.keymap import Action
from astra_tui.screens.availability import why_no_replay
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.rejected import RejectedScreen
from astra_tui.screens.title import TitleLine
from engine.model import EventStatistics, KafkaState, Snapshot, TopicStatus
from widgets.cells import Cell, Name, Part
from widgets.event_chart import EventChart
from widgets.event_feed import EventFeed
from widgets.glyphs import current
from widgets.lines import Lines, field, paragraph
from widgets.text import count_text
from widgets.topic_table import TopicTable
from widgets.virtual_list import VirtualList

_SECONDS = 1.0
_PAST = 300  # seconds of the chart
_TALL = 30


class TopicCard(Lines):
    """The topic at the cursor, partition by partition."""

    def __init__(self) -> None:
        super().__init__(id="topic")
        self.can_focus = False
        self.topic: TopicStatus | None = None
        self.note = ""

    def show(self, topic: TopicStatus | None, note: str) -> None:
        """Show this topic; `note` is a word about the feed."""
        if (topic, note) != (self.topic, self.note):
            self.topic, self.note = topic, note
            self.lines_changed()

    def build(self, width: int) -> list[Cell]:
        lines: list[Cell] = paragraph(self.note, width, style="dim")
        topic = self.topic
        if topic is None:
            return lines
        lines.append([("", ""), Name(topic.name, "group")])
        if not topic.partitions:
            words = "Astra only writes to it; what it wrote is shown."
            if topic.role in ("accesses", "job requests"):
                words = "No partition of it is read now."
            return [*lines, *paragraph(words, width, style="dim")]
        for part in topic.partitions:
            end = count_text(part.end) if part.end is not None else "?"
            parts: list[Part] = [f"read up to {count_text(part.following)} of {end}"]
            if part.lag:
                parts.append((f"  {count_text(part.lag)} behind", "warn"))
            lines.append(field(f"partition {part.partition}", *parts))
        return lines


class TopicsScreen(AstraScreen[None]):
    """All topics with the chart of the one at the cursor. Nothing here changes what is read."""

    SCOPE: ClassVar[str] = "topics"

    DEFAULT_CSS = """
    TopicsScreen {
        & EventChart { height: 11; }
        & TopicTable { height: 1fr; min-height: 6; border-top: solid $foreground 30%; }
        & TopicCard { height: 8; border-top: solid $foreground 30%; }
        &.-low EventChart { height: 6; }
        &.-low TopicCard { height: 6; }
        &.-tiny EventChart, &.-tiny TopicCard { display: none; }
    }
    """

    def __init__(self, shown: EventFeed) -> None:
        super().__init__()
        self._shown = shown  # the pane whose topics are chosen
        self.statistics: EventStatistics | None = None

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Topics")
        yield EventChart(id="rate")
        yield TopicTable(self._placeholder, id="topics")
        yield TopicCard()

    def on_mount(self) -> None:
        self.query_one(TopicTable).focus()
        self.launch(self._watch(), "look at the topics")

    def on_resize(self) -> None:
        self.set_class(self.size.height < _TALL, "-low")
        super().on_resize()

    async def _watch(self) -> None:
        """Look again and again for as long as this screen is there."""
        while self.is_attached:
            if self.is_current and self.astra.started:
                await self._look()
            await asyncio.sleep(_SECONDS)

    async def _look(self) -> None:
        statistics = await self.astra.engine.event_statistics(_PAST)
        if self.is_mounted:
            self.statistics = statistics
            self._show()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        kafka = snapshot.kafka
        state = f"AWAY: {kafka.error}" if kafka.state is KafkaState.AWAY else kafka.state.value
        self.query_one(TitleLine).show(kafka.bootstrap, state)

    @property
    def topic(self) -> TopicStatus | None:
        """The topic at the cursor."""
        return self.query_one(TopicTable).cursor_row

    def _show(self) -> None:
        topics = self.statistics.topics if self.statistics is not None else ()
        table = self.query_one(TopicTable)
        table.show(topics, self._shown.hidden)
        topic = self.topic
        if topic is not None:
            past = topic.past or (0,) * _PAST
            title = f"messages a second, {topic.role or 'others'}"
            self.query_one(EventChart).show(title, past, topic.past_rejected)
        self.query_one(TopicCard).show(topic, self._note(topics))
        self.refresh_footer()

    def _note(self, topics: Sequence[TopicStatus]) -> str:
        total = sum(topic.messages for topic in topics)
        undrawn = self._shown.undrawn
        drawn = f"{count_text(undrawn)} went by undrawn" if undrawn else "all of them were drawn"
        text = f"{count_text(total)} messages since the engine's start; in this console's feed"
        text = f"{text} {drawn}."
        return f"{text} Every one is counted." if undrawn else text

    def _placeholder(self, width: int) -> list[Cell]:
        return [[("  Looking at the topics ", "dim"), (current().ellipsis, "dim")]]

    @on(VirtualList.CursorMoved)
    def _moved(self) -> None:
        self._show()

    def why_not(self, action: Action) -> str:
        if action.id == "replay":
            return why_no_replay(self.astra.snapshot)
        return ""

    def do_show_topic(self) -> None:
        if (topic := self.topic) is not None:
            self._shown.hide_topics(self._shown.hidden ^ {topic.name})
            self._show()

    def do_show_all_topics(self) -> None:
        self._shown.hide_topics(())
        self._show()

    def do_rejected(self) -> None:
        self.app.push_screen(RejectedScreen())

    async def do_replay(self) -> None:
        topic = self.topic
        await event_flows.replay(self.astra, topic.name if topic is not None else "")
