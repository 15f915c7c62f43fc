"""Finding out that source and destination are one object, also by two names.

Moving an object onto itself would end with deleting it. Addresses and places are compared
first. An endpoint may have two names, a folder two paths or a server in front of it, so where
something already lies at the destination of a move, a probe object tells them apart.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from uuid import uuid4

from engine.errors import (
    AccessDenied,
    NotFound,
    PreconditionFailed,
    SameObject,
    StoreError,
    Unavailable,
)
from engine.migration.digest import digest_bytes
from engine.migration.job import Job
from engine.migration.records import Effect, Outcome
from engine.migration.services import Services
from engine.model import Address, JobSpec, MoveKind, ObjectHead, ObjectMeta
from engine.stores.base import ObjectStore


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for chunk in nothing:
        yield chunk


def check_names(spec: JobSpec, source: ObjectStore, destination: ObjectStore) -> None:
    """Raises SameObject if the names alone say so. Sends nothing."""
    if spec.source == spec.destination or _place(source, spec.source) == _place(
        destination, spec.destination
    ):
        raise same_object(spec)


def _place(store: ObjectStore, address: Address) -> str:
    return store.locate(address.bucket, address.key)


async def check_twins(job: Job, services: Services, head: ObjectHead, found: ObjectHead) -> None:
    """`found` lies at the destination. Raises SameObject unless it is surely another object.

    Two servers may show one folder with other ETags and times, so a move always probes. A copy
    deletes nothing: there only what looks alike in every respect is probed.
    """
    spec = job.record.spec
    source, destination = services.store(spec.source), services.store(spec.destination)
    if spec.kind is not MoveKind.MOVE and (
        source.kind is not destination.kind or not head.pin.matches(found.pin)
    ):
        return
    folder = f".astra-probe-{uuid4().hex[:12]}"
    if destination.check_key(f"{spec.destination.key}{folder}/d") or source.check_key(
        f"{spec.source.key}{folder}/s"
    ):
        raise same_object(spec, "It cannot be told whether")
    await sweep_probes(job, services)
    job.intend(Effect.PROBE, folder=folder)
    await job.commit()
    try:
        same = await _one_place(spec, source, destination, folder)
    except StoreError as error:
        if error.retryable:
            raise
        raise same_object(spec, "It cannot be told whether") from error
    job.settle(Effect.PROBE)
    if same:
        raise same_object(spec)


async def sweep_probes(job: Job, services: Services) -> None:
    """Remove the probes that an earlier try could not. Raises StoreError."""
    begun = job.intended(Effect.PROBE)
    if begun is None:
        return
    spec = job.record.spec
    for address, name in ((spec.destination, "d"), (spec.source, "s")):
        await _remove(
            services.store(address), address.bucket, f"{address.key}{begun['folder']}/{name}"
        )
    job.settle(Effect.PROBE, Outcome.SUPERSEDED)


async def _one_place(
    spec: JobSpec, source: ObjectStore, destination: ObjectStore, folder: str
) -> bool:
    """Whether what is written beside the one end appears beside the other.

    A gateway may answer from a listing of minutes ago. So both ends write, into a folder
    that is new to both: one that has just made it has no old listing of it. Who may read and
    delete at the source but not write is believed after the first look.
    """
    here, there = spec.source, spec.destination
    async with _probe(destination, there.bucket, f"{there.key}{folder}/d"):
        if await _is_there(source, here.bucket, f"{here.key}{folder}/d"):
            return True
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(
                    _probe(source, here.bucket, f"{here.key}{folder}/s")
                )
            except AccessDenied:
                return False
            return await _is_there(
                destination, there.bucket, f"{there.key}{folder}/s"
            ) or await _is_there(source, here.bucket, f"{here.key}{folder}/d")


@asynccontextmanager
async def _probe(store: ObjectStore, bucket: str, key: str) -> AsyncIterator[None]:
    """An empty object while the block runs."""
    written = await store.write(
        bucket, key, _nothing(), size=0, meta=ObjectMeta(), md5=digest_bytes(b"", "md5")
    )
    try:
        yield
    finally:
        with suppress(NotFound, PreconditionFailed):  # somebody was faster, or it is not true
            await store.delete(bucket, key, pin=written.pin)
        await _remove(store, bucket, key)


async def _remove(store: ObjectStore, bucket: str, key: str) -> None:
    """See to it that a probe is gone, whatever an earlier answer said.

    Raises Unavailable if it stays; the intent then does, too, and the next try removes it.
    """
    for _ in range(2):
        try:
            left = await store.head(bucket, key)
        except NotFound:
            return
        if left.size:
            return  # no probe of ours
        with suppress(NotFound, PreconditionFailed):
            await store.delete(bucket, key, pin=left.pin)
    raise Unavailable(
        "An empty object that Astra wrote to tell two places apart could not be removed.",
        subject=f"{store.name}:{bucket}/{key}",
        safe="It is on record and the next try removes it; nothing else was changed.",
    )


async def _is_there(store: ObjectStore, bucket: str, key: str) -> bool:
    try:
        await store.head(bucket, key)
    except NotFound:
        return False
    return True


def same_object(spec: JobSpec, doubt: str = "") -> SameObject:
    name = str(spec.destination)
    what = f"{doubt} it is the same object as {name}." if doubt else f"It is {name} itself."
    return SameObject(
        what,
        subject=str(spec.source),
        safe="Nothing was changed.",
        todo="Choose another destination.",
    )
