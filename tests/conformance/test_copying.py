"""Copies on the server: exact and create-only, or refused with nothing written."""

import pytest

from engine.errors import NotFound, NotSupported, PreconditionFailed
from engine.model import ObjectMeta, VersionPin
from tests.conformance.conftest import Place

META = ObjectMeta(content_type="text/plain", user=(("owner", "anna"),), modified=1_600_000_000.5)


async def copied(
    place: Place, key: str, pin: VersionPin, replace: VersionPin | None = None
) -> VersionPin:
    """Copy `source` to `key`; skip, with nothing written, where the server cannot."""
    before = await place.keys()
    try:
        written = await place.store.copy(
            place.bucket,
            "source",
            place.bucket,
            key,
            pin=pin,
            size=pin.size,
            meta=META,
            replace=replace,
        )
    except NotSupported as error:
        assert await place.keys() == before
        pytest.skip(f"{place.server}: {error.what}")
    return written.pin


async def test_a_copy_has_the_bytes_and_what_was_given_with_it(place: Place) -> None:
    data = bytes(range(256)) * 5000
    await place.put("source", data, meta=ObjectMeta(content_type="image/png", user=(("a", "b"),)))
    pin = await copied(place, "new/näme +%", (await place.head("source")).pin)
    assert place.store.can_copy_from(place.store)
    head = await place.head("new/näme +%", pin)
    assert await place.get("new/näme +%", head.pin) == data
    assert (head.meta.content_type, head.meta.user) == ("text/plain", (("owner", "anna"),))
    assert head.meta.modified == META.modified


async def test_a_copy_creates_and_does_not_overwrite(place: Place) -> None:
    source = (await place.put("source", b"bytes")).pin
    there = (await place.put("there", b"other")).pin
    with pytest.raises(PreconditionFailed):
        await copied(place, "there", source)
    assert await place.get("there") == b"other"
    wrong = VersionPin(etag="0" * 32)
    with pytest.raises(PreconditionFailed):
        await copied(place, "there", source, wrong)
    assert await place.get("there") == b"other"
    await copied(place, "there", source, there)
    assert await place.get("there") == b"bytes"


async def test_another_version_is_not_copied(place: Place) -> None:
    first = (await place.put("source", b"first")).pin
    await place.put("source", b"other", replace=first)
    with pytest.raises(PreconditionFailed):
        await copied(place, "new", first)
    with pytest.raises(NotFound):
        await place.head("new")
