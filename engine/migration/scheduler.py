"""Which job runs next, how many at once, and what follows when one ends.

In memory are the jobs that run, those that wait for a retry or a restore, and the next few
hundred of each route. Jobs that touch the same object run one after the other; a store that asks
to slow down, or is away, holds up its own jobs only (`lanes.py`).
"""

import asyncio
import heapq
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from engine.errors import AstraError, StateError
from engine.migration.allowance import DeleteAllowance
from engine.migration.attempt import Next, attempt
from engine.migration.bandwidth import Bandwidth
from engine.migration.board import Board
from engine.migration.job import Ask, Job
from engine.migration.lanes import LaneRules, Lanes
from engine.migration.ledger import Ledger, Moved
from engine.migration.limits import Backoff
from engine.migration.progress import Progress
from engine.migration.queue import clouds_of
from engine.migration.records import JobRecord
from engine.migration.services import Services
from engine.model import Address, JobState, JobView, Limits, StoreFlow, Timetable
from engine.stores.base import ObjectStore

_WINDOW = 256  # queued jobs of a route in memory
_GRACE = 10.0  # seconds that running requests get when Astra stops
_BEFORE_ALL = (2**31, -1)  # sorts before every job: (priority, seq)


@dataclass(slots=True)
class _Cursor:
    """How far a route's jobs were read from the ledger."""

    at: tuple[int, int] = _BEFORE_ALL
    more: bool = True
    fresh: bool = True  # read on even if many wait: there may be more urgent ones


