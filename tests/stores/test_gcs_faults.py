"""Whatever Google Cloud Storage, or what stands before it, does: it is one of our errors."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator

import pytest

from engine.errors import (
    AccessDenied,
    BadResponse,
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
from engine.model import ObjectMeta
from engine.stores.gcs import GCSStore
from engine.stores.http import HttpClient
from tests.fake_gcs import FakeGCS, Fault
from tests.fake_gcs_handlers import error
from tests.servers import free_ports
from tests.stores.gcs_tools import BUCKET, fake_gcs, get, opened, put


@pytest.fixture
def fake() -> FakeGCS:
    with fake_gcs() as server:
        yield server


@pytest.fixture
async def store(fake: FakeGCS) -> AsyncIterator[GCSStore]:
    async with opened(fake) as made:
        yield made


@pytest.mark.parametrize(
    ("status", "reason", "kind", "code"),
    [
        (400, "invalid", StoreError, "invalid"),
        (400, "", StoreError, ""),
        (401, "authError", AccessDenied, "authError"),
        (403, "forbidden", AccessDenied, "forbidden"),
        (403, "", AccessDenied, ""),
        (403, "retentionPolicyNotMet", AccessDenied, "retentionPolicyNotMet"),
        (403, "rateLimitExceeded", Throttled, "rateLimitExceeded"),
        (403, "quotaExceeded", NoSpace, "quotaExceeded"),
        (404, "notFound", NotFound, "NoSuchKey"),
        (404, "", NotFound, ""),
        (405, "methodNotAllowed", NotSupported, "methodNotAllowed"),
        (408, "", StoreTimeout, ""),
        (409, "conflict", StoreError, "conflict"),
        (412, "conditionNotMet", PreconditionFailed, "conditionNotMet"),
        (413, "uploadTooLarge", NotSupported, "uploadTooLarge"),
        (429, "rateLimitExceeded", Throttled, "rateLimitExceeded"),
        (429, "", Throttled, ""),
        (500, "internalError", Unavailable, "internalError"),
        (500, "", Unavailable, ""),
        (502, "", Unavailable, ""),
        (503, "backendError", Unavailable, "backendError"),
        (504, "", Unavailable, ""),
        (302, "", StoreError, ""),
    ],
)
async def test_answers_become_errors(
    fake: FakeGCS, store: GCSStore, status: int, reason: str, kind: type[StoreError], code: str
) -> None:
    body = None if reason else b"<html>a proxy says so</html>"
    fake.on_request = lambda seen: Fault(status=status, code=reason, body=body)
    of_list = "NoSuchBucket" if code == "NoSuchKey" else code
    for what, said in (
        (put(store, "a", b"x"), code),
        (store.head(BUCKET, "a"), code),
        (store.uploads(BUCKET), of_list),
    ):
        with pytest.raises(StoreError) as caught:
            await what
        assert (type(caught.value), caught.value.status, caught.value.code) == (kind, status, said)


async def test_a_missing_bucket_is_no_missing_object(fake: FakeGCS, store: GCSStore) -> None:
    with pytest.raises(NotFound) as caught:
        await store.head("elsewhere", "a")
    assert caught.value.code == "NoSuchBucket"
    with pytest.raises(NotFound) as caught:
        await store.head(BUCKET, "a")
    assert caught.value.code == "NoSuchKey"


@pytest.mark.parametrize("status", [429, 503])
async def test_slow_down_says_for_how_long(fake: FakeGCS, store: GCSStore, status: int) -> None:
    fake.on_request = lambda seen: Fault(status=status, headers={"retry-after": "7"})
    with pytest.raises(Throttled) as caught:
        await store.head(BUCKET, "a")
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ('Provided MD5 hash "a" doesn\'t match calculated MD5 hash "b".', Unavailable),
        ('Provided CRC32C "a" doesn\'t match calculated CRC32C "b".', Unavailable),
        ("The storage class you specified is not valid.", NotSupported),
    ],
)
async def test_what_only_the_message_tells(
    fake: FakeGCS, store: GCSStore, message: str, kind: type[StoreError]
) -> None:
    body = error(400, "invalid", message).body
    fake.on_request = lambda seen: Fault(status=400, body=body)
    with pytest.raises(kind):
        await put(store, "a", b"x")


@pytest.mark.parametrize("key", ["..", ".", ""])
async def test_a_name_that_means_another_resource_is_never_sent(
    fake: FakeGCS, store: GCSStore, key: str
) -> None:
    fake.objects.put(BUCKET, "victim", b"x")
    pin = (await store.head(BUCKET, "victim")).pin
    fake.seen.clear()
    for what in (
        store.head(BUCKET, key),
        store.delete(BUCKET, key, pin=pin),
        get(store, key, pin),
        put(store, key, b"x"),
    ):
        with pytest.raises(KeyNotSupported):
            await what
    assert fake.seen == []


async def test_a_lost_connection_leaves_open_what_happened(fake: FakeGCS, store: GCSStore) -> None:
    fake.on_request = lambda seen: Fault(reset=True, after=True)
    with pytest.raises(Unavailable) as caught:
        await put(store, "a", b"x")
    assert "not known" in caught.value.safe
    assert fake.count("POST") == 1  # never sent again by itself
    fake.on_request = None
    assert await get(store, "a") == b"x"


async def test_nobody_there() -> None:
    (port,) = free_ports(1)
    with fake_gcs() as fake:
        fake.endpoint = f"http://127.0.0.1:{port}"
        async with opened(fake, asked=False) as store:
            with pytest.raises(Unavailable) as caught:
                await store.head(BUCKET, "a")
    assert "cannot be reached" in caught.value.what


async def test_a_server_that_falls_silent_times_out(fake: FakeGCS) -> None:
    gate = threading.Event()
    async with opened(fake) as store:
        await store._client.http.close()
        store._client.http = HttpClient(read_timeout=0.2)
        fake.on_request = lambda seen: Fault(hold=gate)
        try:
            for what in (store.head(BUCKET, "a"), put(store, "a", b"x")):
                with pytest.raises(StoreTimeout):
                    await what
        finally:
            gate.set()


@pytest.mark.parametrize("sent", [0, 1, 1_500_000])
async def test_a_download_that_ends_early_is_no_object(
    fake: FakeGCS, store: GCSStore, sent: int
) -> None:
    pin = await put(store, "a", b"x" * 2_000_000)
    fake.on_request = lambda seen: Fault(truncate=sent) if "alt" in seen.query else None
    with pytest.raises((TruncatedBody, Unavailable)):
        await get(store, "a", pin)


async def test_an_answer_that_ends_early_is_no_answer(fake: FakeGCS, store: GCSStore) -> None:
    fake.objects.put(BUCKET, "a", b"x")
    fake.on_request = lambda seen: Fault(truncate=20)
    for what in (store.head(BUCKET, "a"), put(store, "b", b"x")):
        with pytest.raises(Unavailable):
            await what


OTHER = {"kind": "storage#object", "generation": "5", "metageneration": "1", "size": "1"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b"null",
        b'"done"',
        b"<html>log in</html>",
        b'{"error": {"code": 503, "message": "after all"}}',
        json.dumps({**OTHER, "name": "other", "bucket": BUCKET}).encode(),
        json.dumps({**OTHER, "name": "a", "bucket": "other"}).encode(),
        json.dumps({**OTHER, "name": "a", "bucket": BUCKET, "generation": "x"}).encode(),
        json.dumps({"name": "a", "bucket": BUCKET}).encode(),
    ],
)
async def test_a_success_that_carries_something_else_is_none(
    fake: FakeGCS, store: GCSStore, body: bytes
) -> None:
    fake.on_request = lambda seen: Fault(status=200, body=body)
    for what in (store.head(BUCKET, "a"), put(store, "a", b"x")):
        with pytest.raises(BadResponse):
            await what


async def test_cancelling_a_write_leaves_nothing_behind(fake: FakeGCS, store: GCSStore) -> None:
    started = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        started.set()
        await asyncio.Event().wait()

    before = asyncio.all_tasks()
    task = asyncio.create_task(
        store.write(BUCKET, "a", endless(), size=9_000_000, meta=ObjectMeta())
    )
    async with asyncio.timeout(10):
        await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before
    assert fake.objects.get(BUCKET, "a") is None
