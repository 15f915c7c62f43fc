"""Steps 1 to 3 without the bytes: the provider copies from one of its buckets to another.

Only where the source has a checksum of its own, so that step 4 can prove the copy, and where
the store can hold to the pin; else the bytes come through this machine. Objects above the
store's `copy_limit`, and large ones on servers whose plain copy would overwrite, are copied
part by part into an upload that is on record before its first part.
"""

import asyncio
from collections.abc import Mapping

from engine.errors import NotFound, NotSupported, StoreError
from engine.migration.answers import refused
from engine.migration.digest import ALGORITHMS
from engine.migration.job import Job
from engine.migration.multipart import Upload, first_error
from engine.migration.records import Effect, Outcome, PartRecord
from engine.migration.services import Services
from engine.migration.source import Expected
from engine.model import (
    SERVER_COPY,
    Evidence,
    ObjectHead,
    ObjectMeta,
    RestoreState,
    SourceProof,
    Step,
    VersionPin,
)
from engine.stores.base import ObjectStore, Part, PartCopier, Written

_PART = 512 * 1024**2
_LARGEST = 5 * 1024**3  # bytes of one part
_PATIENT = 64  # parts whose sizes are asked for one by one


async def may_copy(
    job: Job, source: ObjectStore, destination: ObjectStore, head: ObjectHead
) -> bool:
    """Whether the provider is to be asked. Sends nothing.

    Not if an earlier try has sent parts of its own: those would be thrown away. Nor into another
    class, which may not be readable, where a copy can only be proved by reading it.
    """
    spec = job.record.spec
    if not spec.options.server_copy or not destination.can_copy_from(source):
        return False
    if not attests_copies(destination) and (
        spec.to_class not in ("", head.storage_class) or head.restore is RestoreState.AVAILABLE
    ):
        return False
    sent = await job.finished_parts() if job.record.upload_id else []
    return not any(part.crc32c for part in sent)


def known_digests(head: ObjectHead, expected: Expected) -> Mapping[str, str]:
    """What the source's bytes have as their digests without reading them; {} if nothing is
    known. Several are kept: the destination may attest any of them."""
    known = {
        item.algorithm: item.value.lower()
        for item in head.checksums
        if item.algorithm in ALGORITHMS and item.computed_by_provider and not item.parts
    }
    return {} if expected.proof is SourceProof.UNATTESTED else known | dict(expected.digests)


async def copy_on_server(
    job: Job, services: Services, head: ObjectHead, meta: ObjectMeta, replace: VersionPin | None
) -> Written:
    """Let the destination's provider copy. Raises NotSupported, with nothing left behind."""
    spec = job.record.spec
    destination = services.store(spec.destination)
    limit = destination.capabilities.copy_limit
    why: NotSupported | None = None
    if not job.record.upload_id and (not limit or head.size <= limit):
        try:
            return await _copy_whole(job, destination, head, meta, replace)
        except NotSupported as error:
            why = error
    parts = isinstance(destination, PartCopier)
    if parts and head.size >= destination.capabilities.multipart_threshold:
        return await copy_in_parts(job, services, head, meta, replace)
    raise why or NotSupported(
        "The provider copies no object of this size.", subject=str(spec.destination)
    )


async def _copy_whole(
    job: Job,
    destination: ObjectStore,
    head: ObjectHead,
    meta: ObjectMeta,
    replace: VersionPin | None,
) -> Written:
    source, target = job.record.spec.source, job.record.spec.destination
    job.checkpoint()
    job.set(step=Step.UPLOAD)
    job.intend(Effect.WRITE, server=True, **({"replaces": True} if replace else {}))
    await job.commit()
    try:
        written = await destination.copy(
            source.bucket,
            source.key,
            target.bucket,
            target.key,
            pin=head.pin,
            size=head.size,
            meta=meta,
            storage_class=job.record.spec.to_class,
            replace=replace,
        )
    except StoreError as error:
        if refused(error):
            job.settle(Effect.WRITE, Outcome.REFUSED)
        raise
    job.passed_by(head.size)
    return written


