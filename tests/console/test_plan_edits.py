"""An edit that takes a while: it says how far it is, and can be left."""

import asyncio
from typing import Any

import pytest

from astra_tui.screens.dialogs import Choice
from astra_tui.screens.plan import PlanScreen
from astra_tui.screens.working import Working
from engine.errors import UsageError
from tests.console import plans, world
from tests.console.conftest import AppMaker
from tests.console.waiting import on, settled, shows, until


async def editing(pilot: Any, app: Any) -> Any:
    await settled(pilot)
    await pilot.press("P")
    await until(pilot, on(pilot, PlanScreen))
    screen = app.screen
    await until(pilot, lambda: screen.rows is not None, "its lines")
    await pilot.press("e")
    await until(pilot, on(pilot, Choice))
    await pilot.press("4")
    return screen


async def test_it_tells_how_far_it_is_and_is_left_by_escape(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet(), plan=plans.copies())
    app.engine.hold["edit_plan"] = asyncio.Event()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen = await editing(pilot, app)
        await until(pilot, on(pilot, Working))
        await shows(pilot, "42% planned again")
        before = screen.view
        await pilot.press("escape")
        await shows(pilot, "The plan stays as it was.")
        await until(pilot, on(pilot, Choice))  # the edits are offered again
        assert screen.view is before
        app.engine.hold["edit_plan"].set()
        await pilot.press("escape")
        await until(pilot, on(pilot, PlanScreen))
        assert screen.view is before


async def test_it_goes_by_itself_once_the_plan_is_there(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet(), plan=plans.copies())
    app.engine.hold["edit_plan"] = asyncio.Event()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen = await editing(pilot, app)
        await until(pilot, on(pilot, Working))
        app.engine.hold["edit_plan"].set()
        await until(pilot, on(pilot, Choice))
        assert screen.view.edited


@pytest.mark.parametrize("slow", [True, False])
async def test_what_it_cannot_become_is_told(slow: bool, make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet(), plan=plans.copies())
    app.engine.fail["edit_plan"] = UsageError("It cannot become that.", safe="It stays.")
    if slow:
        app.engine.hold["edit_plan"] = asyncio.Event()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await editing(pilot, app)
        if slow:
            await until(pilot, on(pilot, Working))
            app.engine.hold["edit_plan"].set()
        await shows(pilot, "It cannot become that.")
