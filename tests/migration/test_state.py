"""A ledger that cannot be written: nothing is deleted, and nothing is lost."""

import asyncio
import contextlib
import resource
from collections.abc import Iterator
from dataclasses import replace

import pytest

from engine.errors import StateError
from engine.model import JobState
from tests.fake_s3 import FakeS3, Fault, Seen
from tests.migration.world import (
    DEADLINE,
    canaries_aside,
    fake_stores,
    pattern,
    small_parts,
    two_clouds,
    world,
)

PART = 64 * 1024
OBJECTS = {"small": b"small object", "parts": pattern(PART * 3 + 1)}


@pytest.fixture(autouse=True)
def unlimited_again() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def refuse(refused: bool) -> None:
    """Let this process write not one byte more to any file, as on a full disk."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0 if refused else hard, hard))


def refusing_at(fakes: tuple[FakeS3, FakeS3], number: int) -> None:
    """From request `number` on the ledger cannot be written."""
    seen = [0]

    def hook(request: Seen) -> Fault | None:
        if not canaries_aside([request]):
            return None
        seen[0] += 1
        if seen[0] != number:
            return None
        return Fault(before=lambda: refuse(True))

    for fake in fakes:
        fake.on_request = hook


@pytest.mark.parametrize("key", list(OBJECTS))
async def test_no_delete_is_sent_whenever_the_disk_fills(tmp_path, key: str) -> None:
    """At any request of a move; afterwards, with room again, resume finishes the work."""
    body = OBJECTS[key]
    after_intent = False
    for number in range(1, 30):
        with two_clouds() as fakes:
            stores = fake_stores(*fakes)
            small_parts(stores["dst"], PART)
            async with world(tmp_path / str(number), stores) as there:
                fakes[0].state.put("b", key, body)
                spec = await there.spec(f"src:b/{key}", f"dst:b/{key}")
                refusing_at(fakes, number)
                (job_id,) = await there.runner.submit("set", [spec])
                with contextlib.suppress(StateError):  # a whole move needs none of it
                    async with asyncio.timeout(DEADLINE):
                        await there.runner.wait()
                requests = len(canaries_aside(fakes[0].seen + fakes[1].seen))
                if requests < number:
                    break  # a whole move has fewer requests than that
                deletes = fakes[0].count("DELETE", "b", key)
                if deletes:
                    # What it needs was on disk before; only its own outcome is not.
                    assert number >= requests - 1
                    after_intent = True
                else:
                    assert fakes[0].state.get("b", key) is not None
                assert there.runner.error is not None
                shown = there.changes[-1]
                assert (shown.state, shown.paused) == (JobState.QUEUED, True)
                assert "state database" in shown.error
                assert shown.error_todo
                with pytest.raises(StateError):
                    await there.runner.submit("more", [replace(spec, to_class="COOL")])
                await there.runner.resume()  # too early
                with pytest.raises(StateError, match="state database"):
                    async with asyncio.timeout(DEADLINE):
                        await there.runner.wait()
                assert there.runner.error is not None
                assert fakes[0].count("DELETE", "b", key) == deletes

                refuse(False)
                for fake in fakes:
                    fake.on_request = None
                await there.runner.resume()
                done = await there.done(job_id)
                assert (done.state, done.error) == (JobState.COMPLETED, ""), number
                assert there.runner.error is None
                assert dict(there.runner.counts()) == {"completed": 1}
                copy = fakes[1].state.get("b", key)
                assert copy is not None
                assert copy.body == body
                assert fakes[0].state.get("b", key) is None
                assert not fakes[1].state.uploads
    else:
        pytest.fail("a move takes more requests than expected")
    assert after_intent


async def test_a_full_disk_stops_all_jobs_and_none_is_forgotten(tmp_path) -> None:
    with two_clouds() as fakes:
        async with world(tmp_path, fake_stores(*fakes), jobs=3) as there:
            for number in range(40):
                fakes[0].state.put("b", f"k{number:02}", b"x" * number)
            specs = [
                await there.spec(f"src:b/k{number:02}", f"dst:b/k{number:02}")
                for number in range(40)
            ]
            refusing_at(fakes, 30)
            await there.runner.submit("set", specs)
            with pytest.raises(StateError, match="state database"):
                async with asyncio.timeout(DEADLINE):
                    await there.runner.wait()
            assert there.runner.active() == []
            for number in range(40):
                held = [fake.state.get("b", f"k{number:02}") for fake in fakes]
                assert [item.body for item in held if item] != []
            refuse(False)
            await there.runner.resume()
            async with asyncio.timeout(DEADLINE):
                await there.runner.wait("set")
            assert dict(there.runner.counts()) == {"completed": 40}
            assert len(fakes[1].state.buckets["b"]) == 40
            assert fakes[0].state.buckets["b"] == {}
