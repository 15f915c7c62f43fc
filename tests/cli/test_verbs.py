"""The other verbs for real: a disk, moto, and Kafka brokers, in processes of their own."""

import fcntl
import os
import pty
import signal
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from engine.settings import CloudSettings
from tests.cli.conftest import SECONDS, Astra, contents, put
from tests.kafka_servers import Tansu, tansu_broker
from tests.servers import S3Server

EMBEDDED = '[kafka]\nbootstrap = "embedded"\n'


@pytest.fixture
async def cloud(astra: Astra, moto_s3: S3Server, bucket_name: str) -> CloudSettings:
    settings = moto_s3.cloud(bucket=bucket_name)
    await put(settings, {})
    astra.config(("aws", moto_s3, bucket_name))
    return settings


# -- seeing ---------------------------------------------------------------------------------


def test_ls_sorts_filters_limits_and_tells_a_key_from_a_prefix(astra: Astra) -> None:
    astra.config()
    for key, size in {"a/1.log": 10, "a/2.csv": 30, "a/b/3.log": 20, "a.txt": 5}.items():
        astra.file(key, b"x" * size)
    every = astra("ls", "--json").lines
    assert [line["key"] for line in every] == ["a.txt", "a/1.log", "a/2.csv", "a/b/3.log"]
    by_size = astra("ls", "disk:", "--sort", "size", "--reverse", "--limit", "2", "--json")
    assert [line["size"] for line in by_size.lines] == [30, 20]
    logs = astra("ls", "disk:box/a/", "--filter", "*.log", "--json").lines
    assert [line["address"] for line in logs] == ["disk:box/a/1.log", "disk:box/a/b/3.log"]
    one = astra("ls", "disk:box/a.txt", "--json").lines
    assert [line["size"] for line in one] == [5]
    missing = astra("ls", "disk:box/a", "disk:box/a.txt", "--json", code=1)
    assert "disk:box/a/" in missing.err
    assert len(missing.lines) == 1
    assert "is empty" in astra("ls", "disk:box/none/").err
    assert "no such bucket" in astra("ls", "disk:nowhere", code=1).err


async def test_dashboard_sums_clouds_and_migrations(astra: Astra, cloud: CloudSettings) -> None:
    await put(cloud, {"x": b"x" * 1000, "y": b"y" * 24})
    astra.file("z")
    astra("migrate", "disk:box/z", f"aws:{cloud.bucket}/", "--yes")
    *clouds, last = astra("dashboard", "--json").lines
    aws = next(line for line in clouds if line["cloud"] == "aws")
    assert (aws["objects"], aws["bytes"], aws["state"]) == (3, 1031, "ready")
    assert aws["tiers"]["HOT"] == {"objects": 3, "bytes": 1031}
    assert aws["cost_month"] > 0
    assert next(line for line in clouds if line["cloud"] == "disk")["state"] == "empty"
    assert last["total"]["objects"] == 3
    assert last["migrations"]["successful"] == 1
    assert last["migrations"]["success_rate"] == 1.0
    text = astra("show-multi-cloud-dashboard").out
    assert "1 attempted" in text
    assert "100.0% successful" in text


def test_names_and_prices_that_are_easily_misread(astra: Astra) -> None:
    astra.config()
    (astra.folder / "objects" / "other").mkdir()
    for key in (" ahead", "behind ", "plain"):
        astra.file(key)
    for text in (
        astra("ls").out,
        astra("migrate", "disk:box/", "disk:other/", "--dry-run").out,
    ):
        assert "disk:box/ " not in text
        assert "behind \n" not in text
        assert "disk:box/plain" in text
        assert "?" not in text
        assert "$0.00" not in text


# -- deciding -------------------------------------------------------------------------------


async def test_age_and_a_policy_lead_to_a_plan_and_apply_carries_it_out(
    astra: Astra, cloud: CloudSettings
) -> None:
    await put(cloud, {"old.csv": b"x" * 300_000, "new.csv": b"y" * 300_000})
    address = f"aws:{cloud.bucket}/old.csv"
    assert astra("age", address, "--days", "60", "--json").lines == [
        {"address": address, "days": 60.0}
    ]
    listed = {line["key"]: line for line in astra("ls", "aws:", "--json").lines}
    assert 59 < listed["old.csv"]["age_days"] < 61
    assert listed["new.csv"]["age_days"] < 1
    move, last = astra("tier", "plan", "aws", "--policy", "rules", "--json").lines
    assert (move["source"], move["to_tier"], move["kind"]) == (address, "WARM", "tier")
    assert move["reason"]
    assert last["plan"]["moves"] == 1
    assert "--yes" in astra("tier", "apply", "aws", code=3).err
    (job,) = astra("tier", "apply", "aws", "--yes", "--json").jobs
    assert job["state"] == "completed"
    listed = {line["key"]: line for line in astra("ls", "aws:", "--json").lines}
    assert listed["old.csv"]["tier"] == "WARM"
    assert listed["new.csv"]["tier"] == "HOT"


