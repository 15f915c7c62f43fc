"""The arithmetic of `engine.pricing.cost` on columns: a million objects at a time.

Classes are codes into a `ClassTable`; code −1 is a class that is not known. Amounts are USD in
float64 arrays of shape (N,); NaN means unknown, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.model import Provider, Tier
from engine.pricing.book import PriceBook
from engine.pricing.classes import ClassPrice
from engine.pricing.cost import DAYS_PER_MONTH, GB, RESTORE_DAYS

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int16]

UNKNOWN = -1
_TIERS = tuple(Tier)


@dataclass(frozen=True, slots=True)
class ClassTable:
    """The classes of one provider and region as columns.

    Every array has shape (C + 1,): row `code` for the classes, and a last row of unknowns that
    code −1 reaches. `tier` counts 0 HOT … 3 ARCHIVE.
    """

    provider: Provider
    region: str
    prices: tuple[ClassPrice, ...]
    codes: dict[str, int]
    storage: Floats
    fixed: Floats  # USD a month an object pays beside its bytes (overhead, monitoring)
    overheads: Floats  # the overhead's part of `fixed`
    put: Floats
    get: Floats
    retrieval: Floats
    transition: Floats
    read_request: Floats  # USD of one read's requests, restore included
    restore_fixed: Floats  # USD of one restore's request; 0 for readable classes
    restore_gb: Floats  # USD a GB restored and kept for RESTORE_DAYS; 0 for readable classes
    min_days: Floats
    min_size: Floats
    overhead: Floats
    tier: npt.NDArray[np.int8]
    readable: Bools
    automatic: Bools  # classes that tier by themselves
    tier_class: Codes  # shape (4,): the class that stands for HOT … ARCHIVE, −1 none

    @classmethod
    def of(cls, book: PriceBook, provider: Provider, region: str) -> "ClassTable":
        """The table of a provider's classes, prices of `region` (see `PriceBook.note`)."""
        standing = {tier: book.class_for(provider, tier) for tier in _TIERS}
        return cls.made_of(provider, region, book.classes(provider, region), standing)

    @classmethod
    def made_of(
        cls,
        provider: Provider,
        region: str,
        prices: tuple[ClassPrice, ...],
        standing: Mapping[Tier, str],
    ) -> "ClassTable":
        """The table of these classes, which get their codes in this order; `standing` names the
        class that stands for a tier."""
        codes = {price.name: code for code, price in enumerate(prices)}

        def money(values: list[float | None]) -> Floats:
            return np.array([np.nan if v is None else v for v in values] + [np.nan], np.float64)

        def plain(values: list[float]) -> Floats:
            return np.array([*values, 0.0], np.float64)

        speeds = [None if p.readable else p.speed("standard") for p in prices]
        readable = np.array([p.readable for p in prices] + [True])
        restore_request = np.where(readable, 0.0, money([s.per_1k if s else None for s in speeds]))
        restore_gb = np.where(readable, 0.0, money([s.per_gb if s else None for s in speeds]))
        default = money([p.default_storage for p in prices])
        moves = np.array([p.restore_moves for p in prices] + [False])
        kept = np.where(readable | moves, 0.0, default * RESTORE_DAYS / DAYS_PER_MONTH)
        extra = plain([p.overhead_default for p in prices])
        overheads = np.where(extra > 0, default * extra / GB, 0.0)
        fixed = overheads + money([p.monitoring for p in prices]) / 1000
        get = money([p.get for p in prices])
        return cls(
            provider=provider,
            region=region,
            prices=prices,
            codes=codes,
            storage=money([p.storage for p in prices]),
            fixed=fixed,
            overheads=overheads,
            put=money([p.put for p in prices]),
            get=get,
            retrieval=money([p.retrieval for p in prices]),
            transition=money([p.transition for p in prices]),
            read_request=(get + restore_request) / 1000,
            restore_fixed=(restore_request + np.where(moves & ~readable, get, 0.0)) / 1000,
            restore_gb=restore_gb + kept,
            min_days=plain([p.min_days for p in prices]),
            min_size=plain([p.min_size for p in prices]),
            overhead=plain([p.overhead for p in prices]),
            tier=np.array([_TIERS.index(p.tier) for p in prices] + [0], np.int8),
            readable=readable,
            automatic=np.array([bool(p.automatic) for p in prices] + [False]),
            tier_class=np.array(
                [codes.get(standing.get(tier, ""), UNKNOWN) for tier in _TIERS], np.int16
            ),
        )

    def code(self, name: str) -> int:
        """The code of a class by its own name, −1 if it is not here."""
        return self.codes.get(name, UNKNOWN)

    def name(self, code: int) -> str:
        return self.prices[code].name if code >= 0 else ""


