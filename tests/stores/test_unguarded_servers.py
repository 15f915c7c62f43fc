"""Servers that ignore conditions are found out, and written to with care."""

import contextlib
import time

import pytest

from engine.errors import (
    PreconditionFailed,
    StoreError,
    Throttled,
)
from engine.model import ObjectMeta, Provider
from engine.stores.s3 import S3Store
from tests.conformance.conftest import pieces
from tests.fake_s3 import FakeS3, Fault, Quirks
from tests.stores.fault_tools import BUCKET, get, on, put


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
    old, young = f".astra-canary-{1:032x}", f".astra-canary-{2:032x}"
    fake.state.put(BUCKET, old, b"astra")
    fake.state.put(BUCKET, young, b"astra")
    fake.state.put(BUCKET, ".astra-else", b"somebody's")
    fake.state.change(BUCKET, old, modified=time.time() - 3600)
    store = S3Store(fake.cloud())
    await store.guards_deletes(BUCKET)
    await store.close()
    assert sorted(fake.state.buckets[BUCKET]) == [young, ".astra-else"]


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
