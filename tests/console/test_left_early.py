"""A screen that is left before its answer came: the answer is dropped, and nobody hears of it."""

import asyncio
from typing import Any

import pytest

from tests.console.conftest import AppMaker
from tests.console.door import FakeDoor
from tests.console.waiting import quiet, settled, until

SIZE = (80, 24)


@pytest.mark.parametrize(
    ("keys", "asks"),
    [
        (("U",), "view"),
        (("enter",), "inspect"),
        (("enter", "h"), "versions"),
        (("v",), "preview"),
    ],
)
async def test_a_late_answer_is_no_error(
    keys: tuple[str, ...], asks: str, make_app: AppMaker
) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        console, door = app.screen, app.engine
        assert isinstance(door, FakeDoor)
        *before, last = keys
        for key in before:
            await pilot.press(key)
            await quiet(pilot)
        asked = door.asked(asks)
        door.hold[asks] = asyncio.Event()
        await pilot.press(last)
        await until(pilot, lambda: door.asked(asks) > asked)
        for _ in keys:
            await pilot.press("escape")
        await until(pilot, lambda: app.screen is console)
        await quiet(pilot)
        door.hold[asks].set()
        await until(pilot, lambda: not app.workers, "the answer is dealt with")
        assert app.screen is console, "a dialog tells of an error"