async def test_a_class_set_by_hand(astra: Astra, cloud: CloudSettings) -> None:
    await put(cloud, {"a/x": b"x" * 200_000, "b": b"b"})
    prefix = f"aws:{cloud.bucket}/a/"
    (move, _) = astra("tier", "plan", prefix, "--tier", "cold", "--json").lines
    assert move["to_tier"] == "COLD"
    done = astra("tier", "apply", prefix, "--storage-class", "STANDARD_IA", "--yes", "--json")
    assert [job["state"] for job in done.jobs] == ["completed"]
    classes = {line["key"]: line["storage_class"] for line in astra("ls", "aws:", "--json").lines}
    assert classes == {"a/x": "STANDARD_IA", "b": "STANDARD"}


def test_a_saved_plan_is_shown_submitted_and_forgotten(astra: Astra) -> None:
    astra.config()
    (astra.folder / "objects" / "other").mkdir()
    astra.file("x", b"hello")
    made = astra("migrate", "disk:box/x", "disk:other/x", "--dry-run", "--save", "--json")
    plan_id = made.lines[-1]["plan"]["plan_id"]
    (listed,) = astra("plan", "list", "--json").lines
    assert (listed["plan_id"], listed["moves"]) == (plan_id, 1)
    assert astra("plan", "show", plan_id, "--json").lines == made.lines
    assert plan_id in astra("plan", "list").out
    assert "--yes" in astra("plan", "submit", plan_id, code=3).err
    done = astra("plan", "submit", plan_id, "--yes", "--json")
    assert done.summary["successful"] == 1
    assert (astra.folder / "objects" / "other" / "x").read_bytes() == b"hello"
    astra("plan", "delete", plan_id)
    assert astra("plan", "list", "--json").lines == []
    assert "no" in astra("plan", "show", plan_id, code=2).err


def test_a_damaged_workspace_is_told_and_set_aside(astra: Astra) -> None:
    astra.config()
    astra.state.mkdir()
    (astra.state / "workspace.json").write_text("{broken")
    done = astra("plan", "list", "--json")
    assert done.lines == []
    assert "was damaged" in done.err
    assert [path.name for path in astra.state.glob("*.damaged-*")]


# -- ingest ---------------------------------------------------------------------------------


async def test_files_and_folders_go_into_a_cloud_and_stay(
    astra: Astra, cloud: CloudSettings
) -> None:
    source = astra.folder / "mine"
    (source / "photos" / "2024").mkdir(parents=True)
    (source / "photos" / "2024" / "a.jpg").write_bytes(b"jpg")
    (source / "photos" / "b.tmp").write_bytes(b"tmp")
    (source / "report.pdf").write_bytes(b"pdf" * 1000)
    target = f"aws:{cloud.bucket}/in/"
    done = astra(
        *("ingest-object", "mine/report.pdf", "mine/photos", target, "--exclude", "*.tmp"),
        "--json",
    )
    assert [job["state"] for job in done.jobs] == ["completed"] * 2
    assert all(job["source"].startswith("file:") for job in done.jobs)
    assert await contents(cloud) == {"in/report.pdf": b"pdf" * 1000, "in/2024/a.jpg": b"jpg"}
    assert (source / "report.pdf").exists()
    (source / "report.pdf").write_bytes(b"other")
    again = astra("ingest", "mine/report.pdf", target, "--json", code=1)
    assert again.summary["successful"] == 0
    replaced = astra("ingest", "mine/report.pdf", target, "--overwrite", code=3)
    assert "--yes" in replaced.err
    astra("ingest", "mine/report.pdf", target, "--overwrite", "--yes")
    assert (await contents(cloud))["in/report.pdf"] == b"other"