async def copy_in_parts(
    job: Job, services: Services, head: ObjectHead, meta: ObjectMeta, replace: VersionPin | None
) -> Written:
    """Copy part by part; an earlier try's parts are not copied again.

    Raises NotSupported before anything is begun where the server would not hold to the pin.
    """
    destination = services.store(job.record.spec.destination)
    bucket = job.record.spec.destination.bucket
    if not isinstance(destination, PartCopier) or not await destination.copies_parts(bucket):
        raise NotSupported(
            "The provider cannot copy this object exactly in parts.",
            subject=str(job.record.spec.destination),
            safe="Nothing was written.",
        )
    return await _Parts(job, services, head, meta, destination).run(replace)


class _Parts(Upload):
    by_server = True

    def __init__(
        self,
        job: Job,
        services: Services,
        head: ObjectHead,
        meta: ObjectMeta,
        copier: PartCopier,
    ) -> None:
        super().__init__(job, services, head, meta)
        self.copier = copier
        self.at_once = services.lanes.parts(self.address.cloud)
        self.source = job.record.spec.source
        self.source_store = services.store(self.source)

    async def run(self, replace: VersionPin | None) -> Written:
        sizes = await self._sizes()
        await self.prepare(sizes[0])
        self.job.set(step=Step.UPLOAD)
        try:
            await self._copy_all(sizes)
        except NotFound as error:
            raise await self.lost(error) from error
        return await self.complete(replace)

    async def _sizes(self) -> tuple[int, ...]:
        """The parts that the source was uploaded in, so that the ETag stays; else large ones."""
        head, can = self.head, self.destination.capabilities
        if 1 <= head.part_count <= min(can.max_parts, _PATIENT):
            sizes = await self.source_store.part_sizes(
                self.source.bucket, self.source.key, pin=head.pin, count=head.part_count
            )
            fits = sum(sizes) == head.size and all(
                can.min_part <= size <= _LARGEST for size in sizes[:-1]
            )
            if sizes and fits and sizes[-1] <= _LARGEST:
                return tuple(sizes)
        part = max(_PART, -(-head.size // can.max_parts))
        return tuple(min(part, head.size - start) for start in range(0, head.size, part))

    async def _copy_all(self, sizes: tuple[int, ...]) -> None:
        slots, start = asyncio.Semaphore(self.at_once), 0
        try:
            async with asyncio.TaskGroup() as group:
                for number, size in enumerate(sizes, 1):
                    span, start = (start, start + size), start + size
                    kept = self.kept.get(number)
                    if kept is not None and kept.size == size and not kept.crc32c:
                        self.done[number] = Part(number, kept.etag, size)
                        self.job.passed_by(size)
                        continue
                    await slots.acquire()
                    self.job.checkpoint()
                    task = group.create_task(self._copy_part(number, *span))
                    task.add_done_callback(lambda _: slots.release())
        except BaseExceptionGroup as errors:
            raise first_error(errors) from errors

    async def _copy_part(self, number: int, start: int, stop: int) -> None:
        part = await self.copier.copy_part(
            self.source.bucket,
            self.source.key,
            self.address.bucket,
            self.address.key,
            self.record.upload_id,
            number,
            pin=self.head.pin,
            start=start,
            stop=stop,
        )
        self.done[number] = part
        self.job.add_part(PartRecord(number, part.etag, stop - start, "", ""))
        await self.job.commit()
        self.job.passed_by(stop - start)


def attests_copies(store: ObjectStore) -> bool:
    """Whether a checksum that the store tells of its own copy was computed over the copy.

    A server whose only checksum is the ETag may have copied that along with the bytes.
    """
    return bool(store.capabilities.attested - {"md5"})


def needs_reread(job: Job, store: ObjectStore) -> bool:
    """Whether `attested` is not enough for what the provider copied."""
    asked = job.record.spec.options.verify is Evidence.ATTESTED
    return asked and SERVER_COPY in job.record.notes and not attests_copies(store)
