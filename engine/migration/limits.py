"""What bounds a migration: bytes in memory, and time between two tries."""

import asyncio
import random
from collections import deque
from dataclasses import dataclass


class Buffers:
    """Bytes of objects that may be in memory at once, over all jobs; first come, first served.

    Who holds some must never wait for more: a job takes what it cannot do without in one go, and
    more only where that is free (`take`). `peak` is the most that was ever held.
    """

    def __init__(self, limit: int) -> None:
        self.peak = 0
        self._limit = limit
        self._used = 0
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    def hold(self, count: int) -> "_Held":
        """Hold so many bytes for the length of the block."""
        return _Held(self, count)

    async def acquire(self, count: int) -> int:
        """Wait for so many bytes (the limit at most); give what is to be released."""
        count = min(count, self._limit)
        if count and (self._queue or self._used + count > self._limit):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._queue.append((count, future))
            try:
                await future
            except asyncio.CancelledError:
                if not future.cancelled():
                    self.release(count)  # given and cancelled in the same moment
                elif (count, future) in self._queue:
                    self._queue.remove((count, future))
                    self._wake()
                raise
        else:
            self._use(count)
        return count

    def take(self, count: int) -> bool:
        """Hold so many bytes if they are free and nobody waits; does not wait itself."""
        if self._queue or self._used + count > self._limit:
            return False
        self._use(count)
        return True

    def _use(self, count: int) -> None:
        self._used += count
        self.peak = max(self.peak, self._used)

    def release(self, count: int) -> None:
        """Give bytes back."""
        self._used -= count
        self._wake()

    def _wake(self) -> None:
        while self._queue and self._used + self._queue[0][0] <= self._limit:
            count, future = self._queue.popleft()
            if not future.done():
                self._use(count)
                future.set_result(None)


class _Held:
    """What `Buffers.hold` gives."""

    __slots__ = ("_buffers", "_count")

    def __init__(self, buffers: Buffers, count: int) -> None:
        self._buffers = buffers
        self._count = count

    async def __aenter__(self) -> None:
        if not self._buffers.take(self._count):
            self._count = await self._buffers.acquire(self._count)

    async def __aexit__(self, *_: object) -> None:
        self._buffers.release(self._count)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter, in seconds."""

    base: float = 1.0
    cap: float = 60.0

    def delay(self, attempt: int, at_least: float = 0.0) -> float:
        """How long to wait after failed attempt number `attempt` (from 1)."""
        ceiling = min(self.cap, self.base * 2.0 ** min(attempt, 30))
        return max(at_least, random.uniform(0.0, ceiling))