class Scheduler(Progress):
    """`on_change` hears, on the event loop, of every step while it is `heard`, else of the ends.

    `jobs` is how many run at once, `bwlimit` bytes a second over all of them (0: no limit) or a
    timetable; `rules` says how stores that are in trouble are treated; in the clouds of
    `read_only` nothing is written or deleted; without `restores` nothing is asked back from an
    archive.
    """

    def __init__(
        self,
        ledger: Ledger,
        stores: Mapping[str, ObjectStore],
        *,
        jobs: int = 8,
        bwlimit: int | Timetable = 0,
        on_change: Callable[[JobView], None] = lambda view: None,
        heard: Callable[[], bool] = lambda: True,
        backoff: Backoff | None = None,
        restore_poll: float = 30.0,
        grace: float = _GRACE,
        read_only: frozenset[str] = frozenset(),
        restores: bool = True,
        rules: LaneRules | None = None,
        bandwidth: Bandwidth | None = None,
    ) -> None:
        super().__init__(Board(on_change, heard))
        self.ledger = ledger
        self.error: StateError | None = None
        self._limit = max(jobs, 1)
        self._services = Services(
            stores,
            bandwidth or Bandwidth(bwlimit),
            Lanes(stores, self._limit, rules),
            DeleteAllowance(ledger.deletes),
            restore_poll=restore_poll,
            read_only=read_only,
            restores=restores,
        )
        self._backoff = backoff or Backoff()
        self._grace = grace
        self._busy: set[str] = set()  # places of running jobs, which have none in common
        self._sent: set[str] = set()  # running jobs that have only to be written down as ended
        self._cursors: dict[str, _Cursor] = {}
        self._reread = False
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._turn: asyncio.Future[None] | None = None
        self._main: asyncio.Task[None] | None = None
        self._stopping = False

    def limits(self) -> Limits:
        """What bounds the jobs now. Cheap."""
        return self._services.bandwidth.limits(self._limit)

    @property
    def bandwidth(self) -> Bandwidth:
        """The limit of bytes a second over all jobs."""
        return self._services.bandwidth

    def flows(self) -> tuple[StoreFlow, ...]:
        """How each store takes what is sent to it. Cheap."""
        return self._services.lanes.view()

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as group:
            while not self._stopping:
                self._wake.clear()
                looked = self._services.lanes.now()
                try:
                    async with self._lock:
                        self._take_due()
                        await self._fill()
                        self._launch(group)
                except StateError as error:
                    self._halt(error)
                await self._sleep(looked)

    async def _sleep(self, looked: float) -> None:
        """Wait for something to do. `looked` is when jobs were last tried to be started."""
        times = [self._later[0][0] - time.monotonic()] if self._later else []
        if self._ready and (pause := self._services.lanes.pause(looked)) is not None:
            times.append(pause)
        timeout = max(min(times), 0.0) if times else None
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            return

    # -- scheduling ---------------------------------------------------------------------

    def _look_again(self) -> None:
        """The ledger has jobs that are not in memory: read it from its start."""
        self._reread = True
        self._wake.set()

    def _take_due(self) -> None:
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            _, _, job_id = heapq.heappop(self._later)
            job = self._jobs.get(job_id)
            if job is not None and job.task is None and job not in self._ready:
                self._ready.add(job)

    async def _fill(self) -> None:
        if self._reread:
            self._reread = False
            self._cursors = {route: _Cursor() for route in await self.ledger.routes()}
        for route, cursor in self._cursors.items():
            while cursor.more and self.error is None:
                if not cursor.fresh and self._ready.count(route) >= _WINDOW // 2:
                    break
                cursor.fresh = False
                await self._read_on(route, cursor)

    async def _read_on(self, route: str, cursor: _Cursor) -> None:
        known = frozenset(self._jobs)
        records = await self.ledger.waiting(route, cursor.at, _WINDOW)
        cursor.more = len(records) == _WINDOW
        for record in records:
            cursor.at = (record.priority, record.seq)
            job = self._adopt(record, known)
            if job is not None and job.task is None and record.job_id not in known:
                self._ready.add(job)

    def _adopt(self, record: JobRecord, known: Set[str]) -> Job | None:
        """The job of a record that was just read. `known` were in memory when that began: one
        that is not any more has ended meanwhile, and its record is out of date (None)."""
        job = self._jobs.get(record.job_id)
        if job is None and record.job_id not in known:
            job = Job(record, self.ledger, meter=self._board.meter, changed=self._board.changed)
            self._jobs[record.job_id] = job
        return job

    def _drop(self, job: Job) -> None:
        self._jobs.pop(job.record.job_id, None)
        self._ready.discard(job)

    def _launch(self, group: asyncio.TaskGroup) -> None:
        if self._stopping:
            return  # `stop` has asked those that run to end, and would not know of more
        lanes = self._services.lanes
        while self._ready and self._room and self.error is None:
            job = self._ready.take(lanes.free, self._fits)
            if job is None:
                return
            places = self._places(job)
            if not self._running:
                self._board.meter.restart()
            self._busy |= places
            self._running[job.record.job_id] = job
            self._ring.wake()
            job.began = lanes.begin(job.record.job_id, clouds_of(job))
            job.on_sent = self._all_sent
            job.task = group.create_task(self._work(job, places))

    @property
    def _room(self) -> bool:
        """Whether one more may begin. Those that wait for the disk alone are bounded, too: a job
        that finds nothing to do writes nothing before its end."""
        running, limit = len(self._running), self._limit
        return running < 2 * limit and running - len(self._sent) < limit

    def _all_sent(self, job: Job) -> None:
        """The next job may begin while the end of this one comes to disk."""
        self._sent.add(job.record.job_id)
        self._left(job, None, worked=True)
        self._wake.set()

    def _left(self, job: Job, failure: AstraError | None, *, worked: bool) -> None:
        """The job sends nothing (more) to its stores."""
        lanes = self._services.lanes
        lanes.end(job.record.job_id, clouds_of(job), job.began, failure, worked=worked)

    def _fits(self, job: Job) -> bool:
        """Whether no running job touches the same objects."""
        return self._busy.isdisjoint(self._places(job))

    def _places(self, job: Job) -> frozenset[str]:
        if not job.places:
            spec = job.record.spec
            job.places = frozenset((self._place(spec.source), self._place(spec.destination)))
        return job.places

    def _place(self, address: Address) -> str:
        store = self._services.stores.get(address.cloud)
        return store.locate(address.bucket, address.key) if store else str(address)

    async def _work(self, job: Job, places: frozenset[str]) -> None:
        before, after = job.record.step_seconds, Next.STOPPED
        job.failure = None
        try:
            after = await attempt(job, self._services, self._backoff)
            if after is Next.STOPPED:
                await self._stopped(job)
            elif after is Next.LATER:
                self._wait_for(job)
            else:
                self._drop(job)
                self._board.ended(job.view())
        except StateError as error:
            self._halt(error)
            self._stand_still(job, error)
        finally:
            spent = zip(job.record.step_seconds, before, strict=True)
            self._board.totals.spent([new - old for new, old in spent])
            job.task = None
            del self._running[job.record.job_id]
            if job.record.job_id in self._sent:
                self._sent.discard(job.record.job_id)
            else:
                self._left(job, job.failure, worked=after is not Next.STOPPED)
            self._busy -= places
            self._wake.set()
            self._turned()

    async def _stopped(self, job: Job) -> None:
        async with self._lock:
            if job.asked is not Ask.PAUSE:  # resumed, or cancelled, in the meantime
                job.set(state=JobState.QUEUED, paused=False)
                self._ready.add(job, first=True)
                return
            job.set(state=JobState.QUEUED, paused=True)
            await job.commit()
            self._drop(job)

    def _wait_for(self, job: Job) -> None:
        record = job.record
        if job.asked is Ask.CANCEL:
            self._ready.add(job, first=True)
            return
        if record.paused or self._stopping:
            self._drop(job)  # paused on disk meanwhile, or found again at the next start
            return
        heapq.heappush(self._later, (job.due, record.seq, record.job_id))

    def _halt(self, error: StateError) -> None:
        """The ledger cannot be written: start nothing more until the operator resumes."""
        self.error = error
        for job in self._running.values():
            if job.asked is Ask.NOTHING:
                job.asked = Ask.PAUSE
        for job in list(self._ready.jobs()):
            self._stand_still(job, error)
        for _, _, job_id in self._later:
            if job_id in self._jobs:
                self._stand_still(self._jobs[job_id], error)
        self._later.clear()
        self._turned()

    def _stand_still(self, job: Job, error: AstraError) -> None:
        """Show as paused what the ledger could not record; it is read again on `resume`."""
        job.set(
            state=JobState.QUEUED,
            paused=True,
            finished=0.0,
            error=f"{error.what} {error.safe}",
            error_todo=error.todo,
        )
        self._drop(job)

    def _forget(self) -> None:
        """Nothing is in memory any more; the ledger has it all."""
        self._jobs.clear()
        self._ready.clear()
        self._later.clear()
        self._cursors.clear()
        self._turned()

    def _reprioritise(self, priority: int, job_ids: Sequence[str]) -> None:
        """The ledger gave these jobs a priority: follow it in memory."""
        for job_id in job_ids:
            job = self._jobs.get(job_id)
            if job is not None and job.record.priority != priority:
                job.record.priority = priority
                if job in self._ready:
                    self._ready.add(job)

    # -- counting and waiting -----------------------------------------------------------

    def _apply(self, moved: Iterable[Moved], known: Set[str]) -> None:
        """Count what a bulk change did. `known` were in memory before it: one that is not any
        more has ended meanwhile, and was counted then."""
        for change in moved:
            job = self._jobs.get(change.job_id)
            if job is not None or change.job_id not in known:
                self._board.moved(change, job)
        self._turned()

    def _idle(self, jobset: str) -> bool:
        if self._main is None:
            return True
        running = (not jobset or job.record.jobset == jobset for job in self._running.values())
        return not any(running) and not self._board.is_open(jobset)

    async def _next_turn(self) -> None:
        if self._turn is None:
            self._turn = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._turn)

    def _turned(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None and not turn.done():
            turn.set_result(None)
