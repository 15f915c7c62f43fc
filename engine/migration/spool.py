"""Two listings brought into one order on disk, so that neither has to be in memory.

Stores list in the order of UTF-8 bytes, mostly; a check must not depend on it. A private
temporary SQLite file (in TMPDIR, gone with the connection) sorts whatever comes.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple, TypeVar

from engine.errors import StateError
from engine.model import ListEntry

T = TypeVar("T")
SOURCE, DESTINATION = 0, 1
_SCHEMA = """
CREATE TABLE entries (
    side INTEGER, key BLOB, size INTEGER, modified REAL, etag TEXT, class TEXT,
    PRIMARY KEY (side, key)
) WITHOUT ROWID
"""
_BATCH = 500
_CACHE = "PRAGMA cache_size = -16384"  # KiB


class Pair(NamedTuple):
    """What is listed under one relative key on each side, None where nothing is.

    The entries carry the relative key.
    """

    relative: str
    source: ListEntry | None
    destination: ListEntry | None


class Spool:
    """Use as an async context manager. Methods may raise StateError: the disk is full."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "astra-spool")
        self._connection: sqlite3.Connection | None = None

    async def __aenter__(self) -> "Spool":
        await self._run(self._open)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.shield(self._run(self._close))
        self._thread.shutdown(wait=False)

    async def add(self, side: int, entries: Sequence[ListEntry], cut: int) -> None:
        """Take a page of a side's listing; the first `cut` characters of keys are left out."""
        await self._run(lambda: self._add(side, entries, cut))

    async def pairs(self) -> AsyncIterator[list[Pair]]:
        """Everything that was taken, by relative key in the order of UTF-8 bytes."""
        merged = await self._run(self._merge)
        while batch := await self._run(lambda: list(islice(merged, _BATCH))):
            yield batch

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise StateError(
                f"The listings cannot be sorted on disk: {error}.",
                subject="TMPDIR",
                safe="Nothing was changed.",
                todo="Free space there, or set TMPDIR to a place that has some.",
            ) from error

    # -- in the thread ------------------------------------------------------------------

    def _open(self) -> None:
        connection = sqlite3.connect("", isolation_level=None)
        self._connection = connection
        for statement in ("PRAGMA journal_mode = OFF", _CACHE, _SCHEMA, "BEGIN"):
            connection.execute(statement)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _add(self, side: int, entries: Sequence[ListEntry], cut: int) -> None:
        assert self._connection is not None
        self._connection.executemany(
            "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?)",
            (
                (side, e.key[cut:].encode("utf-8", "surrogatepass"), e.size, e.modified, e.etag,
                 e.storage_class)
                for e in entries
            ),
        )  # fmt: skip

    def _side(self, side: int) -> Iterator[tuple[bytes, ListEntry]]:
        assert self._connection is not None
        rows = self._connection.execute(
            "SELECT key, size, modified, etag, class FROM entries WHERE side = ? ORDER BY key",
            (side,),
        )
        for key, *rest in rows:
            yield key, ListEntry(key.decode("utf-8", "surrogatepass"), *rest)

    def _merge(self) -> Iterator[Pair]:
        left, right = self._side(SOURCE), self._side(DESTINATION)
        one, two = next(left, None), next(right, None)
        while one is not None or two is not None:
            if two is None or (one is not None and one[0] < two[0]):
                assert one is not None
                yield Pair(one[1].key, one[1], None)
                one = next(left, None)
            elif one is None or two[0] < one[0]:
                yield Pair(two[1].key, None, two[1])
                two = next(right, None)
            else:
                yield Pair(one[1].key, one[1], two[1])
                one, two = next(left, None), next(right, None)
