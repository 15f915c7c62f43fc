"""A feed that counts upwards, in place of one that a broker fills."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.model import EventOutcome, EventRow


class RingFeed:
    """Counts upwards at a steady rate; makes a row only when it is looked at."""

    def __init__(self) -> None:
        self.first, self.last = 1, 0
        self.on_rows: Callable[[], None] | None = None

    def newer(self, text: str, after: int) -> int:
        """How many came since."""
        return max(self.last - after, 0)

    def window(
        self, count: int, *, end: int | None = None, text: str = "", after: int = -1
    ) -> list[EventRow]:
        newest = self.last if end is None else min(end, self.last)
        oldest = max(self.first, after + 1, newest - count + 1)
        return [
            EventRow(n, time.time(), "access_events", 0, n, EventOutcome.ACCEPTED, "GET",
                     f"aws:prod-data/object-{n}", "1 read")
            for n in range(oldest, newest + 1)
        ]  # fmt: skip


class MixedFeed(RingFeed):
    """No two lines alike, as when many clients read many objects."""

    def window(self, count: int, **named: Any) -> list[EventRow]:
        return [
            replace(
                row,
                operation=("GET", "GET", "PUT", "GET", "DELETE")[row.number * 7919 % 5],
                subject=f"aws:prod-data/{row.number * 2_654_435_761 % 2**32:08x}/"
                f"{('report', 'photo', 'backup', 'log')[row.number * 31 % 4]}.bin",
            )
            for row in super().window(count, **named)
        ]
