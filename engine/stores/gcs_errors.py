"""What the error answers of Google Cloud Storage mean."""

import json
from collections.abc import Mapping

from engine.errors import (
    AccessDenied,
    BadResponse,
    KeyNotSupported,
    NoSpace,
    NotFound,
    NotSupported,
    PreconditionFailed,
    StoreError,
    StoreTimeout,
    Throttled,
    TruncatedBody,
    Unavailable,
)
from engine.stores.http import Reply
from engine.stores.http_errors import printable
from engine.stores.s3_errors import retry_after

_BY_REASON: Mapping[str, type[StoreError]] = {
    "notFound": NotFound,
    "conditionNotMet": PreconditionFailed,
    "authError": AccessDenied,
    "required": AccessDenied,
    "forbidden": AccessDenied,
    "accountDisabled": AccessDenied,
    "insufficientPermissions": AccessDenied,
    "retentionPolicyNotMet": AccessDenied,
    "objectUnderActiveHold": AccessDenied,
    "rateLimitExceeded": Throttled,
    "userRateLimitExceeded": Throttled,
    "resumableUploadRequestTooLarge": NotSupported,
    "uploadTooLarge": NotSupported,
    "quotaExceeded": NoSpace,
    "backendError": Unavailable,
    "internalError": Unavailable,
    "objectNameInvalid": KeyNotSupported,
    "invalidStorageClass": NotSupported,
    "notImplemented": NotSupported,
}

_BY_STATUS: Mapping[int, type[StoreError]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    405: NotSupported,
    408: StoreTimeout,
    412: PreconditionFailed,
    429: Throttled,
    501: NotSupported,
    507: NoSpace,
}

_WORDS: Mapping[type[StoreError], tuple[str, str]] = {
    NotFound: ("There is no such object, upload or bucket", ""),
    AccessDenied: (
        "The store does not allow it",
        "Check the account's roles on the bucket (roles/storage.objectUser moves objects).",
    ),
    PreconditionFailed: ("The object is not the version that was asked for", ""),
    Throttled: ("The store asks to slow down", ""),
    StoreTimeout: ("The store waited too long for the request", ""),
    Unavailable: ("The store is in trouble", ""),
    TruncatedBody: ("The bytes did not arrive whole", ""),
    KeyNotSupported: ("The store cannot hold this key", ""),
    NotSupported: ("The store cannot do this", ""),
    NoSpace: ("A quota of the project is used up", "Raise the quota, then try again."),
    BadResponse: ("The store gave an answer that makes no sense", "Check the endpoint."),
}
_HELD = {
    "retentionPolicyNotMet": (
        "A retention policy forbids to change or delete the object",
        "Wait until its retention ends, or move the object with --keep-source.",
    ),
    "objectUnderActiveHold": (
        "A hold forbids to change or delete the object",
        "Release the hold, or move the object with --keep-source.",
    ),
}
_DAMAGED = ("doesn't match calculated", "does not match calculated")


def error_of(reply: Reply, method: str, at: str) -> StoreError:
    """The store error for an answer that is not a success."""
    reason, message = read_error(reply.body)
    kind = _kind(reply.status, reason, message)
    if kind is Unavailable and reply.headers.get("retry-after"):
        kind = Throttled
    code = _code(kind, reason, message)
    what, todo = _HELD.get(reason) or _WORDS.get(kind, ("The store refused", ""))
    if 300 <= reply.status < 400:
        todo = "Check the cloud's endpoint."
    said = ": ".join(part for part in (reason, message) if part) or f"HTTP {reply.status}"
    changed = method not in ("GET", "HEAD")
    error = kind(
        f"{what} ({said}).",
        subject=at,
        safe="Nothing was changed." if changed and reply.status < 500 else "",
        todo=todo,
        status=reply.status,
        code=code,
    )
    if isinstance(error, Throttled):
        error.retry_after = retry_after(reply.headers.get("retry-after", ""))
    return error


def read_error(body: bytes) -> tuple[str, str]:
    """Reason and message of an error document; empty where it is none (a proxy's page, say)."""
    try:
        error = json.loads(body)["error"]
        if isinstance(error, str):  # as the token endpoints write it
            return printable(error, 60), ""
        details = error.get("errors") or [{}]
        reason = details[0].get("reason") or error.get("status") or ""
        return printable(str(reason), 60), printable(str(error.get("message") or ""))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        return "", ""


def _kind(status: int, reason: str, message: str) -> type[StoreError]:
    if status == 400 and any(words in message.lower() for words in _DAMAGED):
        return Unavailable  # what arrived is not what was sent: send it again
    if status == 400 and "storage class" in message.lower():
        return NotSupported
    if reason in _BY_REASON and status >= 400:
        return _BY_REASON[reason]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return Unavailable
    return StoreError if 300 <= status < 500 else BadResponse


def _code(kind: type[StoreError], reason: str, message: str) -> str:
    """Codes that the migration understands from every store; else Google's own reason."""
    if kind is NotFound and reason:
        return "NoSuchBucket" if "bucket does not exist" in message else "NoSuchKey"
    if kind is Unavailable and reason and any(words in message.lower() for words in _DAMAGED):
        return "BadDigest"
    return reason
