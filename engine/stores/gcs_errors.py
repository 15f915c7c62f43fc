"""What the error answers of Google Cloud Storage mean."""

import json
from collections.abc import Mapping

from engine.errors import (
    AccessDenied,
    KeyNotSupported,
    NoSpace,
    NotFound,
    NotSupported,
    PreconditionFailed,
    StoreError,
    Throttled,
    Unavailable,
)
from engine.stores.error_answers import Kind, Words, kind_by_status, refusal, words_of
from engine.stores.http_answer import Reply
from engine.stores.http_errors import printable

_BY_REASON: Mapping[str, Kind] = {
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

_WORDS: Mapping[Kind, Words] = {
    AccessDenied: (
        "The store does not allow it",
        "Check the account's roles on the bucket (roles/storage.objectUser moves objects).",
    ),
    NoSpace: ("A quota of the project is used up", "Raise the quota, then try again."),
}
_HELD: Mapping[str, Words] = {
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
    what, todo = _HELD.get(reason) or words_of(kind, _WORDS)
    if 300 <= reply.status < 400:
        todo = "Check the cloud's endpoint."
    said = (reason, message)
    return refusal(reply, method, at, kind=kind, words=(what, todo), said=said, code=code)


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


def _kind(status: int, reason: str, message: str) -> Kind:
    if status == 400 and any(words in message.lower() for words in _DAMAGED):
        return Unavailable  # what arrived is not what was sent: send it again
    if status == 400 and "storage class" in message.lower():
        return NotSupported
    if reason in _BY_REASON and status >= 400:
        return _BY_REASON[reason]
    return kind_by_status(status)


def _code(kind: Kind, reason: str, message: str) -> str:
    """Codes that the migration understands from every store; else Google's own reason."""
    if kind is NotFound and reason:
        return "NoSuchBucket" if "bucket does not exist" in message else "NoSuchKey"
    if kind is Unavailable and reason and any(words in message.lower() for words in _DAMAGED):
        return "BadDigest"
    return reason
