"""Bytes in memory are counted over all jobs, and the count is what is really held."""

import asyncio
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.migration import parts, source
from engine.migration.limits import Buffers
from engine.model import JobState
from tests.migration.world import local_store, pattern, small_parts, world

MIB = 1024**2
PART = 256 * 1024


async def test_who_waits_first_is_served_first_and_no_more_is_held_than_allowed() -> None:
    buffers = Buffers(10)
    assert await buffers.acquire(6) == 6
    assert not buffers.take(5)
    waiting = asyncio.create_task(buffers.acquire(8))
    await asyncio.sleep(0)
    assert not buffers.take(1)  # though it is free: somebody waits
    buffers.release(6)
    assert await waiting == 8
    assert buffers.take(2)
    assert buffers.peak == 10


async def test_one_that_gives_up_waiting_is_in_nobodys_way() -> None:
    buffers = Buffers(10)
    await buffers.acquire(10)
    waiting = [asyncio.create_task(buffers.acquire(count)) for count in (9, 3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    buffers.release(7)
    assert await waiting[1] == 3
    assert buffers.take(4)
    assert not buffers.take(1)


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.parametrize("rooms", [1, 3])
async def test_many_large_objects_stay_within_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, traced: None, rooms: int
) -> None:
    """However tight it is, every job comes to its end; what is held is what was counted."""
    streaming = 4 * MIB
    monkeypatch.setattr(source, "PASS", streaming)
    monkeypatch.setattr(parts, "PASS", streaming)
    for number in range(6):
        path = tmp_path / "src" / "bucket" / f"o{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pattern(6 * MIB + number))
    stores = {
        "src": local_store("src", tmp_path / "src"),
        "dst": small_parts(local_store("dst", tmp_path / "dst"), PART),
    }
    async with world(tmp_path / "state", stores) as there:
        buffers = there.runner._services.buffers = Buffers(rooms * (streaming + PART))
        specs = [
            await there.spec(f"src:bucket/o{number}", f"dst:bucket/o{number}")
            for number in range(6)
        ]
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        await there.runner.submit("set", specs)
        async with asyncio.timeout(60):
            await there.runner.wait()
        peak = tracemalloc.get_traced_memory()[1] - before
        views = await there.ledger.views()
        assert {view.state for view in views} == {JobState.COMPLETED}
        assert 0 < buffers.peak <= rooms * (streaming + PART)
        assert peak < buffers.peak + 6 * MIB  # records, database and code aside
        assert buffers.take(rooms * (streaming + PART))  # everything was given back
