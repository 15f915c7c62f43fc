"""A read-only cloud is not written to and nothing is deleted there, by old jobs either."""

from pathlib import Path

import pytest

from engine.model import JobState, MoveKind
from engine.stores.base import ObjectStore
from tests.migration.test_absence import pause_before, resumed
from tests.migration.world import local_store, pattern, world


def folders(tmp_path: Path) -> dict[str, ObjectStore]:
    return {"a": local_store("a", tmp_path / "a"), "b": local_store("b", tmp_path / "b")}


@pytest.mark.parametrize("cloud", ["a", "b"])
async def test_a_job_of_before_does_nothing_in_a_cloud_that_is_read_only_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cloud: str
) -> None:
    async with world(tmp_path / "state", folders(tmp_path)) as there:
        await there.put("a:bucket/k", pattern(5000))
        job_id = await pause_before("switch", there, monkeypatch, "a:bucket/k", "b:bucket/k")
    async with world(tmp_path / "state", folders(tmp_path), read_only=frozenset({cloud})) as there:
        done = await resumed(there, job_id)
        assert done.state is JobState.FAILED
        assert "read-only" in done.error
        assert await there.get("a:bucket/k") == await there.get("b:bucket/k") == pattern(5000)
    async with world(tmp_path / "state", folders(tmp_path)) as there:
        await there.runner.retry([job_id])
        assert (await there.done(job_id)).state is JobState.COMPLETED


@pytest.mark.parametrize(
    ("kind", "cloud", "allowed"),
    [
        (MoveKind.COPY, "a", True),
        (MoveKind.COPY, "b", False),
        (MoveKind.MOVE, "a", False),
        (MoveKind.MOVE, "b", False),
    ],
)
async def test_only_what_changes_a_cloud_is_refused(
    tmp_path: Path, kind: MoveKind, cloud: str, allowed: bool
) -> None:
    stores = folders(tmp_path)
    async with world(tmp_path / "state", stores, read_only=frozenset({cloud})) as there:
        await there.put("a:bucket/k", b"x")
        done = await there.move("a:bucket/k", "b:bucket/k", kind)
        assert (done.state is JobState.COMPLETED) is allowed
        assert await there.get("a:bucket/k") == b"x"
        assert (await there.get("b:bucket/k") is not None) is allowed


async def test_undoing_deletes_nothing_in_a_read_only_cloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path / "state", folders(tmp_path)) as there:
        await there.put("a:bucket/k", b"x")
        job_id = await pause_before("verify", there, monkeypatch, "a:bucket/k", "b:bucket/k")
    async with world(tmp_path / "state", folders(tmp_path), read_only=frozenset("b")) as there:
        await there.runner.cancel([job_id])
        done = await there.done(job_id)
        assert (done.state, "read-only" in done.error) == (JobState.FAILED, True)
        assert await there.get("b:bucket/k") == b"x"
    async with world(tmp_path / "state", folders(tmp_path)) as there:
        await there.runner.retry([job_id])
        assert (await there.done(job_id)).state is JobState.CANCELLED
        assert await there.get("b:bucket/k") is None
