"""`astra report`: every object of a job set, in three forms, safe and exact in each."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_tui.job_report import CSV_COLUMNS, cell
from engine.database import StateLock
from tests.cli.conftest import Astra

HOSTILE = {
    "=cmd|' /C calc'!A0": b"1",
    "+1": b"2",
    "-dash": b"3",
    "@sum(A1)": b"4",
    "\tTAB=1": b"5",
    "\rCR": b"6",
    "'quote": b"7",
    'a"b,c;=1': b"8",
    "\x1b]0;title\x07": b"9",
    "\u202egpj.exe": b"10",
    "new\nline": b"11",
    "back\\u0041slash": b"12",
    "\uff1dwide": b"13",
    "é🚀": b"14",
}


def uncell(text: str) -> str:
    """The rule of docs/cli.md: drop one leading ', then undo the JSON escapes."""
    text = text.removeprefix("'")
    return str(json.loads('"' + text.replace('"', '\\"') + '"'))


@given(st.text() | st.text(alphabet="=+-@'\t\r\n\\\"u0041\x1b\u202e\uff1d\udc80🚀"))
def test_a_cell_is_no_formula_and_can_be_read_back(text: str) -> None:
    found = cell(text)
    assert found.isprintable()
    assert not found.startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d"))
    found.encode("utf-8")
    assert uncell(found) == text


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_every_object_is_reported_in_every_form(astra: Astra) -> None:
    astra.config()
    for name, content in HOSTILE.items():
        astra.file(f"a/{name}", content)
    astra.file("a/taken", b"mine")
    astra.file("b/taken", b"else")
    moved = astra("migrate", "disk:box/a/", "disk:box/b/", "--yes", "--json", code=1)
    sources = {f"disk:box/a/{name}" for name in (*HOSTILE, "taken")}

    told = astra("report", "--json")
    *jobs, last = told.lines
    assert told.out.isascii()
    assert {job["source"] for job in jobs} == sources
    by_id = {job["job_id"]: job for job in moved.jobs}
    for job in jobs:
        assert {key: job[key] for key in by_id[job["job_id"]]} == by_id[job["job_id"]]
        if job["state"] == "completed":
            assert job["checksum"]["source"] == job["checksum"]["destination"]
            assert (job["evidence"], job["attempt"]) == ("reread", 1)
            assert job["source_proof"]
            assert job["created"] <= job["started"] <= job["finished"]
            assert sum(job["step_seconds"].values()) > 0
    summary = last["summary"]
    assert summary["states"] == {"completed": len(HOSTILE), "failed": 1}
    assert summary["evidence"] == {"reread": len(HOSTILE)}
    assert (summary["attempted"], summary["successful"]) == (len(HOSTILE) + 1, len(HOSTILE))
    assert summary["bytes"] == sum(map(len, HOSTILE.values()))
    assert [route["route"] for route in summary["routes"]] == ["disk"]

    table = astra("report", moved.summary["jobset"], "--format", "csv").out
    found = rows(table)
    assert tuple(found[0]) == CSV_COLUMNS
    assert {uncell(row["source"]) for row in found} == sources
    assert len(table.splitlines()) == len(found) + 1
    assert not any(mark in table for mark in ("\x1b", "\u202e", "\x07"))
    by_source = {job["source"]: job for job in jobs}
    for row in found:
        job = by_source[uncell(row["source"])]
        digest = job["checksum"]["destination"]
        assert row["destination_digest"] == (f"md5:{digest}" if digest else "")
        assert int(row["bytes"]) == job["bytes"]
        assert uncell(row["error"]) == (job["error"] or "")

    text = astra("report").out
    assert not any(mark in text for mark in ("\x1b", "\u202e", "\x07", "\r"))
    assert text.index("disk:box/a/taken") < text.index("disk:box/a/@sum(A1)")
    assert text.index("Failed") < text.index("Others") < text.index("Totals") < text.index("Next")
    for part in ("error: ", "next: ", "`astra retry`", f"{len(HOSTILE):,} completed, 1 failed"):
        assert part in text
    for job in jobs:
        assert job["job_id"] in text

    target = astra.folder / "report.csv"
    target.write_text("before")
    lock = StateLock(astra.state)  # as a running console holds it
    lock.acquire()
    try:
        done = astra("report", "--format", "csv", "--output", str(target))
    finally:
        lock.release()
    assert done.out == ""
    assert f"{len(jobs)} jobs, 1 of them failed" in done.err
    assert target.read_bytes().decode().replace("\r\n", "\n") == table
    astra("report", "-o", str(astra.folder), code=2)
    astra("report", "-o", str(astra.folder / "no" / "such"), code=1)
    assert sorted(path.name for path in astra.folder.iterdir()) == [
        *("astra.toml", "objects", "report.csv", "state")
    ]


def test_what_is_not_there_is_told_apart(astra: Astra) -> None:
    astra.config()
    assert "no job set yet" in astra("report", code=2).err
    astra.file("a/x")
    saved = astra("migrate", "disk:box/a/", "disk:box/b/", "--dry-run", "--save", "--json")
    plan = saved.lines[-1]["plan"]["plan_id"]
    assert f"astra plan submit {plan}" in astra("report", plan, code=2).err
    assert "no job set" in astra("report", "nothing", code=2).err
    astra("report", "--json", "--format", "csv", code=2)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measures by ru_maxrss")
def test_a_large_set_is_streamed_from_the_ledger(astra: Astra, tmp_path: Path) -> None:
    """10,000 jobs need no more memory than a few hundred, and a held state is no obstacle."""
    astra.config()
    make = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from engine.database import Database\n"
        "from engine.migration.ledger import SCHEMA, Ledger\n"
        "from engine.model import *\n"
        "async def main(count):\n"
        "    database = Database(Path(sys.argv[1]) / 'astra.db', [SCHEMA])\n"
        "    await database.open()\n"
        "    specs = [JobSpec(Address('disk', 'box', f'a/{i}' + 'x' * 200), Address('disk', 'box',"
        " f'b/{i}'), MoveKind.MOVE, i, VersionPin('e', 1.0, i)) for i in range(count)]\n"
        "    await Ledger(database).add('set', specs)\n"
        "    await database.close()\n"
        "asyncio.run(main(int(sys.argv[2])))\n"
    )
    peaks = []
    for count in (300, 10_000):
        state = tmp_path / f"state{count}"
        command = [sys.executable, "-c", make, str(state), str(count)]
        subprocess.run(command, check=True, timeout=120, env=astra.environ)
        measured = (
            "import resource, subprocess, sys\n"
            "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
            "print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        )
        report = astra.command(("--state", str(state), "report", "set", "--json"))
        done = subprocess.run(
            [sys.executable, "-c", measured, *report],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=astra.folder,
            env=astra.environ,
            check=True,
        )
        code, peak = map(int, done.stdout.split())
        assert code == 0
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 12 * 1024, peaks
