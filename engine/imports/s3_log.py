"""Lines of Amazon S3 server access logs.

Format: fields apart by blanks, the time in brackets, request line, referrer and user agent in
quotes, `-` for nothing. Only what stands before the referrer is needed here, so that nothing a
client writes into its user agent can matter.
"""

import datetime as dt
import re
from functools import lru_cache
from urllib.parse import unquote

from engine.errors import BadMessage
from engine.events.places import Places
from engine.imports.records import Bad, Other, Read, Record, identity
from engine.model import StoreKind

# owner bucket [time] address requester request-id operation key "request" status error sent size
_LINE = re.compile(
    r"\S+ (\S+) \[([^\]]*)\] \S+ \S+ (\S+) (\S+) (\S+)"
    r' (?:"(.*?)"|-) (\d{3}|-) \S+ (\d+|-) (\d+|-)(?: |$)'
)
_READS = frozenset(
    {"REST.GET.OBJECT", "WEBSITE.GET.OBJECT", "REST.COPY.OBJECT_GET", "REST.COPY.PART_GET"}
)
_SENT = frozenset({"200", "206"})  # 304 sends nothing, the others failed


class S3Log:
    """Reads one line at a time. Requests for ranges count by their share of the object."""

    def __init__(self, places: Places, cloud: str = "") -> None:
        self._places = places
        self._cloud = cloud

    def parse(self, line: str) -> Record:
        found = _LINE.match(line)
        if found is None:
            return Bad("it has not the fields of an S3 server access log")
        bucket, time, request, operation, key, uri, status, sent, size = found.groups()
        if operation not in _READS or status not in _SENT:
            return Other.RECORD
        if key == "-":
            return Bad(f"{operation} without a key")
        try:
            when = _when(time)
            name = key if "%" not in key and "+" not in key else _key(key, _path(uri))
            cloud = self._cloud or self._places.of_bucket(bucket, StoreKind.S3)
        except (ValueError, BadMessage) as error:
            return Bad(str(error))
        nbytes = int(sent) if sent != "-" else 0
        whole = int(size) if size != "-" else 0
        share = min(nbytes / whole, 1.0) if status == "206" and whole else 1.0
        event = identity(f"{request} {operation} {bucket} {key}")
        return Read(cloud, bucket, name, when, share, nbytes, event)


def _when(text: str) -> float:
    """Epoch seconds of `06/Feb/2019:00:00:38 +0000`."""
    midnight = _midnight(text[:11], text[21:])
    hour, minute, second = int(text[12:14]), int(text[15:17]), int(text[18:20])
    if text[11] + text[14] + text[17] != ":::" or hour > 23 or minute > 59 or second > 60:
        raise ValueError(f"the time {text!r} cannot be read")
    return midnight + hour * 3600 + minute * 60 + second


@lru_cache(maxsize=64)
def _midnight(date: str, zone: str) -> float:
    return dt.datetime.strptime(f"{date} {zone}", "%d/%b/%Y %z").timestamp()


def _path(request: str | None) -> str:
    """The path of a request line, as the client wrote it."""
    return (request or "").partition(" ")[2].partition(" ")[0].partition("?")[0]


@lru_cache(maxsize=16_384)
def _key(field: str, path: str) -> str:
    """The object's key. S3 encodes it twice (a blank is `%2520`); what others write who encode
    once is told by the request's path, which holds the key as the client encoded it."""
    if path.endswith(f"/{field}"):
        return unquote(field, errors="strict")
    once = unquote(field, errors="strict")
    spaced = once.replace("+", "%20")
    if once != spaced and not path.endswith(f"/{once}") and path.endswith(f"/{spaced}"):
        once = spaced
    return unquote(once, errors="strict")
