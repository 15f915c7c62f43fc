"""A job belongs to the places it began with, whatever their clouds are called."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.model import JobState
from engine.stores.base import ObjectStore
from tests.fake_s3 import FakeS3
from tests.migration.test_absence import pause_before, resumed
from tests.migration.world import World, fake_stores, local_store, pattern, small_parts, world


@asynccontextmanager
async def reopened(state: Path, source: FakeS3, destination: FakeS3) -> AsyncIterator[World]:
    stores: dict[str, ObjectStore] = fake_stores(source, destination)
    small_parts(stores["dst"])
    async with world(state, stores) as made:
        yield made


@pytest.mark.parametrize("step", ["verify", "switch"])
@pytest.mark.parametrize("moved", ["source", "destination"])
@pytest.mark.parametrize("order", ["resume", "cancel"])
async def test_a_cloud_that_points_elsewhere_stops_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, moved: str, order: str
) -> None:
    with FakeS3() as one, FakeS3() as two, FakeS3() as other:
        for fake in (one, two, other):
            fake.state.buckets["b"] = {}
        data = pattern(300_000)
        one.state.put("b", "k", data)
        other.state.put("b", "k", data, headers={"x-amz-meta-owner": "somebody else"})
        async with reopened(tmp_path, one, two) as there:
            job_id = await pause_before(step, there, monkeypatch, "src:b/k", "dst:b/k")
        ends = (other, two) if moved == "source" else (one, other)
        async with reopened(tmp_path, *ends) as there:
            if order == "resume":
                done = await resumed(there, job_id)
            else:
                await there.runner.cancel([job_id])
                done = await there.done(job_id)
            assert done.state is JobState.FAILED
            assert "points elsewhere now" in done.error
            assert "astra.toml" in done.error_todo
            for fake in (one, two, other):
                assert fake.state.get("b", "k") is not None
            assert other.count("PUT", "b", "k") == other.count("DELETE", "b", "k") == 0
        async with reopened(tmp_path, one, two) as there:
            await there.runner.retry([job_id])
            done = await there.done(job_id)
            if order == "resume":
                assert (done.state, one.state.get("b", "k")) == (JobState.COMPLETED, None)
            else:
                assert (done.state, two.state.get("b", "k")) == (JobState.CANCELLED, None)


async def test_a_job_that_was_undone_may_go_to_a_new_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeS3() as one, FakeS3() as two, FakeS3() as other:
        for fake in (one, two, other):
            fake.state.buckets["b"] = {}
        one.state.put("b", "k", b"x")
        async with reopened(tmp_path, one, two) as there:
            job_id = await pause_before("verify", there, monkeypatch, "src:b/k", "dst:b/k")
            await there.runner.cancel([job_id])
            assert (await there.done(job_id)).state is JobState.CANCELLED
        async with reopened(tmp_path, one, other) as there:
            await there.runner.retry([job_id])
            assert (await there.done(job_id)).state is JobState.COMPLETED
            assert other.state.get("b", "k") is not None


async def test_a_ledger_of_an_earlier_astra_is_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeS3() as one, FakeS3() as two:
        for fake in (one, two):
            fake.state.buckets["b"] = {}
        one.state.put("b", "k", b"x")
        async with reopened(tmp_path, one, two) as there:
            job_id = await pause_before("switch", there, monkeypatch, "src:b/k", "dst:b/k")
        with sqlite3.connect(tmp_path / "astra.db") as connection:
            connection.execute("DROP TABLE places")
        connection.close()
        async with reopened(tmp_path, one, two) as there:
            assert (await resumed(there, job_id)).state is JobState.COMPLETED


async def test_a_copy_that_a_job_relies_on_by_another_name_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    stores = {
        "s": local_store("s", source),
        "d1": local_store("d1", target),
        "d2": local_store("d2", target),
    }
    async with world(tmp_path / "state", dict(stores)) as there:
        await there.put("s:bucket/a", pattern(5000))
        await there.put("s:bucket/b", pattern(5000))
        first = await pause_before("switch", there, monkeypatch, "s:bucket/a", "d1:bucket/x")
        second = await there.move("s:bucket/b", "d2:bucket/x")
        assert (second.state, await there.get("s:bucket/b")) == (JobState.COMPLETED, None)
        await there.runner.cancel([first])
        done = await there.done(first)
        assert done.state is JobState.CANCELLED
        assert any(second.job_id in note for note in done.notes)
        assert await there.get("d1:bucket/x") == pattern(5000)
