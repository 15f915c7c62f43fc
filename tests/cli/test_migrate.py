"""`astra migrate` for real: a disk and moto, in processes of their own."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from engine.settings import CloudSettings
from tests.cli.conftest import SECONDS, Astra, contents, put
from tests.servers import S3Server

FIELDS = {
    *("job_id", "job_key", "source", "destination", "state", "step", "bytes", "checksum"),
    *("evidence", "guarded", "server_copy", "compress", "error"),
}
HOSTILE = {
    "a/\x1b]0;title\x07esc": b"1",
    "a/\u202egpj.exe": b"2",
    "a/[red]x[/]": b"3",
    "a/new\nline": b"4",
    "a/café": b"5",
    "a/cafe\u0301": b"6",
    "a/ space %2F+?#": b"7",
}


@pytest.fixture
async def cloud(astra: Astra, moto_s3: S3Server, bucket_name: str) -> CloudSettings:
    settings = moto_s3.cloud(bucket=bucket_name)
    await put(settings, {})
    astra.config(("aws", moto_s3, bucket_name))
    return settings


async def test_moving_to_a_cloud_prints_a_line_a_job_and_a_summary(
    astra: Astra, cloud: CloudSettings
) -> None:
    files = {f"in/{number}.txt": os.urandom(1000 + number) for number in range(5)}
    for key, content in files.items():
        astra.file(key, content)
    done = astra("migrate", "disk:box/in/", f"aws:{cloud.bucket}/out/", "--yes", "--json")
    assert len(done.jobs) == 5
    for job in done.jobs:
        assert set(job) == FIELDS
        assert (job["state"], job["step"], job["evidence"]) == ("completed", 5, "reread")
        assert job["checksum"]["algorithm"] == "md5"
        assert len(job["checksum"]["source"]) == 32
        assert job["checksum"]["source"] == job["checksum"]["destination"]
        assert job["guarded"] is True
        assert job["error"] is None
    summary = done.summary
    assert (summary["attempted"], summary["successful"], summary["failed"]) == (5, 5, 0)
    assert summary["success_rate"] == 1.0
    assert summary["bytes"] == sum(len(content) for content in files.values())
    assert not (astra.folder / "objects" / "box" / "in").exists()
    expected = {key.replace("in/", "out/"): content for key, content in files.items()}
    assert await contents(cloud) == expected
    ledger = astra("jobs", "--json", "--state", "completed").lines
    assert {line["job_id"] for line in ledger} == {job["job_id"] for job in done.jobs}
    assert set(ledger[0]) == FIELDS
    one = astra("jobs", "show", ledger[0]["job_id"], "--json").lines[0]
    assert set(one["step_seconds"]) == {"download", "checksum", "upload", "verify", "delete"}
    again = astra("migrate", "disk:box/in/", f"aws:{cloud.bucket}/out/", "--yes", "--json")
    assert again.summary["attempted"] == 0
    assert set(again.summary) == set(summary)
    assert "nothing to do" in again.err


async def test_a_dry_run_changes_nothing_and_prints_the_plan(
    astra: Astra, cloud: CloudSettings
) -> None:
    await put(cloud, {"a/x.csv": b"x" * 500, "a/y.log": b"y"})
    source, target = f"aws:{cloud.bucket}/a/", "disk:box/b/"
    done = astra("migrate", source, target, "--include", "*.csv", "--dry-run", "--json")
    move, last = done.lines
    assert move["source"] == f"aws:{cloud.bucket}/a/x.csv"
    assert move["destination"] == "disk:box/b/x.csv"
    assert (move["kind"], move["size"], move["refused"]) == ("move", 500, None)
    assert move["one_time_cost"] is None or move["one_time_cost"] > 0
    assert (last["plan"]["moves"], last["plan"]["bytes"]) == (1, 500)
    text = astra("migrate", source, target, "--dry-run")
    assert "x.csv" in text.out
    assert "y.log" in text.out
    assert len(await contents(cloud)) == 2
    assert astra("jobs", "--json").lines == []


async def test_without_yes_and_without_a_terminal_it_is_refused(
    astra: Astra, cloud: CloudSettings
) -> None:
    path = astra.file("x")
    done = astra("migrate", "disk:box/x", f"aws:{cloud.bucket}/x", code=3)
    assert done.out == ""
    assert "--yes" in done.err
    assert path.exists()
    assert astra("jobs", "--json").lines == []


def test_hostile_names_arrive_exactly_and_never_reach_a_terminal(astra: Astra) -> None:
    astra.config()
    for key, content in HOSTILE.items():
        astra.file(key, content)
    (astra.folder / "objects" / "other").mkdir()
    listed = astra("ls", "disk:box/a/")
    listed_json = astra("ls", "disk:box/a/", "--json")
    assert {line["key"] for line in listed_json.lines} == set(HOSTILE)
    assert listed_json.out.isascii()
    moved = astra("migrate", "disk:box/a/", "disk:other/a/", "--yes")
    for text in (listed.out, listed.err, moved.err, moved.out, astra("jobs").out):
        assert not any(mark in text for mark in ("\x1b", "\u202e", "\x07"))
    assert len(listed.out.splitlines()) == len(HOSTILE) + 1
    root = astra.folder / "objects" / "other"
    assert {key: (root / key).read_bytes() for key in HOSTILE} == HOSTILE


async def test_a_key_that_the_destination_cannot_hold_is_refused_in_the_plan(
    astra: Astra, cloud: CloudSettings
) -> None:
    await put(cloud, {"a//b": b"x", "a/c": b"y"})
    source = f"aws:{cloud.bucket}/"
    done = astra("migrate", source, "disk:box/", "--yes", "--json", code=1)
    states = {line["source"].removeprefix(source): line for line in done.jobs}
    assert states["a/c"]["state"] == "completed"
    assert (states["a//b"]["state"], states["a//b"]["job_id"]) == ("refused", None)
    assert "empty segment" in states["a//b"]["error"]
    assert (done.summary["attempted"], done.summary["refused"]) == (1, 1)
    assert await contents(cloud) == {"a//b": b"x"}


@pytest.mark.parametrize("count", [1, 70])
async def test_a_missing_bucket_ends_in_the_plan(
    astra: Astra, cloud: CloudSettings, count: int
) -> None:
    for number in range(count):
        astra.file(f"a/{number}")
    (astra.folder / "objects" / "box" / "empty").mkdir()
    for target in ("aws:no-such-bucket-here", "disk:nowhere"):
        done = astra("migrate", "disk:box/a/", f"{target}/", "--yes", "--json", code=2)
        assert done.out == ""
        assert f"{target}: There is no such bucket" in done.err
        assert "Next: Create it" in done.err
    assert astra("jobs", "--json").lines == []


async def test_other_content_at_the_destination_fails_and_retry_and_overwrite_help(
    astra: Astra, cloud: CloudSettings
) -> None:
    await put(cloud, {"x": b"old"})
    path = astra.file("x", b"new")
    target = f"aws:{cloud.bucket}/x"
    done = astra("migrate", "disk:box/x", target, "--yes", "--json", code=1)
    assert done.summary["failed"] + done.summary["refused"] == 1
    assert done.jobs[0]["error"]
    assert path.read_bytes() == b"new"
    assert await contents(cloud) == {"x": b"old"}
    astra("migrate", "disk:box/x", target, "--yes", "--overwrite", "--keep-source")
    assert path.exists()
    assert await contents(cloud) == {"x": b"new"}


async def test_options_reach_the_jobs(astra: Astra, cloud: CloudSettings) -> None:
    astra.file("a", b"a" * 100)
    done = astra(
        *("migrate", "disk:box/a", f"aws:{cloud.bucket}/", "--keep-source", "--yes", "--json"),
        *("--checksum", "sha256", "--storage-class", "STANDARD_IA", "--jobs", "2"),
    )
    (job,) = done.jobs
    assert job["destination"] == f"aws:{cloud.bucket}/a"
    assert len(job["checksum"]["source"]) == 64
    assert job["guarded"] is None
    listed = astra("ls", f"aws:{cloud.bucket}/a", "--json").lines[0]
    assert (listed["storage_class"], listed["tier"]) == ("STANDARD_IA", "WARM")


# -- interruptions --------------------------------------------------------------------------

COUNT = 24
SIZE = 128 * 1024


@pytest.fixture
def many(astra: Astra) -> dict[str, bytes]:
    files = {f"m/{number:03}": os.urandom(SIZE) for number in range(COUNT)}
    for key, content in files.items():
        astra.file(key, content)
    return files


def slow(cloud: CloudSettings) -> tuple[str, ...]:
    """A migration that would take many times as long as the test waits for."""
    return (
        *("migrate", "disk:box/m/", f"aws:{cloud.bucket}/m/", "--yes", "--json"),
        *("--bwlimit", "512KiB", "--jobs", "2"),
    )


def wait_for_jobs(process: "subprocess.Popen[str]", count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline() for _ in range(count)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_stops_cleanly_and_resume_goes_on(
    astra: Astra, cloud: CloudSettings, many: dict[str, bytes], number: signal.Signals
) -> None:
    with astra.started(*slow(cloud)) as process:
        first = wait_for_jobs(process, 2)
        assert all('"completed"' in line for line in first)
        busy = astra("resume", code=3)
        assert f"process {process.pid}" in busy.err
        assert "--state" in busy.err
        process.send_signal(number)
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 4
    assert "astra resume" in err
    assert "Traceback" not in err
    assert '"interrupted": true' in out.splitlines()[-1]
    rest = astra("resume", "--json")
    told = len(first) + sum('"completed"' in line for line in out.splitlines())
    assert rest.summary["failed"] == 0
    assert told + rest.summary["successful"] >= COUNT
    assert await contents(cloud) == many
    assert not (astra.folder / "objects" / "box" / "m").exists()
    assert astra("resume", "--json").summary["attempted"] == 0


async def test_resume_after_kill_9(
    astra: Astra, cloud: CloudSettings, many: dict[str, bytes]
) -> None:
    with astra.started(*slow(cloud)) as process:
        wait_for_jobs(process, 2)
        process.kill()
        process.wait()
    done = astra("resume", "--json")
    assert done.summary["failed"] == 0
    assert done.summary["pending"] == 0
    assert await contents(cloud) == many
    assert not (astra.folder / "objects" / "box" / "m").exists()
    jobs = astra("jobs", "--json").lines
    assert [job["state"] for job in jobs] == ["completed"] * COUNT


async def test_cancel_rolls_back_and_retry_takes_named_jobs_up_again(
    astra: Astra, cloud: CloudSettings, many: dict[str, bytes]
) -> None:
    with astra.started(*slow(cloud)) as process:
        wait_for_jobs(process, 1)
        process.kill()
        process.wait()
    refused = astra("cancel", "--all", code=3)
    assert "--yes" in refused.err
    done = astra("cancel", "--all", "--yes", "--json")
    cancelled = [job for job in done.lines if job["state"] == "cancelled"]
    assert len(cancelled) == len(done.lines) > 0
    there = await contents(cloud)
    completed = astra("jobs", "--state", "completed", "--json").lines
    root = astra.folder / "objects" / "box"
    kept = {key for key in many if (root / key).exists()}
    assert kept | set(there) == set(many)
    # A write that was cut off may have arrived: nobody can prove that it was ours, so a copy
    # equal to its source stays, and the job says so.
    moved = {job["destination"].partition("/")[2] for job in completed}
    for key in set(there) - moved:
        assert there[key] == many[key]
        assert key in kept
        job = next(job for job in cancelled if job["destination"].endswith(f"/{key}"))
        assert "copy may be left" in astra("jobs", "show", job["job_id"]).out
    assert astra("retry", "--json").summary["attempted"] == 0
    one = cancelled[0]["job_id"]
    again = astra("retry", one, "--json")
    assert [job["job_id"] for job in again.jobs] == [one]
    assert again.summary["successful"] == 1
    assert "no job 'nope'" in astra("retry", "nope", code=2).err


async def test_a_reader_that_goes_away_does_not_stop_the_work(
    astra: Astra, cloud: CloudSettings, many: dict[str, bytes]
) -> None:
    command = astra.command(("migrate", "disk:box/m/", f"aws:{cloud.bucket}/m/", "--yes", "--json"))
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        command,
        stdout=write,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=astra.folder,
        env=astra.environ,
    )
    os.close(write)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert await contents(cloud) == many


async def test_a_cloud_that_cannot_be_reached(astra: Astra, cloud: CloudSettings) -> None:
    path = Path(astra.folder / "astra.toml")
    text = path.read_text()
    start = text.index('endpoint = "')
    end = text.index("\n", start)
    path.write_text(text[:start] + 'endpoint = "http://127.0.0.1:9"' + text[end:])
    astra.file("x")
    listed = astra("ls", f"aws:{cloud.bucket}/", "--json", code=1)
    assert listed.out == ""
    assert "127.0.0.1:9" in listed.err
    board = astra("dashboard", "--json", code=1)
    states = {line["cloud"]: line["state"] for line in board.lines if "cloud" in line}
    assert states == {"disk": "ready", "aws": "failed"}
    moved = astra("migrate", f"aws:{cloud.bucket}/a/", "disk:box/", "--yes", "--json", code=1)
    assert "Error" in moved.err


async def test_a_dry_run_tells_what_would_stop_it(astra: Astra, cloud: CloudSettings) -> None:
    astra.file("in/a.txt", b"a")
    words = ("migrate", "disk:box/in/", f"aws:{cloud.bucket}/out/", "--json", "--dry-run")
    told = astra(*words).lines[-1]["plan"]
    assert told["seconds"] is None
    checks = {(check["subject"], check["name"]): check["state"] for check in told["preflight"]}
    assert checks == {("disk:box", "source"): "ok", ("aws", "clock"): "ok"}
    told = astra(*words, "--preflight").lines[-1]["plan"]
    checks = {(check["subject"], check["name"]): check["state"] for check in told["preflight"]}
    assert checks[f"aws:{cloud.bucket}", "destination"] == "ok"
    assert await contents(cloud) == {}
