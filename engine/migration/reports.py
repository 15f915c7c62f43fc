"""What the console and the commands ask the ledger: jobs by filter, history, sums."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from engine.database import Database
from engine.migration.records import (
    Details,
    JobRecord,
    bucket_of,
    decode_row,
    encode_pin,
    searchable,
)
from engine.model import JobState, JobView, VersionPin


class Sum(NamedTuple):
    """Jobs of one route and bucket (a state, or `paused`) added up."""

    route: str
    bucket: str
    jobs: int
    bytes: int
    seconds: float
    saving: float
    step_seconds: tuple[float, ...]


class IntentEntry(NamedTuple):
    """One line of a job's history; times in epoch seconds, `outcome` "" while open."""

    effect: str
    details: Details
    at: float
    outcome: str
    done: float


class Reports:
    """Reading side of the ledger. Methods may raise StateError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def views(
        self, *, jobset: str = "", states: Sequence[JobState] = (), text: str = "", limit: int = 0
    ) -> list[JobView]:
        """Jobs that fit, oldest first; `limit` 0 means all. `text` is looked for in the
        addresses and the error, in any case."""
        clauses, values = ["1"], list[Any]()
        if jobset:
            clauses.append("jobset = ?")
            values.append(jobset)
        if states:
            clauses.append("state IN (SELECT value FROM json_each(?))")
            values.append(json.dumps([str(state) for state in states]))
        if text:
            clauses.append("astra_contains(?, source, destination, error)")
            values.append(text.casefold())
        clause = f"WHERE {' AND '.join(clauses)} ORDER BY seq"
        return await self._views(f"{clause} LIMIT {limit or -1:d}", values)

    async def latest(self, limit: int) -> list[JobView]:
        """The jobs that finished last, newest first."""
        return await self._views("WHERE finished > 0 ORDER BY finished DESC LIMIT ?", (limit,))

    async def view(self, job_id: str) -> JobView | None:
        """One job, None if there is none."""
        found = await self._views("WHERE job_id = ?", (job_id,))
        return found[0] if found else None

    async def _views(self, clause: str, values: Sequence[Any]) -> list[JobView]:
        def work(connection: sqlite3.Connection) -> list[JobView]:
            connection.create_function("astra_contains", -1, _contains, deterministic=True)
            rows = connection.execute(f"SELECT * FROM jobs {clause}", values)
            return [decode_row(row).view() for row in rows]

        return await self._database.run(work)

    async def sums(self) -> list[Sum]:
        """All jobs added up by route and bucket."""

        def work(connection: sqlite3.Connection) -> list[Sum]:
            steps = ", ".join(
                f"total(json_extract(step_seconds, '$[{index}]'))" for index in range(5)
            )
            rows = connection.execute(
                f"SELECT route, state, paused, count(*), total(size), total(saving), {steps}"
                " FROM jobs GROUP BY route, state, paused"
            )
            return [
                Sum(
                    row[0],
                    bucket_of(row[1], row[2]),
                    row[3],
                    int(row[4]),
                    sum(row[6:]),
                    row[5],
                    tuple(row[6:]),
                )
                for row in rows
            ]

        return await self._database.run(work)

    async def history(self, job_id: str) -> list[IntentEntry]:
        """Everything the job meant to do, and how it ended, oldest first."""

        def work(connection: sqlite3.Connection) -> list[IntentEntry]:
            rows = connection.execute(
                "SELECT effect, details, at, outcome, done FROM intents WHERE job_id = ?"
                " ORDER BY id",
                (job_id,),
            )
            return [IntentEntry(row[0], json.loads(row[1]), *row[2:]) for row in rows]

        return await self._database.run(work)

    async def relied_on(self, record: JobRecord) -> str:
        """Another job that proved its own move by the object this one wrote, "" if none.

        The other may name the same place by another cloud.
        """
        spec, pin = record.spec, record.destination_pin or VersionPin()

        def work(connection: sqlite3.Connection) -> str:
            rows = connection.execute(
                "SELECT job_id, destination_pin FROM jobs WHERE job_id != ? AND verified = 1"
                " AND (destination = ?"
                " OR job_id IN (SELECT job_id FROM places WHERE destination = ?))",
                (record.job_id, searchable(spec.destination), record.places[1]),
            )
            same = encode_pin(pin)
            for job_id, other in rows:
                if other == same or json.loads(other or "[null]")[0] in (pin.etag, None):
                    return str(job_id)
            return ""

        return await self._database.run(work)


def _contains(text: str, *columns: str) -> bool:
    return any(text in column.casefold() for column in columns)
