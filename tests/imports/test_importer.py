"""Logs into the history: each event once, whatever is imported again, and nothing lost."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine import access
from engine.access import AccessStatistics
from engine.database import Database
from engine.imports import importer
from engine.imports.files import Reading
from engine.imports.importer import import_logs
from engine.model import Address
from tests.imports.test_formats import NOW, PLACES, line

A = Address("aws", "photos", "a/b.jpg")
DAY = 17933
READING = Reading(PLACES, NOW)


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(tmp_path / "astra.db", [access.SCHEMA])
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def statistics(state: Database) -> AccessStatistics:
    loaded = AccessStatistics(state, clock=lambda: (DAY + 1) * 86_400.0)
    await loaded.load()
    return loaded


async def test_events_are_counted_once_in_whatever_shape_they_come_again(
    statistics: AccessStatistics, tmp_path: Path
) -> None:
    lines = [line(request=f"R{n}") for n in range(5)]
    log = tmp_path / "log"
    log.write_text("".join(lines))
    first = await import_logs(statistics, [log], READING)
    assert (first.reads, first.known, first.bad, first.objects) == (5, 0, 0, 1)
    assert (first.first, first.last) == (DAY, DAY)
    assert await statistics.history() == [(A, DAY, 5, 5 * 113)]
    again = await import_logs(statistics, [log], READING)
    assert (again.reads, again.known) == (0, 5)
    # A log that has grown, gzipped now, and a copy of it beside.
    log.write_text("".join([*lines, line(request="R5"), line(request="R5")]))
    (tmp_path / "log.gz").write_bytes(gzip.compress(log.read_bytes()))
    grown = await import_logs(statistics, [log, tmp_path / "log.gz"], READING)
    assert (grown.files, grown.reads, grown.known) == (2, 1, 13)
    assert await statistics.history() == [(A, DAY, 6, 6 * 113)]
    assert statistics.daily(A, 2) == (6, 0)
    assert statistics.last_access(A) == 1549411238.0


async def test_what_is_imported_adds_to_what_was_counted_and_outlives_the_process(
    statistics: AccessStatistics, state: Database, tmp_path: Path
) -> None:
    statistics.record(A, DAY * 86_400.0 + 5, "GET", 2, 20)
    (tmp_path / "log").write_text(line())
    await import_logs(statistics, [tmp_path / "log"], READING)
    assert await statistics.history() == [(A, DAY, 3, 133)]
    later = AccessStatistics(state, clock=lambda: (DAY + 1) * 86_400.0)
    await later.load()
    assert later.daily(A, 2) == (3, 0)
    assert (await import_logs(later, [tmp_path / "log"], READING)).known == 1


async def test_ranges_of_a_day_add_up_to_whole_reads(
    statistics: AccessStatistics, tmp_path: Path
) -> None:
    some = [line(request=f"R{n}", status="206", sent="25", size="100") for n in range(8)]
    some.append(line("other", request="X", status="206", sent="1", size="100"))
    (tmp_path / "log").write_text("".join(some))
    await import_logs(statistics, [tmp_path / "log"], READING)
    found = {address.key: (reads, size) for address, _, reads, size in await statistics.history()}
    assert found == {"a/b.jpg": (2, 200), "other": (1, 1)}


async def test_batches_do_not_matter(
    statistics: AccessStatistics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "_BATCH", 3)
    (tmp_path / "log").write_text("".join(line(request=f"R{n % 10}") for n in range(20)))
    told: list[int] = []
    summary = await import_logs(
        statistics, [tmp_path / "log"], READING, lambda state: told.append(state.records)
    )
    assert (summary.reads, summary.known, summary.records) == (10, 10, 20)
    assert told == [3, 6, 9, 12, 15, 18, 20]
    assert await statistics.history() == [(A, DAY, 10, 1130)]


async def test_bad_lines_and_broken_files_are_told_and_lose_nothing(
    statistics: AccessStatistics, tmp_path: Path
) -> None:
    good = [line(request=f"R{n}") for n in range(3)]
    (tmp_path / "a").write_text("".join([good[0], "what?\n", good[1], "\n"]))
    many = [good[2], *[line(request=f"S{n}") for n in range(500)]]
    packed = gzip.compress("".join(many).encode())
    (tmp_path / "b.gz").write_bytes(packed[:-12])
    summary = await import_logs(
        statistics, [tmp_path / "a", tmp_path / "b.gz"], Reading(PLACES, NOW, "s3-log")
    )
    assert [(Path(bad.file).name, bad.line) for bad in summary.worst] == [("a", 2)]
    assert [Path(name).name for name, _ in summary.failed] == ["b.gz"]
    assert summary.reads >= 3
    ((_, _, reads, _),) = await statistics.history()
    assert reads == summary.reads
    (tmp_path / "b.gz").write_bytes(packed)  # mended: the rest comes, the first is known
    mended = await import_logs(statistics, [tmp_path / "b.gz"], READING)
    assert mended.known == summary.reads - 2
    ((_, _, reads, _),) = await statistics.history()
    assert reads == 503


async def test_a_table_of_days_replaces_what_was_known_of_the_day(
    statistics: AccessStatistics, tmp_path: Path
) -> None:
    text = "object,date,reads,bytes_read\naws:photos/a/b.jpg,2019-02-06,7,70\n"
    (tmp_path / "t.csv").write_text(text)
    for _ in range(2):
        summary = await import_logs(statistics, [tmp_path / "t.csv"], READING)
        assert (summary.days, summary.reads, summary.nbytes) == (1, 0, 70)
        assert await statistics.history() == [(A, DAY, 7, 70)]
