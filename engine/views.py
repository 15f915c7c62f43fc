"""Views of a listing: its objects as one list, or what one folder of it holds."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.folders import FolderIndex
from engine.frame import DAY, Frame, Rows, Totals
from engine.globs import text_fits
from engine.keytext import Bools, KeyText
from engine.model import ListingQuery, ObjectRow, Picked, RowColumns, SortKey, Tier
from engine.model.folders import base_of
from engine.order import stable_order
from engine.ranking import Fixed, Kept, Order, Ranked

_TIERS = tuple(Tier)
_FEW = 8  # keys that are looked up one by one
_SMALL = 20_000  # rows; looking for some among more is work for a thread
_numbers: Kept = np.empty(0, np.int32)  # see `_counted`


class View:
    """A listing as one query sees it: immutable; satisfies `engine.model.ListingView`."""

    folders = 0

    def __init__(
        self,
        frame: Frame,
        query: ListingQuery,
        ranks: Fixed | Ranked,
        totals: Totals,
        made: float | None = None,
    ) -> None:
        """`made` is when the order was, now if it was just."""
        self.frame = frame
        self.made = frame.now if made is None else made
        self.generation = frame.generation
        self.query = query
        self.on_rows: Callable[[], None] | None = None  # all rows are here
        self.ranks = ranks
        self.totals = totals
        self.total_bytes = totals.size
        self.total_cost_month = totals.cost_month
        self.total_objects = totals.objects
        self._picked: tuple[str, Bools] | None = None  # which rows of the frame a text means

    def __len__(self) -> int:
        return len(self.ranks)

    def rows(self, start: int, stop: int) -> Sequence[ObjectRow]:
        """Rows start ≤ i < stop in this order; shorter at the end."""
        return object_rows(self.frame, self._chosen(start, stop))

    def columns(self, start: int, stop: int) -> RowColumns:
        """The same rows by field."""
        return object_columns(self.frame, self._chosen(start, stop))

    def _chosen(self, start: int, stop: int) -> Order:
        return self.ranks.window(start, stop)

    async def load(self, start: int, stop: int) -> Sequence[ObjectRow]:
        """The same, worked out off the loop."""
        if len(self) <= _SMALL:
            return self.rows(start, stop)
        return await asyncio.to_thread(self.rows, start, stop)

    async def find(self, keys: Sequence[str]) -> Sequence[int | None]:
        """Where these keys are in this view, None for one that is not."""
        if not keys:
            return []
        return (
            self._find(keys) if len(self) <= _SMALL else await asyncio.to_thread(self._find, keys)
        )

    def _find(self, keys: Sequence[str]) -> Sequence[int | None]:
        if len(keys) <= _FEW:
            return [self.position(key) for key in keys]
        place = np.empty(self.frame.count, np.int32)
        place.fill(-1)
        place[self.ranks.whole()] = np.arange(len(self), dtype=np.int32)
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
        return None if row is None else self.ranks.place(row)


def object_rows(frame: Frame, chosen: Order) -> list[ObjectRow]:
    """These rows of a frame as lines."""
    targets = frame.targets[chosen].tolist()
    tiers = (_TIERS[frame.table.tier[target]] if target >= 0 else None for target in targets)
    lines: Iterable[tuple[Any, ...]] = zip(*object_columns(frame, chosen), strict=True)
    row: Callable[..., ObjectRow] = ObjectRow
    return [
        row(*line, tier, line[0] in frame.busy) for line, tier in zip(lines, tiers, strict=True)
    ]


def object_columns(frame: Frame, chosen: Order) -> RowColumns:
    """These rows of a frame by field."""
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


def build(frame: Frame, query: ListingQuery, text: KeyText | None) -> tuple[View, KeyText | None]:
    """Filter, sort and sum up one list of objects; runs in a thread."""
    if not query.text:
        return View(frame, query, _all_sorted(frame, query), frame.totals), None
    text = searchable(frame, text)
    passed = text.match(query.text)
    ranks = _some_sorted(frame, query, passed)
    return View(frame, query, ranks, _totals(frame, passed)), text


def _totals(frame: Frame, passed: Bools) -> Totals:
    """The sums over these rows: theirs, or all without the others', whatever are fewer."""
    count = np.count_nonzero(passed)
    if count == frame.count:
        return frame.totals
    if 2 * count > frame.count:
        return frame.totals.plus(Totals.of(frame, np.flatnonzero(~passed)), -1)
    return Totals.of(frame, np.flatnonzero(passed))


