"""What approving and leaving say, in words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from astra_tui import plan_flows
from astra_tui.cli.console import resume_command
from astra_tui.cli.context import Globals
from astra_tui.screens.dialogs import Confirm
from astra_tui.screens.plan import PlanScreen
from engine.migration.review import Review
from engine.model import PlanTotals
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import on, settled, until, words


@pytest.mark.parametrize(
    ("once", "saving", "text"),
    [
        (0.0042, 0.0048, "costs $0.0042 once, saves $0.0048 a month"),
        (0.0042, -0.02, "costs $0.0042 once, costs $0.02 more a month"),
        (None, None, "costs unknown once, saves unknown a month"),
        (0.0, 0.0, "costs nothing once, saves nothing"),
    ],
)
def test_the_money_of_an_approval(once: float | None, saving: float | None, text: str) -> None:
    assert plan_flows.approval_money(PlanTotals(1, 0, 10, saving, once, None)) == text


def test_one_of_each_is_singular() -> None:
    plan = replace(world.plan(), moves=world.plan().moves[2:3])
    text = "\n".join(str(line) for line in plan_flows.approval_lines(Review(plan).view()))
    for part in ("1 object,", "1 source, after its copy", "1 unguarded deletes", "Start this job?"):
        assert part in text


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (Globals(), "astra resume"),
        (Globals(state=Path("/a b")), "astra --state '/a b' resume"),
        (
            Globals(config=Path("x.toml"), state=Path("s")),
            "astra --config x.toml --state s resume",
        ),
    ],
)
def test_going_on_repeats_the_options(options: Globals, text: str) -> None:
    assert resume_command(options) == text


async def test_what_moves_already_is_not_said_to_be_queued(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    app.engine.at_work = 2
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press(app.keymap["plan"].keys[0])
        await until(pilot, on(pilot, PlanScreen))
        await pilot.press("A")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: "already queued or running" in words(pilot), "it is told")
