"""What the operator is told: notices, numbered and with repetition kept short; no events yet."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

from engine.errors import StateError
from engine.model import EventRow, FlowState, JobView, Notice, NoticeLevel, StoreFlow

log = logging.getLogger(__name__)
_KEPT = 500
_FAILURES_SHOWN = 3
_FAILURE_PAUSE = 30.0  # seconds without a failure after which one is told again
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class NoFeed:
    """The feed before events were started."""

    first, last = 1, 0
    on_rows: Callable[[], None] | None = None

    def window(
        self, count: int, *, end: int | None = None, text: str = "", after: int = -1
    ) -> Sequence[EventRow]:
        return ()

    def newer(self, text: str, after: int) -> int:
        return 0


class Notices:
    """The latest notices; each also goes to the log."""

    def __init__(self) -> None:
        self._notices: deque[tuple[int, Notice]] = deque(maxlen=_KEPT)
        self._noticed = 0
        self._trouble: StateError | None = None
        self._away: set[str] = set()
        self._failures = 0
        self._failed_at = 0.0

    def after(self, number: int) -> Sequence[tuple[int, Notice]]:
        """Notices with a greater number, oldest first."""
        return [item for item in self._notices if item[0] > number]

    def add(self, level: NoticeLevel, text: str, todo: str = "") -> None:
        """Tell something."""
        self._noticed += 1
        self._notices.append((self._noticed, Notice(level, text, todo, time.time())))
        log.log(_LEVELS[level.value], "%s %s", text, todo)

    def waiting(self, jobs: int) -> None:
        """Jobs of an earlier run wait, paused."""
        if jobs:
            self.add(
                NoticeLevel.WARNING,
                "1 job of an earlier run waits, paused."
                if jobs == 1
                else f"{jobs} jobs of an earlier run wait, paused.",
                "Resume when you are ready; no source was deleted unverified.",
            )

    def trouble(self, error: StateError | None) -> None:
        """The runner stands still while its ledger cannot be written; said once each time."""
        if error is not self._trouble:
            self._trouble = error
            if error is not None:
                text = f"{error.what} All jobs stand still. {error.safe}"
                self.add(NoticeLevel.ERROR, text, error.todo)

    def stores(self, stores: Sequence[StoreFlow]) -> None:
        """A store went away, or is back; said once each time."""
        for store in stores:
            away = store.state in (FlowState.AWAY, FlowState.TRYING)
            if away and store.cloud not in self._away:
                self._away.add(store.cloud)
                text = f"{store.cloud} is away, its jobs wait: {store.reason}"
                self.add(NoticeLevel.WARNING, text, store.todo)
            elif not away and store.cloud in self._away:
                self._away.remove(store.cloud)
                self.add(NoticeLevel.INFO, f"{store.cloud} is back; its jobs go on.")

    def failed(self, job: JobView) -> None:
        """A job failed. A thousand failures are one message: the board has the others."""
        now = time.monotonic()
        self._failures = self._failures + 1 if now - self._failed_at < _FAILURE_PAUSE else 1
        self._failed_at = now
        if self._failures <= _FAILURES_SHOWN:
            more = " More are failing; see the board." if self._failures == _FAILURES_SHOWN else ""
            self.add(NoticeLevel.ERROR, f"{job.spec.source}: {job.error}{more}", job.error_todo)
