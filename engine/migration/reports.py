"""What the console and the commands ask the ledger: jobs by filter, history, sums."""

import json
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
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
from engine.model import FINAL_STATES, JobsetSummary, JobState, JobView, Try, VersionPin

_PAGE = 200  # jobs; a page is read, worded and written in some ten milliseconds
_PROOFS = ("evidence", "source_proofs", "guards")
_GUARDS = {None: "no delete", 0: "unguarded", 1: "guarded"}
_STEP_SUMS = ", ".join(f"total(json_extract(step_seconds, '$[{index}]'))" for index in range(5))


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
            clauses.append("astra_contains(source, destination, error)")
        clause = f"WHERE {' AND '.join(clauses)} ORDER BY seq"
        return await self._views(f"{clause} LIMIT {limit or -1:d}", values, text.casefold())

    async def latest(self, limit: int) -> list[JobView]:
        """The jobs that finished last, newest first."""
        return await self._views("WHERE finished > 0 ORDER BY finished DESC LIMIT ?", (limit,))

    async def view(self, job_id: str) -> JobView | None:
        """One job, None if there is none."""
        found = await self._views("WHERE job_id = ?", (job_id,))
        return found[0] if found else None

    # -- one job set ----------------------------------------------------------------------

    async def latest_jobset(self) -> str:
        """The set of the job that was made last, "" if there is none."""

        def work(connection: sqlite3.Connection) -> str:
            row = connection.execute("SELECT jobset FROM jobs ORDER BY seq DESC LIMIT 1").fetchone()
            return str(row[0]) if row is not None else ""

        return await self._database.run(work)

    async def pages(
        self, jobset: str, *, failed: bool | None = None, until: float = 0.0
    ) -> AsyncIterator[list[JobView]]:
        """The jobs of a set in their order, a page at a time: memory holds one page.

        `failed`: only those that failed up to the time `until` (epoch seconds), or only the
        others, so that the two together give each job once though some fail meanwhile.
        """
        chosen, values = "", list[Any]()
        if failed is not None:
            chosen = f"AND {'' if failed else 'NOT '}(state = 'failed' AND finished <= ?)"
            values = [until]
        after = 0
        while True:
            clause = f"WHERE jobset = ? AND seq > ? {chosen} ORDER BY seq LIMIT {_PAGE}"
            records = await self._records_of(clause, (jobset, after, *values))
            if records:
                after = records[-1].seq
                yield [record.view() for record in records]
            if len(records) < _PAGE:
                return

    async def summary(self, jobset: str) -> JobsetSummary | None:
        """A job set added up, None if it has no job."""
        return await self._database.run(lambda connection: jobset_summary(connection, jobset))

    async def _records_of(self, clause: str, values: Sequence[Any]) -> list[JobRecord]:
        def work(connection: sqlite3.Connection) -> list[JobRecord]:
            rows = connection.execute(f"SELECT * FROM jobs {clause}", values)
            return [decode_row(row) for row in rows]

        return await self._database.run(work)

    async def _views(self, clause: str, values: Sequence[Any], text: str = "") -> list[JobView]:
        def contains(*columns: str) -> bool:
            # Not a parameter of SQL: a name from a disk may hold what its text cannot.
            return any(text in column.casefold() for column in columns)

        def work(connection: sqlite3.Connection) -> list[JobView]:
            connection.create_function("astra_contains", -1, contains)
            rows = connection.execute(f"SELECT * FROM jobs {clause}", values)
            return [decode_row(row).view() for row in rows]

        return await self._database.run(work)

    async def sums(self) -> list[Sum]:
        """All jobs added up by route and bucket."""

        def work(connection: sqlite3.Connection) -> list[Sum]:
            rows = connection.execute(
                f"SELECT route, state, paused, count(*), total(size), total(saving), {_STEP_SUMS}"
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

    async def tries(self, job_id: str) -> list[Try]:
        """The tries of a job that failed, oldest first; none in a file of an earlier release that
        is only looked at."""

        def work(connection: sqlite3.Connection) -> list[Try]:
            known = "SELECT 1 FROM sqlite_master WHERE name = 'tries'"
            if connection.execute(known).fetchone() is None:
                return []
            rows = connection.execute(
                "SELECT attempt, at, reason FROM tries WHERE job_id = ? ORDER BY rowid", (job_id,)
            )
            return [Try(*row) for row in rows]

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


def jobset_summary(connection: sqlite3.Connection, jobset: str) -> JobsetSummary | None:
    """A job set added up, None if it has no job; for a thread that may read the ledger."""
    at = time.time()
    rows = connection.execute(
        "SELECT route, state, paused, evidence, source_proof, guarded, count(*) AS jobs,"
        " total(size) AS size, total(saving) AS saving, sum(unpriced) AS unpriced,"
        " min(created) AS created,"
        " coalesce(min(nullif(started, 0)), 0) AS started, max(finished) AS finished,"
        f" {_STEP_SUMS} FROM jobs WHERE jobset = ?"
        " GROUP BY route, state, paused, evidence, source_proof, guarded",
        (jobset,),
    ).fetchall()
    return _summed(jobset, at, rows) if rows else None


def _summed(jobset: str, at: float, rows: Sequence[sqlite3.Row]) -> JobsetSummary:
    from engine.migration.totals import Totals

    sums: list[Sum] = []
    unpriced = 0
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("states", *_PROOFS)}
    for row in rows:
        steps, jobs = tuple(row[-5:]), row["jobs"]
        bucket = bucket_of(row["state"], row["paused"])
        size = int(row["size"])
        sums.append(Sum(row["route"], bucket, jobs, size, sum(steps), row["saving"], steps))
        counts["states"][bucket] += jobs
        if row["state"] == JobState.COMPLETED:
            unpriced += row["unpriced"]
            counts["evidence"][row["evidence"] or "none"] += jobs
            counts["source_proofs"][row["source_proof"] or "none"] += jobs
            counts["guards"][_GUARDS[row["guarded"]]] += jobs
    unfinished = any(row["state"] not in FINAL_STATES for row in rows)
    started = [row["started"] for row in rows if row["started"]]
    return JobsetSummary(
        jobset,
        at,
        jobs=sum(item.jobs for item in sums),
        size=sum(item.bytes for item in sums),
        created=min(row["created"] for row in rows),
        started=min(started, default=0.0),
        finished=0.0 if unfinished else max(row["finished"] for row in rows),
        states=tuple(counts["states"].items()),
        evidence=tuple(counts["evidence"].items()),
        source_proofs=tuple(counts["source_proofs"].items()),
        guards=tuple(counts["guards"].items()),
        statistics=Totals(sums).statistics(),
        unpriced=unpriced,
    )
