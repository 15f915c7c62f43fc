"""Comparing objects and listings: every kind of difference, in bounded memory, on real stores."""

import asyncio
import hashlib
import os
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.engine import Engine
from engine.errors import NotFound, UsageError
from engine.migration.bandwidth import Bandwidth
from engine.migration.reconcile import Comparer, Comparison, Side, in_order
from engine.migration.spool import DESTINATION, SOURCE, Pair, Spool
from engine.model import (
    Address,
    Evidence,
    Filters,
    Finding,
    JobState,
    ListEntry,
    MoveKind,
    MoveOptions,
    ObjectMeta,
    Outcome,
    Provider,
    StoreKind,
)
from engine.settings import CloudSettings, EngineSettings, KafkaSettings
from engine.stores import open_store
from engine.stores.base import ObjectStore
from tests.servers import S3Server, rclone_s3

KEYS = ["a", "b/c", "é", "e\u0301", "\U0001f680", "\uffff", "new\nline", "\udc80", "", " "]


def entries(keys: list[str]) -> list[ListEntry]:
    return [ListEntry(f"in/{key}", len(key), 1.5, "e", "S") for key in keys]


async def spooled(left: list[str], right: list[str]) -> list[Pair]:
    async with Spool() as spool:
        for side, keys in ((SOURCE, left), (DESTINATION, right)):
            for start in range(0, len(keys), 3):
                await spool.add(side, entries(keys[start : start + 3]), 3)
        return [pair async for batch in spool.pairs() for pair in batch]


_key = st.sampled_from(KEYS) | st.text(max_size=5)


@given(st.lists(_key, unique=True), st.lists(_key, unique=True))
def test_listings_in_any_order_meet_by_key(left: list[str], right: list[str]) -> None:
    found = asyncio.run(spooled(left, right))
    expected = sorted({*left, *right}, key=lambda key: key.encode("utf-8", "surrogatepass"))
    assert [pair.relative for pair in found] == expected
    for pair in found:
        for entry, keys in ((pair.source, left), (pair.destination, right)):
            assert (entry is not None) == (pair.relative in keys)
            if entry is not None:
                assert entry == ListEntry(pair.relative, len(pair.relative), 1.5, "e", "S")


async def test_a_long_listing_stays_on_disk() -> None:
    tracemalloc.start()
    try:
        async with Spool() as spool:
            for start in range(0, 60_000, 1000):
                keys = [f"{i * 7919 % 60_000:06}{'x' * 200}" for i in range(start, start + 1000)]
                await spool.add(SOURCE, entries(keys), 3)
            count = 0
            async for batch in spool.pairs():
                count += len(batch)
        assert count == 60_000
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024**2
    finally:
        tracemalloc.stop()


async def test_findings_come_in_order_and_so_many_run_at_once() -> None:
    running, most = 0, 0
    gates = [asyncio.Event() for _ in range(40)]

    async def one(number: int) -> Finding:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gates[number].wait()
        running -= 1
        address = Address("c", "b", str(number))
        return Finding(Outcome.SAME, address, address)

    async def work() -> AsyncGenerator[Comparison, None]:
        for number in range(40):
            yield partial(one, number)

    async def open_backwards() -> None:
        for start in range(0, 40, 4):
            while running < 4:
                await asyncio.sleep(0)
            for number in reversed(range(start, start + 4)):
                gates[number].set()

    opener = asyncio.create_task(open_backwards())
    found = [finding.source.key async for finding in in_order(work(), 4)]
    await opener
    assert found == [str(number) for number in range(40)]
    assert most == 4


async def test_leaving_early_ends_what_runs() -> None:
    begun = ended = 0

    async def one(number: int) -> Finding:
        nonlocal begun, ended
        begun += 1
        try:
            if number:
                await asyncio.Event().wait()
        finally:
            ended += 1
        address = Address("c", "b", str(number))
        return Finding(Outcome.SAME, address, address)

    async def work() -> AsyncGenerator[Comparison, None]:
        for number in range(9):  # more than run at once: some are not begun
            yield partial(one, number)

    async with aclosing(in_order(work(), 4)) as findings:
        async for _ in findings:
            break
    assert ended == begun < 9
    assert len(asyncio.all_tasks()) == 1


# -- real stores -------------------------------------------------------------------------------


def local(name: str, root: Path) -> CloudSettings:
    root.mkdir(exist_ok=True)
    return CloudSettings(name, StoreKind.LOCAL, Provider.ONPREM, bucket="b", root=root)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    clouds = (local("one", tmp_path / "1"), local("two", tmp_path / "2"))
    settings = EngineSettings(clouds, tmp_path / "state", kafka=KafkaSettings(bootstrap="off"))
    for cloud in clouds:
        store = open_store(cloud)
        await store.create_bucket("b")
        await store.close()
    started = Engine(settings)
    await started.start(events=False)
    try:
        yield started
    finally:
        await started.stop()


