"""Windows on what the engine keeps: rows of a listing, messages of the feed."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from engine.errors import AstraError, StateError, UsageError
from engine.model import EventOutcome, EventRow, ListingQuery, ObjectRow, Picked, RowColumns
from engine.model.events import LIVE
from engine.service.desk import PICKED, WINDOW, ViewInfo
from engine.service.link import EngineGone, Link

log = logging.getLogger(__name__)

_AHEAD = 100  # rows fetched around those that are asked for
_ROWS = 5000  # rows kept here
_RING = 4000  # messages of the feed that are kept here
_ANSWERS = 8  # filtered windows that are kept here


class RemoteView:
    """A listing's view in the engine: what was loaded shows, the rest comes when it is asked for.

    `rows` gives None for a row that is not here yet, asks for it, and calls `on_rows` later.
    """

    def __init__(self, link: Link, query: ListingQuery, info: ViewInfo) -> None:
        self.query = query
        self.generation = info.generation
        self.total_bytes = info.total_bytes
        self.total_cost_month = info.total_cost_month
        self.total_objects = info.total_objects
        self.folders = info.folders
        self.on_rows: Callable[[], None] | None = None
        self._link = link
        self._handle = info.handle
        self._length = info.length
        self._rows: dict[int, ObjectRow] = {}
        self._asked: set[asyncio.Task[None]] = set()
        self._wanted: tuple[int, int] | None = None

    def __len__(self) -> int:
        return self._length

    def rows(self, start: int, stop: int) -> Sequence[ObjectRow | None]:
        """What is known of rows start ≤ i < stop."""
        stop = min(stop, self._length)
        found = [self._rows.get(row) for row in range(start, stop)]
        if None in found:
            self._want(start, stop)
        return found

    def columns(self, start: int, stop: int) -> RowColumns:
        """Rows that were loaded, by field. Raises StateError for one that was not."""
        rows = [row for row in self.rows(start, stop) if row is not None]
        if len(rows) < min(stop, self._length) - start:
            raise StateError("Rows of a listing were not waited for.")
        return RowColumns(*([getattr(row, name) for row in rows] for name in RowColumns._fields))

    async def load(self, start: int, stop: int) -> Sequence[ObjectRow]:
        """Rows start ≤ i < stop, from the engine where they are not here."""
        stop = min(stop, self._length)
        known = [self._rows.get(row) for row in range(start, stop)]
        found = [row for row in known if row is not None]
        if len(found) == len(known):
            return found
        found = []
        for low in range(start, stop, WINDOW):
            found += await self._fetch(low, min(low + WINDOW, stop))
        return found

    async def find(self, keys: Sequence[str]) -> Sequence[int | None]:
        """Where these keys are, None where they are not in the view."""
        if not keys:
            return []
        found: Sequence[int | None] = await self._link.call("desk.find", self._handle, keys)
        return found

    async def pick(self, text: str, start: int, stop: int) -> Picked:
        """Those of rows start ≤ i < stop that a filter text means, found in the engine."""
        keys: list[str] = []
        sizes: list[int] = []
        counts: list[int | None] = []
        stop = min(stop, self._length)
        for low in range(start, stop, PICKED):
            some: Picked = await self._link.call(
                "desk.pick", self._handle, text, low, min(low + PICKED, stop)
            )
            keys += some.keys
            sizes += some.sizes
            counts += some.counts
        return Picked(tuple(keys), tuple(sizes), tuple(counts))

    def _want(self, start: int, stop: int) -> None:
        busy = self._wanted is not None
        self._wanted = (max(start - _AHEAD, 0), min(stop + _AHEAD, self._length))
        if not busy and self._link.open:
            task = asyncio.get_running_loop().create_task(self._fetch_wanted())
            self._asked.add(task)
            task.add_done_callback(self._asked.discard)

    async def _fetch_wanted(self) -> None:
        """Fetch the newest window that is wanted, until none is."""
        while (wanted := self._wanted) is not None:
            try:
                await self._fetch(*wanted)
            except AstraError as error:
                log.info("rows of a view did not come: %s", error)
                self._wanted = None  # a newer view is on its way, or the engine is gone
                return
            if self._wanted == wanted:
                self._wanted = None
            if self.on_rows is not None:
                self.on_rows()

    async def _fetch(self, start: int, stop: int) -> Sequence[ObjectRow]:
        rows: list[ObjectRow] = await self._link.call("desk.rows", self._handle, start, stop)
        if len(self._rows) > _ROWS:
            self._rows.clear()
        self._rows.update(zip(range(start, stop), rows, strict=False))
        return rows


class RemoteFeed:
    """A feed: the newest messages of the live one come with the state, all others when they are
    asked for. `on_rows` is called when messages came that were asked for.
    """

    def __init__(self, name: str = LIVE) -> None:
        self.first, self.last = 1, 0
        self.on_rows: Callable[[], None] | None = None
        self._name = name
        self._link: Link | None = None
        self._rows: dict[int, EventRow] = {}
        self._found: dict[tuple[int, int, str], Sequence[EventRow]] = {}
        self._counted: dict[tuple[str, int], int] = {}
        self._asking: set[tuple[object, ...]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def attach(self, link: Link) -> None:
        """Show the feed of that engine."""
        self._link = link
        self._rows.clear()
        self._found.clear()
        self._counted.clear()

    def take(self, first: int, last: int, fresh: Sequence[EventRow] = ()) -> None:
        """The feed's ends, and what is new."""
        self.first, self.last = first, last
        self._rows.update((row.number, row) for row in fresh)
        while len(self._rows) > _RING:
            del self._rows[next(iter(self._rows))]

    def window(self, count: int, *, end: int | None = None, text: str = "") -> Sequence[EventRow]:
        """What is known of the window; the rest comes later, and `on_rows` tells."""
        last = self.last if end is None else min(end, self.last)
        if text.strip():
            return self._matches(count, last, text)
        numbers = range(max(last - count + 1, self.first), last + 1)
        missing = [number for number in numbers if number not in self._rows]
        if missing:
            low, high = missing[0], missing[-1]
            self._ask(high - low + 1, high, "")
        return [self._rows.get(number) or _coming(number) for number in numbers]

    def newer(self, text: str, after: int) -> int:
        """How many fit the filter after that number, as the engine said last."""
        if not text.strip():
            return max(self.last - max(after, 0), 0)
        self._begin(("newer", text, after), self._count(text, after))
        return self._counted.get((text, after), 0)

    def _matches(self, count: int, last: int, text: str) -> Sequence[EventRow]:
        """The last answer to this filter, until a newer one is here."""
        self._ask(count, last, text)
        kept = [found for (_, _, asked), found in self._found.items() if asked == text]
        return kept[-1][-count:] if kept else ()

    def _ask(self, count: int, end: int, text: str) -> None:
        question = (count, end, text)
        if question not in self._found:
            self._begin(question, self._answer(question))

    def _begin(self, question: tuple[object, ...], work: Coroutine[Any, Any, None]) -> None:
        """Ask, unless the very same is being asked."""
        if self._link is None or not self._link.open or question in self._asking:
            work.close()
            return
        self._asking.add(question)
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self._asking.discard(question))

    async def _call(self, name: str, *args: object) -> Any:
        """The answer, None if there is none: the console tells of an engine that is gone, and
        of a filter that is none."""
        assert self._link is not None
        try:
            return await self._link.call(name, *args, self._name)
        except (EngineGone, UsageError) as error:
            log.debug("%s: %s", name, error)
            return None

    async def _answer(self, question: tuple[int, int, str]) -> None:
        count, end, text = question
        rows = await self._call("desk.feed", min(count, WINDOW), end, text)
        if rows is None:
            return
        if text:
            self._found.pop(question, None)
            self._found[question] = rows
            while len(self._found) > _ANSWERS:
                del self._found[next(iter(self._found))]
        else:
            self._rows.update((row.number, row) for row in rows)
            if len(rows) < min(count, WINDOW):
                # The older ones have left the feed: asking for them again would never end.
                self.first = max(self.first, rows[0].number if rows else end + 1)
        if self.on_rows is not None:
            self.on_rows()

    async def _count(self, text: str, after: int) -> None:
        found = await self._call("desk.newer", text, after)
        if found is not None:
            self._counted = {(text, after): found}


def _coming(number: int) -> EventRow:
    return EventRow(number, 0, "", 0, 0, EventOutcome.ACCEPTED, "", "", "")
