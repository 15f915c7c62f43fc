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

    async def load(self, jobset: str) -> None:
        """Know the set. Raises StateError."""
        if jobset not in self._sets:
            count = _Count(*await self._read(jobset))
            self._sets.setdefault(jobset, count)  # another job may have been quicker

    async def changed(self, jobset: str, others: Iterable[str]) -> None:
        """Jobs came into a set, from others or new: what these sets may do is another now."""
        for name in {jobset, *others} & self._sets.keys():
            allowed, _ = await self._read(name)
            self._sets[name].allowed = allowed

    def take(self, jobset: str) -> int | None:
        """Count one delete more. If it may not be sent, count nothing and give how many may."""
        count = self._sets[jobset]
        if count.sent >= count.allowed:
            return count.allowed
        count.sent += 1
        return None

    def give_back(self, jobset: str) -> None:
        """A delete that was counted was certainly not carried out."""
        if jobset in self._sets:
            self._sets[jobset].sent -= 1

    def forget(self) -> None:
        """Read all again; nothing may run meanwhile."""
        self._sets.clear()