def storage_months(
    table: ClassTable, codes: Codes, sizes: Floats, idle_days: Floats | None = None
) -> Floats:
    """Storage of each object for a month, USD; as `cost.storage_month`."""
    billed = np.maximum(sizes, table.min_size[codes])
    billed += table.overhead[codes]
    rates = table.storage[codes]
    fixed = table.fixed[codes]
    for code, price in enumerate(table.prices):
        if price.automatic:
            mine = np.flatnonzero(codes == code)
            small = sizes[mine] < price.automatic_size
            fixed[mine[small]] = table.overheads[code]  # these pay no monitoring fee
            if idle_days is not None:
                for days, cooler in price.automatic:
                    rates[mine[~small & (idle_days[mine] >= days)]] = cooler
    billed *= 1 / GB
    nothing = np.flatnonzero((billed == 0) & (codes >= 0))
    billed *= rates
    billed[nothing] = 0.0  # nothing costs nothing, at an unknown price too
    billed += fixed
    return billed


def read_costs(table: ClassTable, codes: Codes, sizes: Floats) -> Floats:
    """One whole read of each object, USD; as `cost.read_cost`."""
    once = sizes * table.retrieval[codes]
    once *= 1 / GB
    once += table.read_request[codes]
    if not np.all(np.isfinite(table.retrieval[:-1])):  # nothing times unknown is nothing
        once = np.where(sizes > 0, once, table.read_request[codes])
    return once


def month_costs(
    table: ClassTable,
    codes: Codes,
    sizes: Floats,
    reads: Floats,
    idle_days: Floats | None = None,
) -> Floats:
    """A month of storage and `reads` whole reads of each object; as `cost.month_cost`."""
    result = storage_months(table, codes, sizes, idle_days)
    read = np.flatnonzero(reads > 0)
    if len(read):
        result[read] += reads[read] * read_costs(table, codes[read], sizes[read])
    return result


def change_costs(
    table: ClassTable,
    codes: Codes,
    targets: Codes,
    sizes: Floats,
    days_in_class: Floats,
    *,
    reread: bool = True,
) -> Floats:
    """Changing each object's class in place, once; as `cost.move_cost` of kind TIER.

    Restore or retrieval, the request, the re-read and the early deletion fee.
    """
    result = table.transition[targets] / 1000
    reading = table.readable[codes]
    if not all(price.cooling_retrieval for price in table.prices):
        reading &= table.tier[targets] <= table.tier[codes]
    per_gb = np.where(reading, table.retrieval[codes], 0.0) + table.restore_gb[codes]
    if reread:
        back = table.readable[targets]
        result += np.where(back, 2 * table.get[targets] / 1000, 0.0)
        per_gb += np.where(back, table.retrieval[targets], 0.0)
    result += np.where(sizes > 0, sizes / GB * per_gb, 0.0) + table.restore_fixed[codes]
    left = table.min_days[codes] - np.maximum(days_in_class, 0.0)
    early = np.flatnonzero(left > 0)
    if len(early):
        at = codes[early]
        billed = np.maximum(sizes[early], table.min_size[at]) + table.overhead[at]
        fee = table.storage[at] * billed / GB * left[early] / DAYS_PER_MONTH
        result[early] += np.where(billed > 0, fee, 0.0)
    return result
