"""An app that holds widgets for a test, writes down their messages and counts its output."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from textual._compositor import CompositorUpdate
from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

MessageT = TypeVar("MessageT", bound=Message)


class Stage(App[None]):
    """Shows what `make` gives; `prepare` runs when all is mounted and laid out."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        make: Callable[[], Sequence[Widget]],
        prepare: Callable[["Stage"], object] | None = None,
        *,
        theme: str = "textual-dark",
    ) -> None:
        super().__init__()
        self._make = make
        self._prepare = prepare
        self.said: list[Message] = []
        self.sent = 0  # bytes that a terminal would have got
        self.theme = theme

    def compose(self) -> ComposeResult:
        yield from self._make()

    def on_mount(self) -> None:
        if self._prepare is not None:
            self.call_after_refresh(self._prepare, self)

    def heard(self, kind: type[MessageT]) -> list[MessageT]:
        """Messages of one kind that came up to the app, in order."""
        return [message for message in self.said if isinstance(message, kind)]

    def _display(self, screen, renderable):  # type: ignore[no-untyped-def]
        if isinstance(renderable, CompositorUpdate):
            self.sent += len(renderable.render_segments(self.console).encode())
        super()._display(screen, renderable)

    def _note(self, message: Message) -> None:
        self.said.append(message)

    on_cloud_pane_query_changed = _note
    on_cloud_pane_inspect = _note
    on_cloud_pane_marks_changed = _note
    on_cloud_pane_reload = _note
    on_cloud_pane_told = _note
    on_cloud_pane_visit = _note
    on_crumbs_picked = _note
    on_event_feed_inspect = _note
    on_event_feed_followed = _note
    on_migration_board_inspect = _note
    on_migration_board_marks_changed = _note
    on_key_line_pressed = _note
    on_virtual_list_chosen = _note
    on_virtual_list_mark_clicked = _note


def lines_of(widget: Widget) -> list[str]:
    """The text of a widget's lines, without styles."""
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]


async def settle(pilot: Pilot[None]) -> None:
    """Wait until messages are handled and the screen is drawn."""
    await pilot.pause()
    await pilot.pause()
