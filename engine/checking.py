"""`check`: two places, or a job set and what it claims, object by object."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from engine.errors import NotFound, UsageError
from engine.migration.bandwidth import Bandwidth
from engine.migration.filters import Sieve
from engine.migration.reconcile import Comparer, Comparison, Side, in_order
from engine.migration.services import SMALL
from engine.migration.spool import DESTINATION, SOURCE, Pair, Spool
from engine.model import (
    Address,
    Filters,
    Finding,
    JobState,
    JobView,
    ListEntry,
    Outcome,
    VersionPin,
)
from engine.parts import Parts
from engine.settings import EngineSettings

_DAY = 86_400.0
_GROUP = 64  # small objects that are hashed in one go
Comparisons = Callable[[], Awaitable[Sequence[Finding]]]


async def check_places(
    parts: Parts,
    settings: EngineSettings,
    source: Address,
    destination: Address,
    filters: Filters,
    *,
    checksum: str,
    download: bool,
) -> AsyncGenerator[Finding, None]:
    """Every object below two prefixes (or two keys), by relative key.

    Both sides are listed whole before the first finding: a listing that fails raises StoreError
    and is never an empty side. Raises UsageError if the two cannot be compared.
    """
    _comparable(parts, source, destination)
    if not source.is_prefix and destination.is_prefix:
        key = destination.key + source.key.rpartition("/")[2]
        destination = Address(destination.cloud, destination.bucket, key)
    job = _Places(parts, source, destination, filters)
    job.comparer = Comparer(Bandwidth(settings.bwlimit), algorithm=checksum, download=download)
    async with Spool() as spool:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(job.list_into(spool, SOURCE, source))
                group.create_task(job.list_into(spool, DESTINATION, destination))
        except ExceptionGroup as group_of:
            raise group_of.exceptions[0] from None  # one listing that failed is enough
        async with aclosing(in_order(job.comparisons(spool), settings.jobs)) as findings:
            async for some in findings:
                for finding in some:
                    yield finding
    for finding in job.unseen():
        yield finding


def _comparable(parts: Parts, source: Address, destination: Address) -> None:
    for address in (source, destination):
        parts.catalog[address.cloud]  # an unknown cloud ends here, with a clear error
    if source.is_prefix and not destination.is_prefix:
        raise UsageError(
            "A prefix cannot be compared with one key.",
            subject=str(destination),
            todo="Give a destination that ends in /, or a bucket.",
        )
    places = []
    for address in (source, destination):
        key = f"{address.key}x" if address.is_prefix else address.key
        places.append(parts.stores[address.cloud].locate(address.bucket, key))
    if places[0] == places[1]:
        raise UsageError(
            "Both sides are the same place, so a check proves nothing.",
            subject=str(destination),
            todo="Name the other side.",
        )


class _Places:
    """The state of one check of two places."""

    comparer: Comparer

    def __init__(
        self, parts: Parts, source: Address, destination: Address, filters: Filters
    ) -> None:
        self._parts = parts
        self._bases = (source, destination)
        self._filters = filters
        self._sieve = Sieve(filters, parts.book)
        self._seen: set[str] = set()

    async def list_into(self, spool: Spool, side: int, base: Address) -> None:
        store = self._parts.stores[base.cloud]
        if not base.is_prefix:
            try:
                head = await store.head(base.bucket, base.key)
            except NotFound:
                async for _ in store.list_pages(base.bucket, base.key):
                    break  # a bucket that is not there raises
                return
            pin = head.pin
            entry = ListEntry("", head.size, pin.modified, pin.etag, head.storage_class)
            await spool.add(side, [entry], 0)
            return
        async for page in store.list_pages(base.bucket, base.key):
            await spool.add(side, page.entries, len(base.key))

    async def comparisons(self, spool: Spool) -> AsyncGenerator[Comparisons, None]:
        """In order; small objects that can be hashed many at once are, in groups."""
        many = self.comparer.hashes_many(*(self._parts.stores[b.cloud] for b in self._bases))
        group, size = list[tuple[Side, Side]](), 0
        async for batch in spool.pairs():
            for pair in self._chosen(batch):
                sides = self._small(pair) if many else None
                if sides is not None:
                    group.append(sides)
                    size += sides[0].size
                if group and (sides is None or len(group) == _GROUP or size > SMALL):
                    yield partial(self.comparer.compare_many, group)
                    group, size = [], 0
                if sides is None:
                    yield partial(self._comparison, pair)
        if group:
            yield partial(self.comparer.compare_many, group)

    def _small(self, pair: Pair) -> tuple[Side, Side] | None:
        """Both sides of a pair of small objects of one size, None for any other."""
        one, two = pair.source, pair.destination
        if one is None or two is None or one.size != two.size or one.size > SMALL:
            return None
        places = self._addresses(pair.relative)
        return self._there(places[0], one), self._there(places[1], two)

    def unseen(self) -> list[Finding]:
        """Keys that were listed by the operator and are on neither side."""
        keys = sorted((self._filters.keys or frozenset()) - self._seen)
        return [
            Finding(Outcome.MISSING_BOTH, *self._addresses(key), reason="it is on neither side")
            for key in keys
        ]

    def _chosen(self, batch: Sequence[Pair]) -> Sequence[Pair]:
        if not self._filters:
            return batch
        if self._filters.keys is not None:
            self._seen.update(self._filters.keys.intersection(self._name(pair) for pair in batch))
        shifts = dict[str, float]()
        source = self._bases[0]
        if self._filters.min_age or self._filters.max_age is not None:
            keys = [source.key + pair.relative for pair in batch]
            columns = self._parts.access.columns(source.cloud, source.bucket, keys)
            shifts = {pair.relative: float(columns.shift_days[i]) for i, pair in enumerate(batch)}
        now = time.time()
        return [pair for pair in batch if self._fits(pair, now, shifts.get(pair.relative, 0.0))]

    def _fits(self, pair: Pair, now: float, shift: float) -> bool:
        """Size, age and class are those of the source; of the destination where there is none."""
        entry, base = (
            (pair.source, self._bases[0])
            if pair.source is not None
            else (pair.destination, self._bases[1])
        )
        assert entry is not None
        age = max((now - entry.modified) / _DAY, 0.0) + shift
        provider = self._parts.stores[base.cloud].provider
        return self._sieve.name(self._name(pair)) and self._sieve.object(
            entry.size, age, provider, entry.storage_class
        )

    def _name(self, pair: Pair) -> str:
        return pair.relative or self._bases[0].key.rpartition("/")[2]

    def _addresses(self, relative: str) -> tuple[Address, Address]:
        one, two = self._bases
        return (
            Address(one.cloud, one.bucket, one.key + relative),
            Address(two.cloud, two.bucket, two.key + relative),
        )

    async def _comparison(self, pair: Pair) -> Sequence[Finding]:
        return [await self._compared(pair)]

    async def _compared(self, pair: Pair) -> Finding:
        one, two = self._addresses(pair.relative)
        source, destination = self._side(one, pair.source), self._side(two, pair.destination)
        if source is not None and destination is not None:
            return await self.comparer.compare(source, destination)
        if source is not None:
            found = Finding(Outcome.MISSING_DESTINATION, one, two, source_size=source.size)
            return await self.comparer.one_sided(source, self._parts.stores[two.cloud], found)
        assert destination is not None
        found = Finding(Outcome.MISSING_SOURCE, one, two, destination_size=destination.size)
        return await self.comparer.one_sided(destination, self._parts.stores[one.cloud], found)

    def _side(self, address: Address, entry: ListEntry | None) -> Side | None:
        return None if entry is None else self._there(address, entry)

    def _there(self, address: Address, entry: ListEntry) -> Side:
        # Some servers list another time than they give with the object itself.
        pin = VersionPin(entry.etag, 0.0 if entry.etag else entry.modified, entry.size)
        return Side(self._parts.stores[address.cloud], address, entry.size, pin)


async def check_jobset(
    parts: Parts, settings: EngineSettings, jobset: str, *, download: bool
) -> AsyncGenerator[Finding, None]:
    """Every job of a set: does its destination still have the digest that was proved?"""
    comparer = Comparer(Bandwidth(settings.bwlimit), download=download)

    async def comparisons() -> AsyncGenerator[Comparison, None]:
        async for page in parts.ledger.pages(jobset):
            for job in page:
                yield partial(_claim, parts, comparer, job)

    async with aclosing(in_order(comparisons(), settings.jobs)) as findings:
        async for finding in findings:
            yield finding


async def _claim(parts: Parts, comparer: Comparer, job: JobView) -> Finding:
    spec = job.spec
    prefix, colon, digest = job.checksum_destination.partition(":")
    algorithm = prefix if colon else spec.options.checksum
    found = Finding(
        Outcome.UNPROVED,
        spec.source,
        spec.destination,
        source_size=spec.size,
        algorithm=algorithm,
        source_digest=digest if colon else prefix,
        source_evidence=job.evidence,
    )
    if job.state is not JobState.COMPLETED:
        return _with(found, Outcome.UNPROVED, f"its job is {job.state.value}")
    if not found.source_digest:
        return _with(found, Outcome.UNREADABLE, "the ledger has no digest of it")
    store = parts.stores.get(spec.destination.cloud)
    if store is None:
        reason = f"there is no cloud {spec.destination.cloud!r} in the configuration"
        return _with(found, Outcome.UNREADABLE, reason)
    return await comparer.recorded(store, found, job.destination_pin)


def _with(found: Finding, outcome: Outcome, reason: str) -> Finding:
    return replace(found, outcome=outcome, reason=reason)
