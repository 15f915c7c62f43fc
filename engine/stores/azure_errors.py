"""What Azure's error answers mean."""

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
from engine.stores.http import Reply
from engine.stores.http_errors import printable
from engine.stores.s3_errors import clock_offset, retry_after
from engine.stores.s3_xml import parse, text

ROOT_VERSION = "OperationNotAllowedOnRootBlob"  # the current version, meant by its id
_SKEW = 14 * 60.0  # seconds; signatures that are a quarter of an hour off are refused
_KEYS_TODO = "Check the account, its key, SAS or role (Storage Blob Data Contributor)."

_BY_CODE: Mapping[str, type[StoreError]] = {
    "BlobNotFound": NotFound,
    "ContainerNotFound": NotFound,
    "ResourceNotFound": NotFound,
    "ContainerBeingDeleted": Unavailable,
    "ContainerDisabled": AccessDenied,
    "AccountIsDisabled": AccessDenied,
    "AuthenticationFailed": AccessDenied,
    "AuthorizationFailure": AccessDenied,
    "InvalidAuthenticationInfo": AccessDenied,
    "InsufficientAccountPermissions": AccessDenied,
    "NoAuthenticationInformation": AccessDenied,
    ROOT_VERSION: NotSupported,
    "BlobArchived": Archived,
    "BlobBeingRehydrated": Archived,
    "BlobAlreadyExists": PreconditionFailed,
    "UnauthorizedBlobOverwrite": PreconditionFailed,
    "ConditionNotMet": PreconditionFailed,
    "SourceConditionNotMet": PreconditionFailed,
    "TargetConditionNotMet": PreconditionFailed,
    "ServerBusy": Throttled,
    "OperationTimedOut": StoreTimeout,
    "InternalError": Unavailable,
    "Md5Mismatch": Unavailable,
    "Crc64Mismatch": Unavailable,
    "IncompleteBody": TruncatedBody,
    "InvalidUri": KeyNotSupported,
    "InvalidResourceName": KeyNotSupported,
    "OutOfRangeInput": KeyNotSupported,
    "MetadataTooLarge": NotSupported,
    "InvalidMetadata": NotSupported,
    "EmptyMetadataKey": NotSupported,
    "InvalidTag": NotSupported,
    "InvalidBlobTier": NotSupported,
    "BlobAccessTierNotSupportedForAccountType": NotSupported,
    "FeatureVersionMismatch": NotSupported,
    "UnsupportedHeader": NotSupported,
    "InvalidBlobType": StoreError,
    "AccountQuotaExceeded": NoSpace,
    "InsufficientStorage": NoSpace,
}

# What other kinds of store call the same thing; the code is asked for elsewhere in the engine.
_COMMON = {
    "BlobNotFound": "NoSuchKey",
    "ContainerNotFound": "NoSuchBucket",
    "Md5Mismatch": "BadDigest",
    "Crc64Mismatch": "BadDigest",
}

_HELD: Mapping[str, tuple[str, str]] = {
    "LeaseIdMissing": ("Somebody holds a lease on the blob", "Break or release the lease first."),
    "LeaseAlreadyPresent": ("Somebody holds a lease on it", "Break or release the lease first."),
    "SnapshotsPresent": (
        "The blob has snapshots, which would go with it",
        "Delete or copy its snapshots yourself, then retry the job.",
    ),
    "BlobImmutableDueToPolicy": (
        "A time-based retention policy or legal hold protects the blob",
        "Wait for the end of the policy, or move with --keep-source.",
    ),
    "InvalidBlobOrBlock": (
        "Unfinished blocks of another tool's upload lie under this name, with ids of another kind",
        "Finish that upload, or wait: the service drops such blocks after a week.",
    ),
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
    503: Throttled,
    507: NoSpace,
}

_WORDS: Mapping[type[StoreError], tuple[str, str]] = {
    NotFound: ("There is no such blob, upload or container", ""),
    AccessDenied: ("The store does not allow it", _KEYS_TODO),
    Archived: ("The blob is archived", "Restore it before it is read."),
    PreconditionFailed: ("The blob is not the version that was asked for", ""),
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
    """The store error for an answer that is not a success.

    Only the first line of the service's message is kept: the rest may repeat what was signed.
    """
    code, message = _read(reply, at)
    if code == "InvalidOperation" and "md5" in message.lower():
        code = "Md5Mismatch"  # as Azurite says it
    kind = _kind(reply, code)
    what, todo = _HELD.get(code) or _WORDS.get(kind, ("The store refused", ""))
    said = ": ".join(part for part in (code, message) if part) or f"HTTP {reply.status}"
    changed = method not in ("GET", "HEAD")
    error = kind(
        f"{what} ({said}).",
        subject=at,
        safe="Nothing was changed." if changed and reply.status < 500 else "",
        todo=todo,
        status=reply.status,
        code=_COMMON.get(code, code),
    )
    if isinstance(error, Throttled):
        error.retry_after = retry_after(reply.headers.get("retry-after", ""))
    return error


def _read(reply: Reply, at: str) -> tuple[str, str]:
    code = printable(reply.headers.get("x-ms-error-code", ""), 60)
    if not reply.body.strip():
        return code, ""
    try:
        root = parse(reply.body, at, "Error")
    except BadResponse:
        return code, ""  # a proxy's HTML, say: the status tells enough
    message = text(root, "Message").strip().partition("\n")[0]
    return printable(text(root, "Code"), 60) or code, printable(message)


def _kind(reply: Reply, code: str) -> type[StoreError]:
    if reply.status == 403 and abs(clock_offset(reply.headers)) > _SKEW:
        return ClockSkew
    if code in _HELD:
        return StoreError
    if code in _BY_CODE:
        return _BY_CODE[code]
    if reply.status in _BY_STATUS:
        return _BY_STATUS[reply.status]
    if reply.status >= 500:
        return Unavailable
    return StoreError if 300 <= reply.status < 500 else BadResponse
