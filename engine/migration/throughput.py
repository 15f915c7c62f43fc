"""How much went through in the last minutes: a small ring, filled while jobs run and never else."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from engine.model import Throughput

KEPT = 600  # seconds
_TICK = 1.0
STEP = 5  # seconds of a span


class Ring:
    """Spans of `STEP` seconds with the bytes and objects of each; `count` gives both totals,
    `busy` whether jobs run."""

    def __init__(self, count: Callable[[], tuple[int, int]], busy: Callable[[], bool]) -> None:
        self._count = count
        self._busy = busy
        self._seen = (0, 0)
        self._spans: deque[list[int]] = deque(maxlen=KEPT // STEP)  # [number, bytes, objects]
        self._timer: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Jobs run: look at the totals each second, until nothing runs any more."""
        if self._timer is None:
            self._seen = self._count()
            self._timer = asyncio.get_running_loop().call_later(_TICK, self._tick)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        self.sample(time.time())
        if self._busy():
            self._timer = asyncio.get_running_loop().call_later(_TICK, self._tick)

    def sample(self, now: float) -> None:
        """Add what went through since the last look to the span of `now` (epoch seconds)."""
        totals = self._count()
        size, objects = totals[0] - self._seen[0], totals[1] - self._seen[1]
        self._seen = totals
        number = int(now) // STEP
        if not self._spans or self._spans[-1][0] < number:
            self._spans.append([number, 0, 0])
        self._spans[-1][1] += max(size, 0)
        self._spans[-1][2] += max(objects, 0)

    def view(self) -> Throughput:
        """The spans up to the last one with work; those without are 0."""
        if not self._spans:
            return Throughput(step=STEP)
        last = self._spans[-1][0]
        first = max(self._spans[0][0], last - KEPT // STEP + 1)
        known = {number: (size, objects) for number, size, objects in self._spans}
        both = [known.get(number, (0, 0)) for number in range(first, last + 1)]
        return Throughput(
            float((last + 1) * STEP),
            STEP,
            tuple(size for size, _ in both),
            tuple(objects for _, objects in both),
        )
