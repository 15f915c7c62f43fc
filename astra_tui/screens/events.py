"""What the screens around the feed share: a feed in a pane, its filter, one message inspected."""

from typing import ClassVar

from textual import on

from astra_tui import flows
from astra_tui.keymap import Action
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.message import MessageScreen
from engine.model import Snapshot
from widgets.event_feed import EventFeed
from widgets.pane import FilterInput


class FeedScreen(AstraScreen[None]):
    """A screen with one feed; `feed_name` is the engine's name of it."""

    SCOPE: ClassVar[str] = "events"

    feed_name = ""

    @property
    def feed(self) -> EventFeed:
        """The pane."""
        return self.query_one(EventFeed)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        if self.feed_name:
            self.feed.show(snapshot.kafka, self.astra.engine.feed_named(self.feed_name))

    def why_not(self, action: Action) -> str:
        if action.id in ("inspect", "copy") and not self.feed.pane_list().count():
            return f"{action.label}: nothing is listed here."
        return ""

    def label(self, action: Action) -> str:
        if action.id == "follow":
            return "hold" if self.feed.following else "follow"
        return super().label(action)

    @on(EventFeed.Inspect)
    def _inspect(self, event: EventFeed.Inspect) -> None:
        self.app.push_screen(MessageScreen(event.row, self.feed_name))

    @on(EventFeed.Followed)
    def _followed(self) -> None:
        self.refresh_footer()

    def do_inspect(self) -> None:
        self.feed.action_inspect()

    def do_search(self) -> None:
        self.do_filter()

    def do_filter(self) -> None:
        self.feed.action_filter()
        # At once: what is typed next must not be taken for keys.
        self.set_focus(self.feed.query_one(FilterInput), scroll_visible=False)

    def do_follow(self) -> None:
        self.feed.action_pause()

    def do_copy(self) -> None:
        row = self.feed.pane_list().cursor_row
        raw = row.raw.decode("utf-8", "replace") if row is not None else ""
        flows.copy_text(self.astra, raw)

    def do_back(self) -> None:
        """Undo the filter first, as in the console."""
        if self.feed.filter_text:
            self.feed.action_clear_filter()
        else:
            self.dismiss(None)