def searchable(frame: Frame, text: KeyText | None) -> KeyText:
    """The frame's keys ready to be searched; `text` is what was made of them before."""
    if text is not None and text.count == frame.count:
        return text
    older = text if text is not None and text.count < frame.count else None
    return KeyText(frame.keys[: frame.count], older)


def _all_sorted(frame: Frame, query: ListingQuery) -> Fixed | Ranked:
    """All rows in the query's order; ties keep the order of names. It is kept."""
    by_name = query.sort is SortKey.NAME
    if by_name and frame.ordered:
        return Fixed(_counted(frame.count)[:: -1 if query.descending else 1])
    if by_name and query.descending:
        return Fixed(_all_sorted(frame, ListingQuery()).whole()[::-1])
    known = frame.kept_order(query.sort, query.descending)
    if known is not None:
        return known
    if by_name:
        keys = frame.keys  # a store that lists out of order: the slow way
        found: Fixed | Ranked = Fixed(
            np.array(sorted(range(frame.count), key=keys.__getitem__), np.int32)
        )
    elif frame.ordered:
        found = Ranked(_values(frame, query.sort), frame.count, descending=query.descending)
    else:
        rows = _all_sorted(frame, ListingQuery()).whole()
        found = _sorted(frame, query, rows)
    frame.keep_order(query.sort, query.descending, found)
    return found


def _values(frame: Frame, sort: SortKey) -> Callable[[slice | Order], npt.NDArray[Any]]:
    if sort is SortKey.COST:
        costs = frame.costs()  # those, whatever is computed anew meanwhile
        return lambda rows: costs[rows]
    return lambda rows: values_of(frame, sort, rows)


def _sorted(frame: Frame, query: ListingQuery, rows: Order | Kept) -> Fixed:
    """These rows, which are in the order of names, in the query's."""
    values = values_of(frame, query.sort, rows.astype(np.intp, copy=False))
    return Fixed(rows[stable_order(values, descending=query.descending)])


def _counted(count: int) -> Kept:
    """0, 1, 2 …: the same memory for all listings."""
    global _numbers
    numbers = _numbers
    if len(numbers) < count:
        numbers = np.arange(2 * count, dtype=np.int32)
        numbers.flags.writeable = False
        _numbers = numbers
    return numbers[:count]


def _some_sorted(frame: Frame, query: ListingQuery, passed: Bools) -> Fixed | Ranked:
    """Those rows of a frame in the query's order."""
    by_name = query.sort is SortKey.NAME
    if not frame.ordered:
        names = _all_sorted(frame, ListingQuery()).whole()
        rows = names[passed[names]]
        if not by_name:
            return _sorted(frame, query, rows)
    else:
        rows = np.flatnonzero(passed).astype(np.int32)
    if by_name:
        return Fixed(rows[:: -1 if query.descending else 1])
    if len(rows) <= _SMALL:
        return _sorted(frame, query, rows)
    every = _values(frame, query.sort)

    def values(at: slice | Order) -> npt.NDArray[Any]:
        return every(rows[at].astype(np.intp))

    return Ranked(values, len(rows), rows, descending=query.descending)


def values_of(frame: Frame, sort: SortKey, rows: Rows) -> npt.NDArray[Any]:
    """The column to sort by, ascending; unknown costs go last either way."""
    match sort:
        case SortKey.SIZE:
            return frame.sizes[rows]
        case SortKey.AGE:
            return frame.ages(rows)
        case SortKey.TIER:
            return frame.tiers(rows)
        case SortKey.COST:
            return frame.costs(rows)
        case SortKey.IDLE:
            return frame.idle(rows)
        case SortKey.CLASS:
            return frame.class_ranks(rows)
        case SortKey.OBJECTS:
            return np.ones(len(frame.sizes[rows]), np.int64)
        case _:
            return frame.access("reads_30d", rows)


