"""How far a long computation in a thread is, and a way to end it from the loop."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
EACH = 512  # moves between two looks


class Stopped(Exception):
    """Whoever asked for it wants no answer any more."""


class Watch:
    """Told by the thread how much of `total` is done; stops it at its next look."""

    __slots__ = ("_stopped", "done", "total")

    def __init__(self, total: int = 0) -> None:
        self.done = 0
        self.total = total
        self._stopped = False

    def tick(self, number: int) -> None:
        """So many are done of this pass. Raises Stopped if nobody waits any more."""
        if number % EACH == 0:
            self.done += EACH
            if self._stopped:
                raise Stopped

    def stop(self) -> None:
        """End the work at its next look."""
        self._stopped = True

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0

    async def run(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Do it in a thread; who is cancelled while waiting for it ends it."""
        try:
            return await asyncio.to_thread(work, *args, **kwargs)
        except asyncio.CancelledError:
            self.stop()
            raise
