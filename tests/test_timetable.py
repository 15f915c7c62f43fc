"""Bandwidth by the wall clock: reading a table, following it, and what the operator changes."""

import asyncio
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.engine import Engine
from engine.errors import Refused, UsageError
from engine.migration.bandwidth import Bandwidth
from engine.model import (
    Address,
    JobState,
    MoveKind,
    Provider,
    StoreKind,
    Timetable,
    parse_bandwidth,
)
from engine.settings import CloudSettings, EngineSettings, KafkaSettings
from tests.migration.world import fake_stores, pattern, two_clouds, world

MIB = 1024**2
BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Timetable.parse("08:00,5MiB 19:00,off")


class Clock:
    """A clock of one place that a test sets."""

    def __init__(self, text: str, zone: ZoneInfo = BERLIN) -> None:
        self.zone = zone
        self.set(text)

    def set(self, text: str, fold: int = 0) -> None:
        self.now = datetime.fromisoformat(text).replace(tzinfo=self.zone, fold=fold).timestamp()

    def __call__(self) -> float:
        return self.now


def following(clock: Clock, table: Timetable = OFFICE) -> Bandwidth:
    return Bandwidth(table, clock=clock, zone=clock.zone, look=0.0)


# -- reading --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "limit"),
    [
        ("2026-11-16 07:59:59", 0),  # a Monday: the evening before still holds
        ("2026-11-16 08:00", 5 * MIB),
        ("2026-11-18 18:59:59", 5 * MIB),
        ("2026-11-18 19:00", 0),
        ("2026-11-22 23:59", 0),
    ],
)
def test_entries_without_a_day_hold_every_day(when: str, limit: int) -> None:
    assert OFFICE.limit_at(datetime.fromisoformat(when)) == limit


def test_weekdays_go_before_every_day_and_the_last_entry_holds_over_the_weekend() -> None:
    table = Timetable.parse("Mon-08:00,512K friday-17:30,off  08:00,1MiB Sat-08:00,2MB")
    at = datetime.fromisoformat
    assert table.limit_at(at("2026-11-16 08:00")) == 512 * 1024
    assert table.limit_at(at("2026-11-17 07:00")) == 512 * 1024
    assert table.limit_at(at("2026-11-17 08:00")) == MIB
    assert table.limit_at(at("2026-11-20 18:00")) == 0
    assert table.limit_at(at("2026-11-21 08:00")) == 2_000_000
    assert table.text == "Mon-08:00,512K friday-17:30,off 08:00,1MiB Sat-08:00,2MB"
    once = Timetable.parse("Wed-12:00,1MiB")
    assert once.limit_at(at("2026-11-16 00:00")) == MIB
    assert once.began(at("2026-11-16 00:00")) == at("2026-11-11 12:00")
    assert once.next_change(at("2026-11-18 12:00")) == (at("2026-11-25 12:00"), MIB)


