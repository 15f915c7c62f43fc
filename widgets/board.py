"""The migration board: one line a job, with its five steps."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text
from textual.message import Message

from engine.model import JobState, JobView, Snapshot, Term, job_fits, parse_job_filter
from widgets.cells import Cell, Name
from widgets.columns import Column
from widgets.glyphs import current
from widgets.job_text import eta_text, note_cell, percent_text, state_word, track
from widgets.pane import FilterPane
from widgets.text import clock_text, count_text, duration_text, rate_text
from widgets.virtual_list import VirtualList


@dataclass(frozen=True, slots=True)
class BoardLine:
    """A job as it reads now; two equal lines look the same."""

    job_id: str
    name: str
    route: str
    track: Cell
    word: tuple[str, str]
    percent: str
    rate: str
    eta: str
    note: Cell


def board_line(job: JobView, now: float) -> BoardLine:
    """The line of a job at the time `now` (epoch seconds)."""
    source, destination = job.spec.source, job.spec.destination
    route = source.cloud
    if source.cloud != destination.cloud:
        route = f"{source.cloud} {current().arrow} {destination.cloud}"
    moving = job.state in (JobState.COPYING, JobState.VERIFYING) and not job.paused
    return BoardLine(
        job_id=job.job_id,
        name=source.key,
        route=route,
        track=track(job),
        word=state_word(job),
        percent=percent_text(job),
        rate=rate_text(job.rate) if moving else "",
        eta=eta_text(job, now) if moving else "",
        note=note_cell(job, now),
    )


class JobList(VirtualList[BoardLine]):
    """The lines of the board."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("name", "object", 10, flex=3, comfort=16),
        Column("route", "route", 13, priority=3),
        Column("track", "steps", 5),
        Column("word", "", 9),
        Column("percent", "", 4, right=True),
        Column("rate", "rate", 9, priority=2, right=True),
        Column("eta", "left (ends)", 14, priority=1),
        Column("note", "", 8, flex=2, comfort=8),
    )

    def __init__(self, marks: Collection[str], line: Callable[[JobView], BoardLine]) -> None:
        super().__init__()
        self._marks = marks
        self._line = line
        self.jobs: Sequence[JobView] = ()
        self.filtered = False

    def count(self) -> int:
        return len(self.jobs)

    def fetch(self, start: int, stop: int) -> Sequence[BoardLine]:
        return [self._line(job) for job in self.jobs[start:stop]]

    def is_marked(self, row: BoardLine) -> bool:
        return row.job_id in self._marks

    def placeholder(self, width: int) -> Sequence[Cell]:
        if self.filtered:
            return [["  ", ("No job fits the filter.", "strong")]]
        return [
            ["  ", ("No migrations yet.", "strong")],
            ["  ", ("Mark objects in a cloud, then plan their move.", "dim")],
        ]

    def merged(self, row: BoardLine) -> tuple[str, ...]:
        if row.rate or row.eta:
            return ()
        return ("rate", "eta", "note") if row.percent else ("percent", "rate", "eta", "note")

    def cell(self, row: BoardLine, key: str, width: int) -> Cell:
        match key:
            case "name":
                return Name(row.name)
            case "route":
                return Name(row.route, "dim")
            case "track":
                return row.track
            case "word":
                return row.word
            case "percent" if row.percent:
                return row.percent
            case "rate" if row.rate or row.eta:
                return row.rate
            case "eta" if row.rate or row.eta:
                return row.eta
            case _:
                return row.note


