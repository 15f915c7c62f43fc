"""State files of earlier and later versions: brought up to date whole, or left alone."""

import json
import sqlite3
from pathlib import Path

import pytest

from engine.database import Database
from engine.errors import StateError
from engine.migration.ledger import SCHEMA, Ledger
from engine.migration.records import encode_spec, job_key
from engine.model import Address, JobSpec, JobState, MoveKind, VersionPin
from engine.state_versions import STEPS, version_of
from tests.migration.world import local_store, world

# The ledger as it was before versions were counted.
FIRST = """
CREATE TABLE jobs (
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
CREATE INDEX jobs_by_key ON jobs (job_key);
CREATE INDEX jobs_by_set ON jobs (jobset, seq);
CREATE INDEX jobs_by_destination ON jobs (destination);
CREATE INDEX jobs_unfinished ON jobs (seq)
    WHERE state NOT IN ('completed', 'failed', 'cancelled');
CREATE INDEX jobs_finished ON jobs (finished) WHERE finished > 0;
CREATE TABLE intents (
    id INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL,
    effect TEXT NOT NULL,
    details TEXT NOT NULL,
    at REAL NOT NULL,
    outcome TEXT NOT NULL DEFAULT '',
    done REAL NOT NULL DEFAULT 0
);
CREATE INDEX intents_by_job ON intents (job_id);
CREATE TABLE parts (
    job_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    etag TEXT NOT NULL,
    size INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    crc32c TEXT NOT NULL,
    PRIMARY KEY (job_id, number)
) WITHOUT ROWID;
CREATE TABLE places (
    job_id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    destination TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX places_by_destination ON places (destination);
"""


def old_file(path: Path, *specs: JobSpec, jobset: str = "set") -> None:
    """A state file of the first version, with a paused job for each spec."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(FIRST)
        for number, spec in enumerate(specs):
            connection.execute(
                "INSERT INTO jobs (job_id, job_key, jobset, spec, source, destination, route, size,"
                " created, paused, attempt) VALUES (?, ?, ?, ?, ?, ?, 'src → dst', ?, 1.0, 1, 2)",
                (
                    f"job{number}",
                    job_key(spec),
                    jobset,
                    old_spec(spec),
                    str(spec.source),
                    str(spec.destination),
                    spec.size,
                ),
            )
    connection.close()


def old_spec(spec: JobSpec) -> str:
    """The spec as the first version wrote it."""
    fields = json.loads(encode_spec(spec))
    fields[7] = ["md5", "reread", False, False, 5]
    return json.dumps(fields)


def spec_of(key: str, kind: MoveKind = MoveKind.MOVE, size: int = 5) -> JobSpec:
    return JobSpec(
        Address("src", "b", key), Address("dst", "b", key), kind, size, VersionPin("", 0.0, size)
    )


def columns(path: Path) -> set[str]:
    with sqlite3.connect(path) as connection:
        found = {row[1] for row in connection.execute("PRAGMA table_info(jobs)")}
    connection.close()
    return found


def version(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return version_of(connection)
    finally:
        connection.close()


async def test_jobs_of_the_first_version_go_on_in_this_one(tmp_path: Path) -> None:
    stores = {name: local_store(name, tmp_path / name, "b") for name in ("src", "dst")}
    specs = []
    for key in ("one", "two", "three"):
        (tmp_path / "src" / "b" / key).write_bytes(b"bytes")
        head = await stores["src"].head("b", key)
        kind = MoveKind.COPY if key == "three" else MoveKind.MOVE
        specs.append(JobSpec(Address("src", "b", key), Address("dst", "b", key), kind, 5, head.pin))
    old_file(tmp_path / "state" / "astra.db", *specs)
    async with world(tmp_path / "state", dict(stores)) as there:
        assert version(tmp_path / "state" / "astra.db") == len(STEPS)
        before = await there.job("job0")
        assert (before.priority, before.attempt, before.paused) == (0, 2, True)
        assert await there.ledger.deletes("set") == (2, 0), "as many as the set has moves"
        assert await there.runner.resume() == 3
        done = await there.done("job1")
        assert done.state is JobState.COMPLETED, done.error
        assert dict(there.runner.counts()) == {"completed": 3}
        assert await there.ledger.deletes("set") == (2, 2)
    async with world(tmp_path / "state", dict(stores)) as there:
        assert len(await there.ledger.views()) == 3


async def test_a_new_file_and_one_that_was_brought_up_are_alike(tmp_path: Path) -> None:
    old_file(tmp_path / "old.db", spec_of("k"))
    shapes = []
    for name in ("old.db", "new.db"):
        database = Database(tmp_path / name, [SCHEMA])
        await database.open()

        def shape(connection: sqlite3.Connection) -> tuple[object, object]:
            names = connection.execute("SELECT type, name FROM sqlite_master").fetchall()
            fields = connection.execute("PRAGMA table_info(jobs)").fetchall()
            return {tuple(row) for row in names}, [tuple(row)[1:] for row in fields]

        shapes.append(await database.run(shape))
        await database.close()
    assert shapes[0] == shapes[1]


async def test_a_file_of_a_later_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "astra.db"
    database = Database(path, [SCHEMA])
    await database.open()
    await database.close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    connection.close()
    before = path.read_bytes()
    later = Database(path, [SCHEMA])
    with pytest.raises(StateError, match="later version") as caught:
        await later.open()
    await later.close()
    assert "--state" in caught.value.todo
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir() if "damaged" in item.name] == []


async def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "astra.db"
    old_file(path, spec_of("k"))
    before = columns(path)

    def fails(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE jobs SET error = 'touched'")
        raise sqlite3.OperationalError("database or disk is full")

    database = Database(path, [SCHEMA], steps=(*STEPS, fails))
    with pytest.raises(StateError, match="disk is full"):
        await database.open()
    await database.close()
    assert (columns(path), version(path)) == (before, 0)
    again = Database(path, [SCHEMA])
    await again.open()
    view = await Ledger(again).view("job0")
    assert view is not None
    assert (view.error, view.spec) == ("", spec_of("k"))
    assert view.spec.options.max_attempts == 0, "five was the only choice before"
    await again.close()


async def test_who_only_looks_changes_no_file_of_a_running_older_one(tmp_path: Path) -> None:
    path = tmp_path / "astra.db"
    old_file(path, spec_of("k"))
    guest = Database(path, [SCHEMA], guest=True)
    with pytest.raises(StateError, match="earlier version"):
        await guest.open()
    await guest.close()
    assert version(path) == 0
    assert "priority" not in columns(path)
