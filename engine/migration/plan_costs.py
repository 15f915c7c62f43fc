"""The money of a plan: each move's cost and saving, and what to say of all of them."""

import math
from collections.abc import Mapping, Sequence

from engine.migration.plan_checks import Route
from engine.model import Evidence, Move, MoveKind, MoveOptions, RestoreState, StoreKind
from engine.pricing.book import PriceBook
from engine.pricing.classes import ClassPrice
from engine.pricing.cost import (
    RESTORE_DAYS,
    MoveCost,
    gigabytes,
    month_cost,
    move_cost,
    saving_per_month,
    usd,
    write_requests,
)
from engine.stores.base import ObjectStore

_TOLD_GB, _TOLD_USD = 0.01, 0.01  # less than this is no warning


class Meter:
    """Counts what leaves each cloud along the plan, so that the bands add up."""

    def __init__(self, book: PriceBook) -> None:
        self._book = book
        self.gigabytes: dict[str, float] = {}
        self.back: dict[str, float] = {}  # what re-reads take out of the destinations

    def leave(self, route: Route, gb: float) -> float | None:
        """USD of these GB on their way out, None if unknown."""
        source, target = route.source_place.store, route.target_place.store
        if route.kind is MoveKind.TIER:
            return 0.0
        if (source.provider, source.region) == (target.provider, target.region):
            return 0.0
        used = self.gigabytes.get(source.name, 0.0)
        self.gigabytes[source.name] = used + gb
        self.back[target.name] = self.back.get(target.name, 0.0) + gb
        return self._book.egress(source.provider, source.region, gb, used_gb=used)


def monthly(route: Route, source: ClassPrice, target: ClassPrice) -> float | None:
    """What the move saves a month, at the reads of the last 30 days."""
    item, size = route.item, route.item.entry.size
    if route.kind is MoveKind.COPY:  # the readers stay with the source
        return saving_per_month(0.0, month_cost(target, size))
    reads = item.reads_30d
    before = month_cost(source, size, reads, idle_days=item.idle_days)
    return saving_per_month(before, month_cost(target, size, reads))


def once(
    route: Route, source: ClassPrice, target: ClassPrice, options: MoveOptions, meter: Meter
) -> MoveCost:
    """What the move costs once, the verification included."""
    item, size = route.item, route.item.entry.size
    can, head = route.target_place.store.capabilities, item.head
    attested, strict = route.source_attested(), options.strict
    if route.kind is MoveKind.TIER:  # what it was before must be known: attested, or read
        source_reads = 0 if attested and not strict else 1
    else:
        source_reads = 2 if strict and not attested else 1
    proved = attested if route.kind is MoveKind.TIER else route.copy_attested()
    return move_cost(
        source,
        target,
        size,
        kind=route.kind,
        days_in_class=item.age_days,
        egress=meter.leave(route, source_reads * gigabytes(size)),
        puts=write_requests(size, threshold=can.multipart_threshold, part_size=can.part_size),
        source_reads=source_reads,
        reread=options.verify is Evidence.REREAD or not proved,
        restored=head is not None and head.restore is RestoreState.AVAILABLE,
        restore_speed=options.restore_speed or "standard",
        restore_days=options.restore_days or RESTORE_DAYS,
    )


# -- what holds for the whole plan ------------------------------------------------------------


def warnings(
    routes: Sequence[Route], refused: int, book: PriceBook, options: MoveOptions, meter: Meter
) -> tuple[str, ...]:
    """What the operator should know of the accepted moves together."""
    found = []
    if refused:
        found.append(f"{refused} of {refused + len(routes)} are refused; each says why.")
    stores = {
        place.store.name: place.store
        for route in routes
        for place in (route.source_place, route.target_place)
    }
    notes = {book.note(store.provider, store.region) for store in stores.values()}
    found += sorted(notes - {""})
    known = {id(price): price for route in routes for price in (route.source, route.target)}
    prices = [price for price in known.values() if price is not None]
    doubtful = sorted(
        f"{price.provider} {price.name} ({', '.join(price.remembered)})"
        for price in prices
        if price.remembered
    )
    if doubtful:
        found.append(f"Figures that nobody re-read in a source: {'; '.join(doubtful)}.")
    blank = sorted({f"{p.provider} {p.name}" for p in prices if p.storage is None})
    if blank:
        found.append(
            f"No prices are known for {', '.join(blank)}; give them in a price file of your own."
        )
    found += _egress_warnings(stores, book, options, meter)
    if any(_makes_version(route) for route in routes):
        found.append(
            "Where a bucket keeps versions, a change of class leaves the version before in its old"
            " class, billed as well; savings assume that it is deleted."
        )
    return tuple(found)


def assumed(routes: Sequence[Route], moves: Sequence[Move], policy: str) -> tuple[str, ...]:
    """At which reads savings are told, and that the policy decided by others, if it did."""
    told = [
        (move.saving_per_month, move.expected_saving)
        for move in moves
        if move.saving_per_month is not None and move.expected_saving is not None
    ]
    if not all(math.isclose(saving, expected, abs_tol=1e-9) for saving, expected in told):
        beside = f"what policy {policy} expects of the next ones stands beside"
        return (f"Savings are at the reads of the last 30 days; {beside}.",)
    if any(route.item.reads_30d for route in routes):
        return ("Savings assume that objects are read as in the last 30 days.",)
    return ()


def _makes_version(route: Route) -> bool:
    """Whether a change of class in place writes the object anew, as a version of its own."""
    store = route.source_place.store
    return route.kind is MoveKind.TIER and store.kind in (StoreKind.S3, StoreKind.GCS)


def _egress_warnings(
    stores: Mapping[str, ObjectStore], book: PriceBook, options: MoveOptions, meter: Meter
) -> list[str]:
    found = []
    for name, gb in meter.gigabytes.items():
        store = stores[name]
        free = book.egress_free_gb(store.provider, store.region)
        if free and gb >= _TOLD_GB:
            found.append(
                f"Egress from {name} is counted in full ({gb:.2f} GB); {free:g} GB a month are "
                "free if nothing else used them."
            )
    if options.verify is Evidence.REREAD:
        for name, gb in meter.back.items():
            store = stores[name]
            price = book.egress(store.provider, store.region, gb)
            if price and price >= _TOLD_USD:
                found.append(
                    f"Reading the copies back takes {gb:.2f} GB out of {name} again: up to "
                    f"{usd(price)} more, unless Astra runs there or --verify attested is used."
                )
    return found
