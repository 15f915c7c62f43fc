"""Rejected messages apart: why, how many of each kind, and the messages themselves."""

import asyncio

from rich.text import Text
from textual.app import ComposeResult
from textual.geometry import Size

from astra_tui.screens.events import FeedScreen
from astra_tui.screens.title import TitleLine
from engine.model import EventStatistics, KafkaStatus
from engine.model.events import REJECTED
from widgets.cells import Cell
from widgets.event_feed import EventFeed
from widgets.glyphs import current
from widgets.lines import Lines, paragraph
from widgets.text import count_text, counted

_SECONDS = 1.0
_BAR = 12


class RejectedFeed(EventFeed):
    """The rejected messages, kept longer than all others."""

    TITLE = "rejected messages"

    def notes(self, status: KafkaStatus) -> list[Text]:
        notes = super().notes(status)
        source = self._rows.source
        kept = source.last - source.first + 1 if source is not None else 0
        wanted = [note for note in notes if not note.plain.endswith(("rejected", "ev/s"))]
        return [*wanted, Text(f"{count_text(kept)} kept")]

    def words(self, status: KafkaStatus | None) -> list[str]:
        words = super().words(status)
        if words[0].startswith("Waiting"):
            return ["No message was rejected.", "All that came could be read."]
        return words


class Reasons(Lines):
    """Kinds of reasons with their counts, the most frequent first."""

    DEFAULT_CSS = "Reasons { height: auto; max-height: 40%; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__(id="reasons")
        self.can_focus = False
        self._reasons: tuple[tuple[str, int], ...] = ()

    def show(self, reasons: tuple[tuple[str, int], ...]) -> None:
        """Show these."""
        if reasons != self._reasons:
            grown = len(reasons) != len(self._reasons)
            self._reasons = reasons
            self.lines_changed()
            if grown:
                self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self.build(max(width - 1, 20)))

    def build(self, width: int) -> list[Cell]:
        total = sum(count for _, count in self._reasons)
        lines: list[Cell] = []
        for reason, count in self._reasons:
            full = max(round(count / total * _BAR), 1)
            bar = current().bars[-1] * full
            first = [(f"{count_text(count):>6} ", "strong"), (f"{bar:<{_BAR}} ", "bad")]
            lines += paragraph(reason, width, first=first, indent=_BAR + 8)
        return lines or [("No message was rejected so far.", "dim")]


class RejectedScreen(FeedScreen):
    """Why messages were rejected. They were not counted, and nothing was done for them."""

    feed_name = REJECTED

    DEFAULT_CSS = "RejectedScreen RejectedFeed { height: 1fr; }"

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Rejected", "not counted; why, and which they are")
        yield Reasons()
        yield RejectedFeed(id="feed")

    def on_mount(self) -> None:
        self.show_snapshot(self.astra.snapshot)
        self.feed.focus()
        self.launch(self._watch(), "count the reasons")

    async def _watch(self) -> None:
        """Count again and again for as long as this screen is there."""
        while self.is_attached:
            if self.is_current and self.astra.started:
                self.show_reasons(await self.astra.engine.event_statistics())
            await asyncio.sleep(_SECONDS)

    def show_reasons(self, statistics: EventStatistics) -> None:
        """Show why."""
        if self.is_mounted:
            rejected = sum(topic.rejected for topic in statistics.topics)
            note = counted(rejected, "message")
            self.query_one(TitleLine).show("not counted; why, and which they are", note)
            self.query_one(Reasons).show(statistics.reasons)
