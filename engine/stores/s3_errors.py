"""What S3's error answers mean."""

from collections.abc import Mapping

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
from engine.stores.error_answers import Kind, Words, kind_by_status, refusal, skewed, words_of
from engine.stores.http_answer import Reply
from engine.stores.http_errors import printable
from engine.stores.s3_xml import local_name, parse, text

_KEYS_TODO = "Check the access key, its secret and its permissions."
_EXPIRED_TODO = "Sign in again (`aws sso login`, say) or set a new session token, then try again."
_EXPIRED = frozenset({"ExpiredToken", "TokenRefreshRequired"})

_BY_CODE: Mapping[str, Kind] = {
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

_WORDS: Mapping[Kind, Words] = {AccessDenied: ("The store does not allow it", _KEYS_TODO)}


def error_of(reply: Reply, method: str, at: str) -> StoreError:
    """The store error for an answer that is not a success."""
    code, message = _read(reply, at)
    kind = _kind(reply, code)
    what, todo = words_of(kind, _WORDS)
    if code in _EXPIRED:
        todo = _EXPIRED_TODO
    region = reply.headers.get("x-amz-bucket-region", "")
    if code in ("AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect") or (
        300 <= reply.status < 400
    ):
        todo = f'Set region = "{printable(region, 40)}" for this cloud.' if region else ""
        todo = todo or "Check the cloud's region and endpoint."
    said = (code, message)
    return refusal(reply, method, at, kind=kind, words=(what, todo), said=said, code=code)


def raise_hidden_error(reply: Reply, root: str, method: str, at: str) -> None:
    """Raise if a 200 carries an error body: completion and copy may fail after the status.

    The body must otherwise be a `root` document.
    """
    document = parse(reply.body, at, root, "Error")
    if local_name(document) == "Error":
        raise error_of(Reply(500, reply.headers, reply.body), method, at)


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


def _kind(reply: Reply, code: str) -> Kind:
    if code in _BY_CODE:
        return _BY_CODE[code]
    if not code and skewed(reply):  # a HEAD has no body to carry RequestTimeTooSkewed
        return ClockSkew
    return Throttled if reply.status == 503 else kind_by_status(reply.status)
