"""Which job comes first, and how many sources a job set may delete."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from engine.migration.ledger import Batch
from engine.migration.records import Effect, Outcome
from engine.model import JobSpec, JobState, MoveKind, VersionPin, parse_priority, priority_text
from tests.fake_s3 import FakeS3, Fault
from tests.migration.test_runner import Gate
from tests.migration.world import DEADLINE, World, at, fake_stores, two_clouds, world


@pytest.fixture
def fakes() -> Iterator[tuple[FakeS3, FakeS3]]:
    with two_clouds() as both:
        yield both


@pytest.fixture
async def there(tmp_path, fakes: tuple[FakeS3, FakeS3]) -> AsyncIterator[World]:
    async with world(tmp_path / "state", fake_stores(*fakes), jobs=1) as made:
        yield made


def specs_of(fake: FakeS3, names: str | list[str], kind: MoveKind = MoveKind.MOVE) -> list[JobSpec]:
    for name in names:
        fake.state.put("b", name, name.encode())
    return [
        JobSpec(at(f"src:b/{name}"), at(f"dst:b/{name}"), kind, len(name), VersionPin())
        for name in names
    ]


def begun(there: World) -> list[str]:
    """Keys in the order in which their jobs began to copy."""
    keys = [
        view.spec.source.key
        for view in there.changes
        if view.state is JobState.COPYING and view.spec.source.key != "first"
    ]
    return list(dict.fromkeys(keys))


async def hold_first(there: World, fakes) -> Gate:
    """One job that runs, so that those submitted meanwhile wait."""
    gate = Gate(fakes[0], lambda seen: seen.method == "GET" and seen.key == "first")
    await there.runner.submit("zero", specs_of(fakes[0], ["first"]))
    await there.until(gate.reached.is_set, "the first runs")
    return gate


async def finish(there: World, gate: Gate) -> None:
    gate.open.set()
    async with asyncio.timeout(DEADLINE):
        await there.runner.wait()


@pytest.mark.parametrize(
    ("text", "number"), [("low", -10), ("NORMAL", 0), ("high", 10), ("-100", -100), (" 7 ", 7)]
)
def test_priorities_have_names_and_numbers(text: str, number: int) -> None:
    assert parse_priority(text) == number
    assert parse_priority(priority_text(number)) == number


@pytest.mark.parametrize("text", ["", "urgent", "101", "1.5"])
def test_what_is_no_priority_says_so(text: str) -> None:
    with pytest.raises(ValueError, match="low, normal, high"):
        parse_priority(text)


async def test_higher_goes_first_then_the_older(there: World, fakes) -> None:
    gate = await hold_first(there, fakes)
    await there.runner.submit("a", specs_of(fakes[0], "ab"))
    await there.runner.submit("b", specs_of(fakes[0], "cd"), priority=-10)
    await there.runner.submit("c", specs_of(fakes[0], "ef"), priority=10)
    await there.until(lambda: len(there.runner.queued()) == 6, "all are in memory")
    assert [view.spec.source.key for view in there.runner.queued()] == list("efabcd")
    assert [view.priority for view in there.runner.queued()] == [10, 10, 0, 0, -10, -10]
    await finish(there, gate)
    assert begun(there) == list("efabcd")


async def test_an_urgent_job_goes_before_more_than_are_kept_in_memory(there: World, fakes) -> None:
    gate = await hold_first(there, fakes)
    await there.runner.submit("many", specs_of(fakes[0], [f"k{n:03}" for n in range(600)]))
    await there.until(lambda: there.runner.queued(), "the first are read")
    assert len(there.runner._jobs) < 300
    (urgent,) = await there.runner.submit("one", specs_of(fakes[0], ["u"]), priority=1)
    await there.until(lambda: there.runner.queued()[0].job_id == urgent, "it is read")
    assert len(there.runner._jobs) < 600
    await there.runner.cancel([view.job_id for view in await there.ledger.views(jobset="many")])
    await finish(there, gate)
    assert begun(there)[0] == "u"


async def test_a_priority_can_be_changed_while_jobs_wait(there: World, fakes) -> None:
    gate = await hold_first(there, fakes)
    ids = await there.runner.submit("a", specs_of(fakes[0], "abc"))
    await there.runner.submit("b", specs_of(fakes[0], "de"))
    await there.until(lambda: len(there.runner.queued()) == 5, "all are in memory")
    assert await there.runner.prioritise(10, job_ids=ids[2:]) == 1
    assert await there.runner.prioritise(5, jobset="b") == 2
    assert await there.runner.prioritise(-5, jobset="a", job_ids=ids[:1]) == 1
    assert await there.runner.prioritise(5, jobset="nothing") == 0
    assert [view.spec.source.key for view in there.runner.queued()] == list("cdeba")
    assert [(await there.job(job_id)).priority for job_id in ids] == [-5, 0, 10]
    await finish(there, gate)
    assert begun(there) == list("cdeba")
    assert await there.runner.prioritise(10, jobset="a") == 0, "they have ended"


async def test_the_ledger_keeps_priorities_over_a_restart(tmp_path, fakes) -> None:
    async with world(tmp_path / "state", fake_stores(*fakes), jobs=1) as there:
        gate = await hold_first(there, fakes)
        await there.runner.submit("a", specs_of(fakes[0], "ab"))
        await there.runner.submit("b", specs_of(fakes[0], "cd"), priority=10)
        await there.runner.pause()
        gate.open.set()
    async with world(tmp_path / "state", fake_stores(*fakes), jobs=1) as there:
        await there.runner.resume()
        async with asyncio.timeout(DEADLINE):
            await there.runner.wait()
        assert begun(there) == list("cdab")


# -- how many deletes ------------------------------------------------------------------------


async def test_a_set_may_delete_as_many_sources_as_it_has_moves(there: World, fakes) -> None:
    await there.runner.submit("set", specs_of(fakes[0], "abc"))
    await there.runner.submit("set", specs_of(fakes[0], "de", MoveKind.COPY))
    assert (await there.ledger.deletes("set"))[0] == 3
    await there.runner.submit("set", specs_of(fakes[0], "abc"))  # the same plan once more
    assert (await there.ledger.deletes("set"))[0] == 3
    async with asyncio.timeout(DEADLINE):
        await there.runner.wait()
    assert await there.ledger.deletes("set") == (3, 3)
    assert sorted(fakes[0].state.buckets["b"]) == ["d", "e"]


async def test_a_job_that_nobody_approved_deletes_nothing(there: World, fakes) -> None:
    """As a defect would make it: a row of the ledger that came by no plan."""
    await there.runner.pause()
    await there.runner.submit("set", specs_of(fakes[0], "ab"))
    async with asyncio.timeout(DEADLINE):
        await there.runner.wait()
    ids = await there.runner.submit("other", specs_of(fakes[0], ["stray"]), priority=-1)
    # Not a command of Astra's: it changes the set behind the counting's back.
    await there.runner.stop()
    await there.database.run(
        lambda c: c.execute(
            "UPDATE jobs SET jobset = 'set', state = 'queued', verified = 0, wrote = 0,"
            " finished = 0, paused = 1, source_pin = '', destination_pin = '' WHERE job_id = ?",
            (ids[0],),
        )
    )
    fakes[0].state.put("b", "stray", b"precious")
    fakes[1].state.set("b", "stray", None)
    sent = fakes[0].count("DELETE", "b", "stray")
    await there.runner.start()
    await there.runner.resume()
    done = await there.done(ids[0])
    assert done.state is JobState.FAILED
    assert "may delete 2 sources" in done.error
    assert "so is the source" in done.error
    assert "plan this one anew" in done.error_todo
    kept = fakes[0].state.get("b", "stray")
    assert kept is not None
    assert kept.body == b"precious"
    assert fakes[0].count("DELETE", "b", "stray") == sent
    (again,) = await there.runner.submit("anew", specs_of(fakes[0], ["stray"]))
    assert again == ids[0]
    assert (await there.done(again)).state is JobState.COMPLETED
    assert await there.ledger.deletes("anew") == (1, 1)


async def test_a_delete_that_was_refused_or_did_not_match_is_not_counted(
    there: World, fakes
) -> None:
    await there.runner.pause()
    (job_id,) = await there.runner.submit("set", specs_of(fakes[0], ["k"], MoveKind.MOVE))
    await there.runner.stop()
    for outcome, sent in ((Outcome.REFUSED, 0), (Outcome.UNMATCHED, 0), (Outcome.DONE, 1)):
        await there.ledger.save(job_id, Batch(intents={Effect.DELETE: {}}))
        assert (await there.ledger.deletes("set"))[1] == 1, "it may have been carried out"
        await there.ledger.save(job_id, Batch(outcomes={Effect.DELETE: outcome}))
        assert (await there.ledger.deletes("set"))[1] == sent
    await there.runner.start()


async def test_a_source_that_changes_at_the_last_moment_is_moved_on_one_allowance(
    there: World, fakes
) -> None:
    changes = [b"newer", b"newest"]

    def overwrite(seen):
        if seen.method == "DELETE" and seen.key == "k" and changes:
            body = changes.pop(0)
            return Fault(before=lambda: fakes[0].state.put("b", "k", body))
        return None

    fakes[0].on_request = overwrite
    (job_id,) = await there.runner.submit("set", specs_of(fakes[0], ["k"]))
    done = await there.done(job_id)
    assert done.state is JobState.COMPLETED
    copy = fakes[1].state.get("b", "k")
    assert copy is not None
    assert copy.body == b"newest"
    assert await there.ledger.deletes("set") == (1, 1)


async def test_a_delete_goes_with_its_job_into_another_set(there: World, fakes) -> None:
    """It was sent, nobody knows what became of it, and the job is planned again; what is left
    of the first set may still delete what was approved for it."""
    trouble = [True]

    def refuse(seen):
        if trouble and (seen.method, seen.key) == ("DELETE", "a"):
            return Fault(status=500, code="InternalError")
        if trouble and (seen.method, seen.key) == ("GET", "c"):
            return Fault(status=403, code="AccessDenied")
        return None

    fakes[0].on_request = refuse
    specs = [
        replace(spec, options=replace(spec.options, max_attempts=2))
        for spec in specs_of(fakes[0], "ac")
    ]
    first, second = await there.runner.submit("one", specs)
    assert (await there.done(first)).state is JobState.FAILED
    assert (await there.job(second)).state is JobState.FAILED
    trouble.clear()
    assert await there.runner.submit("two", specs[:1]) == [first]
    assert (await there.done(first)).state is JobState.COMPLETED
    await there.runner.retry()
    done = await there.done(second)
    assert (done.state, done.error) == (JobState.COMPLETED, "")
    assert await there.ledger.deletes("one") == (1, 1)
    assert await there.ledger.deletes("two") == (1, 1)
