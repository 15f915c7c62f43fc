"""What error answers have in common, whichever kind of store gives them."""

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
from engine.stores.http_answer import Reply

Kind = type[StoreError]
Words = tuple[str, str]  # what happened, and what to do about it

_SKEW = 14 * 60.0  # seconds; signatures that are a quarter of an hour off are refused
_LONGEST_WAIT = 15 * 60.0  # seconds; a server may name any date

_BY_STATUS: Mapping[int, Kind] = {
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

_WORDS: Mapping[Kind, Words] = {
    NotFound: ("There is no such object, upload or bucket", ""),
    AccessDenied: ("The store does not allow it", "Check the credentials and their permissions."),
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


def words_of(kind: Kind, own: Mapping[Kind, Words]) -> Words:
    """How an error of that kind is told; `own` are the words of one kind of store."""
    return own.get(kind) or _WORDS.get(kind, ("The store refused", ""))


def kind_by_status(status: int) -> Kind:
    """What a status means that no code explains."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return Unavailable
    return StoreError if 300 <= status < 500 else BadResponse


def skewed(reply: Reply) -> bool:
    """Whether a refusal may be for our clock: it is too far from the server's."""
    return reply.status == 403 and abs(clock_offset(reply.headers)) > _SKEW


def refusal(
    reply: Reply,
    method: str,
    at: str,
    *,
    kind: Kind,
    words: Words,
    said: tuple[str, str],
    code: str,
) -> StoreError:
    """The error itself. `said` are the server's own code and message, `code` the one that the
    engine knows it by."""
    what, todo = words
    told = ": ".join(part for part in said if part) or f"HTTP {reply.status}"
    changed = method not in ("GET", "HEAD")
    error = kind(
        f"{what} ({told}).",
        subject=at,
        safe="Nothing was changed." if changed and reply.status < 500 else "",
        todo=todo,
        status=reply.status,
        code=code,
    )
    if isinstance(error, Throttled):
        error.retry_after = retry_after(reply.headers.get("retry-after", ""))
    return error


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
