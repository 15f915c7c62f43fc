"""What the operator may ask of the jobs: submit, pause, resume, cancel, retry, limits.

The ledger holds all jobs; `scheduler.py` runs them.
"""

import asyncio
import contextlib
from collections.abc import Sequence

from engine.errors import StateError
from engine.migration.board import RECENT
from engine.migration.job import Ask
from engine.migration.scheduler import Scheduler
from engine.model import JobSpec, Timetable


class Runner(Scheduler):
    """Runs the ledger's jobs and takes the operator's commands.

    Commands may raise StateError if the ledger cannot be written; the runner then stands
    still (`error` says why), nothing is deleted, and `resume` tries again.
    """

    # -- life ---------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin. Jobs that an earlier process left behind wait, paused, until `resume`."""
        await self.ledger.interrupt()
        await self.load()
        self._stopping = False
        self._services.bandwidth.lifted = False
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
        self._ring.stop()
        for job in self._running.values():
            if job.asked is Ask.NOTHING:
                job.asked = Ask.PAUSE
        self._services.bandwidth.lifted = True
        self._wake.set()
        tasks = [job.task for job in self._running.values() if job.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._grace)
            for task in late:
                task.cancel()
        await main
        self._forget()
        with contextlib.suppress(StateError):  # then the next start finds out by itself
            await self.ledger.interrupt()

    # -- commands -----------------------------------------------------------------------

    async def submit(
        self,
        jobset: str,
        specs: Sequence[JobSpec],
        savings: Sequence[float | None] = (),
        *,
        priority: int = 0,
    ) -> list[str]:
        """Queue jobs; returns their ids in the specs' order.

        What is already queued, or completed in this job set, makes no second job; what failed
        or was cancelled before is tried again. `savings` (USD a month, one for each spec) are
        for the statistics.
        """
        async with self._lock:
            known = frozenset(self._jobs)
            ids, moved = await self.ledger.add(jobset, specs, savings, priority=priority)
            left = {change.old_jobset for change in moved} - {jobset}
            if left:
                await self._services.deletes.changed(jobset, left)
            elif any(not change.before for change in moved):
                await self._services.deletes.grown(jobset)
            self._reprioritise(priority, [change.job_id for change in moved])
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
                self._services.deletes.forget()
                self.error = None
            known = frozenset(self._jobs)
            moved = await self.ledger.unpause(job_ids)
            for change in moved:
                job = self._jobs.get(change.job_id)
                if job is not None and job.asked is Ask.PAUSE:
                    job.asked = Ask.NOTHING
            self._apply(moved, known)
            self._services.lanes.hurry()
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
                    self._ready.add(job, first=True)
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
            self._services.lanes.hurry()
            self._look_again()
        return len(moved)

    async def prioritise(
        self, priority: int, *, jobset: str = "", job_ids: Sequence[str] = ()
    ) -> int:
        """Let unfinished jobs of a set, or these ones, run sooner or later; returns how many.

        Jobs that run already go on.
        """
        async with self._lock:
            changed = await self.ledger.prioritise(priority, jobset=jobset, job_ids=job_ids)
            self._reprioritise(priority, changed)
            self._look_again()
        return len(changed)

    def set_limits(self, jobs: int | None = None, bwlimit: int | Timetable | None = None) -> None:
        """Change how many jobs run at once and the bytes a second, while they run.

        A plain `bwlimit` beside a timetable holds until the timetable's next entry.
        """
        if jobs is not None:
            self._limit = max(jobs, 1)
            self._services.lanes.set_jobs(self._limit)
            self._wake.set()
        if bwlimit is not None:
            self._services.bandwidth.set(bwlimit)

    async def wait(self, jobset: str = "") -> None:
        """Wait until every job of the set (none named: all) ended or is paused.

        Raises StateError once the jobs stand still because the ledger cannot be written.
        """
        while self.error is None or self._running:
            if self._idle(jobset):
                return
            await self._next_turn()
        raise self.error
