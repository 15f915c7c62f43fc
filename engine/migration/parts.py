"""The parts of an upload, out of one pass over the source.

The source is read in one stream. When an earlier try left parts behind, the stream is read
and hashed from its start (an MD5 cannot be taken up in its middle), but a part whose bytes
are those already sent is not sent again. CRCs of parts combine: where a CRC-32C is the only
digest that is needed, finished parts are not read again either.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from itertools import count

import google_crc32c

from engine.errors import NotFound
from engine.migration.job import Job, Stopped
from engine.migration.multipart import Upload, abandon_upload, first_error, part_size_for
from engine.migration.packing import Packer
from engine.migration.records import Effect, Outcome, PartRecord
from engine.migration.services import PASS, Services
from engine.migration.source import SourcePass
from engine.model import ObjectHead, ObjectMeta, Step, VersionPin
from engine.stores.base import Part, Written
from engine.stores.body import Pieces

_LARGEST = 16 * 1024**2  # bytes; a source's own parts are taken over up to here


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


class _Buffer:
    """The part being filled. `give_back` returns the memory that was taken for it."""

    __slots__ = ("_chunks", "_crc", "_size", "give_back", "have")

    def __init__(self, size: int, give_back: Callable[[], None]) -> None:
        self.give_back = give_back
        self.have = 0
        self._size = size
        self._chunks: list[bytes] = []
        self._crc = 0

    def take(self, chunk: bytes) -> bytes:
        """Add what fits; give the rest."""
        room = self._size - self.have
        fits, rest = (chunk, b"") if len(chunk) <= room else (chunk[:room], chunk[room:])
        self._chunks.append(fits)
        self._crc = google_crc32c.extend(self._crc, fits)
        self.have += len(fits)
        return rest

    def empty(self) -> tuple[Pieces, str]:
        """The bytes, not joined, and their CRC-32C."""
        data, self._chunks = Pieces(self._chunks), []
        return data, f"{self._crc:08x}"


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
                            buffer = _Buffer(size, await self._room(size))
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
            data, checksum = buffer.empty()
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

    async def _send(self, number: int, data: Pieces, checksum: str) -> None:
        address = self.address
        part = await self.destination.upload_part(
            address.bucket, address.key, self.record.upload_id, number, data
        )
        self.done[number] = part
        self.job.add_part(PartRecord(number, part.etag, len(data), part.md5, checksum))
        await self.job.commit()
