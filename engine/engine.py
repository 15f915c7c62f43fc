"""The one door of the engine.

The console and the commands call nothing else. Commands and answers are plain values
(`engine.model`), so that the engine can live in a process of its own.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from engine.adoption import Adoption
from engine.errors import StateError, UsageError
from engine.memory import keep_freed_memory
from engine.model import (
    ActivePolicy,
    Address,
    Check,
    CloudStatus,
    Decision,
    FeedSource,
    Filters,
    Finding,
    JobsetSummary,
    JobState,
    JobView,
    KafkaState,
    KafkaStatus,
    LabChoices,
    LabRequest,
    LabResult,
    LabStep,
    ListingQuery,
    ListingView,
    MigrationStatistics,
    MoveKind,
    MoveOptions,
    Notice,
    NoticeLevel,
    ObjectDetail,
    Plan,
    Snapshot,
    Tier,
    Timetable,
)
from engine.notices import NoFeed, Notices
from engine.refusals import only_looks, refuse_deletes, refuse_read_only
from engine.settings import EngineSettings
from engine.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from engine.events.schema import JobRequest
    from engine.forecast.live import Training
    from engine.imports.records import ImportSummary
    from engine.learning import Prediction
    from engine.lifecycle.derive import Wanted
    from engine.lifecycle.model import Lifecycle
    from engine.parts import Parts


class Engine:
    """Stores, catalog, events, tiers and migrations behind plain commands.

    Use as an async context manager, or `start()` and `stop()`. Every command may raise
    `engine.errors.AstraError`. Nothing here blocks the event loop.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self.workspace = Workspace(settings.state_dir / "workspace.json")
        self.feed: FeedSource = NoFeed()
        self._open: Parts | None = None
        self._changing = asyncio.Lock()
        self._policy = Adoption(settings, self.workspace)
        self._notices = Notices()
        self._last = Snapshot(0, time.time(), (), KafkaStatus(KafkaState.OFF))

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
        """The cloud's listing, sorted and filtered, as rows on demand."""
        return await self._parts.catalog.view(cloud, query)

    async def inspect(self, address: Address) -> ObjectDetail:
        """One object: its metadata, history, cost in each class, decisions and jobs."""
        from engine.inspect import inspect

        return await inspect(self._parts, address)

    def doctor(self) -> AsyncIterator[Check]:
        """Check each cloud, Kafka and the state files; canaries are removed again."""
        from engine.doctor import examine

        return examine(self._parts, self.settings)

    # -- deciding and planning ----------------------------------------------------------

    async def decide(self, policy: str = "", clouds: Sequence[str] = ()) -> list[Decision]:
        """Run a policy over the listed objects of the clouds (none named: all).

        Returns the decisions that change something; they are stored, shown in the listings
        as targets, and published as recommendations.
        """
        parts = self._parts
        name = policy or (await self._policy.load()).name
        parameters = await self._parameters(name)
        found = await parts.planner.decide(name, parameters, clouds)
        await parts.announcer.decisions(found)
        return found

    async def lifecycle(self, wanted: "Wanted", policy: str = "") -> "Lifecycle":
        """A policy (default: the active one) as rules that a provider runs by itself, and
        what those cannot say. Raises UsageError, also where they can say nothing of it."""
        from engine.lifecycle.derive import derive
        from engine.pricing.columns import ClassTable
        from engine.tiering.policy import policy_named

        name = policy or (await self._policy.load()).name
        chosen = policy_named(name, await self._parameters(name))
        book = self._parts.book
        table = ClassTable.of(book, wanted.provider, wanted.region)
        found = await asyncio.to_thread(derive, chosen, table, wanted)
        note = book.note(wanted.provider, wanted.region)
        return replace(found, notes=(note,)) if note else found

    async def _parameters(self, policy: str) -> dict[str, object]:
        """The config's for this policy, and over them what the operator kept."""
        kept = (await self.workspace.policies()).get(policy, {})
        return {**self.settings.policies.get(policy, {}), **kept}

    async def decide_clouds(
        self, clouds: Sequence[str] = (), *, horizon_months: float = 0.0
    ) -> list[Decision]:
        """Which objects of these clouds (none named: all) should move to another cloud: those
        whose saving pays for the way within the horizon (0: the config's). Stored and published
        like other decisions."""
        from engine.across import decide_clouds

        parts = self._parts
        months = horizon_months or self.settings.horizon_months
        found = await decide_clouds(parts, clouds, months)
        await parts.announcer.decisions(found)
        return found

    async def active_policy(self) -> ActivePolicy:
        """The policy that decides where none is named, and why that one."""
        return await self._policy.load()

    async def adopt_policy(self, name: str) -> ActivePolicy:
        """Let that policy decide from now on, here and in every later start; "" leaves it to the
        configuration again. Raises UsageError for one that Astra cannot decide by."""
        return await self._policy.adopt(name)

    async def decisions(
        self, place: Address | None = None, *, policy: str = "", limit: int = 100
    ) -> list[Decision]:
        """Stored decisions for audit, latest first: of an object, of all below a prefix, of a
        cloud (an address without a bucket), or all."""
        return await self._parts.decisions.audit(place, policy=policy, limit=limit)

    async def plan_decisions(
        self,
        clouds: Sequence[str] = (),
        options: MoveOptions | None = None,
        filters: Filters = Filters(),
    ) -> Plan:
        """A plan that carries out the last decisions."""
        return await self._parts.planner.plan_decisions(clouds, options or MoveOptions(), filters)

    async def plan_tier(
        self,
        addresses: Sequence[Address],
        *,
        tier: Tier | None = None,
        storage_class: str = "",
        options: MoveOptions | None = None,
        filters: Filters = Filters(),
    ) -> Plan:
        """A plan that changes the class of these objects (or prefixes) in place."""
        planner = self._parts.planner
        options = options or MoveOptions()
        plan = await planner.plan_tier(addresses, tier, storage_class, options, filters)
        return await planner.preflight(plan)

    async def plan_migration(
        self,
        sources: Sequence[Address],
        destination: Address,
        *,
        kind: MoveKind = MoveKind.MOVE,
        tier: Tier | None = None,
        storage_class: str = "",
        options: MoveOptions | None = None,
        filters: Filters = Filters(),
    ) -> Plan:
        """A plan that moves keys or prefixes to a key or prefix of another place.

        Several sources, or a prefix, need a destination that is a prefix; each object keeps
        its path below its source prefix (a single key keeps its last segment).
        """
        planner = self._parts.planner
        plan = await planner.plan_migration(
            sources,
            destination,
            kind=kind,
            tier=tier,
            storage_class=storage_class,
            options=options or MoveOptions(),
            filters=filters,
        )
        return await planner.preflight(plan)

    async def preflight(self, plan: Plan) -> Plan:
        """The plan, looked at more closely: one byte of a source is read, and a small object is
        written to each destination and removed. Raises Refused in read-only mode."""
        refuse_read_only(self.settings)
        return await self._parts.planner.preflight(plan, write=True)

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
        refuse_deletes(self.settings, plan)

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

    # -- events -------------------------------------------------------------------------

    async def send_access(
        self, address: Address, *, operation: str = "GET", count: int = 1, when: float = 0.0
    ) -> None:
        """Publish access events for an object; they come back like anybody else's."""
        await self._parts.bus.send_access(address, operation=operation, count=count, when=when)

    async def age(self, address: Address, days: float) -> None:
        """Let an object look older by so many days, for demonstrations (shown as simulated)."""
        await self._owned.access.shift_age(address, days)
        await self._parts.clouds.refresh()

    async def import_access(self, rows: Iterable[tuple[Address, int, int, int]]) -> None:
        """Take (address, day, reads, bytes) into the access history; days in epoch days (UTC).

        A day that is known already is replaced, so importing twice is importing once.
        """
        await self._owned.access.import_daily(rows)
        await self._parts.clouds.refresh()

    async def train(
        self, *, history: "Path | None" = None, inventory: "Path | None" = None
    ) -> "Training":
        """Fit the forecast of accesses on the history, and judge it on weeks held out of it.

        `history`: that file (as `import_logs` reads them) instead of the state's own history;
        `inventory` (`object,size_bytes,count,created`) tells of objects that were never read.
        The model is kept in the state directory, unless there is too little to learn from.
        """
        from engine.learning import train

        return await train(self._owned, self.settings, history, inventory)

    async def predict(self, addresses: Sequence[Address]) -> "list[Prediction]":
        """What to expect of these objects, by the trained model, or by TSB where there is none.

        Raises NotFound for one that is neither in its store nor in the history.
        """
        from engine.learning import predict

        return await predict(self._parts, self.settings, addresses)

    async def import_logs(
        self,
        paths: "Sequence[Path]",
        *,
        format: str = "auto",
        cloud: str = "",
        base: Address | None = None,
        progress: "Callable[[ImportSummary], None] | None" = None,
    ) -> "ImportSummary":
        """Read access logs (`s3-log`, `cloudtrail`, `csv`) into the access history, streamed.

        Importing twice is importing once. `cloud` is whose objects the logs tell of, "" to find
        it by bucket; `base` what the keys of tables lie below. What does not fit is counted in
        the summary and stops nothing.
        """
        from engine.learning import import_logs

        options = (format, cloud, base)
        return await import_logs(self._owned, self.settings, paths, *options, progress)

    # -- the lab ------------------------------------------------------------------------

    def lab_steps(self, request: LabRequest) -> AsyncGenerator[LabStep, None]:
        """Replay policies over an access history, in a thread; nothing is changed.

        Tells what is being done and the share that is done; the last step has the result. Closing
        the stream ends the run. The engine must be started, and the cloud listed, only where the
        request names no files. Raises UsageError for what cannot be replayed.
        """
        from engine.laboratory import lab_cloud, lab_files, lab_steps

        if request.inventory or request.history:
            return lab_steps(lambda tell: lab_files(request, self.settings.prices_file, tell))
        parts = self._parts
        return lab_steps(lambda tell: lab_cloud(parts, request, tell))

    async def lab(
        self, request: LabRequest, progress: Callable[[str, float], None] | None = None
    ) -> LabResult:
        """The same with one answer; `progress` is told what is being done and the share done.
        Whoever cancels the call ends the run."""
        async with contextlib.aclosing(self.lab_steps(request)) as steps:
            async for step in steps:
                if step.result is not None:
                    return step.result
                if progress is not None:
                    progress(step.what, step.share)
        raise StateError("The lab ended without a result.", todo="Run it again.")

    async def lab_choices(self, request: LabRequest) -> LabChoices:
        """What a run can be made of, for the request's provider and classes.

        Raises UsageError for what there is not, ConfigError for a bad price file.
        """
        from engine.laboratory import lab_choices

        return await lab_choices(request, self.settings)

    # -- inside -------------------------------------------------------------------------

    @property
    def _parts(self) -> "Parts":
        if self._open is None:
            raise StateError("The engine is not running.", todo="Start it first.")
        return self._open

    @property
    def _owned(self) -> "Parts":
        parts = self._parts
        if not parts.owner:
            raise only_looks(self.settings)
        return parts

    def _job_changed(self, job: JobView) -> None:
        parts = self._open
        if parts is not None:
            parts.clouds.note_job(job)
            parts.announcer.job(job)
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
