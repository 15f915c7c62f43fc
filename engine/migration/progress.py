"""What the console sees of the jobs in memory. Everything here is cheap: call it at 4 Hz."""

from itertools import islice

from engine.migration.board import RECENT, Board
from engine.migration.job import Job
from engine.migration.queue import Queue
from engine.migration.throughput import Ring
from engine.model import (
    ACTIVE_STATES,
    Evidence,
    JobState,
    JobView,
    MigrationStatistics,
    Throughput,
)

_ACTIVE = frozenset(str(state) for state in ACTIVE_STATES)


class Progress:
    """The runner's looking side: jobs in memory, by what they are waiting for."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._jobs: dict[str, Job] = {}  # by id, all that are in memory
        self._running: dict[str, Job] = {}
        self._ready = Queue()  # to be started next
        self._later: list[tuple[float, int, str]] = []  # a heap of (monotonic, seq, id)
        self._ring = Ring(lambda: (board.meter.total, board.completed), lambda: bool(self._running))

    def active(self) -> list[JobView]:
        """Running jobs, then those that wait for a retry or a restore. Cheap."""
        running = [job.view() for job in self._running.values()]
        waiting = [
            self._jobs[job_id].view()
            for _, _, job_id in sorted(self._later)
            if job_id in self._jobs and job_id not in self._running
        ]
        return running + waiting

    def at_work(self) -> list[tuple[int, JobView]]:
        """The same with the number of each in the ledger (`seq`). Cheap."""
        waiting = {job_id for _, _, job_id in self._later}
        return [
            (job.record.seq, job.view())
            for job_id, job in self._jobs.items()
            if job_id in self._running or job_id in waiting
        ]

    def throughput(self) -> Throughput:
        """Bytes and objects of the last minutes of work. Cheap."""
        return self._ring.view()

    def is_open(self, jobset: str) -> bool:
        """Whether jobs of the set are neither ended nor paused. Cheap."""
        return self._board.is_open(jobset)

    def queued(self, limit: int = 50) -> list[JobView]:
        """The jobs that come next."""
        return [job.view() for job in islice(self._ready.jobs(), limit)]

    def recent(self, limit: int = RECENT) -> list[JobView]:
        """The jobs that ended last, newest first. Cheap."""
        return list(self._board.recent)[-limit:][::-1] if limit else []

    def live(self, job_id: str) -> JobView | None:
        """The job as it is now if it is in memory, else None (ask the ledger)."""
        job = self._jobs.get(job_id)
        return job.view() if job is not None else None

    def counts(self) -> tuple[tuple[str, int], ...]:
        """Jobs by state, paused ones apart as `paused`. Cheap."""
        return self._board.totals.counts()

    def statistics(self) -> MigrationStatistics:
        """Sums over all finished jobs of the ledger. Cheap."""
        return self._board.totals.statistics()

    def rate(self) -> float:
        """Bytes a second over all jobs, every pass counted; 0 when idle."""
        return self._board.meter.rate() if self._running else 0.0

    def bytes_left(self) -> int:
        """Bytes of the objects not moved yet (queued and running ones)."""
        queued = self._board.totals.bytes_in(JobState.QUEUED)
        running = sum(
            job.record.size for job in self._running.values() if job.record.bucket in _ACTIVE
        )
        return queued + running

    def eta(self) -> float:
        """Seconds until all is done at the present rate, 0 if unknown."""
        rate = self.rate()
        if not rate:
            return 0.0
        passes = 1 + any(
            job.record.spec.options.verify is Evidence.REREAD for job in self._running.values()
        )
        left = self._board.totals.bytes_in(JobState.QUEUED) * passes
        left += sum(job.bytes_left for job in self._running.values())
        return max(left / rate, 0.0)
