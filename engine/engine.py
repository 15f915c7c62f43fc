"""The one door of the engine.

The console and the commands call nothing else. Commands and answers are plain values
(`engine.model`), so that the engine can live in a process of its own.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Self

from engine.door_access import Accesses
from engine.door_deciding import Deciding
from engine.door_events import Events
from engine.door_jobs import JobLists
from engine.door_objects import Objects
from engine.door_reviews import Reviewing
from engine.errors import UsageError
from engine.memory import keep_freed_memory
from engine.model import (
    FINAL_STATES,
    Address,
    Check,
    CloudStatus,
    Filters,
    Finding,
    FolderUsage,
    JobsetSummary,
    JobState,
    JobView,
    ListingQuery,
    ListingView,
    MigrationStatistics,
    Notice,
    NoticeLevel,
    ObjectDetail,
    Plan,
    Snapshot,
    Timetable,
)
from engine.refusals import refuse_deletes, refuse_read_only

if TYPE_CHECKING:
    from engine.events.schema import JobRequest
    from engine.parts import Parts


class Engine(Deciding, Reviewing, Accesses, Events, JobLists, Objects):
    """Stores, catalog, events, tiers and migrations behind plain commands.

    Use as an async context manager, or `start()` and `stop()`. Every command may raise
    `engine.errors.AstraError`. Nothing here blocks the event loop.
    """

    async def start(self, *, events: bool = True, runner: bool = True, look: bool = False) -> None:
        """Take the state directory, open the ledger, start events and the runner.

        Raises StateBusy if another process has the directory. An unreachable broker or cloud
        is no error here: it shows in the snapshot. Jobs of an earlier run wait, paused, until
        `resume`. Commands that need no Kafka pass `events=False`; ones that move nothing pass
        `runner=False`. Ones that only look pass `look=True`: they open even a directory that
        another process has, and then all that would change something raises StateBusy.
        """
        async with self._changing:
            if self._open is not None:
                return
            if runner:
                keep_freed_memory()
            # The import takes a few hundred milliseconds; the screen lives on meanwhile.
            assemble = await asyncio.to_thread(_import_assemble)
            accept = self._accept_job if self.settings.kafka.accept_jobs else None
            parts = await assemble(
                self.settings,
                self.workspace,
                look=look,
                on_change=self._job_changed,
                on_job=accept,
            )
            self._open = parts
            try:
                await self._policy.load()
                for text in parts.database.notices:
                    self._notices.add(NoticeLevel.WARNING, text)
                parts.clouds.start()
                if events:
                    self.feed = parts.bus.feed
                    await parts.bus.start()
                if runner and parts.owner:
                    await parts.runner.start()
                else:
                    await parts.runner.load()
            except BaseException:
                self._open = None
                await parts.close()
                raise
            if runner and parts.owner:  # what waits is told by whoever can make it go on
                self._notices.waiting(dict(parts.runner.counts()).get("paused", 0))

    async def stop(self) -> None:
        """Let running requests end or roll back, close everything. Safe to call twice."""
        async with self._changing:
            parts, self._open = self._open, None
            if parts is not None:
                await parts.close()
                await self.workspace.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # -- seeing -------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Everything the console draws. Cheap: call it four times a second."""
        if self._open is not None:
            from engine.snapshots import take

            active = self._policy.current.name
            self._last = take(self._open, self.settings, active, self._last)
            self._notices.trouble(self._open.runner.error)
            self._notices.stores(self._last.stores)
        return self._last

    def notices(self, after: int = 0) -> Sequence[tuple[int, Notice]]:
        """Notices with a number greater than `after`, oldest first."""
        while self.workspace.notices:
            notice = self.workspace.notices.pop(0)
            self._notices.add(notice.level, notice.text, notice.todo)
        return self._notices.after(after)

    def scan(self, cloud: str, *, bucket: str | None = None, prefix: str | None = None) -> None:
        """List a cloud in the background; rows show while they arrive. Restarts a running scan."""
        self._parts.clouds.scan(cloud, bucket, prefix)

    async def scanned(self, cloud: str) -> CloudStatus:
        """Wait until the cloud's scan ended (ready, empty or failed)."""
        await self._parts.clouds.scanned(cloud)
        return self._parts.clouds.status(cloud)

    async def view(self, cloud: str, query: ListingQuery) -> ListingView:
        """The cloud's listing, sorted and filtered, as rows on demand: all objects, or what one
        folder holds."""
        return await self._parts.catalog.view(cloud, query)

    async def prepare_filter(self, cloud: str) -> None:
        """Get a listing ready to be filtered: of a million objects that takes a while, which the
        operator needs to type a letter."""
        await self._parts.catalog.prepare(cloud)

    def usage(
        self, cloud: str, folder: str = "", depth: int = 1
    ) -> AsyncGenerator[Sequence[FolderUsage], None]:
        """What a folder and those below it, down to `depth`, hold and cost; page by page, each
        folder before what lies in it. Raises UsageError unless the listing is complete."""
        from engine.usage import usage

        return usage(self._parts, cloud, folder, depth)

    async def inspect(self, address: Address) -> ObjectDetail:
        """One object: its metadata, history, cost in each class, decisions and jobs."""
        from engine.inspect import inspect

        return await inspect(self._parts, address)

    def doctor(
        self, *, write: bool = True, together: bool = False, subjects: Sequence[str] = ()
    ) -> AsyncGenerator[Check, None]:
        """Check each cloud, Kafka and the state files; canaries are removed again.

        Without `write`, and in read-only mode, nothing is written to any cloud. `together` looks
        at all subjects (`subjects`: at these) side by side, and gives checks as they come.
        """
        from engine.doctor import examine

        return examine(
            self._parts, self.settings, write=write, together=together, subjects=subjects
        )

    # -- carrying out -------------------------------------------------------------------

    async def submit(self, plan: Plan, *, priority: int = 0) -> str:
        """Put the accepted moves into the ledger and start them; returns the job set's id.

        Jobs of a higher `priority` run first. The same plan submitted twice makes no second job.
        Raises Refused in read-only mode, and for a plan with too many deletes.
        """
        refuse_read_only(self.settings)
        self.check_deletes(plan)
        return await self._owned.planner.submit(plan, priority)

    def check_deletes(self, plan: Plan) -> None:
        """Raises Refused if the plan would delete more sources than `max_deletes` allows."""
        refuse_deletes(self.settings, plan.deletes())

    async def wait(self, jobset: str = "") -> None:
        """Wait until every job of the set (none named: all) ended or is paused.

        Raises StateError if the jobs stand still because the ledger cannot be written.
        """
        await self._parts.runner.wait(jobset)

    async def pause(self, job_ids: Sequence[str] = ()) -> int:
        """Pause these jobs (none named: all); returns how many. Loses no finished part."""
        return await self._owned.runner.pause(job_ids)

    async def resume(self, job_ids: Sequence[str] = ()) -> int:
        """Go on with paused and interrupted jobs (none named: all); returns how many.

        Raises Refused in read-only mode.
        """
        refuse_read_only(self.settings)
        return await self._owned.runner.resume(job_ids)

    async def cancel(self, job_ids: Sequence[str] = ()) -> int:
        """Cancel unfinished jobs: roll back what they wrote, keep every source."""
        return await self._owned.runner.cancel(job_ids)

    async def retry(self, job_ids: Sequence[str] = ()) -> int:
        """Queue failed and cancelled jobs again (none named: all failed ones).

        Raises Refused in read-only mode.
        """
        refuse_read_only(self.settings)
        return await self._owned.runner.retry(job_ids)

    async def jobs(
        self, *, jobset: str = "", states: Sequence[JobState] = (), text: str = "", limit: int = 0
    ) -> list[JobView]:
        """Jobs from the ledger, oldest first; `limit` 0 means all."""
        parts = self._parts
        views = await parts.ledger.views(jobset=jobset, states=states, text=text, limit=limit)
        return [parts.runner.live(view.job_id) or view for view in views]

    async def summary(self, jobset: str = "") -> JobsetSummary:
        """A job set added up; none named, or `latest`: the one that was made last.

        Raises UsageError if there is no such set.
        """
        from engine.accounts import summary

        return await summary(self._parts, self.workspace, jobset)

    def report(
        self, jobset: str, *, failed: bool | None = None, until: float = 0.0
    ) -> AsyncIterator[Sequence[JobView]]:
        """Every job of a set in its order, page by page, so that a million need no memory.

        `failed`: only those that failed up to the time `until`, or only the others.
        """
        from engine.accounts import report

        return report(self._parts, jobset, failed=failed, until=until)

    def check(
        self,
        source: Address,
        destination: Address,
        *,
        filters: Filters = Filters(),
        checksum: str = "md5",
        download: bool = False,
    ) -> AsyncGenerator[Finding, None]:
        """Compare two places by digests, object by object; `download` reads both sides always.

        Changes nothing. A listing that fails raises StoreError before the first finding.
        """
        from engine.checking import check_places

        places = (source, destination, filters)
        return check_places(
            self._parts, self.settings, *places, checksum=checksum, download=download
        )

    def check_jobset(self, jobset: str, *, download: bool = False) -> AsyncGenerator[Finding, None]:
        """Whether each destination of a job set still has the digest that was proved."""
        from engine.checking import check_jobset

        return check_jobset(self._parts, self.settings, jobset, download=download)

    async def job(self, job_id: str) -> JobView:
        """One job. Raises UsageError if there is none."""
        from engine.accounts import job

        return await job(self._parts, job_id)

    async def statistics(self) -> MigrationStatistics:
        """Sums over all jobs of the ledger."""
        return self._parts.runner.statistics()

    async def prioritise(
        self, priority: int, *, jobset: str = "", job_ids: Sequence[str] = ()
    ) -> int:
        """Let unfinished jobs of a set, or these ones, run sooner or later; returns how many.

        Raises UsageError if neither is named.
        """
        if not jobset and not job_ids:
            raise UsageError("Name the jobs, or their job set.")
        return await self._owned.runner.prioritise(priority, jobset=jobset, job_ids=job_ids)

    def set_limits(
        self, *, jobs: int | None = None, bwlimit: int | Timetable | None = None
    ) -> None:
        """Change how many jobs run at once and the bytes a second, while they run.

        A plain `bwlimit` beside a timetable holds until the timetable's next entry; a timetable
        is followed from now on.
        """
        self._parts.runner.set_limits(jobs=jobs, bwlimit=bwlimit)

    # -- inside -------------------------------------------------------------------------

    def _job_changed(self, job: JobView) -> None:
        parts = self._open
        if parts is not None:
            parts.clouds.note_job(job)
            parts.announcer.job(job)
            if job.state in FINAL_STATES and not parts.runner.is_open(job.jobset):
                parts.ends.look(job.jobset)
            if job.state is JobState.COMPLETED:
                parts.planner.carried_out(job)
            elif job.state is JobState.FAILED:
                self._notices.failed(job)

    async def _accept_job(self, request: "JobRequest") -> None:
        plan = await self._parts.planner.plan_request(request)
        await self.submit(plan)
        self._notices.add(
            NoticeLevel.INFO,
            f"A Kafka message asked for {request.source} → {request.destination}: "
            f"{plan.totals().moves} jobs.",
        )


def _import_assemble() -> "Callable[..., Awaitable[Parts]]":
    from engine.parts import assemble

    return assemble
