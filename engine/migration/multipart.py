"""Upload in parts: begun, remembered in the ledger, taken up again later, completed, given up.

Where the parts come from is in `parts` (one pass over the source) and in `server_copy`.
"""

import time
from dataclasses import replace as replace_fields

from engine.errors import AstraError, NotFound, PreconditionFailed, StoreError, Unavailable
from engine.migration.answers import refused, upload_gone
from engine.migration.job import Job
from engine.migration.records import Effect, Outcome, PartRecord
from engine.migration.services import Services
from engine.model import ObjectHead, ObjectMeta, VersionPin
from engine.stores.base import Capabilities, ObjectStore, Part, Written

_SKEW = 15 * 60.0  # seconds that a server's clock may be off: signed requests allow no more


def part_size_for(size: int, capabilities: Capabilities) -> int:
    """Bytes of each part, so that the store's limits hold."""
    needed = -(-size // capabilities.max_parts)
    return max(capabilities.part_size, capabilities.min_part, needed)


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
