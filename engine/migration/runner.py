"""How many jobs run at once, which one next, and what the operator may ask meanwhile.

The ledger holds all jobs; in memory are those that run, those that wait for a retry or a
restore, and the next few hundred of the queue. Jobs that touch the same object run one after
the other.
"""

import asyncio
import contextlib
import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from engine.errors import AstraError, StateError
from engine.migration.attempt import Next, attempt
from engine.migration.board import RECENT, Board
from engine.migration.job import Ask, Job
from engine.migration.ledger import Ledger, Moved
from engine.migration.limits import Backoff, Bandwidth
from engine.migration.progress import Progress
from engine.migration.records import JobRecord
from engine.migration.services import Services
from engine.model import (
    Address,
    JobSpec,
    JobState,
    JobView,
)
from engine.stores.base import ObjectStore

_WINDOW = 256  # queued jobs in memory
_GRACE = 10.0  # seconds that running requests get when Astra stops


class Runner(Progress):
    """Runs the ledger's jobs. `on_change` hears of every step, on the event loop.

    `jobs` is how many run at once, `bwlimit` bytes a second over all of them (0: no limit);
    in the clouds of `read_only` nothing is written or deleted.
    Commands may raise StateError if the ledger cannot be written; the runner then stands
    still (`error` says why), nothing is deleted, and `resume` tries again.
    """

    def __init__(
        self,
        ledger: Ledger,
        stores: Mapping[str, ObjectStore],
        *,
        jobs: int = 8,
        bwlimit: int = 0,
        on_change: Callable[[JobView], None] = lambda view: None,
        backoff: Backoff | None = None,
        restore_poll: float = 30.0,
        grace: float = _GRACE,
        read_only: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(Board(on_change))
        self.ledger = ledger
        self.error: StateError | None = None
        self._services = Services(
            stores, Bandwidth(bwlimit), restore_poll=restore_poll, read_only=read_only
        )
        self._limit = max(jobs, 1)
        self._backoff = backoff or Backoff()
        self._grace = grace
        self._busy: Counter[str] = Counter()
        self._cursor = 0
        self._more = False
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._turn: asyncio.Future[None] | None = None
        self._main: asyncio.Task[None] | None = None
        self._stopping = False

    # -- life ---------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin. Jobs that an earlier process left behind wait, paused, until `resume`."""
        await self.ledger.interrupt()
        await self.load()
        self._stopping = False
        self._main = asyncio.create_task(self._serve(), name="astra-runner")

    async def load(self) -> None:
        """Learn what the ledger holds, without running anything: for those who only look."""
        await self._board.load(self.ledger)

    async def stop(self) -> None:
        """Let running requests end (for a while), keep what was done. Safe to call twice."""
        main, self._main = self._main, None
        if main is None:
            return
        self._stopping = True
        for job in self._running.values():
            if job.asked is Ask.NOTHING:
                job.asked = Ask.PAUSE
        self._wake.set()
        tasks = [job.task for job in self._running.values() if job.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._grace)
            for task in late:
                task.cancel()
        await main
        self._jobs.clear()
        self._ready.clear()
        self._later.clear()
        self._turned()
        with contextlib.suppress(StateError):  # then the next start finds out by itself
            await self.ledger.interrupt()

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as group:
            while not self._stopping:
                self._wake.clear()
                try:
                    async with self._lock:
                        self._take_due()
                        await self._fill()
                        self._launch(group)
                except StateError as error:
                    self._halt(error)
                await self._sleep()

    async def _sleep(self) -> None:
        timeout = max(self._later[0][0] - time.time(), 0.0) if self._later else None
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            return

    # -- commands -----------------------------------------------------------------------

    async def submit(
        self, jobset: str, specs: Sequence[JobSpec], savings: Sequence[float] = ()
    ) -> list[str]:
        """Queue jobs; returns their ids in the specs' order.

        What is already queued, or completed in this job set, makes no second job; what failed
        or was cancelled before is tried again. `savings` (USD a month, one for each spec) are
        for the statistics.
        """
        async with self._lock:
            known = frozenset(self._jobs)
            ids, moved = await self.ledger.add(jobset, specs, savings)
            self._apply(moved, known)
            self._look_again()
        return ids

    async def pause(self, job_ids: Sequence[str] = ()) -> int:
        """Pause unfinished jobs (none named: all); running ones stop at their next safe point."""
        async with self._lock:
            known = frozenset(self._jobs)
            moved = await self.ledger.pause(job_ids)
            for change in moved:
                job = self._jobs.get(change.job_id)
                if job is not None and job.asked is Ask.NOTHING and job.task is not None:
                    job.asked = Ask.PAUSE
            self._apply(moved, known)
            for change in moved:
                job = self._jobs.get(change.job_id)
                if job is not None and job.task is None:
                    self._drop(job)
        return len(moved)

    async def resume(self, job_ids: Sequence[str] = ()) -> int:
        """Go on with paused and interrupted jobs (none named: all)."""
        while self.error is not None and self._running:
            await self._next_turn()
        async with self._lock:
            if self.error is not None:
                await self._board.load(self.ledger)
                self.error = None
            known = frozenset(self._jobs)
            moved = await self.ledger.unpause(job_ids)
            for change in moved:
                job = self._jobs.get(change.job_id)
                if job is not None and job.asked is Ask.PAUSE:
                    job.asked = Ask.NOTHING
            self._apply(moved, known)
            self._look_again()
        return len(moved)

    async def cancel(self, job_ids: Sequence[str] = ()) -> int:
        """Cancel unfinished jobs (none named: all): roll back what they wrote, keep sources.

        The roll-back goes on in the background; `wait` waits for it.
        """
        async with self._lock:
            known = frozenset(self._jobs)
            moved = await self.ledger.cancel_untouched(job_ids, except_for=list(self._running))
            self._apply(moved, known)
            for change in moved:
                job = self._jobs.get(change.job_id)
                if job is not None:
                    self._drop(job)
            known = frozenset(self._jobs)
            begun = 0
            for record in await self.ledger.unfinished(job_ids):
                job = self._adopt(record, known)
                if job is None:
                    continue
                begun += 1
                job.asked = Ask.CANCEL
                if job.task is None:
                    job.set(paused=False, retry_at=0.0)
                    if job not in self._ready:
                        self._ready.appendleft(job)
            self._wake.set()
        for record in await self.ledger.load([change.job_id for change in moved[:RECENT]]):
            self._board.ended(record.view())
        return len(moved) + begun

    async def retry(self, job_ids: Sequence[str] = ()) -> int:
        """Queue failed and cancelled jobs again (none named: all failed ones)."""
        async with self._lock:
            known = frozenset(self._jobs)
            moved = await self.ledger.requeue(job_ids)
            self._apply(moved, known)
            self._look_again()
        return len(moved)

    def set_limits(self, jobs: int | None = None, bwlimit: int | None = None) -> None:
        """Change how many jobs run at once and the bytes a second, while they run."""
        if jobs is not None:
            self._limit = max(jobs, 1)
            self._wake.set()
        if bwlimit is not None:
            self._services.bandwidth.set(max(bwlimit, 0))

    async def wait(self, jobset: str = "") -> None:
        """Wait until every job of the set (none named: all) ended or is paused.

        Raises StateError once the jobs stand still because the ledger cannot be written.
        """
        while self.error is None or self._running:
            if self._idle(jobset):
                return
            await self._next_turn()
        raise self.error

    # -- scheduling ---------------------------------------------------------------------

    def _look_again(self) -> None:
        """The ledger has jobs that are not in memory: read it from its start."""
        self._cursor, self._more = 0, True
        self._wake.set()

    def _take_due(self) -> None:
        now = time.time()
        while self._later and self._later[0][0] <= now:
            _, _, job_id = heapq.heappop(self._later)
            job = self._jobs.get(job_id)
            if job is not None and job.task is None and job not in self._ready:
                self._ready.append(job)

    async def _fill(self) -> None:
        while self._more and self.error is None and len(self._ready) < _WINDOW // 2:
            known = frozenset(self._jobs)
            records = await self.ledger.waiting(self._cursor, _WINDOW)
            self._more = len(records) == _WINDOW
            for record in records:
                self._cursor = record.seq
                job = self._adopt(record, known)
                if job is not None and job.task is None and record.job_id not in known:
                    self._ready.append(job)

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
        if job in self._ready:
            self._ready.remove(job)

    def _launch(self, group: asyncio.TaskGroup) -> None:
        if self._stopping:
            return  # `stop` has asked those that run to end, and would not know of more
        later: list[Job] = []
        while self._ready and len(self._running) < self._limit and self.error is None:
            job = self._ready.popleft()
            places = self._places(job)
            if any(self._busy[place] for place in places):
                later.append(job)
                continue
            if not self._running:
                self._board.meter.restart()
            self._busy.update(places)
            self._running[job.record.job_id] = job
            job.task = group.create_task(self._work(job, places))
        self._ready.extendleft(reversed(later))

    def _places(self, job: Job) -> set[str]:
        return {self._place(item) for item in (job.record.spec.source, job.record.spec.destination)}

    def _place(self, address: Address) -> str:
        store = self._services.stores.get(address.cloud)
        return store.locate(address.bucket, address.key) if store else str(address)

    async def _work(self, job: Job, places: set[str]) -> None:
        before = job.record.step_seconds
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
            self._busy.subtract(places)
            for place in places:
                if not self._busy[place]:
                    del self._busy[place]
            self._wake.set()
            self._turned()

    async def _stopped(self, job: Job) -> None:
        async with self._lock:
            if job.asked is not Ask.PAUSE:  # resumed, or cancelled, in the meantime
                job.set(state=JobState.QUEUED, paused=False)
                self._ready.appendleft(job)
                return
            job.set(state=JobState.QUEUED, paused=True)
            await job.commit()
            self._drop(job)

    def _wait_for(self, job: Job) -> None:
        record = job.record
        if job.asked is Ask.CANCEL:
            self._ready.appendleft(job)
            return
        if record.paused or self._stopping:
            self._drop(job)  # paused on disk meanwhile, or found again at the next start
            return
        heapq.heappush(self._later, (record.retry_at, record.seq, record.job_id))

    def _halt(self, error: StateError) -> None:
        """The ledger cannot be written: start nothing more until the operator resumes."""
        self.error = error
        for job in self._running.values():
            if job.asked is Ask.NOTHING:
                job.asked = Ask.PAUSE
        for job in [*self._ready]:
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
