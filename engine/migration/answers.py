"""What an answer of a store proves: that nothing was done, or that something is not there.

Anything may answer for a store: a proxy, a gateway without its backend, a folder whose disk
is away. Only what the store itself said counts; the rest leaves open what happened.
"""

from engine.errors import (
    AccessDenied,
    Archived,
    BadResponse,
    KeyNotSupported,
    NoSpace,
    NotFound,
    NotSupported,
    PreconditionFailed,
    StoreError,
    Unavailable,
)
from engine.model import Address, ObjectHead, VersionPin
from engine.stores.base import ObjectStore

_UNSENT = (KeyNotSupported, NotSupported)
_UNWRITTEN = (*_UNSENT, AccessDenied, NoSpace)


def refused(error: StoreError, *, writing: bool = True) -> bool:
    """Whether the store surely did not do what was asked.

    That is a condition which did not hold, or an error document of the store with a status
    of 4xx. Without a status the error is of this machine: a disk that cannot be written to
    has not made the file, but it may have removed one (`writing` False) before it failed.
    """
    if isinstance(error, PreconditionFailed):
        return True
    if isinstance(error, (Unavailable, BadResponse)):
        return False
    if error.status == 0:
        return error.code == "NoSuchBucket" or isinstance(error, _UNWRITTEN if writing else _UNSENT)
    return 400 <= error.status < 500 and error.status != 408 and bool(error.code)


def upload_gone(error: NotFound) -> bool:
    """Whether the store itself says that it has no such upload."""
    return error.code in ("NoSuchUpload", "NoSuchKey")


async def look(store: ObjectStore, address: Address) -> ObjectHead | None:
    """The object as it is now, None if it is proved that there is none.

    Raises StoreError if its bucket is not there or does not answer.
    """
    try:
        return await store.head(address.bucket, address.key)
    except NotFound as error:
        await prove_absent(store, address, error)
    return None


async def prove_absent(store: ObjectStore, address: Address, error: NotFound) -> None:
    """Return if the bucket itself says that the object of `error` is not in it, else raise.

    Raises StoreError if the bucket is gone (a disk that is not mounted, say), Unavailable if
    the object is there after all.
    """
    listed = False
    try:
        async for page in store.list_pages(address.bucket, address.key):
            listed = listed or any(entry.key == address.key for entry in page.entries)
    except NotFound as missing:
        raise StoreError(
            f"The bucket is not there now: {missing.what}",
            subject=str(address),
            safe="Nothing was taken for deleted, and nothing was changed.",
            todo="Mount the disk, or check the bucket and the endpoint, then retry the job.",
            status=missing.status,
            code=missing.code,
        ) from missing
    if listed:
        raise unclear(address, error) from error


async def version_gone(store: ObjectStore, address: Address, pin: VersionPin) -> bool:
    """Whether the store itself says that it no longer has that version.

    An answer to HEAD has no words of the store; the one to GET has.
    """
    try:
        async with store.read(address.bucket, address.key, pin=pin):
            return False
    except Archived:
        return False  # it is there, and cannot be read
    except NotFound as error:
        if error.code in ("NoSuchVersion", "NoSuchKey"):
            return True
        raise unclear(address, error) from error
    except PreconditionFailed as error:
        if error.code == "NoSuchVersion":  # another one is there, and this one is nowhere
            return True
        raise


def unclear(address: Address, error: NotFound) -> Unavailable:
    """Something answered 404, and it is not true, or not known to be."""
    return Unavailable(
        f"It is not clear whether the object is there: {error.what}",
        subject=str(address),
        safe="Nothing was taken for deleted.",
        todo="Check the endpoint and what stands in front of it, then retry the job.",
        status=error.status,
        code=error.code,
    )


__all__ = ["look", "prove_absent", "refused", "unclear", "upload_gone", "version_gone"]
