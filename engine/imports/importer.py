"""Access logs into the access history: streamed, and importing twice is importing once.

A thread parses, a batch at a time; the database takes each batch in one transaction together with
the marks (64 bits an event, by day) by which its events are known again, so that files may
overlap, be read again after a crash, or come gzipped and plain. Days of a table replace what was
known of that day; events add to it.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from engine.access import AccessStatistics
from engine.access_imports import Events
from engine.imports.files import Reading, Unreadable, files_of, records_of
from engine.imports.records import SHOWN, Bad, BadRecord, DayReads, ImportSummary, Other, Read
from engine.model import Address

_BATCH = 100_000  # records
DAY = 86_400
Progress = Callable[[ImportSummary], None]


@dataclass(slots=True)
class _Batch:
    """What was read and is not yet in the database."""

    objects: dict[tuple[str, str, str], int] = field(default_factory=dict)
    last: list[float] = field(default_factory=list)
    which: list[int] = field(default_factory=list)
    days: list[int] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    table: list[tuple[Address, int, int, int]] = field(default_factory=list)

    def add(self, read: Read) -> None:
        cloud, bucket, key, when, share, nbytes, mark = read
        place = (cloud, bucket, key)
        at = self.objects.get(place)
        if at is None:
            at = self.objects[place] = len(self.last)
            self.last.append(when)
        elif when > self.last[at]:
            self.last[at] = when
        self.which.append(at)
        self.days.append(int(when // DAY))
        self.shares.append(share)
        self.sizes.append(nbytes)
        self.marks.append(mark)

    def add_day(self, row: DayReads) -> None:
        self.table.append((Address(*row[:3]), row.day, row.reads, row.nbytes))

    def events(self) -> Events:
        return Events(
            [Address(*place) for place in self.objects],
            self.last,
            np.array(self.which, np.int64),
            np.array(self.days, np.int64),
            np.array(self.shares, np.float64),
            np.array(self.sizes, np.int64),
            np.array(self.marks, np.uint64),
        )


async def import_logs(
    access: AccessStatistics,
    paths: Sequence[Path],
    reading: Reading,
    progress: Progress | None = None,
) -> ImportSummary:
    """Read files and folders into the access history; `progress` hears of every batch.

    Raises UsageError before anything is read if a path is not there, StateError if the disk
    cannot take it: what was imported until then stays, and importing again completes it.
    """
    started = time.monotonic()
    files = await asyncio.to_thread(files_of, paths)
    source = _Source(files, reading)
    total = ImportSummary(files=len(files))
    seen = _Seen()
    while True:
        batch = await asyncio.to_thread(source.next_batch)
        if batch is None:
            break
        known = 0
        if batch.table:
            await access.import_daily(batch.table)
        if batch.which:
            known = await access.import_events(batch.events())
        seen.add(batch)
        total = replace(
            total,
            records=source.records,
            reads=total.reads + len(batch.which) - known,
            days=total.days + len(batch.table),
            known=total.known + known,
            others=source.others,
            bad=source.bad,
            objects=len(seen.objects),
            nbytes=total.nbytes + sum(batch.sizes) + sum(row[3] for row in batch.table),
            first=seen.first,
            last=seen.last,
            seconds=time.monotonic() - started,
            worst=tuple(source.worst),
            failed=tuple(source.failed),
        )
        if progress is not None:
            progress(total)
    return total


class _Seen:
    """The span of days, and the objects by hash: 8 bytes each would do, a set takes some 60."""

    def __init__(self) -> None:
        self.objects: set[int] = set()
        self.first: int | None = None
        self.last: int | None = None

    def add(self, batch: _Batch) -> None:
        self.objects.update(map(hash, batch.objects))
        days = set(batch.days) | {row[1] for row in batch.table}
        for address, *_ in batch.table:
            self.objects.add(hash((address.cloud, address.bucket, address.key)))
        if days:
            self.first = min(days) if self.first is None else min(self.first, *days)
            self.last = max(days) if self.last is None else max(self.last, *days)


class _Source:
    """All files as batches; a file that breaks off is noted, and the next one goes on."""

    def __init__(self, files: Sequence[Path], reading: Reading) -> None:
        self.records = self.others = self.bad = 0
        self.worst: list[BadRecord] = []
        self.failed: list[tuple[str, str]] = []
        self._reading = reading
        self._batches = self._all(files)

    def next_batch(self) -> _Batch | None:
        """The next one, None at the end. In a thread, one at a time."""
        return next(self._batches, None)

    def _all(self, files: Sequence[Path]) -> Iterator[_Batch]:
        batch, room = _Batch(), _BATCH
        for path in files:
            records = records_of(path, self._reading)
            try:
                for line, record in records:
                    self.records += 1
                    if isinstance(record, Read):
                        batch.add(record)
                    elif isinstance(record, DayReads):
                        batch.add_day(record)
                    elif isinstance(record, Other):
                        self.others += 1
                    else:
                        self._bad(path, line, record)
                    room -= 1
                    if not room:
                        yield batch
                        batch, room = _Batch(), _BATCH
            except Unreadable as error:
                reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
                self.failed.append((str(path), reason))
        yield batch

    def _bad(self, path: Path, line: int, record: Bad) -> None:
        self.bad += 1
        if len(self.worst) < SHOWN:
            self.worst.append(BadRecord(str(path), line, record.reason))
