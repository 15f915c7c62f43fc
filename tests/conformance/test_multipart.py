"""Uploads in parts: resumable, create-only, and gone when aborted."""

import hashlib

import pytest

from engine.errors import NotFound, PreconditionFailed, StoreError, Unavailable
from engine.model import ObjectMeta
from engine.stores.base import Part
from tests.conformance.conftest import Place

MIB = 1024**2
PARTS = [b"a" * (5 * MIB), b"b" * (5 * MIB), b"c" * 1000]


async def begin(place: Place, key: str = "big") -> str:
    return await place.store.begin_upload(place.bucket, key, meta=ObjectMeta())


async def send(place: Place, upload: str, parts: list[bytes], key: str = "big") -> list[Part]:
    return [
        await place.store.upload_part(
            place.bucket, key, upload, number, data, md5=hashlib.md5(data).hexdigest()
        )
        for number, data in enumerate(parts, 1)
    ]


async def test_parts_make_the_object(place: Place) -> None:
    upload = await begin(place)
    parts = await send(place, upload, PARTS)
    written = await place.store.complete_upload(place.bucket, "big", upload, parts)
    head = await place.head("big")
    assert written.pin.matches(head.pin)
    assert head.size == sum(len(data) for data in PARTS)
    assert await place.get("big", written.pin) == b"".join(PARTS)
    assert await place.get("big", head.pin, 5 * MIB - 2, 5 * MIB + 2) == b"aabb"


async def test_the_etag_is_made_of_the_parts(place: Place) -> None:
    place.needs("checksums", "multipart-etag")
    upload = await begin(place)
    parts = await send(place, upload, PARTS)
    await place.store.complete_upload(place.bucket, "big", upload, parts)
    head = await place.head("big")
    digest = hashlib.md5(b"".join(hashlib.md5(data).digest() for data in PARTS)).hexdigest()
    (found,) = [item for item in head.checksums if item.algorithm == "md5"]
    assert (found.value, found.parts, head.part_count) == (digest, 3, 3)
    assert head.checksum("md5") is None  # of the parts, not of the object


async def test_the_sizes_of_the_parts_are_told(place: Place) -> None:
    place.needs("part-sizes")
    upload = await begin(place)
    parts = await send(place, upload, PARTS)
    written = await place.store.complete_upload(place.bucket, "big", upload, parts)
    sizes = await place.store.part_sizes(place.bucket, "big", pin=written.pin, count=3)
    assert sizes == tuple(len(data) for data in PARTS)


async def test_no_sizes_are_told_that_are_not_known(place: Place) -> None:
    await place.put("small", b"bytes")
    pin = (await place.head("small")).pin
    assert await place.store.part_sizes(place.bucket, "small", pin=pin, count=7) == ()


async def test_an_upload_can_be_taken_up_again(place: Place) -> None:
    upload = await begin(place)
    sent = await send(place, upload, PARTS[:2])
    held = await place.store.parts(place.bucket, "big", upload)
    assert [(part.number, part.etag, part.size) for part in held] == [
        (part.number, part.etag, part.size) for part in sent
    ]
    last = await place.store.upload_part(place.bucket, "big", upload, 3, PARTS[2])
    await place.store.complete_upload(place.bucket, "big", upload, [*held, last])
    assert await place.get("big") == b"".join(PARTS)


async def test_a_part_can_be_sent_again(place: Place) -> None:
    place.needs("parts-twice")
    upload = await begin(place)
    await place.store.upload_part(place.bucket, "big", upload, 1, b"wrong")
    part = await place.store.upload_part(place.bucket, "big", upload, 1, b"right")
    await place.store.complete_upload(place.bucket, "big", upload, [part])
    assert await place.get("big") == b"right"


async def test_a_damaged_part_is_refused(place: Place) -> None:
    place.needs("md5")
    upload = await begin(place)
    with pytest.raises(Unavailable):
        await place.store.upload_part(
            place.bucket, "big", upload, 1, b"evil", md5=hashlib.md5(b"good").hexdigest()
        )
    await place.store.abort_upload(place.bucket, "big", upload)


async def test_unfinished_uploads_are_listed_until_they_are_aborted(place: Place) -> None:
    place.needs("uploads")
    first, second = await begin(place, "dir/one"), await begin(place, "other")
    await send(place, first, [b"part"], "dir/one")
    found = await place.store.uploads(place.bucket)
    assert {(item.key, item.upload_id) for item in found} == {
        ("dir/one", first),
        ("other", second),
    }
    only = await place.store.uploads(place.bucket, "dir/")
    assert [item.upload_id for item in only] == [first]
    assert await place.keys() == []
    for key, upload in (("dir/one", first), ("other", second)):
        await place.store.abort_upload(place.bucket, key, upload)
        await place.store.abort_upload(place.bucket, key, upload)
    assert await place.store.uploads(place.bucket) == []


async def test_an_aborted_upload_takes_no_part(place: Place) -> None:
    place.needs("gone-uploads")
    upload = await begin(place)
    part = await place.store.upload_part(place.bucket, "big", upload, 1, b"part")
    await place.store.abort_upload(place.bucket, "big", upload)
    with pytest.raises(NotFound):
        await place.store.upload_part(place.bucket, "big", upload, 2, b"part")
    with pytest.raises(NotFound):
        await place.store.complete_upload(place.bucket, "big", upload, [part])
    assert await place.keys() == []


async def test_completing_overwrites_nothing(place: Place) -> None:
    await place.put("big", b"there before")
    upload = await begin(place)
    parts = await send(place, upload, [b"part"])
    with pytest.raises(PreconditionFailed):
        await place.store.complete_upload(place.bucket, "big", upload, parts)
    assert await place.get("big") == b"there before"
    await place.store.abort_upload(place.bucket, "big", upload)


async def test_completing_replaces_what_was_pinned(place: Place) -> None:
    await place.put("big", b"there before")
    pin = (await place.head("big")).pin
    upload = await begin(place)
    parts = await send(place, upload, [b"part"])
    await place.store.complete_upload(place.bucket, "big", upload, parts, replace=pin)
    assert await place.get("big") == b"part"
    upload = await begin(place)
    parts = await send(place, upload, [b"late"])
    with pytest.raises(PreconditionFailed):
        await place.store.complete_upload(place.bucket, "big", upload, parts, replace=pin)
    assert await place.get("big") == b"part"
    await place.store.abort_upload(place.bucket, "big", upload)


async def test_parts_that_never_came_make_no_object(place: Place) -> None:
    upload = await begin(place)
    (part,) = await send(place, upload, [b"part"])
    stranger = Part(2, part.etag, part.size)
    with pytest.raises(StoreError):
        await place.store.complete_upload(place.bucket, "big", upload, [part, stranger])
    assert await place.keys() == []
    await place.store.abort_upload(place.bucket, "big", upload)


@pytest.mark.parametrize("upload", ["nonsense", "0" * 32])
async def test_a_made_up_upload_takes_no_part(place: Place, upload: str) -> None:
    with pytest.raises(StoreError):
        await place.store.upload_part(place.bucket, "big", upload, 1, b"part")
    await place.store.abort_upload(place.bucket, "big", upload)
