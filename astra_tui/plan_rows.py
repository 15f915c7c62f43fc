"""The lines of a review as they show: a window of them is here, the rest in the engine."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from engine.model import PlanLine, PlanView

if TYPE_CHECKING:
    from engine.engine import Engine

AHEAD = 100  # lines fetched around those that show
_KEPT = 4000

Launch = Callable[[Coroutine[Any, Any, object], str], None]


class PlanRows:
    """Lines of one revision of a review. `rows` gives None for a line that is not here yet, asks
    for it, and calls `on_rows` once it came."""

    def __init__(
        self, engine: "Engine", view: PlanView, launch: Launch, on_rows: Callable[[], None]
    ) -> None:
        self.view = view
        self._engine = engine
        self._launch = launch
        self._on_rows = on_rows
        self._lines: dict[int, PlanLine] = {}
        self._wanted: tuple[int, int] | None = None
        self._settled = asyncio.Event()
        self._settled.set()

    def __len__(self) -> int:
        return self.view.lines

    async def load(self, start: int, stop: int) -> None:
        """Fetch lines start ≤ i < stop."""
        start, stop = max(start, 0), min(stop, len(self))
        if start < stop:
            lines = await self._engine.plan_lines(self.view.review, start, stop)
            if len(self._lines) > _KEPT:
                self._lines.clear()
            self._lines.update(zip(range(start, stop), lines, strict=False))

    def rows(self, start: int, stop: int) -> Sequence[PlanLine | None]:
        """What is known of lines start ≤ i < stop."""
        stop = min(stop, len(self))
        found = [self._lines.get(line) for line in range(start, stop)]
        if None in found:
            self._want(start, stop)
        return found

    async def settled(self) -> None:
        """Wait until what was asked for is here."""
        await self._settled.wait()

    def _want(self, start: int, stop: int) -> None:
        busy = self._wanted is not None
        self._wanted = (start - AHEAD, stop + AHEAD)
        if not busy:
            self._settled.clear()
            self._launch(self._fetch(), "show the plan")

    async def _fetch(self) -> None:
        """Fetch the newest window that is wanted, until none is."""
        try:
            while (wanted := self._wanted) is not None:
                await self.load(*wanted)
                if self._wanted == wanted:
                    self._wanted = None
                self._on_rows()
        finally:
            self._wanted = None
            self._settled.set()
