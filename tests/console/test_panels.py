"""Panels that change places, hide and come back, and stand there again at the next start."""

from dataclasses import replace
from typing import Any

import pytest

from engine.model import PanelLayout
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import settled, shows, until, words

SIZE, SMALL = (120, 40), (80, 24)
USUAL = ("aws", "gcp", "azure", ":events", ":migrations")


def said(app: Any) -> str:
    return "\n".join(notification.message for notification in app._notifications)


async def test_a_panel_changes_places_and_keeps_the_focus(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        panels, kept = app.screen.panels, app.engine.workspace
        aws = app.screen.panes[0]
        left = aws.region
        await pilot.press(">")
        await until(pilot, lambda: kept.panels.order == ("gcp", "aws", *USUAL[2:]), "it is kept")
        await until(pilot, lambda: aws.region.x > left.x, "it stands further right")
        assert aws.has_focus_within
        assert panels.current == 1
        await pilot.press("<", "<")
        assert "This panel is the first one." in said(app)
        await until(pilot, lambda: kept.panels.order == USUAL)
        assert aws.region == left


async def test_a_hidden_panel_is_named_and_its_number_brings_it_back(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        screen, kept = app.screen, app.engine.workspace
        assert "[gcp]" not in words(pilot)
        await pilot.press("2", "H")
        await shows(pilot, "2 [gcp]")
        await until(pilot, lambda: screen.panels.shown == (0, 2, 3, 4))
        assert screen.panes[2].has_focus_within
        await until(pilot, lambda: kept.panels.hidden == ("gcp",))
        await pilot.press("shift+tab")
        await until(pilot, lambda: screen.panes[0].has_focus_within, "hidden ones are left out")
        await pilot.press("2")
        await until(pilot, lambda: screen.panels.shown == (0, 1, 2, 3, 4))
        await until(pilot, lambda: screen.panes[1].has_focus_within)
        await until(pilot, lambda: kept.panels.hidden == ())


async def test_the_last_panel_stays_and_all_come_back(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        screen = app.screen
        await pilot.press("H", "H", "H", "H", "H")
        assert "The last panel stays." in said(app)
        await until(pilot, lambda: screen.board.region.size.height > 30, "it has all the room")
        assert screen.board.has_focus_within
        await pilot.press("0")
        await until(pilot, lambda: len(screen.panels.shown) == 5)
        await pilot.press("0")
        await until(pilot, lambda: "No panel is hidden." in said(app))


@pytest.mark.parametrize("size", [SIZE, SMALL])
async def test_panels_stand_as_they_were_left(size: tuple[int, int], make_app: AppMaker) -> None:
    app: Any = make_app()
    order = (":events", "azure", "aws", "gcp", ":migrations")
    app.engine.workspace.panels = PanelLayout(order, ("aws", ":events", "gone"))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        screen = app.screen
        await until(pilot, lambda: screen.panels.names == order)
        await until(pilot, lambda: screen.panels.hidden == {0, 2})
        await until(pilot, lambda: screen.panes[2].has_focus_within, "what shows has the focus")
        await shows(pilot, "[aws]")


async def test_reasons_name_the_places_where_panels_stand(make_app: AppMaker) -> None:
    app: Any = make_app(replace(world.quiet()))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("5", "<", "<")
        await until(pilot, lambda: app.screen.panels.names[2] == ":migrations")
        await pilot.press("1", "c")
        await until(pilot, lambda: "cancel: go to the migrations (3) first." in said(app))
