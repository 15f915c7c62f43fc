"""The plan screen in all its states, frozen: look at the difference before accepting another."""

from typing import Any

import pytest
from textual.pilot import Pilot

from astra_tui.config import ConsoleSettings
from astra_tui.screens.dialogs import Choice, Confirm
from astra_tui.screens.plan import PlanScreen
from engine.model import Plan
from tests.console import plans, world
from tests.console.conftest import AppMaker
from tests.console.test_pictures import SMALL, USUAL, Before
from tests.console.waiting import on, quiet, settled, until, words

SIZES = pytest.mark.parametrize("size", [SMALL, USUAL], ids=["80x24", "120x40"])


def pressed(*keys: str, shows: str, top: type = PlanScreen) -> Before:
    """Open the plan, press keys, wait for these words."""

    async def run(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        await pilot.press("P")
        await until(pilot, on(pilot, PlanScreen), "the plan")
        screen: Any = pilot.app.screen
        await until(pilot, lambda: screen.rows is not None, "its lines")
        for key in keys:
            await pilot.press(key)
            await quiet(pilot)
        await until(pilot, on(pilot, top), top.__name__)
        await until(pilot, lambda: shows in words(pilot), shows)
        await quiet(pilot)

    return run


@SIZES
def test_risks(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), plan=plans.risky())
    assert snap_compare(app, terminal_size=size, run_before=pressed("r", shows="unguarded deletes"))


@SIZES
def test_only_one_risk(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), plan=plans.risky())
    keys = ("r", "down", "down", "enter")
    assert snap_compare(app, terminal_size=size, run_before=pressed(*keys, shows="3 shown"))


@SIZES
def test_folded_by_class(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), plan=plans.risky())
    keys = ("b", "b", "up", "f")
    assert snap_compare(app, terminal_size=size, run_before=pressed(*keys, shows="…"))


@SIZES
def test_editing(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), plan=plans.copies())
    before = pressed("e", "4", shows="attested", top=Choice)
    assert snap_compare(app, terminal_size=size, run_before=before)


@SIZES
def test_edited(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), plan=plans.copies())
    before = pressed("e", "4", "5", "escape", shows="overwrites")
    assert snap_compare(app, terminal_size=size, run_before=before)


@SIZES
def test_filtered(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), plan=plans.copies())
    before = pressed("/", *"*.jpg", shows="2 shown")
    assert snap_compare(app, terminal_size=size, run_before=before)


@SIZES
@pytest.mark.parametrize(
    ("plan", "shows"),
    [(plans.all_refused(), "6 refused"), (plans.hostile(), "of 8 moves")],
    ids=["all-refused", "hostile"],
)
def test_plans(
    plan: Plan, shows: str, size: tuple[int, int], make_app: AppMaker, snap_compare: Any
) -> None:
    app = make_app(world.quiet(), plan=plan)
    assert snap_compare(app, terminal_size=size, run_before=pressed("down", shows=shows))


@SIZES
def test_nothing_left(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), plan=plans.copies())
    before = pressed("/", *"nosuch", shows="No move fits")
    assert snap_compare(app, terminal_size=size, run_before=before)


@SIZES
@pytest.mark.parametrize("which", ["risky", "hostile"])
def test_approval(which: str, size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), plan=getattr(plans, which)())
    before = pressed("A", shows="Approve the plan", top=Confirm)
    assert snap_compare(app, terminal_size=size, run_before=before)


@SIZES
def test_saved_plans(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet(), plan=plans.copies())
    app.engine.workspace.saved += [plans.copies(), plans.hostile()]

    async def ask(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        await pilot.press("K")
        await until(pilot, on(pilot, Choice), "the saved plans")
        await quiet(pilot)

    assert snap_compare(app, terminal_size=size, run_before=ask)


@SIZES
def test_an_opened_plan_says_what_changed(
    size: tuple[int, int], make_app: AppMaker, snap_compare: Any
) -> None:
    changes = ("2 of 10 are gone.", "It costs $1.20 more once than when it was saved.")
    app: Any = make_app(world.quiet(), plan=plans.all_refused(), changes=changes)
    app.engine.workspace.saved.append(plans.copies())

    async def opened(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        await pilot.press("K")
        await until(pilot, on(pilot, Choice), "the saved plans")
        await pilot.press("1")
        await until(pilot, lambda: "delete it" in words(pilot), "what to do with it")
        await pilot.press("1")
        await until(pilot, on(pilot, PlanScreen), "the plan")
        await until(pilot, lambda: "2 of 10 are gone" in words(pilot), "what changed")
        await quiet(pilot)

    assert snap_compare(app, terminal_size=size, run_before=opened)


def test_plan_in_ascii(make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), plan=plans.risky(), console=ConsoleSettings(ascii=True))
    assert snap_compare(
        app, terminal_size=SMALL, run_before=pressed("r", shows="unguarded deletes")
    )
