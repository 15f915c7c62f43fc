"""Job sets that came to their end: found when the last of their jobs did, added up once."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from engine.errors import StateError
from engine.model import JobsetSummary

KEPT = 8
_log = logging.getLogger(__name__)


class SetEnds:
    """`latest` are the last sets that ended since the start, the newest last."""

    def __init__(self, summary: Callable[[str], Awaitable[JobsetSummary | None]]) -> None:
        self.latest: deque[JobsetSummary] = deque(maxlen=KEPT)
        self._summary = summary
        self._pending: dict[str, None] = {}
        self._task: asyncio.Task[None] | None = None

    def look(self, jobset: str) -> None:
        """No job of the set runs or waits any more: see whether it ended. Cheap."""
        self._pending[jobset] = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(), name="astra-set-ends")

    async def close(self) -> None:
        """Look no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _look(self) -> None:
        while self._pending:
            jobset = next(iter(self._pending))
            del self._pending[jobset]
            try:
                found = await self._summary(jobset)
            except StateError as error:
                _log.warning("job set %s was not added up: %s", jobset, error)
                continue
            if found is None or not found.finished:
                continue  # some jobs are paused, or run again already
            if any((one.jobset, one.finished) == (jobset, found.finished) for one in self.latest):
                continue
            _log.info("job set %s ended: %s", jobset, dict(found.states))
            self.latest.append(found)
