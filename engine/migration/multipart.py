"""Upload in parts: bounded in memory, remembered in the ledger, taken up again later.

The source is read in one stream. When an earlier try left parts behind, the stream is read
and hashed from its start (an MD5 cannot be taken up in its middle), but a part whose bytes
are those already sent is not sent again. CRCs of parts combine: where a CRC-32C is the only
digest that is needed, finished parts are not read again either.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from itertools import count

import google_crc32c

from engine.errors import AstraError, NotFound, PreconditionFailed, StoreError, Unavailable
from engine.migration.answers import refused, upload_gone
from engine.migration.job import Job, Stopped
from engine.migration.packing import Packer
from engine.migration.records import Effect, Outcome, PartRecord
from engine.migration.services import PASS, Services
from engine.migration.source import SourcePass
from engine.model import ObjectHead, ObjectMeta, Step, VersionPin
from engine.stores.base import Capabilities, ObjectStore, Part, Written

_LARGEST = 16 * 1024**2  # bytes; a source's own parts are taken over up to here
_SKEW = 15 * 60.0  # seconds that a server's clock may be off: signed requests allow no more


def part_size_for(size: int, capabilities: Capabilities) -> int:
    """Bytes of each part, so that the store's limits hold."""
    needed = -(-size // capabilities.max_parts)
    return max(capabilities.part_size, capabilities.min_part, needed)


async def put_parts(
    job: Job,
    services: Services,
    reading: SourcePass,
    head: ObjectHead,
    meta: ObjectMeta,
    replace: VersionPin | None,
    packer: Packer | None = None,
) -> Written:
    """Send the object, or what the `packer` makes of it, in parts and complete it. Raises
    PreconditionFailed if the destination refuses; the upload is still there then."""
    return await _Stream(job, services, reading, head, meta, packer).run(replace)


async def abandon_upload(job: Job, destination: ObjectStore) -> None:
    """Abort what this job began and did not complete; on disk with the next commit."""
    record, address = job.record, job.record.spec.destination
    if record.upload_id:
        await destination.abort_upload(address.bucket, address.key, record.upload_id)
        job.set(upload_id="", part_size=0)
        job.forget_parts()
    await _abort_unrecorded(job, destination)


async def _abort_unrecorded(job: Job, destination: ObjectStore) -> None:
    """Find the upload that was begun just before the process died, and abort it.

    It is the one of exactly this key that was not there before, was begun about then and has
    no parts (those are sent only after its id is on record).
    """
    begun = job.intended(Effect.BEGIN_UPLOAD)
    if begun is None:
        return
    address, before = job.record.spec.destination, begun["before"]
    if before is None:
        job.note("An unfinished upload may be left at the destination; it could not be listed.")
        job.settle(Effect.BEGIN_UPLOAD, Outcome.SUPERSEDED)
        return
    for upload in await destination.uploads(address.bucket, address.key):
        if upload.key != address.key or upload.upload_id in before:
            continue
        if abs(upload.initiated - begun["at"]) > _SKEW:
            continue
        try:
            if await destination.parts(address.bucket, address.key, upload.upload_id):
                continue
        except NotFound:
            continue
        await destination.abort_upload(address.bucket, address.key, upload.upload_id)
    job.settle(Effect.BEGIN_UPLOAD, Outcome.SUPERSEDED)


@dataclass(slots=True)
class _Buffer:
    """The part being filled. `give_back` returns the memory that was taken for it."""

    size: int
    chunks: list[bytes]
    give_back: Callable[[], None]
    have: int = 0

    def take(self, chunk: bytes) -> bytes:
        """Add what fits; give the rest."""
        room = self.size - self.have
        fits, rest = (chunk, b"") if len(chunk) <= room else (chunk[:room], chunk[room:])
        self.chunks.append(fits)
        self.have += len(fits)
        return rest

    def empty(self) -> bytes:
        data, self.chunks, self.have = b"".join(self.chunks), [], 0
        return data


class Upload:
    """An upload of one job: begun, taken up again, completed. Parts come from elsewhere.

    `kept` are the parts that are on record and at the store, `done` those to be completed.
    """

    by_server = False  # whether the provider copies the parts

    def __init__(self, job: Job, services: Services, head: ObjectHead, meta: ObjectMeta) -> None:
        self.job = job
        self.record = job.record
        self.address = job.record.spec.destination
        self.destination = services.store(self.address)
        self.head = head
        self.meta = meta
        self.kept: dict[int, PartRecord] = {}
        self.done: dict[int, Part] = {}

    async def prepare(self, part_size: int) -> None:
        """Take up the earlier upload if the store still has it, else begin one."""
        if self.record.upload_id and await self._still_there():
            return
        await _abort_unrecorded(self.job, self.destination)
        await self._begin(part_size)

    async def _still_there(self) -> bool:
        address, upload_id = self.address, self.record.upload_id
        try:
            stored = await self.destination.parts(address.bucket, address.key, upload_id)
        except NotFound as error:
            if not upload_gone(error):
                raise _unclear(error) from error
            await self._forget()
            self.job.settle(Effect.COMPLETE, Outcome.SUPERSEDED)
            return False
        there = {part.number: part for part in stored}
        for part in await self.job.finished_parts():
            match = there.get(part.number)
            if match is not None and (match.etag, match.size) == (part.etag, part.size):
                self.kept[part.number] = part
        return True

    async def _begin(self, size: int) -> None:
        address = self.address
        before: list[str] | None = None
        try:
            found = await self.destination.uploads(address.bucket, address.key)
            before = [item.upload_id for item in found if item.key == address.key]
        except StoreError as error:
            if error.retryable:
                raise
        self.job.intend(Effect.BEGIN_UPLOAD, before=before, at=time.time())
        await self.job.commit()
        upload_id = await self.destination.begin_upload(
            address.bucket,
            address.key,
            meta=self.meta,
            storage_class=self.record.spec.to_class,
        )
        self.job.settle(Effect.BEGIN_UPLOAD)
        self.job.set(upload_id=upload_id, part_size=size)
        self.job.forget_parts()
        await self.job.commit()

    async def lost(self, error: NotFound) -> Unavailable:
        """The upload is gone: removed by a rule of the bucket, or completed by a request whose
        answer was lost. The next try looks at the destination and begins anew if need be."""
        if not upload_gone(error):
            return _unclear(error)
        await self._forget()
        await self.job.commit()
        return Unavailable(
            "The unfinished upload is not there any more.",
            subject=str(self.address),
            safe="The source is kept.",
            todo="Check whether a rule of the bucket removes unfinished uploads.",
        )

    async def complete(self, replace: VersionPin | None) -> Written:
        address, upload_id = self.address, self.record.upload_id
        parts = [self.done[number] for number in sorted(self.done)]
        self.job.checkpoint()
        details = {"replaces": replace is not None, "server": self.by_server}
        self.job.intend(Effect.COMPLETE, **{name: True for name, yes in details.items() if yes})
        await self.job.commit()
        try:
            written = await self.destination.complete_upload(
                address.bucket, address.key, upload_id, parts, replace=replace
            )
            written = self._surely_ours(written)
        except NotFound as error:
            raise await self.lost(error) from error
        except StoreError as error:
            if refused(error):
                self.job.settle(Effect.COMPLETE, Outcome.REFUSED)
            raise
        self.job.set(upload_id="", part_size=0)
        self.job.forget_parts()
        return written

    def md5(self) -> str:
        """Of the whole that was sent, in hex, "" where it is not known."""
        return ""

    def _surely_ours(self, written: Written) -> Written:
        """Whether what a store is not sure of is what was sent: told by its ETag, the MD5.

        Raises PreconditionFailed if it is another client's.
        """
        md5 = self.md5()
        if written.sure or not md5:
            return written
        if written.pin.etag != md5:
            raise PreconditionFailed(
                "Somebody else wrote the object just after this upload.",
                subject=str(self.address),
                safe="What is there is left alone.",
                code="Changed",
            )
        return replace_fields(written, sure=True)

    async def _forget(self) -> None:
        """Nothing is known of the upload any more, so it is aborted first: the 404 may have
        spoken of the object that was to be replaced, or not be true."""
        address = self.address
        await self.destination.abort_upload(address.bucket, address.key, self.record.upload_id)
        self.job.set(upload_id="", part_size=0)
        self.job.forget_parts()


class _Stream(Upload):
    """Parts out of one pass over the source."""

    def __init__(
        self,
        job: Job,
        services: Services,
        reading: SourcePass,
        head: ObjectHead,
        meta: ObjectMeta,
        packer: Packer | None,
    ) -> None:
        super().__init__(job, services, head, meta)
        self.buffers = services.buffers
        self.reading = reading
        self.packer = packer
        self.slots = asyncio.Semaphore(services.lanes.parts(self.address.cloud))
        self.own = asyncio.Semaphore(1)  # the room for a part that was taken with the pass

    async def run(self, replace: VersionPin | None) -> Written:
        size = self._part_size()
        if self.record.upload_id and self.record.part_size > max(size, _LARGEST):
            # Begun for the provider to copy: its parts are too large to be held in memory here.
            await abandon_upload(self.job, self.destination)
            self.job.settle(Effect.COMPLETE, Outcome.SUPERSEDED)
        await self.prepare(size)
        self.job.set(step=Step.UPLOAD)
        # With that a job comes to its end whatever others do; more parts take what is free.
        self.reading.reserve = 0
        more = 0 if self.packer is None else self.packer.memory
        try:
            async with self.buffers.hold(PASS + self.record.part_size + more):
                await self._send_all()
        except NotFound as error:
            raise await self.lost(error) from error
        return await self.complete(replace)

    def md5(self) -> str:
        digests = self.reading.digests if self.packer is None else self.packer.digests
        return digests.get("md5", "")

    def _part_size(self) -> int:
        """The source's own, so that a multipart ETag stays; else what the store's limits ask."""
        can, sizes = self.destination.capabilities, self.reading.part_sizes
        if self.packer is not None:
            return part_size_for(self.packer.most, can)
        fits = sizes and len(set(sizes[:-1])) == 1 and sizes[-1] <= sizes[0]
        if fits and can.min_part <= sizes[0] <= _LARGEST and len(sizes) <= can.max_parts:
            return sizes[0]
        return part_size_for(self.head.size, can)

    async def _send_all(self) -> None:
        stopped = False
        try:
            async with asyncio.TaskGroup() as group:
                try:
                    await self._read(group)
                except Stopped:
                    stopped = True  # what is in flight may end, and be remembered
        except BaseExceptionGroup as errors:
            raise first_error(errors) from errors
        if stopped:
            raise Stopped

    async def _read(self, group: asyncio.TaskGroup) -> None:
        size = self.record.part_size
        numbers = iter(self._missing(size))
        buffer: _Buffer | None = None
        try:
            whole = self.reading if self.packer is None else self.packer
            async with aclosing(whole.chunks()) as chunks:
                async for chunk in chunks:
                    rest = chunk
                    while rest:
                        if buffer is None:
                            buffer = _Buffer(size, [], give_back=await self._room(size))
                        rest = buffer.take(rest)
                        if buffer.have == size:
                            full, buffer = buffer, None
                            await self._launch(group, next(numbers), full)
            if buffer is not None:
                full, buffer = buffer, None
                await self._launch(group, next(numbers), full)
        finally:
            if buffer is not None:
                buffer.give_back()

    def _missing(self, size: int) -> Iterable[int]:
        """Numbers of the parts to be read; how many a compressed object has is not known. Where
        CRCs are all that is wanted, those on record are not read again: their CRCs are combined
        with the others'."""
        if self.packer is not None:
            return count(1)
        total = self.head.size
        every = range(1, -(-total // size) + 1)
        spans = {number: ((number - 1) * size, min(number * size, total)) for number in every}
        if not self.reading.combines:
            return list(every)
        kept = {
            number: part
            for number, part in self.kept.items()
            if part.crc32c and number in spans and part.size == spans[number][1] - spans[number][0]
        }
        for number, part in kept.items():
            self.done[number] = Part(number, part.etag, part.size, part.md5)
        self.reading.skip = [(*spans[number], kept[number].crc32c) for number in sorted(kept)]
        return [number for number in every if number not in kept]

    async def _room(self, size: int) -> Callable[[], None]:
        """Wait for memory for one part; gives what returns it."""
        if self.own.locked() and self.buffers.take(size):
            return lambda: self.buffers.release(size)
        await self.own.acquire()
        return self.own.release

    async def _launch(self, group: asyncio.TaskGroup, number: int, buffer: _Buffer) -> None:
        """Send a part in the background; its memory is given back when it is through."""
        try:
            data = buffer.empty()
            checksum = f"{google_crc32c.value(data):08x}"
            kept = self.kept.get(number)
            if kept is not None and (kept.size, kept.crc32c) == (len(data), checksum):
                self.done[number] = Part(number, kept.etag, kept.size, kept.md5)
                buffer.give_back()
                return
            await self.slots.acquire()
        except BaseException:
            buffer.give_back()
            raise
        try:
            self.job.checkpoint()
        except BaseException:
            self.slots.release()
            buffer.give_back()
            raise
        task = group.create_task(self._send(number, data, checksum))

        def through(_: object) -> None:
            self.slots.release()
            buffer.give_back()

        task.add_done_callback(through)

    async def _send(self, number: int, data: bytes, checksum: str) -> None:
        address = self.address
        part = await self.destination.upload_part(
            address.bucket, address.key, self.record.upload_id, number, data
        )
        self.done[number] = part
        self.job.add_part(PartRecord(number, part.etag, len(data), part.md5, checksum))
        await self.job.commit()


def _unclear(error: NotFound) -> Unavailable:
    """Something answered 404, and not for the upload: it stays on record."""
    return Unavailable(
        f"It is not clear whether the unfinished upload is still there: {error.what}",
        subject=error.subject,
        safe="The source is kept.",
        todo="Check the endpoint, and whether the bucket is there, then retry the job.",
        status=error.status,
        code=error.code,
    )


def first_error(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that speaks for the others: one of ours, else the first."""
    flat: list[BaseException] = []
    stack: list[BaseException] = [errors]
    while stack:
        item = stack.pop()
        if isinstance(item, BaseExceptionGroup):
            stack.extend(reversed(item.exceptions))
        else:
            flat.append(item)
    ours = [item for item in flat if isinstance(item, AstraError)]
    return (ours or flat)[0]
