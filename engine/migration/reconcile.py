"""Are two objects the same? By digest, never by size, time or ETag.

Where both providers attest a whole-object checksum of one kind, those are compared. A side
that attests none in common is read, pinned to the version that was listed, and hashed. A
difference in size is a difference; equal sizes prove nothing.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from engine.errors import Archived, AstraError, NotFound, PreconditionFailed, StoreError
from engine.migration.bandwidth import Bandwidth
from engine.migration.digest import STRONGEST, StreamDigest, digest_bytes
from engine.migration.limits import Backoff
from engine.migration.source import read_through
from engine.model import Address, Evidence, Finding, ObjectHead, Outcome, VersionPin
from engine.stores.base import Hasher, ObjectStore

T = TypeVar("T")
_TRIES = 4
Comparison = Callable[[], Awaitable[Finding]]  # begun when its turn comes
_WINDOW = 4  # times the objects at once: what may wait for a large one before it


@dataclass(frozen=True, slots=True)
class Side:
    """One object as it was listed, and its store."""

    store: ObjectStore
    address: Address
    size: int
    pin: VersionPin


@dataclass(frozen=True, slots=True)
class Known:
    """A digest of one side, and how it is known."""

    value: str
    evidence: Evidence


class Comparer:
    """Compares objects one by one; safe to be asked about many at once."""

    def __init__(
        self,
        bandwidth: Bandwidth,
        *,
        algorithm: str = "md5",
        download: bool = False,
        backoff: Backoff | None = None,
    ) -> None:
        """`algorithm` is used where both sides are read; `download` reads both always."""
        self._bandwidth = bandwidth
        self._algorithm = algorithm
        self._download = download
        self._backoff = backoff or Backoff(0.2, 10.0)

    async def compare(self, source: Side, destination: Side) -> Finding:
        """Two objects that are there, as far as the listings tell. Raises no StoreError."""
        found = Finding(
            Outcome.SAME, source.address, destination.address, source.size, destination.size
        )
        try:
            if source.size != destination.size:
                await _both(self._head(source), self._head(destination))
                return replace(found, outcome=Outcome.DIFFER, reason="the sizes differ")
            algorithm = self._algorithm
            known: Mapping[Side, Known] = {}
            if not self._download:
                algorithm, known = await self._attested(source, destination)
            one, two = await _both(
                self._digest(source, algorithm, known.get(source)),
                self._digest(destination, algorithm, known.get(destination)),
            )
        except _Trouble as trouble:
            return replace(found, outcome=trouble.outcome, reason=trouble.reason)
        same = one.value == two.value
        return replace(
            found,
            outcome=Outcome.SAME if same else Outcome.DIFFER,
            algorithm=algorithm,
            source_digest=one.value,
            destination_digest=two.value,
            source_evidence=one.evidence,
            destination_evidence=two.evidence,
            reason="" if same else "the bytes differ",
        )

    def hashes_many(self, *stores: ObjectStore) -> bool:
        """Whether `compare_many` is the cheaper way for these stores."""
        able = (isinstance(store, Hasher) and not store.capabilities.attested for store in stores)
        return all(able) and not self._bandwidth.limit

    async def compare_many(self, pairs: Sequence[tuple[Side, Side]]) -> list[Finding]:
        """Many small objects of equal sizes at once, all of two places whose stores can do that."""
        one, two = await _both(
            self._hash_small([source for source, _ in pairs]),
            self._hash_small([destination for _, destination in pairs]),
        )
        return [
            self._compared(source, destination, first, second)
            if first and second
            else await self.compare(source, destination)
            for (source, destination), first, second in zip(pairs, one, two, strict=True)
        ]

    def _compared(self, source: Side, destination: Side, one: str, two: str) -> Finding:
        same = one == two
        return Finding(
            Outcome.SAME if same else Outcome.DIFFER,
            source.address,
            destination.address,
            source.size,
            destination.size,
            algorithm=self._algorithm,
            source_digest=one,
            destination_digest=two,
            source_evidence=Evidence.REREAD,
            destination_evidence=Evidence.REREAD,
            reason="" if same else "the bytes differ",
        )

    async def _hash_small(self, sides: Sequence[Side]) -> list[str]:
        store = sides[0].store
        assert isinstance(store, Hasher)
        objects = [(side.address.key, side.pin) for side in sides]
        digest = partial(digest_bytes, algorithm=self._algorithm)
        try:
            return await store.hash_small(sides[0].address.bucket, objects, digest)
        except StoreError:  # each is asked for itself then, and says why
            return [""] * len(sides)

    async def one_sided(self, there: Side, store: ObjectStore, absent: Finding) -> Finding:
        """An object that only one listing has. `absent` is the finding if that is still so."""
        missing_there = absent.outcome is Outcome.MISSING_DESTINATION
        address = absent.destination if missing_there else absent.source
        trouble = store.check_key(address.key)
        if trouble:
            return replace(absent, reason=f"{store.name} cannot hold this key: {trouble}")
        try:
            head = await self._try(lambda: _absent(store, address))
            if head is not None:
                raise _Trouble(Outcome.CHANGED, "it appeared while it was checked")
            await self._head(there)
        except _Trouble as found:
            return replace(absent, outcome=found.outcome, reason=found.reason)
        except StoreError as error:
            return replace(absent, outcome=Outcome.UNREADABLE, reason=_reason(address, error))
        return absent

    async def recorded(
        self, store: ObjectStore, finding: Finding, pin: VersionPin | None
    ) -> Finding:
        """Whether the destination still has the digest that `finding` gives for the source.

        `pin` is the version that the digest was recorded for.
        """
        address, algorithm = finding.destination, finding.algorithm
        try:
            head = await self._try(lambda: _absent(store, address))
            if head is None:
                return replace(
                    finding, outcome=Outcome.MISSING_DESTINATION, reason="the copy is gone"
                )
            there = Side(store, address, head.size, head.pin)
            own = None if self._download else _own(there, head, algorithm)
            known = await self._digest(there, algorithm, own)
        except _Trouble as trouble:
            return replace(finding, outcome=trouble.outcome, reason=trouble.reason)
        except StoreError as error:
            return replace(finding, outcome=Outcome.UNREADABLE, reason=_reason(address, error))
        same = known.value == finding.source_digest
        rewritten = pin is not None and not pin.matches(head.pin)
        reason = "it was overwritten since" if rewritten else "the bytes differ from the record"
        return replace(
            finding,
            outcome=Outcome.SAME if same else Outcome.DIFFER,
            destination_size=head.size,
            destination_digest=known.value,
            destination_evidence=known.evidence,
            reason="" if same else reason,
        )

    # -- one side -----------------------------------------------------------------------

    async def _attested(self, one: Side, two: Side) -> tuple[str, Mapping[Side, Known]]:
        """The algorithm to compare by, and what the providers attest by it."""
        asked = [side for side in (one, two) if side.store.capabilities.attested]
        heads = dict(zip(asked, await _all(*(self._head(side) for side in asked)), strict=True))
        best, most = self._algorithm, dict[Side, Known]()
        for name in STRONGEST:
            known = {side: own for side, head in heads.items() if (own := _own(side, head, name))}
            if len(known) > len(most):
                best, most = name, known
        return best, most

    async def _head(self, side: Side) -> ObjectHead:
        address = side.address
        try:
            return await self._try(
                lambda: side.store.head(address.bucket, address.key, pin=side.pin)
            )
        except StoreError as error:
            raise _trouble(side.address, error) from error

    async def _digest(self, side: Side, algorithm: str, known: Known | None) -> Known:
        if known is not None:
            return known
        try:
            return Known(await self._try(lambda: self._read(side, algorithm)), Evidence.REREAD)
        except StoreError as error:
            raise _trouble(side.address, error) from error

    async def _read(self, side: Side, algorithm: str) -> str:
        digest = StreamDigest([algorithm])
        reading = read_through(side.store, side.address, side.pin, side.size)
        async with aclosing(reading) as chunks:
            async for chunk in chunks:
                if self._bandwidth.limit:
                    await self._bandwidth.take(len(chunk))
                await digest.update(chunk)
        return (await digest.finish())[algorithm]

    async def _try(self, work: Callable[[], Awaitable[T]]) -> T:
        for attempt in range(1, _TRIES):
            try:
                return await work()
            except AstraError as error:
                if not error.retryable:
                    raise
                await asyncio.sleep(self._backoff.delay(attempt))
        return await work()


async def in_order(
    work: AsyncGenerator[Callable[[], Awaitable[T]], None], at_once: int
) -> AsyncGenerator[T, None]:
    """Carry out work, `at_once` of it at a time, and give the results in order.

    Ending early cancels what runs and waits for it.
    """
    gate = asyncio.Semaphore(at_once)
    running: deque[asyncio.Task[T]] = deque()

    async def guarded(comparison: Callable[[], Awaitable[T]]) -> T:
        async with gate:
            return await comparison()

    try:
        async with aclosing(work) as comparisons:
            async for comparison in comparisons:
                running.append(asyncio.ensure_future(guarded(comparison)))
                if len(running) >= at_once * _WINDOW:
                    yield await running.popleft()
        while running:
            yield await running.popleft()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class _Trouble(Exception):
    """Why two objects could not be compared."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


