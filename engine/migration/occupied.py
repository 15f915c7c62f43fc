"""What lies at a destination already: it is used if its bytes are the same, replaced only if that
was asked for, and else left alone."""

from abc import ABC, abstractmethod

from engine.errors import (
    DestinationChanged,
    DestinationExists,
    PreconditionFailed,
    Unavailable,
)
from engine.migration.job import Job
from engine.migration.multipart import abandon_upload
from engine.migration.packing import original
from engine.migration.records import Effect, Outcome
from engine.migration.same import check_twins
from engine.migration.services import Services, peek
from engine.model import SERVER_COPY, ObjectHead, VersionPin


class Occupied(ABC):
    """A copy whose destination may hold something. `replace` is what is to be overwritten."""

    def __init__(self, job: Job, services: Services, head: ObjectHead) -> None:
        self.job = job
        self.services = services
        self.head = head
        self.spec = job.record.spec
        self.destination = services.store(self.spec.destination)
        self.replace: VersionPin | None = None

    @abstractmethod
    async def _digest_only(self) -> None:
        """Read the source for its digest alone."""

    async def _use_existing(self) -> bool:
        """Whether the destination holds the bytes already; else what to replace is known."""
        found = await self._look()
        if found is None:
            return False
        if self._differs(found) and not self.spec.options.overwrite:
            raise _exists(str(self.spec.destination))
        await check_twins(self.job, self.services, self.head, found)
        if self._differs(found) or (self.spec.options.overwrite and self.spec.options.compress):
            self.replace = found.pin
            return False
        if self.spec.options.overwrite and not self._surely_same(found):
            self.replace = found.pin
            return False
        await self._adopt(found)
        return True

    async def _look(self) -> ObjectHead | None:
        """What is there. Raises Unavailable where the server does not say which version it is, as
        some do for a moment: it could neither be proved nor replaced."""
        found = await peek(self.destination, self.spec.destination)
        if found is not None and not (found.pin.etag or found.pin.version_id):
            raise Unavailable(
                "The server does not say which version of the object is there.",
                subject=str(self.spec.destination),
                safe="What is there is left alone and the source is kept.",
            )
        return found

    def _differs(self, found: ObjectHead) -> bool:
        if self.spec.options.compress:
            # What is in it is proved by decompressing it (step 4); the mark says what to expect.
            mark = original(found.meta)
            return mark is None or mark[1] != self.head.size
        return found.size != self.head.size or self._compared(found) is False

    def _surely_same(self, found: ObjectHead) -> bool:
        return found.size == self.head.size and self._compared(found) is True

    def _compared(self, found: ObjectHead) -> bool | None:
        """What checksums of both stores say; None if they have none in common."""
        for item in found.checksums:
            mine = self.head.checksum(item.algorithm)
            if mine is not None and not item.parts and item.computed_by_provider:
                return mine.value.lower() == item.value.lower()
        return None

    async def _adopt(self, found: ObjectHead) -> None:
        """Take what lies there as the copy; step 4 proves it like any other."""
        job = self.job
        if self.spec.options.checksum not in job.record.digests:
            await self._digest_only()
        await abandon_upload(job, self.destination)
        for effect in (Effect.WRITE, Effect.COMPLETE):
            if job.intended(effect) is not None:
                job.note(
                    "An interrupted write may have made what was found at the destination; if the"
                    " job is undone, that copy may be left there."
                )
            job.settle(effect, Outcome.SUPERSEDED)
        job.set(destination_pin=found.pin, wrote=False)
        if any(item.details.get("server") for item in await job.history()):
            job.note(SERVER_COPY)  # perhaps: it is to be proved as one
        wanted = self.spec.to_class
        if wanted and found.storage_class and found.storage_class != wanted:
            job.note(
                f"What was at the destination already is in {found.storage_class}, not in"
                f" {wanted}; it was left so."
            )
        await job.commit()

    # -- refused ------------------------------------------------------------------------

    async def _refused(self, error: PreconditionFailed) -> None:
        """The destination did not take it because something is (or changed) there."""
        job, address = self.job, str(self.spec.destination)
        await abandon_upload(job, self.destination)
        if self.replace is not None:
            raise DestinationChanged(
                "The destination was changed while it was to be replaced.",
                subject=address,
                safe="What is there now and the source are kept.",
                todo="Plan the move again.",
            ) from error
        found = await self._look()
        if found is None:
            raise Unavailable(
                "Something was at the destination for a moment.",
                subject=address,
                safe="Nothing was written and the source is kept.",
            ) from error
        if self._differs(found):
            raise _exists(address) from error
        await check_twins(self.job, self.services, self.head, found)
        await self._adopt(found)


def _exists(address: str) -> DestinationExists:
    return DestinationExists(
        "Another object is already there.",
        subject=address,
        safe="It was not touched and the source is kept.",
        todo="Choose another destination, or plan again with --overwrite.",
    )
