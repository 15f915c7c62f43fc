"""`astra engine`: a process that works while nobody looks, and verbs that use it."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.cli.conftest import SECONDS, Astra


def running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone(pid: int) -> None:
    """Wait until that process has ended."""
    end = time.monotonic() + SECONDS
    while running(pid):
        assert time.monotonic() < end, f"process {pid} still runs"
        time.sleep(0.05)


@pytest.fixture
def served(astra: Astra) -> Iterator[Astra]:
    """With a config of two disks; whatever engine runs at the end is ended by its own id."""
    more = '[kafka]\nbootstrap = "off"\n[engine]\nidle_stop = "10m"\n'
    more += '[clouds.other]\nkind = "local"\nroot = "elsewhere"\nbucket = "box"\n'
    astra.config(more=more)
    (astra.folder / "elsewhere" / "box").mkdir(parents=True)
    yield astra
    for line in astra("engine", "status", "--json", code=None).lines:
        if "pid" in line:
            with suppress(ProcessLookupError):
                os.kill(line["pid"], signal.SIGKILL)
            gone(line["pid"])


@contextmanager
def engine(astra: Astra) -> Iterator[int]:
    yield astra("engine", "start", "--json").lines[0]["pid"]
    astra("engine", "stop", "--force")


def test_it_starts_once_says_how_it_is_and_ends(served: Astra) -> None:
    assert served("engine", "status", "--json", code=1).lines == [{"state": "stopped"}]
    pid = served("engine", "start", "--json").lines[0]["pid"]
    assert running(pid)
    again = served("engine", "start")
    assert f"runs already: process {pid}" in again.err
    status = served("engine", "status", "--json").lines[0]
    assert (status["state"], status["pid"], status["consoles"]) == ("running", pid, 0)
    nice = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[16])
    assert nice >= 10
    assert "ended" in served("engine", "stop").err
    gone(pid)
    assert not (served.state / "engine.sock").exists()
    assert "No engine runs" in served("engine", "stop").err


def test_verbs_use_the_engine_that_runs(served: Astra) -> None:
    for number in range(5):
        served.file(f"in/{number}", b"x" * 1000)
    with engine(served) as pid:
        rows = served("ls", "disk:", "--json").lines
        assert [row["key"] for row in rows] == [f"in/{number}" for number in range(5)]
        done = served("migrate", "disk:box/in/", "other:box/out/", "--yes", "--json")
        assert (done.summary["successful"], done.summary["failed"]) == (5, 0)
        jobset = done.summary["jobset"]
        assert len(served("jobs", "--json").lines) == 5
        done = served("jobs", "--json", "--filter", "state:done -name:nothing")
        assert len(done.lines) == 5
        assert not served("jobs", "--json", "--filter", "-state:done").lines
        assert served("jobs", "--filter", "state:lost", code=2)
        assert len(served("report", jobset, "--json").lines) == 6
        assert served("check", jobset, "--json").code == 0
        assert served("engine", "status", "--json").lines[0]["jobs"] == {"completed": 5}
        assert {line["state"] for line in served("doctor", "--json", code=None).lines} >= {"ok"}
        assert served("engine", "status", "--json").lines[0]["pid"] == pid
    assert len(list((served.folder / "elsewhere/box/out").iterdir())) == 5
    assert not [path for path in (served.folder / "objects/box").rglob("*") if path.is_file()]


def test_files_of_this_machine_are_ingested_by_the_engine(served: Astra) -> None:
    path = served.folder / "photo.jpg"
    path.write_bytes(b"x" * 99)
    with engine(served):
        done = served("ingest", str(path), "disk:box/", "--yes", "--json")
        assert done.summary["successful"] == 1
        assert served("engine", "status", "--json").lines[0]["jobs"] == {"completed": 1}
        subjects = {line["subject"] for line in served("doctor", "--json", code=None).lines}
        assert "file" not in subjects
    assert (served.folder / "objects/box/photo.jpg").read_bytes() == b"x" * 99


def test_a_read_only_verb_stays_so_beside_an_engine_that_may_write(served: Astra) -> None:
    served.file("a")
    with engine(served):
        refused = served("migrate", "disk:box/a", "other:box/", "--yes", "--read-only", code=3)
        assert "ead-only" in refused.err
    assert (served.folder / "objects/box/a").exists()


def test_an_interrupted_verb_leaves_no_jobs_running_in_the_engine(served: Astra) -> None:
    for number in range(40):
        served.file(f"in/{number:02}", bytes(200_000))
    (served.folder / "astra.toml").write_text(
        (served.folder / "astra.toml").read_text().replace("[engine]", '[engine]\nbwlimit="1MiB"')
    )
    with engine(served):
        with served.started("migrate", "disk:box/in/", "other:box/", "--yes", "--json") as process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["state"] == "completed"
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=SECONDS)
            assert process.returncode == 4
        summary = json.loads(rest.splitlines()[-1])["summary"]
        assert summary["interrupted"]
        jobs = served("engine", "status", "--json").lines[0]["jobs"]
        assert set(jobs) == {"completed", "paused"}
        assert sum(jobs.values()) == 40
        assert jobs["paused"] >= 1
        served("engine", "stop")  # paused jobs need no --force


def test_jobs_at_work_keep_it_from_being_stopped_by_the_way(served: Astra) -> None:
    for number in range(40):
        served.file(f"in/{number:02}", bytes(200_000))
    (served.folder / "astra.toml").write_text(
        (served.folder / "astra.toml").read_text().replace("[engine]", '[engine]\nbwlimit="1MiB"')
    )
    with engine(served):
        with served.started("migrate", "disk:box/in/", "other:box/", "--yes", "--json") as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.kill()  # nobody asked to stop: the engine goes on
        refused = served("engine", "stop", code=3)
        assert "jobs at work" in refused.err
        served("engine", "stop", "--force")
    assert len(served("resume", "--json").jobs) >= 1
    assert len(list((served.folder / "elsewhere/box").iterdir())) == 40
    assert not [path for path in (served.folder / "objects/box").rglob("*") if path.is_file()]


def test_an_engine_that_was_killed_is_no_hindrance(served: Astra) -> None:
    served.file("a")
    pid = served("engine", "start", "--json").lines[0]["pid"]
    os.kill(pid, signal.SIGKILL)
    gone(pid)
    assert (served.state / "engine.sock").exists()
    assert [row["key"] for row in served("ls", "disk:", "--json").lines] == ["a"]
    again = served("engine", "start", "--json").lines[0]["pid"]
    assert again != pid


def test_it_ends_when_nobody_needs_it(served: Astra) -> None:
    served.environ["ASTRA_ENGINE_IDLE_STOP"] = "1s"
    pid = served("engine", "start", "--json").lines[0]["pid"]
    gone(pid)
    assert "nobody needed" in (served.state / "engine.log").read_text()


def test_what_keeps_it_from_starting_is_told(served: Astra) -> None:
    (served.folder / "astra.toml").write_text("[clouds.x]\nkind = 'local'\n")
    told = served("engine", "start", code=2)
    assert "root: missing" in told.err


def test_it_runs_in_the_foreground_for_a_service_manager(served: Astra) -> None:
    with served.started("engine", "run") as process:
        assert process.stderr is not None
        assert f"process {process.pid}" in process.stderr.readline()
        assert served("engine", "start", "--json").lines[0]["pid"] == process.pid
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)
        assert process.returncode == 0


def test_status_and_stop_need_no_configuration(served: Astra) -> None:
    """A config that was broken or taken away hides no engine that runs."""
    config = served.folder / "astra.toml"
    good = config.read_text()
    pid = served("engine", "start", "--json").lines[0]["pid"]
    config.write_text("[clouds.\n")
    assert served("engine", "status", "--json").lines[0]["pid"] == pid
    assert f"runs already: process {pid}" in served("engine", "start").err
    config.unlink()
    assert served("engine", "status", "--json").lines[0]["pid"] == pid
    elsewhere = served.folder / "other-state"
    assert str(elsewhere) in served("--state", str(elsewhere), "engine", "stop").err
    assert running(pid)  # that was another directory's
    named = ("--config", str(served.folder / "missing.toml"), "--state", str(served.state))
    assert "ended" in served(*named, "engine", "stop").err
    gone(pid)
    assert served("engine", "status", "--json", code=1).lines == [{"state": "stopped"}]
    config.write_text(good)


def test_an_engine_that_hangs_is_told_from_none(served: Astra) -> None:
    pid = served("engine", "start", "--json").lines[0]["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        silent = served("engine", "status", "--json", code=1)
        assert silent.lines == [{"state": "silent"}]
        assert "did not answer" in silent.err
        assert "stop --force" in silent.err
    finally:
        os.kill(pid, signal.SIGCONT)
    served("engine", "stop", "--force")
