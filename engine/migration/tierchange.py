"""A change of storage class in place: the same five questions, one object.

What the bytes are is known before (the provider's checksum, or a first read); the class is
changed for the pinned version only; afterwards the bytes are read back, or, in an archive
class, compared by what the provider attests. What was not proved is said.
"""

import time

from engine.errors import (
    Archived,
    DigestMismatch,
    MigrationError,
    NotFound,
    NotSupported,
    PreconditionFailed,
    StoreError,
)
from engine.migration.answers import refused
from engine.migration.copy_limits import attestable
from engine.migration.digest import ALGORITHMS, MULTIPART_MD5, check_algorithm
from engine.migration.job import Job
from engine.migration.multipart import abandon_upload
from engine.migration.records import Effect, Outcome
from engine.migration.server_copy import copy_in_parts
from engine.migration.services import Services
from engine.migration.source import SourcePass, changed, expectations
from engine.migration.switch import finish
from engine.migration.verify import Proof, attested, reread
from engine.model import Evidence, JobState, ObjectHead, Step
from engine.stores.base import ObjectStore


async def change_class(job: Job, services: Services, head: ObjectHead) -> None:
    """Change the class of the object that `head` describes, prove it, complete the job."""
    spec = job.record.spec
    store = services.store(spec.source)
    if not store.capabilities.set_class:
        raise NotSupported(
            "This store cannot change the class of an object in place.",
            subject=str(spec.source),
            safe="Nothing was changed.",
            todo="Migrate the object to a store that has the class.",
        )
    began = job.intended(Effect.SET_CLASS)
    if head.storage_class == spec.to_class and began is not None:
        # Sent before the process died or the line broke; what it did is proved now.
        await abandon_upload(job, store)
        job.settle(Effect.COMPLETE, Outcome.SUPERSEDED)
        job.set(destination_pin=head.pin)
        await _prove(job, services, store, head, began)
        return
    if head.storage_class == spec.to_class:
        job.note(f"It is in {spec.to_class} already; nothing was done.")
        await finish(job)
        return
    job.set(state=JobState.COPYING, step=Step.DOWNLOAD, source_pin=head.pin)
    await _digest_before(job, services, store, head)
    details = {"etag": head.pin.etag, "size": head.size}
    job.checkpoint()
    job.set(step=Step.UPLOAD)
    job.intend(Effect.SET_CLASS, **details)
    await job.commit()
    after = await _send(job, services, store, head)
    job.set(destination_pin=after.pin)
    await _prove(job, services, store, after, details)


async def _digest_before(
    job: Job, services: Services, store: ObjectStore, head: ObjectHead
) -> None:
    spec, began = job.record.spec, time.perf_counter()
    algorithm = check_algorithm(spec.options.checksum)
    expected = await expectations(store, spec.source, head, algorithm)
    known = {
        item.algorithm: item.value.lower()
        for item in head.checksums
        if item.algorithm in ALGORITHMS and item.computed_by_provider and not item.parts
    }
    if not known or spec.options.strict:
        wanted = {algorithm, *attestable(spec.options, store)}
        reading = SourcePass(
            job,
            services,
            spec.source,
            head.pin,
            head.size,
            algorithms=sorted(wanted),
            expected=expected,
        )
        found = await reading.run()
        known = {name: value for name, value in found.items() if name != MULTIPART_MD5}
        job.spent(Step.CHECKSUM, reading.hashing)
        job.spent(Step.DOWNLOAD, time.perf_counter() - began - reading.hashing)
    shown = algorithm if algorithm in known else next(iter(known))
    prefix = "" if shown == algorithm else f"{shown}:"
    job.set(
        digests=known,
        checksum_source=f"{prefix}{known[shown]}",
        source_proof=expected.proof,
    )


async def _send(job: Job, services: Services, store: ObjectStore, head: ObjectHead) -> ObjectHead:
    spec, began = job.record.spec, time.perf_counter()
    address = spec.source
    try:
        can = store.capabilities
        if can.class_by_copy and 0 < can.copy_limit < head.size:
            after = await _copy_onto_itself(job, services, store, head)
        else:
            after = await store.set_class(
                address.bucket, address.key, pin=head.pin, storage_class=spec.to_class
            )
    except PreconditionFailed as error:
        job.settle(Effect.SET_CLASS, Outcome.REFUSED)
        raise changed(address) from error
    except StoreError as error:
        if refused(error):
            job.settle(Effect.SET_CLASS, Outcome.REFUSED)
            if isinstance(error, NotFound):
                raise changed(address) from error
        raise
    job.spent(Step.UPLOAD, time.perf_counter() - began)
    return after


