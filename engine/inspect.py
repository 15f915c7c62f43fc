"""What the inspect screen shows of one object, gathered from store, listing and state."""

import time

from engine.model import Address, ObjectDetail
from engine.parts import Parts
from engine.pricing.cost import month_cost

_DAY = 86_400.0
_HISTORY_DAYS = 90


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
        (price.name, price.tier, month_cost(price, head.size, reads, idle_days=idle))
        for price in table
    )
    jobs = await parts.ledger.views(text=address.key)
    return ObjectDetail(
        address=address,
        head=head,
        tier=parts.book.tier_of(store.provider, head.storage_class),
        cost_month=next((cost for known, _, cost in costs if known == name), None),
        age_days=age,
        idle_days=idle,
        reads_30d=round(reads),
        daily_reads=parts.access.daily(address, _HISTORY_DAYS),
        class_costs=costs,
        decisions=tuple(await parts.decisions.history(address)),
        jobs=tuple(job for job in jobs if address in (job.spec.source, job.spec.destination)),
        simulated_days=float(columns.shift_days[0]),
    )
