"""What Astra had to say: taken from the engine, shown once, kept for the log screen."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from engine.model import Notice, NoticeLevel

KEPT = 500
SHOWN_AT_ONCE = 3
_ORDER = {NoticeLevel.ERROR: 0, NoticeLevel.WARNING: 1, NoticeLevel.INFO: 2}


class NoticeBoard:
    """The notices so far, newest last. `show` is called for those worth a toast."""

    def __init__(self, show: Callable[[Notice], None]) -> None:
        self._show = show
        self._kept: deque[Notice] = deque(maxlen=KEPT)
        self._last = 0
        self.revision = 0

    def __iter__(self) -> Iterator[Notice]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def last(self) -> int:
        """The number of the newest notice taken from the engine."""
        return self._last

    def add(self, notice: Notice) -> None:
        """Keep and show a notice of the console's own."""
        self.keep(notice)
        self._show(notice)

    def take(self, numbered: Sequence[tuple[int, Notice]], *, since: float = 0.0) -> None:
        """Keep new notices of the engine; of a burst only the first few are shown, and none that
        is older than `since` (epoch seconds): an engine tells again what it said before."""
        # The worst first, for only a few are shown.
        fresh = (notice for _, notice in numbered if notice.time >= since)
        new = sorted(fresh, key=lambda n: _ORDER[n.level])
        for number, notice in numbered:
            self._last = max(self._last, number)
            self.keep(notice)
        for notice in new[:SHOWN_AT_ONCE]:
            self._show(notice)
        if len(new) > SHOWN_AT_ONCE:
            rest = len(new) - SHOWN_AT_ONCE
            self._show(Notice(NoticeLevel.WARNING, f"{rest} more; see the log."))

    def keep(self, notice: Notice) -> None:
        """Keep a notice without showing it."""
        self._kept.append(notice)
        self.revision += 1
