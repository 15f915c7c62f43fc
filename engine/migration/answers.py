"""What an answer of a store proves: that nothing was done, or that something is not there.

Anything may answer for a store: a proxy, a gateway without its backend, a folder whose disk
is away. Only what the store itself said counts; the rest leaves open what happened.
"""

from engine.errors import (
    AccessDenied,
    BadResponse,
    KeyNotSupported,
    NoSpace,
    NotFound,
    NotSupported,
    PreconditionFailed,
    StoreError,
    Unavailable,
)

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


__all__ = ["refused", "upload_gone"]
