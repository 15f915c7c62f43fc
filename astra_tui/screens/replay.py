"""A replay: messages of the log read again, to be looked at and for nothing else."""

from contextlib import aclosing

from rich.text import Text
from textual.app import ComposeResult

from astra_tui.screens.events import FeedScreen
from astra_tui.screens.title import TitleLine
from engine.errors import AstraError
from engine.model import KafkaStatus, ReplayRequest, ReplayStep, Snapshot
from widgets.caption import Caption
from widgets.event_feed import EventFeed
from widgets.glyphs import current
from widgets.text import count_text, counted, date_text

_PACE = 0.25


def begins(request: ReplayRequest) -> str:
    """Where a replay begins, in words."""
    where = "" if request.partition is None else f"partition {request.partition} "
    if request.offset is not None:
        return f"{where}from offset {request.offset:,}"
    if request.since is not None:
        return f"{where}from {date_text(request.since)}"
    return f"{where}from the oldest"


class ReplayFeed(EventFeed):
    """The messages of a replay."""

    TITLE = "replay"

    def __init__(self) -> None:
        super().__init__(id="feed")
        self.step: ReplayStep | None = None

    def notes(self, status: KafkaStatus) -> list[Text]:
        notes = [note for note in super().notes(status) if note.plain.startswith("/")]
        return [*notes, *([Text(progress(self.step))] if self.step is not None else [])]

    def words(self, status: KafkaStatus | None) -> list[str]:
        if self.step is None or not self.step.done:
            return [f"Reading{current().ellipsis}"]
        if self._rows.text:
            return ["No message fits the filter.", "esc in the filter line shows all."]
        return ["There is no message from there on.", "Begin at an earlier offset or time."]


def progress(step: ReplayStep) -> str:
    """How far it is."""
    if not step.done:
        return f"{count_text(step.read)} of {count_text(step.total)} read"
    more = f", {count_text(step.more)} more left out" if step.more else ""
    return f"{counted(step.read, 'message')}{more}"


class ReplayScreen(FeedScreen):
    """Looks at old messages. Leaving it lets go of them."""

    DEFAULT_CSS = "ReplayScreen ReplayFeed { height: 1fr; }"

    def __init__(self, request: ReplayRequest) -> None:
        super().__init__()
        self.request = request
        self.problem = ""

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Replay", f"{self.request.topic}  {begins(self.request)}")
        yield Caption(id="looked")
        yield ReplayFeed()

    def on_mount(self) -> None:
        self.query_one("#looked", Caption).show(
            "Only looked at: nothing is counted again, and no offset is committed."
        )
        self.feed.focus()
        self.run_worker(self._replay(), name="replay", exit_on_error=False)
        self.set_interval(_PACE, self._refresh)

    async def _replay(self) -> None:
        pane = self.query_one(ReplayFeed)
        try:
            async with aclosing(self.astra.engine.replay(self.request)) as steps:
                async for step in steps:
                    self.feed_name = step.feed
                    pane.step = step
                    self._refresh()
        except AstraError as error:
            if self.is_mounted:
                self.dismiss(None)
                self.astra.show_error(error, "replay")

    def show_caption(self, text: str) -> None:
        """The tour's captions have a line of their own; this screen's stays."""
        self.query_one("#caption", Caption).show(text)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        self._refresh()

    def _refresh(self) -> None:
        """Take up what came, and go to its beginning once all of it is there."""
        pane = self.query_one(ReplayFeed)
        if not self.feed_name or pane.step is None or not self.is_mounted:
            return
        source = self.astra.engine.feed_named(self.feed_name)
        before = pane.pane_list().count()
        pane.show(self.astra.snapshot.kafka, source)
        if pane.step.done and pane.following and source.last >= pane.step.read:
            pane.pane_list().move_cursor(0)
        if before != pane.pane_list().count():
            self.refresh_footer()
