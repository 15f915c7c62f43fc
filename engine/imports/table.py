"""Tables (CSV with a heading) of accesses, by day or one by one.

By day: `object,date,reads,bytes_read`. One by one: `timestamp,address,op,bytes`. The order of the
columns does not matter, others are left alone, bytes may be missing. Objects are addresses, or,
below a base, keys.
"""

import csv
import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from engine.errors import BadMessage
from engine.events.fields import MAX_BYTES, MAX_KEY, moment, operation, text
from engine.events.places import Places
from engine.imports.records import Bad, DayReads, Other, Read, Record, identity
from engine.model import Address

_EPOCH = dt.date(1970, 1, 1).toordinal()
_MOST_READS = 10**12
_RECENT = 200_000  # equal lines so close together are told apart
_NAMES = {
    "object": ("object", "address", "key"),
    "date": ("date", "day"),
    "reads": ("reads", "accesses", "count"),
    "bytes": ("bytes_read", "bytes", "bytes_sent"),
    "time": ("timestamp", "time"),
    "op": ("op", "operation", "event"),
}


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which column holds what; −1 where there is none."""

    object: int
    date: int
    reads: int
    bytes: int
    time: int
    op: int

    @classmethod
    def of(cls, heading: list[str]) -> "_Columns":
        """Raises BadMessage naming what is missing."""
        known = [name.strip().lower().lstrip("\ufeff") for name in heading]

        def at(names: tuple[str, ...]) -> int:
            return next((known.index(name) for name in names if name in known), -1)

        found = cls(**{name: at(names) for name, names in _NAMES.items()})
        daily = found.date >= 0 and found.reads >= 0
        if found.object < 0 or not (daily or (found.time >= 0 and found.op >= 0)):
            raise BadMessage(
                "the heading must name object,date,reads,bytes_read or timestamp,address,op,bytes"
            )
        return found


class Table:
    """Reads a file line by line. `base` is what its keys lie below, None for full addresses."""

    def __init__(self, places: Places, now: float, base: Address | None = None) -> None:
        self._places = places
        self._base = base
        self._now = now

    def records(self, stream: IO[str]) -> Iterator[tuple[int, Record]]:
        """Every line after the heading with its number. A heading that does not fit is Bad, and
        nothing follows it."""
        rows = csv.reader(stream)
        columns: _Columns | None = None
        recent, before, seen = Counter[str](), Counter[str](), 0
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield rows.line_num, Bad(str(error))
                continue
            if not row:
                continue
            try:
                if columns is None:
                    columns = _Columns.of(row)
                    continue
                if columns.date >= 0 and columns.reads >= 0:
                    yield rows.line_num, self._day(row, columns)
                    continue
                line = "\x1f".join(row)
                if seen >= _RECENT:
                    recent, before, seen = Counter(), recent, 0
                recent[line] += 1
                seen += 1
                yield rows.line_num, self._event(row, columns, line, recent[line] + before[line])
            except (BadMessage, ValueError, IndexError) as error:
                reason = "a column is missing" if isinstance(error, IndexError) else str(error)
                yield rows.line_num, Bad(reason)
                if columns is None:
                    return

    def _day(self, row: list[str], columns: _Columns) -> Record:
        cloud, bucket, key = self._address(row[columns.object])
        day = dt.date.fromisoformat(row[columns.date].strip()).toordinal() - _EPOCH
        if not 0 < day * 86_400 <= self._now:
            raise ValueError(f"{row[columns.date]!r} is no day of the past")
        reads = _number(row[columns.reads], "reads", _MOST_READS)
        nbytes = _number(row[columns.bytes], "bytes", 2**62) if columns.bytes >= 0 else 0
        return DayReads(cloud, bucket, key, day, reads, nbytes)

    def _event(self, row: list[str], columns: _Columns, line: str, nth: int) -> Record:
        if operation(row[columns.op]) != "GET":
            return Other.RECORD
        cloud, bucket, key = self._address(row[columns.object])
        when = moment(row[columns.time].strip(), self._now)
        nbytes = _number(row[columns.bytes], "bytes", MAX_BYTES) if columns.bytes >= 0 else 0
        # Equal lines are several accesses, but each of them the same one in the next import.
        event = identity(f"{cloud}:{bucket}/{key} {line} {nth}")
        return Read(cloud, bucket, key, when, 1.0, nbytes, event)

    def _address(self, value: str) -> tuple[str, str, str]:
        if self._base is None:
            return self._places.address(value)
        key = text(value, "the object", MAX_KEY)
        return self._base.cloud, self._base.bucket, self._base.key + key


def _number(value: str, name: str, most: int) -> int:
    value = value.strip() or "0"
    try:
        number = int(value)
    except ValueError:
        number = -1
        if value.replace(".", "", 1).isdigit() and float(value).is_integer():
            number = int(float(value))
    if not 0 <= number <= most:
        raise ValueError(f"{name} is {value[:40]!r}, not a count")
    return number
