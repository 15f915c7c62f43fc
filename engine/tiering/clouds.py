"""Moves between clouds: only where what they save pays the way within the horizon.

For each object the cheapest readable class of another cloud is held against the best that its own
cloud has to offer, over the horizon and with everything that the change costs once: egress, reading
at the source, restore, early deletion, writing and reading back at the destination. Where the other
cloud's egress is dearer, the reads' bytes pay the difference as well, for nobody knows where the
readers are; where it is cheaper, nothing is gained by that.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.frame import Frame
from engine.model import Decision, Tier
from engine.pricing.book import PriceBook
from engine.pricing.columns import ClassTable, Codes, Floats, change_costs, month_costs
from engine.pricing.cost import DAYS_PER_MONTH, GB, month_cost, saving_per_month, usd
from engine.tiering.shape import times

NAME, VERSION = "clouds", "1"
_TIERS = tuple(Tier)


@dataclass(frozen=True, slots=True)
class Target:
    """A cloud that objects may move to. `egress_gb` USD a GB to the internet, NaN unknown."""

    cloud: str
    table: ClassTable
    egress_gb: float

    @classmethod
    def of(cls, cloud: str, table: ClassTable, book: PriceBook) -> "Target":
        """At the list price of the first volume band."""
        price = book.egress(table.provider, table.region, 1.0)
        return cls(cloud, table, np.nan if price is None else price)


@dataclass(frozen=True, slots=True)
class Best:
    """The best way out of a cloud for N objects: index of the target (−1: none pays), class code
    there, USD saved a month, USD once, and what is left after the horizon beside staying."""

    target: npt.NDArray[np.int64]
    codes: Codes
    saving: Floats
    once: Floats
    gain: Floats


def best_moves(frame: Frame, own: Target, others: Sequence[Target], horizon_months: float) -> Best:
    """Look at every object of a listing. Pure computation: run it in a thread."""
    codes, sizes = frame.codes, frame.sizes.astype(np.float64)
    reads, idle, age = frame.access("reads_30d"), frame.idle(), frame.ages()
    stay = month_costs(own.table, codes, sizes, reads, idle)
    count = len(codes)
    best = _best_at_home(own.table, codes, sizes, reads, stay, age, horizon_months)
    found = Best(
        np.full(count, -1, np.int64),
        np.full(count, -1, np.int16),
        np.zeros(count),
        np.zeros(count),
        np.zeros(count),
    )
    away = _leaving(own.table, codes, sizes, age)
    for index, other in enumerate(others):
        near = (own.table.provider, own.table.region) == (
            other.table.provider,
            other.table.region,
        )
        way = away + (0.0 if near else own.egress_gb * sizes / GB)
        dearer = 0.0 if near else np.maximum(other.egress_gb - own.egress_gb, 0.0)
        for code, price in enumerate(other.table.prices):
            if not (price.choose and price.readable) or price.automatic:
                continue
            there = np.full(count, code, np.int16)
            after = month_costs(other.table, there, sizes, reads) + dearer * reads * sizes / GB
            once = way + _arriving(other.table, code, sizes)
            saving = stay - after
            gain = saving * horizon_months - once
            better = (saving > 0) & (once <= horizon_months * saving) & (gain > best)
            best = np.where(better, gain, best)
            found.target[better], found.codes[better] = index, code
            found.saving[better], found.once[better] = saving[better], once[better]
            found.gain[better] = gain[better]
    return found


def _best_at_home(
    table: ClassTable,
    codes: Codes,
    sizes: Floats,
    reads: Floats,
    stay: Floats,
    age: Floats,
    horizon: float,
) -> Floats:
    """What the best change of class in place would leave after the horizon; at least nothing.
    Infinite where the object's own cost is not known, so that nothing is better."""
    best = np.where(np.isfinite(stay), 0.0, np.inf)
    for code, price in enumerate(table.prices):
        if price.choose and price.readable and not price.automatic:
            there = np.full(len(codes), code, np.int16)
            gain = (stay - month_costs(table, there, sizes, reads)) * horizon
            gain -= change_costs(table, codes, there, sizes, age)
            gain[codes == code] = 0.0
            best = np.fmax(best, gain)
    return best


def _leaving(table: ClassTable, codes: Codes, sizes: Floats, age: Floats) -> Floats:
    """What reading an object once and deleting it costs, without egress."""
    per_gb = np.where(table.readable[codes], table.retrieval[codes], 0.0) + table.restore_gb[codes]
    once = sizes / GB * per_gb + table.restore_fixed[codes] + 2 * table.get[codes] / 1000
    left = np.maximum(table.min_days[codes] - np.maximum(age, 0.0), 0.0)
    billed = np.maximum(sizes, table.min_size[codes]) + table.overhead[codes]
    early = table.storage[codes] * billed / GB * left / DAYS_PER_MONTH
    return once + np.where(left > 0, early, 0.0)


def _arriving(table: ClassTable, code: int, sizes: Floats) -> Floats:
    """What writing an object (in parts of 8 MiB) and reading it back costs."""
    puts = np.where(sizes > 16 * 2**20, np.ceil(sizes / (8 * 2**20)) + 2, 1.0)
    back = 2 * table.get[code] / 1000 + table.retrieval[code] * sizes / GB
    cost: Floats = puts * table.put[code] / 1000 + back
    return cost


def decisions_of(
    frame: Frame,
    own: Target,
    others: Sequence[Target],
    best: Best,
    horizon_months: float,
    now: float,
) -> list[Decision]:
    """The moves that pay, each with its reason."""
    reads, idle = frame.access("reads_30d"), frame.idle()
    found = []
    for row in np.flatnonzero(best.target >= 0).tolist():
        other, code = others[int(best.target[row])], int(best.codes[row])
        source, target = own.table.prices[frame.codes[row]], other.table.prices[code]
        saving, once = float(best.saving[row]), float(best.once[row])
        size, read = int(frame.sizes[row]), float(reads[row])
        stay = month_cost(source, size, read, idle_days=float(idle[row]))
        months = once / saving
        found.append(
            Decision(
                address=frame.address(row),
                from_class=source.name,
                to_class=target.name,
                from_tier=source.tier,
                to_tier=target.tier,
                reason=(
                    f"{other.cloud} {target.name} saves {usd(saving)} a month; the way there costs "
                    f"{usd(once)}, egress included, and pays back in {months:,.1f} of "
                    f"{horizon_months:g} months; no class of {frame.cloud} leaves more."
                ),
                # As plans count it: dearer egress of its readers is not in it.
                saving_per_month=saving_per_month(stay, month_cost(target, size, read)),
                policy=NAME,
                policy_version=VERSION,
                assumption=(
                    f"It stays for {horizon_months:g} months and goes on being read "
                    f"{times(read)} a month; readers do not mind which cloud."
                ),
                confidence=float(np.clip(1 - months / horizon_months, 0.0, 1.0)),
                decided_at=now,
                to_cloud=other.cloud,
                expected_saving=saving,
                reads_30d=read,
                size=size,
            )
        )
    return found
