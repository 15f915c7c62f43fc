"""Records of CloudTrail data events: `{"Records": [...]}`, or one record a line.

Records are decoded one by one out of a window of the file, so that its size does not matter.
CloudTrail tells neither an object's size nor whether a range was asked for: every GetObject
counts as one read, with the bytes that went out.
"""

import json
import re
from collections.abc import Iterator
from typing import IO, Any

from engine.errors import BadMessage
from engine.events.fields import MAX_BYTES, MAX_KEY, moment, text
from engine.events.places import Places
from engine.imports.records import MAX_LINE, Bad, Other, Read, Record, identity
from engine.model import StoreKind

_CHUNK = 1 << 18
_MOST = 16 * MAX_LINE  # characters of one record
_START = re.compile(r'\s*\{\s*"Records"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")
_READS = frozenset({"GetObject"})


class CloudTrail:
    """Reads a file record by record. `now` is the time against which the future is judged."""

    def __init__(self, places: Places, now: float, cloud: str = "") -> None:
        self._places = places
        self._cloud = cloud
        self._now = now

    def records(self, stream: IO[str]) -> Iterator[Record]:
        """Every record of the file. What is no JSON ends a list; of lines it costs one."""
        window = stream.read(_CHUNK)
        started = _START.match(window)
        if started is None:
            yield from self._lines(window, stream)
            return
        at, decoder = started.end(), json.JSONDecoder()
        while True:
            at = _end_of(_BETWEEN, window, at)
            if window.startswith("]", at):
                return
            try:
                data, at = decoder.raw_decode(window, at)
            except (json.JSONDecodeError, RecursionError) as error:
                more = stream.read(_CHUNK) if len(window) - at < _MOST else ""
                if more:
                    window, at = window[at:] + more, 0
                    continue
                cut = at == len(window)
                reason = "the file is cut off" if cut else f"no JSON from here on: {_short(error)}"
                yield Bad(reason)
                return
            yield self.parse(data)

    def _lines(self, window: str, stream: IO[str]) -> Iterator[Record]:
        while window:
            line, end, window = window.partition("\n")
            if not end:
                more = stream.read(_CHUNK) if len(line) < _MOST else ""
                window = line + more if more else ""
                if more:
                    continue
            if line.strip():
                try:
                    yield self.parse(json.loads(line))
                except (ValueError, RecursionError) as error:
                    yield Bad(f"it is no JSON: {_short(error)}")

    def parse(self, record: Any) -> Record:
        """One decoded record."""
        if not isinstance(record, dict) or "eventName" not in record:
            return Bad("a record is no CloudTrail event")
        if record.get("eventName") not in _READS or record.get("errorCode"):
            return Other.RECORD
        if record.get("eventSource") != "s3.amazonaws.com":
            return Other.RECORD
        asked = record.get("requestParameters")
        extra = record.get("additionalEventData")
        try:
            if not isinstance(asked, dict):
                raise BadMessage("the record has no requestParameters")
            bucket = text(asked.get("bucketName"), "bucketName", 255)
            key = text(asked.get("key"), "key", MAX_KEY)
            when = moment(record.get("eventTime"), self._now)
            cloud = self._cloud or self._places.of_bucket(
                bucket, StoreKind.S3, region=_plain(record.get("awsRegion"))
            )
        except BadMessage as error:
            return Bad(str(error))
        sent = extra.get("bytesTransferredOut") if isinstance(extra, dict) else None
        nbytes = int(sent) if isinstance(sent, int | float) and 0 <= sent <= MAX_BYTES else 0
        name = _plain(record.get("eventID")) or _plain(record.get("requestID"))
        event = identity(f"{name} {bucket} {key}" if name else json.dumps(record, sort_keys=True))
        return Read(cloud, bucket, key, when, 1.0, nbytes, event)


def _end_of(pattern: re.Pattern[str], window: str, at: int) -> int:
    found = pattern.match(window, at)
    return found.end() if found else at


def _plain(value: object) -> str:
    return value if isinstance(value, str) else ""


def _short(error: Exception) -> str:
    return getattr(error, "msg", "") or "it is nested too deeply"
