"""What S3's error answers mean."""

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

from engine.errors import (
    AccessDenied,
    Archived,
    BadResponse,
    ClockSkew,
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
from engine.stores.s3_xml import local_name, parse, text

_SKEW = 14 * 60.0  # seconds; S3 refuses signatures that are a quarter of an hour off
_LONGEST_WAIT = 15 * 60.0  # seconds; a server may name any date
_KEYS_TODO = "Check the access key, its secret and its permissions."

_BY_CODE: Mapping[str, type[StoreError]] = {
    "NoSuchKey": NotFound,
    "NoSuchBucket": NotFound,
    "NoSuchUpload": NotFound,
    "NoSuchVersion": NotFound,
    "AccessDenied": AccessDenied,
    "InvalidAccessKeyId": AccessDenied,
    "SignatureDoesNotMatch": AccessDenied,
    "ExpiredToken": AccessDenied,
    "InvalidToken": AccessDenied,
    "TokenRefreshRequired": AccessDenied,
    "InvalidObjectState": Archived,
    "PreconditionFailed": PreconditionFailed,
    "ConditionalRequestConflict": PreconditionFailed,
    "RequestTimeTooSkewed": ClockSkew,
    "RequestExpired": ClockSkew,
    "SlowDown": Throttled,
    "Throttling": Throttled,
    "ThrottlingException": Throttled,
    "RequestLimitExceeded": Throttled,
    "TooManyRequests": Throttled,
    "RequestTimeout": StoreTimeout,
    "InternalError": Unavailable,
    "ServiceUnavailable": Unavailable,
    "OperationAborted": Unavailable,
    "BadDigest": Unavailable,
    "XAmzContentSHA256Mismatch": Unavailable,
    "XAmzContentChecksumMismatch": Unavailable,
    "IncompleteBody": TruncatedBody,
    "KeyTooLongError": KeyNotSupported,
    "InvalidURI": KeyNotSupported,
    "InvalidObjectName": KeyNotSupported,
    "XMinioInvalidObjectName": KeyNotSupported,
    "NotImplemented": NotSupported,
    "MethodNotAllowed": NotSupported,
    "InvalidStorageClass": NotSupported,
    "XMinioStorageFull": NoSpace,
    "InsufficientCapacity": NoSpace,
    "QuotaExceeded": NoSpace,
}

_BY_STATUS: Mapping[int, type[StoreError]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    405: NotSupported,
    408: StoreTimeout,
    409: StoreError,
    412: PreconditionFailed,
    429: Throttled,
    501: NotSupported,
    503: Throttled,
    507: NoSpace,
}

_WORDS: Mapping[type[StoreError], tuple[str, str]] = {
    NotFound: ("There is no such object, upload or bucket", ""),
    AccessDenied: ("The store does not allow it", _KEYS_TODO),
    Archived: ("The object is archived", "Restore it before it is read."),
    PreconditionFailed: ("The object is not the version that was asked for", ""),
    ClockSkew: ("This machine's clock is too far from the store's", "Set the clock (NTP)."),
    Throttled: ("The store asks to slow down", ""),
    StoreTimeout: ("The store waited too long for the request", ""),
    Unavailable: ("The store is in trouble", ""),
    TruncatedBody: ("The bytes did not arrive whole", ""),
    KeyNotSupported: ("The store cannot hold this key", ""),
    NotSupported: ("The store cannot do this", ""),
    NoSpace: ("The store is full", "Free some space or raise the quota, then try again."),
    BadResponse: ("The store gave an answer that makes no sense", "Check the endpoint."),
}


def error_of(reply: Reply, method: str, at: str) -> StoreError:
    """The store error for an answer that is not a success."""
    code, message = _read(reply, at)
    kind = _kind(reply, code)
    what, todo = _WORDS.get(kind, ("The store refused", ""))
    said = ": ".join(part for part in (code, message) if part) or f"HTTP {reply.status}"
    region = reply.headers.get("x-amz-bucket-region", "")
    if code in ("AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect") or (
        300 <= reply.status < 400
    ):
        todo = f'Set region = "{printable(region, 40)}" for this cloud.' if region else ""
        todo = todo or "Check the cloud's region and endpoint."
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


def raise_hidden_error(reply: Reply, root: str, method: str, at: str) -> None:
    """Raise if a 200 carries an error body: completion and copy may fail after the status.

    The body must otherwise be a `root` document.
    """
    document = parse(reply.body, at, root, "Error")
    if local_name(document) == "Error":
        raise error_of(Reply(500, reply.headers, reply.body), method, at)


def retry_after(value: str, clock: Callable[[], float] = time.time) -> float:
    """Seconds that a Retry-After header asks for: at most 15 minutes, 0 if it names none."""
    try:
        seconds = float(value)
    except ValueError:  # then it should be a date
        try:
            seconds = parsedate_to_datetime(value).timestamp() - clock()
        except (ValueError, TypeError, OverflowError):
            return 0.0
    return min(seconds, _LONGEST_WAIT) if seconds > 0 else 0.0  # so is what is no number


def clock_offset(headers: Mapping[str, str], clock: Callable[[], float] = time.time) -> float:
    """How many seconds the server's clock is ahead of ours, by its Date header (0 unknown)."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp() - clock()
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _read(reply: Reply, at: str) -> tuple[str, str]:
    if not reply.body.strip():
        return "", ""
    try:
        root = parse(reply.body, at, "Error", "ErrorResponse")
    except BadResponse:
        return "", ""  # a proxy's HTML, say: the status tells enough
    found = root if local_name(root) == "Error" else root.find("{*}Error")
    if found is None:
        return "", ""
    return printable(text(found, "Code"), 60), printable(text(found, "Message"))


def _kind(reply: Reply, code: str) -> type[StoreError]:
    if code in _BY_CODE:
        return _BY_CODE[code]
    # A HEAD has no body to carry RequestTimeTooSkewed.
    if reply.status == 403 and not code and abs(clock_offset(reply.headers)) > _SKEW:
        return ClockSkew
    if reply.status in _BY_STATUS:
        return _BY_STATUS[reply.status]
    if reply.status >= 500:
        return Unavailable
    return StoreError if 300 <= reply.status < 500 else BadResponse
