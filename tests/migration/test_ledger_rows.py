"""A batch that goes as a row of the view does what its statements one by one would."""

import sqlite3
from typing import Any

import pytest

from engine.migration.ledger import SCHEMA, Batch
from engine.migration.ledger_writes import add_one, as_row, save_batch
from engine.migration.records import Effect, Outcome, PartRecord
from engine.model import (
    Address,
    Evidence,
    JobSpec,
    JobState,
    MoveKind,
    MoveOptions,
    SourceProof,
    Step,
    VersionPin,
)

PIN = VersionPin('a"\\é\udc80', 1.5, 4096, "v\n1")
SPEC = JobSpec(
    Address("one", "a", "k"), Address("two", "b", "k"), MoveKind.MOVE, 5, PIN, "", "", MoveOptions()
)
BEGUN = Batch(
    changes={"attempt": 1, "started": 7.25, "state": JobState.COPYING, "step": Step.UPLOAD},
    intents={Effect.WRITE: {"replaces": True}},
    places=("http://h/a/k", "http://h/b/é"),
)
PROVED = Batch(
    changes={
        "destination_pin": PIN,
        "source_pin": PIN,
        "wrote": True,
        "verified": True,
        "evidence": Evidence.REREAD,
        "source_proof": SourceProof.ATTESTED,
        "guarded": False,
        "digests": {"md5": "00ff", 'odd"é': "x"},
        "step_seconds": (0.1, 1e-9, 2.5, 0.0, 1 / 3),
        "notes": ("é", 'a "note"'),
        "state": JobState.SWITCHING,
    },
    outcomes={Effect.WRITE: Outcome.DONE},
    intents={Effect.DELETE: {}},
)
ENDED = Batch(
    changes={"state": JobState.COMPLETED, "paused": False, "finished": 9.5},
    outcomes={Effect.DELETE: Outcome.DONE},
)
FAILED = Batch(
    changes={
        "state": JobState.FAILED,
        "error": "no \udc80 \0 é",
        "error_todo": "",
        "retry_at": 1.75,
        "excused": 3,
        "upload_id": "ü",
        "part_size": 8,
        "destination_pin": None,
        "size": 6,
        "checksum_source": "md5:00",
        "checksum_destination": "md5:ff",
    },
)
AGAIN = Batch(outcomes={Effect.WRITE: Outcome.REFUSED}, intents={Effect.WRITE: {}})


def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.executescript(SCHEMA)
    return connection


def contents(connection: sqlite3.Connection) -> list[list[tuple[Any, ...]]]:
    times = {"created", "at", "done"}
    return [
        [
            tuple((name, row[name]) for name in row.keys() if name not in times)  # noqa: SIM118
            for row in connection.execute(f"SELECT * FROM {table}")
        ]
        for table in ("jobs", "intents", "places", "parts")
    ]


@pytest.mark.parametrize(
    "batches", [[BEGUN], [BEGUN, PROVED], [BEGUN, PROVED, ENDED], [BEGUN, FAILED], [BEGUN, AGAIN]]
)
def test_a_row_does_what_the_statements_do(batches: list[Batch]) -> None:
    by_rows, by_statements = database(), database()
    for connection in (by_rows, by_statements):
        job_id, _ = add_one(connection, "set", SPEC, 0.0, 0)
    rows = [as_row(job_id, batch) for batch in batches]
    assert None not in rows
    values = [value for row in rows if row is not None for value in row]
    width = len(values) // len(rows)
    marks = ", ".join([f"({', '.join('?' * width)})"] * len(rows))
    by_rows.execute(f"INSERT INTO ledger_saves VALUES {marks}", values)
    for batch in batches:
        save_batch(by_statements, job_id, batch)
    assert contents(by_rows) == contents(by_statements)


@pytest.mark.parametrize(
    "batch",
    [
        Batch(parts=[PartRecord(1, "e", 5, "", "")]),
        Batch(forget_parts=True),
        Batch(changes={"guarded": None}),
        Batch(changes={"priority": 3}),
        Batch(intents={Effect.WRITE: {}, Effect.PROBE: {}}),
        Batch(outcomes={Effect.WRITE: Outcome.DONE, Effect.COMPLETE: Outcome.DONE}),
    ],
)
def test_what_no_row_can_hold_goes_by_statements(batch: Batch) -> None:
    assert as_row("j", batch) is None
