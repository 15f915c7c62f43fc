"""Bytes a second over all jobs: a plain limit, or one that follows a timetable."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from math import inf
from typing import TYPE_CHECKING

from engine.model import Limits, Timetable

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

_PERIOD = 0.25  # seconds; also the longest burst
_SLICE = 64 * 1024
_ENTRIES = 10_000  # of a timetable that an estimate goes through: years
_LOOK = 0.5  # seconds between two looks at the clock


@dataclass(frozen=True, slots=True)
class _ByHand:
    """A limit that the operator set while the entry held that began at `during`."""

    limit: int
    during: datetime


class Bandwidth:
    """A limit in bytes a second, 0 for none; changeable while jobs run.

    With a timetable the wall clock is looked at whenever bytes pass, so that a clock that is set,
    or a machine that slept, needs no special care. `set` with a plain limit then holds until
    the clock comes to another entry.
    """

    def __init__(
        self,
        wanted: int | Timetable = 0,
        *,
        clock: Callable[[], float] = time.time,
        zone: tzinfo | None = None,
        look: float = _LOOK,
    ) -> None:
        """`clock` gives epoch seconds, `zone` is the local one by default; `look` in seconds."""
        self._clock = clock
        self._zone = zone
        self._look = look
        self._looked = float("-inf")
        self._limiter: AsyncLimiter | None = None
        self._capacity = 0.0
        self._limit = 0
        self._table: Timetable | None = None
        self._by_hand: _ByHand | None = None
        self.lifted = False  # whoever waits goes on at once: to its next safe point, to end there
        self.set(wanted)

    @property
    def limit(self) -> int:
        """Bytes a second now, 0 for no limit."""
        self._follow()
        return self._limit

    def set(self, wanted: int | Timetable) -> None:
        """Change the limit, or follow a timetable from now on.

        Who waits already waits a last short slice by the old limit.
        """
        if isinstance(wanted, Timetable):
            self._table, self._by_hand = wanted, None
            self._follow(now=True)
            return
        if self._table is not None:
            self._by_hand = _ByHand(max(wanted, 0), self._table.began(self._local()))
        self._use(max(wanted, 0))

    async def take(self, count: int) -> None:
        """Wait until `count` bytes may pass."""
        self._follow()
        while count > 0 and self._limiter is not None and not self.lifted:
            some = min(count, _SLICE, int(self._capacity))
            await self._limiter.acquire(some)
            count -= some
            self._follow()

    def seconds(self, count: int, free: float) -> float:
        """How long `count` bytes take from now that would take `free` seconds without a limit.

        What an operator set by hand beside a timetable holds until the table's next entry.
        """
        self._follow()
        if count <= 0:
            return free
        limit, local, passed, left = self._limit, self._local(), 0.0, float(count)
        for _ in range(_ENTRIES):
            pace = min(count / free if free > 0 else inf, limit or inf)
            following = self._table.next_change(local) if self._table is not None else None
            last = (following[0] - local).total_seconds() if following is not None else inf
            if left <= pace * last:
                return passed + (left / pace if pace < inf else 0.0)
            assert following is not None
            left, passed, (local, limit) = left - pace * last, passed + last, following
        return inf

    def limits(self, jobs: int) -> Limits:
        """What holds now, for the screen."""
        self._follow()
        if self._table is None:
            return Limits(jobs, self._limit)
        at, following = self._table.next_change(self._local())
        until = at.replace(tzinfo=self._zone).timestamp()
        by_hand = self._by_hand is not None
        return Limits(jobs, self._limit, self._table.text, until, following, by_hand)

    def _follow(self, *, now: bool = False) -> None:
        if self._table is None:
            return
        moment = time.monotonic()
        if not now and moment - self._looked < self._look:
            return
        self._looked = moment
        local = self._local()
        if self._by_hand is not None and self._by_hand.during != self._table.began(local):
            self._by_hand = None
        self._use(self._table.limit_at(local) if self._by_hand is None else self._by_hand.limit)

    def _local(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), self._zone)

    def _use(self, limit: int) -> None:
        if limit == self._limit:
            return
        self._limit = limit
        self._capacity = max(limit * _PERIOD, 1.0)
        self._limiter = None
        if limit > 0:
            from aiolimiter import AsyncLimiter  # most never need it

            self._limiter = AsyncLimiter(self._capacity, _PERIOD)
