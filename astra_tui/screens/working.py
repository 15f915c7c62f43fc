"""Something that takes a while: how far it is, and a way to leave it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Static

from astra_tui.screens.dialogs import Dialog

_LOOK = 0.25  # seconds between two looks


class Working(Dialog[bool]):
    """Waits for work that is under way; escape ends it. Leaves with whether it was waited for.

    `share` is asked how far the work is, from 0 to 1.
    """

    DEFAULT_CSS = """
    Working {
        & .answers { height: 1; width: 100%; align-horizontal: right; }
        & Button { height: 1; border: none; padding: 0 1; }
    }
    """

    def __init__(
        self, title: str, work: "asyncio.Future[Any]", share: Callable[[], Awaitable[float]]
    ) -> None:
        super().__init__(title, hint="esc leaves it as it was")
        self._work = work
        self._share = share

    def compose_answer(self) -> ComposeResult:
        yield Static("", markup=False, id="share")
        with Horizontal(classes="answers"):
            yield Button(Content("Leave it"), compact=True)

    def answer_height(self) -> int:
        return 2

    def on_mount(self) -> None:
        self.query_one(Button).focus()
        self.set_interval(_LOOK, self._look)
        self.run_worker(self._wait(), exit_on_error=False)

    async def _wait(self) -> None:
        await asyncio.wait([self._work])  # what went wrong is told by who began it
        if self.is_current:
            self.dismiss(True)

    async def _look(self) -> None:
        if not self._work.done():
            share = await self._share()
            self.query_one("#share", Static).update(f"{share:.0%} planned again" if share else "")

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_leave()

    def action_leave(self) -> None:
        self._work.cancel()
        self.dismiss(False)
