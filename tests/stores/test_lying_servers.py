"""Answers that cannot be right are errors: lying 200s, senseless listings, wrong ranges."""

from email.utils import formatdate

import pytest

from engine.errors import (
    BadResponse,
    NotFound,
    PreconditionFailed,
    StoreError,
    Throttled,
    Unavailable,
)
from engine.model import ObjectMeta
from engine.stores.s3 import S3Store
from tests.fake_s3 import FakeS3, Fault, Quirks
from tests.stores.fault_tools import BUCKET, on


async def upload(store: S3Store, key: str = "big") -> tuple[str, list]:
    upload_id = await store.begin_upload(BUCKET, key, meta=ObjectMeta())
    return upload_id, [await store.upload_part(BUCKET, key, upload_id, 1, b"part")]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<Error><Code>InternalError</Code><Message>no</Message></Error>", Unavailable),
        (b"  \n<Error><Code>SlowDown</Code></Error>", Throttled),
        (b"<Error><Code>PreconditionFailed</Code></Error>", PreconditionFailed),
        (b"<Error><Code>NoSuchUpload</Code></Error>", NotFound),
        (b"", BadResponse),
        (b"<html>gateway</html>", BadResponse),
        (b"<CompleteMultipartUploadResult></CompleteMultipartUploadResult>", BadResponse),
        (b"<CompleteMultipartUploadResult><ETag>", BadResponse),
    ],
)
async def test_completion_is_not_believed_for_its_200(
    fake: FakeS3, store: S3Store, body: bytes, kind: type[StoreError]
) -> None:
    upload_id, parts = await upload(store)
    fake.on_request = on("POST", Fault(status=200, body=body))
    with pytest.raises(kind):
        await store.complete_upload(BUCKET, "big", upload_id, parts)
    assert fake.state.get(BUCKET, "big") is None


@pytest.mark.parametrize("code", ["InternalError", "SlowDown"])
async def test_a_copy_is_not_believed_for_its_200(fake: FakeS3, store: S3Store, code: str) -> None:
    fake.state.put(BUCKET, "a", b"bytes")
    pin = (await store.head(BUCKET, "a")).pin
    fake.on_request = on(
        "PUT", Fault(status=200, body=f"<Error><Code>{code}</Code></Error>".encode())
    )
    with pytest.raises(Unavailable):
        await store.set_class(BUCKET, "a", pin=pin, storage_class="STANDARD_IA")


PAGE = "<ListBucketResult><IsTruncated>{}</IsTruncated>{}</ListBucketResult>"
ENTRY = (
    "<Contents><Key>k</Key><Size>1</Size><LastModified>2026-01-01T00:00:00Z</LastModified>"
    "</Contents>"
)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not xml",
        "<html/>",
        "<ListBucketResult/>",
        "<ListBucketResult><IsTruncated>false</IsTruncated>",
        PAGE.format("true", ""),
        PAGE.format("maybe", ""),
        PAGE.format("false", "<Contents><Key>k</Key></Contents>"),
        PAGE.format("false", ENTRY.replace("<Size>1<", "<Size>x<")),
        PAGE.format("false", ENTRY.replace("2026-01-01T00:00:00Z", "yesterday")),
        '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + PAGE.format("false", ENTRY),
        '<?xml version="1.0" encoding="cp037"?>' + PAGE.format("false", ENTRY),
        PAGE.format("false", ENTRY).encode("utf-16").decode("latin-1"),
        PAGE.format("false", ENTRY.replace("<Key>k<", "<Key>\x01<")),
    ],
)
async def test_a_listing_that_makes_no_sense_is_an_error(
    fake: FakeS3, store: S3Store, body: str
) -> None:
    fake.on_request = on("GET", Fault(status=200, body=body.encode("latin-1")))
    with pytest.raises(BadResponse):
        [page async for page in store.list_pages(BUCKET)]


