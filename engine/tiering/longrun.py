"""The long run of a provider's classes under a hazard table, solved once and looked up often."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from engine.pricing.classes import ClassPrice
from engine.pricing.columns import (
    Bools,
    ClassTable,
    Codes,
    Floats,
    change_costs,
    read_costs,
    storage_months,
)
from engine.pricing.cost import DAYS_PER_MONTH, GB
from engine.tiering.guards import Ledger
from engine.tiering.hazard import Counts, Grid, Hazard, Ints, fit
from engine.tiering.settings import SIZES, ModelSettings
from engine.tiering.value import FOREVER, Chain, Charges, Values, solve

_LONG = 1e6  # days: no early deletion fee
_KEPT = 8  # solutions


@cache
def prior() -> Hazard:
    """The documented prior, for where nothing was seen."""
    return fit(Counts(Grid()))


@dataclass(frozen=True, slots=True)
class Solved:
    """Which class is best, for all states, sizes and delay limits.

    The groups of `values` are level × size: level i may enter what opens within `delays[i]` hours.
    `place` (C + 1,) is each class of the table among those solved for, −1 not among them (its
    prices are unknown); `codes` the way back. `month` (cells,): whole reads expected in 30 days.
    """

    values: Values
    charges: Charges
    delays: tuple[float, ...]
    place: Codes
    codes: Codes
    month: Floats
    gamma: float

    def known(self, codes: Codes) -> Bools:
        """Whether each class could be solved for."""
        return np.asarray(self.place[codes] >= 0)

    def expected_reads(self, cells: Ints) -> Floats:
        return self.month[cells]

    def choice(
        self, cells: Ints, sizes: Ints, levels: Ints, codes: Codes, days: Floats, idle: Floats
    ) -> Codes:
        """The best class of each object, (N,); `sizes` are groups, `codes` must be known."""
        stages = self.values.stages.at(self.place[codes], days, idle)
        groups = levels * len(SIZES) + sizes
        return self.codes[self.values.choice(cells, groups, stages)]

    def ledger(
        self,
        sizes: Ints,
        levels: Ints,
        codes: Codes,
        days: Floats,
        idle: Floats,
        shares: Floats,
        asked: Floats,
    ) -> Codes:
        """What the ledger would choose that has seen such shares read and asked for a day."""
        ledger = Ledger(self.charges, levels * len(SIZES) + sizes)
        ledger.begin(shares, asked, idle)
        found = ledger.choose(self.place[codes], np.floor(days).astype(np.int64))
        return self.codes[found]

    def average_saving(
        self,
        cells: Ints,
        sizes: Ints,
        levels: Ints,
        codes: Codes,
        days: Floats,
        idle: Floats,
        targets: Codes,
        nbytes: Floats,
    ) -> Floats:
        """USD a month that being in the target saves against staying for good in a class that does
        not tier by itself, averaged over the days to come by their weight γ; without the change."""
        stages = self.values.stages.at(self.place[codes], days, idle)
        groups = levels * len(SIZES) + sizes
        target = self.place[targets]
        stay = self.values.forever[cells, groups, self.place[codes]]
        _, there, _ = self.values.costs(cells, groups, stages, target)
        scale = nbytes / np.array(SIZES)[sizes]
        return np.asarray((stay - there) * scale * (1 - self.gamma) * DAYS_PER_MONTH)


class _Cache:
    """The latest solutions; a hazard table counts as itself, not by its figures."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[tuple[Hazard, tuple[object, ...], Solved]] = []

    def get(self, hazard: Hazard, key: tuple[object, ...]) -> Solved | None:
        with self._lock:
            return next((s for h, k, s in self._kept if h is hazard and k == key), None)

    def put(self, hazard: Hazard, key: tuple[object, ...], found: Solved) -> None:
        with self._lock:
            self._kept = [*self._kept[1 - _KEPT :], (hazard, key, found)]


_cache = _Cache()


def solved(
    hazard: Hazard,
    table: ClassTable,
    delays: Sequence[float],
    settings: ModelSettings,
    automatic: bool = False,
) -> Solved:
    """The solution for these classes, from the cache if it is there; else seconds in a thread.

    Classes that tier by themselves may be left, and with `automatic` entered.

    It does not depend on the objects, so what one gets does not depend on its neighbours.
    """
    key = (table.prices, tuple(delays), settings, automatic)
    found = _cache.get(hazard, key)
    if found is None:
        found = _solve(hazard, table, tuple(delays), settings, automatic)
        _cache.put(hazard, key, found)
    return found