async def _copy_onto_itself(
    job: Job, services: Services, store: ObjectStore, head: ObjectHead
) -> ObjectHead:
    """Too large for one request: part by part, the upload on record before its first part."""
    address = job.record.spec.source
    written = await copy_in_parts(job, services, head, head.meta, head.pin)
    job.settle(Effect.COMPLETE)
    after = await store.head(address.bucket, address.key, pin=written.pin)
    if after.storage_class != job.record.spec.to_class:
        raise NotSupported(
            f"The server accepted the change and keeps the object in {after.storage_class}.",
            subject=str(address),
            safe="The object's bytes are unchanged.",
        )
    return after


async def _prove(
    job: Job,
    services: Services,
    store: ObjectStore,
    after: ObjectHead,
    before: dict[str, object],
) -> None:
    record, spec, began = job.record, job.record.spec, time.perf_counter()
    job.begin_pass()
    job.set(state=JobState.VERIFYING, step=Step.VERIFY)
    if after.size != before["size"]:
        raise _damaged(job, f"it has {after.size:,} bytes instead of {before['size']:,}")
    proof: Proof | None = None
    if after.archived or spec.options.verify is Evidence.ATTESTED:
        proof = attested(after, store, record.digests)
    if proof is None and not after.archived:
        try:
            proof = await reread(job, services, spec.source, after.pin)
        except Archived:
            proof = attested(after, store, record.digests)
        except (NotFound, PreconditionFailed) as error:
            raise _replaced(job) from error
    job.spent(Step.VERIFY, time.perf_counter() - began)
    if proof is None:
        _without_proof(job, after, before)
    elif proof.value != record.digests[proof.algorithm]:
        raise _damaged(
            job,
            f"its {proof.algorithm} is {proof.value} instead of {record.digests[proof.algorithm]}",
        )
    else:
        prefix = "" if proof.algorithm == spec.options.checksum else f"{proof.algorithm}:"
        job.set(
            verified=True,
            evidence=proof.evidence,
            checksum_source=f"{prefix}{record.digests[proof.algorithm]}",
            checksum_destination=f"{prefix}{proof.value}",
        )
        if proof.evidence is Evidence.ATTESTED:
            job.note(f"Proved by the provider's own {proof.algorithm}; the bytes were not read.")
    await _tell_of_version_before(job, store)
    job.settle(Effect.SET_CLASS)
    await finish(job)


async def _tell_of_version_before(job: Job, store: ObjectStore) -> None:
    """Where a new class means a new version, a bucket that keeps versions bills both."""
    record, address = job.record, job.record.spec.source
    old, new = record.source_pin, record.destination_pin
    if old is None or new is None or old.version_id in ("", "null", new.version_id):
        return
    try:
        before = await store.head(address.bucket, address.key, pin=old)
    except StoreError:
        return  # gone as a rule; the change itself is proved whatever is known of it
    job.note(
        f"The bucket keeps versions: the one before stays in {before.storage_class} and is billed"
        " as well, until you or a rule of the bucket delete it."
    )


def _without_proof(job: Job, after: ObjectHead, before: dict[str, object]) -> None:
    """An archive class that cannot be read, and no checksum in common."""
    if after.pin.etag and after.pin.etag == before["etag"]:
        job.note(
            "The bytes were not proved: the class cannot be read back and the provider attests"
            " no checksum. ETag and size are as before."
        )
        return
    raise MigrationError(
        "The class was changed, but nothing proves that the bytes are still the same: the class"
        " cannot be read back, and the provider attests no checksum of it.",
        subject=str(job.record.spec.source),
        safe="The object was changed in place by the provider; its size is as before.",
        todo="Restore the object and compare it, if in doubt.",
    )


def _damaged(job: Job, how: str) -> DigestMismatch:
    return DigestMismatch(
        f"After the change of class the object is not the same: {how}.",
        subject=str(job.record.spec.source),
        safe="Nothing was deleted.",
        todo="Look for an earlier version in the bucket or a backup, and tell the provider.",
    )


def _replaced(job: Job) -> MigrationError:
    return MigrationError(
        "Somebody wrote to the object right after its class was changed.",
        subject=str(job.record.spec.source),
        safe="What is there now is kept.",
        todo="Plan the change again.",
    )
