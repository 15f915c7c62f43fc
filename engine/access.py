"""Per-object access statistics from events, and their daily history.

An event counts on the day (UTC) and in the hour of its own time, however late it arrives.
Reads are what is counted; a write only moves the last access, and looking (HEAD, LIST) or
deleting does neither. Counting is one dictionary entry for each object and five minutes; what
has gathered there is folded into arrays and written to the database from time to time.
"""

import asyncio
import sqlite3
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat

import numpy as np
import numpy.typing as npt

from engine import access_imports as imports
from engine import access_tables as tables
from engine.access_imports import Events
from engine.access_tables import Chunk, Position, Touched
from engine.counters import Ints, Spans, look_up, rows_to_slots
from engine.database import Database
from engine.model import Address

__all__ = ["KEPT_DAYS", "SCHEMA", "AccessColumns", "AccessStatistics", "Followed", "Position"]

Floats = npt.NDArray[np.float64]

SCHEMA = tables.SCHEMA + imports.SCHEMA
FIVE = 300
HOUR = 3600
DAY = 86400
KEPT_DAYS = 92  # days in memory; the database keeps all
_HOURS = 25  # hours in memory and in the database
_SHIFT = 24  # a code is slot << 24 | the number of a span; five minutes fit until 2129
_MASK = (1 << _SHIFT) - 1
_LATEST = FIVE << _SHIFT  # epoch seconds
_PENDING = 16384  # fold before so many entries would hold the loop up
_PAGE = 10_000  # objects loaded in one go
_FRESH_PART = 20  # of so many keys more than one is new: all are looked up again
_WRITES = frozenset({"PUT"})


@dataclass(frozen=True, slots=True)
class AccessColumns:
    """Accesses of the objects of a listing, row i belonging to its key i.

    Reads are counts over the last hour, day, 7 and 30 days; `last_access` in epoch seconds, 0
    if none is known; `shift_days` is how much older the operator made the object look.
    """

    reads_1h: Floats
    reads_1d: Floats
    reads_7d: Floats
    reads_30d: Floats
    last_access: Floats
    shift_days: Floats


