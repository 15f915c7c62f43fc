"""A 404 is no proof: what is not there must be said by the bucket itself."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from engine.migration import pipeline
from engine.migration.job import Ask, Job, Stopped
from engine.model import JobState
from tests.fake_s3 import FakeS3, Fault
from tests.migration.world import World, fake_stores, local_store, pattern, two_clouds, world

PAGE = Fault(status=404, body=b"<html>default backend - 404</html>")


@pytest.fixture
def fakes() -> Iterator[tuple[FakeS3, FakeS3]]:
    with two_clouds() as both:
        yield both


@pytest.fixture
async def there(tmp_path, fakes: tuple[FakeS3, FakeS3]) -> AsyncIterator[World]:
    async with world(tmp_path / "state", fake_stores(*fakes)) as made:
        yield made


async def pause_before(
    step: str, there: World, monkeypatch: pytest.MonkeyPatch, *route: str, **options: object
) -> str:
    """A job that did everything up to that step of the pipeline and is paused there."""

    async def stop(job: Job, *_: object, **__: object) -> None:
        await job.commit()
        job.asked = Ask.PAUSE
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, step, stop)
        job_id = await there.submit(*route, **options)
        assert (await there.done(job_id)).paused
    return job_id


async def resumed(there: World, job_id: str):
    await there.runner.resume([job_id])
    return await there.done(job_id)


def bytes_at(fake: FakeS3, key: str = "k") -> bytes | None:
    found = fake.state.get("b", key)
    return None if found is None else found.body


@pytest.mark.parametrize("everything", [False, True])
async def test_a_proxys_404_to_the_delete_is_no_deletion(
    there: World, fakes, everything: bool
) -> None:
    fakes[0].state.put("b", "k", b"hello")
    broken: list[bool] = []

    def proxy(seen) -> Fault | None:
        if seen.method == "DELETE" and seen.key == "k":
            broken.append(True)
            return PAGE
        return PAGE if everything and broken else None

    fakes[0].on_request = proxy
    done = await there.move("src:b/k", "dst:b/k")
    assert done.state is JobState.FAILED
    assert (bytes_at(fakes[0]), bytes_at(fakes[1])) == (b"hello", b"hello")
    fakes[0].on_request = None
    await there.runner.retry([done.job_id])
    done = await there.done(done.job_id)
    assert (done.state, bytes_at(fakes[0])) == (JobState.COMPLETED, None)


async def test_a_disk_that_is_away_at_resume_is_no_deletion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = {"a": local_store("a", tmp_path / "a"), "b": local_store("b", tmp_path / "b")}
    bucket, away = tmp_path / "a" / "bucket", tmp_path / "a" / "away"
    async with world(tmp_path / "state", dict(stores)) as there:
        await there.put("a:bucket/k", pattern(5000))
        job_id = await pause_before("switch", there, monkeypatch, "a:bucket/k", "b:bucket/k")
        bucket.rename(away)
        done = await resumed(there, job_id)
        assert done.state is JobState.FAILED
        assert "bucket is not there" in done.error
        away.rename(bucket)
        assert (bucket / "k").read_bytes() == pattern(5000)
        await there.runner.retry([job_id])
        assert (await there.done(job_id)).state is JobState.COMPLETED
        assert not (bucket / "k").exists()


async def test_a_source_that_is_really_gone_still_completes(
    there: World, fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes[0].state.put("b", "k", b"hello")
    fakes[0].state.put("b", "k2", b"a longer key with the same beginning")
    job_id = await pause_before("switch", there, monkeypatch, "src:b/k", "dst:b/k")
    fakes[0].state.set("b", "k", None)
    done = await resumed(there, job_id)
    assert (done.state, bytes_at(fakes[1])) == (JobState.COMPLETED, b"hello")


async def test_a_404_while_rolling_back_does_not_forget_the_copy(
    there: World, fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes[0].state.put("b", "k", b"hello")
    job_id = await pause_before("verify", there, monkeypatch, "src:b/k", "dst:b/k")
    fakes[1].on_request = lambda seen: PAGE if seen.method == "DELETE" and seen.key == "k" else None
    await there.runner.cancel([job_id])
    done = await there.done(job_id)
    assert done.state is JobState.FAILED
    assert "not clear" in done.error
    fakes[1].on_request = None
    await there.runner.retry([job_id])
    done = await there.done(job_id)
    assert (done.state, bytes_at(fakes[1])) == (JobState.CANCELLED, None)
    assert bytes_at(fakes[0]) == b"hello"
