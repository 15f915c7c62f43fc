"""Keys that arrive before those in front of them have had their effect.

On a slow line several keys come at once: `m`, `2`, `1`, or `/` and a word. Textual hands all of
them to the widget that has the focus now, so the later ones would act on the wrong panel, or
on the screen below the dialog that they were meant for: text typed into a filter would run as
commands. So one key at a time is on its way, and while the work it started is still on its way
to its question, the next ones wait; never for long.
"""

from collections import deque
from collections.abc import Awaitable, Callable

from textual.app import App
from textual.events import Key
from textual.message_pump import MessagePump
from textual.timer import Timer

LIMIT = 1.0  # seconds; work that takes longer lets the operator go on meanwhile
LOST = 3  # limits after which a key is taken for lost (its widget was closed under it)


class TypeAhead:
    """Lets keys through in order, one after the other. `deliver` starts one on its way."""

    def __init__(self, app: App[int], deliver: Callable[[Key], Awaitable[None]]) -> None:
        self._app = app
        self._deliver = deliver
        self._waiting: deque[Key] = deque()
        self._on_its_way: list[MessagePump] | None = None  # what is behind the last key
        self._question_comes = False
        self._timer: Timer | None = None
        self._limits = 0

    @property
    def holding(self) -> bool:
        """Whether a key that comes now has to wait."""
        return self._on_its_way is not None or self._question_comes

    async def take(self, key: Key) -> None:
        """A key was pressed: let it through, now or later."""
        if self.holding or self._waiting:
            self._waiting.append(key)
            self._watch()
            return
        await self._send(key)

    def hold(self) -> None:
        """A question comes, which the next keys may be meant for."""
        self._question_comes = True

    def release(self) -> None:
        """The question is there, or there is none."""
        self._question_comes = False
        self._go_on()

    async def _send(self, key: Key) -> None:
        if not self._app.screen_stack:  # the console is being closed
            self._waiting.clear()
            return
        node: MessagePump = self._app.focused or self._app.screen
        # A key goes from the focused widget to its parents, and the messages that it caused go
        # the same way after it. This goes that way twice, from queue to queue behind them.
        self._on_its_way = again = [node]
        self._limits = 0
        await self._deliver(key)
        self._follow(node, again)

    def _follow(self, node: MessagePump, again: list[MessagePump]) -> None:
        if not node.call_later(self._passed, node, again):
            self._arrived(again)

    def _passed(self, node: MessagePump, again: list[MessagePump]) -> None:
        parent = node._parent
        if node is not self._app and parent is not None:
            self._follow(parent, again)
        elif again:
            self._follow(again.pop(), again)
        else:
            self._arrived(again)

    def _arrived(self, again: list[MessagePump]) -> None:
        if again is self._on_its_way:  # else it was given up, and another key is on its way
            self._on_its_way = None
            self._go_on()

    def _go_on(self) -> None:
        if self._waiting and not self.holding:
            self._app.call_next(self._send_waiting)

    async def _send_waiting(self) -> None:
        if self._waiting and not self.holding:
            self._stop_watching()
            await self._send(self._waiting.popleft())
            if self._waiting:
                self._watch()

    # -- no key waits for long ----------------------------------------------------------

    def _watch(self) -> None:
        if self._timer is None:
            self._timer = self._app.set_timer(LIMIT, self._waited_enough)

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _waited_enough(self) -> None:
        self._timer = None
        self._question_comes = False
        self._limits += 1
        if self._limits >= LOST:
            self._on_its_way = None
        self._go_on()
        if self.holding:
            self._watch()
