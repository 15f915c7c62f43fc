"""Marking by pattern: over the whole view, in the order of the engine's answer, and told."""

from typing import Any

import pytest
from textual.widgets import Input

from astra_tui.screens.dialogs import Prompt
from astra_tui.screens.plan import PlanScreen
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import on, settled, until

SIZE = (120, 40)


def said(app: Any) -> str:
    return "\n".join(notification.message for notification in app._notifications)


async def answer(pilot: Any, key: str, text: str) -> None:
    await pilot.press(key)
    await until(pilot, on(pilot, Prompt))
    pilot.app.screen.query_one(Input).value = text
    await pilot.press("enter")


async def test_marks_by_pattern_and_says_how_many(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        pane = app.screen.panes[0]
        csv = {row[0] for row in world.CALM if row[0].endswith(".csv")}
        await answer(pilot, "+", "*.CSV")
        await until(pilot, lambda: pane.marked == csv)
        await until(pilot, lambda: f"*.CSV: {len(csv)} objects marked of 10." in said(app))
        await answer(pilot, "-", "customer")
        await until(pilot, lambda: pane.marked == csv - {"customer_transactions.csv"})
        await until(pilot, lambda: "customer: 1 object unmarked of 10." in said(app))
        await answer(pilot, "+", "zzz")
        await until(pilot, lambda: "zzz fits none of 10 objects." in said(app))


async def test_a_filter_bounds_what_is_marked(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        pane = app.screen.panes[0]
        await pilot.press("/", *"photos", "enter")
        await until(pilot, lambda: len(pane.objects.view) == 2)
        await pilot.press("+")
        await until(pilot, on(pilot, Prompt))
        await pilot.press("enter")  # the star that stands there means all that is shown
        await until(pilot, lambda: len(pane.marked) == 2)
        assert all("photos" in key for key in pane.marked)


@pytest.mark.parametrize("names", [world.HOSTILE])
async def test_hostile_names_are_marked_by_their_own_characters(
    names: Any, make_app: AppMaker
) -> None:
    app: Any = make_app(names=names)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        pane = app.screen.panes[0]
        await answer(pilot, "+", "logs[/]?")
        await until(pilot, lambda: pane.marked == {"logs[/]x"})


async def test_in_a_plan_moves_are_taken_and_left_out(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("P")
        await until(pilot, on(pilot, PlanScreen))
        screen = app.screen
        before = screen.view.totals.moves
        await answer(pilot, "-", "*")
        await until(pilot, lambda: screen.view.totals.moves == 0)
        await until(pilot, lambda: "left out of" in said(app))
        await answer(pilot, "+", "*.zip")
        zips = sum(m.source.key.endswith(".zip") and not m.refused for m in app.engine.plan.moves)
        await until(pilot, lambda: screen.view.totals.moves == zips)
        assert 0 < zips < before
