"""The next page is on its way while one is read, and nothing of it stays behind."""

import asyncio
from contextlib import aclosing

import pytest

from engine.errors import AccessDenied, StoreError
from engine.stores.s3 import S3Store
from tests.fake_s3 import FakeS3, Fault, Seen
from tests.fake_s3_state import FakeObject
from tests.stores.fault_tools import BUCKET, on, until

KEYS = [f"k{number:04d}" for number in range(2500)]


@pytest.fixture(autouse=True)
def full(fake: FakeS3, store: S3Store) -> None:
    fake.state.buckets[BUCKET] = {key: FakeObject(b"x", "e" * 32, 1.0) for key in KEYS}


def is_second(seen: Seen) -> bool:
    return "continuation-token" in seen.query


async def keys(store: S3Store) -> list[str]:
    return [entry.key async for page in store.list_pages(BUCKET) for entry in page.entries]


async def test_the_next_page_is_asked_for_while_one_is_read(fake: FakeS3, store: S3Store) -> None:
    async with aclosing(store.list_pages(BUCKET)) as pages:
        assert [entry.key for entry in (await anext(pages)).entries] == KEYS[:1000]
        await until(lambda: any(is_second(seen) for seen in fake.seen))
        rest = [entry.key async for page in pages for entry in page.entries]
    assert rest == KEYS[1000:]
    assert sum(seen.method == "GET" for seen in fake.seen) == 3


async def test_who_stops_early_leaves_no_request_behind(fake: FakeS3, store: S3Store) -> None:
    before = asyncio.all_tasks()
    async with aclosing(store.list_pages(BUCKET)) as pages:
        await anext(pages)
    assert asyncio.all_tasks() == before


async def test_a_page_that_fails_fails_the_listing(fake: FakeS3, store: S3Store) -> None:
    fake.on_request = on("GET", Fault(status=403, code="AccessDenied"), is_second)
    with pytest.raises(AccessDenied):
        await keys(store)
    fake.on_request = on("GET", Fault(status=200, body=b"<ListBucketResult>"), is_second)
    with pytest.raises(StoreError):
        await keys(store)


async def test_a_session_that_has_expired_is_told_as_that(fake: FakeS3, store: S3Store) -> None:
    fake.on_request = on("GET", Fault(status=400, code="ExpiredToken"), lambda _: True)
    with pytest.raises(AccessDenied) as told:
        await keys(store)
    assert "Sign in again" in told.value.todo


async def test_a_first_page_that_cannot_be_read_drops_the_second(
    fake: FakeS3, store: S3Store
) -> None:
    before = asyncio.all_tasks()
    damaged = b"<ListBucketResult><NextContinuationToken>t</NextContinuationToken>"
    fake.on_request = on("GET", Fault(status=200, body=damaged), lambda seen: not is_second(seen))
    with pytest.raises(StoreError):
        await keys(store)
    assert asyncio.all_tasks() == before


async def test_a_token_that_only_looks_like_one_is_not_followed(
    fake: FakeS3, store: S3Store
) -> None:
    """The first that is seen stands in another element; the page's own token counts."""
    token = b"<NextContinuationToken>other</NextContinuationToken>"

    def hide(seen: Seen) -> Fault | None:
        if seen.method != "GET" or is_second(seen):
            return None
        return Fault(
            status=200,
            body=b"<ListBucketResult><IsTruncated>false</IsTruncated><Note>" + token + b"</Note>"
            b"<Contents><Key>only</Key><Size>1</Size><LastModified>2024-01-01T00:00:00Z"
            b"</LastModified></Contents></ListBucketResult>",
        )

    fake.on_request = hide
    before = asyncio.all_tasks()
    assert await keys(store) == ["only"]
    assert asyncio.all_tasks() == before
