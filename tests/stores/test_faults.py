"""Whatever a server does, it is one of our errors, and nothing is left behind."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from email.utils import formatdate

import pytest

from engine.errors import (
    AccessDenied,
    Archived,
    AstraError,
    BadResponse,
    ClockSkew,
    KeyNotSupported,
    NoSpace,
    NotFound,
    NotSupported,
    PreconditionFailed,
    StoreError,
    StoreTimeout,
    Throttled,
    TruncatedBody,
    Unavailable,
)
from engine.model import ObjectMeta, Provider, VersionPin
from engine.stores.body import CHUNK
from engine.stores.http import HttpClient
from engine.stores.s3 import S3Store
from tests.conformance.conftest import pieces
from tests.fake_s3 import FakeS3, Fault, Quirks, Seen
from tests.servers import S3Server, free_ports

BUCKET = "bucket"


@pytest.fixture
async def store(fake: FakeS3) -> AsyncIterator[S3Store]:
    """A store on the scripted server, its canary already asked."""
    fake.state.buckets[BUCKET] = {}
    store = S3Store(fake.cloud())
    await store.guards_deletes(BUCKET)
    fake.seen.clear()
    yield store
    await store.close()


async def get(store: S3Store, key: str, start: int = 0, stop: int | None = None) -> bytes:
    pin = (await store.head(BUCKET, key)).pin
    async with store.read(BUCKET, key, pin=pin, start=start, stop=stop) as reader:
        return b"".join([chunk async for chunk in reader])


async def put(store: S3Store, key: str, data: bytes) -> VersionPin:
    written = await store.write(BUCKET, key, pieces(data), size=len(data), meta=ObjectMeta())
    return written.pin


def on(method: str, fault: Fault, when: Callable[[Seen], bool] = lambda seen: True):
    """A script: this fault for every such request."""
    return lambda seen: fault if seen.method == method and when(seen) else None


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something another thread does."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", AccessDenied),
        (401, "", AccessDenied),
        (403, "SignatureDoesNotMatch", AccessDenied),
        (403, "RequestTimeTooSkewed", ClockSkew),
        (403, "InvalidObjectState", Archived),
        (404, "NoSuchKey", NotFound),
        (404, "NoSuchBucket", NotFound),
        (405, "MethodNotAllowed", NotSupported),
        (409, "ConditionalRequestConflict", PreconditionFailed),
        (409, "OperationAborted", Unavailable),
        (409, "BucketAlreadyExists", StoreError),
        (412, "PreconditionFailed", PreconditionFailed),
        (412, "", PreconditionFailed),
        (429, "", Throttled),
        (503, "SlowDown", Throttled),
        (503, "", Throttled),
        (400, "RequestTimeout", StoreTimeout),
        (400, "KeyTooLongError", KeyNotSupported),
        (400, "BadDigest", Unavailable),
        (400, "IncompleteBody", TruncatedBody),
        (400, "InvalidStorageClass", NotSupported),
        (400, "SomethingNew", StoreError),
        (500, "InternalError", Unavailable),
        (500, "", Unavailable),
        (501, "NotImplemented", NotSupported),
        (502, "", Unavailable),
        (507, "", NoSpace),
        (400, "XMinioStorageFull", NoSpace),
        (299, "", None),
        (304, "", StoreError),
    ],
)
async def test_answers_become_errors(
    fake: FakeS3, store: S3Store, status: int, code: str, kind: type[StoreError] | None
) -> None:
    fake.state.put(BUCKET, "a", b"bytes")
    body = b"" if not code else None
    fake.on_request = on("PUT", Fault(status=status, code=code, body=body))
    with pytest.raises(AstraError) as caught:
        await put(store, "new", b"x")
    if kind is not None:
        assert type(caught.value) is kind
        assert caught.value.status == status
        assert caught.value.code == code
    assert caught.value.subject == "fake:bucket/new"


async def test_an_operator_is_told_what_to_do(fake: FakeS3, store: S3Store) -> None:
    fake.on_request = on("GET", Fault(status=403, code="AccessDenied"))
    with pytest.raises(AccessDenied) as caught:
        await store.buckets()
    assert "permissions" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("soon", 0.0), ("-3", 0.0), ("1e99", 0.0)],
)
async def test_slow_down_says_for_how_long(
    fake: FakeS3, store: S3Store, value: str, seconds: float
) -> None:
    fake.on_request = on(
        "HEAD", Fault(status=503, code="SlowDown", headers={"retry-after": value}, body=b"")
    )
    with pytest.raises(Throttled) as caught:
        await store.head(BUCKET, "a")
    assert caught.value.retry_after == seconds


async def test_slow_down_until_a_date(fake: FakeS3, store: S3Store) -> None:
    later = {"retry-after": formatdate(time.time() + 100, usegmt=True)}
    fake.on_request = on("HEAD", Fault(status=503, headers=later, body=b""))
    with pytest.raises(Throttled) as caught:
        await store.head(BUCKET, "a")
    assert 50 < caught.value.retry_after <= 100


async def test_a_refused_head_with_another_clock_is_clock_skew(
    fake: FakeS3, store: S3Store
) -> None:
    old = {"date": formatdate(time.time() - 3600, usegmt=True)}
    fake.on_request = on("HEAD", Fault(status=403, headers=old, body=b""))
    with pytest.raises(ClockSkew):
        await store.head(BUCKET, "a")
    assert store.clock_offset == pytest.approx(-3600, abs=30)


@pytest.mark.parametrize("size", [10, CHUNK, 3 * CHUNK + 5])
async def test_a_download_that_breaks_off(fake: FakeS3, store: S3Store, size: int) -> None:
    fake.state.put(BUCKET, "a", b"x" * size)
    for cut in (0, 1, size - 1):
        fake.on_request = on("GET", Fault(truncate=cut))
        with pytest.raises(TruncatedBody):
            await get(store, "a")
        with pytest.raises(TruncatedBody):
            await get(store, "a", 0, size)
    fake.on_request = None
    assert len(await get(store, "a")) == size


async def test_a_broken_download_gives_no_chunk_it_cannot_count(
    fake: FakeS3, store: S3Store
) -> None:
    """The last, incomplete chunk is never given: nobody can take it for the end."""
    fake.state.put(BUCKET, "a", b"x" * (2 * CHUNK))
    fake.on_request = on("GET", Fault(truncate=CHUNK + 5))
    pin = (await store.head(BUCKET, "a")).pin
    got = []

    async def download() -> None:
        async with store.read(BUCKET, "a", pin=pin) as reader:
            async for chunk in reader:
                got.append(len(chunk))

    with pytest.raises(TruncatedBody):
        await download()
    assert got == [CHUNK]


@pytest.mark.parametrize("method", ["HEAD", "GET", "PUT", "DELETE"])
async def test_a_reset_connection(fake: FakeS3, store: S3Store, method: str) -> None:
    old = fake.state.put(BUCKET, "a", b"bytes")
    pin = VersionPin(old.etag, size=5)
    fake.on_request = on(method, Fault(reset=True))
    calls = {
        "HEAD": lambda: store.head(BUCKET, "a", pin=pin),
        "GET": lambda: get(store, "a"),
        "PUT": lambda: put(store, "b", b"x"),
        "DELETE": lambda: store.delete(BUCKET, "a", pin=pin),
    }
    with pytest.raises(Unavailable) as caught:
        await calls[method]()
    assert caught.value.retryable
    if method in ("PUT", "DELETE"):
        assert "not known" in caught.value.safe


async def test_a_write_that_took_effect_before_the_reset_is_not_called_undone(
    fake: FakeS3, store: S3Store
) -> None:
    fake.on_request = on("PUT", Fault(reset=True, after=True))
    with pytest.raises(Unavailable) as caught:
        await put(store, "a", b"bytes")
    assert "not known" in caught.value.safe
    assert fake.state.get(BUCKET, "a") is not None
    assert fake.count("PUT", BUCKET, "a") == 1  # and not sent a second time


async def test_nobody_listens() -> None:
    (port,) = free_ports(1)
    store = S3Store(S3Server(f"http://127.0.0.1:{port}", 0, None).cloud())  # type: ignore[arg-type]
    with pytest.raises(Unavailable) as caught:
        await store.head(BUCKET, "a")
    await store.close()
    assert "cannot be reached" in str(caught.value)


async def test_an_answer_that_never_comes(fake: FakeS3, store: S3Store) -> None:
    await store.close()
    store._client.http = HttpClient(read_timeout=0.2)
    release = threading.Event()
    fake.on_request = on("PUT", Fault(hold=release))
    try:
        with pytest.raises(StoreTimeout) as caught:
            await put(store, "a", b"bytes")
    finally:
        release.set()
    assert "not known" in caught.value.safe


# -- bodies that lie ----------------------------------------------------------------------


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


# -- cancelling ---------------------------------------------------------------------------


async def test_cancelling_a_download_leaves_no_connection(fake: FakeS3, store: S3Store) -> None:
    fake.state.put(BUCKET, "a", b"x" * (64 * CHUNK))
    pin = (await store.head(BUCKET, "a")).pin
    begun = asyncio.Event()

    async def download() -> None:
        async with store.read(BUCKET, "a", pin=pin) as reader:
            async for _ in reader:
                begun.set()
                await asyncio.Event().wait()

    before = len(asyncio.all_tasks())
    task = asyncio.create_task(download())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.close()
    await until(lambda: fake.open_connections == 0)
    assert len(asyncio.all_tasks()) == before


async def test_cancelling_an_upload_leaves_no_object_and_no_task(
    fake: FakeS3, store: S3Store
) -> None:
    begun = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * CHUNK
        yield b"y" * CHUNK
        begun.set()
        await asyncio.Event().wait()

    before = len(asyncio.all_tasks())
    task = asyncio.create_task(store.write(BUCKET, "a", body(), size=9 * CHUNK, meta=ObjectMeta()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.close()
    await until(lambda: fake.open_connections == 0)
    await until(lambda: len(asyncio.all_tasks()) == before)
    assert fake.state.get(BUCKET, "a") is None


async def test_leaving_a_download_early_does_not_drain_it(fake: FakeS3, store: S3Store) -> None:
    fake.state.put(BUCKET, "a", b"x" * (64 * CHUNK))
    pin = (await store.head(BUCKET, "a")).pin
    async with store.read(BUCKET, "a", pin=pin) as reader:
        async for _ in reader:
            break
    assert store._client.http.received < 32 * CHUNK
    assert (await store.head(BUCKET, "a")).size == 64 * CHUNK


# -- servers that ignore conditions -------------------------------------------------------


async def test_a_server_that_ignores_create_only_is_asked_first() -> None:
    quirks = Quirks(ignores_if_none_match=True, ignores_put_if_match=True)
    with FakeS3(quirks) as fake:
        fake.state.put(BUCKET, "a", b"old")
        store = S3Store(fake.cloud())
        with pytest.raises(PreconditionFailed):
            await put(store, "a", b"new")
        assert not store.capabilities.create_only
        old = (await store.head(BUCKET, "a")).pin
        fake.state.put(BUCKET, "a", b"newer")
        with pytest.raises(PreconditionFailed):
            await store.write(BUCKET, "a", pieces(b"x"), size=1, meta=ObjectMeta(), replace=old)
        await store.close()
        kept = fake.state.get(BUCKET, "a")
        assert kept is not None
        assert kept.body == b"newer"


async def test_a_server_that_ignores_conditional_deletes_is_found_out() -> None:
    with FakeS3(Quirks(ignores_delete_if_match=True)) as fake:
        fake.state.buckets[BUCKET] = {}
        store = S3Store(fake.cloud())
        assert not await store.guards_deletes(BUCKET)
        asked = len(fake.seen)
        assert not await store.guards_deletes(BUCKET)
        assert len(fake.seen) == asked
        assert store.capabilities.create_only
        assert fake.state.buckets[BUCKET] == {}
        await store.close()


async def test_a_bucket_that_may_not_be_written_is_unguarded() -> None:
    with FakeS3(Quirks(read_only=True)) as fake:
        fake.state.buckets[BUCKET] = {}
        store = S3Store(fake.cloud())
        assert not await store.guards_deletes(BUCKET)
        await store.close()


async def test_a_question_that_got_no_answer_is_asked_again(fake: FakeS3) -> None:
    fake.state.buckets[BUCKET] = {}
    store = S3Store(fake.cloud())
    fake.on_request = on("DELETE", Fault(status=503, code="SlowDown"))
    with pytest.raises(Throttled):
        await store.guards_deletes(BUCKET)
    fake.on_request = None
    assert await store.guards_deletes(BUCKET)
    await store.close()


async def test_an_old_canary_is_removed_and_a_young_one_is_not(fake: FakeS3) -> None:
    fake.state.put(BUCKET, ".astra-canary-old", b"astra")
    fake.state.put(BUCKET, ".astra-canary-young", b"astra")
    fake.state.put(BUCKET, ".astra-else", b"somebody's")
    fake.state.change(BUCKET, ".astra-canary-old", modified=time.time() - 3600)
    store = S3Store(fake.cloud())
    await store.guards_deletes(BUCKET)
    await store.close()
    assert sorted(fake.state.buckets[BUCKET]) == [".astra-canary-young", ".astra-else"]


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(copy_needs_replace=True),
        Quirks(copy_refuses_if_match=True),
        Quirks(copy_needs_replace=True, copy_refuses_if_match=True),
    ],
)
async def test_a_class_change_as_each_server_needs_it(quirks: Quirks) -> None:
    with FakeS3(quirks) as fake:
        store = S3Store(fake.cloud(provider=Provider.AWS))
        fake.state.buckets[BUCKET] = {}
        meta = ObjectMeta(content_type="text/x", user=(("k", "ü"),), tags=(("a", "b"),))
        await store.write(BUCKET, "a", pieces(b"bytes"), size=5, meta=meta)
        before = await store.head(BUCKET, "a")
        after = await store.set_class(BUCKET, "a", pin=before.pin, storage_class="GLACIER_IR")
        await store.close()
    assert after.storage_class == "GLACIER_IR"
    assert (after.meta.content_type, after.meta.user, after.meta.tags) == (
        "text/x",
        (("k", "ü"),),
        (("a", "b"),),
    )


async def test_a_class_change_of_a_version_that_just_went(fake: FakeS3, store: S3Store) -> None:
    fake.state.put(BUCKET, "a", b"old")
    pin = (await store.head(BUCKET, "a")).pin
    fake.on_request = on(
        "PUT",
        Fault(before=lambda: fake.state.put(BUCKET, "a", b"new")),
        lambda seen: "x-amz-copy-source" in seen.headers,
    )
    with pytest.raises(PreconditionFailed):
        await store.set_class(BUCKET, "a", pin=pin, storage_class="STANDARD_IA")
    kept = fake.state.get(BUCKET, "a")
    assert kept is not None
    assert (kept.body, kept.storage_class) == (b"new", "STANDARD")


async def test_expired_keys_are_fetched_anew(fake: FakeS3, store: S3Store) -> None:
    fake.state.put(BUCKET, "a", b"bytes")
    expired = Fault(status=400, code="ExpiredToken")
    fake.on_request = lambda seen: expired if seen.number == 1 else None
    fake.seen.clear()
    await store.buckets()
    assert len(fake.seen) == 2


async def test_damaged_bytes_are_counted_right_and_read_wrong(fake: FakeS3, store: S3Store) -> None:
    """What only a digest can find: the store has no part in it, the migration does."""
    fake.state.put(BUCKET, "a", b"bytes")
    fake.on_request = on("GET", Fault(flip=2))
    assert await get(store, "a") == b"byues"
    with contextlib.suppress(StoreError):
        await store.close()
