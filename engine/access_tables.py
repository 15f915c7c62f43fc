"""The tables of the access statistics; every function here runs in the database's thread."""

import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine.counters import Ints, sum_by
from engine.model import Address

SCHEMA = """
CREATE TABLE IF NOT EXISTS access_objects (
    id INTEGER PRIMARY KEY,
    cloud TEXT NOT NULL,
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    last_access REAL NOT NULL DEFAULT 0,
    shift_days REAL NOT NULL DEFAULT 0,
    UNIQUE (cloud, bucket, key)
);
CREATE TABLE IF NOT EXISTS access_daily (
    day INTEGER NOT NULL,
    object INTEGER NOT NULL,
    reads INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (day, object)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS access_hourly (
    hour INTEGER NOT NULL,
    object INTEGER NOT NULL,
    reads INTEGER NOT NULL,
    PRIMARY KEY (hour, object)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS access_positions (
    log TEXT NOT NULL,
    part INTEGER NOT NULL,
    next INTEGER NOT NULL,
    stamp INTEGER NOT NULL,
    PRIMARY KEY (log, part)
) WITHOUT ROWID;
"""

DAY = 86400
_SHIFT = 24
_MASK = (1 << _SHIFT) - 1
_ADVANCE = "UPDATE access_objects SET last_access = max(last_access, ?) WHERE id = ?"


Chunk = tuple[Ints, Ints, Ints]  # slot << 24 | hour, reads, bytes


class Position(NamedTuple):
    """How far a log was counted: `next` is the first offset not counted yet, `stamp` the time
    (milliseconds) of the record before it, by which a log made anew is told from the old."""

    next: int
    stamp: int


class Touched(NamedTuple):
    """An object whose row must be brought up to date; `row` is 0 while it has none."""

    slot: int
    cloud: str
    bucket: str
    key: str
    row: int
    last_access: float


@dataclass(frozen=True, slots=True)
class Batch:
    """What one flush writes; the codes are distinct."""

    codes: Ints
    reads: Ints
    bytes: Ints
    positions: dict[tuple[str, int], Position]


class Stored(NamedTuple):
    """An object as an earlier run left it."""

    row: int
    cloud: str
    bucket: str
    key: str
    last_access: float
    shift_days: float


def load_objects(connection: sqlite3.Connection, after: int, page: int) -> list[Stored]:
    """The next `page` objects whose row number is greater than `after`."""
    cursor = connection.execute(
        "SELECT id, cloud, bucket, key, last_access, shift_days FROM access_objects"
        " WHERE id > ? ORDER BY id LIMIT ?",
        (after, page),
    )
    cursor.row_factory = None  # plain tuples, at half the cost of rows
    return [
        Stored(row, sys.intern(cloud), sys.intern(bucket), _from_sql(key), last, shift)
        for row, cloud, bucket, key, last, shift in cursor
    ]


def load_day(connection: sqlite3.Connection, day: int) -> Ints:
    """Columns object row, reads of one day."""
    return _table(connection, "SELECT object, reads FROM access_daily WHERE day = ?", day)


def load_days(
    connection: sqlite3.Connection,
    first: int,
    end: int,
    every: int = 1,
    few: Sequence[int] = (),
) -> Ints:
    """Columns object row, day, reads of the days from `first` up to, not including, `end`; of
    the objects whose row `every` divides, or of a `few` by their rows."""
    named = f" AND object IN ({', '.join('?' * len(few))})" if few else ""
    cursor = connection.execute(
        "SELECT object, day, reads FROM access_daily"
        f" WHERE day >= ? AND day < ? AND reads > 0 AND object % ? = 0{named} ORDER BY day",
        (first, end, every, *few),
    )
    cursor.row_factory = None
    return np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 3)


def load_row(connection: sqlite3.Connection, row: int, first: int, end: int) -> list[int]:
    """One object's reads of each day from `first` up to, not including, `end`. A look-up a day,
    for the table is ordered by days."""
    cursor = connection.execute(
        "WITH RECURSIVE days(day) AS"
        " (SELECT ? UNION ALL SELECT day + 1 FROM days WHERE day + 1 < ?)"
        " SELECT ifnull(reads, 0) FROM days LEFT JOIN access_daily"
        " ON access_daily.day = days.day AND object = ? ORDER BY days.day",
        (first, end, row),
    )
    cursor.row_factory = None
    return [reads for (reads,) in cursor] if first < end else []


def span_of_days(connection: sqlite3.Connection) -> tuple[int, int, int] | None:
    """First and last day with reads, and the greatest object row; None if nothing was read."""
    first, last, rows = connection.execute(
        "SELECT (SELECT min(day) FROM access_daily), (SELECT max(day) FROM access_daily),"
        " (SELECT max(id) FROM access_objects)"
    ).fetchone()
    return None if first is None else (first, last, rows)


def load_hour(connection: sqlite3.Connection, hour: int) -> Ints:
    """Columns object row, reads of one hour."""
    return _table(connection, "SELECT object, reads FROM access_hourly WHERE hour = ?", hour)


def load_positions(connection: sqlite3.Connection) -> dict[tuple[str, int], Position]:
    """How far each log was counted."""
    return {
        (log, part): Position(following, stamp)
        for log, part, following, stamp in connection.execute(
            "SELECT log, part, next, stamp FROM access_positions"
        )
    }


def _table(connection: sqlite3.Connection, query: str, span: int) -> Ints:
    cursor = connection.execute(query, (span,))
    cursor.row_factory = None
    return np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)


