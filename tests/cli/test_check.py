"""`astra check` on two real servers, judged by `rclone check --download`."""

import asyncio
import os
import signal
import subprocess

import pytest

from tests.cli.conftest import SECONDS, Astra, put
from tests.migration.test_servers import remote
from tests.servers import S3Server, program

HOSTILE = ["a+b %2F?#.txt", "quote'\"<&>.txt", "emoji 🚀", "=1+1", "café"]


def judged(astra: Astra, one: S3Server, two: S3Server, bucket: str) -> dict[str, str]:
    """What rclone says of each key, in our words."""
    path = astra.folder / "combined"
    subprocess.run(
        [
            *(program("rclone"), "--config", os.devnull, "check", "--download"),
            *("--no-unicode-normalization", "--combined", str(path)),
            *(f"one:{bucket}", f"two:{bucket}"),
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(astra.folder)}
        | remote("one", one)
        | remote("two", two),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    words = {
        "=": "same",
        "*": "differ",
        "+": "missing-on-destination",
        "-": "missing-on-source",
        "!": "unreadable",
    }
    lines = path.read_text().splitlines()
    return {line[2:]: words[line[0]] for line in lines}


@pytest.mark.parametrize("options", [(), ("--download", "--checksum", "crc32c", "--jobs", "2")])
async def test_rclone_finds_the_same_differences(
    astra: Astra,
    moto_s3: S3Server,
    seaweed: S3Server,
    bucket_name: str,
    options: tuple[str, ...],
) -> None:
    same = {f"same/{name}": name.encode() for name in HOSTILE}
    same |= {"empty": b"", "mib": os.urandom(1024**2)}
    here = same | {"flipped": b"x" * 5000 + b"0", "longer": b"12", "only here": b"", "x/y/z": b"1"}
    there = same | {"flipped": b"x" * 5000 + b"1", "longer": b"1", "extra": b"e", "=extra": b""}
    await put(moto_s3.cloud(bucket=bucket_name), here)
    await put(seaweed.cloud(bucket=bucket_name), there)
    astra.config(("one", moto_s3, bucket_name), ("two", seaweed, bucket_name))
    places = (f"one:{bucket_name}/", f"two:{bucket_name}/")
    found = astra("check", *places, "--all", "--json", *options, code=1)
    *lines, last = found.lines
    ours = {line["source"].removeprefix(places[0]): line["outcome"] for line in lines}
    assert ours == await asyncio.to_thread(judged, astra, moto_s3, seaweed, bucket_name)
    flipped = next(line for line in lines if line["source"].endswith("/flipped"))
    assert flipped["checksum"]["source"] != flipped["checksum"]["destination"]
    assert flipped["checksum"]["algorithm"] == ("crc32c" if options else "md5")
    summary = last["summary"]
    assert (summary["objects"], summary["same"], summary["differ"]) == (13, len(same), 2)
    assert sum(summary["evidence"].values()) == len(same)
    if options:
        assert summary["evidence"]["reread"] == len(same)
        assert flipped["checksum"]["source_evidence"] == "reread"
    text = astra("check", *places, *options, code=1)
    assert len(text.out.splitlines()) == 6
    assert "same" not in text.out
    assert f"{len(same)} same" in text.err
    only = astra("check", *places, "--include", "same/", "--include", "/mib", *options)
    assert only.out == ""


def test_places_and_job_sets_that_are_equal_end_with_0(astra: Astra) -> None:
    astra.config()
    for number in range(3):
        astra.file(f"a/{number}", bytes([number]) * 100)
    moved = astra("migrate", "disk:box/a/", "disk:box/b/", "--keep-source", "--yes", "--json")
    done = astra("check", "disk:box/a/", "disk:box/b/", "--json")
    assert [list(line) for line in done.lines] == [["summary"]]
    assert done.summary["same"] == 3
    for name in ("latest", moved.summary["jobset"]):
        assert astra("check", name, "--json").summary["evidence"]["reread"] == 3
    astra.file("b/1", b"\x01" * 99 + b"2")
    told = astra("check", "latest", code=1)
    assert "differ" in told.out
    assert "disk:box/b/1" in told.out
    empty = astra("check", "disk:box/none/", "disk:box/neither/")
    assert "nothing was compared" in empty.err


def test_a_listing_that_fails_is_an_error_and_no_empty_side(astra: Astra) -> None:
    astra.config()
    astra.file("a/x")
    for places in (("disk:box/a/", "disk:nowhere/"), ("disk:nowhere/", "disk:box/a/")):
        done = astra("check", *places, "--json", code=1)
        assert not any("outcome" in line for line in done.lines)
        assert "nowhere" in done.err
    for wrong in (("disk:box/a/",), ("disk:box/", "disk:box/"), ("disk:box/", "gone:box/")):
        astra("check", *wrong, code=2)
    astra("check", "no-such-set", code=2)


def test_a_signal_ends_it_with_4_and_the_sums_so_far(astra: Astra) -> None:
    astra.config()
    for folder in ("a", "b"):
        astra.file(f"{folder}/1", b"small")
        astra.file(f"{folder}/2", b"x" * 4 * 1024**2)
    places = ("disk:box/a/", "disk:box/b/")
    command = ("check", *places, "--all", "--json", "--jobs", "1", "--bwlimit", "200KiB")
    with astra.started(*command) as process:
        assert process.stdout is not None
        assert '"same"' in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 4
    assert '"same": 1' in rest
    assert '"interrupted": true' in rest
