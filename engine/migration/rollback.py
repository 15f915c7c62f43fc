"""Undoing a job: remove what it wrote, nothing else, and only while the source is there."""

from engine.errors import AstraError, NotFound, PreconditionFailed, StoreError
from engine.migration.answers import look, prove_absent, version_gone
from engine.migration.gate import check_destination_writable, check_places, check_writable
from engine.migration.job import Job
from engine.migration.multipart import abandon_upload
from engine.migration.records import Effect, Outcome
from engine.migration.same import sweep_probes
from engine.migration.services import Services
from engine.model import SERVER_COPY, Evidence, MoveKind, SourceProof


async def roll_back(job: Job, services: Services) -> None:
    """Abort the job's unfinished upload and delete the object that it wrote.

    The object goes only by the pin that our own write gave; it stays, with a note, if the
    source is not there any more, if a delete of the source may have been carried out, if
    another job relies on it, or if it replaced an object that nobody can bring back.
    Afterwards, on disk, the record is as if nothing had been copied.
    Raises StoreError, then calling again goes on; ConfigError if the places are others now.
    """
    record = job.record
    check_places(job, services)
    if record.spec.kind is MoveKind.TIER:
        if record.upload_id or job.intended(Effect.BEGIN_UPLOAD) is not None:
            check_destination_writable(job, services)
            await abandon_upload(job, services.store(record.spec.destination))
    else:
        destination = services.store(record.spec.destination)
        if record.wrote or record.upload_id or job.intended(Effect.BEGIN_UPLOAD) is not None:
            check_destination_writable(job, services)
        if job.intended(Effect.PROBE) is not None:
            check_writable(job, services)
            await sweep_probes(job, services)
        await abandon_upload(job, destination)
        if record.wrote and record.destination_pin is not None:
            reason = await _reason_to_keep(job, services)
            if reason:
                job.note(f"The copy at the destination was kept: {reason}.")
            else:
                await _remove(job, services)
        elif any(job.intended(effect) is not None for effect in (Effect.WRITE, Effect.COMPLETE)):
            job.note("An identical copy may be left at the destination by an interrupted write.")
    for effect in (Effect.WRITE, Effect.COMPLETE, Effect.SET_CLASS):
        job.settle(effect, Outcome.SUPERSEDED)
    job.set(
        source_pin=None,
        destination_pin=None,
        wrote=False,
        digests={},
        verified=False,
        checksum_source="",
        checksum_destination="",
        evidence=Evidence.NONE,
        source_proof=SourceProof.NONE,
    )
    job.drop_note(SERVER_COPY)
    job.put_places(("", ""))
    await job.commit()


async def _reason_to_keep(job: Job, services: Services) -> str:
    spec = job.record.spec
    if job.intended(Effect.DELETE) is not None:
        return "the source may have been deleted already"
    other = await job.relied_on()
    if other:
        return f"job {other} proved its own move by it"
    if await _replaced(job):
        return "it replaced another object, and without it nothing would be there"
    source = services.store(spec.source)
    found = await look(source, spec.source)
    if found is None:
        return "the source is not there any more"
    pin = job.record.source_pin
    if pin is None or not job.record.verified or pin.matches(found.pin):
        return ""
    # Another version is there now. A delete that was sent may have removed the one that was
    # moved, whatever the store said then; only a condition that did not hold is trusted.
    sent = [item for item in await job.history() if item.effect == Effect.DELETE]
    if all(item.outcome == Outcome.UNMATCHED for item in sent):
        return ""
    versioned = pin.version_id not in ("", "null")
    if versioned and not await version_gone(source, spec.source, pin):
        return ""
    return "another version is at the source, and the one that was moved may be nowhere else"


async def _replaced(job: Job) -> bool:
    """Whether the copy, as far as is known a good one, took the place of another object."""
    record = job.record
    fine = record.verified or record.checksum_destination in ("", record.checksum_source)
    if not record.digests or not fine:
        return False
    writes = [
        item for item in await job.history() if item.effect in (Effect.WRITE, Effect.COMPLETE)
    ]
    return bool(writes) and bool(writes[-1].details.get("replaces"))


async def _remove(job: Job, services: Services) -> None:
    record = job.record
    address, pin = record.spec.destination, record.destination_pin
    assert pin is not None
    store = services.store(address)
    try:
        if not await store.guards_deletes(address.bucket):
            found = await look(store, address)
            if found is None or not pin.matches(found.pin):
                return
        await store.delete(address.bucket, address.key, pin=pin)
    except NotFound as error:
        await prove_absent(store, address, error)
    except PreconditionFailed:
        job.note("The object at the destination was replaced by somebody else; it was kept.")


def rollback_failed(error: AstraError, address: str) -> StoreError:
    """What the operator is told when the clean-up itself could not be done."""
    return StoreError(
        f"The copy could not be rolled back: {error.what}",
        subject=address,
        safe="The source is kept.",
        todo="Retry the job once the destination can be reached; it goes on from there.",
    )
