"""Nothing is overwritten or deleted that is not the version that was meant."""

import asyncio

import pytest

from engine.errors import NotFound, PreconditionFailed
from engine.model import VersionPin
from engine.stores.base import DeleteGuard
from tests.conformance.conftest import Place


async def test_a_write_creates_only(place: Place) -> None:
    await place.put("object", b"first")
    with pytest.raises(PreconditionFailed):
        await place.put("object", b"second")
    assert await place.get("object") == b"first"


async def test_only_the_pinned_version_is_replaced(place: Place) -> None:
    await place.put("object", b"first")
    first = (await place.head("object")).pin
    await place.put("object", b"second", replace=first)
    with pytest.raises(PreconditionFailed):
        await place.put("object", b"third", replace=first)
    assert await place.get("object") == b"second"


async def test_what_is_gone_is_not_replaced(place: Place) -> None:
    with pytest.raises((NotFound, PreconditionFailed)):
        await place.put("object", b"new", replace=VersionPin(etag="0" * 32))
    assert await place.keys() == []


async def test_of_many_writers_one_creates(place: Place) -> None:
    place.needs("conditions")
    results = await asyncio.gather(
        *(place.put("race", f"writer {number}".encode()) for number in range(8)),
        return_exceptions=True,
    )
    won = [index for index, result in enumerate(results) if not isinstance(result, Exception)]
    lost = [result for result in results if isinstance(result, Exception)]
    assert len(won) == 1
    assert all(isinstance(error, PreconditionFailed) for error in lost)
    assert await place.get("race") == f"writer {won[0]}".encode()


async def test_the_pinned_version_is_deleted(place: Place) -> None:
    await place.put("object", b"bytes")
    await place.store.delete(place.bucket, "object", pin=(await place.head("object")).pin)
    with pytest.raises(NotFound):
        await place.head("object")
    assert await place.keys() == []


async def test_another_version_is_not_deleted(place: Place) -> None:
    place.needs("conditions")
    await place.put("object", b"first")
    first = (await place.head("object")).pin
    await place.put("object", b"second", replace=first)
    with pytest.raises(PreconditionFailed):
        await place.store.delete(place.bucket, "object", pin=first)
    assert await place.get("object") == b"second"


async def test_what_is_not_there_is_not_deleted(place: Place) -> None:
    place.needs("conditions")
    with pytest.raises(NotFound):
        await place.store.delete(place.bucket, "object", pin=VersionPin(etag="0" * 32))


async def test_the_store_knows_whether_its_deletes_are_guarded(place: Place) -> None:
    honest = "conditions" not in place.gaps
    guarded = honest and "delete-conditions" not in place.gaps
    assert await place.store.guards_deletes(place.bucket) is guarded
    assert await place.store.guards_deletes(place.bucket) is guarded
    assert await place.keys() == []  # the canary is gone
    if place.server == "local":
        assert place.store.capabilities.delete_guard is DeleteGuard.KNOWN
    else:
        assert place.store.capabilities.delete_guard is DeleteGuard.PROBE
        assert place.store.capabilities.create_only is honest
        assert place.store.capabilities.tags is ("tags" not in place.gaps)
