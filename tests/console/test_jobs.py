"""The jobs screen: what its keys ask of the engine, and what it asks by itself."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from astra_tui.screens.dialogs import Choice, Confirm, Prompt, Tell
from astra_tui.screens.job_set import JobSetScreen
from astra_tui.screens.jobs import JobsScreen
from astra_tui.screens.object import ObjectScreen
from engine.model import Address, JobChange, JobQuery, JobSort, JobState
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.job_world import ended_set
from tests.console.test_with_engine import console, listed, local, settings
from tests.console.waiting import on, quiet, settled, shows, until, words

SIZE = (120, 40)


async def open_jobs(pilot: Pilot[Any], text: str = "") -> Any:
    await settled(pilot)
    await pilot.press("J")
    await until(pilot, on(pilot, JobsScreen))
    screen: Any = pilot.app.screen
    await until(pilot, lambda: screen.pane.rows.window is not None, "a window")
    if text:
        screen.pane.set_filter(text)
        await until(pilot, lambda: screen.pane.rows.query_shown.text == text, "the filter")
    return screen


async def test_all_that_failed_are_retried_or_the_one_at_the_cursor(make_app: AppMaker) -> None:
    jobs = tuple(
        world.job(f"{n}.bin", JobState.FAILED, job_id=f"j{n}", error="boom") for n in range(3)
    )
    app: Any = make_app(world.snapshot(jobs=jobs))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await open_jobs(pilot)
        await pilot.press("R")
        await until(pilot, on(pilot, Choice))
        await shows(pilot, "All 3 jobs")
        await pilot.press("2")
        await until(pilot, on(pilot, Confirm))
        await shows(pilot, "Try 3 jobs again?")
        await pilot.press("y")
        await until(pilot, lambda: app.engine.asked("change_jobs"))
        assert app.engine.asked("change_jobs") == [(JobChange.RETRY, "", 0)]
        await until(pilot, on(pilot, JobsScreen))
        await pilot.press("R")
        await until(pilot, on(pilot, Choice))
        await pilot.press("1")
        await until(pilot, lambda: app.engine.asked("retry"))
        assert app.engine.asked("retry") == [["j0"]]
        await until(pilot, on(pilot, JobsScreen))
        await pilot.press("space", "space", "R")
        await until(pilot, lambda: len(app.engine.asked("retry")) == 2)
        assert app.engine.asked("retry")[-1] == ["j0", "j1"]
        await until(pilot, lambda: not app.screen.pane.marked, "no mark is left")


async def test_no_one_key_lets_all_run_again_that_was_cancelled(make_app: AppMaker) -> None:
    """With the cursor on a job that runs, the key means all others: then it asks."""
    jobs = (
        world.job("runs.bin", JobState.COPYING, job_id="runs"),
        *(world.job(f"{n}.bin", JobState.CANCELLED, job_id=f"j{n}") for n in range(2)),
    )
    app: Any = make_app(world.snapshot(jobs=jobs))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await open_jobs(pilot)
        await until(pilot, lambda: screen.pane.cursor_job.job_id == "runs")
        await pilot.press("R")
        await until(pilot, on(pilot, Confirm))
        await shows(pilot, "Try 2 jobs again?")
        await shows(pilot, "2 jobs of them, once cancelled, will run after all.")
        await pilot.press("enter")  # the answer that stands there is no
        await until(pilot, on(pilot, JobsScreen))
        assert not app.engine.asked("change_jobs")
        assert not app.engine.asked("retry")


async def test_cancelling_all_that_fit_is_asked_once_more(make_app: AppMaker) -> None:
    jobs = tuple(world.job(f"{n}.bin", JobState.QUEUED, job_id=f"j{n}") for n in range(3))
    app: Any = make_app(world.snapshot(jobs=jobs))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await open_jobs(pilot, "route:aws>gcp")
        await pilot.press("c")
        await until(pilot, on(pilot, Choice))
        await pilot.press("2")
        await until(pilot, on(pilot, Confirm))
        await shows(pilot, "Cancel 3 jobs?")
        await pilot.press("n")
        await until(pilot, on(pilot, JobsScreen))
        assert not app.engine.asked("change_jobs")
        await pilot.press("c")
        await until(pilot, on(pilot, Choice))
        await pilot.press("2")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: app.engine.asked("change_jobs"))
        assert app.engine.asked("change_jobs") == [(JobChange.CANCEL, "route:aws>gcp", 0)]
        await until(pilot, on(pilot, JobsScreen))
        await pilot.press("u")
        await until(pilot, on(pilot, Choice))
        await pilot.press("2")
        await until(pilot, on(pilot, Prompt))
        await pilot.press(*["backspace"] * 6, *"high", "enter")
        await until(pilot, lambda: len(app.engine.asked("change_jobs")) == 2)
        assert app.engine.asked("change_jobs")[1] == (JobChange.PRIORITISE, "route:aws>gcp", 10)


async def test_all_that_fit_are_marked_whether_they_show_or_not(make_app: AppMaker) -> None:
    """A list of 1,200 of which a window is here: the engine knows who is meant."""
    jobs = tuple(
        world.job(f"{n}.bin", JobState.CANCELLED if n % 3 == 0 else JobState.FAILED, job_id=f"j{n}")
        for n in range(1200)
    )
    app: Any = make_app(world.snapshot(jobs=jobs))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await open_jobs(pilot, "route:aws>gcp")
        assert len(screen.pane.rows.window.jobs) < 1200
        await pilot.press("*")
        await shows(pilot, "1,200 marked")
        await pilot.press("space", "space")  # but not the first two
        await shows(pilot, "1,198 marked")
        await pilot.press("end")
        await until(pilot, lambda: screen.pane.cursor_job is not None, "the last job")
        assert screen.pane.rows.is_marked(screen.pane.cursor_job)
        await pilot.press("R")
        await until(pilot, on(pilot, Confirm))
        await shows(pilot, "Try 1,198 jobs again?")
        await shows(pilot, "399 jobs of them, once cancelled, will run after all.")
        await shows(pilot, "2 unmarked ones left out")
        await pilot.press("n")
        await until(pilot, on(pilot, JobsScreen))
        assert screen.pane.marks.count(1200) == 1198  # who says no keeps the marks
        await pilot.press("R")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: app.engine.asked("change_jobs"))
        wanted = (JobChange.RETRY, "route:aws>gcp", 0, ("j0", "j1"))
        assert app.engine.asked("change_jobs") == [wanted]
        await until(pilot, lambda: not screen.pane.marks, "nothing is marked any more")


async def test_another_filter_means_other_jobs_so_the_mark_of_all_goes(make_app: AppMaker) -> None:
    jobs = tuple(world.job(f"{n}.bin", JobState.FAILED, job_id=f"j{n}") for n in range(30))
    app: Any = make_app(world.snapshot(jobs=jobs))
    async with app.run_test(size=SIZE) as pilot:
        screen = await open_jobs(pilot)
        await pilot.press("*")
        await shows(pilot, "30 marked")
        await pilot.press("s")  # another order shows the same jobs
        await until(pilot, lambda: screen.pane.rows.query_shown.sort is JobSort.AGE)
        await shows(pilot, "30 marked")
        screen.pane.set_filter("name:1")
        await until(pilot, lambda: screen.pane.rows.query_shown.text == "name:1")
        assert not screen.pane.marks
        await pilot.press("*", "*")
        await until(pilot, lambda: not screen.pane.marks, "pressed twice, it marks none")


async def test_a_mark_of_all_does_not_come_back_over_other_jobs(make_app: AppMaker) -> None:
    jobs = tuple(world.job(f"{n}.bin", JobState.FAILED, job_id=f"j{n}") for n in range(30))
    app: Any = make_app(world.snapshot(jobs=jobs))
    async with app.run_test(size=SIZE) as pilot:
        screen = await open_jobs(pilot, "name:1")
        pane = screen.pane
        await pilot.press("*")
        await until(pilot, lambda: pane.marks.every)
        await pilot.press("*")  # dropped, and it could come back as long as these are listed
        await until(pilot, lambda: not pane.marks and pane.dropped)
        pane.set_filter("name:2")
        await until(pilot, lambda: pane.rows.query_shown.text == "name:2")
        assert not pane.dropped
        await pilot.press("*")
        await until(pilot, lambda: pane.marks.every)
        pane.set_filter("")
        await until(pilot, lambda: pane.rows.query_shown.text == "")
        assert not pane.marks
        assert not pane.dropped
        pane.action_marks_back()
        assert not pane.marks


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("c", JobState.COMPLETED, JobState.QUEUED),
        ("R", JobState.COMPLETED, JobState.FAILED),
        ("R", JobState.FAILED, JobState.CANCELLED),
    ],
)
async def test_what_came_while_the_question_stood_is_not_meant_by_the_answer(
    make_app: AppMaker, key: str, before: JobState, after: JobState
) -> None:
    meant = JobState.QUEUED if key == "c" else JobState.FAILED
    jobs = [world.job(f"{n}.bin", meant, job_id=f"j{n}") for n in range(3)]
    other = world.job("other.bin", before, job_id="other")
    app: Any = make_app(world.snapshot(jobs=(*jobs, other)))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await open_jobs(pilot)
        await pilot.press("*", key)
        await until(pilot, on(pilot, Confirm))
        app.engine.now = world.snapshot(jobs=(*jobs, replace(other, state=after)))
        await pilot.press("y")
        await until(pilot, on(pilot, JobsScreen))
        await shows(pilot, "nothing was done")
        assert not app.engine.asked("change_jobs")
        assert screen.pane.marks.every  # nothing was done: it can be asked again
        await pilot.press(key)
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: app.engine.asked("change_jobs"))


async def test_pause_means_what_is_listed_and_turns_into_resume(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await open_jobs(pilot)
        await shows(pilot, "p pause")
        await pilot.press("p")
        await until(pilot, lambda: app.engine.asked("change_jobs"))
        assert app.engine.asked("change_jobs") == [(JobChange.PAUSE, "", 0)]
        paused = tuple(replace(job, paused=True, state=JobState.QUEUED) for job in world.jobs())
        app.engine.show(world.snapshot(jobs=paused, job_counts=(("paused", 5),)))
        await shows(pilot, "p resume")
        await pilot.press("p")
        await until(pilot, lambda: len(app.engine.asked("change_jobs")) == 2)
        assert app.engine.asked("change_jobs")[1][0] is JobChange.RESUME


async def test_sorting_filtering_and_what_cannot_be_done(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await open_jobs(pilot)
        for sort in (JobSort.AGE, JobSort.SIZE, JobSort.SPEED, JobSort.NAME, JobSort.STATE):
            await pilot.press("s")
            await until(pilot, lambda sort=sort: screen.pane.rows.query_shown.sort is sort)
        await pilot.press("S")
        await until(pilot, lambda: screen.pane.rows.query_shown == JobQuery(reverse=True))
        await pilot.press("f")
        await until(pilot, lambda: screen.pane.rows.query_shown.text == "state:failed")
        assert screen.pane.cursor_job.state is JobState.FAILED
        await pilot.press("c")
        await until(pilot, lambda: any("ended" in n.message for n in app._notifications))
        await pilot.press("slash", *",nope")
        await shows(pilot, "no state")
        asked = [query.text for query, _, _ in app.engine.asked("job_window")]
        assert not any(",n" in text for text in asked)  # nothing senseless is asked
        assert screen.pane.rows.count() == 1
        await pilot.press("escape")
        await until(pilot, lambda: screen.pane.rows.count() == 5)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is not screen)


async def test_an_idle_screen_asks_and_draws_nothing(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    async with app.run_test(size=SIZE) as pilot:
        screen = await open_jobs(pilot)
        await shows(pilot, "No jobs yet.")
        await until(pilot, lambda: not screen._dirty, "the first look")
        await pilot.pause()  # what it asked for is asked
        await until(pilot, lambda: not screen._windows.busy and not screen._rates.busy, "answers")
        await quiet(pilot)
        asked, drawn = len(app.engine.calls), []
        app._display = lambda *args: drawn.append(args)
        app.engine.show(replace(app.engine.now, kafka=world.kafka(events_total=99)))
        screen._refresh()
        await until(pilot, lambda: app.snapshot.kafka.events_total == 99)
        screen._refresh()
        await pilot.pause()
        assert len(app.engine.calls) == asked
        assert not drawn


async def test_the_cursor_stays_on_its_job_while_the_order_changes(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    async with app.run_test(size=SIZE) as pilot:
        screen = await open_jobs(pilot)
        await pilot.press("down", "down")
        held = screen.pane.cursor_job.job_id
        turned = app.engine.now.jobs[::-1]
        app.engine.show(world.snapshot(jobs=turned, rate=1.0))
        await until(pilot, lambda: screen.pane.rows.window.jobs == turned)
        assert screen.pane.cursor_job.job_id == held
        await pilot.press("home")
        await until(pilot, lambda: screen.pane.rows.cursor == 0)


async def test_the_end_of_a_set_is_told_once_and_its_page_opens(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("O")
        await until(pilot, lambda: any("No job set ended" in n.message for n in app._notifications))
        ended = replace(ended_set("set-1"), finished=app._ends._since + 1)
        app.engine.show(world.snapshot(ended=(ended,)))
        await until(
            pilot, lambda: any("set-1 ended: 40 comp" in n.message for n in app._notifications)
        )
        app.engine.show(world.snapshot(ended=(ended,), rate=5.0))
        await until(pilot, lambda: app.snapshot.rate == 5.0)
        told = [n for n in app.notice_board if "set-1 ended" in n.text]
        assert len(told) == 1
        assert "2 failed and kept" in told[0].text
        assert "O shows it" in told[0].text
        await pilot.press("O")
        await until(pilot, on(pilot, JobSetScreen))
        await shows(pilot, "ended, some failed")
        await pilot.press("f")
        await until(pilot, on(pilot, JobsScreen))
        screen: Any = app.screen
        await until(
            pilot, lambda: screen.pane.rows.query_shown.text == "set:set-1 state:failed", "filter"
        )
        await pilot.press("escape", "escape")
        await until(pilot, on(pilot, JobSetScreen))
        await pilot.press("R")
        await until(pilot, lambda: app.engine.asked("change_jobs"))
        assert app.engine.asked("change_jobs") == [(JobChange.RETRY, "set:set-1 state:failed", 0)]


async def test_a_set_with_cancelled_jobs_runs_again_only_after_a_question(
    make_app: AppMaker,
) -> None:
    states = (("completed", 40), ("failed", 2), ("cancelled", 3))
    left = [JobState.FAILED] * 2 + [JobState.CANCELLED] * 3
    jobs = tuple(
        replace(world.job(f"{n}.bin", state, job_id=f"j{n}"), jobset="set-1")
        for n, state in enumerate(left)
    )
    ended = replace(ended_set("set-1"), states=states)
    app: Any = make_app(world.snapshot(jobs=jobs, ended=(ended,)))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("O")
        await until(pilot, on(pilot, JobSetScreen))
        await shows(pilot, "3 cancelled")
        await pilot.press("R")
        await until(pilot, on(pilot, Confirm))
        await shows(pilot, "Try 5 jobs again?")
        await pilot.press("y")
        await until(pilot, lambda: app.engine.asked("change_jobs"))
        assert app.engine.asked("change_jobs") == [(JobChange.RETRY, "set:set-1", 0)]


async def test_a_job_opens_its_object(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    async with app.run_test(size=SIZE) as pilot:
        await open_jobs(pilot, "state:done")
        await pilot.press("enter")
        await shows(pilot, "delete the source")
        await pilot.press("o")
        await until(pilot, on(pilot, ObjectScreen))
        name = "archived_logs_2022.log"
        await until(pilot, lambda: app.engine.asked("inspect"))
        assert app.engine.asked("inspect")[0] == Address("gcp", "gcp-data", name)


async def test_failed_jobs_of_a_real_engine_are_found_and_tried_again(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    names = tuple(f"n{number}.bin" for number in range(12))
    app: Any = console(settings(tmp_path, local("here", here, names), local("there", there)))
    (there / "data" / "n3.bin").write_bytes(b"in the way")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        await pilot.press("*")
        await until(pilot, lambda: len(app.screen.panes[0].marked) == 12)
        await pilot.press("m")
        await until(pilot, on(pilot, Choice))
        await pilot.press("2")
        await until(pilot, lambda: "the source is kept" in words(pilot))
        await pilot.press("1")
        await shows(pilot, "moves")
        await pilot.press("A")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: app.snapshot.ended, "the set ends")
        await until(pilot, lambda: any("1 failed and kept" in n.text for n in app.notice_board))
        await until(pilot, lambda: not isinstance(app.screen, (Confirm, Tell)))
        await pilot.press("O")
        await shows(pilot, "ended, some failed")
        await shows(pilot, "n3.bin")
        await pilot.press("f")
        await until(pilot, on(pilot, JobsScreen))
        screen: Any = app.screen
        await until(pilot, lambda: screen.pane.rows.count() == 1, "one failed")
        (there / "data" / "n3.bin").unlink()
        await pilot.press("R")
        await until(pilot, lambda: app.snapshot.count("completed") == 12, "it is done")
        await pilot.press("escape")
        await until(pilot, lambda: screen.pane.rows.count() == 12, "all are listed")
        await pilot.press("tab")
        await shows(pilot, "100%")
