"""How many sources the jobs of a set may still delete.

The ledger knows how many the operator approved, and for how many a delete was sent or may have
been. Read once for each set, then counted here, where all deletes pass.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

Read = Callable[[str], Awaitable[tuple[int, int]]]


@dataclass(slots=True)
class _Count:
    allowed: int
    sent: int


class DeleteAllowance:
    """Counts by job set. `read` gives (allowed, sent) of a set, as `Ledger.deletes` does."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._sets: dict[str, _Count] = {}
        self._fresh: dict[str, str] = {}  # sets by job: counted here, and not yet in the ledger

    async def load(self, jobset: str) -> None:
        """Know the set. Raises StateError."""
        if jobset not in self._sets:
            count = _Count(*await self._read(jobset))
            self._sets.setdefault(jobset, count)  # another job may have been quicker

    async def grown(self, jobset: str) -> None:
        """New jobs came into a set: it may delete more. What was counted here stands, for the
        ledger is always a little behind it."""
        if jobset in self._sets:
            allowed, _ = await self._read(jobset)
            self._sets[jobset].allowed = allowed

    async def changed(self, jobset: str, others: Iterable[str]) -> None:
        """Jobs came into a set from others: what these sets may do is another now, and what the
        jobs did went with them."""
        for name in {jobset, *others} & self._sets.keys():
            fresh = self._fresh_of(name)
            allowed, sent = await self._read(name)
            # One that came to disk meanwhile may count twice: rather refuse than delete too much.
            self._sets[name] = _Count(allowed, sent + len(fresh | self._fresh_of(name)))

    def take(self, jobset: str, job_id: str) -> int | None:
        """Count one delete more. If it may not be sent, count nothing and give how many may."""
        count = self._sets[jobset]
        if count.sent >= count.allowed:
            return count.allowed
        count.sent += 1
        self._fresh[job_id] = jobset
        return None

    def on_disk(self, job_id: str) -> None:
        """The ledger has the job's intent to delete now."""
        self._fresh.pop(job_id, None)

    def give_back(self, jobset: str) -> None:
        """A delete that was counted was certainly not carried out."""
        if jobset in self._sets:
            self._sets[jobset].sent -= 1

    def _fresh_of(self, jobset: str) -> set[str]:
        return {job_id for job_id, where in self._fresh.items() if where == jobset}

    def forget(self) -> None:
        """Read all again; nothing may run meanwhile."""
        self._sets.clear()
        self._fresh.clear()
