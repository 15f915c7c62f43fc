"""A listing as it was at one moment: immutable columns for sorting, deciding and totals."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.model import Address, ListEntry, SortKey, Tier, VersionPin
from engine.pricing.columns import UNKNOWN, Codes, Floats, month_costs

if TYPE_CHECKING:
    from engine.listing import Listing
    from engine.ranking import Fixed, Ranked

Rows = slice | npt.NDArray[np.intp]

DAY = 86_400.0
_TIERS = tuple(Tier)
_ALL = slice(None)
_FRESH = 3600.0  # seconds for which costs hold: they depend on whole days without a read
_FEW = 8  # keys that are looked for one by one in a listing that has no order
_MOST = 4  # costs of all rows are computed and kept where more than a fourth are asked for
_CACHED = 1 << 16  # rows computed in one go: they stay in the processor's cache
_ORDERS = 2  # of all rows, for each listing
_EXACT = 2**53  # whole numbers up to here are floats, too


@dataclass(slots=True)
class Kept:
    """What was computed for all rows of a listing; a listing that changes begins a new one.

    Written by threads: each writes whole columns, and the same ones.
    """

    costs: Floats | None = None
    now: float = 0.0  # of `costs`
    # By sort key and whether it descends; each with when it was made.
    orders: "dict[tuple[SortKey, bool], tuple[float, Fixed | Ranked]]" = field(default_factory=dict)

    def clear(self) -> None:
        """Give the memory back; a view of before may still hold this."""
        self.costs, self.orders = None, {}


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over rows: `tiers` has (objects, bytes) for HOT … ARCHIVE; `cost` in USD a month
    over the rows whose price is known, `unknown` counts the others."""

    objects: int = 0
    size: int = 0
    cost: float = 0.0
    unknown: int = 0
    tiers: tuple[tuple[int, int], ...] = ((0, 0),) * len(_TIERS)

    @classmethod
    def of(cls, frame: "Frame", rows: Rows = _ALL) -> "Totals":
        """The sums over these rows of a frame."""
        sizes = frame.sizes[rows]
        costs = frame.costs(rows)
        tiers = frame.tiers(rows)
        objects = np.bincount(tiers, minlength=len(_TIERS))
        total = int(sizes.sum())
        if total <= _EXACT:
            size = list(map(int, np.bincount(tiers, sizes, len(_TIERS)).tolist()))
        else:
            size = [int(sizes[tiers == tier].sum()) for tier in range(len(_TIERS))]
        cost, unknown = float(costs.sum()), 0
        if not np.isfinite(cost):
            known = np.isfinite(costs)
            cost, unknown = float(costs[known].sum()), int(len(costs) - known.sum())
        return cls(
            len(sizes), total, cost, unknown, tuple(zip(objects.tolist(), size, strict=True))
        )

    def plus(self, other: "Totals", sign: int = 1) -> "Totals":
        """These and the other's, or without them (`sign` −1)."""
        return Totals(
            self.objects + sign * other.objects,
            self.size + sign * other.size,
            max(self.cost + sign * other.cost, 0.0),
            self.unknown + sign * other.unknown,
            tuple(
                (mine[0] + sign * its[0], mine[1] + sign * its[1])
                for mine, its in zip(self.tiers, other.tiers, strict=True)
            ),
        )

    @property
    def cost_month(self) -> float | None:
        """USD a month, None if any row's price is unknown."""
        return None if self.unknown else self.cost

    @property
    def by_tier(self) -> tuple[tuple[Tier, int, int], ...]:
        """(tier, objects, bytes) of the tiers that have objects."""
        return tuple(
            (tier, objects, size)
            for tier, (objects, size) in zip(_TIERS, self.tiers, strict=True)
            if objects
        )


