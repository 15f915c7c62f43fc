"""What the policies decided: the latest per object in memory, all of them kept for audit."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from engine.codec import decode, encode
from engine.database import Database
from engine.model import Address, Decision

SCHEMA = """
CREATE TABLE IF NOT EXISTS decisions (
    id INTEGER PRIMARY KEY,
    cloud TEXT NOT NULL,
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    decided_at REAL NOT NULL,
    policy TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS decisions_by_object ON decisions (cloud, bucket, key, id);
"""
KEPT_PER_OBJECT = 20


class DecisionLog:
    """Decisions by object. Only the latest run over a cloud counts as current."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._current: dict[str, dict[Address, Decision]] = {}

    def current(self, clouds: Sequence[str] = ()) -> list[Decision]:
        """The decisions of the last run over each of these clouds (none named: all)."""
        names = clouds or tuple(self._current)
        return [item for name in names for item in self._current.get(name, {}).values()]

    def of_cloud(self, cloud: str) -> dict[Address, Decision]:
        """The current decisions of one cloud, by address. Do not change it."""
        return self._current.get(cloud, {})

    def count(self) -> int:
        """How many decisions are current."""
        return sum(len(found) for found in self._current.values())

    def drop(self, address: Address) -> None:
        """Forget the current decision of an object, because it was carried out."""
        self._current.get(address.cloud, {}).pop(address, None)

    async def replace(self, cloud: str, decisions: Iterable[Decision]) -> None:
        """Make these the current decisions of a cloud, and write them down."""
        found = {decision.address: decision for decision in decisions}
        await self._database.run(lambda connection: _write(connection, found.values()))
        self._current[cloud] = found

    async def audit(
        self, place: Address | None = None, *, policy: str = "", limit: int = 100
    ) -> list[Decision]:
        """The decisions that were stored, latest first: of an object, of all below a prefix, of
        a whole cloud (no bucket), or of all clouds (None)."""
        tests, values = ["1"], list[object]()
        if policy:
            tests.append("policy = ?")
            values.append(policy)
        if place is not None:
            tests.append("cloud = ?")
            values.append(place.cloud)
        if place is not None and place.bucket:
            tests.append("bucket = ?")
            values.append(place.bucket)
            key = _bytes(place.key)
            tests.append("substr(key, 1, ?) = ?" if place.is_prefix else "key = ?")
            values += [len(key), key] if place.is_prefix else [key]

        def read(connection: sqlite3.Connection) -> list[str]:
            query = f"SELECT body FROM decisions WHERE {' AND '.join(tests)}"
            rows = connection.execute(f"{query} ORDER BY id DESC LIMIT ?", (*values, limit))
            return [row["body"] for row in rows]

        return [decode(Decision, json.loads(body)) for body in await self._database.run(read)]

    async def history(self, address: Address) -> list[Decision]:
        """What was decided for this object, latest first, the last twenty at most."""

        def read(connection: sqlite3.Connection) -> list[str]:
            rows = connection.execute(
                "SELECT body FROM decisions WHERE cloud = ? AND bucket = ? AND key = ?"
                " ORDER BY id DESC LIMIT ?",
                (address.cloud, address.bucket, _bytes(address.key), KEPT_PER_OBJECT),
            )
            return [row["body"] for row in rows]

        return [decode(Decision, json.loads(body)) for body in await self._database.run(read)]


def _write(connection: sqlite3.Connection, decisions: Iterable[Decision]) -> None:
    # The latest decision of an object is often the same as last time: it is said once, with the
    # figures of this time, which are those that a plan of it has.
    for item in decisions:
        where = (item.address.cloud, item.address.bucket, _bytes(item.address.key))
        body = json.dumps(encode(item))
        last = connection.execute(
            "SELECT id, body FROM decisions WHERE cloud = ? AND bucket = ? AND key = ?"
            " ORDER BY id DESC LIMIT 1",
            where,
        ).fetchone()
        if last is not None:
            old, new = json.loads(last["body"]), json.loads(body)
            if _same(old, new):
                if old | {"decided_at": new["decided_at"]} != new:
                    connection.execute(
                        "UPDATE decisions SET body = ?, decided_at = ? WHERE id = ?",
                        (body, item.decided_at, last["id"]),
                    )
                continue
        connection.execute(
            "INSERT INTO decisions (cloud, bucket, key, decided_at, policy, body)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (*where, item.decided_at, item.policy, body),
        )


def _bytes(key: str) -> bytes:
    # Names from disks may hold lone surrogates, which SQLite text cannot.
    return key.encode("utf-8", "surrogateescape")


def _same(old: Mapping[str, object], new: Mapping[str, object]) -> bool:
    """Whether both say the same but for when, and at which figures."""
    names = ("from_class", "to_class", "policy", "policy_version")
    later = ("model_version", "to_cloud")  # which older decisions lack
    return all(old.get(name) == new.get(name) for name in names) and all(
        old.get(name, "") == new.get(name, "") for name in later
    )