class FolderSums:
    """The folders right below one, each with its sums, and the objects that lie in it alone.

    Arrays of folders are in key order. `first` is the row (of the index) where each begins;
    costs are NaN where a price is unknown. `objects` are rows of the index.
    """

    def __init__(self, frame: Frame, index: FolderIndex, folder: str, passed: Bools | None) -> None:
        """`passed` tells which of the folder's rows a filter leaves."""
        self.index = index
        low, high = index.span(folder)
        level = folder.count("/") + 1
        begins = index.starts(low, high, level)
        deep = index.depth[low:high] >= level
        here = ~deep
        if passed is not None:
            here &= passed
            below: Order = np.flatnonzero(deep & passed)
            number = np.cumsum(begins, dtype=np.int32)[below]
            self.cuts: Order = np.flatnonzero(np.diff(number, prepend=0))
        else:
            below = np.flatnonzero(deep)
            self.cuts = np.flatnonzero(begins[below])
        self.objects: Order = np.flatnonzero(here) + low
        self.first: Order = below[self.cuts] + low
        self.counts = np.diff(self.cuts, append=len(below))
        whole = len(below) == high - low and index.order is None
        self.rows: Rows = slice(low, high) if whole else self.at(below + low)
        self.sizes = self._over(np.add, frame.sizes[self.rows])
        self.costs = self._over(np.add, frame.costs()[self.rows])
        self.reads = self._over(np.add, frame.access("reads_30d", self.rows))
        self.modified = self._over(np.maximum, frame.modified[self.rows])
        self.ages = self._over(np.minimum, frame.ages(self.rows))
        last = self._over(np.maximum, frame.access("last_access", self.rows))
        since = np.maximum((frame.now - last) / DAY, 0.0)
        self.idle = np.where(last > 0, np.minimum(since, self.ages), self.ages)
        self.tiers = self._over(np.minimum, frame.tiers(self.rows))
        self.here = Totals.of(frame, self.at(self.objects))

    def at(self, rows: Order) -> Order:
        """Rows of the frame for rows of the index."""
        return rows if self.index.order is None else self.index.order[rows]

    def row(self, row: int) -> int:
        """The row of the frame for one of the index."""
        return row if self.index.order is None else int(self.index.order[row])

    def _over(self, sum_up: np.ufunc, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return sum_up.reduceat(values, self.cuts) if len(self.cuts) else values[:0]

    @property
    def totals(self) -> tuple[int, int, float | None]:
        """Objects, bytes and USD a month of all, None if a price is unknown."""
        known = not np.isnan(self.costs).any() and not self.here.unknown
        cost = float(self.costs.sum()) + self.here.cost if known else None
        objects = int(self.counts.sum()) + self.here.objects
        return objects, int(self.sizes.sum()) + self.here.size, cost


class FolderView:
    """What one folder of a listing holds; satisfies `engine.model.ListingView`.

    `order` has the rows of objects, and −1 − n for the folder n of `sums`.
    """

    def __init__(
        self, frame: Frame, query: ListingQuery, sums: FolderSums, order: Order | Kept
    ) -> None:
        self.frame, self.query, self.sums = frame, query, sums
        self.order: Kept = order.astype(np.int32, copy=False)
        self.generation = frame.generation
        self.on_rows: Callable[[], None] | None = None  # all rows are here
        self.folders = len(sums.first)
        self.total_objects, self.total_bytes, self.total_cost_month = sums.totals

    def __len__(self) -> int:
        return len(self.order)

    def rows(self, start: int, stop: int) -> Sequence[ObjectRow]:
        """Lines start ≤ i < stop in this order; shorter at the end."""
        chosen = self.order[max(start, 0) : max(stop, 0)].astype(np.intp)
        objects = iter(object_rows(self.frame, self.sums.at(chosen[chosen >= 0])))
        return [self._folder(-1 - at) if at < 0 else next(objects) for at in chosen.tolist()]

    def columns(self, start: int, stop: int) -> RowColumns:
        """The same lines by field."""
        rows = self.rows(start, stop)
        return RowColumns(*([getattr(row, name) for row in rows] for name in RowColumns._fields))

    async def load(self, start: int, stop: int) -> Sequence[ObjectRow]:
        """The same: they are all here."""
        return self.rows(start, stop)

    async def find(self, keys: Sequence[str]) -> Sequence[int | None]:
        """Where these keys and folders are in this view, None for one that is not."""
        wanted = [self._entry(key) for key in keys]
        if len(keys) <= _FEW:
            return [None if at is None else self._place(at) for at in wanted]

        def look() -> list[int | None]:
            places = {at: place for place, at in enumerate(self.order.tolist())}
            return [None if at is None else places.get(at) for at in wanted]

        return await asyncio.to_thread(look)

    async def pick(self, text: str, start: int, stop: int) -> Picked:
        """Those of lines start ≤ i < stop whose name a filter text means."""
        return await asyncio.to_thread(self._pick, text, start, stop)

    def _pick(self, text: str, start: int, stop: int) -> Picked:
        sums, folder = self.sums, self.query.folder or ""
        cut = len(base_of(folder))
        keys: list[str] = []
        sizes: list[int] = []
        counts: list[int | None] = []
        for at in self.order[max(start, 0) : max(stop, 0)].tolist():
            number = -1 - at
            inner = at < 0
            key = sums.index.name(int(sums.first[number]), folder) if inner else sums.index.keys[at]
            if text and not text_fits(key[cut:].removesuffix("/"), text):
                continue
            keys.append(key)
            sizes.append(int(sums.sizes[number] if inner else self.frame.sizes[sums.row(at)]))
            counts.append(int(sums.counts[number]) if inner else None)
        return Picked(tuple(keys), tuple(sizes), tuple(counts))

    def _place(self, entry: int) -> int | None:
        found = np.flatnonzero(self.order == entry)
        return int(found[0]) if len(found) else None

    def _entry(self, key: str) -> int | None:
        """What stands for a key or folder in `order`."""
        folder, index = self.query.folder or "", self.sums.index
        if not key.startswith(folder):
            return None
        low, high = index.span(key)
        if low == high:
            return None
        if key.endswith("/") and len(key) > len(folder):
            if key.index("/", len(folder)) != len(key) - 1:
                return None  # it lies deeper
            at = int(np.searchsorted(self.sums.first, low))
            same = at < len(self.sums.first) and self.sums.first[at] < high
            return -1 - at if same else None
        return low if index.keys[low] == key else None

    def _folder(self, number: int) -> ObjectRow:
        sums = self.sums
        name = sums.index.name(int(sums.first[number]), self.query.folder or "")
        cost = float(sums.costs[number])
        return ObjectRow(
            key=name,
            size=int(sums.sizes[number]),
            modified=float(sums.modified[number]),
            age_days=float(sums.ages[number]),
            storage_class="",
            tier=_TIERS[int(sums.tiers[number])],
            cost_month=None if np.isnan(cost) else cost,
            reads_30d=round(float(sums.reads[number])),
            idle_days=float(sums.idle[number]),
            busy=any(key.startswith(name) for key in self.frame.busy),
            objects=int(sums.counts[number]),
        )


@dataclass(frozen=True, slots=True)
class Names:
    """The names below one folder, as of a listing's revision, ready to be searched."""

    folder: str
    revision: int
    text: KeyText


def build_folder(
    frame: Frame, query: ListingQuery, index: FolderIndex | None, names: Names | None
) -> tuple[FolderView, FolderIndex, Names | None]:
    """Find, sum up and sort what a folder holds; runs in a thread.

    A filter means what follows the folder's own name. The index, and the names if there is a
    filter, come back to be used again.
    """
    if index is None or index.count != frame.count:
        index = FolderIndex.of(frame.keys, frame.count, frame.ordered, index)
    folder, passed = query.folder or "", None
    if query.text:
        known = names is not None and (names.folder, names.revision) == (folder, frame.revision)
        if names is None or not known:
            (low, high), cut = index.span(folder), len(base_of(folder))
            names = Names(
                folder, frame.revision, KeyText([key[cut:] for key in index.keys[low:high]])
            )
        passed = names.text.match(query.text)
    sums = FolderSums(frame, index, folder, passed)
    return FolderView(frame, query, sums, _folder_order(frame, query, sums)), index, names


def _folder_order(frame: Frame, query: ListingQuery, sums: FolderSums) -> Order:
    folders: Order = -1 - np.arange(len(sums.first))
    sign = -1 if query.descending else 1
    if query.sort is SortKey.NAME:
        if not query.mixed:
            return np.concatenate([folders[::sign], sums.objects[::sign]])
        entries = np.concatenate([folders, sums.objects])
        return entries[np.argsort(np.concatenate([sums.first, sums.objects]))[::sign]]
    of_folders = _folder_values(sums, query.sort)
    of_objects = values_of(frame, query.sort, sums.at(sums.objects))
    if not query.mixed:
        folders = folders[np.argsort(sign * of_folders, kind="stable")]
        objects = sums.objects[stable_order(of_objects, descending=query.descending)]
        return np.concatenate([folders, objects])
    values = np.concatenate([of_folders, of_objects])
    entries = np.concatenate([folders, sums.objects])
    return entries[stable_order(values, descending=query.descending)]


def _folder_values(sums: FolderSums, sort: SortKey) -> npt.NDArray[Any]:
    match sort:
        case SortKey.SIZE:
            return sums.sizes
        case SortKey.AGE:
            return sums.ages
        case SortKey.TIER:
            return sums.tiers
        case SortKey.COST:
            return sums.costs
        case SortKey.IDLE:
            return sums.idle
        case SortKey.OBJECTS:
            return sums.counts
        case SortKey.CLASS:  # a folder has none: they keep the order of names
            return np.zeros(len(sums.first), np.int64)
        case _:
            return sums.reads
