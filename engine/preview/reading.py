"""One bounded, pinned read of an object's beginning. What costs a retrieval is told first."""

import asyncio
from dataclasses import replace

from engine.errors import UsageError
from engine.model import (
    PREVIEW_MOST,
    Address,
    ObjectHead,
    ObjectVersion,
    ObjectVersions,
    Preview,
    PreviewState,
    Provider,
    RestoreState,
    VersionPin,
)
from engine.parts import Parts
from engine.preview.kinds import look_at
from engine.preview.unpack import unpack
from engine.pricing.classes import ClassPrice
from engine.pricing.cost import gigabytes, restore_cost, storage_month, total
from engine.stores.base import ObjectStore
from engine.stores.versions import as_versioned


async def preview(
    parts: Parts, address: Address, *, pin: VersionPin | None, limit: int, paid: bool
) -> Preview:
    """The first `limit` bytes of that version (None: the current one), and what they are.

    An archived object is not read at all. One whose class asks for a retrieval, or whose price
    nobody knows, is read only if `paid` says that the price is accepted.

    Raises UsageError for what names no object, and what `head` and `read` of a store raise.
    """
    parts.catalog[address.cloud]  # an unknown cloud ends here, with a clear error
    if not address.key or not 1 <= limit <= PREVIEW_MOST:
        raise UsageError(
            f"A preview is of one object, and of 1 to {PREVIEW_MOST:,} bytes.",
            subject=str(address),
        )
    store = parts.stores[address.cloud]
    kept = as_versioned(store)
    if pin is None or kept is None:
        head = await store.head(address.bucket, address.key, pin=pin)
    else:
        head = await kept.head_version(address.bucket, address.key, pin=pin)
    price = parts.book.get(store.provider, store.region, head.storage_class)
    wanted = min(limit, head.size)
    found = Preview(
        address, head.pin, head.storage_class,
        parts.book.tier_of(store.provider, head.storage_class), head.size,
    )  # fmt: skip
    if head.archived and head.restore is not RestoreState.AVAILABLE:
        return _archived(found, price)
    if not head.size:
        return replace(found, whole=True)
    restored = head.restore is RestoreState.AVAILABLE
    gb = gigabytes(wanted)
    egress = parts.book.egress(store.provider, store.region, gb)
    prices = _prices(price, gb, egress, restored=restored)
    costs = tuple((name, cost) for name, cost in prices if cost)
    known = total([cost for _, cost in prices])
    found = replace(found, costs=costs, cost=known)
    if not paid and not restored and _is_priced(store, price):
        return replace(found, state=PreviewState.PRICED)
    raw = await _read(store, address, head.pin, wanted, given=pin is not None)
    return await asyncio.to_thread(_look, found, head, raw, limit)


def _is_priced(store: ObjectStore, price: ClassPrice | None) -> bool:
    """Whether reading is paid by the GB, or may be; one's own servers send no bill."""
    if store.provider is Provider.ONPREM:
        return False
    return price is None or price.retrieval is None or price.retrieval > 0


async def _read(
    store: ObjectStore, address: Address, pin: VersionPin, count: int, *, given: bool
) -> bytes:
    """The first bytes of the version that is described; a `given` one need not be current."""
    stop = None if count == pin.size else count
    kept = as_versioned(store) if given else None
    read = store.read if kept is None else kept.read_version
    data = bytearray()
    async with read(address.bucket, address.key, pin=pin, stop=stop) as reader:
        async for chunk in reader:
            data += chunk
    return bytes(data)


def _prices(
    price: ClassPrice | None, gb: float, egress: float | None, *, restored: bool
) -> list[tuple[str, float | None]]:
    """What reading so many GB costs. That bytes leave the cloud is always counted: Astra does
    not know whether it runs inside."""
    if price is None:
        return [("request", None), ("retrieval", None), ("egress", egress)]
    get = None if price.get is None else price.get * 2 / 1000  # HEAD and GET
    back = None if price.retrieval is None else price.retrieval * gb
    return [("request", get), ("retrieval", 0.0 if restored else back), ("egress", egress)]


def _archived(found: Preview, price: ClassPrice | None) -> Preview:
    """What a standard restore would take: nothing was read, and nothing was asked for."""
    speed = price.speed("standard") if price is not None else None
    if price is None or speed is None:
        return replace(found, state=PreviewState.ARCHIVED, cost=None)
    bill = restore_cost(price, found.size)
    return replace(
        found,
        state=PreviewState.ARCHIVED,
        hours=speed.hours,
        costs=bill.lines,
        cost=bill.total,
    )


def _look(found: Preview, head: ObjectHead, raw: bytes, limit: int) -> Preview:
    """Unpack and recognise; off the loop."""
    inside = unpack(raw, limit)
    whole = inside.whole and len(raw) == head.size
    look = look_at(inside.data, head.key, head.meta.content_type.lower(), whole=whole)
    return replace(
        found,
        read=len(raw),
        data=inside.data,
        whole=whole,
        packed=inside.name,
        note=inside.note,
        kind=look.kind,
        encoding=look.encoding,
        guessed=look.guessed,
        delimiter=look.delimiter,
        facts=look.facts,
    )


async def versions(parts: Parts, address: Address) -> ObjectVersions:
    """Every version of a key that its store keeps, with what keeping it costs a month.

    Raises UsageError for what names no object, StoreError.
    """
    parts.catalog[address.cloud]
    if not address.key:
        raise UsageError("Versions are those of one object.", subject=str(address))
    store, book = parts.stores[address.cloud], parts.book
    kept = as_versioned(store)
    if kept is None:
        return ObjectVersions(address, kept=False)
    found, more = await kept.versions(address.bucket, address.key)

    def priced(item: ObjectVersion) -> ObjectVersion:
        if item.marker:
            return replace(item, cost_month=0.0)
        price = book.get(store.provider, store.region, item.storage_class)
        cost = None if price is None else storage_month(price, item.pin.size)
        tier = book.tier_of(store.provider, item.storage_class)
        return replace(item, tier=tier, cost_month=cost)

    return ObjectVersions(address, tuple(map(priced, found)), more)