async def test_a_listing_that_goes_in_circles_is_an_error(fake: FakeS3, store: S3Store) -> None:
    body = PAGE.format("true", ENTRY + "<NextContinuationToken>t</NextContinuationToken>")
    fake.on_request = on("GET", Fault(status=200, body=body.encode()))
    with pytest.raises(BadResponse):
        [page async for page in store.list_pages(BUCKET)]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500, code="InternalError"),
        Fault(status=403, code="AccessDenied"),
        Fault(reset=True),
        Fault(truncate=50),
    ],
)
async def test_a_listing_that_fails_in_the_middle_fails(fault: Fault) -> None:
    with FakeS3(Quirks(page=2)) as fake:
        for number in range(5):
            fake.state.put(BUCKET, f"key-{number}", b"x")
        store = S3Store(fake.cloud())
        seen: list[str] = []
        fake.on_request = on("GET", fault, lambda seen: "continuation-token" in seen.query)

        async def scan() -> None:
            async for page in store.list_pages(BUCKET):
                seen.extend(entry.key for entry in page.entries)

        with pytest.raises(StoreError):
            await scan()
        await store.close()
    assert seen == ["key-0", "key-1"]


async def test_raw_keys_are_read_where_the_server_encodes_none(
    fake: FakeS3, store: S3Store
) -> None:
    entry = ENTRY.replace("<Key>k<", "<Key>a+b%20c &amp; &lt;d&gt;<")
    fake.on_request = on("GET", Fault(status=200, body=PAGE.format("false", entry).encode()))
    (page,) = [page async for page in store.list_pages(BUCKET)]
    assert [row.key for row in page.entries] == ["a+b%20c & <d>"]


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (200, {}, BadResponse),
        (206, {}, BadResponse),
        (206, {"content-range": "bytes 0-2/5"}, BadResponse),
        (206, {"content-range": "bytes 1-3/6"}, PreconditionFailed),
        (206, {"content-range": "bytes 1-4/5"}, BadResponse),
        (206, {"content-range": "octets 1-3/5"}, BadResponse),
        (206, {"content-range": "bytes 1-3/*"}, BadResponse),
    ],
)
async def test_a_range_must_be_the_one_that_was_asked_for(
    fake: FakeS3, store: S3Store, status: int, headers: dict[str, str], kind: type[StoreError]
) -> None:
    made = fake.state.put(BUCKET, "a", b"12345")
    pin = (await store.head(BUCKET, "a")).pin
    headers = headers | {
        "etag": f'"{made.etag}"',
        "last-modified": formatdate(made.modified, usegmt=True),
    }
    fake.on_request = on("GET", Fault(status=status, headers=headers, body=b"234"))
    with pytest.raises(kind):
        async with store.read(BUCKET, "a", pin=pin, start=1, stop=4) as reader:
            [chunk async for chunk in reader]


async def test_the_same_etag_at_another_time_is_another_version(
    fake: FakeS3, store: S3Store
) -> None:
    """New tags or metadata keep the ETag; the time tells."""
    fake.state.put(BUCKET, "a", b"bytes")
    pin = (await store.head(BUCKET, "a")).pin
    fake.state.change(BUCKET, "a", modified=pin.modified + 10)
    with pytest.raises(PreconditionFailed):
        await store.head(BUCKET, "a", pin=pin)
    with pytest.raises(PreconditionFailed):
        async with store.read(BUCKET, "a", pin=pin):
            pass


async def test_a_version_that_changes_between_ranges_is_noticed(
    fake: FakeS3, store: S3Store
) -> None:
    fake.state.put(BUCKET, "a", b"old old old")
    pin = (await store.head(BUCKET, "a")).pin

    async def part(start: int, stop: int) -> bytes:
        async with store.read(BUCKET, "a", pin=pin, start=start, stop=stop) as reader:
            return b"".join([chunk async for chunk in reader])

    assert await part(0, 4) == b"old "
    fake.state.put(BUCKET, "a", b"new new new")
    with pytest.raises(PreconditionFailed):
        await part(4, 11)
