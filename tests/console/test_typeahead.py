"""One key at a time is on its way; the next ones wait, in order, and never for ever."""

import asyncio
from typing import Any

from textual import events
from textual.app import App, ComposeResult
from textual.widgets import Input

from astra_tui.typeahead import TypeAhead
from tests.console.waiting import until


class Typed(App[int]):
    """Notes the keys that got through to its bindings; `a` moves the focus to the second line."""

    BINDINGS = [("f1", "note('f1')"), ("f2", "note('f2')"), ("f3", "second")]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.got: list[str] = []
        self.ahead = TypeAhead(self, super().on_event)

    def compose(self) -> ComposeResult:
        yield Input(id="first")
        yield Input(id="second")

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            await self.ahead.take(event)
        else:
            await super().on_event(event)

    def action_note(self, key: str) -> None:
        self.got.append(key)

    def action_second(self) -> None:
        self.query_one("#second", Input).focus()  # takes effect some messages later

    def type(self, *keys: str) -> None:
        for key in keys:
            self.post_message(events.Key(key, key if len(key) == 1 else None))


async def test_the_next_key_meets_the_focus_that_the_last_one_set() -> None:
    app = Typed()
    async with app.run_test() as pilot:
        app.type("a", "b", "f3", "c", "d", "f1")
        await until(pilot, lambda: app.got == ["f1"])
        values = [line.value for line in app.query(Input)]
        assert values == ["ab", "cd"]


async def test_keys_wait_for_a_question_and_keep_their_order() -> None:
    app = Typed()
    async with app.run_test() as pilot:
        app.ahead.hold()
        app.type("f1", "f2", "f1")
        await pilot.pause()
        assert app.got == []
        app.ahead.release()
        await until(pilot, lambda: len(app.got) == 3)
        assert app.got == ["f1", "f2", "f1"]


async def test_a_question_that_never_comes_holds_no_key_for_ever(monkeypatch: Any) -> None:
    monkeypatch.setattr("astra_tui.typeahead.LIMIT", 0.05)
    app = Typed()
    async with app.run_test() as pilot:
        app.ahead.hold()
        app.type("f1", "f2")
        await until(pilot, lambda: app.got == ["f1", "f2"])
        assert not app.ahead.holding


async def test_a_key_whose_widget_is_closed_under_it_holds_none_for_ever(monkeypatch: Any) -> None:
    monkeypatch.setattr("astra_tui.typeahead.LIMIT", 0.05)
    app = Typed()
    async with app.run_test() as pilot:
        lost = asyncio.Event()

        first = app.query_one("#first", Input)
        later = first.call_later

        def swallow(callback: Any, *arguments: Any) -> bool:
            if lost.is_set() or getattr(callback, "__self__", None) is not app.ahead:
                return later(callback, *arguments)
            lost.set()
            return True  # says that it will come, and never does

        first.call_later = swallow  # type: ignore[method-assign]
        app.type("x", "f1", "f2")
        await until(pilot, lambda: app.got == ["f1", "f2"])
        assert lost.is_set()


async def test_closing_with_keys_still_waiting_is_no_error() -> None:
    app = Typed()
    async with app.run_test():
        app.ahead.hold()
        app.type("f1", "f2", "f1")
        app.exit()