class MigrationBoard(FilterPane):
    """Jobs, the running ones first, as the snapshot gives them."""

    SEARCHES = True
    FILTER_HINT = "filter: state:failed route:aws>gcp, or part of a name, state or error"

    class Inspect(Message):
        """The operator wants to see one job."""

        def __init__(self, board: "MigrationBoard", job_id: str) -> None:
            super().__init__()
            self.board = board
            self.job_id = job_id

        @property
        def control(self) -> "MigrationBoard":
            return self.board

    class MarksChanged(Message):
        """Other jobs are marked now, `count` of them."""

        def __init__(self, board: "MigrationBoard", count: int) -> None:
            super().__init__()
            self.board = board
            self.count = count

        @property
        def control(self) -> "MigrationBoard":
            return self.board

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._marks: dict[str, None] = {}
        self._dropped: dict[str, None] = {}
        self._now = 0.0
        self._all: Sequence[JobView] = ()
        self._snapshot: Snapshot | None = None
        self._terms: tuple[Term, ...] = ()
        self._list = JobList(self._marks, lambda job: board_line(job, self._now))

    def pane_list(self) -> VirtualList[Any]:
        return self._list

    def words_of(self, row: BoardLine) -> str:
        return f"{row.name} {row.route} {row.word[0]}"

    def on_mount(self) -> None:
        self.set_titles(Text("migrations"), Text())

    def show(self, jobs: Sequence[JobView], snapshot: Snapshot) -> None:
        """Show these jobs as of the snapshot's time."""
        self._now = snapshot.time
        self._all = jobs
        if self._marks:
            known = {job.job_id for job in jobs}
            gone = [job_id for job_id in self._marks if job_id not in known]
            for job_id in gone:
                del self._marks[job_id]
            if gone:
                self.post_message(self.MarksChanged(self, len(self._marks)))
        self._show_jobs()
        self._snapshot = snapshot
        self._show_titles()

    def _show_titles(self) -> None:
        if self._snapshot is not None:
            self.set_titles(Text("migrations"), self._totals(self._snapshot))

    def on_resize(self) -> None:
        self._show_titles()

    def _show_jobs(self) -> None:
        rows = self._list
        at = rows.cursor
        held = rows.jobs[at].job_id if at < len(rows.jobs) else ""
        text = self.filter_text.casefold()
        rows.filtered = bool(text)
        rows.jobs = [job for job in self._all if self._fits(job, text)] if text else self._all
        if at < len(rows.jobs) and rows.jobs[at].job_id == held:
            rows.rows_changed()
            return
        found = next((i for i, job in enumerate(rows.jobs) if job.job_id == held), None)
        if found is None or at == 0:  # at the top the newest work is what one wants to see
            rows.rows_changed()
        else:
            rows.rows_changed(cursor=found, top=max(found - (at - rows.top), 0))

    def filter_changed(self) -> None:
        try:
            self._terms = parse_job_filter(self.filter_text)
        except ValueError as error:
            self._banner.show(f"{current().bad} {error}")
            return
        self._banner.show("")
        self._show_jobs()

    def _fits(self, job: JobView, text: str) -> bool:
        return text in job.state.value or job_fits(self._terms, job)

    @property
    def cursor_id(self) -> str | None:
        """The job under the cursor."""
        rows = self._list
        return rows.jobs[rows.cursor].job_id if rows.cursor < len(rows.jobs) else None

    @property
    def marked(self) -> frozenset[str]:
        """Ids of the jobs that carry a mark."""
        return frozenset(self._marks)

    def selected_ids(self) -> list[str]:
        """The marked jobs, else the one under the cursor."""
        if self._marks:
            return list(self._marks)
        job_id = self.cursor_id
        return [] if job_id is None else [job_id]

    def action_mark(self) -> None:
        """Mark or unmark the job under the cursor and go down."""
        self._toggle(self._list.cursor)
        self._list.action_cursor_down()

    def action_mark_all(self) -> None:
        """Mark every job that shows."""
        self._marks.update((job.job_id, None) for job in self._list.jobs)
        self._marks_changed()

    def action_clear_marks(self) -> None:
        """Unmark everything."""
        if self._marks:
            self._dropped = dict(self._marks)
        self._marks.clear()
        self._marks_changed()

    @property
    def mark_count(self) -> int:
        """How many jobs carry a mark."""
        return len(self._marks)

    @property
    def dropped(self) -> int:
        """How many marks were dropped last and can be brought back."""
        return len(self._dropped)

    def action_marks_back(self) -> None:
        """Mark again what was marked before."""
        known = {job.job_id for job in self._all}
        self._marks.update((job_id, None) for job_id in self._dropped if job_id in known)
        self._dropped = {}
        self._marks_changed()

    def action_inspect(self) -> None:
        """Ask to see the job under the cursor."""
        job_id = self.cursor_id
        if job_id is not None:
            self.post_message(self.Inspect(self, job_id))

    def _toggle(self, index: int) -> None:
        if index >= len(self._list.jobs):
            return
        job_id = self._list.jobs[index].job_id
        if job_id in self._marks:
            del self._marks[job_id]
        else:
            self._marks[job_id] = None
        self._marks_changed()

    def _marks_changed(self) -> None:
        self._list.rows_marked(0, self._list.count())
        self.post_message(self.MarksChanged(self, len(self._marks)))

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        event.stop()
        self.action_inspect()

    def on_virtual_list_mark_clicked(self, event: VirtualList.MarkClicked) -> None:
        event.stop()
        self._toggle(event.index)

    def _totals(self, snapshot: Snapshot) -> Text:
        glyphs = current()
        running = sum(
            snapshot.count(state) for state in ("restoring", "copying", "verifying", "switching")
        )
        numbers = [
            (running, "running"),
            (snapshot.count("queued"), "queued"),
            (snapshot.count("paused"), "paused"),
            (snapshot.count("failed"), "failed"),
            (snapshot.count("completed"), "done"),
        ]
        parts = [f"{count_text(number)} {word}" for number, word in numbers if number]
        parts += [store.text for store in snapshot.stores if store.text]
        if snapshot.rate >= 1:
            parts.append(rate_text(snapshot.rate))
        if snapshot.eta > 0 and running:
            ends = clock_text(snapshot.time + snapshot.eta, now=snapshot.time, seconds=False)
            parts.append(f"{duration_text(snapshot.eta)} left (ends {ends})")
        line = ""
        for part in parts:
            longer = f"{line} {glyphs.dot} {part}" if line else part
            if len(longer) <= max(self.title_room, 20):
                line = longer
        return Text(line)
