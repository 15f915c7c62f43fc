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
from engine.stores.error_answers import Kind, Words, kind_by_status, refusal, skewed, words_of
from engine.stores.http_answer import Reply
from engine.stores.http_errors import printable
from engine.stores.s3_xml import parse, text

ROOT_VERSION = "OperationNotAllowedOnRootBlob"  # the current version, meant by its id
_KEYS_TODO = "Check the account, its key, SAS or role (Storage Blob Data Contributor)."

_BY_CODE: Mapping[str, Kind] = {
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

_HELD: Mapping[str, Words] = {
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

_WORDS: Mapping[Kind, Words] = {
    NotFound: ("There is no such blob, upload or container", ""),
    AccessDenied: ("The store does not allow it", _KEYS_TODO),
    Archived: ("The blob is archived", "Restore it before it is read."),
    PreconditionFailed: ("The blob is not the version that was asked for", ""),
}


def error_of(reply: Reply, method: str, at: str) -> StoreError:
    """The store error for an answer that is not a success.

    Only the first line of the service's message is kept: the rest may repeat what was signed.
    """
    code, message = _read(reply, at)
    if code == "InvalidOperation" and "md5" in message.lower():
        code = "Md5Mismatch"  # as Azurite says it
    kind = _kind(reply, code)
    words = _HELD.get(code) or words_of(kind, _WORDS)
    known = _COMMON.get(code, code)
    return refusal(reply, method, at, kind=kind, words=words, said=(code, message), code=known)


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


def _kind(reply: Reply, code: str) -> Kind:
    if skewed(reply):
        return ClockSkew
    if code in _HELD:
        return StoreError
    if code in _BY_CODE:
        return _BY_CODE[code]
    return Throttled if reply.status == 503 else kind_by_status(reply.status)
