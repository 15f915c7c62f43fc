"""Step 4: proof that the destination holds the source's bytes.

`reread` reads the copy back, pinned to what our write returned, and hashes it anew; `attested`
compares with a whole-object checksum that the provider computed itself. Where a provider
attests nothing in common the copy is read; where it cannot be read (an archive class) only an
attested checksum will do. Size, a multipart ETag or metadata are never taken as proof.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import NamedTuple

from engine.errors import (
    Archived,
    DestinationChanged,
    DestinationExists,
    DigestMismatch,
    NotFound,
    PreconditionFailed,
    StoreError,
)
from engine.migration.digest import MULTIPART_MD5, STRONGEST
from engine.migration.job import Job, StartOver
from engine.migration.packing import UNPACKING, Damaged, Unpacker, stored
from engine.migration.server_copy import needs_reread
from engine.migration.services import Services
from engine.migration.source import Expected, Pass, changed
from engine.model import Address, Evidence, JobState, ObjectHead, Step, VersionPin
from engine.stores.base import ObjectStore

_PROVED_ON_THE_WAY = (
    "The provider attests the compressed bytes; that they decompress to the source's was proved"
    " before the last of them was sent."
)


async def verify(job: Job, services: Services) -> None:
    """Prove the copy; the record then says `verified` (on disk with the next commit).

    Raises DigestMismatch if the bytes differ, DestinationChanged if somebody else wrote
    there, StartOver if the copy is gone.
    """
    record = job.record
    began = time.perf_counter()
    job.begin_pass()
    job.set(state=JobState.VERIFYING, step=Step.VERIFY)
    try:
        if record.spec.options.compress:
            proof = await prove_packed(job, services)
        else:
            proof = await _prove(job, services)
    except NotFound as error:
        raise StartOver(_gone(record.spec.destination)) from error
    except PreconditionFailed as error:
        raise _changed(record.spec.destination) from error
    job.spent(Step.VERIFY, time.perf_counter() - began)
    # Both sides are shown by the algorithm that was compared, above all when they differ.
    shown = f"{proof.algorithm}:" if proof.algorithm != record.spec.options.checksum else ""
    job.set(
        checksum_source=f"{shown}{record.digests[proof.algorithm]}",
        checksum_destination=f"{shown}{proof.value}",
    )
    if proof.value != (proof.expected or record.digests[proof.algorithm]):
        raise _mismatch(job, proof)
    if not record.wrote:
        job.note("The same content was already at the destination; the upload was skipped.")
    job.set(verified=True, evidence=proof.evidence)


class Proof(NamedTuple):
    """What the destination's bytes have as their digest, and how that is known.

    `expected` is what they should have where that is not the source's.
    """

    algorithm: str
    value: str
    evidence: Evidence
    expected: str = ""


async def _prove(job: Job, services: Services) -> Proof:
    record = job.record
    address, pin = record.spec.destination, record.destination_pin
    assert pin is not None
    store = services.store(address)
    if needs_reread(job, store):
        job.note("This server may copy a checksum along with the bytes; the copy was read back.")
    elif record.spec.options.verify is Evidence.ATTESTED:
        found = attested(
            await store.head(address.bucket, address.key, pin=pin), store, record.digests
        )
        if found is not None:
            return found
        job.note("The destination attests no checksum in common; the copy was read back.")
    try:
        return await reread(job, services, address, pin)
    except Archived as error:
        head = await store.head(address.bucket, address.key, pin=pin)
        found = attested(head, store, record.digests)
        if found is None:
            raise _no_proof(address) from error
        job.note("The copy is in an archive class: proved by the provider's own checksum.")
        return found


async def prove_packed(job: Job, services: Services) -> Proof:
    """That the destination's frame becomes the source's bytes again.

    `attested` proves by the provider's checksum that the frame is the one that was sent; that it
    decompresses to the source was proved before its last bytes went. Otherwise the copy is read
    back, hashed, decompressed, and what comes out is hashed. One that was not written by this
    job is always read.
    """
    record = job.record
    address, pin = record.spec.destination, record.destination_pin
    assert pin is not None
    store, sent = services.store(address), stored(record.digests)
    if sent and record.wrote and record.spec.options.verify is Evidence.ATTESTED:
        found = attested(await store.head(address.bucket, address.key, pin=pin), store, sent)
        if found is not None:
            job.note(_PROVED_ON_THE_WAY)
            return found._replace(expected=sent[found.algorithm])
        job.note("The destination attests no checksum in common; the copy was read back.")
    try:
        return await _unpacked(job, services, address, pin)
    except Archived as error:
        head = await store.head(address.bucket, address.key, pin=pin)
        found = attested(head, store, sent) if record.wrote else None
        if found is None:
            raise _no_proof(address) from error
        job.note("The copy is in an archive class: proved by the provider's own checksum.")
        job.note(_PROVED_ON_THE_WAY)
        return found._replace(expected=sent[found.algorithm])


async def _unpacked(job: Job, services: Services, address: Address, pin: VersionPin) -> Proof:
    """Read the copy whole, and hold what comes out of it to the source's digest."""
    record, algorithm = job.record, job.record.spec.options.checksum
    size = pin.size
    if size < 0:
        found = await services.store(address).head(address.bucket, address.key, pin=pin)
        size = found.size
    reading = Pass(job, services, address, pin, size, algorithms=[algorithm])
    reading.reserve += min(UNPACKING, 2 * record.size)
    unpacker = Unpacker(record.size, [algorithm])
    try:
        async with aclosing(reading.chunks()) as chunks:
            async for chunk in chunks:
                await asyncio.to_thread(unpacker.feed, chunk)
        value = unpacker.finish()[algorithm]
    except Damaged as error:
        raise _not_the_source(job, str(error)) from error
    if value != record.digests[algorithm]:
        raise _not_the_source(job, f"its {algorithm} becomes {value}")
    own = reading.digests[algorithm]
    sent = stored(record.digests) if record.wrote else {}
    return Proof(algorithm, own, Evidence.REREAD, sent.get(algorithm, own))


