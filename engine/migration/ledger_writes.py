"""What the ledger writes, as work for the database thread."""

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.migration.ledger_schema import SAVED
from engine.migration.records import (
    ENCODERS,
    Details,
    Effect,
    Outcome,
    PartRecord,
    bucket_of,
    encode_column,
    encode_spec,
    job_key,
    route_of,
    searchable,
    spelled,
)
from engine.model import JobSpec, JobState, MoveKind


class Moved(NamedTuple):
    """One job that a bulk change touched, and where it was counted before ("": nowhere)."""

    job_id: str
    jobset: str
    old_jobset: str
    route: str
    size: int
    saving: float
    before: str
    after: str


@dataclass(slots=True)
class Batch:
    """Changes of one job that go to disk together: outcomes first, then new intents."""

    changes: dict[str, Any] = field(default_factory=dict)
    outcomes: dict[Effect, Outcome] = field(default_factory=dict)
    intents: dict[Effect, Details] = field(default_factory=dict)
    parts: list[PartRecord] = field(default_factory=list)
    forget_parts: bool = False
    places: tuple[str, str] | None = None
    tries: list[tuple[int, float, str]] = field(default_factory=list)  # failed: which, when, why

    def __bool__(self) -> bool:
        return bool(
            self.changes
            or self.outcomes
            or self.intents
            or self.parts
            or self.forget_parts
            or self.places
            or self.tries
        )


REQUEUE = (
    "state = 'queued', paused = 0, attempt = 0, excused = 0, error = '', error_todo = '',"
    " retry_at = 0, finished = 0"
)


def among(job_ids: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    if not job_ids:
        return "", ()
    return (
        " AND job_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(job_ids)),),
    )


def as_moved(row: sqlite3.Row, before: str, old_jobset: str = "") -> Moved:
    return Moved(
        row["job_id"],
        row["jobset"],
        old_jobset or row["jobset"],
        row["route"],
        row["size"],
        row["saving"],
        before,
        bucket_of(row["state"], row["paused"]),
    )


def add_one(
    connection: sqlite3.Connection, jobset: str, spec: JobSpec, saving: float | None, priority: int
) -> tuple[str, Moved | None]:
    key = job_key(spec)
    money = (saving or 0.0, saving is None)
    earlier = connection.execute(
        "SELECT * FROM jobs WHERE job_key = ? ORDER BY seq DESC LIMIT 1", (key,)
    ).fetchone()
    if earlier is not None:
        job_id = str(earlier["job_id"])
        bucket = bucket_of(earlier["state"], earlier["paused"])
        same_set = earlier["jobset"] == jobset
        change = "jobset = ?, priority = ?"
        if bucket == "paused":
            change += ", paused = 0"
        elif bucket in (JobState.FAILED, JobState.CANCELLED):
            change += f", {REQUEUE}, saving = ?, unpriced = ?"
        elif same_set:
            return job_id, None
        if bucket != JobState.COMPLETED:
            if not same_set:
                _allow(connection, earlier["jobset"], spec, -1)
                _allow(connection, jobset, spec)
            told = money if "saving" in change else ()  # it was planned anew
            row = connection.execute(
                f"UPDATE jobs SET {change} WHERE job_id = ? RETURNING *",
                (jobset, priority, *told, job_id),
            ).fetchall()[0]
            return job_id, as_moved(row, bucket, earlier["jobset"])
    job_id = _free_id(connection, key)
    connection.execute(
        "INSERT INTO jobs (job_id, job_key, jobset, spec, source, destination, route, size,"
        " saving, unpriced, created, priority) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job_id,
            key,
            jobset,
            encode_spec(spec),
            searchable(spec.source),
            searchable(spec.destination),
            route_of(spec),
            spec.size,
            *money,
            time.time(),
            priority,
        ),
    )
    _allow(connection, jobset, spec)
    return job_id, Moved(
        job_id, jobset, jobset, route_of(spec), spec.size, money[0], "", str(JobState.QUEUED)
    )


def _allow(connection: sqlite3.Connection, jobset: str, spec: JobSpec, more: int = 1) -> None:
    """A job comes into the set (or leaves it): if it moves an object, that is a delete more."""
    if spec.kind is MoveKind.MOVE:
        connection.execute(
            "INSERT INTO allowances VALUES (?, ?)"
            " ON CONFLICT (jobset) DO UPDATE SET deletes = deletes + excluded.deletes",
            (jobset, more),
        )


def _free_id(connection: sqlite3.Connection, key: str) -> str:
    name, number = key[:12], 1
    while connection.execute("SELECT 1 FROM jobs WHERE job_id = ?", (name,)).fetchone():
        number += 1
        name = f"{key[:12]}-{number}"
    return name


def as_row(job_id: str, batch: Batch) -> list[str | int | float | None] | None:
    """The batch as a row of the view `ledger_saves`, None if it holds more than such a row can."""
    if (
        batch.parts
        or batch.forget_parts
        or batch.tries
        or len(batch.outcomes) > 1
        or len(batch.intents) > 1
        or batch.changes.get("guarded", False) is None
    ):
        return None
    row: list[str | int | float | None] = [None] * _WIDTH
    row[0], row[-1] = job_id, time.time()
    for name, value in batch.changes.items():
        place = _AT.get(name)
        if place is None:
            return None
        encode = ENCODERS[name]
        if encode is not None:
            row[place] = encode(value)
        else:
            row[place] = spelled(value) if isinstance(value, str) else value
    for effect, outcome in batch.outcomes.items():
        row[_SETTLED : _SETTLED + 2] = str(effect), str(outcome)
    for effect, details in batch.intents.items():
        row[_EFFECT : _EFFECT + 2] = str(effect), json.dumps(details) if details else "{}"
    if batch.places:
        row[_PLACES : _PLACES + 2] = batch.places
    return row


_AT = {name: place for place, name in enumerate(SAVED, 1)}
_SETTLED = len(SAVED) + 1
_EFFECT = _SETTLED + 2
_PLACES = _EFFECT + 2
_WIDTH = _PLACES + 3


def save_batch(connection: sqlite3.Connection, job_id: str, batch: Batch) -> None:
    now = time.time()
    if batch.changes:
        assign = ", ".join(f"{name} = ?" for name in batch.changes)
        values = [encode_column(name, value) for name, value in batch.changes.items()]
        connection.execute(f"UPDATE jobs SET {assign} WHERE job_id = ?", (*values, job_id))
    for effect, outcome in batch.outcomes.items():
        connection.execute(
            "UPDATE intents SET outcome = ?, done = ?"
            " WHERE job_id = ? AND effect = ? AND outcome = ''",
            (str(outcome), now, job_id, str(effect)),
        )
    for effect, details in batch.intents.items():
        connection.execute(
            "INSERT INTO intents (job_id, effect, details, at) VALUES (?, ?, ?, ?)",
            (job_id, str(effect), json.dumps(details), now),
        )
    if batch.places:
        connection.execute(
            "INSERT OR REPLACE INTO places VALUES (?, ?, ?)", (job_id, *batch.places)
        )
    for attempt, at, reason in batch.tries:
        connection.execute(
            "INSERT INTO tries VALUES (?, ?, ?, ?)", (job_id, attempt, at, spelled(reason))
        )
    if batch.forget_parts:
        connection.execute("DELETE FROM parts WHERE job_id = ?", (job_id,))
    for part in batch.parts:
        connection.execute(
            "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?)", (job_id, *part)
        )
