"""The catalog: one listing per cloud, and views of them sorted and filtered off the loop.

Rows arrive in key order, so sorting by name costs nothing; the other orders are numpy sorts of
one column. A view holds row numbers only and makes its rows when they are looked at.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.access import AccessColumns
from engine.errors import UsageError
from engine.frame import Frame, Rows, Totals
from engine.keytext import Bools, KeyText
from engine.listing import Listing
from engine.model import ListingQuery, ObjectRow, Picked, Provider, RowColumns, SortKey, Tier
from engine.pricing.book import PriceBook

_TIERS = tuple(Tier)
_FIXED_ORDERS = frozenset({SortKey.NAME, SortKey.SIZE, SortKey.TIER})
_FEW = 8  # keys that are looked up one by one
Order = npt.NDArray[np.intp]


class View:
    """A listing as one query sees it: immutable; satisfies `engine.model.ListingView`."""

    def __init__(self, frame: Frame, query: ListingQuery, order: Order, totals: Totals) -> None:
        self.frame = frame
        self.generation = frame.generation
        self.query = query
        self.on_rows: Callable[[], None] | None = None  # all rows are here
        self.order = order
        self.totals = totals
        self.total_bytes = totals.size
        self.total_cost_month = totals.cost_month
        self._picked: tuple[str, Bools] | None = None  # which rows of the frame a text means

    def __len__(self) -> int:
        return len(self.order)

    def rows(self, start: int, stop: int) -> Sequence[ObjectRow]:
        """Rows start ≤ i < stop in this order; shorter at the end."""
        frame, table = self.frame, self.frame.table
        targets = frame.targets[self._chosen(start, stop)].tolist()
        tiers = (_TIERS[table.tier[target]] if target >= 0 else None for target in targets)
        lines: Iterable[tuple[Any, ...]] = zip(*self.columns(start, stop), strict=True)
        row: Callable[..., ObjectRow] = ObjectRow
        return [
            row(*line, tier, line[0] in frame.busy) for line, tier in zip(lines, tiers, strict=True)
        ]

    def columns(self, start: int, stop: int) -> RowColumns:
        """The same rows by field."""
        frame, chosen = self.frame, self._chosen(start, stop)
        costs = frame.costs(chosen)
        unknown = np.isnan(costs)
        prices: list[float | None] = costs.tolist()
        for i in np.flatnonzero(unknown).tolist():
            prices[i] = None
        reads = np.rint(frame.access("reads_30d", chosen)).astype(np.int64)
        return RowColumns(
            list(map(frame.keys.__getitem__, chosen.tolist())),
            frame.sizes[chosen].tolist(),
            frame.modified[chosen].tolist(),
            frame.ages(chosen).tolist(),
            frame.class_names(chosen),
            list(map(_TIERS.__getitem__, frame.tiers(chosen).tolist())),
            prices,
            reads.tolist(),
            frame.idle(chosen).tolist(),
            list(map(frame.table.name, frame.targets[chosen].tolist())),
        )

    def _chosen(self, start: int, stop: int) -> Order:
        return self.order[max(start, 0) : max(stop, 0)]

    async def load(self, start: int, stop: int) -> Sequence[ObjectRow]:
        """The same: they are all here."""
        return self.rows(start, stop)

    async def find(self, keys: Sequence[str]) -> Sequence[int | None]:
        """Where these keys are in this view, None for one that is not."""
        if len(keys) <= _FEW:
            return [self.position(key) for key in keys]
        place = np.empty(self.frame.count, np.intp)
        place.fill(-1)
        place[self.order] = np.arange(len(self.order))
        rows = [self.frame.find(key) for key in keys]
        return [None if row is None or place[row] < 0 else int(place[row]) for row in rows]

    async def pick(self, text: str, start: int, stop: int) -> Picked:
        """Those of rows start ≤ i < stop that a filter text means; searched off the loop."""
        return await asyncio.to_thread(self._pick, text, start, stop)

    def _pick(self, text: str, start: int, stop: int) -> Picked:
        frame, rows = self.frame, self._chosen(start, stop)
        if text:
            known = self._picked
            if known is None or known[0] != text:
                known = text, KeyText(frame.keys[: frame.count]).match(text)
                self._picked = known
            rows = rows[known[1][rows]]
        keys = map(frame.keys.__getitem__, rows.tolist())
        return Picked(tuple(keys), tuple(frame.sizes[rows].tolist()))

    def position(self, key: str) -> int | None:
        """Where that key is in this view, None if it is not."""
        row = self.frame.find(key)
        if row is None:
            return None
        if row < len(self.order) and self.order[row] == row:
            return row
        found = np.flatnonzero(self.order == row)
        return int(found[0]) if len(found) else None


class Catalog:
    """The listings of all clouds. Use from the event loop; heavy work goes to threads."""

    def __init__(self, book: PriceBook) -> None:
        self.book = book
        self._listings: dict[str, Listing] = {}
        self._views: dict[str, View] = {}

    def add(self, cloud: str, provider: Provider, region: str) -> Listing:
        """Know a cloud; its listing is IDLE."""
        self._listings[cloud] = Listing(cloud, provider, region, self.book)
        return self._listings[cloud]

    def __getitem__(self, cloud: str) -> Listing:
        try:
            return self._listings[cloud]
        except KeyError:
            raise UsageError(
                f"There is no cloud named {cloud!r}.",
                todo=f"The configuration has: {', '.join(self._listings) or 'none'}.",
            ) from None

    def listings(self) -> Iterable[Listing]:
        """All listings, in the order of the configuration."""
        return self._listings.values()

    async def view(self, cloud: str, query: ListingQuery, *, now: float | None = None) -> View:
        """The cloud's listing, sorted and filtered. Rows are made when they are looked at.

        Cheap when only accesses, targets or busy marks changed since the last view of the same
        query and its order does not depend on them. Cancelling is safe.
        """
        listing = self[cloud]
        frame = listing.frame(now)
        last = self._views.get(cloud)
        if (
            last is not None
            and last.query == query
            and last.frame.revision == frame.revision
            and query.sort in _FIXED_ORDERS
        ):
            totals = frame.totals if not query.text else last.totals
            view = View(frame, query, last.order, totals)
        else:
            view, text = await asyncio.to_thread(_build, frame, query, listing.text)
            if text is not None and frame.keys is listing.keys:
                listing.text = text
        self._views[cloud] = view
        return view

    async def set_access(self, cloud: str, scan: int, columns: AccessColumns) -> None:
        """Take over access statistics of a scan's rows and count the totals anew."""
        listing = self[cloud]
        listing.set_access(scan, columns)
        frame = listing.frame()
        listing.set_totals(frame, await asyncio.to_thread(Totals.of, frame))

    def set_busy(self, keys: Mapping[tuple[str, str], frozenset[str]]) -> None:
        """Mark the objects that jobs are at work on, by (cloud, bucket)."""
        for listing in self._listings.values():
            listing.set_busy(keys.get((listing.cloud, listing.bucket), frozenset()))


