"""Access statistics: every event on its own day, nothing lost and nothing counted twice."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import access as access_module
from engine.access import KEPT_DAYS, SCHEMA, AccessStatistics, Followed
from engine.database import Database
from engine.errors import StateError
from engine.model import Address

DAY = 86400
NOON = 20_000 * DAY + 12 * 3600.0  # a noon, UTC
A = Address("aws", "data", "a.csv")
B = Address("aws", "data", "b.csv")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(tmp_path / "astra.db", [SCHEMA])
    await opened.open()
    yield opened
    await opened.close()


def statistics(database: Database, now: float = NOON, **options: int) -> AccessStatistics:
    return AccessStatistics(database, clock=lambda: now, **options)


async def reopened(database: Database, now: float = NOON) -> AccessStatistics:
    access = statistics(database, now)
    await access.load()
    return access


def reads(access: AccessStatistics, address: Address) -> tuple[float, float, float, float]:
    columns = access.columns(address.cloud, address.bucket, [address.key])
    return (
        columns.reads_1h[0],
        columns.reads_1d[0],
        columns.reads_7d[0],
        columns.reads_30d[0],
    )


async def test_reads_fall_into_the_windows_of_their_own_time(database: Database) -> None:
    access = statistics(database)
    access.record(A, NOON - 60, "GET")
    access.record(A, NOON - 5 * 3600, "GET", count=2)
    access.record(A, NOON - 3 * DAY, "GET", count=4)
    access.record(A, NOON - 20 * DAY, "GET", count=8)
    access.record(A, NOON - 50 * DAY, "GET", count=16)
    assert reads(access, A) == (1, 3, 7, 15)
    assert sum(access.daily(A, 60)) == 31
    assert access.last_access(A) == NOON - 60


async def test_a_window_never_falls_short(database: Database) -> None:
    access = statistics(database)
    access.record(A, NOON - 3600 + 1, "GET")
    access.record(B, NOON - 3600 - 301, "GET")
    assert reads(access, A)[0] == 1
    assert reads(access, B)[0] == 0
    assert reads(access, B)[1] == 1


async def test_days_are_utc_days_oldest_first(database: Database) -> None:
    access = statistics(database)
    access.record(A, NOON, "GET", count=3)
    access.record(A, NOON - 12 * 3600, "GET", count=2)  # midnight: still today
    access.record(A, NOON - 12 * 3600 - 1, "GET", count=5)  # yesterday's last second
    assert access.daily(A, 3) == (0, 5, 5)
    assert access.daily(B, 3) == (0, 0, 0)
    assert len(access.daily(A, 10_000)) == KEPT_DAYS


async def test_a_write_moves_the_last_access_and_looking_does_not(database: Database) -> None:
    access = statistics(database)
    access.record(A, NOON - 30, "PUT", nbytes=99)
    access.record(B, NOON - 30, "HEAD")
    access.record(B, NOON - 30, "DELETE")
    assert reads(access, A) == (0, 0, 0, 0)
    assert access.last_access(A) == NOON - 30
    assert access.last_access(B) == 0
    await access.flush()
    assert (await reopened(database)).last_access(A) == NOON - 30
    assert await access.history() == []


async def test_a_late_event_does_not_move_the_last_access_back(database: Database) -> None:
    access = statistics(database)
    access.record(A, NOON - 10, "GET")
    access.record(A, NOON - 9 * DAY, "GET")
    assert access.last_access(A) == NOON - 10
    assert access.daily(A, 10)[0] == 1


@pytest.mark.parametrize("when", [float("nan"), float("inf"), -5.0, 0.0, 1e18])
async def test_a_time_that_is_none_is_refused(database: Database, when: float) -> None:
    with pytest.raises(ValueError, match="no time"):
        statistics(database).record(A, when, "GET")


async def test_columns_follow_the_order_of_the_keys(database: Database) -> None:
    access = statistics(database)
    keys = [f"k{i}" for i in range(200_000)]
    for i in (199_999, 7, 131_072):
        access.count("aws", "data", f"k{i}", NOON, "GET", i)
    columns = access.columns("aws", "data", keys)
    assert np.flatnonzero(columns.reads_1h).tolist() == [7, 131_072, 199_999]
    assert columns.reads_30d[199_999] == 199_999
    assert columns.last_access[7] == NOON
    assert access.columns("gcp", "data", keys).reads_30d.sum() == 0
    assert len(access.columns("aws", "data", []).reads_1h) == 0


async def test_columns_may_be_read_in_another_thread_while_events_arrive(
    database: Database,
) -> None:
    access = statistics(database)
    keys = [f"k{i}" for i in range(3000)]

    async def arrive() -> None:
        for round_ in range(10):
            for key in keys[round_ * 300 : round_ * 300 + 300]:
                access.count("aws", "data", key, NOON, "GET")
            access.fold()
            await asyncio.sleep(0)

    async def look() -> list[float]:
        sums = []
        for _ in range(10):
            columns = await asyncio.to_thread(access.columns, "aws", "data", keys)
            sums.append(float(columns.reads_1d.sum()))
        return sums

    _, sums = await asyncio.gather(arrive(), look())
    assert sums == sorted(sums)
    assert access.columns("aws", "data", keys).reads_1d.sum() == 3000


async def test_what_was_flushed_is_there_again(database: Database) -> None:
    access = statistics(database)
    access.record(A, NOON - 60, "GET", count=5, nbytes=500)
    access.record(A, NOON - 3 * 3600, "GET", count=7)
    access.record(A, NOON - 40 * DAY, "GET", count=2, nbytes=20)
    access.record(B, NOON - 2 * DAY, "GET")
    await access.flush()
    access.record(A, NOON - 30, "GET")
    await access.flush()
    again = await reopened(database)
    assert reads(again, A) == reads(access, A) == (6, 13, 13, 13)
    assert again.daily(A, 60) == access.daily(A, 60)
    assert again.last_access(B) == NOON - 2 * DAY
    assert await again.history() == [
        (A, 20_000 - 40, 2, 20),
        (B, 20_000 - 2, 1, 0),
        (A, 20_000, 13, 500),
    ]
    assert await again.history(since_day=20_000) == [(A, 20_000, 13, 500)]


async def test_loading_after_the_first_event_is_a_mistake(database: Database) -> None:
    access = statistics(database)
    access.record(A, NOON, "GET")
    with pytest.raises(RuntimeError):
        await access.load()


async def test_time_passes_and_the_windows_move_on(database: Database) -> None:
    access = statistics(database)
    access.record(A, NOON, "GET", count=9)
    await access.flush()
    assert reads(await reopened(database, NOON + 2 * 3600), A) == (0, 9, 9, 9)
    assert reads(await reopened(database, NOON + 3 * DAY), A) == (0, 0, 9, 9)
    later = await reopened(database, NOON + 40 * DAY)
    assert reads(later, A) == (0, 0, 0, 0)
    assert sum(later.daily(A, 60)) == 9


async def test_a_flush_that_fails_forgets_nothing(database: Database) -> None:
    access = statistics(database)
    access.record(A, NOON, "GET", count=3)
    access.mark("log", 0, 11, 5)
    await database.run(
        lambda c: c.execute(
            "CREATE TRIGGER full BEFORE INSERT ON access_daily"
            " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    )
    with pytest.raises(sqlite3.IntegrityError, match="disk full"):
        await access.flush()
    nothing = await reopened(database)
    assert reads(nothing, A) == (0, 0, 0, 0)
    assert nothing.position("log", 0) is None
    access.record(A, NOON, "GET")
    await database.run(lambda c: c.execute("DROP TRIGGER full"))
    await access.flush()
    again = await reopened(database)
    assert reads(again, A) == (4, 4, 4, 4)
    assert again.position("log", 0) == (11, 5)


async def test_a_flush_into_a_closed_database_forgets_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "astra.db", [SCHEMA])
    await database.open()
    await database.close()
    access = statistics(database)
    access.record(A, NOON, "GET")
    with pytest.raises(StateError):
        await access.flush()
    await database.open()
    await access.flush()
    assert reads(await reopened(database), A) == (1, 1, 1, 1)
    await database.close()


async def test_a_cancelled_flush_counts_once(database: Database) -> None:
    access = statistics(database)
    for round_ in range(20):
        access.record(A, NOON, "GET")
        task = asyncio.create_task(access.flush())
        for _ in range(round_ % 3 + 1):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await access.flush()
    assert reads(await reopened(database), A)[0] == 20


async def test_positions_are_written_with_the_counts_they_cover(database: Database) -> None:
    access = statistics(database)
    access.record(A, NOON, "GET")
    access.mark("cluster/topic", 3, 8, 1000)
    access.mark("gone/topic", 0, 4, 1000, durable=False)
    assert (await reopened(database)).position("cluster/topic", 3) is None
    await access.flush()
    again = await reopened(database)
    assert again.position("cluster/topic", 3) == (8, 1000)
    assert again.position("gone/topic", 0) is None
    assert access.position("gone/topic", 0) == (4, 1000)
    access.mark("cluster/topic", 3, 9, 1001)
    await access.flush()  # nothing was counted: the position alone is worth a write
    assert (await reopened(database)).position("cluster/topic", 3) == (9, 1001)


async def test_importing_twice_is_importing_once(database: Database) -> None:
    access = statistics(database)
    access.record(A, NOON - DAY, "GET", count=7)
    rows = [(A, 20_000 - d, d + 1, 10 * d) for d in range(100)]
    rows += [(B, 20_000 - 5, 0, 0)]
    for _ in range(2):
        await access.import_daily(rows)
        for seen in (access, await reopened(database)):
            assert seen.daily(A, 4) == (4, 3, 2, 1)
            assert reads(seen, A)[3] == sum(range(1, 32))
            assert seen.last_access(B) == 0
    access.record(A, NOON, "GET")
    await access.flush()
    assert (await reopened(database)).daily(A, 2) == (2, 2)
    assert len(await access.history()) == 101
    await access.import_daily([])


async def test_a_long_history_is_told_as_far_as_reads_are_known(database: Database) -> None:
    access = statistics(database)
    assert await access.long_daily(A, 5, 400) == (0,) * 5
    access.record(A, NOON, "GET", count=3)
    assert await access.long_daily(A, 5, 400) == (0, 0, 0, 0, 3)
    await access.import_daily([(A, 20_000 - 300, 9, 0), (A, 20_000 - 92, 4, 0), (B, 19_000, 7, 0)])
    found = await access.long_daily(A, 5, 400)
    assert len(found) == 301
    assert (found[0], found[300 - 92], found[-1]) == (9, 4, 3)
    assert sum(found) == 16
    assert len(await access.long_daily(A, 5, 200)) == 93
    assert await access.long_daily(A, 90, 90) == access.daily(A, 90)


async def test_an_object_can_be_made_to_look_older(database: Database) -> None:
    access = statistics(database)
    await access.shift_age(A, 45)
    await access.shift_age(B, 10)
    await access.shift_age(B, 0)
    before = access.revision
    await access.shift_age(A, 60.5)
    assert access.revision > before
    for seen in (access, await reopened(database)):
        columns = seen.columns("aws", "data", ["x", "a.csv", "b.csv"])
        assert columns.shift_days.tolist() == [0, 60.5, 0]


async def test_memory_is_bounded_against_names_that_never_return(database: Database) -> None:
    access = statistics(database, max_objects=1000)
    await access.shift_age(Address("aws", "data", "shifted"), 30)
    for round_ in range(10):
        for i in range(400):
            access.count("aws", f"bucket-{i % 3}", f"{round_}/{i}", NOON - 900 + round_, "GET", i)
        access.record(A, NOON, "GET", count=2)
        await access.flush()
        assert len(access) <= 1000
    assert reads(access, A) == (20, 20, 20, 20)
    newest = access.columns("aws", "bucket-0", [f"9/{i}" for i in range(0, 400, 3)])
    assert newest.reads_1d.tolist() == list(range(0, 400, 3))
    assert access.columns("aws", "data", ["shifted"]).shift_days[0] == 30
    # The history has them all, and one that comes back is counted on.
    assert len(await access.history()) == 10 * 399 + 1
    access.count("aws", "bucket-1", "0/1", NOON, "GET", 5)
    await access.flush()
    total = Counter[str]()
    for address, _, count, _ in await access.history():
        total[str(address)] += count
    assert total["aws:bucket-1/0/1"] == 6
    assert len(await reopened(database)) == 4000 + 2


@pytest.mark.parametrize(
    "key", ["\udce9t\udce9.txt", "a\x00b", "[red]x[/]", "\x1b]0;x\x07", "é\u202e"]
)
async def test_any_key_is_kept_as_it_is(database: Database, key: str) -> None:
    access = statistics(database)
    access.count("aws", "data", key, NOON, "GET")
    await access.shift_age(Address("aws", "data", key), 3)
    await access.flush()
    again = await reopened(database)
    columns = again.columns("aws", "data", [key])
    assert (columns.reads_1h[0], columns.shift_days[0]) == (1, 3)
    assert (await again.history())[0][0] == Address("aws", "data", key)


async def test_old_hours_are_cleared_away(database: Database) -> None:
    access = statistics(database)
    for hour in range(60):
        access.record(A, NOON - hour * 3600, "GET")
    await access.flush()
    hours = await database.run(
        lambda c: c.execute("SELECT count(*) FROM access_hourly").fetchone()[0]
    )
    assert hours == 25
    assert sum(count for _, _, count, _ in await access.history()) == 60


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 100 * DAY),
        st.sampled_from(["GET", "PUT", "HEAD"]),
        st.integers(1, 5),
        st.integers(0, 3),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(events=EVENTS, flushes=st.sets(st.integers(0, 40)))
def test_it_agrees_with_counting_by_hand(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[tuple[str, int, str, int, int]],
    flushes: set[int],
) -> None:
    async def check() -> None:
        database = Database(tmp_path_factory.mktemp("access") / "astra.db", [SCHEMA])
        await database.open()
        try:
            access = statistics(database)
            history: Counter[tuple[Address, int]] = Counter()
            for number, (key, ago, operation, count, nbytes) in enumerate(events):
                address = Address("aws", "data", key)
                access.record(address, NOON - ago, operation, count, nbytes)
                if operation == "GET":
                    history[address, int((NOON - ago) // DAY)] += count
                if number in flushes:
                    await access.flush()
            await access.flush()
            again = await reopened(database)
            for key in "abc":
                address = Address("aws", "data", key)
                days = tuple(history[address, 20_000 - 91 + d] for d in range(92))
                assert access.daily(address, 92) == again.daily(address, 92) == days
                assert reads(access, address)[2:] == (sum(days[-8:]), sum(days[-31:]))
                assert reads(again, address)[1:] == reads(access, address)[1:]
                assert again.last_access(address) == access.last_access(address)
            kept = {(a, day): count for a, day, count, _ in await again.history()}
            assert kept == +history
        finally:
            await database.close()

    asyncio.run(check())


NAMES = [f"k{number:02}" for number in range(20)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["data", "other"])), max_size=40),
    st.lists(st.integers(0, 20), min_size=1, max_size=5).map(sorted),
    st.booleans(),
    st.sampled_from([1, 100]),
    st.sampled_from([6, 100]),
)
def test_columns_of_a_list_that_is_followed_are_those_made_anew(
    events: list[tuple[str, str]], counts: list[int], ordered: bool, part: int, most: int
) -> None:
    keys = NAMES if ordered else NAMES[::-1]
    access = AccessStatistics(None, clock=lambda: NOON, max_objects=most)  # type: ignore[arg-type]
    grown: list[str] = []
    followed = Followed(grown)
    step = len(events) // len(counts) + 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access_module, "_FRESH_PART", part)
        for number, count in enumerate(counts):
            grown.extend(keys[len(grown) : count])
            for age, (key, bucket) in enumerate(events[number * step : (number + 1) * step]):
                access.count("aws", bucket, key, NOON - age, "GET")
            if len(access) > most:
                access._forget_oldest()
            found = access.columns_of("aws", "data", followed, len(grown), ordered=ordered)
            anew = access.columns("aws", "data", grown)
            assert found.reads_30d.tolist() == anew.reads_30d.tolist()
            assert found.last_access.tolist() == anew.last_access.tolist()
