"""Metadata, tags and classes travel whole."""

import pytest

from engine.errors import Archived, NotSupported, PreconditionFailed
from engine.model import ObjectMeta, RestoreState
from tests.conformance.conftest import Place

META = ObjectMeta(
    content_type="text/x-report; charset=utf-8",
    content_encoding="x-own",
    content_language="de",
    content_disposition='attachment; filename="bericht.txt"',
    cache_control="max-age=60",
    user=(
        ("empty-ish", "x"),
        ("long", "ü" * 200),
        ("looks-encoded", "=?UTF-8?B?4pyT?="),
        ("markup", "[red]x[/]"),
        ("name", "Grüße ✓ \U0001f600"),
        ("padded", "  two spaces  "),
        ("plain", "just text"),
    ),
    modified=1_700_000_000.25,
)


async def test_metadata_comes_back_exactly(place: Place) -> None:
    await place.put("object", b"bytes", meta=META)
    assert (await place.head("object")).meta == META


async def test_metadata_of_an_upload_in_parts_comes_back_exactly(place: Place) -> None:
    place.needs("composed-metadata")
    upload = await place.store.begin_upload(place.bucket, "object", meta=META)
    part = await place.store.upload_part(place.bucket, "object", upload, 1, b"bytes")
    await place.store.complete_upload(place.bucket, "object", upload, [part])
    assert (await place.head("object")).meta == META


async def test_tags_come_back_exactly(place: Place) -> None:
    place.needs("tags")
    await place.put("object", b"bytes", meta=ObjectMeta(tags=place.tags))
    assert (await place.head("object")).meta.tags == place.tags


async def test_metadata_that_no_header_can_carry_is_refused(place: Place) -> None:
    if place.server == "local":
        pytest.skip("an attribute of a file carries any text")
    for meta in (
        ObjectMeta(content_type="text/plain\r\nx-amz-acl: public-read"),
        ObjectMeta(user=(("bad name", "value"),)),
        ObjectMeta(user=(("bad:name", "value"),)),
    ):
        with pytest.raises(NotSupported):
            await place.put("object", b"bytes", meta=meta)
    assert await place.keys() == []


async def test_a_value_with_line_breaks_starts_no_new_header(place: Place) -> None:
    meta = ObjectMeta(user=(("note", "one\r\nx-amz-acl: public-read"),), modified=1.0)
    await place.put("object", b"bytes", meta=meta)
    assert (await place.head("object")).meta.user == meta.user


@pytest.mark.parametrize("modified", [-5.5, -86_400.0])
async def test_a_time_before_1970_comes_back(place: Place, modified: float) -> None:
    await place.put("object", b"bytes", meta=ObjectMeta(modified=modified))
    found = (await place.head("object")).meta
    assert (found.modified, dict(found.user).get("mtime")) == (modified, None)


async def test_an_object_is_written_into_a_class(place: Place) -> None:
    place.needs("classes")
    await place.put("object", b"bytes", storage_class=place.cool)
    assert (await place.head("object")).storage_class == place.cool
    assert [row.storage_class for row in await place.entries()] == [place.cool]


async def test_a_class_changes_in_place(place: Place) -> None:
    place.needs("classes", "class-change")
    meta = ObjectMeta(
        content_type=META.content_type, user=META.user, tags=place.tags, modified=77.5
    )
    await place.put("object", b"bytes", meta=meta)
    before = await place.head("object")
    after = await place.store.set_class(
        place.bucket, "object", pin=before.pin, storage_class=place.cool
    )
    assert after.storage_class == place.cool
    assert after.meta == before.meta == meta
    assert await place.get("object", after.pin) == b"bytes"
    back = await place.store.set_class(
        place.bucket, "object", pin=after.pin, storage_class=place.default
    )
    assert back.storage_class == place.default


async def test_the_class_of_another_version_does_not_change(place: Place) -> None:
    await place.put("object", b"first")
    first = (await place.head("object")).pin
    await place.put("object", b"second", replace=first)
    with pytest.raises((PreconditionFailed, NotSupported)):
        await place.store.set_class(place.bucket, "object", pin=first, storage_class=place.cool)
    assert (await place.head("object")).storage_class == place.default


async def test_a_store_without_classes_says_so(place: Place) -> None:
    if "classes" not in place.gaps:
        pytest.skip("this one has classes")
    place.needs("honest-classes")
    await place.put("object", b"bytes")
    pin = (await place.head("object")).pin
    with pytest.raises(NotSupported):
        await place.store.set_class(place.bucket, "object", pin=pin, storage_class=place.cool)
    assert await place.get("object") == b"bytes"


async def test_an_archived_object_is_restored_before_it_is_read(place: Place) -> None:
    place.needs("classes", "restore")
    await place.put("object", b"bytes", storage_class=place.archive)
    head = await place.head("object")
    assert head.archived
    assert head.restore is RestoreState.NONE
    with pytest.raises(Archived):
        await place.get("object", head.pin)
    await place.store.restore(place.bucket, "object", pin=head.pin, days=2, speed="bulk")
    after = await place.head("object")
    if after.restore is RestoreState.NONE:  # brought back for good, as Azure does it
        assert after.storage_class == place.default
        assert not after.archived
    else:
        await place.store.restore(place.bucket, "object", pin=head.pin, days=2, speed="bulk")
        after = await place.head("object")
        assert after.archived is (after.restore is not RestoreState.AVAILABLE)
    if not after.archived:
        assert await place.get("object", head.pin) == b"bytes"


async def test_what_is_not_archived_cannot_be_restored(place: Place) -> None:
    await place.put("object", b"bytes")
    pin = (await place.head("object")).pin
    with pytest.raises(NotSupported):
        await place.store.restore(place.bucket, "object", pin=pin, days=1, speed="standard")
