"""Events of imported logs into the daily history, each once; runs in the database's thread."""

import sqlite3
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.access_tables import row_of
from engine.counters import Ints, sum_by
from engine.model import Address

# Which events of a day were imported: 64 bits each, rising.
SCHEMA = """
CREATE TABLE IF NOT EXISTS access_imported (day INTEGER PRIMARY KEY, events BLOB NOT NULL);
"""
_SHIFT = 24
_MASK = (1 << _SHIFT) - 1


@dataclass(frozen=True, slots=True)
class Events:
    """GETs of imported logs. `objects` with the time of each one's last event in `last` (epoch
    seconds); the arrays, shape (N,), hold for each event its object, epoch day, share of the
    object that was read, bytes, and mark."""

    objects: list[Address]
    last: list[float]
    which: Ints
    days: Ints
    shares: npt.NDArray[np.float64]
    sizes: Ints
    marks: npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Added:
    """What was new: the row of each object, and columns object, day, reads of the changed days."""

    fresh: int
    rows: list[int]
    changes: Ints


def add_events(connection: sqlite3.Connection, events: Events) -> Added:
    """Add the events that were not added before. Shares of a day are summed and rounded, to one
    read at least."""
    fresh = np.zeros(len(events.days), np.bool_)
    for day in np.unique(events.days).tolist():
        fresh |= _mark_day(connection, events, day)
    rows = [
        row_of(connection, address, last)
        for address, last in zip(events.objects, events.last, strict=True)
    ]
    codes, inverse = np.unique(
        events.which[fresh] << _SHIFT | events.days[fresh], return_inverse=True
    )
    shares = np.bincount(inverse, events.shares[fresh], len(codes))
    reads = np.maximum(np.rint(shares), 1).astype(np.int64)
    _, sizes = sum_by(events.which[fresh] << _SHIFT | events.days[fresh], events.sizes[fresh])
    which, days = codes >> _SHIFT, codes & _MASK
    connection.executemany(
        "INSERT INTO access_daily (day, object, reads, bytes) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (day, object) DO UPDATE"
        " SET reads = reads + excluded.reads, bytes = bytes + excluded.bytes",
        zip(
            days.tolist(),
            [rows[at] for at in which.tolist()],
            reads.tolist(),
            sizes.tolist(),
            strict=True,
        ),
    )
    return Added(int(fresh.sum()), rows, np.column_stack([which, days, reads]))


def _mark_day(connection: sqlite3.Connection, events: Events, day: int) -> npt.NDArray[np.bool_]:
    """Which events of that day are new; they are known from now on."""
    here = np.flatnonzero(events.days == day)
    marks, first = np.unique(events.marks[here], return_index=True)
    found = connection.execute(
        "SELECT events FROM access_imported WHERE day = ?", (day,)
    ).fetchone()
    known = np.frombuffer(found[0], np.uint64) if found else np.empty(0, np.uint64)
    new = ~np.isin(marks, known, assume_unique=True)
    fresh = np.zeros(len(events.days), np.bool_)
    fresh[here[first[new]]] = True
    if new.any():
        connection.execute(
            "INSERT INTO access_imported (day, events) VALUES (?, ?)"
            " ON CONFLICT (day) DO UPDATE SET events = excluded.events",
            (day, np.sort(np.concatenate([known, marks[new]])).tobytes()),
        )
    return fresh
