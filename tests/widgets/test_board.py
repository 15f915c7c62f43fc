"""The migration board: what a job's line says, and what stays when jobs change."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import JobState, MoveKind, Step
from tests.widgets.samples import NOW, job, jobs, snapshot
from tests.widgets.stage import Stage, lines_of, settle
from widgets import glyphs
from widgets.board import MigrationBoard, board_line
from widgets.job_text import eta_text, percent_text, track
from widgets.lines import plain_cell


def stage() -> tuple[Stage, MigrationBoard]:
    board = MigrationBoard()

    def prepare(_: Stage) -> None:
        board.show(jobs(), snapshot())
        board.focus()

    return Stage(lambda: [board], prepare), board


@pytest.mark.parametrize(
    ("state", "step", "signs", "word"),
    [
        (JobState.QUEUED, Step.NONE, "○○○○○", "queued"),
        (JobState.RESTORING, Step.NONE, "○○○○○", "restoring"),
        (JobState.COPYING, Step.DOWNLOAD, "◐◐◐○○", "download"),
        (JobState.COPYING, Step.UPLOAD, "◐◐◐○○", "upload"),
        (JobState.COPYING, Step.NONE, "◐◐◐○○", "copying"),
        (JobState.VERIFYING, Step.VERIFY, "●●●◐○", "verify"),
        (JobState.SWITCHING, Step.DELETE, "●●●●◐", "delete"),
        (JobState.COMPLETED, Step.DELETE, "●●●●●", "completed"),
        (JobState.FAILED, Step.VERIFY, "●●●✗○", "failed"),
        (JobState.FAILED, Step.NONE, "○○○○○", "failed"),
        (JobState.CANCELLED, Step.UPLOAD, "○○○○○", "cancelled"),
    ],
)
def test_track_and_word(state: JobState, step: Step, signs: str, word: str) -> None:
    line = board_line(job("a", state, step=step), NOW)
    assert plain_cell(line.track) == signs
    assert line.word[0] == word


def test_a_copy_has_no_fifth_step_and_ascii_has_signs_too() -> None:
    done = job("a", JobState.COMPLETED, step=Step.DELETE)
    copy = replace(done, spec=replace(done.spec, kind=MoveKind.COPY))
    assert plain_cell(track(copy)) == "●●●●·"
    glyphs.use(glyphs.ASCII)
    assert plain_cell(track(job("a", JobState.VERIFYING))) == "###>."


@given(st.sampled_from(JobState), st.integers(0, 1 << 40), st.integers(0, 1 << 40))
def test_never_a_hundred_percent_before_the_end(state: JobState, done: int, size: int) -> None:
    view = job("a", state, bytes_done=done)
    view = replace(view, spec=replace(view.spec, size=size))
    assert (percent_text(view) == "100%") == (state is JobState.COMPLETED)


def test_time_left_has_two_units_and_the_time_of_day() -> None:
    assert eta_text(job("a", JobState.COPYING, eta=185), NOW) == "3m 05s (12:07)"
    assert eta_text(job("a", JobState.COPYING, eta=0), NOW) == ""
    assert eta_text(job("a", JobState.COPYING, eta=99, paused=True), NOW) == ""


async def test_lines() -> None:
    app, board = stage()
    async with app.run_test(size=(140, 20)) as pilot:
        await settle(pilot)
        lines = {line[3:13]: line for line in lines_of(board.pane_list())}
        assert "36%  48 MiB/s 3m 05s (12:07)" in lines["backup_dat"]
        assert "100% reread guarded md5 b0e72c21…" in lines["archived_l"]
        assert "reread unguarded no source sum" in lines["kept      "]
        assert "in 12s, attempt 3 503 Slow Down" in lines["throttled."]
        assert "failed    The copy differs from the source" in lines["corrupt.bi"]
        assert "paused" in lines["web/assets"]
        assert "3 running · 14 queued · 2 failed · 120 done" in str(board.border_subtitle)
        assert "3m 05s left (ends 12:07)" in str(board.border_subtitle)


async def test_a_countdown_draws_one_line() -> None:
    app, board = stage()
    async with app.run_test(size=(140, 20)) as pilot:
        await settle(pilot)
        board.show(jobs(), snapshot(time=NOW + 0.1))
        await settle(pilot)
        app.sent = 0
        board.show(jobs(), snapshot(time=NOW + 0.2))
        await settle(pilot)
        assert app.sent == 0
        board.show(jobs(), snapshot(time=NOW + 3.2))
        await settle(pilot)
        assert 0 < app.sent < 1000


async def test_cursor_and_marks_stay_with_their_jobs() -> None:
    app, board = stage()
    async with app.run_test(size=(120, 20)) as pilot:
        await settle(pilot)
        assert board.selected_ids() == ["job-backup_database_Q2.zip"]
        await pilot.press("down", "down")
        board.action_mark()
        held = board.cursor_id
        new = [job("new-1", JobState.COPYING), job("new-2", JobState.COPYING), *jobs()]
        board.show(new, snapshot())
        await settle(pilot)
        assert board.cursor_id == held
        assert board.selected_ids() == ["job-photos/2026/08/harbour.jpg"]
        board.show(jobs()[4:], snapshot())
        await settle(pilot)
        assert board.selected_ids() == [board.cursor_id]
        assert [m.count for m in app.heard(MigrationBoard.MarksChanged)] == [1, 0]


async def test_messages_and_marks() -> None:
    app, board = stage()
    async with app.run_test(size=(120, 20)) as pilot:
        await settle(pilot)
        board.action_inspect()
        await pilot.click(board.pane_list(), offset=(9, 3), times=2)
        await pilot.click(board.pane_list(), offset=(1, 2))
        await settle(pilot)
        ids = [message.job_id for message in app.heard(MigrationBoard.Inspect)]
        assert ids == ["job-backup_database_Q2.zip", "job-photos/2026/08/harbour.jpg"]
        assert board.selected_ids() == ["job-customer_transactions.csv"]
        board.action_mark_all()
        assert len(board.selected_ids()) == len(jobs())
        board.action_clear_marks()
        await settle(pilot)
        assert app.heard(MigrationBoard.MarksChanged)[-1].count == 0


async def test_filter() -> None:
    app, board = stage()
    async with app.run_test(size=(120, 20)) as pilot:
        await settle(pilot)
        board.set_filter("FAILED")
        await settle(pilot)
        assert board.cursor_id == "job-corrupt.bin"
        assert board.pane_list().count() == 1
        board.set_filter("nothing like it")
        await settle(pilot)
        assert "No job fits the filter." in lines_of(board.pane_list())[1]
        assert board.selected_ids() == []
        board.action_inspect()
        await settle(pilot)
        assert not app.heard(MigrationBoard.Inspect)


async def test_nothing_yet() -> None:
    board = MigrationBoard()
    app = Stage(lambda: [board], lambda _: board.show((), snapshot(job_counts=(), eta=0, rate=0)))
    async with app.run_test(size=(80, 10)) as pilot:
        await settle(pilot)
        assert "No migrations yet." in lines_of(board.pane_list())[1]
        assert not board.border_subtitle
