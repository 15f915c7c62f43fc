"""One job: its five steps with their times, digests, proof, error; retry, pause, cancel."""

from typing import ClassVar

from textual.app import ComposeResult

from astra_tui import flows, job_flows
from astra_tui.keymap import Action
from astra_tui.latest import Latest
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.object import ObjectScreen
from astra_tui.screens.title import TitleLine
from engine.model import FINAL_STATES, JobState, JobStory, JobView, MoveKind, Snapshot
from widgets.job_steps import JobSteps


class JobScreen(AstraScreen[None]):
    """Follows a job while it runs: from the snapshot if it is there, else from the ledger."""

    SCOPE: ClassVar[str] = "job"

    DEFAULT_CSS = "JobScreen JobSteps { padding: 1 2; }"

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self.job_id = job_id
        self.job: JobView | None = None
        self._asking = False
        self._stories: Latest[str, JobStory] = Latest(self._look, self._told)
        self._told_of: tuple[object, ...] = ()

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Job")
        yield JobSteps(id="steps")

    def on_mount(self) -> None:
        self.query_one(JobSteps).focus()
        self.show_snapshot(self.astra.snapshot)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        job = next((job for job in snapshot.jobs if job.job_id == self.job_id), None)
        if job is not None:
            self._show(job, snapshot.time)
        elif not self._asking and (self.job is None or self.job.state not in FINAL_STATES):
            self._asking = True
            self.launch(self._ask(), "read the job")

    async def _ask(self) -> None:
        try:
            self._show(await self.astra.engine.job(self.job_id), self.astra.snapshot.time)
            self.refresh_footer()
        finally:
            self._asking = False

    async def _look(self, job_id: str) -> JobStory:
        return await self.astra.engine.job_story(job_id)

    def _told(self, story: JobStory) -> None:
        if self.is_mounted:
            self.query_one(JobSteps).tell(story)

    def _show(self, job: JobView, now: float) -> None:
        self.job = job
        # What is on record changes with these, or with every part that is sent.
        part = job.bytes_done >> 23
        mark = (job.state, job.step, job.attempt, job.error, job.evidence, job.guarded, part)
        if mark != self._told_of and self.astra.started:
            self._told_of = mark
            if self._stories.request(self.job_id):
                self.launch(self._stories.run(), "read the job")
        # The clock only matters to what still runs; a finished page is never drawn again.
        self.query_one(JobSteps).show(job, now=0.0 if job.state in FINAL_STATES else now)
        self.query_one(TitleLine).show(job.spec.source.key, job.job_id)

    def why_not(self, action: Action) -> str:
        job = self.job
        if job is None:
            return "" if action.offline else "The job is still being read."
        ended = job.state in FINAL_STATES
        match action.id:
            case "retry" if job.state not in (JobState.FAILED, JobState.CANCELLED):
                return "Only failed and cancelled jobs can be tried again."
            case "cancel" | "pause" | "priority" if ended:
                verb = "put first or last" if action.id == "priority" else action.label
                return f"The job is {job.state.value}; there is nothing to {verb}."
        return ""

    def label(self, action: Action) -> str:
        if action.id == "pause" and self.job is not None and self.job.paused:
            return "resume"
        return action.label

    async def do_pause(self) -> None:
        if self.job is not None:
            await job_flows.pause_or_resume(self.astra, [self.job_id], resume=self.job.paused)

    async def do_retry(self) -> None:
        await job_flows.retry(self.astra, [self.job_id])

    async def do_cancel(self) -> None:
        await job_flows.cancel(self.astra, [self.job_id])

    async def do_report(self) -> None:
        await job_flows.report(self.astra, self.job_id)

    async def do_priority(self) -> None:
        await job_flows.prioritise(self.astra, [self.job_id])

    def do_open_object(self) -> None:
        job = self.job
        if job is None:
            return
        moved = job.state is JobState.COMPLETED and job.spec.kind is MoveKind.MOVE
        self.app.push_screen(ObjectScreen(job.spec.destination if moved else job.spec.source))

    def do_copy(self) -> None:
        if self.job is not None:
            flows.copy_text(self.astra, str(self.job.spec.source))
