"""What Astra has to say on Kafka, on disk until a broker has taken it.

Messages leave in the order in which they were put; where many wait, only the newest of each key
on a compacted topic is kept, which is all that its readers would keep of them.
"""

import sqlite3
import time
from collections.abc import Collection, Sequence
from typing import NamedTuple

from engine.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    created REAL NOT NULL
);
"""

COMPACT_ABOVE = 1000


class Waiting(NamedTuple):
    """A message that has not been sent. `id` rises in the order of putting."""

    id: int
    topic: str
    key: bytes
    value: bytes


class Outgoing(NamedTuple):
    """A message to be put."""

    topic: str
    key: bytes
    value: bytes


class Outbox:
    """The table; `compacted` names the topics of which the newest of a key is enough."""

    def __init__(
        self, database: Database, compacted: Collection[str], *, compact_above: int = COMPACT_ABOVE
    ) -> None:
        self.waiting = 0
        self._database = database
        self._compacted = tuple(compacted)
        self._compact_above = compact_above
        self._next_compaction = compact_above

    async def load(self) -> None:
        """Count what an earlier run left."""
        self.waiting = await self._database.run(_count)

    async def put(self, messages: Sequence[Outgoing]) -> None:
        """Keep them; when this returns they are on disk."""
        compact = self.waiting + len(messages) > self._next_compaction

        def work(connection: sqlite3.Connection) -> int:
            now = time.time()
            connection.executemany(
                "INSERT INTO outbox (topic, key, value, created) VALUES (?, ?, ?, ?)",
                [(*message, now) for message in messages],
            )
            if compact:
                for topic in self._compacted:
                    connection.execute(
                        "DELETE FROM outbox WHERE topic = ? AND id NOT IN"
                        " (SELECT max(id) FROM outbox WHERE topic = ? GROUP BY key)",
                        (topic, topic),
                    )
            return _count(connection)

        self.waiting = await self._database.run(work)
        if compact:
            # Compacting what is compact already would cost more each time.
            self._next_compaction = max(self._compact_above, 2 * self.waiting)

    async def head(self, most: int, without: Collection[str] = ()) -> list[Waiting]:
        """The messages put first, of all topics but these."""
        marks = ", ".join("?" * len(without))
        rows = await self._database.run(
            lambda connection: connection.execute(
                f"SELECT id, topic, key, value FROM outbox WHERE topic NOT IN ({marks})"
                " ORDER BY id LIMIT ?",
                (*without, most),
            ).fetchall()
        )
        return [Waiting(*row) for row in rows]

    async def remove(self, ids: Sequence[int]) -> None:
        """Forget messages that were sent."""

        def work(connection: sqlite3.Connection) -> int:
            connection.executemany("DELETE FROM outbox WHERE id = ?", [(id_,) for id_ in ids])
            return _count(connection)

        self.waiting = await self._database.run(work)


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM outbox").fetchone()[0])
