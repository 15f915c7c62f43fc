"""All jobs of all runs: filtered, sorted, in sets; how fast it goes; what is done to many."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.strip import Strip

from astra_tui import flows, job_flows, job_lists, mark_flows
from astra_tui.job_flows import limits_text, would_resume
from astra_tui.job_lists import Scope
from astra_tui.keymap import Action, Context
from astra_tui.latest import Latest
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.job import JobScreen
from astra_tui.screens.job_set import JobSetScreen
from astra_tui.screens.title import TitleLine
from engine.model import (
    FINAL_STATES,
    JobQuery,
    JobsetLine,
    JobState,
    JobWindow,
    Snapshot,
    Throughput,
    parse_job_filter,
)
from engine.model.jobfilter import FILTER_HELP, RUNNING, STATE_WORDS
from widgets.cells import Part
from widgets.glyphs import current
from widgets.job_table import JobsPane
from widgets.jobset_table import SetsPane, left_text
from widgets.line_view import LineView
from widgets.pane import FilterInput
from widgets.rate_chart import RateChart
from widgets.text import bytes_text, count_text, rate_text

REFRESH_SECONDS = 0.5
FAILED = "state:failed"
_TALL = 30
_ENDED = tuple(state.value for state in FINAL_STATES)
_RETRIED = (JobState.FAILED.value, JobState.CANCELLED.value)
Asked = tuple[JobQuery, int, int]


class WorkLine(LineView, can_focus=False):
    """One line of sums over all jobs: how many, how fast, how long still, the limits."""

    DEFAULT_CSS = "WorkLine { height: 1; overflow-y: hidden; }"

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[Part] = []

    def show(self, snapshot: Snapshot) -> None:
        """Show the sums of this snapshot; equal ones are not drawn again."""
        parts = _work(snapshot)
        if parts != self._parts:
            self._parts = parts
            self.refresh()

    def render_line(self, y: int) -> Strip:
        return self.draw_line([(self._parts, self.line_width, False)])


def _work(snapshot: Snapshot) -> list[Part]:
    words: list[tuple[str, str]] = []
    running = job_flows.running(snapshot)
    for number, word, style in (
        (running, "running", "active"),
        (snapshot.count("queued"), "queued", ""),
        (snapshot.count("paused"), "paused", "warn"),
        (snapshot.count("failed"), "failed", "bad"),
        (snapshot.count("completed"), "done", "good"),
    ):
        if number:
            words.append((f"{count_text(number)} {word}", style))
    if snapshot.rate >= 1:
        words.append((rate_text(snapshot.rate), "strong"))
    if snapshot.bytes_left:
        words.append((f"{bytes_text(snapshot.bytes_left)} to go", ""))
    if running and (left := left_text(snapshot.eta, snapshot.time)):
        words.append((f"{left} left", ""))
    words.append((limits_text(snapshot.limits), "dim"))
    words += [(store.text, "warn") for store in snapshot.stores if store.text]
    parts: list[Part] = [" "]
    for number, word_style in enumerate(words):
        parts += [(f" {current().dot} ", "dim"), word_style] if number else [word_style]
    return parts


class JobsScreen(AstraScreen[None]):
    """The jobs screen. Asks the engine for a window of the jobs whenever they may have changed,
    at most twice a second, and for nothing while nothing moves."""

    SCOPE: ClassVar[str] = "jobs"

    DEFAULT_CSS = """
    JobsScreen {
        & RateChart { height: 6; }
        & #sets { display: none; }
        &.-sets #jobs { display: none; }
        &.-sets #sets { display: block; }
        &.-low RateChart { height: 2; }
    }
    """

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._text = text
        self.pane = JobsPane(id="jobs")
        self.sets = SetsPane(id="sets")
        self._line = WorkLine()
        self._chart = RateChart(id="rates")
        self._windows: Latest[Asked, tuple[JobQuery, JobWindow]] = Latest(self._look, self._shown)
        self._sets: Latest[int, list[JobsetLine]] = Latest(self._look_sets, self._sets_shown)
        self._rates: Latest[int, Throughput] = Latest(self._look_rates, self._rates_shown)
        self._dirty = False
        self._counts: tuple[object, ...] = ()

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Jobs", "of all job sets")
        yield self._line
        yield self._chart
        yield self.pane
        yield self.sets

    @property
    def in_sets(self) -> bool:
        """Whether the job sets show instead of the jobs."""
        return self.has_class("-sets")

    def on_resize(self) -> None:
        self.set_class(self.size.height < _TALL, "-low")
        super().on_resize()

    def on_mount(self) -> None:
        self.pane.focus()
        if self._text:
            self.pane.set_filter(self._text)
        self._ask_all()
        self.set_interval(REFRESH_SECONDS, self._refresh)

    # -- asking and drawing -------------------------------------------------------------

    def show_snapshot(self, snapshot: Snapshot) -> None:
        self._line.show(snapshot)
        counts = (snapshot.job_counts, snapshot.rate, snapshot.bytes_left, len(snapshot.ended))
        if counts != self._counts or any(job.retry_at for job in snapshot.jobs):
            self._counts = counts
            self._dirty = True

    def _refresh(self) -> None:
        if self._dirty and self.astra.started and self.astra.screen is self:
            self._dirty = False
            self._ask_all()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._dirty = True

    def _ask_all(self) -> None:
        if self.in_sets:
            self._run(self._sets, 0)
        else:
            self.pane.want()
        self._run(self._rates, 0)

    def _run(self, latest: Latest[Any, Any], question: object) -> None:
        if latest.request(question):
            self.launch(latest.run(), "read the jobs")

    @on(JobsPane.WindowWanted)
    def _wanted(self, event: JobsPane.WindowWanted) -> None:
        try:
            parse_job_filter(event.query.text)
        except ValueError as error:
            self.pane.show_problem(str(error))
            return
        if self.astra.started:
            self._run(self._windows, (event.query, event.start, event.end))

    async def _look(self, asked: Asked) -> tuple[JobQuery, JobWindow]:
        return asked[0], await self.astra.engine.job_window(*asked)

    def _shown(self, seen: tuple[JobQuery, JobWindow]) -> None:
        query, window = seen
        if self.is_mounted and query == self.pane.job_query:
            self.pane.show_window(window, query, self._now)
            self.refresh_footer()

    async def _look_sets(self, _: int) -> list[JobsetLine]:
        return await self.astra.engine.jobsets()

    def _sets_shown(self, sets: list[JobsetLine]) -> None:
        if self.is_mounted:
            self.sets.show(sets, self._now)
            self.refresh_footer()

    async def _look_rates(self, _: int) -> Throughput:
        return await self.astra.engine.throughput()

    def _rates_shown(self, seen: Throughput) -> None:
        if self.is_mounted:
            self._chart.show(seen)

    @property
    def _now(self) -> float:
        return self.astra.snapshot.time

    # -- keys ---------------------------------------------------------------------------

    def _scope(self, *states: str) -> Scope:
        """What a key is about whose change means jobs in these states."""
        pane = self.pane
        window, job = pane.rows.window, pane.cursor_job
        fits = job is not None and (job.state.value in states)
        number = window.count(*states) if window is not None else 0
        marks = pane.marks
        # All are marked of what was asked for last, though it may be on its way.
        text = (pane.job_query if marks.every else pane.rows.query_shown).text
        but = tuple(marks.named) if marks.every else ()
        return Scope(pane.marked, job, fits, text, number, marks.every, but)

    def _unfinished(self) -> Scope:
        return self._scope(*STATE_WORDS["unfinished"])

    @property
    def _would_resume(self) -> bool:
        """Whether the pause key lets jobs go on: what it is about is paused altogether."""
        window, marked = self.pane.rows.window, self.pane.marked
        if marked and window is not None:
            jobs = [job for job in window.jobs if job.job_id in set(marked)]
            return bool(jobs) and all(job.paused or job.state in FINAL_STATES for job in jobs)
        if window is None:
            return would_resume(self.astra.snapshot)
        return window.count("paused") > 0 and not window.count("queued", *RUNNING)

    def why_not(self, action: Action) -> str:
        jobs_only = (
            "mark",
            "mark-all",
            "filter",
            "search",
            "sort",
            "reverse",
            "pause",
            "retry",
            "cancel",
        )
        if self.in_sets:
            if action.id in (*jobs_only, "priority", "marks-back"):
                key = self.astra.keymap.key_of("sets")
                return f"{action.label}: {key} goes back to the jobs."
            if action.id in ("inspect", "report", "copy") and not self.sets.jobset:
                return f"{action.label}: there is no job set."
            return ""
        window = self.pane.rows.window
        if action.id in ("inspect", "report", "copy", "mark", "mark-all") and not (
            window is not None and window.total
        ):
            return f"{action.label}: no job is listed."
        match action.id:
            case "retry" if not self._scope(*_RETRIED).matching and not self.pane.marked:
                return "No job that is listed failed or was cancelled."
            case "cancel" | "priority" | "pause" if not (
                self._unfinished().matching or self.pane.marked
            ):
                return "Every job that is listed has ended."
            case "marks-back" if not self.pane.dropped:
                return "No marks were dropped here."
            case "last-run" if not self.astra.snapshot.ended:
                return "No job set ended since the engine began."
        return ""

    def label(self, action: Action) -> str:
        if action.id == "pause" and self._would_resume:
            return "resume"
        if action.id == "sets" and self.in_sets:
            return "jobs"
        if action.id == "failed" and self.pane.filter_text == FAILED:
            return "all"
        if action.id == "back" and not self.in_sets and self.pane.filter_text:
            return "show all"
        if action.id == "back" and not self.in_sets and self.pane.marks:
            return "drop marks"
        return action.label

    def footer_contexts(self) -> tuple[Context, ...]:
        return (Context.GLOBAL, Context.JOBS)

    def help_notes(self) -> Sequence[tuple[str, str, str]]:
        return [("filter of jobs", word, text) for word, text in FILTER_HELP]

    @on(JobsPane.MarksChanged)
    def _changed(self) -> None:
        self.refresh_footer()

    @on(JobsPane.Inspect)
    def _inspect_job(self, event: JobsPane.Inspect) -> None:
        self.app.push_screen(JobScreen(event.job_id))

    @on(SetsPane.Inspect)
    def _inspect_set(self, event: SetsPane.Inspect) -> None:
        self.app.push_screen(JobSetScreen(event.jobset))

    def do_back(self) -> None:
        """Undo one thing: the filter, the marks; else leave."""
        if self.in_sets:
            self.do_sets()
        elif self.pane.filter_text:
            self.pane.action_clear_filter()
        elif self.pane.marks:
            mark_flows.drop(self.astra, self.pane)
        else:
            self.leave()

    def do_sets(self) -> None:
        self.toggle_class("-sets")
        (self.sets.pane_list() if self.in_sets else self.pane.pane_list()).focus()
        self._ask_all()
        self.refresh_footer()

    def do_failed(self) -> None:
        if self.in_sets:
            self.do_sets()
        pane = self.pane
        if pane.filter_text == FAILED:
            pane.action_clear_filter()
        else:
            pane.set_filter(FAILED)

    def do_inspect(self) -> None:
        if self.in_sets:
            self.sets.action_inspect()
        else:
            self.pane.action_inspect()

    def do_search(self) -> None:
        self.do_filter()

    def do_filter(self) -> None:
        self.pane.action_filter()
        # At once: what is typed next must not be taken for keys.
        self.set_focus(self.pane.query_one(FilterInput), scroll_visible=False)

    def do_mark(self) -> None:
        self.pane.action_mark()

    def do_mark_all(self) -> None:
        self.pane.action_mark_listed()

    def do_marks_back(self) -> None:
        mark_flows.bring_back(self.astra, self.pane)

    def do_sort(self) -> None:
        self.pane.action_sort()

    def do_reverse(self) -> None:
        self.pane.action_reverse()

    def do_last_run(self) -> None:
        self.app.push_screen(JobSetScreen(self.astra.snapshot.ended[-1].jobset))

    async def _did(self) -> None:
        """Jobs were changed: nobody is meant by the marks any more, and all is read again."""
        if self.pane.marks:
            self.pane.action_clear_marks()
        self._dirty = True

    async def do_pause(self) -> None:
        scope, resume = self._unfinished(), self._would_resume
        await job_lists.pause_or_resume(self.astra, scope, resume=resume)
        await self._did()

    async def do_retry(self) -> None:
        if await job_lists.retry(self.astra, self._scope(*_RETRIED)):
            await self._did()

    async def do_cancel(self) -> None:
        if await job_lists.cancel(self.astra, self._unfinished()):
            await self._did()

    async def do_priority(self) -> None:
        if await job_lists.prioritise(self.astra, self._unfinished()):
            await self._did()

    async def do_limits(self) -> None:
        await job_flows.change_limits(self.astra)

    async def do_report(self) -> None:
        if self.in_sets:
            await job_flows.report_set(self.astra, self.sets.jobset)
        elif (job := self.pane.cursor_job) is not None:
            await job_flows.report_set(self.astra, job.jobset)

    def do_copy(self) -> None:
        if self.in_sets:
            flows.copy_text(self.astra, self.sets.jobset)
        elif (job := self.pane.cursor_job) is not None:
            flows.copy_text(self.astra, str(job.spec.source))
