"""Changing limits and order in the console, and seeing what holds."""

from dataclasses import replace
from typing import Any

import pytest
from textual.widgets import Input

from astra_tui import job_flows
from astra_tui.screens.dashboard import DashboardScreen
from astra_tui.screens.dialogs import Prompt, Tell
from astra_tui.screens.plan import PlanScreen
from engine.model import FlowState, JobState, Limits, StoreFlow, Timetable
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import on, settled, shows, until, words

MIB = 1024**2
TABLE = "08:00,5MiB 19:00,off"
SLOW = StoreFlow("aws", FlowState.THROTTLED, 3, 3, 8, reason="aws:b/k: The store asks to slow down")


async def fill(pilot: Any, app: Any, text: str) -> None:
    """Answer the question that is asked."""
    await until(pilot, on(pilot, Prompt))
    app.screen.query_one(Input).value = text
    await pilot.press("enter")


async def test_both_limits_take_what_the_command_takes(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet(limits=Limits(8, 2 * MIB)))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("b")
        await until(pilot, on(pilot, Prompt))
        assert app.screen.query_one(Input).value == "8"
        await fill(pilot, app, "12")
        await until(pilot, lambda: "timetable" in words(pilot), "the second question")
        assert app.screen.query_one(Input).value == "2MiB"
        app.screen.query_one(Input).value = "08:00,5MiB 25:00,off"
        await until(pilot, lambda: "25:00" in words(pilot), "the bad entry is named")
        await fill(pilot, app, TABLE)
        await until(pilot, lambda: app.engine.asked("set_limits"), "the door is told")
        assert app.engine.asked("set_limits") == [(12, Timetable.parse(TABLE))]
        await until(pilot, lambda: "12 objects at once" in words(pilot))


async def test_beside_a_timetable_a_size_may_be_given_and_the_table_again(
    make_app: AppMaker,
) -> None:
    by_clock = Limits(8, 5 * MIB, TABLE, 1_795_000_000.0, 0)
    app: Any = make_app(world.quiet(limits=by_clock))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        for limits, shown, typed, wanted in (
            (by_clock, TABLE, "off", 0),
            (replace(by_clock, bwlimit=MIB, by_hand=True), "1MiB", TABLE, Timetable.parse(TABLE)),
        ):
            app.engine.show(world.quiet(limits=limits))
            await until(pilot, lambda limits=limits: app.snapshot.limits == limits)
            await pilot.press("b")
            await fill(pilot, app, "8")
            await until(pilot, lambda: "next entry" in words(pilot), "the second question")
            assert app.screen.query_one(Input).value == shown
            await fill(pilot, app, typed)
            await until(
                pilot, lambda wanted=wanted: (8, wanted) in app.engine.asked("set_limits"), "told"
            )


async def test_leaving_a_question_changes_nothing(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet(limits=Limits(8)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("b")
        await fill(pilot, app, "4")
        await until(pilot, lambda: "Bytes a second" in words(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, Prompt))
        assert app.engine.asked("set_limits") == []


async def test_a_store_in_trouble_is_on_the_board_and_in_the_totals(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet(limits=Limits(8, MIB), stores=(SLOW,)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await until(pilot, lambda: "aws: throttled, 3 of 8" in words(pilot))
        await pilot.press("d")
        await until(pilot, on(pilot, DashboardScreen))
        await until(pilot, lambda: "8 at once, 1.0 MiB/s" in words(pilot))
        await shows(pilot, "asks to slow down")


async def test_jobs_get_another_priority(make_app: AppMaker) -> None:
    jobs = (world.job("j1", JobState.QUEUED), world.job("j2", JobState.COMPLETED))
    app: Any = make_app(world.snapshot(jobs=jobs, job_counts=(("queued", 1),)))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settled(pilot)
        app.screen.go_to(len(app.screen.panels.panels) - 1)
        await pilot.press("home", "u")
        await fill(pilot, app, "high")
        await until(pilot, lambda: app.engine.asked("prioritise"), "the door is told")
        ((priority, ids),) = app.engine.asked("prioritise")
        assert (priority, len(ids)) == (10, 1)
        await until(pilot, lambda: "with priority high" in words(pilot))


async def test_a_plan_with_too_many_deletes_is_not_even_asked_about(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    app.engine.settings = replace(app.engine.settings, max_deletes=2)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("P")
        await until(pilot, on(pilot, PlanScreen))
        await shows(pilot, "2 are allowed (max_deletes): refused as it is")
        await pilot.press("A")
        await until(pilot, on(pilot, Tell))
        await shows(pilot, "deletes 3 sources")
        assert app.engine.asked("submit") == []


@pytest.mark.parametrize(
    ("limit", "text"), [(0, "off"), (20 * MIB, "20MiB"), (512 * 1024, "512KiB"), (1000, "1000B")]
)
def test_a_size_is_shown_as_it_is_typed(limit: int, text: str) -> None:
    assert job_flows.size_word(limit) == text