async def reread(job: Job, services: Services, address: Address, pin: VersionPin) -> Proof:
    """Read that version whole and hash it anew, by an algorithm of the first pass."""
    digests = job.record.digests
    wanted = job.record.spec.options.checksum
    algorithm = wanted if wanted in digests else next(iter(digests))
    sizes = await _part_sizes(job, services) if algorithm == MULTIPART_MD5 else ()
    reading = Pass(
        job,
        services,
        address,
        pin,
        job.record.size,
        algorithms=[wanted if sizes else algorithm],
        expected=Expected(part_sizes=sizes),
    )
    return Proof(algorithm, (await reading.run())[algorithm], Evidence.REREAD)


async def _part_sizes(job: Job, services: Services) -> tuple[int, ...]:
    """How the source was uploaded: its only checksum is one of its parts' checksums.

    Raises StartOver if the source cannot tell any more.
    """
    record, address = job.record, job.record.spec.source
    assert record.source_pin is not None
    count = int(record.digests[MULTIPART_MD5].rpartition("-")[2])
    try:
        sizes = await services.store(address).part_sizes(
            address.bucket, address.key, pin=record.source_pin, count=count
        )
    except (NotFound, PreconditionFailed) as error:
        raise changed(address) from error
    if len(sizes) != count or sum(sizes) != record.size:
        raise StartOver(changed(address))
    return sizes


def attested(head: ObjectHead, store: ObjectStore, digests: Mapping[str, str]) -> Proof | None:
    """The provider's own checksum by an algorithm that we computed too, None if there is none.

    The strongest they have in common. It is given as it is, equal to ours or not.
    """
    for name in STRONGEST:
        if name in digests and name in store.capabilities.attested:
            known = head.checksum(name)
            if known is not None:
                return Proof(name, known.value.lower(), Evidence.ATTESTED)
    return None


def _gone(address: Address) -> DestinationChanged:
    return DestinationChanged(
        "The copy disappeared before it was proved.",
        subject=str(address),
        safe="The source is kept.",
        todo="Find out who deletes there, then retry the job.",
    )


def _changed(address: Address) -> DestinationChanged:
    return DestinationChanged(
        "Somebody else wrote to the destination after this job did.",
        subject=str(address),
        safe="What is there now and the source are kept.",
        todo="Look at the destination, then plan the move again.",
    )


def _not_the_source(job: Job, why: str) -> DigestMismatch | DestinationExists:
    address = str(job.record.spec.destination)
    if not job.record.wrote:
        return DestinationExists(
            f"Another object is already there: {why}.",
            subject=address,
            safe="It was not touched and the source is kept.",
            todo="Choose another destination, or plan again with --overwrite.",
        )
    return DigestMismatch(
        f"The compressed copy does not become the source's bytes: {why}.",
        subject=address,
        safe="The copy was rolled back and the source is kept.",
        todo="Retry the job; if it happens again, the way to the destination damages data.",
    )


def _mismatch(job: Job, proof: Proof) -> DigestMismatch | DestinationExists:
    record = job.record
    address = str(record.spec.destination)
    if not record.wrote:
        return DestinationExists(
            "Another object is already there (same size, other bytes).",
            subject=address,
            safe="It was not touched and the source is kept.",
            todo="Choose another destination, or plan again with --overwrite.",
        )
    whose = "that of what was sent" if proof.expected else "the source's"
    return DigestMismatch(
        f"The copy's {proof.algorithm} is {proof.value}, {whose}"
        f" {proof.expected or record.digests[proof.algorithm]}.",
        subject=address,
        safe="The copy was rolled back and the source is kept.",
        todo="Retry the job; if it happens again, the way to the destination damages data.",
    )


def _no_proof(address: Address) -> StoreError:
    return StoreError(
        "The copy is in an archive class, cannot be read back, and the provider attests no"
        " checksum of it.",
        subject=str(address),
        safe="The copy was rolled back and the source is kept.",
        todo="Move the object to a class that can be read, then change its class there.",
    )