def fill(root: Path, objects: dict[str, bytes]) -> None:
    for key, content in objects.items():
        path = root / "b" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


async def outcomes(engine: Engine, *places: str, **options: Any) -> dict[str, Outcome]:
    source, destination = map(Address.parse, places)
    found = {}
    async for finding in engine.check(source, destination, **options):
        found[finding.source.key.removeprefix(source.key)] = finding.outcome
    return found


async def test_each_kind_of_difference_on_disks(engine: Engine, tmp_path: Path) -> None:
    same = {"in/same": b"same", "in/empty": b"", "in/new\nline": b"x"}
    here = same | {"in/other": b"1234", "in/size": b"1", "in/gone": b"", "in/sub/gone": b"x"}
    fill(tmp_path / "1", here)
    there = {key.replace("in/", "out/"): content for key, content in same.items()}
    fill(tmp_path / "2", there | {"out/other": b"4321", "out/size": b"12", "out/extra": b"x"})
    expected = {
        "same": Outcome.SAME,
        "empty": Outcome.SAME,
        "new\nline": Outcome.SAME,
        "other": Outcome.DIFFER,
        "size": Outcome.DIFFER,
        "gone": Outcome.MISSING_DESTINATION,
        "sub/gone": Outcome.MISSING_DESTINATION,
        "extra": Outcome.MISSING_SOURCE,
    }
    found = await outcomes(engine, "one:b/in/", "two:b/out/")
    assert found == expected
    assert list(found) == sorted(found)
    assert await outcomes(engine, "one:b/in/", "two:b/out/", filters=Filters(exclude=("s*",))) == {
        key: value for key, value in expected.items() if not key.rpartition("/")[2].startswith("s")
    }
    small = Filters(max_size=1, include=("*e*",))
    assert set(await outcomes(engine, "one:b/in/", "two:b/out/", filters=small)) == {
        *("empty", "new\nline", "size", "gone", "sub/gone", "extra")
    }
    listed = Filters(keys=frozenset({"same", "nowhere"}))
    assert await outcomes(engine, "one:b/in/", "two:b/out/", filters=listed) == {
        "same": Outcome.SAME,
        "nowhere": Outcome.MISSING_BOTH,
    }


async def test_single_keys_and_places_that_make_no_sense(engine: Engine, tmp_path: Path) -> None:
    fill(tmp_path / "1", {"k": b"x"})
    fill(tmp_path / "2", {"k": b"x", "other": b"y"})
    assert await outcomes(engine, "one:b/k", "two:b/") == {"": Outcome.SAME}
    assert await outcomes(engine, "one:b/k", "two:b/other") == {"": Outcome.DIFFER}
    assert await outcomes(engine, "one:b/k", "two:b/none") == {"": Outcome.MISSING_DESTINATION}
    assert await outcomes(engine, "one:b/none", "two:b/none") == {}
    for places in (("one:b/", "two:b/k"), ("one:b/", "one:b/"), ("one:b/k", "one:b/k")):
        with pytest.raises(UsageError):
            await outcomes(engine, *places)
    with pytest.raises(UsageError, match="no cloud"):
        await outcomes(engine, "one:b/", "three:b/")
    for places in (("one:b/", "two:nowhere/"), ("one:nowhere/", "two:b/")):
        with pytest.raises(NotFound, match="bucket"):
            await outcomes(engine, *places)


async def test_what_changes_meanwhile_is_told_as_changed(engine: Engine, tmp_path: Path) -> None:
    stores: dict[str, ObjectStore] = engine._parts.stores
    fill(tmp_path / "1", dict.fromkeys(("grown", "gone", "rewritten", "appears"), b"first"))
    fill(tmp_path / "2", dict.fromkeys(("grown", "gone", "rewritten"), b"first"))
    comparer = Comparer(Bandwidth())

    async def listed(name: str) -> dict[str, Side]:
        store, found = stores[name], {}
        async for page in store.list_pages("b"):
            for entry in page.entries:
                address = Address(name, "b", entry.key)
                head = await store.head("b", entry.key)
                found[entry.key] = Side(store, address, entry.size, head.pin)
        return found

    one, two = await listed("one"), await listed("two")
    for path, content in (("grown", b"first and more"), ("rewritten", b"other")):
        target = tmp_path / "1" / "b" / path
        target.unlink()
        target.write_bytes(content)
    (tmp_path / "2" / "b" / "gone").unlink()
    for key in two:
        found = await comparer.compare(one[key], two[key])
        assert (found.outcome, found.source_digest) == (Outcome.CHANGED, ""), key
    absent = Finding(
        Outcome.MISSING_DESTINATION, one["appears"].address, Address("two", "b", "appears")
    )
    assert (await comparer.one_sided(one["appears"], stores["two"], absent)) == absent
    fill(tmp_path / "2", {"appears": b"first"})
    found = await comparer.one_sided(one["appears"], stores["two"], absent)
    assert found.outcome is Outcome.CHANGED


