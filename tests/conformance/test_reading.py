"""Writing, describing and reading objects: exact bytes, pinned versions, counted ranges."""

import hashlib

import pytest

from engine.errors import NotFound, PreconditionFailed, TruncatedBody, Unavailable, UsageError
from engine.model import ObjectMeta, VersionPin
from engine.stores.body import CHUNK
from tests.conformance.conftest import Place, pieces

BYTES = bytes(range(256)) * 64


@pytest.mark.parametrize("size", [0, 1, len(BYTES), CHUNK, CHUNK + 1, 3 * CHUNK + 77])
async def test_bytes_come_back_as_they_went(place: Place, size: int) -> None:
    data = (BYTES * (size // len(BYTES) + 1))[:size]
    written = await place.put("some/object", data)
    head = await place.head("some/object")
    assert (head.size, head.pin.size) == (size, size)
    assert written.pin.matches(head.pin)
    assert await place.get("some/object", written.pin) == data


async def test_chunks_are_of_a_mebibyte_at_most(place: Place) -> None:
    await place.put("big", b"x" * (3 * CHUNK + 5))
    head = await place.head("big")
    async with place.store.read(place.bucket, "big", pin=head.pin) as reader:
        sizes = [len(chunk) async for chunk in reader]
        assert reader.head.pin.matches(head.pin)
    assert sum(sizes) == 3 * CHUNK + 5
    assert max(sizes) <= CHUNK


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (5, 9), (len(BYTES) - 1, None), (7, None)])
async def test_a_range_gives_just_those_bytes(place: Place, start: int, stop: int | None) -> None:
    await place.put("ranged", BYTES)
    assert await place.get("ranged", start=start, stop=stop) == BYTES[start:stop]


async def test_a_range_beyond_the_end_is_refused_before_anything_is_read(place: Place) -> None:
    await place.put("ranged", b"12345")
    for start, stop in ((3, 9), (6, None), (4, 2)):
        with pytest.raises(UsageError):
            await place.get("ranged", start=start, stop=stop)


async def test_another_version_is_not_read(place: Place) -> None:
    first = await place.put("changing", b"first")
    old = (await place.head("changing")).pin
    await place.put("changing", b"second", replace=old)
    for pin in (first.pin, old):
        with pytest.raises(PreconditionFailed):
            await place.get("changing", pin)
        with pytest.raises(PreconditionFailed):
            await place.get("changing", pin, 0, 2)
        with pytest.raises(PreconditionFailed):
            await place.head("changing", pin)
    assert await place.get("changing") == b"second"


async def test_a_pin_that_pins_nothing_reads_nothing(place: Place) -> None:
    await place.put("object", b"bytes")
    with pytest.raises((UsageError, PreconditionFailed)):
        await place.get("object", VersionPin(size=5))


async def test_what_is_not_there_is_not_found(place: Place) -> None:
    pin = VersionPin(etag="0" * 32)
    with pytest.raises(NotFound):
        await place.head("nothing")
    with pytest.raises(NotFound):
        await place.get("nothing/below", pin)
    with pytest.raises(NotFound):
        await place.store.head("no-such-bucket-here", "key")
    with pytest.raises(NotFound):
        await place.store.write(
            "no-such-bucket-here", "key", pieces(b"x"), size=1, meta=ObjectMeta()
        )


@pytest.mark.parametrize("announced", [3 * CHUNK, CHUNK - 1, 5])
async def test_a_body_of_another_length_leaves_nothing(place: Place, announced: int) -> None:
    for actual in (announced - 1, announced + 1):
        with pytest.raises(TruncatedBody):
            await place.store.write(
                place.bucket, "short", pieces(b"z" * actual), size=announced, meta=ObjectMeta()
            )
    with pytest.raises(NotFound):
        await place.head("short")
    assert await place.keys() == []


async def test_damaged_bytes_are_refused(place: Place) -> None:
    place.needs("md5")
    good = hashlib.md5(b"good").hexdigest()
    with pytest.raises(Unavailable) as caught:
        await place.put("object", b"evil", md5=good)
    assert caught.value.code == "BadDigest"
    with pytest.raises(NotFound):
        await place.head("object")
    await place.put("object", b"good", md5=good)


async def test_the_md5_of_one_request_is_told(place: Place) -> None:
    place.needs("checksums")
    await place.put("object", BYTES)
    found = (await place.head("object")).checksum("md5")
    assert found is not None
    assert found.value == hashlib.md5(BYTES).hexdigest()
    assert "md5" in place.store.capabilities.attested


async def test_a_source_that_fails_is_heard_and_leaves_nothing(place: Place) -> None:
    class SourceBroke(Exception):
        pass

    async def broken():
        yield b"x" * CHUNK
        yield b"y" * CHUNK
        raise SourceBroke

    with pytest.raises(SourceBroke):
        await place.store.write(place.bucket, "object", broken(), size=3 * CHUNK, meta=ObjectMeta())
    with pytest.raises(NotFound):
        await place.head("object")


async def test_buckets_are_made_once_and_listed(place: Place) -> None:
    await place.store.create_bucket(place.bucket)
    assert place.bucket in await place.store.buckets()


async def test_closing_twice_is_fine(place: Place) -> None:
    await place.put("object", b"x")
    await place.store.close()
    await place.store.close()


async def test_two_names_of_one_object_are_seen(place: Place) -> None:
    where = place.store.locate(place.bucket, "a/b")
    assert where == place.store.locate(place.bucket, "a/b")
    assert where != place.store.locate(place.bucket, "a/c")
    assert where.endswith(f"{place.bucket}/a/b")
