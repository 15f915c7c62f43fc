"""How jobs run: how many, in which order, paused, cancelled, retried, counted."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from engine.migration.limits import Backoff
from engine.model import Evidence, JobState, JobView, MoveKind
from tests.fake_s3 import FakeS3, Fault, Seen
from tests.migration.world import (
    DEADLINE,
    World,
    at,
    fake_stores,
    pattern,
    small_parts,
    two_clouds,
    world,
)

PART = 64 * 1024


@pytest.fixture
def fakes() -> Iterator[tuple[FakeS3, FakeS3]]:
    with two_clouds() as both:
        yield both


@pytest.fixture
async def there(tmp_path, fakes: tuple[FakeS3, FakeS3]) -> AsyncIterator[World]:
    async with world(tmp_path / "state", fake_stores(*fakes)) as made:
        small_parts(made.stores["dst"], PART)
        yield made


class Gate:
    """Holds requests that `matches`, until it is opened."""

    def __init__(self, fake: FakeS3, matches) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()
        self.held = 0
        fake.on_request = lambda seen: self._hold(seen) if matches(seen) else None

    def _hold(self, seen: Seen) -> Fault:
        self.held += 1
        self.reached.set()
        return Fault(hold=self.open)


def bytes_at(fake: FakeS3, key: str = "k") -> bytes | None:
    found = fake.state.get("b", key)
    return None if found is None else found.body


async def submit_many(there: World, fakes, count: int, size: int = 100) -> list[str]:
    for number in range(count):
        fakes[0].state.put("b", f"k{number:04}", pattern(size))
    specs = [
        await there.spec(f"src:b/k{number:04}", f"dst:b/k{number:04}") for number in range(count)
    ]
    return await there.runner.submit("set", specs)


# -- submitting -----------------------------------------------------------------------------


async def test_the_same_plan_twice_makes_no_second_job(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", b"x")
    spec = await there.spec("src:b/k", "dst:b/k")
    first = await there.runner.submit("set", [spec, spec])
    assert first[0] == first[1]
    done = await there.done(first[0])
    assert done.state is JobState.COMPLETED
    again = await there.runner.submit("set", [replace(spec, size=9)])
    assert again == first[:1], "the size is no part of a job's identity"
    await there.done(first[0])
    assert len(await there.ledger.views()) == 1
    assert fakes[1].count("PUT", "b", "k") == 1
    other = await there.runner.submit("set", [replace(spec, to_class="STANDARD_IA")])
    assert other != again


async def test_a_later_plan_of_a_completed_copy_copies_again(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", b"x")
    spec = await there.spec("src:b/k", "dst:b/k", MoveKind.COPY)
    (first,) = await there.runner.submit("monday", [spec])
    await there.done(first)
    fakes[1].state.set("b", "k", None)
    (second,) = await there.runner.submit("tuesday", [spec])
    done = await there.done(second)
    assert second != first
    assert done.job_key == (await there.job(first)).job_key
    assert bytes_at(fakes[1]) == b"x"


async def test_submitting_what_failed_tries_it_again(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", b"mine")
    fakes[1].state.put("b", "k", b"theirs")
    spec = await there.spec("src:b/k", "dst:b/k")
    (job_id,) = await there.runner.submit("monday", [spec])
    assert (await there.done(job_id)).state is JobState.FAILED
    fakes[1].state.set("b", "k", None)
    assert await there.runner.submit("tuesday", [spec]) == [job_id]
    async with asyncio.timeout(DEADLINE):
        await there.runner.wait("tuesday")
    assert (await there.job(job_id)).state is JobState.COMPLETED
    assert dict(there.runner.counts()) == {"completed": 1}


# -- how many at once -----------------------------------------------------------------------


async def test_no_more_jobs_run_than_allowed_and_the_limit_can_change(there: World, fakes) -> None:
    gate = Gate(fakes[0], lambda seen: seen.method == "GET" and seen.key.startswith("k"))
    there.runner.set_limits(jobs=2)
    await submit_many(there, fakes, 7)
    await there.until(lambda: gate.held == 2, "two held")
    assert len(there.runner.active()) == 2
    there.runner.set_limits(jobs=5)
    await there.until(lambda: gate.held == 5, "five held")
    assert dict(there.runner.counts())["queued"] == 2
    gate.open.set()
    async with asyncio.timeout(DEADLINE):
        await there.runner.wait()
    assert dict(there.runner.counts()) == {"completed": 7}


async def test_jobs_on_the_same_object_run_one_after_the_other(there: World, fakes) -> None:
    fakes[0].state.put("b", "one", b"same bytes")
    fakes[0].state.put("b", "two", b"other bytes")
    specs = [await there.spec(f"src:b/{key}", "dst:b/k") for key in ("one", "two")]
    first, second = await there.runner.submit("set", specs)
    await there.done(second)
    assert (await there.job(first)).state is JobState.COMPLETED
    refused = await there.job(second)
    assert refused.state is JobState.FAILED
    assert bytes_at(fakes[0], "two") == b"other bytes"
    assert bytes_at(fakes[1]) == b"same bytes"


async def test_bytes_a_second_are_limited(there: World, fakes) -> None:
    clock = asyncio.get_running_loop().time
    fakes[0].state.put("b", "k", pattern(200_000))
    there.runner.set_limits(bwlimit=200_000)
    began = clock()
    job_id = await there.submit("src:b/k", "dst:b/k")
    done = await there.done(job_id)
    assert done.state is JobState.COMPLETED
    # Two passes of a second each, less the first burst: it cannot have been faster.
    assert clock() - began > 1.0
    assert any(view.rate >= 0.0 and view.eta >= 0.0 for view in there.changes)


async def test_the_limit_can_be_lifted_while_it_holds_jobs_back(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", pattern(3_000_000))
    there.runner.set_limits(bwlimit=1_000)  # would take most of an hour
    job_id = await there.submit("src:b/k", "dst:b/k")
    await there.until(lambda: fakes[0].count("GET", "b", "k"), "the download began")
    there.runner.set_limits(bwlimit=0)
    assert (await there.done(job_id)).state is JobState.COMPLETED


# -- pause and resume -----------------------------------------------------------------------


async def test_pause_keeps_finished_parts_and_resume_sends_only_the_others(
    there: World, fakes
) -> None:
    data = pattern(PART * 6)
    fakes[0].state.put("b", "k", data)
    # Parts are held until the pause was asked for; those in flight may then end.
    gate = Gate(fakes[1], lambda seen: seen.is_upload_part)
    job_id = await there.submit("src:b/k", "dst:b/k")
    await there.until(gate.reached.is_set, "a part was sent")
    assert await there.runner.pause() == 1
    gate.open.set()
    paused = await there.done(job_id)
    assert (paused.state, paused.paused) == (JobState.QUEUED, True)
    sent = len([seen for seen in fakes[1].seen if seen.is_upload_part])
    kept = await there.ledger.parts(job_id)
    assert 1 <= len(kept) == sent < 6
    assert bytes_at(fakes[1]) is None
    assert dict(there.runner.counts()) == {"paused": 1}
    assert await there.runner.resume() == 1
    done = await there.done(job_id)
    assert (done.state, done.attempt) == (JobState.COMPLETED, 1)
    assert bytes_at(fakes[1]) == data
    assert len([seen for seen in fakes[1].seen if seen.is_upload_part]) == 6
    assert not fakes[1].state.uploads


async def test_pause_reaches_jobs_in_every_state(there: World, fakes) -> None:
    gate = Gate(fakes[0], lambda seen: seen.method == "GET" and seen.key.startswith("k"))
    there.runner.set_limits(jobs=2)
    ids = await submit_many(there, fakes, 6)
    await there.until(lambda: gate.held == 2, "two held")
    assert await there.runner.pause(ids[:1]) == 1
    assert await there.runner.pause() == 5
    gate.open.set()
    async with asyncio.timeout(DEADLINE):
        await there.runner.wait()
    assert dict(there.runner.counts()) == {"paused": 6}
    assert fakes[1].state.buckets["b"] == {}
    assert await there.runner.resume(ids[:2]) == 2
    async with asyncio.timeout(DEADLINE):
        await there.runner.wait()
    assert dict(there.runner.counts()) == {"paused": 4, "completed": 2}
    assert await there.runner.resume() == 4
    async with asyncio.timeout(DEADLINE):
        await there.runner.wait("set")
    assert dict(there.runner.counts()) == {"completed": 6}


async def test_a_resume_right_after_a_pause_goes_on(there: World, fakes) -> None:
    gate = Gate(fakes[0], lambda seen: seen.method == "GET" and seen.key.startswith("k"))
    ids = await submit_many(there, fakes, 3)
    await there.until(lambda: gate.held == 3, "all held")
    for _ in range(5):
        assert await there.runner.pause() == 3
        assert await there.runner.resume() == 3
    gate.open.set()
    await there.done(ids[0])
    assert dict(there.runner.counts()) == {"completed": 3}


# -- cancel ---------------------------------------------------------------------------------


@pytest.mark.parametrize("paused", [True, False])
async def test_cancel_in_the_middle_of_an_upload_leaves_nothing(
    there: World, fakes, paused: bool
) -> None:
    data = pattern(PART * 6)
    fakes[0].state.put("b", "k", data)
    gate = Gate(fakes[1], lambda seen: seen.is_upload_part)
    job_id = await there.submit("src:b/k", "dst:b/k")
    await there.until(gate.reached.is_set, "a part was sent")
    if paused:
        await there.runner.pause()
        gate.open.set()
        await there.done(job_id)
    assert await there.runner.cancel([job_id]) == 1
    gate.open.set()
    done = await there.done(job_id)
    assert (done.state, done.paused) == (JobState.CANCELLED, False)
    assert not fakes[1].state.uploads
    assert bytes_at(fakes[1]) is None
    assert bytes_at(fakes[0]) == data
    assert dict(there.runner.counts()) == {"cancelled": 1}
    assert await there.runner.cancel([job_id]) == 0
    assert await there.runner.retry([job_id]) == 1
    assert (await there.done(job_id)).state is JobState.COMPLETED


async def test_cancel_while_verifying_removes_the_copy(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", b"x" * 5000)
    gate = Gate(fakes[1], lambda seen: seen.method == "GET" and seen.key == "k")
    job_id = await there.submit("src:b/k", "dst:b/k")
    await there.until(gate.reached.is_set, "the copy is read back")
    assert bytes_at(fakes[1]) is not None
    await there.runner.cancel()
    gate.open.set()
    assert (await there.done(job_id)).state is JobState.CANCELLED
    assert bytes_at(fakes[1]) is None
    assert bytes_at(fakes[0]) == b"x" * 5000


async def test_cancel_after_the_delete_was_sent_does_not_lose_the_copy(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", b"precious")
    gate = Gate(fakes[0], lambda seen: seen.method == "DELETE" and seen.key == "k")
    job_id = await there.submit("src:b/k", "dst:b/k")
    await there.until(gate.reached.is_set, "the delete was sent")
    await there.runner.cancel()
    gate.open.set()
    done = await there.done(job_id)
    assert done.state is JobState.COMPLETED
    assert bytes_at(fakes[1]) == b"precious"


async def test_cancel_does_not_remove_what_another_job_relies_on(there: World, fakes) -> None:
    """Two sources with the same bytes for one destination: the second proved itself by the
    object that the first one wrote and has not proved yet."""
    fakes[0].state.put("b", "one", b"same bytes")
    fakes[0].state.put("b", "two", b"same bytes")
    gate = Gate(fakes[1], lambda seen: seen.method == "GET" and seen.key == "k")
    first = await there.submit("src:b/one", "dst:b/k")
    await there.until(gate.reached.is_set, "the copy is read back")
    await there.runner.pause([first])
    gate.open.set()
    await there.done(first)
    second = await there.submit("src:b/two", "dst:b/k")
    assert (await there.done(second)).state is JobState.COMPLETED
    await there.runner.cancel([first])
    done = await there.done(first)
    assert done.state is JobState.CANCELLED
    assert any(second in note for note in done.notes)
    assert bytes_at(fakes[1]) == b"same bytes", "the only copy of the second source"


async def test_cancel_of_queued_jobs_sends_nothing(there: World, fakes) -> None:
    await there.runner.pause()
    there.runner.set_limits(jobs=1)
    gate = Gate(fakes[0], lambda seen: seen.method == "GET" and seen.key.startswith("k"))
    ids = await submit_many(there, fakes, 300)
    await there.until(gate.reached.is_set, "the first runs")
    assert await there.runner.cancel(ids[1:]) == 299
    gate.open.set()
    async with asyncio.timeout(DEADLINE):
        await there.runner.wait()
    assert dict(there.runner.counts()) == {"completed": 1, "cancelled": 299}
    assert len(fakes[1].state.buckets["b"]) == 1


# -- failing and retrying -------------------------------------------------------------------


async def test_bounded_tries_end_as_failed_with_a_todo(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", b"x")
    fakes[1].on_request = lambda seen: (
        Fault(status=503, code="SlowDown") if seen.method == "PUT" and seen.key == "k" else None
    )
    done = await there.move("src:b/k", "dst:b/k", max_attempts=3)
    assert (done.state, done.attempt) == (JobState.FAILED, 3)
    assert done.error
    assert done.error_todo
    assert fakes[1].count("PUT", "b", "k") == 3
    fakes[1].on_request = None
    assert await there.runner.retry() == 1
    assert (await there.done(done.job_id)).state is JobState.COMPLETED
    assert await there.runner.retry() == 0


async def test_a_waiting_retry_is_shown_and_can_be_paused_and_cancelled(tmp_path, fakes) -> None:
    stores = fake_stores(*fakes)
    slow = Backoff(base=3600.0, cap=7200.0)
    async with world(tmp_path / "state", stores, backoff=slow) as there:
        for key in ("one", "two"):
            fakes[0].state.put("b", key, b"x")
        fakes[1].on_request = lambda seen: (
            Fault(status=503, code="SlowDown")
            if seen.method == "PUT" and "canary" not in seen.key
            else None
        )
        one = await there.submit("src:b/one", "dst:b/one")
        two = await there.submit("src:b/two", "dst:b/two")

        def waiting() -> list[JobView]:
            return [view for view in there.runner.active() if view.retry_at]

        await there.until(lambda: len(waiting()) == 2, "both wait")
        assert all(view.attempt == 1 and view.error for view in waiting())
        assert await there.runner.pause([one]) == 1
        assert await there.runner.cancel([two]) == 1
        await there.done(two)
        assert dict(there.runner.counts()) == {"paused": 1, "cancelled": 1}
        fakes[1].on_request = None
        await there.runner.resume()
        assert (await there.done(one)).state is JobState.COMPLETED


async def test_a_cloud_that_is_not_configured_any_more_fails_the_job(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", b"x")
    spec = replace(await there.spec("src:b/k", "dst:b/k"), destination=at("gone:b/k"))
    (job_id,) = await there.runner.submit("set", [spec])
    done = await there.done(job_id)
    assert done.state is JobState.FAILED
    assert "gone" in done.error


async def test_an_unknown_checksum_fails_the_job(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", b"x")
    done = await there.move("src:b/k", "dst:b/k", checksum="md4")
    assert done.state is JobState.FAILED
    assert "md5" in done.error_todo


# -- stopping and starting ------------------------------------------------------------------


async def test_stop_in_the_middle_leaves_jobs_that_the_next_start_can_resume(
    tmp_path, fakes
) -> None:
    data = pattern(PART * 6)
    gate = Gate(fakes[1], lambda seen: seen.is_upload_part)
    async with world(tmp_path / "state", fake_stores(*fakes)) as there:
        small_parts(there.stores["dst"], PART)
        fakes[0].state.put("b", "k", data)
        job_id = await there.submit("src:b/k", "dst:b/k")
        await there.until(gate.reached.is_set, "a part was sent")
        gate.open.set()
    async with world(tmp_path / "state", fake_stores(*fakes)) as there:
        small_parts(there.stores["dst"], PART)
        view = await there.job(job_id)
        if view.state is not JobState.COMPLETED:
            assert (view.state, view.paused) == (JobState.QUEUED, True)
            await there.runner.wait()  # paused jobs are not waited for
            assert await there.runner.resume() == 1
        done = await there.done(job_id)
        assert done.state is JobState.COMPLETED
        assert bytes_at(fakes[1]) == data
        assert not fakes[1].state.uploads


async def test_stop_does_not_wait_for_a_server_that_hangs(tmp_path, fakes) -> None:
    gate = Gate(fakes[0], lambda seen: seen.method == "GET" and seen.key == "k")
    async with world(tmp_path / "state", fake_stores(*fakes), grace=0.05) as there:
        fakes[0].state.put("b", "k", b"x")
        job_id = await there.submit("src:b/k", "dst:b/k")
        await there.until(gate.reached.is_set, "the download hangs")
        async with asyncio.timeout(DEADLINE):
            await there.runner.stop()
            await there.runner.stop()
            await there.runner.wait()
        view = await there.job(job_id)
        assert view.paused
    gate.open.set()


async def test_stop_launches_nothing_more(tmp_path, fakes, monkeypatch) -> None:
    """Not even what the runner was reading from a slow disk when it was stopped."""
    async with world(tmp_path / "state", fake_stores(*fakes), grace=0.05) as there:
        fakes[0].state.put("b", "k", b"x")
        reading, go_on = asyncio.Event(), asyncio.Event()
        waiting = there.ledger.waiting

        async def slow(*which):
            found = await waiting(*which)
            reading.set()
            await go_on.wait()
            return found

        monkeypatch.setattr(there.ledger, "waiting", slow)
        job_id = await there.submit("src:b/k", "dst:b/k")
        async with asyncio.timeout(DEADLINE):
            await reading.wait()
            stopping = asyncio.create_task(there.runner.stop())
            await there.until(lambda: there.runner._stopping, "the stop began")
            go_on.set()
            await stopping
        view = await there.job(job_id)
        assert (view.paused, view.attempt, view.started) == (True, 0, 0.0)
        assert not fakes[1].count("PUT", "b", "k")


# -- counting -------------------------------------------------------------------------------


async def test_a_saving_that_nobody_knows_is_no_saving_of_nothing(there: World, fakes) -> None:
    fakes[1].state.put("b", "k0", b"in the way")
    specs = []
    for number in range(3):
        fakes[0].state.put("b", f"k{number}", b"x" * 10)
        specs.append(await there.spec(f"src:b/k{number}", f"dst:b/k{number}"))
    ids = await there.runner.submit("set", specs, [9.0, None, 2.5])
    for job_id in ids:
        await there.done(job_id)
    found = await there.runner.ledger.summary("set")
    assert found is not None
    assert (found.statistics.failed, found.statistics.saving_per_month) == (1, 2.5)
    assert found.unpriced == 1
    # What is planned again, once it can be done, saves what the later plan says.
    fakes[1].state.set("b", "k0", None)
    (again,) = await there.runner.submit("later", specs[:1], [4.0])
    async with asyncio.timeout(DEADLINE):
        await there.runner.wait("later")
    later = await there.runner.ledger.summary("later")
    assert later is not None
    assert (again, later.statistics.saving_per_month) == (ids[0], 4.0)
    assert there.runner.statistics().saving_per_month == pytest.approx(6.5)


async def test_statistics_and_counts_agree_with_the_ledger(there: World, fakes) -> None:
    fakes[1].state.put("b", "k0001", b"in the way")
    ids = await submit_many(there, fakes, 5, size=1000)
    await there.done(ids[0])
    fakes[0].state.put("b", "sav", b"x" * 10)
    spec = await there.spec("src:b/sav", "dst:b/sav")
    (saver,) = await there.runner.submit("other", [spec], [2.5])
    await there.done(saver)
    found = there.runner.statistics()
    assert (found.attempted, found.successful, found.failed) == (6, 5, 1)
    assert found.success_rate == pytest.approx(5 / 6)
    assert found.bytes == 4010
    assert found.saving_per_month == pytest.approx(2.5)
    (route,) = found.routes
    assert (route.route, route.attempted, route.failed) == ("src → dst", 6, 1)
    assert found.seconds == pytest.approx(sum(found.step_seconds)) != 0.0
    state = there.state
    await there.runner.stop()
    again = World(state, there.stores)
    await there.database.close()
    await again.open()
    restored = again.runner.statistics()
    assert replace(restored, seconds=0, step_seconds=(0,) * 5) == replace(
        found, seconds=0, step_seconds=(0,) * 5
    )
    assert restored.seconds == pytest.approx(found.seconds)
    assert dict(again.runner.counts()) == {"completed": 5, "failed": 1}
    assert len(again.runner.recent()) == 6
    assert again.runner.recent(2)[0].job_id == saver
    await again.close()
    await there.database.open()


async def test_live_views_show_bytes_rate_and_never_a_negative_eta(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", pattern(3_000_000))
    there.runner.set_limits(bwlimit=400_000)
    await there.submit("src:b/k", "dst:b/k")
    views: list[JobView] = []

    def look() -> bool:
        views.extend(there.runner.active())
        assert there.runner.eta() >= 0.0
        assert there.runner.bytes_left() >= 0
        return any(view.rate > 0 and view.eta > 0 for view in views)

    await there.until(look, "a live rate")
    assert all(view.eta >= 0 and view.rate >= 0 and view.progress < 1.0 for view in views)
    await there.until(lambda: there.runner.rate() > 0, "a rate over all jobs")
    there.runner.set_limits(bwlimit=0)
    async with asyncio.timeout(DEADLINE):
        await there.runner.wait()
    assert there.runner.rate() == 0.0
    assert there.runner.eta() == 0.0


async def test_every_change_is_told_and_completed_only_when_it_is_on_disk(
    there: World, fakes
) -> None:
    fakes[0].state.put("b", "k", b"x")
    states: list[JobState] = []
    on_disk: list[asyncio.Task[JobView]] = []

    def hear(view: JobView) -> None:
        states.append(view.state)
        if view.state is JobState.COMPLETED:
            on_disk.append(asyncio.ensure_future(there.job(view.job_id)))
            raise RuntimeError("a listener's failure is not the job's")

    there.runner._board._on_change = hear
    await there.move("src:b/k", "dst:b/k")
    assert list(dict.fromkeys(states)) == [
        JobState.QUEUED,
        JobState.COPYING,
        JobState.VERIFYING,
        JobState.SWITCHING,
        JobState.COMPLETED,
    ]
    assert [(await task).state for task in on_disk] == [JobState.COMPLETED]


async def test_filters_of_the_ledger(there: World, fakes) -> None:
    fakes[1].state.put("b", "k0002", b"in the way")
    ids = await submit_many(there, fakes, 4)
    await there.done(ids[0])
    ledger = there.ledger
    assert [view.job_id for view in await ledger.views()] == ids
    assert [view.job_id for view in await ledger.views(states=[JobState.FAILED])] == ids[2:3]
    assert [view.job_id for view in await ledger.views(text="K0003")] == ids[3:]
    assert [view.job_id for view in await ledger.views(text="already THERE")] == ids[2:3]
    assert await ledger.views(jobset="none") == []
    assert len(await ledger.views(limit=2)) == 2
    assert await ledger.view("nothing") is None
    history = await ledger.history(ids[0])
    assert [entry.effect for entry in history] == ["write", "delete"]
    assert all(entry.outcome == "done" and entry.done >= entry.at for entry in history)


async def test_many_small_jobs_share_their_writes_to_disk(there: World, fakes) -> None:
    ids = await submit_many(there, fakes, 200, size=64)
    async with asyncio.timeout(DEADLINE * 3):
        await there.runner.wait("set")
    assert dict(there.runner.counts()) == {"completed": len(ids)}
    views = await there.ledger.views()
    assert {view.evidence for view in views} == {Evidence.REREAD}


async def test_commands_at_any_moment_keep_the_counts_right(there: World, fakes) -> None:
    """Commands read the ledger while jobs end: nothing may run twice or be counted twice."""
    chance = random.Random(7)
    for number in range(80):
        fakes[0].state.put("b", f"k{number:04}", pattern(50))
    specs = [await there.spec(f"src:b/k{number:04}", f"dst:b/k{number:04}") for number in range(80)]
    ids = await there.runner.submit("set", specs)
    for _ in range(60):
        await there.runner.submit("set", chance.sample(specs, 5))
        await there.runner.pause(chance.sample(ids, 10) if chance.random() < 0.8 else ())
        await asyncio.sleep(0)
        await there.runner.resume()
    async with asyncio.timeout(DEADLINE):
        await there.runner.wait()
    assert dict(there.runner.counts()) == {"completed": len(ids)}
    assert [item.jobs for item in await there.ledger.sums()] == [len(ids)]
    for spec in specs:
        assert fakes[1].count("PUT", "b", spec.destination.key) == 1


async def test_cancel_at_any_moment_ends_every_job_one_way_or_the_other(
    there: World, fakes
) -> None:
    body = pattern(50)
    for number in range(60):
        fakes[0].state.put("b", f"k{number:04}", body)
    specs = [
        await there.spec(f"src:b/k{number:04}", f"dst:b/k{number:04}", MoveKind.COPY)
        for number in range(60)
    ]
    ids = await there.runner.submit("set", specs)
    chance = random.Random(3)
    for _ in range(60):
        await there.runner.cancel(chance.sample(ids, 3))
        await asyncio.sleep(0)
    async with asyncio.timeout(DEADLINE):
        await there.runner.wait()
    assert dict(there.runner.counts()) == {
        item.bucket: item.jobs for item in await there.ledger.sums()
    }
    for view in await there.ledger.views():
        key = view.spec.source.key
        assert bytes_at(fakes[0], key) == body
        expected = body if view.state is JobState.COMPLETED else None
        assert bytes_at(fakes[1], key) == expected, view.state
