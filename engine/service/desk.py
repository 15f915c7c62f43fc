"""What one connection looks at: views of listings by window, the feed, the state of all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Protocol

from engine.door_events import readable
from engine.errors import UsageError
from engine.model import (
    EventRow,
    FeedSource,
    ListingQuery,
    ListingView,
    Notice,
    ObjectRow,
    Picked,
    Snapshot,
)
from engine.model.events import LIVE
from engine.service.job_news import JobNews, JobSender

if TYPE_CHECKING:
    from engine.engine import Engine

_VIEWS = 3  # views of one cloud that are kept for one connection, those looked at last
WINDOW = 2000  # rows of one answer at most
PICKED = 20_000  # rows that are searched for one answer
FRESH = 60  # messages of the feed that travel with the state
_FRESH_BYTES = 128 * 1024  # of them; the others are asked for when they show


@dataclass(frozen=True, slots=True)
class ViewInfo:
    """A view that the engine keeps under `handle`, without its rows."""

    handle: int
    generation: int
    length: int
    total_bytes: int
    total_cost_month: float | None
    total_objects: int
    folders: int


@dataclass(frozen=True, slots=True)
class State:
    """What the console draws by itself: sent when it changed, at most four times a second.

    The snapshot's jobs travel as `jobs`. `fresh` are the newest messages of the feed that were
    not sent yet, at most `FRESH`.
    """

    snapshot: Snapshot
    jobs: JobNews
    feed_first: int
    feed_last: int
    fresh: tuple[EventRow, ...]
    feeds: tuple[tuple[str, int, int], ...]  # other feeds: name, first and last number
    notices: tuple[tuple[int, Notice], ...]


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """An engine's process. `since` in epoch seconds; `consoles` are those that look at it."""

    pid: int
    version: str
    since: float
    consoles: int
    state_dir: str


class Host(Protocol):
    """What a desk asks of the server around it."""

    def status(self) -> EngineStatus: ...

    def stop(self) -> None: ...


class Desk:
    """Views and windows for one connection."""

    CALLS: ClassVar = (
        *("view", "rows", "find", "pick", "feed", "newer", "status", "stop", "snapshot"),
    )

    def __init__(self, engine: "Engine", host: Host) -> None:
        self._engine = engine
        self._host = host
        self._views: dict[int, tuple[str, ListingView]] = {}  # looked at last: last
        self._handles = 0
        self._jobs = JobSender()
        self._revision = -1
        self._feed_last = 0
        self._feeds: tuple[tuple[str, int, int], ...] = ()
        self._noticed = 0

    async def view(self, cloud: str, query: ListingQuery) -> ViewInfo:
        """A listing sorted and filtered; its rows are asked for by window."""
        view = await self._engine.view(cloud, query)
        self._handles += 1
        self._views[self._handles] = cloud, view
        same = [handle for handle, (of, _) in self._views.items() if of == cloud]
        for handle in same[:-_VIEWS]:  # of this cloud: what other panes show stays
            del self._views[handle]
        return ViewInfo(
            self._handles,
            view.generation,
            len(view),
            view.total_bytes,
            view.total_cost_month,
            view.total_objects,
            view.folders,
        )

    async def rows(self, handle: int, start: int, stop: int) -> list[ObjectRow]:
        """Rows start ≤ i < stop, at most WINDOW. Raises UsageError for a view that is gone."""
        return list(await self._view(handle).load(start, min(stop, start + WINDOW)))

    async def find(self, handle: int, keys: Sequence[str]) -> list[int | None]:
        """Where each key is in that view."""
        return list(await self._view(handle).find(keys))

    async def pick(self, handle: int, text: str, start: int, stop: int) -> Picked:
        """Those of rows start ≤ i < stop, at most PICKED, that a filter text means."""
        return await self._view(handle).pick(text, start, min(stop, start + PICKED))

    def feed(
        self, count: int, end: int | None = None, text: str = "", name: str = LIVE
    ) -> list[EventRow]:
        """Messages of a feed, as `FeedSource.window` gives them."""
        with readable(text):
            return list(self._feed(name).window(min(count, WINDOW), end=end, text=text))

    def newer(self, text: str, after: int, name: str = LIVE) -> int:
        """How many fit the filter after that number, as `FeedSource.newer` tells."""
        with readable(text):
            return self._feed(name).newer(text, after)

    def _feed(self, name: str) -> FeedSource:
        return self._engine.feed if name == LIVE else self._engine.feed_named(name)

    def status(self) -> EngineStatus:
        """Who serves, since when, and for whom."""
        return self._host.status()

    def stop(self) -> None:
        """Let the engine end: running requests end or roll back, the jobs wait in the ledger."""
        self._host.stop()

    def snapshot(self) -> Snapshot:
        """The state of all, for a command that looks once."""
        return self._engine.snapshot()

    def state(self) -> State | None:
        """What changed since the last call, None if nothing did."""
        snapshot, feed = self._engine.snapshot(), self._engine.feed
        notices = tuple(self._engine.notices(self._noticed))
        feeds = self._engine.feed_ends()
        known, last = (self._revision, self._feed_last, self._feeds), feed.last
        if (snapshot.revision, last, feeds) == known and not notices:
            return None
        count = min(max(last - self._feed_last, 0), FRESH)
        fresh = _light(feed.window(count, end=last)) if count else ()
        self._revision, self._feed_last, self._feeds = snapshot.revision, last, feeds
        if notices:
            self._noticed = notices[-1][0]
        jobs = self._jobs.news(snapshot.jobs)
        return State(replace(snapshot, jobs=()), jobs, feed.first, last, fresh, feeds, notices)

    def _view(self, handle: int) -> ListingView:
        try:
            found = self._views[handle] = self._views.pop(handle)
        except KeyError:
            raise UsageError("That view of the listing is gone.", todo="Ask again.") from None
        return found[1]


def _light(rows: Sequence[EventRow]) -> tuple[EventRow, ...]:
    """The newest of these that are not too much to send four times a second."""
    room, kept = _FRESH_BYTES, list[EventRow]()
    for row in reversed(rows):
        room -= len(row.raw) + len(row.key)
        if room < 0:
            break
        kept.append(row)
    return tuple(reversed(kept))
