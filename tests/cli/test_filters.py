"""Filters of `migrate`, `tier` and `ingest`, and that a dry run tells the plan that would run."""

import os
import time
from datetime import datetime

import pytest

from astra_tui.cli.filters import parse_age
from engine.settings import CloudSettings
from tests.cli.conftest import Astra, put
from tests.servers import S3Server

DAY = 86_400.0


def moves(astra: Astra, *options: str, code: int = 0) -> set[str]:
    """Names that a dry run would move from a/ to b/."""
    done = astra(
        "migrate", "disk:box/a/", "disk:box/b/", *options, "--dry-run", "--json", code=code
    )
    lines = [line for line in done.lines if "plan" not in line]
    return {line["source"].removeprefix("disk:box/a/") for line in lines if not line["refused"]}


def test_a_dry_run_tells_exactly_what_then_runs(astra: Astra) -> None:
    astra.config()
    for size, name in enumerate(("x.csv", "y.log", "deep/z.csv", "deep/w.csv", "tmp/t.csv")):
        astra.file(f"a/{name}", b"x" * size * 1024)
    command = ("migrate", "disk:box/a/", "disk:box/b/", "--include", "*.csv", "--exclude", "tmp/")
    command += ("--min-size", "1KiB", "--json")
    told = astra(*command, "--dry-run").lines
    real = astra(*command, "--yes")
    fields = ("source", "destination")
    planned = [
        tuple(line[name] for name in (*fields, "size")) for line in told if "plan" not in line
    ]
    jobs = [tuple(line[name] for name in (*fields, "bytes")) for line in real.jobs]
    assert sorted(planned) == sorted(jobs)
    assert [source for source, *_ in sorted(jobs)] == [
        "disk:box/a/deep/w.csv",
        "disk:box/a/deep/z.csv",
    ]
    assert told[-1]["plan"]["moves"] == real.summary["successful"] == 2
    assert told[-1]["plan"]["bytes"] == real.summary["bytes"] == 5 * 1024
    assert (astra.folder / "objects/box/a/x.csv").exists()
    assert (astra.folder / "objects/box/a/tmp/t.csv").exists()


def test_size_age_and_contradictions(astra: Astra) -> None:
    astra.config()
    for name, days in (("new", 0.0), ("week", 8.0), ("old", 400.0)):
        path = astra.file(f"a/{name}", b"x" * round(days))
        os.utime(path, (time.time() - days * DAY,) * 2)
    assert moves(astra, "--min-age", "1w") == {"week", "old"}
    date = datetime.fromtimestamp(time.time() - 30 * DAY).date().isoformat()
    assert moves(astra, "--max-age", date, "--max-size", "8") == {"new", "week"}
    assert moves(astra, "--from-tier", "COLD,archive") == set()
    for options in (
        ("--min-size", "2", "--max-size", "1"),
        ("--min-age", "2d", "--max-age", "1d"),
        ("--from-tier", "LUKEWARM"),
        ("--min-age", "soon"),
        ("--include", "a[b"),
        ("-0",),
        ("--files-from", "no such file"),
    ):
        done = astra("migrate", "disk:box/a/", "disk:box/b/", *options, "--dry-run", code=2)
        assert done.out == "", options


@pytest.mark.parametrize("null", [True, False])
def test_listed_keys_move_byte_for_byte_and_none_is_lost(astra: Astra, null: bool) -> None:
    astra.config()
    wanted = ["#hash", " blank ", "\x1b[31m", "cr\r", "*", "sub/é", "\u202ex"]
    wanted += ["new\nline"] if null else []
    for name in [*wanted, "other", "cafe\u0301", "line"]:
        astra.file(f"a/{name}", name.encode())
    listed = [*wanted, "caf\u00e9", ""]
    path = astra.folder / "keys"
    path.write_bytes(("\0" if null else "\n").join(listed).encode())
    options = ("--files-from", str(path), *(("-0",) if null else ()), "--yes", "--json")
    done = astra("migrate", "disk:box/a/", "disk:box/b/", *options, code=1)
    states = {line["source"].removeprefix("disk:box/a/"): line["state"] for line in done.jobs}
    assert states == {**dict.fromkeys(wanted, "completed"), "caf\u00e9": "refused"}
    root = astra.folder / "objects" / "box"
    assert {name: (root / "b" / name).read_bytes().decode() for name in wanted} == {
        name: name for name in wanted
    }
    assert (root / "a" / "cafe\u0301").exists()
    assert (root / "a" / "other").exists()


async def test_tiers_are_planned_for_chosen_objects_only(
    astra: Astra, moto_s3: S3Server, bucket_name: str
) -> None:
    cloud: CloudSettings = moto_s3.cloud(bucket=bucket_name)
    await put(cloud, {"x/a.csv": b"1" * 2048, "x/b.csv": b"1", "y.csv": b"1" * 2048})
    astra.config(("aws", moto_s3, bucket_name))
    place = f"aws:{bucket_name}/"
    done = astra(
        *("tier", "plan", place, "--tier", "COLD", "--min-size", "1KiB", "--include", "x/"),
        *("--from-class", "STANDARD", "--json"),
    )
    assert [line["source"] for line in done.lines if "source" in line] == [f"{place}x/a.csv"]
    by_policy = astra("tier", "plan", "aws", "--max-size", "0", "--json")
    assert by_policy.lines[-1]["plan"]["moves"] == 0


def test_ages_in_every_unit() -> None:
    now = datetime(2024, 3, 1, 12).timestamp()
    for text, days in (
        *(("90s", 90 / DAY), ("30m", 1800 / DAY), ("12h", 0.5), ("30d", 30.0), ("2w", 14.0)),
        *(("1M", 30.0), ("1y", 365.0), ("1.5d", 1.5), ("2024-02-29", 1.5)),
        ("2024-03-01T10:00:00", 2 / 24),
    ):
        assert parse_age(text, now=now) == pytest.approx(days), text
    for text in ("", "30", "d", "-1d", "2030-01-01", "2024-13-01", "tomorrow"):
        with pytest.raises(ValueError):
            parse_age(text, now=now)
