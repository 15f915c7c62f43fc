"""What answers prove, and what they leave open: nothing is lost by an answer that lies."""

from collections.abc import AsyncIterator, Iterator

import pytest

from engine.errors import (
    AccessDenied,
    BadResponse,
    NoSpace,
    NotFound,
    PreconditionFailed,
    StoreError,
    StoreTimeout,
    Unavailable,
)
from engine.migration.answers import refused
from engine.model import JobState
from tests.fake_s3 import FakeS3, Fault, Seen
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


def is_delete(seen: Seen) -> bool:
    return seen.method == "DELETE" and seen.key == "k"


def once(matches, fault: Fault):
    left = [fault]
    return lambda seen: left.pop() if left and matches(seen) else None


@pytest.mark.parametrize(
    ("error", "writing", "certain"),
    [
        (PreconditionFailed("x", status=412), True, True),
        (AccessDenied("x", status=403, code="AccessDenied"), False, True),
        (StoreError("x", status=409, code="BucketNotEmpty"), True, True),
        (NotFound("x", status=404, code="NoSuchBucket"), True, True),
        (AccessDenied("a proxy's page", status=403), True, False),
        (StoreError("x", status=302, code="TemporaryRedirect"), True, False),
        (StoreError("hidden in a 200", status=500, code="AccessDenied"), True, False),
        (StoreTimeout("x", status=408, code="RequestTimeout"), True, False),
        (BadResponse("x", status=400, code="X"), True, False),
        (Unavailable("x"), True, False),
        (StoreError("TLS"), True, False),
        (NoSpace("a disk", code="ENOSPC"), True, True),
        (AccessDenied("a disk", code="EACCES"), True, True),
        (AccessDenied("a disk", code="EACCES"), False, False),
    ],
)
def test_only_the_stores_own_no_is_a_refusal(
    error: StoreError, writing: bool, certain: bool
) -> None:
    assert refused(error, writing=writing) is certain


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault(status=200, headers={"content-length": "zero"}, after=True), ""),
        (Fault(status=302, headers={"location": "http://x/"}, after=True), ""),
        (Fault(status=403, body=b"<html>no</html>", after=True), ""),
        (Fault(status=403, code="AccessDenied", after=True), "refused"),
    ],
)
async def test_a_delete_that_was_carried_out_with_a_wrong_answer_loses_nothing(
    there: World, fakes, fault: Fault, outcome: str
) -> None:
    fakes[0].state.put("b", "k", b"version one")
    fakes[0].on_request = once(is_delete, fault)
    done = await there.move("src:b/k", "dst:b/k")
    assert done.state is JobState.FAILED
    entries = [item for item in await there.ledger.history(done.job_id) if item.effect == "delete"]
    assert [item.outcome for item in entries] == [outcome]
    fakes[0].state.put("b", "k", b"version two, newer")
    await there.runner.retry([done.job_id])
    done = await there.done(done.job_id)
    assert (bytes_at(fakes[0]), bytes_at(fakes[1])) == (b"version two, newer", b"version one")
    assert done.state is JobState.FAILED


@pytest.mark.parametrize("size", [5, PART * 3])
async def test_a_write_with_an_answer_that_makes_no_sense_is_found_again(
    there: World, fakes, size: int
) -> None:
    """The next try takes what the first one made instead of failing on it."""
    fakes[0].state.put("b", "k", pattern(size))
    fakes[1].on_request = once(
        lambda seen: (
            seen.key == "k"
            and (seen.method == "PUT" if size < PART else seen.method == "POST")
            and ("uploadId" in seen.query or size < PART)
        ),
        Fault(status=200, body=b"", after=True),
    )
    done = await there.move("src:b/k", "dst:b/k")
    assert done.state is JobState.FAILED
    assert any("may be left" in note for note in done.notes)
    assert bytes_at(fakes[0]) == pattern(size)
    await there.runner.retry([done.job_id])
    done = await there.done(done.job_id)
    assert (done.state, done.error) == (JobState.COMPLETED, "")
    assert (bytes_at(fakes[0]), bytes_at(fakes[1])) == (None, pattern(size))
    assert not fakes[1].state.uploads
