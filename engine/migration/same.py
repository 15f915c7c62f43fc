"""Finding out that source and destination are one object, also by two names.

Moving an object onto itself would end with deleting it. Addresses and places are compared
first. An endpoint may have two names and a folder two paths, so where something that looks
exactly like the source already lies at the destination, a probe object tells them apart.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import uuid4

from engine.errors import NotFound, PreconditionFailed, SameObject, StoreError
from engine.migration.digest import digest_bytes
from engine.model import Address, JobSpec, ObjectHead, ObjectMeta
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


async def check_twins(
    spec: JobSpec,
    source: ObjectStore,
    destination: ObjectStore,
    head: ObjectHead,
    found: ObjectHead,
) -> None:
    """`found` lies at the destination. Raises SameObject unless it is surely another object.

    Only what looks alike in every respect (ETag, time, size) is probed: an empty object is
    written beside the destination and looked for beside the source, then removed.
    """
    if source.kind is not destination.kind or not head.pin.matches(found.pin):
        return
    suffix = f".astra-probe-{uuid4().hex[:12]}"
    there = f"{spec.destination.key}{suffix}"
    here = f"{spec.source.key}{suffix}"
    if destination.check_key(there) or source.check_key(here):
        raise same_object(spec, "It cannot be told whether")
    try:
        written = await destination.write(
            spec.destination.bucket,
            there,
            _nothing(),
            size=0,
            meta=ObjectMeta(),
            md5=digest_bytes(b"", "md5"),
        )
    except StoreError as error:
        if error.retryable:
            raise
        raise same_object(spec, "It cannot be told whether") from error
    try:
        try:
            await source.head(spec.source.bucket, here)
        except NotFound:
            return
        raise same_object(spec)
    finally:
        with suppress(NotFound, PreconditionFailed):  # somebody was faster
            await destination.delete(spec.destination.bucket, there, pin=written.pin)


def same_object(spec: JobSpec, doubt: str = "") -> SameObject:
    name = str(spec.destination)
    what = f"{doubt} it is the same object as {name}." if doubt else f"It is {name} itself."
    return SameObject(
        what,
        subject=str(spec.source),
        safe="Nothing was changed.",
        todo="Choose another destination.",
    )
