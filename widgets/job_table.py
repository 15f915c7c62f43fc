"""All jobs in a table: one line each, with its steps and their times, its proof or its error."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.message import Message

from engine.model import STEPS, Evidence, JobQuery, JobSort, JobState, JobView, JobWindow
from widgets.cells import Cell, Name
from widgets.columns import Column
from widgets.glyphs import current
from widgets.job_text import eta_text, note_cell, percent_text, state_word, track
from widgets.pane import FilterPane
from widgets.text import age_text, bytes_text, count_text, counted, name_text, rate_text, size_text
from widgets.virtual_list import VirtualList

AHEAD = 60  # jobs that are asked for around those that show
_STEP_KEYS = {f"step{int(step)}": step for step in STEPS}
_SORT_COLUMN = {
    JobSort.STATE: "word",
    JobSort.AGE: "age",
    JobSort.SIZE: "size",
    JobSort.SPEED: "rate",
    JobSort.NAME: "name",
}


def step_text(seconds: float) -> str:
    """Seconds of a step in at most five characters: `82ms`, `1.2s`, `61s`, `12m`, `3h`."""
    if seconds <= 0:
        return current().dot
    if seconds < 0.9995:
        return f"{max(round(seconds * 1000), 1)}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    if seconds < 600:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}m" if seconds < 36_000 else f"{seconds / 3600:.0f}h"


def speed_text(job: JobView) -> str:
    """Bytes a second: now while the job works, the mean of one that is completed."""
    if job.state is JobState.COMPLETED and job.finished > job.started > 0:
        return rate_text(job.spec.size / (job.finished - job.started))
    moving = job.state in (JobState.COPYING, JobState.VERIFYING) and not job.paused
    return rate_text(job.rate) if moving else ""


def guard_text(job: JobView) -> str:
    """Whether the delete was conditional."""
    return "" if job.guarded is None else "yes" if job.guarded else "NO"


class JobMarks:
    """Which jobs carry a mark: those named, or (`every`) all that are listed but those named.

    All that are listed may be a million, and only some of them are here: the engine knows them.
    """

    def __init__(self) -> None:
        self.every = False
        self.named: dict[str, None] = {}  # in the order in which they were named
        self._before: tuple[bool, dict[str, None]] = (False, {})  # as it was before all went

    def __bool__(self) -> bool:
        return self.every or bool(self.named)

    def __contains__(self, job_id: str) -> bool:
        return (job_id in self.named) is not self.every

    def turn(self, job_id: str) -> None:
        """Mark that job, or unmark it."""
        if job_id in self.named:
            del self.named[job_id]
        else:
            self.named[job_id] = None

    def set_all(self, every: bool) -> None:
        """Mark all that are listed, or none."""
        if self and not every:
            self._before = self.every, dict(self.named)
        self.every = every
        self.named.clear()

    def others_listed(self) -> None:
        """Other jobs will be listed: a mark of all meant those of before, and never comes back."""
        if self.every:
            self.every = False
            self.named.clear()
        if self._before[0]:
            self._before = False, {}

    def back(self) -> None:
        """Mark what was marked before all marks went, too."""
        every, named = self._before
        self._before = False, {}
        if every or self.every:  # what was, in place of what is
            self.every, self.named = every, dict(named)
        else:
            self.named.update(named)

    def dropped(self, listed: int) -> int:
        """How many `back` would bring back, where so many are listed."""
        every, named = self._before
        return max(listed - len(named), 0) if every else len(named)

    def count(self, listed: int) -> int:
        """How many, where so many are listed."""
        return max(listed - len(self.named), 0) if self.every else len(self.named)


class JobRows(VirtualList[JobView]):
    """The lines of the table: a window of what the engine has; the rest is asked for."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("name", "object", 10, flex=3, comfort=16),
        Column("route", "route", 11, priority=9),
        Column("size", "size", 5, priority=1, right=True),
        Column("track", "steps", 5),
        Column("word", "state", 9),
        Column("percent", "", 4, right=True),
        Column("rate", "speed", 9, priority=3, right=True),
        Column("eta", "left (ends)", 14, priority=11),
        *(
            Column(key, head, 5, priority=4, right=True)
            for key, head in zip(_STEP_KEYS, ("down", "sum", "up", "vrfy", "del"), strict=True)
        ),
        Column("tries", "try", 3, priority=2, right=True),
        Column("evidence", "proof", 8, priority=12),
        Column("guard", "grd", 3, priority=13),
        Column("age", "age", 5, priority=10, right=True),
        Column("note", "error or proof", 8, flex=2, comfort=12),
    )

    def __init__(self, marks: JobMarks, on_want: Callable[[], None]) -> None:
        super().__init__()
        self._marks = marks
        self._on_want = on_want
        self.window: JobWindow | None = None
        self.query_shown = JobQuery()
        self.now = 0.0
        self.problem = ""

    def count(self) -> int:
        return self.window.total if self.window is not None else 0

    def fetch(self, start: int, stop: int) -> Sequence[JobView | None]:
        window = self.window
        if window is None:
            return []
        held = range(window.start, window.start + len(window.jobs))
        rows = [window.jobs[i - window.start] if i in held else None for i in range(start, stop)]
        if None in rows:
            self._on_want()
        return rows

    def is_marked(self, row: JobView) -> bool:
        return row.job_id in self._marks

    def placeholder(self, width: int) -> Sequence[Cell]:
        if self.window is None:
            return [["  ", (f"Reading the jobs{current().ellipsis}", "dim")]]
        if self.query_shown.text:
            return [
                ["  ", ("No job fits the filter.", "strong")],
                ["  ", ("esc in the filter line shows all.", "dim")],
            ]
        return [
            ["  ", ("No jobs yet.", "strong")],
            ["  ", ("Mark objects in a cloud, then plan their move.", "dim")],
        ]

    def header(self, column: Column, width: int) -> Cell:
        query = self.query_shown
        if _SORT_COLUMN[query.sort] != column.key:
            return column.title
        glyphs = current()
        # Each order has its natural direction; only names begin with the smallest.
        up = (query.sort is JobSort.NAME) is not query.reverse
        sign, title = glyphs.up if up else glyphs.down, column.title[: max(width - 1, 1)]
        return (f"{sign}{title}" if column.right else f"{title}{sign}", "accent")

    def cell(self, row: JobView, key: str, width: int) -> Cell:
        if key in _STEP_KEYS:
            return (step_text(row.step_seconds[_STEP_KEYS[key] - 1]), "dim")
        match key:
            case "name":
                return Name(row.spec.source.key)
            case "route":
                source, destination = row.spec.source.cloud, row.spec.destination.cloud
                route = f"{source} {current().arrow} {destination}"
                return Name(source if source == destination else route, "dim")
            case "size":
                return size_text(row.spec.size)
            case "track":
                return track(row)
            case "word":
                return state_word(row)
            case "percent":
                return percent_text(row)
            case "rate":
                return (speed_text(row), "dim" if row.state is JobState.COMPLETED else "")
            case "eta":
                return eta_text(row, self.now)
            case "tries":
                return (str(row.attempt or ""), "warn" if row.attempt > 1 else "dim")
            case "evidence":
                return (row.evidence.value, "good" if row.evidence is not Evidence.NONE else "dim")
            case "guard":
                return (guard_text(row), "warn" if row.guarded is False else "good")
            case "age":
                return age_text(max(self.now - row.created, 0) / 86400)
        return note_cell(row, self.now)


