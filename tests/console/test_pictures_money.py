"""Money in its states, frozen: what a policy expects beside the saving, and why none is told."""

from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from astra_tui.screens.dialogs import Tell
from engine.migration.plan_costs import assumed
from engine.model import Decision, Plan
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.test_pictures import SMALL, USUAL, Before
from tests.console.test_pictures_plan import pressed
from tests.console.waiting import on, quiet, settled, shows, until

SIZES = pytest.mark.parametrize("size", [SMALL, USUAL], ids=["80x24", "120x40"])
ASSUMED = "Reads come as the built-in prior makes expect: 0.4 whole reads in the next 30 days."


def expecting() -> Plan:
    """A plan of policy `cost`, which expects other reads than those of the last 30 days."""
    moves = tuple(
        replace(move, expected_saving=0.0041, assumption=ASSUMED) for move in world.plan().moves
    )
    plan = replace(world.plan(), policy="cost", moves=moves)
    return replace(plan, warnings=(*plan.warnings, *assumed((), moves, "cost")))


def asked(*keys: str, says: str) -> Before:
    async def run(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
        await shows(pilot, says)
        await quiet(pilot)

    return run


@SIZES
def test_plan(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), plan=expecting())
    assert snap_compare(app, terminal_size=size, run_before=pressed(shows="Savings are at"))


@SIZES
def test_answer(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())

    async def decide(*_: object) -> list[Decision]:
        return [replace(one, expected_saving=0.0041, policy="cost") for one in world.decisions()]

    async def run(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        await pilot.press("e")
        await until(pilot, on(pilot, Tell))
        await shows(pilot, "policy cost expects")
        await quiet(pilot)

    app.engine.decide = decide
    assert snap_compare(app, terminal_size=size, run_before=run)


@SIZES
def test_no_policy_was_asked(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(decisions=0, decided_by=""))
    run = asked("d", says="no policy was asked yet")
    assert snap_compare(app, terminal_size=size, run_before=run)
