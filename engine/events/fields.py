"""Reading one field of a message at a time; whatever does not fit raises BadMessage.

The reasons are one line, name the field, and show little of the value: they end up in the feed.
"""

import json
import math
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn

from engine.errors import BadMessage

MAX_VALUE = 1024 * 1024  # bytes of a message that are worth parsing
MAX_KEY = 4096  # UTF-8 bytes; no store has longer names
MAX_COUNT = 1_000_000  # accesses in one event
MAX_BYTES = 2**45  # moved by one event, more than the largest object of any store
MAX_FUTURE = 300.0  # seconds by which another machine's clock may be ahead of ours
EARLIEST = 946_684_800.0  # 2000-01-01, before any object store

# What others call the four things that can happen to an object.
_OPERATIONS = {
    "GET": "GET read access accessed download downloaded view viewed open opened fetch query",
    "PUT": "PUT POST write written upload uploaded create created update updated modify modified "
    "copy append ingest",
    "HEAD": "HEAD stat list",
    "DELETE": "DELETE deleted remove removed expire expired",
}
_WORDS = {
    form: operation
    for operation, words in _OPERATIONS.items()
    for word in words.split()
    for form in (word, word.lower(), word.upper())
}


class AccessEvent(NamedTuple):
    """One or several accesses to one object.

    `operation` is GET, PUT, HEAD or DELETE; `time` in epoch seconds, never in the future;
    `nbytes` were moved in all (0 unknown); `actor` is whoever the sender says did it.
    """

    cloud: str
    bucket: str
    key: str
    operation: str
    time: float
    accesses: int = 1
    nbytes: int = 0
    actor: str = ""


def reject(reason: str) -> NoReturn:
    raise BadMessage(reason)


def shown(value: object) -> str:
    """A short, one-line picture of a value for a reason."""
    if isinstance(value, list | dict):
        return _kind(value)
    picture = ascii(value[:40] if isinstance(value, str) else value)
    return picture if len(picture) <= 48 else picture[:45] + "..."


def _constant(name: str) -> NoReturn:
    reject(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(parse_constant=_constant)


def decode(value: bytes | None) -> dict[str, Any]:
    """The JSON object that a message carries."""
    if not value:
        reject("the message is empty")
    if len(value) > MAX_VALUE:
        reject(f"the message is too large ({len(value):,} bytes)")
    try:
        data = _parse(value.decode())
    except UnicodeDecodeError:
        reject("not JSON: the bytes are not UTF-8")
    except RecursionError:
        reject("the JSON is nested too deeply")
    except json.JSONDecodeError as error:
        reject(f"not JSON: {error.msg} at character {error.pos}")
    except ValueError:
        reject("not JSON: a number has too many digits")
    if type(data) is not dict:
        reject(f"a JSON object was expected, not {_kind(data)}")
    return data


def _parse(text: str) -> Any:
    # The usual message has no white space around it, and looking for some costs as much as
    # parsing it.
    try:
        data, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError:
        return _DECODER.decode(text)
    return data if end == len(text) else _DECODER.decode(text)


def encode(data: dict[str, Any]) -> bytes:
    """A message of ours as bytes: compact ASCII JSON."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).encode()


def text(value: object, name: str, most: int = 1024) -> str:
    """A text that is not empty and can be written as UTF-8."""
    if type(value) is not str:
        reject(f"{name} is {_kind(value)}, not a text")
    if not value:
        reject(f"{name} is empty")
    if value.isascii():
        size = len(value)
    else:
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            reject(f"{name} is not valid Unicode")
    if size > most:
        reject(f"{name} is too long ({size:,} bytes)")
    return value


def mapping(value: object, name: str) -> dict[str, Any]:
    """A JSON object inside the message."""
    if type(value) is not dict:
        reject(f"{name} is {_kind(value)}, not a JSON object")
    return value


def operation(word: object) -> str:
    """GET, PUT, HEAD or DELETE, by whichever name it goes."""
    if type(word) is not str:
        reject("it does not say what happened (operation)")
    known = _WORDS.get(word) or _WORDS.get(word.strip().lower())
    if known is None:
        reject(f"the operation {shown(word)} is not known")
    return known


def moment(value: object, now: float) -> float:
    """Epoch seconds of a time given as ISO 8601 text (UTC unless it says otherwise) or as
    epoch seconds, milli-, micro- or nanoseconds.

    A clock a little ahead of ours is brought back to `now`; more than that is refused.
    """
    if type(value) is float or type(value) is int:
        seconds = _epoch(value)
    elif type(value) is str:
        seconds = _iso(value)
    else:
        reject(f"the time is {_kind(value)}, neither a number nor a text")
    if seconds > now:
        if seconds > now + MAX_FUTURE:
            reject(f"its time {shown(value)} is in the future")
        return now
    if seconds < EARLIEST:
        reject(f"its time {shown(value)} is before 2000")
    return seconds


def _epoch(value: float) -> float:
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf
    for limit, scale in ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9)):
        if seconds < limit:
            return seconds / scale
    reject(f"its time {shown(value)} is out of range")


def _iso(value: str) -> float:
    try:
        parsed = datetime.fromisoformat(value)
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=UTC)
        return parsed.timestamp()
    except (ValueError, OverflowError):
        pass
    try:
        return _epoch(float(value))
    except ValueError:
        reject(f"the time {shown(value)} cannot be read")


def number(value: object, name: str, least: int, most: int) -> int:
    """A whole number within bounds."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int:
        reject(f"{name} is {shown(value)}, not a whole number")
    if not least <= value <= most:
        reject(f"{name} is {shown(value)}, not between {least:,} and {most:,}")
    return value


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "a JSON object"
