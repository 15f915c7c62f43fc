"""One attempt at one job: the five steps over two stores, from wherever the ledger says.

prepare   the source as it is now; may it be moved, is it readable
copy      steps 1-3 (copying.py, multipart.py)
verify    step 4 (verify.py)
switch    step 5 (switch.py)
tier      change of class in place (tierchange.py)
"""

import time

from engine.errors import Archived, NotFound, StrictRefusal
from engine.migration.copying import copy
from engine.migration.gate import check_writable, remember_places
from engine.migration.job import Job, StartOver, Waiting
from engine.migration.records import Effect
from engine.migration.same import check_names, sweep_probes
from engine.migration.services import Services
from engine.migration.source import CHANGED, changed, first_read
from engine.migration.switch import finish, switch, take_up
from engine.migration.tierchange import change_class
from engine.migration.verify import verify
from engine.model import (
    Address,
    JobState,
    MoveKind,
    ObjectHead,
    RestoreState,
    Step,
    VersionPin,
)
from engine.stores.base import ObjectStore

LONGEST_LOOK = 900.0  # seconds between two looks at a restore, at most


async def run(job: Job, services: Services) -> None:
    """Carry the job as far as it goes; it is completed when this returns.

    Raises AstraError (retryable or not), StartOver (roll back, begin again), Stopped (the
    operator asked) or Waiting (for a restore). What was done until then is in the record.
    """
    record, spec = job.record, job.record.spec
    source = services.store(spec.source)
    check_writable(job, services)
    remember_places(job, services)
    if spec.kind is MoveKind.TIER:
        head = await _prepare(job, services, source)
        try:
            await change_class(job, services, head)
        except Archived:
            raise await _restore(job, services, source, head) from None
        return
    check_names(spec, source, services.store(spec.destination))
    await sweep_probes(job, services)
    guarded = True
    if spec.kind is MoveKind.MOVE:
        guarded = await _guard(job, source)
        if record.verified:
            await take_up(job, services, guarded=guarded)
            return
    if not record.verified:
        given = await first_read(job, services)
        head = given.head if given is not None else await _prepare(job, services, source)
        if record.destination_pin is None:
            try:
                await copy(job, services, head, given)
            except Archived:
                raise await _restore(job, services, source, head) from None
        await verify(job, services)
    if spec.kind is MoveKind.MOVE:
        await switch(job, services, guarded=guarded)
    else:
        await finish(job)


async def _guard(job: Job, source: ObjectStore) -> bool:
    spec = job.record.spec
    guarded = await source.guards_deletes(spec.source.bucket)
    if not guarded and spec.options.strict:
        raise StrictRefusal(
            "The source's store ignores conditions on deletes, so that a version written in the"
            " last moment could be lost.",
            subject=str(spec.source),
            safe="Nothing was written and the source is kept.",
            todo="Move without --strict, or keep the source.",
        )
    return guarded


async def _prepare(job: Job, services: Services, source: ObjectStore) -> ObjectHead:
    """The source as it is now; raises StartOver if it is not the version begun with."""
    record, address = job.record, job.record.spec.source
    try:
        head = await source.head(address.bucket, address.key)
    except NotFound as error:
        error.safe = error.safe or "Nothing was deleted."
        error.todo = error.todo or "Scan the source again and plan anew."
        raise
    planned = record.spec.pin
    if record.source_pin is not None:
        if not _same_class_change(job, head) and not record.source_pin.matches(head.pin):
            raise StartOver(changed(address))
    elif planned != VersionPin() and not planned.untimed().matches(head.pin):
        if record.spec.options.strict:
            raise StrictRefusal(
                "The source is no longer the version that was planned.",
                subject=str(address),
                safe="Nothing was written and the source is kept.",
                todo="Plan the move again.",
            )
        job.note(CHANGED)
    if head.archived and head.restore is not RestoreState.AVAILABLE:
        if record.spec.kind is MoveKind.TIER and head.storage_class == record.spec.to_class:
            return head
        raise await _restore(job, services, source, head)
    job.settle(Effect.RESTORE)
    if record.source_pin is None or record.size != head.size:
        job.set(source_pin=head.pin, size=head.size)
    return head


def _same_class_change(job: Job, head: ObjectHead) -> bool:
    """Whether the version differs because our own change of class made a new one."""
    begun = job.intended(Effect.SET_CLASS)
    return begun is not None and head.storage_class == job.record.spec.to_class


async def _restore(job: Job, services: Services, source: ObjectStore, head: ObjectHead) -> Waiting:
    """Ask for the object back, unless that was done; the job looks again later."""
    address, now = job.record.spec.source, time.time()
    if not services.restores:
        raise _not_restored(address, head)
    job.set(state=JobState.RESTORING, step=Step.NONE, source_pin=head.pin, size=head.size)
    asked, options = job.intended(Effect.RESTORE), job.record.spec.options
    speed = options.restore_speed or services.restore_speed
    if head.restore is not RestoreState.ONGOING:
        job.intend(Effect.RESTORE, at=now)
        await job.commit()
        await source.restore(
            address.bucket,
            address.key,
            pin=head.pin,
            days=options.restore_days or services.restore_days,
            speed=speed,
        )
        job.note(
            f"The source is archived; it was asked back ({speed} restore) and the job waits for it."
        )
    since = float(asked["at"]) if asked else now
    # Restores take minutes to days: look more seldom the longer it takes.
    return Waiting(now + min(max(services.restore_poll, (now - since) / 20), LONGEST_LOOK))


def _not_restored(address: Address, head: ObjectHead) -> Archived:
    where = f"archived in {head.storage_class}" if head.storage_class else "archived"
    under_way = head.restore is RestoreState.ONGOING
    return Archived(
        f"It is {where}{' and being restored' if under_way else ''}, and this verb restores"
        " nothing.",
        subject=str(address),
        safe="Nothing was written or asked for.",
        todo="Try again when it is there."
        if under_way
        else "Ask it back with your provider's tools, then try again; or copy it to another"
        f" bucket, which restores it first: `astra migrate {address} OTHER/ --keep-source`.",
    )
