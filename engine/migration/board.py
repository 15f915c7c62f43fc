"""What the runner knows of all jobs without asking the ledger: sums, open job sets, news."""

import logging
from collections import Counter, deque
from collections.abc import Callable

from engine.migration.job import Job, Meter
from engine.migration.ledger import Ledger, Moved
from engine.migration.records import route_of
from engine.migration.totals import Totals
from engine.model import FINAL_STATES, JobState, JobView

RECENT = 200  # finished jobs kept for the screen
_CLOSED = frozenset({"", "paused", *(str(state) for state in FINAL_STATES)})
_log = logging.getLogger(__name__)


class Board:
    """Counts kept up to date by every change; looking at them costs nothing."""

    def __init__(
        self, on_change: Callable[[JobView], None], heard: Callable[[], bool] = lambda: True
    ) -> None:
        """`on_change` is told of each job that ends, and, while it is `heard`, of every step."""
        self.meter = Meter()
        self.totals = Totals()
        self.recent: deque[JobView] = deque(maxlen=RECENT)
        self.completed = 0  # since the start
        self._open: Counter[str] = Counter()
        self._on_change = on_change
        self._heard = heard

    async def load(self, ledger: Ledger) -> None:
        """Count anew what the ledger holds. Nothing may change meanwhile."""
        self.totals = Totals(await ledger.sums())
        self._open = Counter(await ledger.open_counts())
        self.recent.clear()
        self.recent.extend(reversed(await ledger.latest(RECENT)))

    def changed(self, job: Job, bucket: str | None, size: int) -> None:
        """A job in memory was in `bucket` with `size` bytes, and is now as its record says. With
        None it is counted as before."""
        record = job.record
        if bucket is not None:
            after = record.bucket
            if after != bucket or record.size != size:
                self.totals.move(record, bucket, size)
            if after != bucket:
                self._count_open(record.jobset, bucket, after)
        if record.state not in FINAL_STATES and self._heard():  # those are told once on disk
            self.announce(job.view())

    def moved(self, change: Moved, job: Job | None) -> None:
        """Follow a bulk change of the ledger, which may lag behind a job that is in memory."""
        if job is None:
            if change.before:
                self.totals.add(change.route, change.before, change.size, change.saving, -1)
            self.totals.add(change.route, change.after, change.size, change.saving)
            self._count_open(change.old_jobset, change.before, "")
            self._count_open(change.jobset, "", change.after)
            return
        record = job.record
        route, before = route_of(record.spec), record.bucket
        self._count_open(record.jobset, before, "")
        record.jobset = change.jobset
        record.paused = change.after == "paused"
        if change.after == JobState.CANCELLED:
            record.state = JobState.CANCELLED
        self.totals.add(route, before, record.size, record.saving, -1)
        self.totals.add(route, record.bucket, record.size, record.saving)
        self._count_open(record.jobset, "", record.bucket)
        if record.state not in FINAL_STATES:
            self.announce(job.view())

    def ended(self, view: JobView) -> None:
        """A job came to its end, and that is on disk."""
        self.recent.append(view)
        self.completed += view.state is JobState.COMPLETED
        self.announce(view)

    def announce(self, view: JobView) -> None:
        """Tell whoever listens; a listener's own failure is not the job's."""
        try:
            self._on_change(view)
        except Exception:  # noqa: BLE001 - logged with its trace, and nothing of ours is undone
            _log.exception("a listener failed on job %s", view.job_id)

    def is_open(self, jobset: str) -> bool:
        """Whether jobs of the set (none named: any) are neither ended nor paused."""
        if jobset:
            return self._open[jobset] > 0
        return any(count > 0 for count in self._open.values())

    def _count_open(self, jobset: str, before: str, after: str) -> None:
        self._open[jobset] += (after not in _CLOSED) - (before not in _CLOSED)
