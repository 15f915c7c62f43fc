"""What approving and leaving say, in words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from astra_tui import job_flows
from astra_tui.cli.console import resume_command
from astra_tui.cli.context import Globals
from astra_tui.screens.dialogs import Confirm
from astra_tui.screens.plan import PlanScreen
from engine.model import JobSpec, JobState, PlanTotals
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import on, settled, shows, until, words


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
    assert job_flows.approval_money(PlanTotals(1, 0, 10, saving, once, None)) == text


def test_one_of_each_is_singular() -> None:
    plan = replace(world.plan(), moves=world.plan().moves[2:3])
    text = "\n".join(str(line) for line in job_flows.approval_lines(plan, plan.totals()))
    for part in ("1 object,", "1 source, after its copy", "1 move has some", "Start this job?"):
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
    plan = world.plan()
    moving = tuple(
        replace(
            world.job(f"{number}", JobState.COPYING),
            spec=JobSpec(
                move.source, move.destination, move.kind, move.size, move.pin,
                move.from_class, move.to_class, plan.options,
            ),
        )
        for number, move in enumerate(plan.moves)
        if number in (0, 2)
    )  # fmt: skip
    paused = replace(moving[0], job_id="p", paused=True)
    for shown in (moving, (moving[0],)):  # the second stands for a snapshot that shows a part
        app: Any = make_app(world.snapshot(jobs=(*shown, paused), job_counts=(("copying", 2),)))
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await settled(pilot)
            app.engine.now = replace(app.engine.now, jobs=(*shown, paused))
            await pilot.press(app.keymap["plan"].keys[0])
            await until(pilot, on(pilot, PlanScreen))
            await pilot.press("A")
            await until(pilot, on(pilot, Confirm))
            await pilot.press("y")
            part = "4 jobs queued" if len(shown) == 1 else "3 jobs queued"
            await until(pilot, lambda: "already queued or running" in words(pilot), "it is told")
            await shows(pilot, part)
            assert bool(app.engine.asked("jobs")) == (len(shown) == 1)
