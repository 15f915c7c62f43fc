"""An idle console sends nothing, and showing the same again draws nothing."""

import asyncio

import pytest

from tests.widgets.scenes import SCENES, console
from tests.widgets.stage import Stage, settle


@pytest.mark.parametrize("scene", list(SCENES))
async def test_equal_shows_draw_nothing(scene: str) -> None:
    app = SCENES[scene]()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        again = app._prepare
        assert again is not None
        if scene not in ("pane-marked", "feed-held", "pane-filtered"):  # these act, not only show
            again(app)
            await settle(pilot)
            app.sent = 0
            again(app)
            await settle(pilot)
            assert app.sent == 0


async def test_idle_sends_nothing() -> None:
    app: Stage = console()()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.sent = 0
        for _ in range(20):  # whatever timers there are get their turn
            await asyncio.sleep(0.05)
        assert app.sent == 0


async def test_an_open_filter_line_does_not_blink() -> None:
    app: Stage = console()()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.query_one("#aws").action_filter()  # type: ignore[attr-defined]
        await settle(pilot)
        app.sent = 0
        for _ in range(24):  # Textual's cursor blinks twice a second
            await asyncio.sleep(0.05)
        assert app.sent == 0
