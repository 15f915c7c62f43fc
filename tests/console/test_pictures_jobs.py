"""The jobs screen, the page of a job set and of a job, frozen."""

from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from astra_tui.config import ConsoleSettings
from astra_tui.screens.job import JobScreen
from astra_tui.screens.job_set import JobSetScreen
from astra_tui.screens.jobs import JobsScreen
from engine.model import JobState, JobView, Snapshot
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.job_world import ended_set
from tests.console.test_pictures import SMALL, USUAL, Before, press
from tests.console.waiting import quiet, shows

SIZES = pytest.mark.parametrize("size", [SMALL, USUAL])
WIDE = (190, 50)


def jobs_screen(*keys: str, shown: str) -> Before:
    async def run(pilot: Pilot[Any]) -> None:
        await press("J", then=JobsScreen)(pilot)
        for key in keys:
            await pilot.press(key)
            await quiet(pilot)
        await shows(pilot, shown)
        await quiet(pilot)

    return run


def busy(**changes: Any) -> Snapshot:
    states = (("copying", 1), ("verifying", 1), ("queued", 4998), ("completed", 1), ("failed", 1))
    return world.snapshot(job_counts=states, **changes)


@pytest.mark.parametrize("size", [SMALL, USUAL, WIDE])
def test_jobs(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    before = jobs_screen("down", "space", shown="corrupt.bin")
    assert snap_compare(make_app(busy()), terminal_size=size, run_before=before)


@SIZES
def test_failed_jobs(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    before = jobs_screen("f", shown="1 failed")
    assert snap_compare(make_app(busy()), terminal_size=size, run_before=before)


@SIZES
def test_no_jobs(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())
    app.engine.rates = replace(app.engine.rates, bytes=(), objects=())
    assert snap_compare(app, terminal_size=size, run_before=jobs_screen(shown="No jobs yet."))


@SIZES
def test_a_filter_without_a_match(
    size: tuple[int, int], make_app: AppMaker, snap_compare: Any
) -> None:
    before = jobs_screen("slash", *"zzz", "enter", shown="No job fits the filter.")
    assert snap_compare(make_app(busy()), terminal_size=size, run_before=before)


def test_a_filter_that_makes_no_sense(make_app: AppMaker, snap_compare: Any) -> None:
    before = jobs_screen("slash", *"state:lost", shown="is no state")
    assert snap_compare(make_app(busy()), terminal_size=SMALL, run_before=before)


@SIZES
def test_hostile_jobs(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    states = [JobState.COPYING, JobState.FAILED, JobState.QUEUED, JobState.COMPLETED]
    jobs: list[JobView] = []
    for number, name in enumerate(world.HOSTILE):
        job = world.job(name, states[number % 4], jobset=f"[b]\x1b]0;x\x07{number}")
        jobs.append(replace(job, job_id=str(number), error=f"said {name}"))
    app = make_app(busy(jobs=tuple(jobs)))
    assert snap_compare(app, terminal_size=size, run_before=jobs_screen(shown="a[red]b.txt"))


@SIZES
def test_job_sets(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    before = jobs_screen("tab", shown="night-of-the-20th")
    assert snap_compare(make_app(busy()), terminal_size=size, run_before=before)


def last_run(shown: str) -> Before:
    async def run(pilot: Pilot[Any]) -> None:
        await press("O", then=JobSetScreen)(pilot)
        await shows(pilot, shown)
        await quiet(pilot)

    return run


@SIZES
def test_a_set_that_ended(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(busy(ended=(ended_set("set-1"),)))
    assert snap_compare(app, terminal_size=size, run_before=last_run("ended, some failed"))


def test_a_set_at_work(make_app: AppMaker, snap_compare: Any) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await jobs_screen("tab", shown="night-of-the-20th")(pilot)
        await pilot.press("enter")
        await shows(pilot, "at work")
        await quiet(pilot)

    assert snap_compare(make_app(busy()), terminal_size=USUAL, run_before=run)


@pytest.mark.parametrize("row", [0, 4])
def test_a_job_with_its_story(row: int, make_app: AppMaker, snap_compare: Any) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await jobs_screen(*["down"] * row, "enter", shown="on record")(pilot)
        assert isinstance(pilot.app.screen, JobScreen)

    assert snap_compare(make_app(busy()), terminal_size=(120, 50), run_before=run)


def test_jobs_without_colour(
    make_app: AppMaker, snap_compare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    before = jobs_screen("down", "space", shown="corrupt.bin")
    assert snap_compare(make_app(busy()), terminal_size=USUAL, run_before=before)


def test_jobs_in_ascii(make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(busy(), console=ConsoleSettings(ascii=True))
    assert snap_compare(app, terminal_size=SMALL, run_before=jobs_screen(shown="corrupt.bin"))


def test_jobs_on_a_light_screen(make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(busy(), console=ConsoleSettings(theme="light"))
    assert snap_compare(app, terminal_size=USUAL, run_before=jobs_screen(shown="corrupt.bin"))