async def test_archived_objects_are_the_same_only_by_what_their_provider_attests(
    tmp_path: Path, moto_s3: S3Server, bucket_name: str
) -> None:
    clouds = tuple(moto_s3.cloud(name, bucket=f"{bucket_name}-{name}") for name in ("one", "two"))
    for cloud in clouds:
        store = open_store(cloud)
        await store.create_bucket(cloud.bucket)
        for key, storage_class in (("cold", "GLACIER"), ("warm", "STANDARD")):

            async def body() -> AsyncIterator[bytes]:
                yield b"frozen"

            await store.write(
                cloud.bucket, key, body(), size=6, meta=ObjectMeta(), storage_class=storage_class
            )
        await store.close()
    settings = EngineSettings(clouds, tmp_path / "state", kafka=KafkaSettings(bootstrap="off"))
    engine = Engine(settings)
    await engine.start(events=False, look=True)
    try:
        places = [f"{cloud.name}:{cloud.bucket}/" for cloud in clouds]
        found = await outcomes(engine, *places)
        assert found == {"cold": Outcome.SAME, "warm": Outcome.SAME}
        found = await outcomes(engine, *places, download=True)
        assert found == {"cold": Outcome.UNREADABLE, "warm": Outcome.SAME}
        cold = Filters(classes=("GLACIER",))
        assert await outcomes(engine, *places, filters=cold) == {"cold": Outcome.SAME}
    finally:
        await engine.stop()


async def test_a_job_set_is_held_to_what_it_proved(engine: Engine, tmp_path: Path) -> None:
    names = ("kept", "changed", "removed", "blocked")
    fill(tmp_path / "1", {f"in/{name}": name.encode() for name in names})
    fill(tmp_path / "2", {"out/blocked": b"in the way"})
    source, destination = Address("one", "b", "in/"), Address("two", "b", "out/")
    plan = await engine.plan_migration([source], destination, kind=MoveKind.MOVE)
    jobset = await engine.submit(plan)
    await engine.wait(jobset)

    async def found() -> dict[str, Finding]:
        return {
            finding.source.key.removeprefix("in/"): finding
            async for finding in engine.check_jobset(jobset)
        }

    first = await found()
    assert {name: item.outcome for name, item in first.items()} == {
        **dict.fromkeys(("kept", "changed", "removed"), Outcome.SAME),
        "blocked": Outcome.UNPROVED,
    }
    digest = hashlib.md5(b"kept").hexdigest()
    assert (first["kept"].algorithm, first["kept"].destination_digest) == ("md5", digest)
    assert first["kept"].evidence is Evidence.REREAD
    (tmp_path / "2" / "b" / "out" / "changed").write_bytes(b"CHANGED")
    (tmp_path / "2" / "b" / "out" / "removed").unlink()
    later = await found()
    assert {name: item.outcome for name, item in later.items()} == {
        "kept": Outcome.SAME,
        "changed": Outcome.DIFFER,
        "removed": Outcome.MISSING_DESTINATION,
        "blocked": Outcome.UNPROVED,
    }
    assert "overwritten" in later["changed"].reason


async def test_a_server_that_lists_another_time_than_it_gives_changes_nothing(
    tmp_path: Path,
) -> None:
    """`rclone serve s3` lists the time that the object's metadata tells."""
    (tmp_path / "served" / "b").mkdir(parents=True)
    with rclone_s3(tmp_path / "served") as server:
        clouds = (local("one", tmp_path / "1"), server.cloud("two"))
        settings = EngineSettings(clouds, tmp_path / "state", kafka=KafkaSettings(bootstrap="off"))
        fill(tmp_path / "1", {"in/same": b"same"})
        os.utime(tmp_path / "1" / "b" / "in" / "same", (1e9, 1e9))
        engine = Engine(settings)
        await engine.start(events=False)
        try:
            places = Address.parse("one:b/in/"), Address.parse("two:b/out/")
            plan = await engine.plan_migration([places[0]], places[1], kind=MoveKind.COPY)
            await engine.wait(await engine.submit(plan))
            assert await outcomes(engine, "one:b/in/", "two:b/out/") == {"same": Outcome.SAME}
            for options in (MoveOptions(), MoveOptions(strict=True)):
                place = Address.parse(f"one:b/back{options.strict}/")
                plan = await engine.plan_migration(
                    [places[1]], place, kind=MoveKind.COPY, options=options
                )
                jobset = await engine.submit(plan)
                await engine.wait(jobset)
                jobs = await engine.jobs(jobset=jobset)
                assert [(job.state, job.notes, job.error) for job in jobs] == [
                    (JobState.COMPLETED, (), "")
                ]
        finally:
            await engine.stop()
