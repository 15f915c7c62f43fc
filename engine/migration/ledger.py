"""The durable record of jobs: what was meant, what was done, what was proved.

An intent is on disk before the effect is sent, its outcome after; `verified` is on disk before
a delete is sent. Everything goes through the one state database, whose group commits let many
jobs share a write to disk. Methods may raise StateError; then nothing may be deleted.
"""

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.migration.records import (
    Details,
    Effect,
    JobRecord,
    Outcome,
    PartRecord,
    bucket_of,
    decode_row,
    encode_column,
    encode_spec,
    job_key,
    route_of,
    searchable,
)
from engine.migration.reports import Reports
from engine.model import JobSpec, JobState

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL UNIQUE,
    job_key TEXT NOT NULL,
    jobset TEXT NOT NULL,
    spec TEXT NOT NULL,
    source TEXT NOT NULL,
    destination TEXT NOT NULL,
    route TEXT NOT NULL,
    size INTEGER NOT NULL,
    saving REAL NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'queued',
    step INTEGER NOT NULL DEFAULT 0,
    paused INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    error_todo TEXT NOT NULL DEFAULT '',
    retry_at REAL NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    started REAL NOT NULL DEFAULT 0,
    finished REAL NOT NULL DEFAULT 0,
    checksum_source TEXT NOT NULL DEFAULT '',
    checksum_destination TEXT NOT NULL DEFAULT '',
    evidence TEXT NOT NULL DEFAULT '',
    source_proof TEXT NOT NULL DEFAULT '',
    guarded INTEGER,
    source_pin TEXT NOT NULL DEFAULT '',
    destination_pin TEXT NOT NULL DEFAULT '',
    wrote INTEGER NOT NULL DEFAULT 0,
    upload_id TEXT NOT NULL DEFAULT '',
    part_size INTEGER NOT NULL DEFAULT 0,
    digests TEXT NOT NULL DEFAULT '{}',
    verified INTEGER NOT NULL DEFAULT 0,
    step_seconds TEXT NOT NULL DEFAULT '[0,0,0,0,0]',
    notes TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX IF NOT EXISTS jobs_by_key ON jobs (job_key);
CREATE INDEX IF NOT EXISTS jobs_by_set ON jobs (jobset, seq);
CREATE INDEX IF NOT EXISTS jobs_by_destination ON jobs (destination);
CREATE INDEX IF NOT EXISTS jobs_unfinished ON jobs (seq)
    WHERE state NOT IN ('completed', 'failed', 'cancelled');
