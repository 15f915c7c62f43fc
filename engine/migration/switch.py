"""Step 5: delete the source, on the condition that it still is the version that was proved.

`verified` and the intent to delete are on disk before the delete is sent. When nobody knows
whether an earlier delete was carried out, both ends are looked at before anything else.
"""

import time
from collections.abc import Awaitable, Callable

from engine.errors import (
    AstraError,
    DestinationChanged,
    MigrationError,
    NotFound,
    PreconditionFailed,
    StateError,
    StoreError,
)
from engine.migration.answers import look, prove_absent, refused, unclear, version_gone
from engine.migration.gate import count_delete, discount_delete, know_deletes
from engine.migration.job import Job, StartOver
from engine.migration.records import Effect, Outcome
from engine.migration.services import SMALL, Services
from engine.migration.source import changed
from engine.model import JobState, ObjectHead, Step, StoreKind
from engine.stores.base import check_still


async def switch(job: Job, services: Services, *, guarded: bool) -> None:
    """Delete the source and complete the job."""
    record = job.record
    began = time.perf_counter()
    pin, address = record.source_pin, record.spec.source
    assert pin is not None
    assert record.verified
    store = services.store(address)
    if record.size > SMALL:
        await _look_again(job, services)
    await know_deletes(job, services)
    job.checkpoint()
    count_delete(job, services)
    job.set(state=JobState.SWITCHING, step=Step.DELETE, guarded=guarded)
    if not guarded:
        job.note(
            "Unguarded: the source's store ignores conditions on deletes; its version was looked"
            " at again just before."
        )
    job.intend(Effect.DELETE)

    async def look() -> None:
        await check_still(store, address.bucket, address.key, pin=pin)

    sent = False
    try:
        if not guarded:
            await _on_disk(job, services)
            await look()  # as late as can be
        elif store.kind is StoreKind.S3 and not pin.version_id:
            # An ETag of S3 speaks of the bytes only: the same bytes with new metadata keep it.
            await _on_disk(job, services, look)
        else:
            await _on_disk(job, services)
        sent = True
        await store.delete(address.bucket, address.key, pin=pin)
    except NotFound as error:
        await prove_absent(store, address, error)
        if _versioned(job) and not await _version_gone(job, services):
            raise unclear(address, error) from error  # the next try deletes it by its id
        job.note("The source was already gone when it was to be deleted.")
        if await _copy(job, services) is None:
            raise _both_gone(job) from None
    except PreconditionFailed as error:
        job.settle(Effect.DELETE, Outcome.UNMATCHED)
        discount_delete(job, services)
        raise StartOver(changed(address)) from error
    except StoreError as error:
        if not sent:
            job.settle(Effect.DELETE, Outcome.UNMATCHED)
            discount_delete(job, services)
        elif refused(error, writing=False):
            job.settle(Effect.DELETE, Outcome.REFUSED)
            discount_delete(job, services)
        error.safe = error.safe or "The copy is proved and kept, and so is the source."
        error.todo = error.todo or "Allow deleting the source, then retry the job."
        raise
    job.spent(Step.DELETE, time.perf_counter() - began)
    await _completed(job)


async def _on_disk(
    job: Job, services: Services, look: Callable[[], Awaitable[None]] | None = None
) -> None:
    """The proof and the intent to delete are on disk after this; `look` is taken meanwhile."""
    try:
        await (job.commit() if look is None else job.commit_while(look))
    except StateError:
        raise
    except AstraError:
        services.deletes.on_disk(job.record.job_id)
        raise
    services.deletes.on_disk(job.record.job_id)


async def _look_again(job: Job, services: Services) -> None:
    """The proof of a large object took a while, in which somebody may have written there.

    What a later write destroys no store can tell in time: none deletes on a condition that
    speaks of an object elsewhere.
    """
    address, pin = job.record.spec.destination, job.record.destination_pin
    assert pin is not None
    try:
        await check_still(services.store(address), address.bucket, address.key, pin=pin)
    except (NotFound, PreconditionFailed) as error:
        raise StartOver(_copy_changed(job)) from error


async def take_up(job: Job, services: Services, *, guarded: bool) -> None:
    """Go on with a proved job whose delete may or may not have been sent.

    Raises MigrationError if another version is at the source and nobody knows what became of
    the one that was moved: then both are kept.
    """
    record = job.record
    assert record.source_pin is not None
    unknown = job.intended(Effect.DELETE) is not None
    found = await look(services.store(record.spec.source), record.spec.source)
    copy = await _copy(job, services)
    if found is None:
        if copy is None:
            raise _both_gone(job)
        if unknown and _versioned(job) and not await _version_gone(job, services):
            # Where deleting takes two requests only the first was carried out.
            await switch(job, services, guarded=guarded)
            return
        if not unknown:
            job.note("The source was removed by somebody else after the copy was proved.")
        await _completed(job)
        return
    if not record.source_pin.matches(found.pin):
        if unknown and await _version_gone(job, services):
            if copy is None:
                raise _both_gone(job)
            job.note("Another version of the object is at the source now; it was not touched.")
            await _completed(job)
            return
        if unknown and not _versioned(job):
            raise MigrationError(
                "A newer object is at the source, and the version that was moved is proved at"
                " the destination.",
                subject=str(record.spec.source),
                safe="Both are kept.",
                todo="Plan the move again with --overwrite if the newer one shall replace it.",
            )
        raise StartOver(changed(record.spec.source))
    if copy is None:
        raise StartOver(_copy_changed(job))
    await switch(job, services, guarded=guarded)


def _versioned(job: Job) -> bool:
    pin = job.record.source_pin
    return pin is not None and pin.version_id not in ("", "null")


async def _version_gone(job: Job, services: Services) -> bool:
    """Whether the very version that was moved is gone, where versions can be asked for."""
    address, pin = job.record.spec.source, job.record.source_pin
    if pin is None or not _versioned(job):
        return False
    return await version_gone(services.store(address), address, pin)


async def _copy(job: Job, services: Services) -> ObjectHead | None:
    """The proved copy, None if it is gone or not the same any more."""
    address, pin = job.record.spec.destination, job.record.destination_pin
    assert pin is not None
    found = await look(services.store(address), address)
    return found if found is not None and pin.matches(found.pin) else None


async def _completed(job: Job) -> None:
    job.settle(Effect.DELETE)
    await finish(job)


async def finish(job: Job) -> None:
    """Complete the job. Raises StateError."""
    job.set(state=JobState.COMPLETED, paused=False, finished=time.time())
    job.clear_trouble()
    job.all_sent()
    await job.commit(hurry=False)


def _both_gone(job: Job) -> DestinationChanged:
    return DestinationChanged(
        "The source is gone, and the copy that was proved is gone or was replaced.",
        subject=str(job.record.spec.destination),
        safe="Nothing else was changed.",
        todo="Look for the object in versions or backups of both places, and find out who"
        " deleted there.",
    )


def _copy_changed(job: Job) -> DestinationChanged:
    return DestinationChanged(
        "The proved copy is gone or was replaced before the source was deleted.",
        subject=str(job.record.spec.destination),
        safe="The source is kept.",
        todo="Find out who writes there, then retry the job.",
    )
