"""Limits of the command: bandwidth by the clock, priorities, deletes, and stores that are away."""

import contextlib
import signal
import sqlite3
import time
from collections.abc import Iterator

import pytest

from tests.cli.conftest import Astra
from tests.fake_s3 import FakeS3, Fault

SECONDS = 60.0


@pytest.fixture
def fake() -> Iterator[FakeS3]:
    with FakeS3() as server:
        server.state.buckets["b"] = {}
        yield server


def with_fake(astra: Astra, fake: FakeS3, more: str = "") -> None:
    astra.config(
        more=f'[clouds.far]\nkind = "s3"\nprovider = "aws"\nregion = "us-east-1"\n'
        f'endpoint = "{fake.endpoint}"\nbucket = "b"\naccess_key = "k"\nsecret_key = "s"\n'
        f'[kafka]\nbootstrap = "off"\n{more}'
    )


def test_the_limit_of_the_hour_is_told_and_in_the_summary(astra: Astra) -> None:
    astra.config(more='[kafka]\nbootstrap = "off"\n[engine]\nbwlimit = "00:00,3MiB 00:01,3MiB"\n')
    astra.file("m/a")
    done = astra("migrate", "disk:box/m/", "disk:box/other/", "--yes", "--json")
    assert done.summary["bwlimit"] == 3 * 1024**2
    assert "Bandwidth: 3.0 MiB/s until" in done.err
    astra.file("m/a")
    table = ("--bwlimit", "Mon-00:00,off")
    done = astra("migrate", "disk:box/m/", "disk:box/two/", "--yes", "--json", *table)
    assert done.summary["bwlimit"] == 0
    assert "Bandwidth: unlimited until" in done.err
    plain = astra(
        "migrate", "disk:box/two/", "disk:box/three/", "--yes", "--bwlimit", "1MiB", "--json"
    )
    assert plain.summary["bwlimit"] == 1024**2
    assert "Bandwidth" not in plain.err


def test_a_bad_timetable_names_its_entry(astra: Astra) -> None:
    astra.config()
    bad = astra(
        "migrate", "disk:box/a/", "disk:box/b/", "--bwlimit", "08:00,5MiB 19:00,fast", code=2
    )
    assert "'19:00,fast'" in " ".join(bad.err.split())
    astra.config(more='[engine]\nbwlimit = "08:00,5MiB 25:00,off"\nmax_deletes = -1\n')
    bad = astra("jobs", code=2)
    assert "'25:00,off'" in bad.err
    assert "max_deletes" in bad.err


def test_a_plan_with_too_many_deletes_is_refused_with_what_to_do(astra: Astra) -> None:
    astra.config()
    files = [astra.file(f"m/{number}") for number in range(4)]
    plan = astra("migrate", "disk:box/m/", "disk:box/o/", "-n", "--json", "--max-deletes", "3")
    assert (plan.lines[-1]["plan"]["deletes"], plan.lines[-1]["plan"]["max_deletes"]) == (4, 3)
    refused = astra("migrate", "disk:box/m/", "disk:box/o/", "--yes", "--max-deletes", "3", code=3)
    assert "deletes 4 sources" in refused.err
    assert "--max-deletes 4" in refused.err
    assert all(path.exists() for path in files)
    assert "it deletes 4 sources, and at most 3" in refused.err, "the plan says so as well"
    assert in_ledger(astra) == 0
    keep = ("--keep-source", "--max-deletes", "0")
    astra("migrate", "disk:box/m/", "disk:box/o/", "--yes", *keep)


def test_priorities_are_kept_shown_and_changed(astra: Astra) -> None:
    astra.config()
    astra.file("m/a", b"x" * 400_000)
    slow = ("migrate", "disk:box/m/", "disk:box/o/", "--yes", "--bwlimit", "1KiB")
    with astra.started(*slow, "--priority", "low", "--json") as process:
        wait_for(lambda: in_ledger(astra))
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 4
    (job,) = astra("jobs", "--json").lines
    shown = astra("jobs", "show", job["job_id"], "--json").lines[0]
    assert shown["priority"] == -10
    changed = astra("jobs", "priority", "high", "--jobset", shown["jobset"], "--json")
    assert changed.lines == [{"changed": 1, "priority": 10}]
    assert "high" in astra("jobs", "show", job["job_id"]).out


def test_jobs_of_a_cloud_that_is_away_wait_end_by_a_signal_and_go_on(
    astra: Astra, fake: FakeS3
) -> None:
    with_fake(astra, fake)
    for number in range(40):
        astra.file(f"m/{number:02}", b"x" * number)
    # It can be looked at, so that there is a plan; then it takes nothing.
    fake.on_request = lambda seen: Fault(reset=True) if seen.method == "PUT" else None
    command = ("migrate", "disk:box/m/", "far:b/", "--yes", "--json", "--jobs", "4")
    with astra.started(*command) as process:
        assert process.stderr is not None
        told = ""
        while "away, its jobs wait" not in told:
            line = process.stderr.readline()
            assert line, f"it ended: {told}"
            told += line
        assert "by themselves" in told
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 4
    assert '"pending": 40' in out
    assert '"state": "away"' in out or '"state": "trying"' in out
    fake.on_request = None
    done = astra("resume", "--json")
    assert done.summary["successful"] == 40
    assert len(fake.state.buckets["b"]) == 40


def test_tries_can_be_bounded(astra: Astra, fake: FakeS3) -> None:
    with_fake(astra, fake)
    astra.file("m/a")
    fake.on_request = lambda seen: (
        Fault(status=503, code="SlowDown") if seen.method == "PUT" else None
    )
    bounded = ("migrate", "disk:box/m/", "far:b/", "--yes", "--max-attempts", "2", "--json")
    done = astra(*bounded, code=1)
    (job,) = done.jobs
    assert job["state"] == "failed"
    assert "SlowDown" in job["error"]
    assert in_ledger(astra, "sum(attempt)") == 2


def in_ledger(astra: Astra, what: str = "count(*)") -> int:
    """How many jobs the ledger has, or another sum over them."""
    path = astra.state / "astra.db"
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
        try:
            return int(ledger.execute(f"SELECT {what} FROM jobs").fetchone()[0])
        except sqlite3.OperationalError:  # it is just being made
            return 0


def wait_for(met) -> None:
    deadline = time.monotonic() + SECONDS
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.05)