def _build(frame: Frame, query: ListingQuery, text: KeyText | None) -> tuple[View, KeyText | None]:
    """Filter, sort and sum up; runs in a thread."""
    if not query.text:
        order = _sorted(frame, query, np.arange(frame.count))
        return View(frame, query, order, frame.totals), None
    if text is None or text.count != frame.count:
        older = text if text is not None and text.count < frame.count else None
        text = KeyText(frame.keys[: frame.count], older)
    chosen = np.flatnonzero(text.match(query.text))
    order = _sorted(frame, query, chosen)
    return View(frame, query, order, Totals.of(frame, chosen)), text


def _sorted(frame: Frame, query: ListingQuery, rows: Order) -> Order:
    """These ascending row numbers in the query's order; ties keep the order of names."""
    if query.sort is SortKey.NAME:
        return _by_name(frame, rows)[:: -1 if query.descending else 1]
    by_name = _by_name(frame, rows)
    whole = len(by_name) == frame.count and frame.ordered
    values = _values(frame, query.sort, slice(None) if whole else by_name)
    return by_name[np.argsort(-values if query.descending else values, kind="stable")]


def _by_name(frame: Frame, rows: Order) -> Order:
    if frame.ordered:
        return rows
    keys = frame.keys  # a store that lists out of order: the slow way
    return np.array(sorted(rows.tolist(), key=keys.__getitem__), np.intp)


def _values(frame: Frame, sort: SortKey, rows: Rows) -> npt.NDArray[Any]:
    """The column to sort by, ascending; unknown costs go last either way."""
    if sort is SortKey.SIZE:
        return frame.sizes[rows]
    if sort is SortKey.AGE:
        return frame.ages(rows)
    if sort is SortKey.TIER:
        return frame.tiers(rows)
    if sort is SortKey.COST:
        return frame.costs(rows)
    return frame.access("reads_30d", rows)


__all__ = ["Catalog", "Frame", "Listing", "Totals", "View"]