def gather(chunks: Sequence[Chunk], positions: dict[tuple[str, int], Position]) -> Batch:
    """One batch of many chunks, each code in it once."""
    none = np.empty(0, dtype=np.int64)
    given, reads, nbytes = (
        np.concatenate([chunk[column] for chunk in chunks]) if chunks else none
        for column in range(3)
    )
    codes, reads = sum_by(given, reads)
    _, nbytes = sum_by(given, nbytes)
    return Batch(codes, reads, nbytes, positions)


def save(
    connection: sqlite3.Connection, batch: Batch, touched: list[Touched], oldest_hour: int
) -> dict[int, int]:
    """Add the batch to the tables; returns the rows of the objects it touches, by slot."""
    connection.executemany(
        _ADVANCE,
        [(item.last_access, item.row) for item in touched if item.row],
    )
    rows = {item.slot: item.row for item in touched}
    for slot, cloud, bucket, key, row, last in touched:
        if not row:
            rows[slot] = row_of(connection, Address(cloud, bucket, key), last)
    slots, hours = batch.codes >> _SHIFT, batch.codes & _MASK
    by_day, reads = sum_by(slots << _SHIFT | hours // 24, batch.reads)
    _, nbytes = sum_by(slots << _SHIFT | hours // 24, batch.bytes)
    some = (reads > 0) | (nbytes > 0)
    connection.executemany(
        "INSERT INTO access_daily (day, object, reads, bytes) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (day, object) DO UPDATE"
        " SET reads = reads + excluded.reads, bytes = bytes + excluded.bytes",
        zip(
            (by_day[some] & _MASK).tolist(),
            [rows[slot] for slot in (by_day[some] >> _SHIFT).tolist()],
            reads[some].tolist(),
            nbytes[some].tolist(),
            strict=True,
        ),
    )
    some = (batch.reads > 0) & (hours >= oldest_hour)
    connection.executemany(
        "INSERT INTO access_hourly (hour, object, reads) VALUES (?, ?, ?)"
        " ON CONFLICT (hour, object) DO UPDATE SET reads = reads + excluded.reads",
        zip(
            hours[some].tolist(),
            [rows[slot] for slot in slots[some].tolist()],
            batch.reads[some].tolist(),
            strict=True,
        ),
    )
    connection.execute("DELETE FROM access_hourly WHERE hour < ?", (oldest_hour,))
    connection.executemany(
        "INSERT INTO access_positions (log, part, next, stamp) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (log, part) DO UPDATE SET next = excluded.next, stamp = excluded.stamp",
        [(*where, *position) for where, position in batch.positions.items()],
    )
    return rows


def replace_daily(
    connection: sqlite3.Connection, rows: Sequence[tuple[Address, int, int, int]]
) -> list[tuple[int, int]]:
    """Set days of the history; returns each one's object row and by how much reads changed."""
    found: dict[Address, int] = {}
    changes = []
    for address, day, reads, nbytes in rows:
        row = found.get(address) or found.setdefault(address, row_of(connection, address, 0.0))
        if reads:
            connection.execute(_ADVANCE, (noon(day), row))
        before = connection.execute(
            "SELECT reads FROM access_daily WHERE day = ? AND object = ?", (day, row)
        ).fetchone()
        connection.execute(
            "INSERT INTO access_daily (day, object, reads, bytes) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (day, object) DO UPDATE"
            " SET reads = excluded.reads, bytes = excluded.bytes",
            (day, row, reads, nbytes),
        )
        changes.append((row, reads - (before[0] if before else 0)))
    return changes


def set_shift(connection: sqlite3.Connection, address: Address, days: float) -> None:
    """Remember how much older an object shall look."""
    row = row_of(connection, address, 0.0)
    connection.execute("UPDATE access_objects SET shift_days = ? WHERE id = ?", (days, row))


def history(connection: sqlite3.Connection, since_day: int) -> list[tuple[Address, int, int, int]]:
    """All (address, day, reads, bytes) since that day."""
    rows = connection.execute(
        "SELECT o.cloud, o.bucket, o.key, d.day, d.reads, d.bytes FROM access_daily d"
        " JOIN access_objects o ON o.id = d.object WHERE d.day >= ? ORDER BY d.day, d.object",
        (since_day,),
    )
    return [
        (Address(cloud, bucket, _from_sql(key)), day, reads, nbytes)
        for cloud, bucket, key, day, reads, nbytes in rows
    ]


def noon(day: int) -> float:
    """The middle of an epoch day, in epoch seconds."""
    return day * DAY + DAY / 2


def row_of(connection: sqlite3.Connection, address: Address, last: float) -> int:
    """The row of an object, made if need be; its last access becomes at least `last`."""
    place = (address.cloud, address.bucket, _to_sql(address.key))
    made = connection.execute(
        "INSERT OR IGNORE INTO access_objects (cloud, bucket, key, last_access)"
        " VALUES (?, ?, ?, ?)",
        (*place, last),
    )
    if made.rowcount:
        return int(made.lastrowid or 0)
    row = int(
        connection.execute(
            "SELECT id FROM access_objects WHERE cloud = ? AND bucket = ? AND key = ?", place
        ).fetchone()[0]
    )
    connection.execute(_ADVANCE, (last, row))
    return row


def _to_sql(key: str) -> str | bytes:
    """A key from a file system may hold lone surrogates, which SQLite takes only as bytes."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return key.encode("utf-8", "surrogatepass")
    return key


def _from_sql(key: str | bytes) -> str:
    return key if isinstance(key, str) else key.decode("utf-8", "surrogatepass")
