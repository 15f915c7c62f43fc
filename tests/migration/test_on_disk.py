"""What waits for the disk, and what need not: intents before effects, ends behind the next job."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from engine.migration.ledger import Batch
from engine.migration.records import Effect, Outcome
from engine.model import JobState, MoveKind
from tests.fake_s3 import FakeS3, Fault, Quirks
from tests.migration.world import DEADLINE, World, fake_stores, two_clouds, world


class SlowDisk:
    """Holds back the writes of the ledger that it is told to, until they are let go."""

    def __init__(self, there: World, held: Callable[[str, Batch], bool]) -> None:
        self.reached, self.free = asyncio.Event(), asyncio.Event()
        save = there.ledger.save

        async def later(job_id: str, batch: Batch) -> None:
            self.reached.set()
            await self.free.wait()
            await save(job_id, batch)

        def slow(job_id: str, batch: Batch, *, hurry: bool = True) -> asyncio.Future[None]:
            if held(job_id, batch):
                return asyncio.ensure_future(later(job_id, batch))
            return save(job_id, batch, hurry=hurry)

        there.ledger.save = slow  # type: ignore[method-assign]


@asynccontextmanager
async def clouds(
    tmp_path, quirks: Quirks | None = None
) -> AsyncIterator[tuple[World, FakeS3, FakeS3]]:
    with two_clouds(source=quirks) as (source, destination):
        async with world(tmp_path / "state", fake_stores(source, destination), jobs=1) as there:
            source.state.put("b", "warm", b"so that every canary has been asked")
            assert (await there.move("src:b/warm", "dst:b/warm")).state is JobState.COMPLETED
            yield there, source, destination


def asked(fake: FakeS3, key: str = "k") -> list[str]:
    return [seen.method for seen in list(fake.seen) if seen.key == key]


async def finish(there: World, disk: SlowDisk, job_id: str) -> None:
    disk.free.set()
    assert (await there.done(job_id)).state is JobState.COMPLETED


async def test_nothing_is_written_before_the_intent_is_on_disk(tmp_path) -> None:
    async with clouds(tmp_path) as (there, source, destination):
        disk = SlowDisk(there, lambda _, batch: Effect.WRITE in batch.intents)
        source.state.put("b", "k", b"bytes")
        job_id = await there.submit("src:b/k", "dst:b/k")
        await there.until(lambda: asked(source) == ["GET"], "the source is read meanwhile")
        assert disk.reached.is_set()
        job = there.runner.live(job_id)
        assert job is not None
        assert asked(destination) == []
        await finish(there, disk, job_id)
        assert asked(destination) == ["PUT", "GET"]


@pytest.mark.parametrize("guarded", [True, False])
async def test_nothing_is_deleted_before_the_proof_is_on_disk(tmp_path, guarded: bool) -> None:
    """Where the store heeds the condition the last look may come first; elsewhere it is last."""
    quirks = Quirks(ignores_delete_if_match=not guarded)
    async with clouds(tmp_path, quirks) as (there, source, _):
        disk = SlowDisk(there, lambda _, batch: Effect.DELETE in batch.intents)
        source.state.put("b", "k", b"bytes")
        job_id = await there.submit("src:b/k", "dst:b/k")
        await asyncio.wait_for(disk.reached.wait(), DEADLINE)
        if guarded:
            await there.until(lambda: "HEAD" in asked(source), "the last look")
        assert asked(source) == (["GET", "HEAD"] if guarded else ["GET"])
        await finish(there, disk, job_id)
        assert asked(source) == ["GET", "HEAD", "DELETE"]


async def test_a_change_seen_while_the_proof_comes_to_disk_keeps_the_source(tmp_path) -> None:
    async with clouds(tmp_path) as (there, source, _):
        disk = SlowDisk(there, lambda _, batch: Effect.DELETE in batch.intents)
        source.on_request = lambda seen: (
            Fault(before=lambda: source.state.put("b", "k", b"newer"))
            if seen.key == "k" and seen.method == "HEAD" and not disk.free.is_set()
            else None
        )
        source.state.put("b", "k", b"old")
        job_id = await there.submit("src:b/k", "dst:b/k")
        await there.until(lambda: "HEAD" in asked(source), "the last look")
        await finish(there, disk, job_id)  # the second try moves what is there now
        assert await there.get("dst:b/k") == b"newer"
        entries = await there.ledger.history(job_id)
        assert [e.outcome for e in entries if e.effect == Effect.DELETE] == [
            Outcome.UNMATCHED,
            Outcome.DONE,
        ]


async def test_an_intent_whose_write_was_never_sent_leaves_no_doubt(tmp_path) -> None:
    async with clouds(tmp_path) as (there, source, destination):
        source.state.put("b", "k", b"bytes")
        source.on_request = lambda seen: Fault(flip=2) if seen.key == "k" else None
        done = await there.move("src:b/k", "dst:b/k")
        assert done.state is JobState.FAILED
        assert asked(destination) == []
        assert not [note for note in done.notes if "may be left" in note]
        entries = await there.ledger.history(done.job_id)
        assert {e.outcome for e in entries if e.effect == Effect.WRITE} == {Outcome.REFUSED}


async def test_the_next_job_begins_while_the_end_of_one_comes_to_disk(tmp_path) -> None:
    async with clouds(tmp_path) as (there, source, _):
        disk = SlowDisk(there, lambda _, batch: batch.changes.get("state") is JobState.COMPLETED)
        for key in ("k", "next"):
            source.state.put("b", key, b"bytes")
        first = await there.submit("src:b/k", "dst:b/k")
        second = await there.submit("src:b/next", "dst:b/next")
        await there.until(lambda: "DELETE" in asked(source, "next"), "both sent all they have")
        assert asked(source, "k") == ["GET", "HEAD", "DELETE"]
        assert (await there.job(first)).state is not JobState.COMPLETED
        flows = {flow.cloud: flow.running for flow in there.runner.flows()}
        assert flows == {"src": 0, "dst": 0}
        await finish(there, disk, first)
        await finish(there, disk, second)


async def test_jobs_that_find_nothing_to_do_do_not_pile_up_before_a_slow_disk(tmp_path) -> None:
    async with clouds(tmp_path) as (there, source, _):
        disk = SlowDisk(there, lambda _, batch: batch.changes.get("state") is JobState.COMPLETED)
        keys = [f"there-{number}" for number in range(6)]
        for key in keys:
            source.state.put("b", key, b"in that class already")
        specs = [
            await there.spec(f"src:b/{key}", f"src:b/{key}", MoveKind.TIER, to_class="STANDARD")
            for key in keys
        ]
        before = len(list(source.seen))
        ids = await there.runner.submit("set", specs)
        await there.until(lambda: len(there.runner.active()) == 2, "one waits, one more began")
        # Whatever else were to begin would have been asked for by the time a command is through.
        await there.runner.prioritise(1, job_ids=ids[-1:])
        await there.runner.pause(ids[-1:])
        heads = [seen for seen in list(source.seen)[before:] if seen.method == "HEAD"]
        assert (len(heads), len(there.runner.active())) == (2, 2)
        await there.runner.resume()
        await finish(there, disk, ids[-1])
        assert dict(there.runner.counts()) == {"completed": 7}