@pytest.mark.parametrize(
    ("text", "bad", "why"),
    [
        ("08:00,5MiB 25:00,off", "25:00,off", "no time of day"),
        ("08:00,5MiB 9,off", "9,off", "no entry"),
        ("08:00,quick 19:00,off", "08:00,quick", "no size"),
        ("08:00,5MiB Foo-19:00,off", "Foo-19:00,off", "no weekday"),
        ("08:00,5MiB 08:00,off", "08:00,off", "already"),
        ("Mon-08:00,1M Monday-08:00,off", "Monday-08:00,off", "already"),
        ("08:00,5MiB,19:00,off", "08:00,5MiB,19:00,off", "no size"),
        ("08:60,off", "08:60,off", "no time of day"),
        (",", ",", "no entry"),
    ],
)
def test_a_bad_entry_is_named(text: str, bad: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        parse_bandwidth(text)
    assert repr(bad) in str(caught.value)


def test_a_plain_size_is_still_one() -> None:
    assert parse_bandwidth("20MiB") == 20 * MIB
    assert parse_bandwidth("off") == 0
    with pytest.raises(ValueError, match="no size"):
        parse_bandwidth("fast")
    for text in ("5", "08:00,512 19:00,off"):
        with pytest.raises(ValueError, match="name a unit, as in 5"):
            parse_bandwidth(text)


@given(
    st.dictionaries(st.integers(0, 7 * 1440 - 1), st.integers(0, 9), min_size=1, max_size=12),
    st.integers(0, 7 * 1440 - 1),
)
def test_the_next_entry_is_the_first_minute_with_another_beginning(
    entries: dict[int, int], start: int
) -> None:
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    table = Timetable.parse(
        " ".join(
            f"{days[at // 1440]}-{at // 60 % 24:02}:{at % 60:02},{limit}K"
            for at, limit in entries.items()
        )
    )
    local = datetime(2026, 11, 16) + timedelta(minutes=start)
    following = next(n for n in range(1, 7 * 1440 + 1) if (start + n) % (7 * 1440) in entries)
    change, limit = table.next_change(local)
    assert change == local + timedelta(minutes=following)
    assert limit == table.limit_at(change) == 1024 * entries[(start + following) % (7 * 1440)]
    assert table.began(local) <= local < change
    assert table.limit_at(table.began(local)) == table.limit_at(local)


# -- following ------------------------------------------------------------------------------


def test_the_limit_changes_as_the_clock_passes_an_entry() -> None:
    clock = Clock("2026-11-16 07:59:59")
    bandwidth = following(clock)
    assert bandwidth.limit == 0
    clock.set("2026-11-16 08:00")
    assert bandwidth.limit == 5 * MIB
    limits = bandwidth.limits(8)
    assert (limits.jobs, limits.bwlimit, limits.next_bwlimit) == (8, 5 * MIB, 0)
    assert limits.until == datetime(2026, 11, 16, 19, tzinfo=BERLIN).timestamp()
    assert limits.timetable == OFFICE.text


def test_what_the_operator_sets_wins_until_the_next_entry() -> None:
    clock = Clock("2026-11-16 09:00")
    bandwidth = following(clock)
    bandwidth.set(MIB)
    clock.set("2026-11-16 18:59")
    assert (bandwidth.limit, bandwidth.limits(1).by_hand) == (MIB, True)
    clock.set("2026-11-16 19:00")
    assert (bandwidth.limit, bandwidth.limits(1).by_hand) == (0, False)
    clock.set("2026-11-17 09:00")
    assert bandwidth.limit == 5 * MIB
    bandwidth.set(0)
    assert bandwidth.limit == 0
    bandwidth.set(OFFICE)  # told otherwise: back to the table
    assert bandwidth.limit == 5 * MIB
    clock.set("2026-11-24 09:00")  # a machine that slept for a week, from the same hour
    bandwidth.set(MIB)
    clock.set("2026-12-01 09:00")
    assert bandwidth.limit == 5 * MIB


def test_a_plain_limit_without_a_table_stays() -> None:
    clock = Clock("2026-11-16 09:00")
    bandwidth = Bandwidth(MIB, clock=clock, zone=BERLIN, look=0.0)
    clock.set("2027-11-16 20:00")
    assert bandwidth.limits(2) == replace(bandwidth.limits(2), bwlimit=MIB, until=0.0, timetable="")
    bandwidth.set(0)
    assert bandwidth.limit == 0


def test_a_clock_that_jumps_back_takes_the_table_with_it() -> None:
    clock = Clock("2026-11-16 20:00")
    bandwidth = following(clock)
    bandwidth.set(7)
    clock.set("2026-11-16 12:00")
    assert bandwidth.limit == 5 * MIB


def test_summer_time_skips_and_repeats_hours_by_the_wall_clock() -> None:
    table = Timetable.parse("02:30,1MiB 03:30,off")
    clock = Clock("2026-03-29 01:59:59")  # then it is 03:00
    bandwidth = following(clock, table)
    assert bandwidth.limit == 0
    clock.now += 1
    assert datetime.fromtimestamp(clock.now, BERLIN).hour == 3
    assert bandwidth.limit == MIB
    clock.now += 1800
    assert bandwidth.limit == 0
    seen = []
    clock.set("2026-10-25 02:15")  # the hour from two to three comes twice
    for _ in range(5):
        seen.append(bandwidth.limit)
        clock.now += 1800
    assert seen == [0, MIB, 0, MIB, MIB]


async def test_bytes_pass_by_the_limit_of_the_hour() -> None:
    clock = Clock("2026-11-16 09:00")
    bandwidth = following(clock, Timetable.parse("08:00,4 19:00,off".replace(",4", ",4B")))
    await bandwidth.take(1)  # within the burst
    clock.set("2026-11-16 19:00")
    await bandwidth.take(10**12)  # four bytes a second would take for ever
    assert bandwidth.limit == 0


# -- while jobs run ---------------------------------------------------------------------------


async def test_jobs_speed_up_when_the_clock_passes_an_entry(tmp_path: Path) -> None:
    """At a thousand bytes a second the object would take most of an hour."""
    clock = Clock("2026-11-16 18:59")
    table = Timetable.parse("08:00,1000B 19:00,off")
    with two_clouds() as fakes:
        bandwidth = following(clock, table)
        async with world(tmp_path, fake_stores(*fakes), bandwidth=bandwidth) as there:
            fakes[0].state.put("b", "k", pattern(3_000_000))
            job_id = await there.submit("src:b/k", "dst:b/k")
            await there.until(lambda: fakes[0].count("GET", "b", "k"), "the download began")
            assert there.runner.limits().bwlimit == 1000
            clock.set("2026-11-16 19:00")
            assert (await there.done(job_id)).state is JobState.COMPLETED
            assert there.runner.limits().bwlimit == 0


async def test_a_change_by_hand_through_the_door_wins(tmp_path: Path) -> None:
    clouds = tuple(
        CloudSettings(name, StoreKind.LOCAL, Provider.ONPREM, bucket="b", root=tmp_path / name)
        for name in ("one", "two")
    )
    for name in ("one", "two"):
        (tmp_path / name / "b").mkdir(parents=True)
    (tmp_path / "one" / "b" / "k").write_bytes(b"x" * 3_000_000)
    table = Timetable.parse("00:00,1000B 12:00,1001B")
    settings = EngineSettings(
        clouds, tmp_path / "state", KafkaSettings("off"), bwlimit=table, max_deletes=0
    )
    async with Engine(settings) as engine:
        limits = engine.snapshot().limits
        assert (limits.bwlimit in (1000, 1001), limits.by_hand) == (True, False)
        assert limits.until > time.time()
        move = await engine.plan_migration([Address("one", "b", "k")], Address("two", "b", ""))
        with pytest.raises(Refused, match="deletes 1 source, and at most 0"):
            await engine.submit(move)
        copy = await engine.plan_migration(
            [Address("one", "b", "k")], Address("two", "b", ""), kind=MoveKind.COPY
        )
        jobset = await engine.submit(copy, priority=3)
        assert [job.priority for job in await engine.jobs(jobset=jobset)] == [3]
        assert await engine.prioritise(7, jobset=jobset) == 1
        with pytest.raises(UsageError):
            await engine.prioritise(7)
        engine.set_limits(bwlimit=0)
        async with asyncio.timeout(30):
            await engine.wait(jobset)
        assert engine.snapshot().limits.by_hand
        (job,) = await engine.jobs(jobset=jobset)
        assert (job.state, job.priority) == (JobState.COMPLETED, 7)
        engine.set_limits(bwlimit=table)
        limits = engine.snapshot().limits
        assert (limits.bwlimit in (1000, 1001), limits.by_hand) == (True, False)
