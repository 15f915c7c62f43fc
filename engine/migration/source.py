"""Reading one version of an object once: pinned, counted, hashed, resumed and proved."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from engine.errors import (
    DigestMismatch,
    NotFound,
    NotSupported,
    PreconditionFailed,
    SourceChanged,
    StoreError,
    TruncatedBody,
    Unavailable,
)
from engine.migration.digest import ALGORITHMS, CHEAPEST, MULTIPART_MD5, StreamDigest
from engine.migration.job import Job
from engine.migration.records import Effect, Outcome
from engine.migration.services import PASS, SMALL, Services
from engine.model import Address, JobState, ObjectHead, SourceProof, Step, VersionPin
from engine.stores.base import Fetched, ObjectStore, as_fetcher

CHANGED = "The source was changed after it was planned; its present version is moved."
_AT_ONCE = 128 * 1024  # bytes; above, one request more is not what counts, but memory is
_RESUMES = 5  # cut downloads that are taken up again within one pass
_PAUSE = 0.2  # seconds before that, times the number of cuts so far


@dataclass(frozen=True, slots=True)
class Expected:
    """What the source itself says about its bytes: digests by algorithm, lower-case hex.

    `part_sizes` are needed to recompute a multipart ETag, which is then under
    `MULTIPART_MD5`. Nothing in `digests`: the source has no checksum of its own. Where `proof`
    is UNATTESTED a digest is only noted with the object: bytes that differ are refused, but
    bytes that agree are not proved by it.
    """

    digests: Mapping[str, str] = field(default_factory=dict)
    part_sizes: tuple[int, ...] = ()
    proof: SourceProof = SourceProof.UNATTESTED


async def expectations(
    store: ObjectStore, address: Address, head: ObjectHead, algorithm: str
) -> Expected:
    """The checksum of its own that the source will be held to.

    The job's algorithm if the source has it (it is computed anyway), else the cheapest one,
    else the ETag of a multipart upload, recomputed with the sizes of its parts.
    """
    for name in (algorithm, *CHEAPEST):
        known = head.checksum(name) if name in ALGORITHMS else None
        if known is not None:
            return Expected({name: known.value.lower()}, proof=SourceProof.ATTESTED)
    for item in head.checksums:
        if item.algorithm != "md5" or item.parts < 1 or not item.computed_by_provider:
            continue
        try:
            sizes = await store.part_sizes(
                address.bucket, address.key, pin=head.pin, count=item.parts
            )
        except NotSupported:
            sizes = ()
        if len(sizes) == item.parts and sum(sizes) == head.size:
            digest = item.value.lower().partition("-")[0]
            return Expected(
                {MULTIPART_MD5: f"{digest}-{item.parts}"}, tuple(sizes), SourceProof.ATTESTED
            )
    for item in head.checksums:
        if item.algorithm == "md5" and not item.parts and not item.computed_by_provider:
            return Expected({"md5": item.value.lower()})
    return Expected()


@dataclass(frozen=True, slots=True)
class Read:
    """A small object that was read when it was first looked at, and how long that took.

    `intended`: meanwhile the intent to write the copy came to disk.
    """

    head: ObjectHead
    data: bytes
    seconds: float
    intended: bool


async def first_read(job: Job, services: Services) -> Read | None:
    """Read a small object without having looked at it before, if it is as it was planned.

    One request instead of two. None where something is to be known first, or where the store
    gave anything else: whoever looks then finds out what. Raises Unavailable.
    """
    record, spec = job.record, job.record.spec
    source, destination = services.store(spec.source), services.store(spec.destination)
    fetcher = as_fetcher(source)
    if (
        fetcher is None
        or not spec.pin.etag
        or not 0 <= spec.pin.size <= _AT_ONCE
        or spec.options.strict
        or record.attempt > 1
        or record.intents
        or record.source_pin is not None
        or (spec.options.server_copy and destination.can_copy_from(source))
    ):
        return None
    began = time.perf_counter()
    job.set(state=JobState.COPYING, step=Step.DOWNLOAD)
    pin = spec.pin.untimed()
    in_one = spec.pin.size < destination.capabilities.multipart_threshold
    early = in_one and not spec.options.overwrite and not spec.options.compress

    async def fetch() -> Fetched:
        return await fetcher.fetch(spec.source.bucket, spec.source.key, pin=pin)

    try:
        if early:
            # What is surely to be written next: its intent need not wait for the bytes.
            job.intend(Effect.WRITE)
            found = await job.commit_while(fetch)
        else:
            found = await fetch()
    except StoreError as error:
        job.settle(Effect.WRITE, Outcome.REFUSED)
        if isinstance(error, Unavailable):
            raise
        return None
    if not pin.matches(found.head.pin):
        job.note(CHANGED)
    job.set(source_pin=found.head.pin, size=found.head.size)
    return Read(found.head, found.data, time.perf_counter() - began, early)


async def read_through(
    store: ObjectStore,
    address: Address,
    pin: VersionPin,
    size: int,
    *,
    start: int = 0,
    stop: int | None = None,
) -> AsyncGenerator[bytes, None]:
    """All bytes of that version of `size` bytes, or those start ≤ i < stop.

    A cut download goes on where it was cut, with the same pin. Raises TruncatedBody unless
    exactly those bytes came.
    """
    offset, opened, cuts = start, start, 0
    end = None if stop == size else stop
    size = size if stop is None else stop
    while True:
        try:
            async with store.read(
                address.bucket, address.key, pin=pin, start=offset, stop=end
            ) as reader:
                async for chunk in reader:
                    offset += len(chunk)
                    if offset > size:
                        raise _wrong_size(address, offset, size)
                    yield chunk
            if offset != size:
                raise _wrong_size(address, offset, size)
        except Unavailable:
            if offset == opened or offset >= size or cuts >= _RESUMES:
                raise
            cuts, opened = cuts + 1, offset
            await asyncio.sleep(_PAUSE * cuts)
        else:
            return


def _wrong_size(address: Address, came: int, size: int) -> TruncatedBody:
    return TruncatedBody(
        f"{came:,} bytes came where {size:,} were announced.",
        subject=str(address),
        safe="The source is kept.",
    )


class Pass:
    """One pass over one version of an object.

    `chunks` gives the bytes and keeps the last one back until all were counted and the
    digests agree with what is `expected`: whoever sends them on cannot finish a bad copy.
    Afterwards `digests` are known and `complete` is True. `error` is what ended a pass early,
    for a store may hide it behind an error of its own.
    """

    def __init__(
        self,
        job: Job,
        services: Services,
        address: Address,
        pin: VersionPin,
        size: int,
        *,
        algorithms: Iterable[str],
        expected: Expected | None = None,
        given: Read | None = None,
    ) -> None:
        self._job = job
        self._services = services
        self._address = address
        self._pin = pin
        self._size = size
        self._expected = expected or Expected()
        wanted = [*algorithms, *(n for n in self._expected.digests if n != MULTIPART_MD5)]
        self._digest = StreamDigest(wanted, part_sizes=self._expected.part_sizes)
        self._given = given
        self.digests: Mapping[str, str] = {}
        self.complete = False
        self.error: BaseException | None = None
        # Bytes of memory that are taken for the pass; whoever needs more beside it says so here.
        self.reserve = min(PASS, 3 * max(size, 0))
        # Stretches (start, stop, CRC-32C) that an earlier pass has read; only where it `combines`.
        self.skip: Sequence[tuple[int, int, str]] = ()
        self.reading = 0.0  # seconds spent waiting for bytes
        self.hashing = 0.0  # seconds spent waiting for digests

    @property
    def part_sizes(self) -> tuple[int, ...]:
        """Of the source's upload, () unless its checksum is one of its parts."""
        return self._expected.part_sizes

    @property
    def combines(self) -> bool:
        """Whether bytes whose CRC-32C is known need not be read again."""
        return self._digest.combines

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes, proved before the last of them is given."""
        try:
            async with aclosing(self._proved()) as chunks:
                async for chunk in chunks:
                    yield chunk
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = error
            raise

    async def run(self) -> Mapping[str, str]:
        """Read everything and give the digests."""
        if self._size <= SMALL:
            await self.read_all()
            return self.digests
        async with aclosing(self._proved()) as chunks:
            async for _ in chunks:
                pass
        return self.digests

    async def read_all(self) -> bytes:
        """Read everything into memory; for small objects."""
        async with self._services.buffers.hold(self.reserve):
            return await self._read_small()

    async def _read_small(self) -> bytes:
        job, bandwidth, clock = self._job, self._services.bandwidth, time.perf_counter
        job.begin_pass()
        began = clock()
        if self._given is None:
            data = await self._download()
        else:
            data, began = self._given.data, began - self._given.seconds
        if bandwidth.limit:
            await bandwidth.take(len(data))
        arrived = clock()
        self.reading += arrived - began
        job.checkpoint()
        await self._digest.update(data)
        self.digests = await self._digest.finish()
        job.progressed(len(data))
        self.hashing += clock() - arrived
        self._prove()
        job.checkpoint()
        self.complete = True
        return data

    async def _download(self) -> bytes:
        store, address = self._services.store(self._address), self._address
        fetcher = as_fetcher(store)
        if fetcher is not None:
            pin = self._pin if self._pin.size >= 0 else replace(self._pin, size=self._size)
            got = await fetcher.fetch(address.bucket, address.key, pin=pin, describe=False)
            data = got.data
        else:
            async with aclosing(read_through(store, address, self._pin, self._size)) as chunks:
                data = b"".join([chunk async for chunk in chunks])
        if len(data) != self._size:
            raise _wrong_size(address, len(data), self._size)
        return data

    async def _proved(self) -> AsyncGenerator[bytes, None]:
        async with (
            self._services.buffers.hold(self.reserve),
            aclosing(self._read()) as chunks,
        ):
            async for chunk in chunks:
                yield chunk

    async def _read(self) -> AsyncGenerator[bytes, None]:
        job, bandwidth = self._job, self._services.bandwidth
        held = b""
        job.begin_pass()
        clock = time.perf_counter
        async with aclosing(self._arriving()) as arriving:
            began = clock()
            async for chunk in arriving:
                if bandwidth.limit:
                    await bandwidth.take(len(chunk))
                arrived = clock()
                self.reading += arrived - began
                job.checkpoint()
                await self._digest.update(chunk)
                job.progressed(len(chunk))
                self.hashing += clock() - arrived
                if held:
                    yield held
                held = chunk
                began = clock()
            self.reading += clock() - began
        began = clock()
        self.digests = await self._digest.finish()
        self.hashing += clock() - began
        self._prove()
        job.checkpoint()
        self.complete = True
        if held:
            yield held

    async def _arriving(self) -> AsyncGenerator[bytes, None]:
        """The bytes but for those to be skipped, which go into the digest by their CRCs."""
        store, position = self._services.store(self._address), 0
        for start, stop, crc32c in (*self.skip, (self._size, self._size, "")):
            if start > position or not self._size:
                span = read_through(
                    store, self._address, self._pin, self._size, start=position, stop=start
                )
                async with aclosing(span) as chunks:
                    async for chunk in chunks:
                        yield chunk
            if stop > start:
                await self._digest.append(crc32c, stop - start)
                self._job.passed_by(stop - start)
            position = stop

    def _prove(self) -> None:
        for name, value in self._expected.digests.items():
            if self.digests[name] != value:
                raise DigestMismatch(
                    f"The bytes that were read have {name} {self.digests[name]}, but the source"
                    f" itself says {value}.",
                    subject=str(self._address),
                    safe="Nothing was written from this read and the source is kept.",
                    todo="Retry the job; if it happens again, the source or the line to it is"
                    f" damaged{self._doubt()}.",
                )

    def _doubt(self) -> str:
        noted = self._expected.proof is SourceProof.UNATTESTED and self._expected.digests
        return ", or what was noted with it (nobody checked that) is wrong" if noted else ""


class SourcePass(Pass):
    """A pass over the version being moved: another version there means SourceChanged."""

    async def _download(self) -> bytes:
        try:
            return await super()._download()
        except (PreconditionFailed, NotFound) as error:
            raise changed(self._address) from error

    async def _proved(self) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(super()._proved()) as chunks:
                async for chunk in chunks:
                    yield chunk
        except (PreconditionFailed, NotFound) as error:
            raise changed(self._address) from error


def changed(address: Address) -> SourceChanged:
    return SourceChanged(
        "The object was changed or removed while it was being moved.",
        subject=str(address),
        safe="What is there now is kept.",
        todo="Retry the job once nobody writes to it.",
    )
