"""One job set: how far it is, or how it ended; proof, money, what failed and why."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult

from astra_tui import flows, job_flows, job_lists
from astra_tui.keymap import Action
from astra_tui.latest import Latest
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.title import TitleLine
from engine.model import (
    JobChange,
    JobQuery,
    JobsetLine,
    JobsetSummary,
    JobState,
    JobView,
    Snapshot,
    Throughput,
)
from widgets.jobset_card import JobsetCard
from widgets.rate_chart import RateChart

if TYPE_CHECKING:
    from astra_tui.screens.jobs import JobsScreen

REFRESH_SECONDS = 1.0
_FAILED_SHOWN = 8
_TALL = 30
Seen = tuple[JobsetSummary, JobsetLine | None, Sequence[JobView], Throughput]


class JobSetScreen(AstraScreen[None]):
    """Follows a job set while it runs; a summary once it ended."""

    SCOPE: ClassVar[str] = "jobset"

    DEFAULT_CSS = """
    JobSetScreen {
        & RateChart { height: 6; }
        & JobsetCard { padding: 1 2; }
        &.-low RateChart { height: 2; }
        &.-low JobsetCard { padding: 0 2; }
    }
    """

    def __init__(self, jobset: str) -> None:
        super().__init__()
        self.jobset = jobset
        self.summary: JobsetSummary | None = None
        self._chart = RateChart(id="rates")
        self._card = JobsetCard(id="card")
        self._latest: Latest[int, Seen] = Latest(self._look, self._shown)
        self._dirty = True
        self._counts: tuple[object, ...] = ()

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Job set", self.jobset)
        yield self._chart
        yield self._card

    def on_resize(self) -> None:
        self.set_class(self.size.height < _TALL, "-low")
        super().on_resize()

    def on_mount(self) -> None:
        self._card.focus()
        self._refresh()
        self.set_interval(REFRESH_SECONDS, self._refresh)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        counts = (snapshot.job_counts, snapshot.rate, snapshot.bytes_left)
        if counts != self._counts:
            self._counts = counts
            self._dirty = True

    def _refresh(self) -> None:
        if not self._dirty or not self.astra.started or self.astra.screen is not self:
            return
        self._dirty = False
        if self._latest.request(0):
            self.launch(self._latest.run(), "read the job set")

    async def _look(self, _: int) -> Seen:
        engine = self.astra.engine
        summary = await engine.summary(self.jobset)
        lines = await engine.jobsets() if not summary.finished else []
        line = next((line for line in lines if line.jobset == self.jobset), None)
        failed: Sequence[JobView] = ()
        if summary.count(JobState.FAILED):
            query = JobQuery(f"set:{self.jobset} state:failed")
            failed = (await engine.job_window(query, 0, _FAILED_SHOWN)).jobs
        return summary, line, failed, await engine.throughput()

    def _shown(self, seen: Seen) -> None:
        if not self.is_mounted:
            return
        self.summary, line, failed, rates = seen
        self._card.show(self.summary, line, failed)
        self._chart.show(rates)
        self.refresh_footer()

    # -- keys ---------------------------------------------------------------------------

    def _count(self, *states: str) -> int:
        return sum(self.summary.count(state) for state in states) if self.summary else 0

    def why_not(self, action: Action) -> str:
        if self.summary is None and not action.offline and action.id != "open-jobs":
            return "The job set is still being read."
        ended = self.summary is not None and bool(self.summary.finished)
        match action.id:
            case "failed" if not self._count("failed"):
                return "No job of this set failed."
            case "retry" if not self._count("failed", "cancelled"):
                return "No job of this set failed or was cancelled."
            case "pause" | "cancel" if ended:
                return f"The job set has ended; there is nothing to {action.label}."
        return ""

    @property
    def _resumes(self) -> bool:
        unfinished = self._count("queued", "restoring", "copying", "verifying", "switching")
        return self._count("paused") > 0 and not unfinished

    def label(self, action: Action) -> str:
        return "resume" if action.id == "pause" and self._resumes else action.label

    @property
    def _filter(self) -> str:
        return f"set:{self.jobset}"

    def _list(self, text: str) -> "JobsScreen":
        from astra_tui.screens.jobs import JobsScreen  # it opens this one, too

        return JobsScreen(text)

    def do_open_jobs(self) -> None:
        self.app.push_screen(self._list(self._filter))

    def do_failed(self) -> None:
        self.app.push_screen(self._list(f"{self._filter} state:failed"))

    async def do_report(self) -> None:
        await job_flows.report_set(self.astra, self.jobset)

    async def do_retry(self) -> None:
        cancelled = self._count("cancelled")
        if cancelled:  # somebody did not want those: it asks
            number = self._count("failed") + cancelled
            scope = job_lists.Scope((), None, False, self._filter, number)
            await job_lists.retry(self.astra, scope)
        else:
            # Only those: one that somebody cancelled meanwhile is not among what shows.
            text = f"{self._filter} state:failed"
            await job_lists.change(self.astra, JobChange.RETRY, text)
        self._dirty = True

    async def do_pause(self) -> None:
        change = JobChange.RESUME if self._resumes else JobChange.PAUSE
        await job_lists.change(self.astra, change, self._filter)
        self._dirty = True

    async def do_cancel(self) -> None:
        number = self._count("queued", "restoring", "copying", "verifying", "switching", "paused")
        scope = job_lists.Scope((), None, False, self._filter, number)
        await job_lists.cancel(self.astra, scope)
        self._dirty = True

    def do_copy(self) -> None:
        flows.copy_text(self.astra, self.jobset)
