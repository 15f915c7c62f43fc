"""What undoing a job leaves at the destination, and says so."""

from collections.abc import AsyncIterator, Iterator

import pytest

from engine.model import JobState
from tests.fake_s3 import FakeS3, Fault
from tests.migration.test_absence import pause_before
from tests.migration.world import World, fake_stores, pattern, small_parts, two_clouds, world

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


def bytes_at(fake: FakeS3, key: str = "k") -> bytes | None:
    found = fake.state.get("b", key)
    return None if found is None else found.body


async def cancelled(there: World, job_id: str):
    await there.runner.cancel([job_id])
    done = await there.done(job_id)
    assert done.state is JobState.CANCELLED
    return done


async def test_a_copy_of_a_write_without_an_answer_may_be_left_and_that_is_said(
    there: World, fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes[0].state.put("b", "k", b"hello")
    lost = [Fault(reset=True, after=True)]
    fakes[1].on_request = lambda seen: (
        lost.pop() if lost and seen.method == "PUT" and seen.key == "k" else None
    )
    job_id = await pause_before("verify", there, monkeypatch, "src:b/k", "dst:b/k")
    done = await cancelled(there, job_id)
    assert (bytes_at(fakes[0]), bytes_at(fakes[1])) == (b"hello", b"hello")
    assert any("may be left" in note for note in done.notes)


@pytest.mark.parametrize("size", [5, PART * 3])
@pytest.mark.parametrize("occupied", [True, False])
async def test_cancelling_an_overwrite_leaves_no_empty_place(
    there: World, fakes, monkeypatch: pytest.MonkeyPatch, size: int, occupied: bool
) -> None:
    fakes[0].state.put("b", "k", pattern(size))
    if occupied:
        fakes[1].state.put("b", "k", b"the old object")
    job_id = await pause_before("verify", there, monkeypatch, "src:b/k", "dst:b/k", overwrite=True)
    done = await cancelled(there, job_id)
    assert bytes_at(fakes[0]) == pattern(size)
    assert bytes_at(fakes[1]) == (pattern(size) if occupied else None)
    assert any("replaced another object" in note for note in done.notes) is occupied


async def test_a_bad_copy_is_removed_even_if_it_replaced_something(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", b"hello")
    fakes[1].state.put("b", "k", b"the old object")
    fakes[1].on_request = lambda seen: (
        Fault(flip=1) if seen.method == "GET" and seen.key == "k" else None
    )
    done = await there.move("src:b/k", "dst:b/k", overwrite=True, max_attempts=1)
    assert done.state is JobState.FAILED
    assert (bytes_at(fakes[0]), bytes_at(fakes[1])) == (b"hello", None)