class JobsPane(FilterPane):
    """The table with its filter line. What it needs it asks for by `WindowWanted`."""

    FILTER_HINT = "filter: state:failed route:aws>gcp size:>10MiB text"

    class WindowWanted(Message):
        """Jobs start ≤ i < stop of this query are needed; answer with `show_window`."""

        def __init__(self, pane: "JobsPane", query: JobQuery, start: int, stop: int) -> None:
            super().__init__()
            self.pane = pane
            self.query = query
            self.start = start
            self.end = stop

    class Inspect(Message):
        """The operator wants to see one job."""

        def __init__(self, job_id: str) -> None:
            super().__init__()
            self.job_id = job_id

    class MarksChanged(Message):
        """Other jobs are marked now."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.marks = JobMarks()
        self._rows = JobRows(self.marks, self.want)
        self.job_query = JobQuery()

    def pane_list(self) -> VirtualList[Any]:
        return self._rows

    @property
    def rows(self) -> JobRows:
        """The list inside."""
        return self._rows

    def on_mount(self) -> None:
        self._show_titles()

    # -- showing -------------------------------------------------------------------------

    def want(self) -> None:
        """Ask for what shows, and some around it."""
        rows = self._rows
        start = max(rows.top - AHEAD, 0)
        stop = rows.top + max(rows.visible_count, 1) + AHEAD
        self.post_message(self.WindowWanted(self, self.job_query, start, stop))

    def show_window(self, window: JobWindow, query: JobQuery, now: float) -> None:
        """Show an answer; the cursor stays on its job where that is among them."""
        rows, before = self._rows, self._rows.window
        rows.now = now
        again = query == rows.query_shown and before is not None
        held = self.cursor_job if again else None
        at, top = rows.cursor, rows.top
        rows.window = window
        if query != rows.query_shown:
            rows.query_shown = query
            rows.header_changed()
        self._banner.show("")
        if not again:
            rows.rows_changed(cursor=0, top=0)
        elif held is None or at == 0:
            rows.rows_changed()
        else:
            ids = [job.job_id for job in window.jobs]
            found = window.start + ids.index(held.job_id) if held.job_id in ids else at
            if found == at:
                rows.rows_changed()
            else:
                rows.rows_changed(cursor=found, top=max(found - (at - top), 0))
        self._show_titles()

    def show_problem(self, text: str) -> None:
        """The filter makes no sense; what was listed stays."""
        self._banner.show(f"{current().bad} {text}" if text else "")

    def _show_titles(self) -> None:
        window, query = self._rows.window, self._rows.query_shown
        title = Text("jobs")
        if self.filter_text:
            title.append("  ").append_text(name_text(self.filter_text, width=40))
        if window is None:
            self.set_titles(title, Text())
            return
        glyphs = current()
        words = [counted(window.total, "job"), bytes_text(window.size)]
        if self.marks:
            words.insert(0, f"{count_text(self.marks.count(window.total))} marked")
        words += [f"{count_text(number)} {state}" for state, number in window.states]
        words.append(f"by {query.sort.value}")
        line = ""
        for word in words:
            longer = f"{line} {glyphs.dot} {word}" if line else word
            if len(longer) <= max(self.title_room, 20):
                line = longer
        self.set_titles(title, Text(line))

    def on_resize(self) -> None:
        self._show_titles()
        self.want()

    # -- what is listed ------------------------------------------------------------------

    def filter_changed(self) -> None:
        self._ask(JobQuery(self.filter_text, self.job_query.sort, self.job_query.reverse))

    def action_sort(self) -> None:
        """Sort by the next column."""
        orders = list(JobSort)
        after = orders[(orders.index(self.job_query.sort) + 1) % len(orders)]
        self._ask(JobQuery(self.job_query.text, after))

    def action_reverse(self) -> None:
        """Turn the order around."""
        query = self.job_query
        self._ask(JobQuery(query.text, query.sort, not query.reverse))

    def _ask(self, query: JobQuery) -> None:
        if query.text != self.job_query.text:
            every = self.marks.every
            self.marks.others_listed()
            if every:
                self._marks_changed()
        self.job_query = query
        rows = self._rows
        self.post_message(self.WindowWanted(self, query, 0, max(rows.visible_count, 1) + AHEAD))
        self._show_titles()

    def on_virtual_list_header_clicked(self, event: VirtualList.HeaderClicked) -> None:
        event.stop()
        for sort, key in _SORT_COLUMN.items():
            if key == event.key:
                same = sort is self.job_query.sort
                reverse = not self.job_query.reverse if same else False
                self._ask(JobQuery(self.job_query.text, sort, reverse))

    # -- cursor and marks ----------------------------------------------------------------

    @property
    def cursor_job(self) -> JobView | None:
        """The job under the cursor, None if there is none or it is on its way."""
        return self._rows.cursor_row

    @property
    def marked(self) -> list[str]:
        """Ids of the jobs that were marked by name, the first marked first; none where all that
        are listed carry a mark (`marks.every`)."""
        return [] if self.marks.every else list(self.marks.named)

    def action_mark(self) -> None:
        """Mark or unmark the job under the cursor and go down."""
        self._toggle(self._rows.cursor)
        self._rows.action_cursor_down()

    def action_mark_listed(self) -> None:
        """Mark every job that is listed, whether it is loaded or not; or unmark all."""
        window = self._rows.window
        self.marks.set_all(not self.marks and window is not None and window.total > 0)
        self._marks_changed()

    def action_clear_marks(self) -> None:
        """Unmark everything."""
        self.marks.set_all(False)
        self._marks_changed()

    @property
    def mark_count(self) -> int:
        """How many jobs carry a mark."""
        return self.marks.count(self._rows.count())

    @property
    def dropped(self) -> int:
        """How many marks were dropped last and can be brought back."""
        return self.marks.dropped(self._rows.count())

    def action_marks_back(self) -> None:
        """Mark again what was marked before."""
        self.marks.back()
        self._marks_changed()

    def _toggle(self, index: int) -> None:
        row = self._rows.row(index) if index < self._rows.count() else None
        if row is not None:
            self.marks.turn(row.job_id)
            self._marks_changed()

    def _marks_changed(self) -> None:
        self._rows.rows_marked(0, self._rows.count())
        self._show_titles()
        self.post_message(self.MarksChanged())

    def action_inspect(self) -> None:
        """Ask to see the job under the cursor."""
        if (job := self.cursor_job) is not None:
            self.post_message(self.Inspect(job.job_id))

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        event.stop()
        self.action_inspect()

    def on_virtual_list_mark_clicked(self, event: VirtualList.MarkClicked) -> None:
        event.stop()
        self._toggle(event.index)

    def on_virtual_list_cursor_moved(self, event: VirtualList.CursorMoved) -> None:
        self.post_message(self.MarksChanged())  # the keys may mean something else now
