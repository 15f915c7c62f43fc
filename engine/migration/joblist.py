"""Jobs of the ledger sorted, filtered and totalled, by window; job sets in one line each.

A connection of its own reads, in a thread of its own, so that a look at 100,000 jobs keeps no
commit waiting. An order is kept as a table in memory and made anew when the ledger changed, but
not more often than its making costs little. Jobs at work are as they are in memory: the ledger
lags a step behind.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from engine.errors import StateError, UsageError
from engine.migration.job_sql import BUCKET, order_by, where
from engine.migration.records import bucket_of, decode_row
from engine.migration.reports import jobset_summary
from engine.model import (
    FINAL_STATES,
    Evidence,
    JobQuery,
    JobsetLine,
    JobsetSummary,
    JobSort,
    JobState,
    JobView,
    JobWindow,
    Term,
    job_fits,
    parse_job_filter,
)
from engine.model.jobfilter import bucket, contains

T = TypeVar("T")
Live = Sequence[tuple[int, JobView]]

WINDOW = 500  # jobs of one answer at most
SETS = 200  # job sets that are listed, the newest
_ORDERS = 4  # kept at a time
_REST = 0.5  # seconds that an order stays at least, while jobs change
_SHARE = 10  # and so many times what it took to make


@dataclass(slots=True)
class _Order:
    """An order that was made: its table, the ledger it was made of, when, and what it took."""

    table: str
    version: int
    at: float
    due: float
    total: int
    size: int
    states: tuple[tuple[str, int], ...]


class JobList:
    """Reads the ledger in that state file. Every method may raise StateError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "astra-jobs")
        self._connection: sqlite3.Connection | None = None
        self._orders: dict[JobQuery, _Order] = {}
        self._made = 0
        self._sets: tuple[int, float, list[_Set]] | None = None

    async def close(self) -> None:
        """Let go of the file. Safe to call twice."""
        connection = self._connection
        if connection is not None:
            connection.interrupt()
            await self._run(self._close)
        self._thread.shutdown(wait=False)

    async def window(self, query: JobQuery, start: int, stop: int, live: Live) -> JobWindow:
        """Jobs start ≤ i < stop of those that fit. `live` are the jobs at work, with their `seq`.

        Raises UsageError for a filter that makes no sense.
        """
        terms = terms_of(query.text)
        start = max(start, 0)
        stop = min(stop, start + WINDOW)
        return await self._run(lambda: self._window(query, terms, start, stop, live))

    async def matching(
        self, text: str, states: Sequence[str], live: Live, but: Collection[str] = ()
    ) -> list[str]:
        """Ids of all jobs in these states (`paused` is one) that fit a filter, without those of
        `but`. Raises UsageError as `window` does."""
        terms = (*terms_of(text), Term("state", tuple(states)))
        left_out = frozenset(but)

        def work() -> list[str]:
            condition, values = where(terms)
            rows = self._open().execute(f"SELECT job_id FROM jobs WHERE {condition}", values)
            at_work = {job.job_id: job for _, job in live}
            found = [row[0] for row in rows if row[0] not in at_work]
            found += [job_id for job_id, job in at_work.items() if job_fits(terms, job)]
            return [job_id for job_id in found if job_id not in left_out] if left_out else found

        return await self._run(work)

    async def sets(self, live: Live) -> list[JobsetLine]:
        """The newest job sets, those with unfinished jobs first."""
        return await self._run(lambda: self._jobsets(live))

    async def summary(self, jobset: str) -> JobsetSummary | None:
        """A job set added up, None if it has no job."""
        return await self._run(lambda: jobset_summary(self._open(), jobset))

    # -- in the thread ------------------------------------------------------------------

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise StateError(
                f"The ledger cannot be read: {error}.",
                subject=str(self._path),
                safe="Jobs go on.",
                todo="Try again.",
            ) from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(
                f"file:{quote(str(self._path))}?mode=ro",
                uri=True,
                isolation_level=None,
                check_same_thread=False,  # `interrupt` is called from elsewhere
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.create_function("astra_contains", 2, contains, deterministic=True)
            connection.execute(
                "CREATE TEMP TABLE live (seq INTEGER PRIMARY KEY, fits INTEGER, bucket TEXT,"
                " rate REAL, started REAL, size INTEGER)"
            )
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self._orders.clear()

    def _window(
        self, query: JobQuery, terms: Sequence[Term], start: int, stop: int, live: Live
    ) -> JobWindow:
        connection = self._open()
        order = self._order(query, terms, live)
        rows = connection.execute(
            f"SELECT jobs.* FROM {order.table} AS kept JOIN jobs ON jobs.seq = kept.job"
            " WHERE kept.place > ? AND kept.place <= ? ORDER BY kept.place",
            (start, stop),
        ).fetchall()
        at_work = dict(live)
        jobs = tuple(at_work.get(row["seq"]) or decode_row(row).view() for row in rows)
        return JobWindow(order.at, order.total, order.size, order.states, start, jobs)

    def _order(self, query: JobQuery, terms: Sequence[Term], live: Live) -> _Order:
        connection = self._open()
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        order = self._orders.get(query)
        now = time.monotonic()
        if order is not None and (now < order.due or (order.version == version and not live)):
            return order
        if order is not None:
            self._drop(query)
        self._made += 1
        table = f"temp.order_{self._made}"
        self._take_live(terms, live)
        condition, values = where(terms)
        connection.execute(
            f"CREATE TABLE {table} (place INTEGER PRIMARY KEY, job INTEGER, bucket TEXT,"
            " size INTEGER)"
        )
        columns = "seq, {bucket} AS bucket, {size} AS size, {started} AS started, finished,"
        columns += " priority, created, {rate} AS rate"
        if query.sort is JobSort.NAME:  # a wide column, sorted along with the others
            columns += ", source"
        plain = columns.format(bucket=BUCKET, size="size", started="started", rate="0")
        known = columns.replace("seq", "jobs.seq", 1).format(
            bucket="live.bucket", size="live.size", started="live.started", rate="live.rate"
        )
        connection.execute(
            f"INSERT INTO {table} (job, bucket, size) SELECT seq, bucket, size FROM ("
            f"SELECT {plain} FROM jobs WHERE seq NOT IN (SELECT seq FROM temp.live)"
            f" AND ({condition}) UNION ALL SELECT {known} FROM temp.live AS live JOIN jobs"
            f" ON jobs.seq = live.seq WHERE live.fits) ORDER BY {order_by(query)}",
            values,
        )
        sums = connection.execute(
            f"SELECT bucket, count(*), total(size) FROM {table} GROUP BY bucket"
        ).fetchall()
        took = time.monotonic() - now
        order = _Order(
            table,
            version,
            time.time(),
            time.monotonic() + max(_REST, _SHARE * took),
            sum(row[1] for row in sums),
            int(sum(row[2] for row in sums)),
            tuple((row[0], row[1]) for row in sums),
        )
        self._orders[query] = order
        while len(self._orders) > _ORDERS:
            self._drop(next(iter(self._orders)))
        return order

    def _drop(self, query: JobQuery) -> None:
        self._open().execute(f"DROP TABLE {self._orders.pop(query).table}")

    def _take_live(self, terms: Sequence[Term], live: Live) -> None:
        connection = self._open()
        connection.execute("DELETE FROM temp.live")
        connection.executemany(
            "INSERT OR REPLACE INTO temp.live VALUES (?, ?, ?, ?, ?, ?)",
            [
                (seq, job_fits(terms, job), bucket(job), job.rate, job.started, job.spec.size)
                for seq, job in live
            ],
        )

    def _jobsets(self, live: Live) -> list[JobsetLine]:
        connection = self._open()
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        now = time.monotonic()
        kept = self._sets
        if kept is None or (kept[0] != version and now >= kept[1]):
            rows = connection.execute(
                "SELECT jobset, route, state, paused, count(*) AS jobs, total(size) AS size,"
                " min(created) AS created, coalesce(min(nullif(started, 0)), 0) AS started,"
                " max(finished) AS finished, total(saving) AS saving FROM jobs WHERE jobset IN"
                " (SELECT jobset FROM jobs GROUP BY jobset ORDER BY max(seq) DESC LIMIT ?)"
                " GROUP BY jobset, route, state, paused ORDER BY max(seq) DESC",
                (SETS,),
            ).fetchall()
            due = time.monotonic() + max(_REST, _SHARE * (time.monotonic() - now))
            kept = self._sets = (version, due, _folded(rows))
        work: dict[str, list[JobView]] = {}
        for _, job in live:
            work.setdefault(job.jobset, []).append(job)
        lines = [one.line(work.get(one.jobset, ())) for one in kept[2]]
        return sorted(lines, key=lambda line: (bool(line.finished), -line.created))


class _Set:
    """A job set while it is added up."""

    __slots__ = ("created", "finished", "jobset", "routes", "saving", "size", "sizes", "started",
                 "states")  # fmt: skip

    def __init__(self, jobset: str) -> None:
        self.jobset = jobset
        self.states: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.routes: dict[str, None] = {}
        self.size = 0
        self.created = self.started = self.finished = self.saving = 0.0

    def add(self, row: sqlite3.Row) -> None:
        name, size = bucket_of(row["state"], row["paused"]), int(row["size"])
        self.states[name] = self.states.get(name, 0) + row["jobs"]
        self.sizes[name] = self.sizes.get(name, 0) + size
        self.routes[row["route"]] = None
        self.size += size
        self.created = min(self.created or row["created"], row["created"])
        if row["started"]:
            self.started = min(self.started or row["started"], row["started"])
        self.finished = max(self.finished, row["finished"])
        if name == JobState.COMPLETED:
            self.saving += row["saving"]

    def line(self, work: Sequence[JobView]) -> JobsetLine:
        """As it is now, with the progress of its jobs at work."""
        ended = self.sizes.get("failed", 0) + self.sizes.get("cancelled", 0)
        rate = sum(job.rate for job in work)
        moved = sum(int(job.progress * job.spec.size) for job in work)
        done = min(self.sizes.get("completed", 0) + moved, self.size)
        reread = any(job.spec.options.verify is Evidence.REREAD for job in work)
        paused = self.sizes.get("paused", 0)
        left = max(self.size - ended - paused - done, 0) * (2 if reread else 1)
        unfinished = any(name not in FINAL_STATES for name in self.states)
        return JobsetLine(
            self.jobset,
            sum(self.states.values()),
            self.size,
            tuple(self.states.items()),
            tuple(self.routes),
            done,
            rate,
            left / rate if rate > 0 and unfinished else 0.0,
            self.created,
            self.started,
            0.0 if unfinished else self.finished,
            self.saving,
        )


def _folded(rows: Sequence[sqlite3.Row]) -> list[_Set]:
    found: dict[str, _Set] = {}
    for row in rows:
        name = row["jobset"]
        if name not in found:
            found[name] = _Set(name)
        found[name].add(row)
    return list(found.values())


def terms_of(text: str) -> tuple[Term, ...]:
    """The terms of a filter. Raises UsageError with the reason and an example."""
    try:
        return parse_job_filter(text)
    except ValueError as error:
        raise UsageError(
            f"The filter makes no sense: {error}.", todo="Write state:failed route:aws>gcp text."
        ) from error