class Followed:
    """A list of keys that only grows, and the slot that each had when it was looked up last.

    For whoever asks for the columns of a million keys again and again.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = keys
        self.slots: Ints = np.empty(0, np.int64)
        self.numbering = -1  # of the slots
        self.seen = 0  # slots that there were


class AccessStatistics:
    """Counts and last accesses of every object that was ever read, fast in and fast out.

    The methods belong to the event loop's thread. Only `columns`, which is heavy for a million
    keys, may also run in another one; it then sees what was last folded (`flush` folds).
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], float] = time.time,
        max_objects: int = 2_000_000,
    ) -> None:
        self.revision = 0
        self._database = database
        self._clock = clock
        self._max_objects = max_objects
        self._thread = threading.get_ident()
        self._layout = threading.Lock()  # held while slots are renumbered or read in bulk
        self._numbering = 0  # grows when they are renumbered
        self._flushing = asyncio.Lock()
        self._index: dict[tuple[str, str], dict[str, int]] = {}  # place -> key -> slot
        self._place: list[tuple[str, str]] = []  # by slot, like the next three
        self._keys: list[str] = []
        self._rows: list[int] = []  # in the database, 0 not there yet
        self._last: list[float] = []
        self._shift: dict[int, float] = {}
        self._pending: dict[int, int] = {}  # slot and five minutes -> reads since the fold
        self._pending_bytes: dict[int, int] = {}
        self._unsaved: list[Chunk] = []  # folded since the flush
        self._fine = Spans(FIVE, HOUR // FIVE + 1)
        self._hours = Spans(HOUR, _HOURS)
        self._days = Spans(DAY, KEPT_DAYS)
        self._positions: dict[tuple[str, int], Position] = {}
        self._moved: set[tuple[str, int]] = set()  # positions not written yet

    def __len__(self) -> int:
        return len(self._last)

    # -- counting -----------------------------------------------------------------------

    def record(
        self, address: Address, when: float, operation: str, count: int = 1, nbytes: int = 0
    ) -> None:
        """Count `count` accesses at `when` (epoch seconds) that moved `nbytes` in all.

        Raises ValueError if that is no time at all.
        """
        self.count(address.cloud, address.bucket, address.key, when, operation, count, nbytes)

    def count(
        self,
        cloud: str,
        bucket: str,
        key: str,
        when: float,
        operation: str,
        count: int = 1,
        nbytes: int = 0,
    ) -> None:
        """The same without an Address, for tens of thousands of events a second."""
        if operation != "GET":
            if operation not in _WRITES:
                return
            count = nbytes = 0
        if not 0 < when < _LATEST:
            raise ValueError(f"{when} is no time in epoch seconds")
        index = self._index.get((cloud, bucket))
        slot = index.get(key) if index is not None else None
        if slot is None:
            slot = self._new_slot(cloud, bucket, key)
        code = slot << _SHIFT | int(when // FIVE)
        pending = self._pending
        pending[code] = pending.get(code, 0) + count
        if nbytes:
            self._pending_bytes[code] = self._pending_bytes.get(code, 0) + nbytes
        if when > self._last[slot]:
            self._last[slot] = when
        self.revision += 1
        if len(pending) >= _PENDING:
            self.fold()

    def mark(
        self, log: str, part: int, following: int, stamp: int, *, durable: bool = True
    ) -> None:
        """Everything of this log before offset `following` has been counted.

        The position is written in the transaction of those counts, so a crash can neither
        lose events nor count them twice. A log that dies with the process is not `durable`.
        """
        self._positions[log, part] = Position(following, stamp)
        if durable:
            self._moved.add((log, part))

    def position(self, log: str, part: int) -> Position | None:
        """How far that log was counted, None if it is new."""
        return self._positions.get((log, part))

    def fold(self) -> None:
        """Bring what was counted since into the columns."""
        if not self._pending:
            return
        pending, self._pending = self._pending, {}
        sizes, self._pending_bytes = self._pending_bytes, {}
        codes = np.fromiter(pending.keys(), np.int64, len(pending))
        reads = np.fromiter(pending.values(), np.int64, len(pending))
        nbytes = np.zeros(len(pending), dtype=np.int64)
        if sizes:
            nbytes[:] = np.fromiter(map(sizes.get, pending, repeat(0)), np.int64, len(pending))
        slots, times = codes >> _SHIFT, (codes & _MASK) * FIVE
        self._unsaved.append((slots << _SHIFT | times // HOUR, reads, nbytes))
        read = reads > 0
        now = self._clock()
        for spans in (self._fine, self._hours, self._days):
            spans.add(times[read] // spans.width, slots[read], reads[read], now)

    def _new_slot(self, cloud: str, bucket: str, key: str) -> int:
        slot = len(self._last)
        place = (cloud, bucket)
        index = self._index.get(place)
        if index is None:
            index = self._index[place] = {}
        self._place.append(place)
        self._keys.append(key)
        self._rows.append(0)
        self._last.append(0.0)
        index[key] = slot
        return slot

    def _slot(self, address: Address) -> int | None:
        return self._index.get((address.cloud, address.bucket), {}).get(address.key)

    def _slot_for(self, address: Address) -> int:
        slot = self._slot(address)
        if slot is None:
            slot = self._new_slot(address.cloud, address.bucket, address.key)
        return slot

    # -- seeing -------------------------------------------------------------------------

    def knows(self, cloud: str, bucket: str) -> bool:
        """Whether anything is known of any object of that bucket."""
        return bool(self._index.get((cloud, bucket)))

    def columns(self, cloud: str, bucket: str, keys: Sequence[str]) -> AccessColumns:
        """The statistics of these keys of a bucket, one row each, in their order.

        Reads are of every five minutes, hour or day (UTC) that overlaps the window, so they
        never fall short of it and exceed it by less than one of those.
        """
        return self.columns_of(cloud, bucket, Followed(keys), len(keys))

    def columns_of(
        self, cloud: str, bucket: str, followed: Followed, count: int, *, ordered: bool = False
    ) -> AccessColumns:
        """The same of the first `count` keys of a list: only those that are new there, or here,
        are looked up. `ordered`: its keys ascend."""
        if threading.get_ident() == self._thread:
            self.fold()
        result = AccessColumns(*(np.zeros(count) for _ in range(6)))
        with self._layout:
            index = self._index.get((cloud, bucket))
            if not index:
                return result
            slots = self._followed((cloud, bucket), followed, count, ordered=ordered)
            rows = np.flatnonzero(slots >= 0)
            if not len(rows):
                return result
            slots = slots[rows]
            now, length = self._clock(), len(self._last)
            result.reads_1h[rows] = self._fine.totals(HOUR, now, length)[slots]
            result.reads_1d[rows] = self._hours.totals(DAY, now, length)[slots]
            result.reads_7d[rows] = self._days.totals(7 * DAY, now, length)[slots]
            result.reads_30d[rows] = self._days.totals(30 * DAY, now, length)[slots]
            result.last_access[rows] = np.fromiter(
                map(self._last.__getitem__, slots.tolist()), np.float64, len(slots)
            )
            shift = np.zeros(length)
            for slot, days in list(self._shift.items()):
                if slot < length:
                    shift[slot] = days
            result.shift_days[rows] = shift[slots]
        return result

    def _followed(
        self, place: tuple[str, str], followed: Followed, count: int, *, ordered: bool
    ) -> Ints:
        """The slots of the first `count` keys, -1 where they have none."""
        keys, slots, seen = followed.keys, followed.slots, len(self._last)
        done = min(len(slots), count) if followed.numbering == self._numbering else 0
        if done:
            new = [slot for slot in range(followed.seen, seen) if self._place[slot] == place]
            if new and (not ordered or len(new) * _FRESH_PART > done):
                done = 0
            for slot in new if done else ():
                row = bisect_left(keys, self._keys[slot], 0, done)
                if row < done and keys[row] == self._keys[slot]:
                    slots[row] = slot
        if done < count:
            slots = np.concatenate([slots[:done], look_up(self._index[place], keys[done:count])])
        followed.slots, followed.numbering, followed.seen = slots, self._numbering, seen
        return slots[:count]

    def daily(self, address: Address, days: int) -> tuple[int, ...]:
        """Reads of each of the last `days` UTC days, oldest first, today last.

        At most `KEPT_DAYS` are held; for longer ask `history`.
        """
        self.fold()
        days = min(days, KEPT_DAYS)
        slot = self._slot(address)
        if slot is None:
            return (0,) * days
        return tuple(self._days.row(slot, days, self._clock()))

    async def long_daily(self, address: Address, days: int, most: int) -> tuple[int, ...]:
        """As `daily`, of at least these days; of up to `most` where reads are known so far back."""
        recent = self.daily(address, days)
        slot = self._slot(address)
        row = self._rows[slot] if slot is not None else 0
        if not row:
            return recent
        end = int(self._clock() // DAY) - len(recent) + 1

        def read(connection: sqlite3.Connection) -> list[int]:
            return tables.load_row(connection, row, end - (most - len(recent)), end)

        before = await self._database.run(read)
        known = next((at for at, reads in enumerate(before) if reads), len(before))
        return (*before[known:], *recent)

    def last_access(self, address: Address) -> float:
        """Epoch seconds, 0 if no access is known."""
        slot = self._slot(address)
        return 0.0 if slot is None else self._last[slot]

    async def history(self, since_day: int = 0) -> list[tuple[Address, int, int, int]]:
        """Every (address, day, reads, bytes) ever kept; days in epoch days (UTC)."""
        await self.flush()
        return await self._database.run(lambda connection: tables.history(connection, since_day))

    # -- keeping ------------------------------------------------------------------------

    async def load(self) -> None:
        """Read what earlier runs counted. Once, before the first event.

        Page by page, so that neither the loop nor the database is held up by a million rows.
        """
        if self._last:
            raise RuntimeError("load() comes before the first event")
        run, now = self._database.run, self._clock()
        after = 0
        while page := await run(partial(tables.load_objects, after=after, page=_PAGE)):
            for row, cloud, bucket, key, last, shift in page:
                slot = self._new_slot(cloud, bucket, key)
                self._rows[slot] = row
                self._last[slot] = last
                if shift:
                    self._shift[slot] = shift
            after = page[-1].row
        rows = np.array(self._rows, dtype=np.int64)  # rising, as the pages came
        today, this_hour = int(now // DAY), int(now // HOUR)
        for day in range(today - KEPT_DAYS + 1, today + 1):
            slots, reads = rows_to_slots(rows, await run(partial(tables.load_day, day=day)))
            self._days.add(np.full(len(slots), day), slots, reads, now)
        for hour in range(this_hour - _HOURS + 1, this_hour + 1):
            slots, reads = rows_to_slots(rows, await run(partial(tables.load_hour, hour=hour)))
            self._hours.add(np.full(len(slots), hour), slots, reads, now)
            # The five minutes are not kept: the end of the hour stands for them.
            five = min((hour + 1) * HOUR - 1, int(now)) // FIVE
            self._fine.add(np.full(len(slots), five), slots, reads, now)
        self._positions.update(await run(tables.load_positions))
        if len(self._last) > self._max_objects:
            self._forget_oldest()
        self.revision += 1

    async def flush(self) -> None:
        """Write what was counted, and the positions it covers, in one transaction.

        Raises StateError if the disk cannot take it; nothing is forgotten then, and the next
        flush tries again.
        """
        async with self._flushing:
            self.fold()
            if not self._unsaved and not self._moved:
                return
            chunks, self._unsaved = self._unsaved, []
            moved, self._moved = self._moved, set()
            positions = {where: self._positions[where] for where in moved}
            oldest_hour = int(self._clock() // HOUR) - _HOURS + 1

            def work(connection: sqlite3.Connection) -> dict[int, int]:
                batch = tables.gather(chunks, positions)
                slots = np.unique(batch.codes >> _SHIFT).tolist()
                touched = [self._touched(slot) for slot in slots]
                return tables.save(connection, batch, touched, oldest_hour)

            saving = asyncio.ensure_future(self._database.run(work))
            try:
                await asyncio.wait([saving])
            finally:
                # The write cannot be taken back once it is under way: learn how it ended, even
                # when the caller has been cancelled.
                if not saving.done():
                    await asyncio.wait([saving])
                if saving.exception() is not None:
                    self._unsaved = chunks + self._unsaved
                    self._moved |= moved
                else:
                    for slot, row in saving.result().items():
                        self._rows[slot] = row
            saving.result()
            if len(self._last) > self._max_objects:
                self._forget_oldest()

    def _touched(self, slot: int) -> Touched:
        cloud, bucket = self._place[slot]
        return Touched(slot, cloud, bucket, self._keys[slot], self._rows[slot], self._last[slot])

    def _forget_oldest(self) -> None:
        """Drop a quarter of the objects from memory, those not accessed for longest.

        Their history stays in the database; only their columns begin at zero when they come
        back. It bounds the memory against a stream of names that never come twice.
        """
        self.fold()
        with self._layout:
            last = np.array(self._last)
            room = self._max_objects * 3 // 4
            kept = np.zeros(len(last), dtype=np.bool_)
            kept[np.argpartition(last, len(last) - room)[len(last) - room :]] = True
            kept[list(self._shift)] = True
            for codes, _, _ in self._unsaved:
                kept[codes >> _SHIFT] = True
            new: Ints = np.cumsum(kept, dtype=np.int64) - 1
            for spans in (self._fine, self._hours, self._days):
                spans.renumber(kept, new)
            self._unsaved = [
                (new[codes >> _SHIFT] << _SHIFT | codes & _MASK, reads, nbytes)
                for codes, reads, nbytes in self._unsaved
            ]
            self._shift = {int(new[slot]): days for slot, days in self._shift.items()}
            stay = np.flatnonzero(kept).tolist()
            self._place = [self._place[slot] for slot in stay]
            self._keys = [self._keys[slot] for slot in stay]
            self._rows = [self._rows[slot] for slot in stay]
            self._last = [self._last[slot] for slot in stay]
            self._numbering += 1
            self._index = {place: {} for place in self._index}
            for slot, place in enumerate(self._place):
                self._index[place][self._keys[slot]] = slot
        self.revision += 1

    # -- what an operator or a demonstration sets ---------------------------------------

    async def shift_age(self, address: Address, days: float) -> None:
        """Let the object look so many days older than it is; 0 takes that back."""
        await self._database.run(lambda connection: tables.set_shift(connection, address, days))
        slot = self._slot_for(address)
        self._shift[slot] = days
        if not days:
            del self._shift[slot]
        self.revision += 1

    async def import_daily(self, rows: Iterable[tuple[Address, int, int, int]]) -> None:
        """Take (address, day, reads, bytes) into the history; days in epoch days (UTC).

        A day that is known already is replaced, so importing twice is importing once. The last
        access becomes at least the noon of the object's latest day with reads.
        """
        await self.flush()
        given = list(rows)
        changes = await self._database.run(
            lambda connection: tables.replace_daily(connection, given)
        )
        table = np.zeros((len(given), 3), dtype=np.int64)
        for line, (address, day, reads, _), (row, change) in zip(
            table, given, changes, strict=True
        ):
            slot = self._slot_for(address)
            self._rows[slot] = row
            if reads:
                self._last[slot] = max(self._last[slot], tables.noon(day))
            line[:] = slot, day, change
        self._days.add(table[:, 1], table[:, 0], table[:, 2], self._clock())
        self.revision += 1

    async def import_events(self, events: Events) -> int:
        """Add events of imported logs; returns how many of them were imported before.

        They and the marks by which they are known again are written in one transaction.
        """
        await self.flush()
        added = await self._database.run(lambda connection: imports.add_events(connection, events))
        slots = np.zeros(len(events.objects), dtype=np.int64)
        for at, address in enumerate(events.objects):
            slots[at] = slot = self._slot_for(address)
            self._rows[slot] = added.rows[at]
            self._last[slot] = max(self._last[slot], events.last[at])
        which, days, reads = added.changes.T
        self._days.add(days, slots[which], reads, self._clock())
        if len(self._last) > self._max_objects:
            self._forget_oldest()
        self.revision += 1
        return len(events.days) - added.fresh

    def database_rows(self, cloud: str, bucket: str, keys: Sequence[str]) -> Ints:
        """The row in the tables of each of these keys, 0 where it has none; in any thread."""
        with self._layout:
            slots = look_up(self._index.get((cloud, bucket), {}), keys)
            known = np.array([0, *self._rows], dtype=np.int64)
        return known[slots + 1]