CREATE INDEX IF NOT EXISTS jobs_finished ON jobs (finished) WHERE finished > 0;
CREATE TABLE IF NOT EXISTS intents (
    id INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL,
    effect TEXT NOT NULL,
    details TEXT NOT NULL,
    at REAL NOT NULL,
    outcome TEXT NOT NULL DEFAULT '',
    done REAL NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS intents_by_job ON intents (job_id);
CREATE TABLE IF NOT EXISTS parts (
    job_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    etag TEXT NOT NULL,
    size INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    crc32c TEXT NOT NULL,
    PRIMARY KEY (job_id, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS places (
    job_id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    destination TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS places_by_destination ON places (destination);
"""
_UNFINISHED = "state NOT IN ('completed', 'failed', 'cancelled')"
_CHUNK = 500


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

    def __bool__(self) -> bool:
        return bool(
            self.changes
            or self.outcomes
            or self.intents
            or self.parts
            or self.forget_parts
            or self.places
        )


class Ledger(Reports):
    """Jobs, intents and parts in the state database (`SCHEMA` must be among its schemas)."""

    # -- changing -----------------------------------------------------------------------

    async def add(
        self, jobset: str, specs: Sequence[JobSpec], savings: Sequence[float] = ()
    ) -> tuple[list[str], list[Moved]]:
        """Write new jobs down; returns the ids in the specs' order, and what was changed.

        A spec whose job is unfinished makes no second one (a paused job goes on), one that
        failed or was cancelled is queued again, one that was completed in the same job set
        stays completed. `savings` are USD a month, for the statistics.
        """
        ids: list[str] = []
        moved: list[Moved] = []
        for start in range(0, len(specs), _CHUNK):
            some = specs[start : start + _CHUNK]
            money = [*savings[start : start + _CHUNK], *[0.0] * len(some)]
            pairs = list(zip(some, money, strict=False))
            found = await self._database.run(
                lambda connection, pairs=pairs: [  # type: ignore[misc]
                    _add_one(connection, jobset, spec, saving) for spec, saving in pairs
                ]
            )
            for job_id, change in found:
                ids.append(job_id)
                if change is not None:
                    moved.append(change)
        return ids, moved

    async def save(self, job_id: str, batch: Batch) -> None:
        """Put a batch on disk; when this returns it survives a power cut."""
        await self._database.run(lambda connection: _save(connection, job_id, batch))

    async def interrupt(self) -> int:
        """Mark every unfinished job as paused: its process is gone. Returns how many are."""

        def work(connection: sqlite3.Connection) -> int:
            connection.execute(
                f"UPDATE jobs SET state = 'queued', paused = 1, retry_at = 0 WHERE {_UNFINISHED}"
            )
            row = connection.execute(f"SELECT count(*) FROM jobs WHERE {_UNFINISHED}").fetchone()
            return int(row[0])

        return await self._database.run(work)

    async def pause(self, job_ids: Sequence[str] = ()) -> list[Moved]:
        """Pause unfinished jobs (none named: all)."""
        return await self._change(
            job_ids, f"{_UNFINISHED} AND paused = 0", "paused = 1, retry_at = 0"
        )

    async def unpause(self, job_ids: Sequence[str] = ()) -> list[Moved]:
        """Let paused jobs go on (none named: all)."""
        return await self._change(job_ids, f"{_UNFINISHED} AND paused = 1", "paused = 0")

    async def requeue(self, job_ids: Sequence[str] = ()) -> list[Moved]:
        """Queue failed and cancelled jobs again (none named: all failed ones)."""
        states = "('failed', 'cancelled')" if job_ids else "('failed')"
        return await self._change(job_ids, f"state IN {states}", _REQUEUE)

    async def cancel_untouched(
        self, job_ids: Sequence[str] = (), *, except_for: Sequence[str] = ()
    ) -> list[Moved]:
        """Cancel unfinished jobs that never began (none named: all): nothing to roll back.

        `except_for` are those that begin just now, which the ledger does not know yet.
        """
        now = time.time()
        running = json.dumps(list(except_for)).replace("'", "''")
        return await self._change(
            job_ids,
            f"{_UNFINISHED} AND started = 0"
            f" AND job_id NOT IN (SELECT value FROM json_each('{running}'))",
            f"state = 'cancelled', paused = 0, retry_at = 0, finished = {now!r}",
        )

    async def _change(self, job_ids: Sequence[str], where: str, assign: str) -> list[Moved]:
        def work(connection: sqlite3.Connection) -> list[Moved]:
            chosen, values = _chosen(job_ids)
            clause = f"WHERE {where}{chosen}"
            before = {
                row["seq"]: bucket_of(row["state"], row["paused"])
                for row in connection.execute(f"SELECT * FROM jobs {clause}", values)
            }
            rows = connection.execute(f"UPDATE jobs SET {assign} {clause} RETURNING *", values)
            return [_moved(row, before[row["seq"]]) for row in rows.fetchall()]

        return await self._database.run(work)

    # -- reading ------------------------------------------------------------------------

    async def load(self, job_ids: Sequence[str]) -> list[JobRecord]:
        """These jobs with their open intents, oldest first; unknown ids are left out."""
        chosen, values = _chosen(job_ids)
        return await self._records(f"WHERE 1{chosen} ORDER BY seq", values) if job_ids else []

    async def unfinished(self, job_ids: Sequence[str] = ()) -> list[JobRecord]:
        """Unfinished jobs (none named: all), oldest first."""
        chosen, values = _chosen(job_ids)
        return await self._records(f"WHERE {_UNFINISHED}{chosen} ORDER BY seq", values)

    async def waiting(self, after: int, limit: int) -> list[JobRecord]:
        """Unfinished, unpaused jobs with a higher `seq` than `after`, oldest first."""
        return await self._records(
            f"WHERE {_UNFINISHED} AND paused = 0 AND seq > ? ORDER BY seq LIMIT ?", (after, limit)
        )

    async def _records(self, clause: str, values: Sequence[Any]) -> list[JobRecord]:
        def work(connection: sqlite3.Connection) -> list[JobRecord]:
            rows = connection.execute(f"SELECT * FROM jobs {clause}", values).fetchall()
            records = {row["job_id"]: decode_row(row) for row in rows}
            begun = [record.job_id for record in records.values() if record.started]
            if begun:
                for row in connection.execute(
                    "SELECT * FROM intents WHERE outcome = '' AND job_id IN"
                    " (SELECT value FROM json_each(?)) ORDER BY id",
                    (json.dumps(begun),),
                ):
                    intents = records[row["job_id"]].intents
                    intents[Effect(row["effect"])] = json.loads(row["details"])
                for row in connection.execute(
                    "SELECT * FROM places WHERE job_id IN (SELECT value FROM json_each(?))",
                    (json.dumps(begun),),
                ):
                    records[row["job_id"]].places = (row["source"], row["destination"])
            return list(records.values())

        return await self._database.run(work)

    async def open_counts(self) -> dict[str, int]:
        """How many jobs of each job set are unfinished and not paused."""

        def work(connection: sqlite3.Connection) -> dict[str, int]:
            rows = connection.execute(
                f"SELECT jobset, count(*) FROM jobs WHERE {_UNFINISHED} AND paused = 0"
                " GROUP BY jobset"
            )
            return {row[0]: row[1] for row in rows}

        return await self._database.run(work)

    async def parts(self, job_id: str) -> list[PartRecord]:
        """The finished parts of the job's upload, by number."""

        def work(connection: sqlite3.Connection) -> list[PartRecord]:
            rows = connection.execute(
                "SELECT number, etag, size, md5, crc32c FROM parts WHERE job_id = ?"
                " ORDER BY number",
                (job_id,),
            )
            return [PartRecord(*row) for row in rows]

        return await self._database.run(work)


_REQUEUE = (
    "state = 'queued', paused = 0, attempt = 0, error = '', error_todo = '', retry_at = 0,"
    " finished = 0"
)


def _chosen(job_ids: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    if not job_ids:
        return "", ()
    return (
        " AND job_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(job_ids)),),
    )


def _moved(row: sqlite3.Row, before: str, old_jobset: str = "") -> Moved:
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


def _add_one(
    connection: sqlite3.Connection, jobset: str, spec: JobSpec, saving: float
) -> tuple[str, Moved | None]:
    key = job_key(spec)
    earlier = connection.execute(
        "SELECT * FROM jobs WHERE job_key = ? ORDER BY seq DESC LIMIT 1", (key,)
    ).fetchone()
    if earlier is not None:
        job_id = str(earlier["job_id"])
        bucket = bucket_of(earlier["state"], earlier["paused"])
        same_set = earlier["jobset"] == jobset
        change = "jobset = ?"
        if bucket == "paused":
            change += ", paused = 0"
        elif bucket in (JobState.FAILED, JobState.CANCELLED):
            change += f", {_REQUEUE}"
        elif same_set:
            return job_id, None
        if bucket != JobState.COMPLETED:
            row = connection.execute(
                f"UPDATE jobs SET {change} WHERE job_id = ? RETURNING *", (jobset, job_id)
            ).fetchall()[0]
            return job_id, _moved(row, bucket, earlier["jobset"])
    job_id = _free_id(connection, key)
    connection.execute(
        "INSERT INTO jobs (job_id, job_key, jobset, spec, source, destination, route, size,"
        " saving, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job_id,
            key,
            jobset,
            encode_spec(spec),
            searchable(spec.source),
            searchable(spec.destination),
            route_of(spec),
            spec.size,
            saving,
            time.time(),
        ),
    )
    return job_id, Moved(
        job_id, jobset, jobset, route_of(spec), spec.size, saving, "", str(JobState.QUEUED)
    )


def _free_id(connection: sqlite3.Connection, key: str) -> str:
    name, number = key[:12], 1
    while connection.execute("SELECT 1 FROM jobs WHERE job_id = ?", (name,)).fetchone():
        number += 1
        name = f"{key[:12]}-{number}"
    return name


def _save(connection: sqlite3.Connection, job_id: str, batch: Batch) -> None:
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
    if batch.forget_parts:
        connection.execute("DELETE FROM parts WHERE job_id = ?", (job_id,))
    for part in batch.parts:
        connection.execute(
            "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?)", (job_id, *part)
        )
