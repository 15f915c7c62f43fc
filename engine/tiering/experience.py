"""The hazard table of a listing, fitted to the accesses that the operator's own history holds.

Read objects are followed day by day (a sample of them, if there are many); those never read only
grow older, which is summed up at once. A read counts as one of the whole object, since the feed of
events tells of requests. With too little history the table is the documented prior.
The guards race over a sample of the same history (`engine.lab.guarding`).
"""

import asyncio
from dataclasses import dataclass, field, replace

import numpy as np

from engine.access import AccessStatistics
from engine.database import Database
from engine.forecast.accesses import Accesses
from engine.forecast.live import history_of
from engine.frame import DAY, Frame
from engine.lab.guarding import follow
from engine.pricing.columns import ClassTable, Floats
from engine.tiering.hazard import Counts, Grid, Hazard, Ints, States, fit
from engine.tiering.longrun import prior
from engine.tiering.settings import ModelSettings

ENOUGH_DAYS = 28  # of history
ENOUGH_READS = 50  # object-days with reads: with fewer the log may only have begun
_FOLLOWED = 8_000  # objects


@dataclass(slots=True)
class Experience:
    """Hazard tables by bucket, each fitted once a day (UTC)."""

    access: AccessStatistics
    database: Database
    _kept: dict[tuple[str, str], tuple[int, Hazard]] = field(default_factory=dict, init=False)

    async def hazard(self, frame: Frame) -> Hazard:
        """The table for a listing; some seconds in threads where today's is not there yet."""
        place, today = (frame.cloud, frame.bucket), int(frame.now // DAY)
        kept = self._kept.get(place)
        if kept is not None and kept[0] == today:
            return kept[1]
        await self.access.flush()

        def places() -> tuple[Ints, Ints]:
            keys = frame.keys[: frame.count]
            born = (frame.now - frame.ages() * DAY) // DAY
            return self.access.database_rows(*place, keys), born.astype(np.int64)

        rows, born = await asyncio.to_thread(places)
        accesses = await history_of(self.database, rows, born, today=today)
        sizes = frame.sizes.astype(np.float64)
        found = await asyncio.to_thread(guarded, accesses, sizes, frame.table, today)
        self._kept[place] = (today, found)
        return found


def guarded(accesses: Accesses, sizes: Floats, table: ClassTable, today: int) -> Hazard:
    """The table, and whom the guards follow instead of it where that has been clearly cheaper."""
    found = learn(accesses, sizes, today)
    if not found.object_days:
        return found
    name, why = follow(accesses, sizes, table, today)
    return replace(found, follow=name, why=why)


def learn(
    accesses: Accesses, sizes: Floats, today: int, settings: ModelSettings | None = None
) -> Hazard:
    """The table of the days before `today`; the prior where they hold too little."""
    first = accesses.first_day
    read = accesses.rows(first, today)
    if today - first < ENOUGH_DAYS or read.stop - read.start < ENOUGH_READS:
        return prior()
    chosen = settings or ModelSettings()
    weights = np.maximum(sizes, 1.0) ** chosen.weight
    counts = Counts(Grid())
    ever = np.unique(accesses.objects[read])
    _follow(counts, accesses, weights, ever, today)
    never = np.ones(len(accesses), np.bool_)
    never[ever] = False
    _grow_old(counts, accesses.born[never], weights[never], first, today)
    return fit(counts)


def _follow(counts: Counts, accesses: Accesses, weights: Floats, ever: Ints, today: int) -> None:
    """Day by day, with the objects that were ever read."""
    share = max(len(ever) / _FOLLOWED, 1.0)
    if share > 1:
        ever = np.sort(np.random.default_rng(1).choice(ever, _FOLLOWED, replace=False))
    some, mass = accesses.only(ever), weights[ever] * share
    states = States.new(counts.grid, len(ever))
    states.idle += np.maximum(some.first_day - some.born, 0)
    before = counts.object_days
    for day in range(some.first_day, today):
        rows, shares = some.rows(day, day + 1), np.zeros(len(ever))
        shares[some.objects[rows]] = some.reads[rows]
        alive = some.born <= day
        cells = states.cells()[alive]
        counts.add(cells, shares[alive], shares[alive] > 0, mass[alive])
        states.advance(shares, alive)
    counts.object_days += (share - 1) * (counts.object_days - before)


def _grow_old(counts: Counts, born: Ints, weights: Floats, first: int, today: int) -> None:
    """The days of objects that were never read: only their age says in which row they were."""
    grid = counts.grid
    since, until = np.maximum(first - born, 0), today - born
    limits = np.array([*grid.idle, np.iinfo(np.int64).max])
    for row in range(grid.rows):
        low, high = np.maximum(since, limits[row]), np.minimum(until, limits[row + 1])
        days = np.maximum(high - low, 0).astype(np.float64)
        total = float(days.sum())
        cell = np.array([row * grid.columns])
        counts.quiet(cell, np.array([float((days * weights).sum())]), total)