def _trouble(address: Address, error: StoreError) -> _Trouble:
    if isinstance(error, (PreconditionFailed, NotFound)):
        return _Trouble(Outcome.CHANGED, f"{address} was changed or removed while it was checked")
    return _Trouble(Outcome.UNREADABLE, _reason(address, error))


def _reason(address: Address, error: StoreError) -> str:
    if isinstance(error, Archived):
        return f"{address} is archived and attests no checksum in common; restore it to check it"
    return f"{address}: {error.what}"


def _own(side: Side, head: ObjectHead, algorithm: str) -> Known | None:
    """The provider's own checksum by that algorithm, None if it attests none."""
    if algorithm not in side.store.capabilities.attested:
        return None
    known = head.checksum(algorithm)
    return Known(known.value.lower(), Evidence.ATTESTED) if known is not None else None


async def _absent(store: ObjectStore, address: Address) -> ObjectHead | None:
    try:
        return await store.head(address.bucket, address.key)
    except NotFound:
        return None


async def _both(one: Awaitable[T], two: Awaitable[T]) -> tuple[T, T]:
    first, second = await _all(one, two)
    return first, second


async def _all(*work: Awaitable[T]) -> list[T]:
    """All results; the first failure ends the others and is raised."""
    tasks = [asyncio.ensure_future(item) for item in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
