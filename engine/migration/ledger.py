"""The durable record of jobs: what was meant, what was done, what was proved.

An intent is on disk before the effect is sent, its outcome after; `verified` is on disk before
a delete is sent. Everything goes through the one state database, whose group commits let many
jobs share a write to disk. Methods may raise StateError; then nothing may be deleted.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from engine.migration.ledger_schema import SCHEMA, UNFINISHED
from engine.migration.ledger_writes import (
    REQUEUE,
    Batch,
    Moved,
    add_one,
    among,
    as_moved,
    as_row,
    save_batch,
)
from engine.migration.records import Effect, JobRecord, PartRecord, bucket_of, decode_row
from engine.migration.reports import Reports
from engine.model import JobSpec

__all__ = ["SCHEMA", "Batch", "Ledger", "Moved"]

_CHUNK = 500


class Ledger(Reports):
    """Jobs, intents and parts in the state database (`SCHEMA` must be among its schemas)."""

    # -- changing -----------------------------------------------------------------------

    async def add(
        self,
        jobset: str,
        specs: Sequence[JobSpec],
        savings: Sequence[float | None] = (),
        *,
        priority: int = 0,
    ) -> tuple[list[str], list[Moved]]:
        """Write new jobs down; returns the ids in the specs' order, and what was changed.

        A spec whose job is unfinished makes no second one (a paused job goes on), one that
        failed or was cancelled is queued again, one that was completed in the same job set
        stays completed. `savings` are USD a month (None unknown), for the statistics; a job
        that is queued again takes the new one. Every source that a job new to the set deletes adds
        to what the set may delete (`deletes`).
        """
        ids: list[str] = []
        moved: list[Moved] = []
        for start in range(0, len(specs), _CHUNK):
            some = specs[start : start + _CHUNK]
            money: list[float | None] = [*savings[start : start + _CHUNK], *[0.0] * len(some)]
            pairs = list(zip(some, money, strict=False))
            found = await self._database.run(
                lambda connection, pairs=pairs: [  # type: ignore[misc]
                    add_one(connection, jobset, spec, saving, priority) for spec, saving in pairs
                ]
            )
            for job_id, change in found:
                ids.append(job_id)
                if change is not None:
                    moved.append(change)
        return ids, moved

    def save(self, job_id: str, batch: Batch, *, hurry: bool = True) -> "asyncio.Future[None]":
        """Put a batch on disk; when the future is done it survives a power cut.

        Without `hurry` it may take a few milliseconds longer, so as to share a write.
        """
        row = as_row(job_id, batch)
        if row is None:
            return self._database.start(lambda connection: save_batch(connection, job_id, batch))
        return self._database.insert("ledger_saves", row, hurry=hurry)

    async def interrupt(self) -> int:
        """Mark every unfinished job as paused: its process is gone. Returns how many are."""

        def work(connection: sqlite3.Connection) -> int:
            connection.execute(
                f"UPDATE jobs SET state = 'queued', paused = 1, retry_at = 0 WHERE {UNFINISHED}"
            )
            row = connection.execute(f"SELECT count(*) FROM jobs WHERE {UNFINISHED}").fetchone()
            return int(row[0])

        return await self._database.run(work)

    async def pause(self, job_ids: Sequence[str] = ()) -> list[Moved]:
        """Pause unfinished jobs (none named: all)."""
        return await self._change(
            job_ids, f"{UNFINISHED} AND paused = 0", "paused = 1, retry_at = 0"
        )

    async def unpause(self, job_ids: Sequence[str] = ()) -> list[Moved]:
        """Let paused jobs go on (none named: all)."""
        return await self._change(job_ids, f"{UNFINISHED} AND paused = 1", "paused = 0")

    async def requeue(self, job_ids: Sequence[str] = ()) -> list[Moved]:
        """Queue failed and cancelled jobs again (none named: all failed ones)."""
        states = "('failed', 'cancelled')" if job_ids else "('failed')"
        return await self._change(job_ids, f"state IN {states}", REQUEUE)

    async def prioritise(
        self, priority: int, *, jobset: str = "", job_ids: Sequence[str] = ()
    ) -> list[str]:
        """Give unfinished jobs (of a set, or these ones) a priority; returns their ids."""

        def work(connection: sqlite3.Connection) -> list[str]:
            chosen, values = among(job_ids)
            if jobset:
                chosen, values = f"{chosen} AND jobset = ?", (*values, jobset)
            rows = connection.execute(
                f"UPDATE jobs SET priority = ? WHERE {UNFINISHED}{chosen} RETURNING job_id",
                (priority, *values),
            )
            return [row[0] for row in rows.fetchall()]

        return await self._database.run(work)

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
            f"{UNFINISHED} AND started = 0"
            f" AND job_id NOT IN (SELECT value FROM json_each('{running}'))",
            f"state = 'cancelled', paused = 0, retry_at = 0, finished = {now!r}",
        )

    async def _change(self, job_ids: Sequence[str], where: str, assign: str) -> list[Moved]:
        def work(connection: sqlite3.Connection) -> list[Moved]:
            chosen, values = among(job_ids)
            clause = f"WHERE {where}{chosen}"
            before = {
                row["seq"]: bucket_of(row["state"], row["paused"])
                for row in connection.execute(f"SELECT * FROM jobs {clause}", values)
            }
            rows = connection.execute(f"UPDATE jobs SET {assign} {clause} RETURNING *", values)
            return [as_moved(row, before[row["seq"]]) for row in rows.fetchall()]

        return await self._database.run(work)

    # -- reading ------------------------------------------------------------------------

    async def load(self, job_ids: Sequence[str]) -> list[JobRecord]:
        """These jobs with their open intents, oldest first; unknown ids are left out."""
        chosen, values = among(job_ids)
        return await self._records(f"WHERE 1{chosen} ORDER BY seq", values) if job_ids else []

    async def unfinished(self, job_ids: Sequence[str] = ()) -> list[JobRecord]:
        """Unfinished jobs (none named: all), oldest first."""
        chosen, values = among(job_ids)
        return await self._records(f"WHERE {UNFINISHED}{chosen} ORDER BY seq", values)

    async def routes(self) -> list[str]:
        """Routes of unfinished jobs."""

        def work(connection: sqlite3.Connection) -> list[str]:
            found: list[str] = []
            while True:  # one look into the index for each route, however many jobs it has
                row = connection.execute(
                    f"SELECT route FROM jobs WHERE {UNFINISHED} AND route > ?"
                    " ORDER BY route LIMIT 1",
                    (found[-1] if found else "",),
                ).fetchone()
                if row is None:
                    return found
                found.append(row[0])

        return await self._database.run(work)

    async def waiting(self, route: str, after: tuple[int, int], limit: int) -> list[JobRecord]:
        """Unfinished, unpaused jobs of a route that come after the job of that priority and
        `seq`: by priority, then oldest first."""
        priority, seq = after
        return await self._records(
            f"WHERE {UNFINISHED} AND paused = 0 AND route = ? AND priority <= ?"
            " AND (priority < ? OR seq > ?) ORDER BY priority DESC, seq LIMIT ?",
            (route, priority, priority, seq, limit),
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

    async def deletes(self, jobset: str) -> tuple[int, int]:
        """How many sources the jobs of a set may delete, and for how many of them that was sent
        or may have been."""

        def work(connection: sqlite3.Connection) -> tuple[int, int]:
            row = connection.execute(
                "SELECT deletes FROM allowances WHERE jobset = ?", (jobset,)
            ).fetchone()
            sent = connection.execute(
                "SELECT count(DISTINCT job_id) FROM jobs JOIN intents USING (job_id)"
                " WHERE jobset = ? AND effect = 'delete'"
                " AND outcome NOT IN ('refused', 'unmatched')",
                (jobset,),
            ).fetchone()
            return (row[0] if row is not None else 0), sent[0]

        return await self._database.run(work)

    async def open_counts(self) -> dict[str, int]:
        """How many jobs of each job set are unfinished and not paused."""

        def work(connection: sqlite3.Connection) -> dict[str, int]:
            rows = connection.execute(
                f"SELECT jobset, count(*) FROM jobs WHERE {UNFINISHED} AND paused = 0"
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
