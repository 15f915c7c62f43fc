"""Uploads in parts on the scripted Google Cloud Storage: exact, conditional, nothing left."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator

import google_crc32c
import pytest

from engine.crc32c import joined
from engine.errors import (
    BadResponse,
    KeyNotSupported,
    NotFound,
    NotSupported,
    PreconditionFailed,
    StoreError,
    Unavailable,
)
from engine.model import ObjectMeta
from engine.stores.base import Part
from engine.stores.gcs import GCSStore
from tests.conformance.conftest import pieces
from tests.fake_gcs import FakeGCS, Fault, GCSQuirks, Seen
from tests.stores.gcs_tools import BUCKET, fake_gcs, get, opened, put

META = ObjectMeta(
    content_type="text/x",
    content_encoding="gzip",
    cache_control="no-store",
    user=(("owner", "anna ✓"),),
    modified=7.25,
)


@pytest.fixture
def fake() -> FakeGCS:
    with fake_gcs() as server:
        yield server


@pytest.fixture
async def store(fake: FakeGCS) -> AsyncIterator[GCSStore]:
    async with opened(fake) as made:
        yield made


async def send(store: GCSStore, upload: str, datas: list[bytes]) -> list[Part]:
    return [
        await store.upload_part(BUCKET, "big", upload, number, data)
        for number, data in enumerate(datas, 1)
    ]


async def begin(store: GCSStore, storage_class: str = "") -> str:
    return await store.begin_upload(BUCKET, "big", meta=META, storage_class=storage_class)


def kept(fake: FakeGCS) -> list[str]:
    """All that is in the bucket, in any generation."""
    here = fake.objects.buckets[BUCKET]
    return sorted([*here.live, *(item.name for item in here.noncurrent)])


@pytest.mark.parametrize("count", [1, 2, 32, 33, 65])
async def test_any_number_of_parts_becomes_the_object(
    fake: FakeGCS, store: GCSStore, count: int
) -> None:
    datas = [bytes([number]) * (number % 5 + 1) for number in range(count)]
    upload = await begin(store, "COLDLINE")
    parts = await send(store, upload, datas)
    assert await store.parts(BUCKET, "big", upload) == parts
    written = await store.complete_upload(BUCKET, "big", upload, parts)
    head = await store.head(BUCKET, "big", pin=written.pin)
    assert await get(store, "big", head.pin) == b"".join(datas)
    assert (head.meta, head.storage_class) == (META, "COLDLINE")
    assert [item.algorithm for item in head.checksums] == ["crc32c"]
    assert written.checksums == head.checksums
    assert kept(fake) == ["big"]


async def test_more_than_a_thousand_parts_take_three_levels(fake: FakeGCS, store: GCSStore) -> None:
    upload = await begin(store)
    folder = f".astra-parts/{upload}/"
    for number in range(1, 1027):
        fake.objects.put(BUCKET, f"{folder}{number:05d}", number.to_bytes(2, "big"))
    parts = await store.parts(BUCKET, "big", upload)
    assert len(parts) == 1026
    await store.complete_upload(BUCKET, "big", upload, parts)
    whole = b"".join(number.to_bytes(2, "big") for number in range(1, 1027))
    assert await get(store, "big") == whole
    assert kept(fake) == ["big"]


@pytest.mark.parametrize("versioned", [False, True])
async def test_what_is_composed_in_another_class_is_rewritten(versioned: bool) -> None:
    with fake_gcs(GCSQuirks(composes_standard=True)) as fake:
        fake.objects.buckets[BUCKET].versioned = versioned
        async with opened(fake) as store:
            upload = await begin(store, "COLDLINE")
            parts = await send(store, upload, [b"one", b"two"])
            written = await store.complete_upload(BUCKET, "big", upload, parts)
            head = await store.head(BUCKET, "big", pin=written.pin)
            assert (head.storage_class, head.meta) == ("COLDLINE", META)
            assert await get(store, "big", written.pin) == b"onetwo"
        assert kept(fake) == ["big"]


@pytest.mark.parametrize("in_parts", [False, True])
async def test_where_the_bucket_chooses_the_class_no_other_is_promised(in_parts: bool) -> None:
    with fake_gcs(GCSQuirks(own_class=True)) as fake:
        async with opened(fake) as store:
            if in_parts:
                upload = await begin(store, "COLDLINE")
                parts = await send(store, upload, [b"one", b"two"])
                what = store.complete_upload(BUCKET, "big", upload, parts)
            else:
                what = store.write(
                    BUCKET, "big", pieces(b"x"), size=1, meta=META, storage_class="COLDLINE"
                )
            with pytest.raises(NotSupported) as caught:
                await what
            assert "Autoclass" in caught.value.todo
            assert fake.objects.get(BUCKET, "big") is None


async def test_parts_are_standard_and_never_listed(fake: FakeGCS, store: GCSStore) -> None:
    await put(store, "other", b"x")
    upload = await begin(store, "ARCHIVE")
    await send(store, upload, [b"part"])
    classes = {item.storage_class for item in fake.objects.buckets[BUCKET].live.values()}
    assert classes == {"STANDARD"}
    pages = [page async for page in store.list_pages(BUCKET)]
    assert [entry.key for page in pages for entry in page.entries] == ["other"]
    for key in [name for name in kept(fake) if name != "other"]:
        assert store.check_key(key)
        with pytest.raises(KeyNotSupported):
            await put(store, key, b"x")
    assert store.check_key(".astra-parts/mine") == ""  # only what is surely ours


async def test_the_composed_object_is_conditional_on_both_ends(
    fake: FakeGCS, store: GCSStore
) -> None:
    upload = await begin(store)
    (part,) = await send(store, upload, [b"part"])
    await store.complete_upload(BUCKET, "big", upload, [part])
    (sent,) = [seen for seen in fake.seen if seen.path.partition("?")[0].endswith("/compose")]
    assert sent.query["ifGenerationMatch"] == "0"
    generation = part.etag.partition("-")[0]
    assert f'"ifGenerationMatch": "{generation}"'.encode() in sent.body
    assert b'"deleteSourceObjects": true' in sent.body


async def test_a_part_that_was_replaced_meanwhile_is_not_taken(
    fake: FakeGCS, store: GCSStore
) -> None:
    upload = await begin(store)
    (part,) = await send(store, upload, [b"mine"])
    fake.objects.put(BUCKET, f".astra-parts/{upload}/00001", b"evil")
    with pytest.raises(StoreError) as caught:
        await store.complete_upload(BUCKET, "big", upload, [part])
    assert caught.value.code == "InvalidPart"
    assert fake.objects.get(BUCKET, "big") is None


@pytest.mark.parametrize("loss", ["replaced", "removed"])
async def test_a_part_that_goes_at_the_last_moment_is_not_missed(
    fake: FakeGCS, store: GCSStore, loss: str
) -> None:
    upload = await begin(store)
    (part,) = await send(store, upload, [b"mine"])
    name = f".astra-parts/{upload}/00001"

    def meddle() -> None:
        if loss == "replaced":
            fake.objects.put(BUCKET, name, b"evil")
        else:
            fake.objects.delete(BUCKET, name)

    fake.on_request = lambda seen: (
        Fault(before=meddle) if seen.path.partition("?")[0].endswith("/compose") else None
    )
    with pytest.raises(Unavailable) as caught:
        await store.complete_upload(BUCKET, "big", upload, [part])
    assert caught.value.code == "InvalidPart"
    assert fake.objects.get(BUCKET, "big") is None
    assert [item.upload_id for item in await store.uploads(BUCKET)] == [upload]


async def test_a_composed_object_of_other_bytes_is_removed(fake: FakeGCS, store: GCSStore) -> None:
    upload = await begin(store)
    (part,) = await send(store, upload, [b"mine"])

    def lie(seen: Seen) -> Fault | None:
        if not seen.path.partition("?")[0].endswith("/compose"):
            return None
        made = fake.objects.put(BUCKET, "big", b"evil")
        return Fault(status=200, body=json.dumps(made.resource(BUCKET)).encode())

    fake.on_request = lie
    with pytest.raises(BadResponse):
        await store.complete_upload(BUCKET, "big", upload, [part])
    assert fake.objects.get(BUCKET, "big") is None


async def test_what_somebody_wrote_meanwhile_stays(fake: FakeGCS, store: GCSStore) -> None:
    upload = await begin(store)
    (part,) = await send(store, upload, [b"mine"])
    fake.objects.put(BUCKET, "big", b"theirs")
    with pytest.raises(PreconditionFailed):
        await store.complete_upload(BUCKET, "big", upload, [part])
    assert await get(store, "big") == b"theirs"
    assert await store.parts(BUCKET, "big", upload) == [part]  # for another try
    await store.abort_upload(BUCKET, "big", upload)
    assert kept(fake) == ["big"]


async def test_nothing_stays_of_parts_sent_twice_in_a_versioned_bucket(fake: FakeGCS) -> None:
    fake.objects.buckets[BUCKET].versioned = True
    async with opened(fake) as store:
        upload = await begin(store)
        await send(store, upload, [b"wrong"])
        (part,) = await send(store, upload, [b"right"])
        await store.complete_upload(BUCKET, "big", upload, [part])
        assert kept(fake) == ["big"]
        other = await begin(store)
        await send(store, other, [b"one", b"two"])
        await store.abort_upload(BUCKET, "big", other)
        assert kept(fake) == ["big"]


async def test_where_composing_deletes_nothing_the_parts_go_all_the_same() -> None:
    with fake_gcs(GCSQuirks(keeps_sources=True)) as fake:
        async with opened(fake) as store:
            upload = await begin(store)
            parts = await send(store, upload, [bytes([number]) for number in range(40)])
            await store.complete_upload(BUCKET, "big", upload, parts)
            assert kept(fake) == ["big"]


async def test_a_part_that_arrives_after_the_abort_removes_itself(
    fake: FakeGCS, store: GCSStore
) -> None:
    upload = await begin(store)
    async with opened(fake) as other:

        def abort_now(seen: Seen) -> Fault | None:
            if seen.method != "POST" or b"late" not in seen.body:
                return None
            fake.on_request = None
            fake.objects.delete(BUCKET, f".astra-uploads/{upload}")
            return None

        fake.on_request = abort_now
        with pytest.raises(NotFound) as caught:
            await store.upload_part(BUCKET, "big", upload, 1, b"late")
        assert caught.value.code == "NoSuchUpload"
        await other.abort_upload(BUCKET, "big", upload)
    assert kept(fake) == []


async def test_an_upload_belongs_to_its_key(fake: FakeGCS, store: GCSStore) -> None:
    upload = await begin(store)
    for what in (
        store.upload_part(BUCKET, "other", upload, 1, b"x"),
        store.parts(BUCKET, "other", upload),
        store.complete_upload(BUCKET, "other", upload, []),
    ):
        with pytest.raises(NotFound) as caught:
            await what
        assert caught.value.code == "NoSuchUpload"


async def test_hostile_keys_of_uploads_are_told_exactly(fake: FakeGCS, store: GCSStore) -> None:
    keys = ["a/../b", "é✓\x1b", "%2F %", "cafe\u0301"]
    for key in keys:
        await store.begin_upload(BUCKET, key, meta=ObjectMeta())
    assert sorted(item.key for item in await store.uploads(BUCKET)) == sorted(keys)
    assert [item.key for item in await store.uploads(BUCKET, "a/.")] == ["a/../b"]


async def test_no_parts_where_they_could_not_be_removed(fake: FakeGCS, store: GCSStore) -> None:
    fake.objects.buckets[BUCKET].retained = True
    with pytest.raises(NotSupported) as caught:
        await begin(store)
    assert "retention" in caught.value.todo
    assert kept(fake) == []


async def test_who_may_not_see_the_bucket_may_upload(fake: FakeGCS, store: GCSStore) -> None:
    fake.on_request = lambda seen: (
        Fault(status=403, code="forbidden") if seen.query.get("fields", "")[:4] == "name" else None
    )
    upload = await begin(store)
    assert [item.upload_id for item in await store.uploads(BUCKET)] == [upload]


async def test_a_failed_clean_up_is_heard_and_can_be_done_again(
    fake: FakeGCS, store: GCSStore
) -> None:
    upload = await begin(store)
    parts = await send(store, upload, [b"one", b"two"])
    fake.on_request = lambda seen: (
        Fault(status=403, code="forbidden") if seen.method == "DELETE" else None
    )
    with pytest.raises(Unavailable) as caught:
        await store.complete_upload(BUCKET, "big", upload, parts)
    assert caught.value.code == "PartsLeft"
    fake.on_request = None
    assert [item.upload_id for item in await store.uploads(BUCKET)] == [upload]
    await store.abort_upload(BUCKET, "big", upload)
    assert kept(fake) == ["big"]
    assert await get(store, "big") == b"onetwo"


async def test_a_cancelled_part_leaves_no_task_and_no_connection(
    fake: FakeGCS, store: GCSStore
) -> None:
    upload = await begin(store)
    held = asyncio.Event()
    loop = asyncio.get_running_loop()
    gate = threading.Event()

    def hold(seen: Seen) -> Fault | None:
        if seen.method == "POST":
            loop.call_soon_threadsafe(held.set)
            return Fault(hold=gate)
        return None

    fake.on_request = hold
    before = asyncio.all_tasks()
    task = asyncio.create_task(store.upload_part(BUCKET, "big", upload, 1, b"x" * 3_000_000))
    async with asyncio.timeout(10):
        await held.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
    fake.on_request = None
    assert asyncio.all_tasks() == before
    await store.abort_upload(BUCKET, "big", upload)
    async with asyncio.timeout(10):
        while kept(fake):  # the server may have finished the part after the first look
            await store.abort_upload(BUCKET, "big", upload)


def test_checksums_of_parts_combine() -> None:
    for sizes in ([], [0], [1], [5, 0, 7], [3, 1 << 20, 77, 65_537]):
        parts = [bytes([index + 1]) * size for index, size in enumerate(sizes)]
        found = joined((google_crc32c.value(part), len(part)) for part in parts)
        assert found == google_crc32c.value(b"".join(parts))