async def test_ingest_resumes_after_kill_9(astra: Astra, cloud: CloudSettings) -> None:
    folder = astra.folder / "mine"
    folder.mkdir()
    files = {f"{number:02}": os.urandom(128 * 1024) for number in range(16)}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    target = f"aws:{cloud.bucket}/"
    with astra.started("ingest", "mine", target, "--bwlimit", "512KiB", "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
        process.wait()
    assert astra("resume", "--json").summary["failed"] == 0
    assert await contents(cloud) == files
    assert len(list(folder.iterdir())) == 16


async def test_access_history_is_taken_in_once(astra: Astra, cloud: CloudSettings) -> None:
    await put(cloud, {"in/a": b"a"})
    today = time.strftime("%Y-%m-%d", time.gmtime())
    (astra.folder / "h.csv").write_text(f"object,date,reads\na,{today},7\na,2020-01-01,5\n")
    for _ in range(2):
        astra("ingest", "--history", "h.csv", f"aws:{cloud.bucket}/in/")
    assert astra("ls", "aws:", "--json").lines[0]["reads_30d"] == 7


# -- events ---------------------------------------------------------------------------------


async def test_simulated_accesses_come_back_through_the_embedded_broker(astra: Astra) -> None:
    astra.config(more=EMBEDDED)
    astra.file("x")
    done = astra("access", "disk:box/x", "--count", "12", "--json")
    assert done.lines[0]["delivered"] is True
    assert "Sent 12 access events for 1 object." in done.err
    assert "nobody else can receive them" in done.err
    assert astra("ls", "disk:box/x", "--json").lines[0]["reads_30d"] == 12


@pytest.mark.parametrize(("verb", "more"), [("access", ()), ("age", ("--days", "3"))])
def test_an_object_that_is_not_there(astra: Astra, verb: str, more: tuple[str, ...]) -> None:
    astra.config(more=EMBEDDED)
    astra.file("x")
    done = astra(verb, "disk:box/x", "disk:box/y", *more, "--json", code=1)
    assert done.out == ""
    assert "disk:box/y: There is no such object." in done.err
    (line,) = astra("ls", "--json").lines
    assert line["age_days"] < 1
    assert line["reads_30d"] == 0


@pytest.mark.parametrize(
    ("days", "told"),
    [("1", "1 object looks 1 day older"), ("-2.5", "1 object looks 2.5 days younger")],
)
def test_aging_says_what_it_did(astra: Astra, days: str, told: str) -> None:
    astra.config()
    astra.file("x")
    assert told in astra("age", "disk:box/x", "--days", days).err


@pytest.fixture
def tansu() -> Iterator[Tansu]:
    with tansu_broker() as broker:
        yield broker


async def test_events_go_through_a_broker_from_one_process_to_another(
    astra: Astra, tansu: Tansu
) -> None:
    astra.config(more=f'[kafka]\nbootstrap = "{tansu.bootstrap}"\n')
    astra.file("x")
    sent = astra("events", "send", "disk:box/x", "--operation", "put", "--count", "3", "--json")
    assert sent.lines[0]["delivered"] is True
    (event,) = astra("events", "tail", "--count", "1", "--filter", "BOX/x", "--json").lines
    assert (event["topic"], event["outcome"]) == ("access_events", "accepted")
    assert event["operation"] == "PUT"
    assert "box/x" in event["raw"]
    assert event["key"] == "disk:box/x"
    again = astra("events", "replay", "access_events", "--filter", "op:put key:x", "--json")
    assert [line["offset"] for line in again.lines] == [event["offset"]]
    assert "nothing was counted" in again.err
    none = astra("events", "replay", "access_events", "--since", "10s", "--filter", "-key:x")
    assert none.out == ""
    topics = {line["topic"]: line for line in astra("events", "topics", "--json").lines}
    assert topics["access_events"]["role"] == "accesses"
    assert astra("events", "replay", "nowhere", code=2).err.count("no such topic") == 1


@pytest.mark.parametrize("verb", [("tail",), ("replay", "access_events")])
def test_a_filter_that_cannot_be_read(astra: Astra, verb: tuple[str, ...]) -> None:
    astra.config(more=EMBEDDED)
    done = astra("events", *verb, "--filter", "x topc:access", code=2)
    assert "did you mean topic?" in done.err


async def test_a_broker_that_is_away_keeps_events_in_the_outbox(astra: Astra) -> None:
    astra.config(more='[kafka]\nbootstrap = "127.0.0.1:9"\n')
    astra.file("x")
    done = astra("access", "disk:box/x", "--json", code=1)
    assert done.lines[0]["delivered"] is False
    assert "outbox" in done.err
    assert "refused" in done.err
    for words in (("topics",), ("replay", "access_events")):
        assert "does not answer" in astra("events", *words, code=1).err


def test_a_tail_ends_with_ctrl_c(astra: Astra) -> None:
    astra.config(more=EMBEDDED)
    with astra.started("listen-stream") as process:
        assert process.stderr is not None
        assert "embedded broker lives only" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err


# -- a terminal -----------------------------------------------------------------------------


class Terminal:
    """A command on a pseudo-terminal that is its controlling one."""

    def __init__(self, astra: Astra, *arguments: str) -> None:
        self.ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            astra.command(arguments),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=astra.folder,
            env=astra.environ | {"TERM": "xterm-256color", "COLUMNS": "100"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self.seen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.ours)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def read_until(self, text: str) -> None:
        """Read on until that text was shown; its end if `text` is empty."""
        deadline = time.monotonic() + SECONDS
        while not text or text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            try:
                data = os.read(self.ours, 65536)
            except OSError:  # Linux says so when the other side is closed
                data = b""
            if not data:
                assert not text, self.seen
                return
            self.seen += data.decode()

    def end(self) -> int:
        self.read_until("")
        return self.process.wait(timeout=SECONDS)


@pytest.mark.parametrize(
    ("answer", "code"), [(b"y\n", 0), (b"\n", 3), (b"no\n", 3), (b"\x04", 3), (b"\x03", 4)]
)
def test_asking_on_a_terminal(astra: Astra, answer: bytes, code: int) -> None:
    astra.config()
    (astra.folder / "objects" / "other").mkdir()
    path = astra.file("x", b"x" * 100)
    with Terminal(astra, "migrate", "disk:box/x", "disk:other/x") as terminal:
        terminal.read_until("[y/N]")
        assert "delete each source once its copy is verified" in terminal.seen
        os.write(terminal.ours, answer)
        assert terminal.end() == code
    assert path.exists() == (code != 0)
    assert "Traceback" not in terminal.seen


def test_a_terminal_shows_progress_and_ends_clean(astra: Astra) -> None:
    astra.config()
    (astra.folder / "objects" / "other").mkdir()
    for number in range(8):
        astra.file(f"m/{number}", b"x" * 100_000)
    command = ("migrate", "disk:box/m/", "disk:other/", "--yes", "--bwlimit", "1MiB")
    with Terminal(astra, *command) as terminal:
        assert terminal.end() == 0
    assert "/8" in terminal.seen
    assert "8 successful" in terminal.seen
    assert terminal.seen.rindex("\x1b[?25h") > terminal.seen.rindex("\x1b[?25l")  # cursor back


def test_the_demonstration_as_data(astra: Astra) -> None:
    done = astra("demo", "--script", "--json")
    assert done.lines == [{"demo": {"held": True}}]
    assert "Phase 10 of 10" in done.err


def test_a_script_of_the_prototypes_names(astra: Astra) -> None:
    astra.config()
    astra.file("x")
    assert astra("get-objects", "--json").lines[0]["key"] == "x"
    assert astra("get-metrics", "--json").lines[-1]["total"]["objects"] == 1
    assert astra("get-migrations", "--json").lines == []
    assert astra("run-engine", "--json").lines[-1]["plan"]["moves"] == 0
    assert "already" in astra("init-cloud", "astra.toml", code=2).err
    assert Path(astra.folder / "astra.toml").read_text().startswith("[clouds.disk]")


def test_a_mistyped_bucket_is_answered_with_those_that_are_there(
    astra: Astra, cloud: CloudSettings
) -> None:
    for command in (("ls", "aws:typo"), ("migrate", "aws:typo/in/", "disk:box/", "--dry-run")):
        missed = astra(*command, code=1)
        assert "aws:typo" in missed.err
        assert "Check the name" in missed.err


def test_a_cloud_that_could_not_be_listed_costs_no_zero(astra: Astra) -> None:
    astra.config(more='[clouds.gone]\nkind = "local"\nroot = "nowhere"\nbucket = "b"\n')
    done = astra("dashboard", code=1)
    (line,) = [line for line in done.out.splitlines() if line.startswith("gone ")]
    assert "failed" in line
    assert line.count("unknown") == 1
    assert line.split()[-2] == "-"  # no policy was asked what would be planned
    asked = astra("dashboard", "--policy", "rules", code=None)
    (line,) = [line for line in asked.out.splitlines() if line.startswith("gone ")]
    assert line.count("unknown") == 2
