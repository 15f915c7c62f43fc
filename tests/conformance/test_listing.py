"""Listings are whole, in order, and fail rather than end early."""

import asyncio

import pytest

from engine.errors import NotFound
from engine.model import ObjectMeta
from tests.conformance.conftest import Place, pieces

MANY = 10_250
FEW = {"moto": 2_100, "azurite": 1_050, "fakegcs": 1_050, "gcs": 2_100}  # more take a minute


async def test_an_empty_bucket_lists_nothing(place: Place) -> None:
    assert await place.keys() == []


async def test_a_missing_bucket_is_no_empty_listing(place: Place) -> None:
    with pytest.raises(NotFound):
        [page async for page in place.store.list_pages("no-such-bucket-here")]


async def test_rows_say_what_the_head_says(place: Place) -> None:
    await place.put("a/one", b"12345")
    (row,) = await place.entries()
    head = await place.head("a/one")
    assert (row.key, row.size) == ("a/one", 5)
    assert int(row.modified) == int(head.pin.modified)
    assert row.etag == head.pin.etag
    assert row.storage_class == head.storage_class == place.default


async def test_keys_come_in_the_order_of_their_bytes(place: Place) -> None:
    place.needs("order")
    keys = ["a", "a-b", "a.b", "a0", "b/c/d", "b/c-d", "b/c0", "é", "z"]
    for key in keys:
        await place.put(key)
    assert await place.keys() == sorted(keys, key=lambda key: key.encode())


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", ["dir/a", "dir/b/c", "dirt", "e"]),
        ("dir", ["dir/a", "dir/b/c", "dirt"]),
        ("dir/", ["dir/a", "dir/b/c"]),
        ("dir/b", ["dir/b/c"]),
        ("dir/b/c", ["dir/b/c"]),
        ("nothing", []),
        ("e/", []),
        ("nothing/below", []),
    ],
)
async def test_a_prefix_is_the_start_of_a_key(
    place: Place, prefix: str, expected: list[str]
) -> None:
    for key in ("dir/a", "dir/b/c", "dirt", "e"):
        await place.put(key)
    assert await place.keys(prefix) == expected


@pytest.mark.parametrize("prefix", ["../", "a/../../", "/", "//", "%2e%2e/", "..", "\n"])
async def test_a_strange_prefix_finds_nothing_elsewhere(place: Place, prefix: str) -> None:
    await place.put("object", b"x")
    assert await place.keys(prefix) == []


async def test_many_pages_are_listed_whole(place: Place) -> None:
    place.needs("slow-list")
    count = FEW.get(place.server, MANY)
    keys = [f"dir-{number % 7}/{number:05d}" for number in range(count)]
    await place.put(keys[0])
    gate = asyncio.Semaphore(16)

    async def put(key: str) -> None:
        async with gate:
            await place.store.write(place.bucket, key, pieces(b""), size=0, meta=ObjectMeta())

    async with asyncio.TaskGroup() as group:
        for key in keys[1:]:
            group.create_task(put(key))
    pages = [page async for page in place.store.list_pages(place.bucket)]
    assert [entry.key for page in pages for entry in page.entries] == sorted(keys)
    assert max(len(page.entries) for page in pages) <= 1000
    assert len(await place.keys("dir-3/")) == len([key for key in keys if key[4] == "3"])


async def test_a_listing_left_early_leaves_nothing_open(place: Place) -> None:
    for number in range(5):
        await place.put(f"key-{number}")
    pages = place.store.list_pages(place.bucket)
    await anext(pages)
    await pages.aclose()
    assert len(await place.keys()) == 5
