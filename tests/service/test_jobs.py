"""Lists of jobs, what is done to many of them, and the end of a job set, through the socket."""

import asyncio
from pathlib import Path

import pytest

from engine.errors import Refused, UsageError
from engine.migration.throughput import STEP, Ring
from engine.model import Address, JobChange, JobQuery, JobState, Throughput
from engine.service.remote import RemoteEngine
from tests.service.test_remote import Ends, ends, listed, put, until

__all__ = ["ends"]

ONE, TWO = Address("one", "b", "d/"), Address("two", "b", "d/")


async def moved(door: RemoteEngine, source: Address = ONE, destination: Address = TWO) -> str:
    await listed(door)
    await listed(door, "two")
    jobset = await door.submit(await door.plan_migration([source], destination))
    await door.wait(jobset)
    return jobset


async def test_failed_jobs_are_found_told_and_retried_together(ends: Ends) -> None:
    for number in range(6):
        put(ends, f"d/{number}", b"body" * number)
    put(ends, "d/3", b"in the way", "two")
    async with ends.door() as door:
        jobset = await moved(door)
        await until(lambda: door.snapshot().ended)
        (ended,) = door.snapshot().ended
        assert (ended.jobset, dict(ended.states)) == (jobset, {"completed": 5, "failed": 1})
        window = await door.job_window(JobQuery("state:failed"), 0, 10)
        assert (window.total, window.jobs[0].spec.source.key) == (1, "d/3")
        story = await door.job_story(window.jobs[0].job_id)
        assert story.job.state is JobState.FAILED
        assert [one.attempt for one in story.tries] == [1]
        assert story.tries[0].reason == story.job.error
        done = await door.job_window(JobQuery("state:done"), 0, 1)
        assert done.total == 5
        words = [request.what for request in (await door.job_story(done.jobs[0].job_id)).requests]
        assert words == ["write the copy", "delete the source"]
        (line,) = await door.jobsets()
        assert (line.jobs, line.count("failed"), line.progress < 1) == (6, 1, True)

        (ends.settings.state_dir.parent / "two" / "b" / "d" / "3").unlink()
        assert await door.change_jobs(JobChange.RETRY, "route:two>one") == 0
        assert await door.change_jobs(JobChange.RETRY, "state:failed d/3") == 1
        await door.wait(jobset)
        await until(lambda: dict(door.snapshot().ended[-1].states) == {"completed": 6})
        with pytest.raises(UsageError, match="no state"):
            await door.change_jobs(JobChange.CANCEL, "state:nope")
        assert ends.engine._parts.runner._board.completed == 6
        seen = await door.throughput()
        assert (seen.step, len(seen.bytes)) == (STEP, len(seen.objects))


async def test_what_waits_is_paused_prioritised_and_cancelled_by_filter(ends: Ends) -> None:
    for number in range(4):
        put(ends, f"d/{number}", b"x" * 200_000)
    async with ends.door() as door:
        await listed(door)
        await listed(door, "two")
        door.set_limits(jobs=1, bwlimit=50_000)
        jobset = await door.submit(await door.plan_migration([ONE], TWO))
        assert await door.change_jobs(JobChange.PAUSE) == 4
        await door.wait(jobset)
        assert (await door.job_window(JobQuery("state:paused"))).total == 4
        assert not door.snapshot().ended  # paused is not ended
        spared = (await door.job_window(JobQuery("name:d/0"))).jobs[0].job_id
        assert await door.count_jobs(JobChange.CANCEL, "-name:d/1") == 3
        assert await door.count_jobs(JobChange.CANCEL, "-name:d/1", [spared]) == 2
        assert await door.count_jobs(JobChange.RETRY) == 0
        assert await door.change_jobs(JobChange.PRIORITISE, but=[spared], priority=5) == 3
        assert (await door.job_window(JobQuery("name:d/0"))).jobs[0].priority == 0
        assert await door.change_jobs(JobChange.PRIORITISE, "name:d/1", priority=7) == 1
        assert (await door.job_window(JobQuery("name:d/1"))).jobs[0].priority == 7
        assert await door.change_jobs(JobChange.CANCEL, "-name:d/1") == 3
        await until(lambda: door.snapshot().count("cancelled") == 3)
        door.set_limits(bwlimit=0)
        assert await door.change_jobs(JobChange.RESUME, f"set:{jobset}") == 1
        await door.wait(jobset)
        await until(lambda: door.snapshot().ended)
        states = dict(door.snapshot().ended[-1].states)
        assert states == {"completed": 1, "cancelled": 3}


async def test_read_only_consoles_let_nothing_run(ends: Ends) -> None:
    from dataclasses import replace

    door = RemoteEngine(replace(ends.settings, read_only=True), ends.path)
    async with door:
        with pytest.raises(Refused):
            await door.change_jobs(JobChange.RETRY)


def test_the_ring_adds_up_spans_and_forgets_old_ones() -> None:
    totals = [0, 0]
    ring = Ring(lambda: (totals[0], totals[1]), lambda: True)
    assert ring.view() == Throughput(step=STEP)
    for second in range(1000, 1013):
        totals[0] += 10
        totals[1] += 1
        ring.sample(float(second))
    seen = ring.view()
    assert (seen.bytes, seen.objects) == ((50, 50, 30), (5, 5, 3))
    assert seen.until == 1015.0
    ring.sample(1040.0)  # after a pause without work
    assert ring.view().bytes == (50, 50, 30, 0, 0, 0, 0, 0, 0)
    ring.sample(9999.0)
    assert sum(ring.view().bytes) == 0


async def test_the_ring_looks_only_while_there_is_work(tmp_path: Path) -> None:
    work = [True]
    ring = Ring(lambda: (1, 1), lambda: work[0])
    ring.wake()
    first = ring._timer
    ring.wake()
    assert ring._timer is first
    work[0] = False
    async with asyncio.timeout(20):
        while ring._timer is not None:
            await asyncio.sleep(0.05)
    assert len(ring.view().bytes) == 1
