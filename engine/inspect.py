"""What the inspect screen shows of one object, gathered from store, listing and state."""

import time
from dataclasses import replace

from engine.migration.plan_checks import Route, refusal
from engine.migration.plan_costs import Meter, monthly, once
from engine.migration.plan_sources import SourceObject
from engine.model import Address, ClassChange, ListEntry, MoveKind, MoveOptions, ObjectDetail
from engine.parts import Parts
from engine.pricing.classes import ClassPrice
from engine.pricing.cost import month_cost, payback_months
from engine.stores.base import ObjectStore

_DAY = 86_400.0
_HISTORY_DAYS = 90  # that are told of, with reads or not
_LONGEST_DAYS = 3 * 365  # where reads are known so far back


async def inspect(parts: Parts, address: Address) -> ObjectDetail:
    """Ask the store for the object as it is now, and add what Astra knows of it.

    Raises UsageError for an unknown cloud, and what `ObjectStore.head` raises.
    """
    parts.catalog[address.cloud]  # an unknown cloud ends here, with a clear error
    store = parts.stores[address.cloud]
    head = await store.head(address.bucket, address.key)
    now = time.time()
    columns = parts.access.columns(address.cloud, address.bucket, [address.key])
    reads = float(columns.reads_30d[0])
    last = float(columns.last_access[0])
    age = max((now - head.pin.modified) / _DAY, 0.0) + float(columns.shift_days[0])
    idle = min(max((now - last) / _DAY, 0.0), age) if last else age
    table = parts.book.classes(store.provider, store.region)
    name = parts.book.canonical(store.provider, head.storage_class)
    costs = tuple(
        (price.name, price.tier, _month(price, head.size, reads, idle, here=price.name == name))
        for price in table
    )
    entry = ListEntry(address.key, head.size, head.pin.modified, head.pin.etag, name)
    item = SourceObject(address, entry, address.key, age, idle, reads, head)
    jobs = await parts.ledger.views(text=address.key)
    return ObjectDetail(
        address=address,
        head=head,
        tier=parts.book.tier_of(store.provider, head.storage_class),
        cost_month=next((cost for known, _, cost in costs if known == name), None),
        age_days=age,
        idle_days=idle,
        reads_30d=round(reads),
        daily_reads=await parts.access.long_daily(address, _HISTORY_DAYS, _LONGEST_DAYS),
        class_costs=costs,
        decisions=tuple(await parts.decisions.history(address)),
        jobs=tuple(
            parts.runner.live(job.job_id) or job
            for job in reversed(jobs)
            if address in (job.spec.source, job.spec.destination)
        ),
        simulated_days=float(columns.shift_days[0]),
        changes=tuple(_change(parts, store, item, name, price) for price in table),
        as_of=now,
    )


def _month(price: ClassPrice, size: int, reads: float, idle: float, *, here: bool) -> float | None:
    """A month in that class, as plans count it: a class that tiers by itself begins anew to count
    the days without a read when an object comes into it."""
    return month_cost(price, size, reads, idle_days=idle if here else 0.0)


def _change(
    parts: Parts, store: ObjectStore, item: SourceObject, held: str, target: ClassPrice
) -> ClassChange:
    """A change in place to that class, by the arithmetic of a plan and with its refusals."""
    source = parts.book.get(store.provider, store.region, held)
    place = parts.planner.places[store.name]
    route = Route.of(
        item, item.address, MoveKind.TIER, (place, place), (source, target), target.name
    )
    reads = item.reads_30d
    change = ClassChange(
        target.name,
        target.tier,
        _month(target, item.entry.size, reads, item.idle_days, here=target.name == held),
        here=target.name == held,
        readable=target.readable,
    )
    if change.here:
        return change
    refused = refusal(route, MoveOptions())
    if source is None:
        return replace(change, saving=None, once=None, refused=refused)
    saving = monthly(route, source, target)
    cost = once(route, source, target, MoveOptions(), Meter(parts.book))
    return replace(
        change,
        saving=saving,
        once=cost.total,
        lines=cost.lines,
        payback_months=payback_months(cost.total, saving),
        refused=refused,
    )
