"""The door: what comes by Kafka, looked at closely. Nothing here counts or changes anything."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.door import Door
from engine.errors import UsageError
from engine.model import (
    EventPage,
    EventRow,
    EventStatistics,
    FeedSource,
    FilterError,
    MessageDetail,
    ReplayRequest,
    ReplayStep,
    parse_filter,
)
from engine.model.events import LIVE, REJECTED
from engine.notices import NoFeed

if TYPE_CHECKING:
    from engine.events.feed import EventFeed

_PAGE = 2000
_SLICE = 200
_REPLAYS = 8  # that are open at once


@contextmanager
def readable(text: str) -> Iterator[None]:
    """A filter that is none is the caller's mistake. Raises UsageError."""
    try:
        yield
    except FilterError as error:
        raise UsageError(
            str(error), subject=text, todo="docs/events.md has the language."
        ) from error


class Events(Door):
    """Topics, single messages, replays."""

    _replay_numbers = itertools.count(1)

    async def event_statistics(self, seconds: int = 0) -> EventStatistics:
        """All topics, with at most so many seconds of their past, and reasons of rejections."""
        from engine.events.survey import statistics

        return statistics(self._parts.bus, seconds)

    def feed_named(self, name: str) -> FeedSource:
        """The live feed, the rejected messages, or those of a replay while it is open."""
        return self._feed(name) or NoFeed()

    def feed_ends(self) -> tuple[tuple[str, int, int], ...]:
        """Name, first and last number of each feed but the live one."""
        rejected = self._feed(REJECTED)
        others = {REJECTED: rejected} if rejected is not None else {}
        return tuple(
            (name, feed.first, feed.last) for name, feed in {**others, **self._replays}.items()
        )

    async def message(self, number: int, feed: str = LIVE) -> MessageDetail | None:
        """One message of a feed in full, None if it is no longer kept."""
        from engine.events.survey import detail

        source = self._feed(feed)
        return detail(self._parts, source, number) if source is not None else None

    async def messages_after(self, number: int, filter: str = "", limit: int = _PAGE) -> EventPage:
        """Messages of the live feed with a greater number that fit the filter, oldest first.

        Ask again from `last` on. Raises UsageError for a filter that is none.
        """
        source = self._feed(LIVE)
        with readable(filter):
            parse_filter(filter)
        if source is None:
            return EventPage((), number)
        if number < 0:
            return EventPage((), source.last)
        last = source.last
        count = min(max(limit, 0), _PAGE)
        rows = source.window(count, end=last, text=filter)
        rows = [row for row in rows if row.number > number]
        wanted = source.newer(filter, number)
        gone = max(source.first - 1 - number, 0)
        return EventPage(tuple(rows), last, gone + max(wanted - len(rows), 0))

    async def replay(self, request: ReplayRequest) -> AsyncGenerator[ReplayStep, None]:
        """Read messages again to look at them, by a reader of its own: nothing is counted.

        The steps name the feed that has them (`feed_named`); it is there until the stream is
        closed, which the caller must do. Raises BrokerUnavailable, UsageError.
        """
        from engine.events.replay import Replay

        replays = self._replays
        if len(replays) >= _REPLAYS:
            raise UsageError(f"{_REPLAYS} replays are open.", todo="Leave one of them.")
        name = f"replay-{next(self._replay_numbers)}"
        one = Replay(self._parts.bus, request, name)
        replays[name] = one.feed
        try:
            steps = one.steps()
            try:
                async for step in steps:
                    yield step
            finally:
                await steps.aclose()
            await asyncio.Event().wait()  # the messages are there for as long as somebody looks
        finally:
            del replays[name]

    async def replayed(self, feed: str, filter: str = "") -> list[EventRow]:
        """All messages of an open replay that fit the filter, for a command that prints them."""
        source = self._feed(feed)
        if source is None:
            return []
        rows: list[EventRow] = []
        with readable(filter):
            for number, row in enumerate(source.fitting(filter)):
                rows += [row] if row is not None else []
                if number % _SLICE == 0:
                    await asyncio.sleep(0)
        return rows

    def _feed(self, name: str) -> "EventFeed | None":
        if self._open is None:
            return None
        live = self._open.bus.feed
        if name == LIVE:
            return live
        return live.rejected if name == REJECTED else self._replays.get(name)
