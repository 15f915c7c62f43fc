"""Whatever a server does, it is one of our errors, and nothing is left behind."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from email.utils import formatdate

import pytest

from engine.errors import (
    AccessDenied,
    Archived,
    AstraError,
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
from engine.model import ObjectMeta, VersionPin
from engine.stores.body import CHUNK
from engine.stores.http import HttpClient
from engine.stores.s3 import S3Store
from tests.fake_s3 import FakeS3, Fault
from tests.servers import S3Server, free_ports
from tests.stores.fault_tools import BUCKET, get, on, put, until


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
    [("7", 7.0), ("0.5", 0.5), ("soon", 0.0), ("-3", 0.0), ("1e99", 900.0)],
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
