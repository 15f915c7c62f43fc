"""Grave risks are told whole, however narrow the terminal, where they are weighed."""

from dataclasses import replace
from typing import Any

import pytest

from astra_tui import plan_flows
from astra_tui.plan_summary import risk_lines
from astra_tui.screens.dialogs import Confirm
from astra_tui.screens.plan import PlanScreen
from engine.migration.review import Review
from engine.model import Plan, RiskKind
from tests.console import plans, world
from tests.console.conftest import AppMaker
from tests.console.waiting import on, settled, shows, until, words

LOST = ("older versions, if it has any: only the current one goes, and those that are held by a "
        "retention rule stay where they are until somebody deletes them by hand")  # fmt: skip
UNGUARDED = "a version that somebody writes just before the delete would be lost"


def grave() -> Plan:
    moves = tuple(
        replace(move, kinds=(*RiskKind,)[2:], losses=(LOST,)) if not move.refused else move
        for move in plans.risky().moves
    )
    return replace(plans.risky(), moves=moves)


def squeezed(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("width", [16, 30, 56])
def test_the_last_question_tells_them_whole(width: int) -> None:
    lines = [str(line) for line in plan_flows.approval_lines(Review(grave()).view(), width)]
    told = squeezed(" ".join(line.removeprefix("risks").strip() for line in lines))
    assert LOST in told
    assert UNGUARDED in told
    assert "restores: up to 48 hours" in told  # grave, though many kinds stand before it
    start = next(number for number, line in enumerate(lines) if line.startswith("risks"))
    assert all(len(line) <= width + 9 for line in lines[start:-3])


def test_so_do_exports_and_the_command() -> None:
    assert any(LOST in line for line in risk_lines(Review(grave()).view()))


@pytest.mark.parametrize("size", [(80, 24), (44, 24), (120, 40)])
async def test_the_list_wraps_them_and_the_cursor_goes_from_risk_to_risk(
    size: tuple[int, int], make_app: AppMaker
) -> None:
    app: Any = make_app(world.quiet(), plan=grave())
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("P")
        await until(pilot, on(pilot, PlanScreen))
        screen: Any = app.screen
        await until(pilot, lambda: screen.rows is not None, "its lines")
        await pilot.press("r")
        await until(pilot, lambda: screen.on_risks and screen.risks.size.height > 1, "the list")
        kinds = [risk.kind for risk in screen.view.risks]
        for kind in kinds[1:]:
            await pilot.press("down")
            await until(pilot, lambda kind=kind: screen.risks.cursor_risk.kind is kind, kind.value)
            if kind is RiskKind.UNGUARDED and size[0] > 44:
                await until(
                    pilot,
                    lambda: all(word in words(pilot) for word in UNGUARDED.split()),
                    "the whole of it shows",
                )
        text = " ".join(
            line.text for line in screen.risks.fetch(0, 99) if line.risk.kind is RiskKind.LOSSES
        )
        assert LOST in squeezed(text)
        for kind in kinds[-2::-1]:
            await pilot.press("up")
            await until(pilot, lambda kind=kind: screen.risks.cursor_risk.kind is kind, kind.value)


async def test_the_question_fits_a_narrow_terminal(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet(), plan=grave())
    async with app.run_test(size=(44, 60)) as pilot:
        await settled(pilot)
        await pilot.press("P")
        await until(pilot, on(pilot, PlanScreen))
        screen: Any = app.screen
        await until(pilot, lambda: screen.rows is not None, "its lines")
        await pilot.press("A")
        await until(pilot, on(pilot, Confirm))
        await shows(pilot, "risks")
        assert LOST in squeezed(" ".join(str(line) for line in app.screen._lines))