def _solve(
    hazard: Hazard,
    table: ClassTable,
    delays: tuple[float, ...],
    settings: ModelSettings,
    automatic: bool,
) -> Solved:
    known = known_classes(table)
    place = np.full(len(table.prices) + 1, -1, np.int16)
    place[known] = np.arange(len(known))
    month = _month(hazard, settings.demand)
    if not len(known):
        known = np.zeros(1, np.int64)  # nothing is looked up in it
    single = charges_of_table(table, known, np.array(SIZES, np.float64))
    prices = [table.prices[code] for code in known.tolist()]
    open_to = np.array(
        [[_may_enter(price, hours, automatic) for price in prices] for hours in delays]
    )
    pays = _repeat(single, open_to)
    values = solve(
        hazard,
        pays,
        gamma=settings.gamma,
        demand=settings.demand,
        margin=settings.margin,
        step=settings.step,
    )
    codes = known.astype(np.int16)
    return Solved(values, pays, delays, place, codes, month, settings.gamma)


def _may_enter(price: ClassPrice, hours: float, automatic: bool) -> bool:
    if price.automatic and not automatic:
        return False
    return price.readable or 0 < price.restore_hours <= hours


def _month(hazard: Hazard, demand: float) -> Floats:
    """Whole reads expected in the next 30 days from each cell."""
    chain, today = Chain.of(hazard), demand * hazard.volume()
    total, moved = today.copy(), today
    for _ in range(29):
        moved = (chain.read + chain.rest) @ moved
        total += moved
    return total


def known_classes(table: ClassTable) -> Ints:
    """The codes of the classes a policy may choose and of which every price is known."""
    columns = (
        table.storage, table.fixed, table.get, table.retrieval, table.transition,
        table.read_request, table.restore_fixed, table.restore_gb,
    )  # fmt: skip
    fine = np.all([np.isfinite(column[:-1]) for column in columns], axis=0)
    steps = [all(np.isfinite(rate) for _, rate in p.automatic) for p in table.prices]
    choose = [price.choose or bool(price.automatic) for price in table.prices]
    return np.flatnonzero(fine & np.array(steps, np.bool_) & np.array(choose, np.bool_))


def charges_of_table(table: ClassTable, known: Ints, sizes: Floats) -> Charges:
    """What objects of these sizes pay in these classes by the prices of the planner, as it moves
    them: a change is a request, a read of what is left, and a read for verification."""
    count, classes = len(sizes), len(known)
    shape = (count, classes)
    storage, volume, early = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    change = np.zeros((count, classes, classes))
    never = np.zeros(count)
    steps: list[tuple[int, int, Floats]] = []
    for place, code in enumerate(known.tolist()):
        codes, price = np.full(count, code, np.int16), table.prices[code]
        storage[:, place] = storage_months(table, codes, sizes, never) / DAYS_PER_MONTH
        volume[:, place] = read_costs(table, codes, sizes) - table.read_request[code]
        billed = (np.maximum(sizes, price.min_size) + price.overhead) / GB
        early[:, place] = table.storage[code] * billed / DAYS_PER_MONTH
        for days, _ in price.automatic:
            idle = np.full(count, days)
            cooler = storage_months(table, codes, sizes, idle) / DAYS_PER_MONTH
            steps.append((place, round(days), cooler))
        for other, target in enumerate(known.tolist()):
            if other != place:
                targets = np.full(count, target, np.int16)
                change[:, place, other] = change_costs(
                    table, codes, targets, sizes, np.full(count, _LONG)
                )
    return Charges(
        storage=storage,
        steps=tuple(steps),
        volume=volume,
        request=table.read_request[known],
        change=change,
        early=early,
        min_days=np.ceil(table.min_days[known]).astype(np.int64),
    )


def _repeat(single: Charges, open_to: Bools) -> Charges:
    """The charges for each level (L, C) of classes that may be entered, level × size."""
    levels = len(open_to)
    change = np.concatenate(
        [np.where(row[None, None, :], single.change, FOREVER) for row in open_to]
    )
    return Charges(
        storage=np.tile(single.storage, (levels, 1)),
        steps=tuple((code, days, np.tile(rate, levels)) for code, days, rate in single.steps),
        volume=np.tile(single.volume, (levels, 1)),
        request=single.request,
        change=change,
        early=np.tile(single.early, (levels, 1)),
        min_days=single.min_days,
    )