class Frame:
    """A listing as it was at `now`. Row i of every column is the object `keys[i]`.

    `sizes` in bytes, `modified` in epoch seconds, `codes` into `table` (−1: a class the price
    book does not know; `class_name` still tells its name), `targets` likewise (−1: may stay).
    `ordered` tells that the keys ascend. `keys` may hold more than `count` items: a page that
    came later.
    """

    def __init__(self, listing: "Listing", now: float) -> None:
        self.generation = listing.generation
        self.revision = listing.revision
        self.cloud = listing.cloud
        self.bucket = listing.bucket
        self.provider = listing.provider
        self.region = listing.region
        self.table = listing.table
        self.now = now
        self.keys = listing.keys
        self.sizes = listing.sizes.view()
        self.modified = listing.modified.view()
        self.targets = listing.targets.view()
        self.totals = listing.totals
        self.count = len(self.sizes)
        self.ordered = listing.ordered
        self.busy = listing.busy
        self._names = tuple(listing.names)
        self._named = listing.named.view()
        self.state = (listing.revision, listing.told)  # equal: the same rows and accesses
        self._access = listing.access
        self._etags = listing.etags
        self._etag_at = listing.etag_at.view()
        self._kept = listing.kept

    @property
    def codes(self) -> Codes:
        """Class codes of all rows, shape (count,)."""
        return self._codes(_ALL)

    def class_name(self, row: int) -> str:
        """The class of a row as the provider spells it."""
        return self._names[int(self._named[row])]

    def class_names(self, rows: npt.NDArray[np.intp]) -> list[str]:
        """The classes of these rows."""
        return list(map(self._names.__getitem__, self._named[rows].tolist()))

    def class_ranks(self, rows: Rows = _ALL) -> npt.NDArray[np.int16]:
        """The place of each row's class among those of the listing, hottest first."""
        order = sorted(
            range(len(self._names)),
            key=lambda code: (
                self.table.tier[self.table.code(self._names[code])],
                self._names[code],
            ),
        )
        ranks = np.zeros(max(len(order), 1), np.int16)
        ranks[order] = np.arange(len(order), dtype=np.int16)
        return ranks[self._named[rows]]

    def by_class(self) -> list[tuple[str, npt.NDArray[np.intp]]]:
        """Each class that occurs, with its rows, hottest first."""
        found = [
            (name, rows)
            for code, name in enumerate(self._names)
            if len(rows := np.flatnonzero(self._named == code))
        ]
        return sorted(found, key=lambda item: (self.table.tier[self.table.code(item[0])], item[0]))

    def entry(self, row: int) -> ListEntry:
        """The row as its store listed it."""
        return ListEntry(
            self.keys[row],
            int(self.sizes[row]),
            float(self.modified[row]),
            self._etags.get(int(self._etag_at[row])),
            self.class_name(row),
        )

    def pin(self, row: int) -> VersionPin:
        """The version of the object that was listed."""
        entry = self.entry(row)
        return VersionPin(entry.etag, entry.modified, entry.size)

    def find(self, key: str) -> int | None:
        """The row of a key."""
        if self.ordered:
            row = bisect_left(self.keys, key, 0, self.count)
            return row if row < self.count and self.keys[row] == key else None
        try:
            return self.keys.index(key, 0, self.count)
        except ValueError:
            return None

    def find_all(self, keys: Sequence[str]) -> list[int | None]:
        """The row of each key, None where there is none. Quick for many in either order."""
        if self.ordered or len(keys) < _FEW:
            return [self.find(key) for key in keys]
        wanted = dict.fromkeys(keys, -1)
        for row, key in enumerate(self.keys[: self.count]):
            if key in wanted and wanted[key] < 0:
                wanted[key] = row
        return [row if (row := wanted[key]) >= 0 else None for key in keys]

    def entries(self, rows: npt.NDArray[np.intp]) -> list[ListEntry]:
        """These rows as their store listed them: as `entry` gives them, and quicker for many."""
        get, keys = self._etags.get, self.keys
        columns = zip(
            rows.tolist(),
            self.sizes[rows].tolist(),
            self.modified[rows].tolist(),
            self._etag_at[rows].tolist(),
            self.class_names(rows),
            strict=True,
        )
        return [
            ListEntry(keys[row], int(size), modified, get(at), name)
            for row, size, modified, at, name in columns
        ]

    def access(self, name: str, rows: Rows = _ALL) -> Floats:
        """A column of `AccessColumns`, zero where nothing is known yet."""
        if self._access is None:
            return np.zeros(len(self.sizes[rows]))
        known: Floats = getattr(self._access, name)
        if len(known) >= self.count:
            return known[: self.count][rows]
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(self.count)
            part = known[start:stop]
            return np.concatenate([part, np.zeros(stop - start - len(part))])
        if not len(known):
            return np.zeros(len(rows))
        return np.where(rows < len(known), known[np.minimum(rows, len(known) - 1)], 0.0)

    def ages(self, rows: Rows = _ALL) -> Floats:
        """Days since each object was written, as the operator made them look."""
        age = (self.now - self.modified[rows]) / DAY
        np.maximum(age, 0.0, out=age)
        if self._access is not None:
            age += self.access("shift_days", rows)
        return age

    def idle(self, rows: Rows = _ALL) -> Floats:
        """Days since each object was last read, or written if that was later or all we know."""
        age = self.ages(rows)
        if self._access is None:
            return age
        last = self.access("last_access", rows)
        since = np.maximum((self.now - last) / DAY, 0.0)
        return np.where(last > 0, np.minimum(since, age), age)

    def costs(self, rows: Rows = _ALL) -> Floats:
        """USD a month of each object where it is, at the reads of the last 30 days. NaN unknown.

        Not to be written to.
        """
        kept = self._kept
        costs = kept.costs
        if costs is None or len(costs) != self.count or abs(self.now - kept.now) > _FRESH:
            few = rows != _ALL if isinstance(rows, slice) else len(rows) * _MOST < self.count
            if few:
                return self._costs(rows)
            costs = np.empty(self.count)
            for start in range(0, self.count, _CACHED):
                part = slice(start, min(start + _CACHED, self.count))
                costs[part] = self._costs(part)
            costs.flags.writeable = False
            kept.costs, kept.now = costs, self.now
        return costs[rows]

    def _costs(self, rows: Rows) -> Floats:
        return month_costs(
            self.table,
            self._codes(rows),
            self.sizes[rows].astype(np.float64),
            self.access("reads_30d", rows),
            self.idle(rows),
        )

    def kept_order(self, sort: SortKey, descending: bool) -> "Fixed | Ranked | None":
        """All rows in that order, if it was made not long ago."""
        made, order = self._kept.orders.get((sort, descending), (0.0, None))
        fits = order is not None and len(order) == self.count and abs(self.now - made) <= _FRESH
        return order if fits else None

    def keep_order(self, sort: SortKey, descending: bool, order: "Fixed | Ranked") -> None:
        """Remember all rows in that order while they and their accesses stay as they are."""
        kept = self._kept
        orders = {**kept.orders}
        orders.pop((sort, descending), None)
        orders[sort, descending] = self.now, order
        kept.orders = dict([*orders.items()][-_ORDERS:])

    def alike(self, before: "Frame", made: float) -> bool:
        """Whether an order of that frame's rows, made at that time, is still one of these: the
        same rows and accesses, not much later (ages grow together, costs change by days)."""
        return self.state == before.state and abs(self.now - made) <= _FRESH

    def tiers(self, rows: Rows = _ALL) -> npt.NDArray[np.int8]:
        """Tier of each object: 0 HOT … 3 ARCHIVE."""
        return self.table.tier[self._codes(rows)]

    def address(self, row: int) -> Address:
        return Address(self.cloud, self.bucket, self.keys[row])

    def _codes(self, rows: Rows) -> Codes:
        coding = [self.table.code(name) for name in self._names] or [UNKNOWN]
        return np.array(coding, np.int16)[self._named[rows]]
