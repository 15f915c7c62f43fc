"""Google Cloud Storage, on a scripted server that is as strict as Google."""

import gzip
import hashlib
from collections.abc import AsyncIterator

import pytest

from engine.errors import (
    AccessDenied,
    BadResponse,
    ConfigError,
    KeyNotSupported,
    NotFound,
    NotSupported,
    PreconditionFailed,
    Unavailable,
    UsageError,
)
from engine.model import ListEntry, ObjectMeta, Provider, StoreKind, VersionPin
from engine.settings import CloudSettings
from engine.stores import open_store
from engine.stores.base import DeleteGuard
from engine.stores.gcs import GCSStore
from engine.stores.gcs_endpoint import Endpoint
from engine.stores.gcs_resource import read_meta, write_resource
from tests.fake_gcs import FakeGCS, Fault, GCSQuirks, Seen
from tests.stores.gcs_tools import BUCKET, fake_gcs, get, opened, put


@pytest.fixture
def fake() -> FakeGCS:
    with fake_gcs() as server:
        yield server


@pytest.fixture
async def store(fake: FakeGCS) -> AsyncIterator[GCSStore]:
    async with opened(fake) as made:
        yield made


def cloud(endpoint: str = "", **more: object) -> CloudSettings:
    return CloudSettings(
        "g",
        StoreKind.GCS,
        Provider.GCP,
        endpoint=endpoint,
        **more,  # type: ignore[arg-type]
    )


# -- where requests go ------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    ["..", ".", "a/../b", "../other", "/lead", "trail/", "a//b", "%2F", "?x#y", "é+ ", "\x1b"],
)
def test_a_name_is_one_segment_of_the_path(key: str) -> None:
    endpoint = Endpoint.of(cloud())
    try:
        url = endpoint.object("bucket", key, [], "at")
    except KeyNotSupported:
        assert key in ("..", ".")
        return
    head = "https://storage.googleapis.com/storage/v1/b/bucket/o/"
    assert url.startswith(head)
    assert not set(url[len(head) :]) & set("/?# +")


async def test_the_request_line_carries_the_name_exactly(fake: FakeGCS, store: GCSStore) -> None:
    await put(store, "a/../b c", b"x")
    assert await get(store, "a/../b c") == b"x"
    assert all("/o/a%2F..%2Fb%20c" in seen.path for seen in fake.seen if seen.method == "GET")


def test_only_google_itself_is_trusted_untested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    for url in (
        "",
        "https://storage.googleapis.com",
        "https://storage.me-west1.rep.googleapis.com",
    ):
        assert open_store(cloud(url)).capabilities.delete_guard is DeleteGuard.KNOWN
    for url in (
        "http://127.0.0.1:1",
        "https://googleapis.com.example.org",
        "http://googleapis.com",
    ):
        assert open_store(cloud(url)).capabilities.delete_guard is DeleteGuard.PROBE
    google = open_store(cloud()).capabilities
    assert google.attested == {"crc32c", "md5"}
    assert (google.tags, google.restore, google.versions) == (False, False, True)
    assert open_store(cloud()).locate("b", "k") == "https://storage.googleapis.com/b/k"


def test_the_emulator_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("127.0.0.1:4443", "http://127.0.0.1:4443"):
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", value)
        assert Endpoint.of(cloud()).base == "http://127.0.0.1:4443"
        assert Endpoint.of(cloud("http://localhost:1")).base == "http://localhost:1"
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:4443/storage?x")
    with pytest.raises(ConfigError) as caught:
        Endpoint.of(cloud())
    assert caught.value.subject == "STORAGE_EMULATOR_HOST"


def test_no_token_travels_unencrypted(tmp_path) -> None:
    with pytest.raises(ConfigError) as caught:
        open_store(cloud("http://storage.example.org", credentials_file=tmp_path / "key.json"))
    assert "unencrypted" in caught.value.what


# -- pins -------------------------------------------------------------------------------


async def test_the_same_bytes_again_are_another_version(fake: FakeGCS, store: GCSStore) -> None:
    first = await put(store, "a", b"same")
    fake.objects.put(BUCKET, "a", b"same")
    assert not first.matches((await store.head(BUCKET, "a")).pin)
    for what in (get(store, "a", first), store.delete(BUCKET, "a", pin=first)):
        with pytest.raises(PreconditionFailed) as caught:
            await what
        assert caught.value.code == "NoSuchVersion"
    with pytest.raises(PreconditionFailed):
        await put(store, "a", b"new", replace=first)
    assert await get(store, "a") == b"same"


async def test_new_metadata_alone_is_another_version_too(fake: FakeGCS, store: GCSStore) -> None:
    first = await put(store, "a", b"bytes")
    fake.objects.change(BUCKET, "a", fields='{"contentType": "text/new"}')
    assert not first.matches((await store.head(BUCKET, "a")).pin)
    for what in (
        store.head(BUCKET, "a", pin=first),
        get(store, "a", first),
        put(store, "a", b"new", replace=first),
        store.set_class(BUCKET, "a", pin=first, storage_class="NEARLINE"),
        store.delete(BUCKET, "a", pin=first),
    ):
        with pytest.raises(PreconditionFailed):
            await what
    assert await get(store, "a") == b"bytes"


async def test_a_pin_of_a_listing_is_as_exact(fake: FakeGCS, store: GCSStore) -> None:
    await put(store, "a", b"same")
    pages = [page async for page in store.list_pages(BUCKET)]
    (row,) = pages[0].entries
    pin = VersionPin(row.etag, row.modified, row.size)
    assert await get(store, "a", pin) == b"same"
    fake.objects.put(BUCKET, "a", b"same")
    with pytest.raises(PreconditionFailed):
        await get(store, "a", pin)


async def test_in_a_versioned_bucket_exactly_one_generation_goes(fake: FakeGCS) -> None:
    fake.objects.buckets[BUCKET].versioned = True
    async with opened(fake) as store:
        first = await put(store, "a", b"first")
        await put(store, "a", b"second", replace=first)
        assert await get(store, "a", first) == b"first"
        await store.delete(BUCKET, "a", pin=first)
        assert fake.objects.buckets[BUCKET].noncurrent == []
        assert await get(store, "a") == b"second"
        with pytest.raises(PreconditionFailed):
            await store.delete(BUCKET, "a", pin=first)


async def test_the_delete_carries_both_conditions(fake: FakeGCS, store: GCSStore) -> None:
    pin = await put(store, "a", b"x")
    await store.delete(BUCKET, "a", pin=pin)
    (sent,) = [seen for seen in fake.seen if seen.method == "DELETE"]
    assert sent.query == {
        "generation": pin.version_id,
        "ifGenerationMatch": pin.version_id,
        "ifMetagenerationMatch": "1",
    }


async def test_a_condition_that_is_ignored_is_found_out() -> None:
    for name in ("upload", "delete", "compose", "rewrite"):
        with fake_gcs(GCSQuirks(ignores_conditions=frozenset({name}))) as fake:
            async with opened(fake, asked=False) as store:
                found = await store.conditions(BUCKET)
                honoured = {
                    "upload": found.create and found.replace,
                    "delete": found.delete,
                    "compose": found.compose,
                    "rewrite": found.rewrite,
                }
                assert [key for key, held in honoured.items() if not held] == [name]
                assert store.capabilities.create_only is (name != "upload")
                assert fake.objects.buckets[BUCKET].live == {}  # the canary is gone


async def test_a_bucket_that_may_not_be_written_counts_as_unguarded() -> None:
    with fake_gcs(GCSQuirks(read_only=True)) as fake:
        async with opened(fake, asked=False) as store:
            assert await store.guards_deletes(BUCKET) is False
            with pytest.raises(AccessDenied):
                await put(store, "a", b"x")


# -- reading ----------------------------------------------------------------------------


async def test_what_is_stored_as_gzip_arrives_as_it_is_stored(
    fake: FakeGCS, store: GCSStore
) -> None:
    stored = gzip.compress(b"plain " * 100)
    fake.objects.put(BUCKET, "a", stored, contentEncoding="gzip")
    assert await get(store, "a") == stored
    assert await get(store, "a", start=3, stop=9) == stored[3:9]
    assert (await store.head(BUCKET, "a")).meta.content_encoding == "gzip"


async def test_a_server_that_decompresses_on_the_way_is_found_out() -> None:
    with fake_gcs(GCSQuirks(transcodes=True)) as fake:
        fake.objects.put(BUCKET, "a", gzip.compress(b"plain " * 100), contentEncoding="gzip")
        async with opened(fake) as store:
            for span in ((0, None), (3, 9)):
                with pytest.raises(BadResponse):
                    await get(store, "a", None, *span)


async def test_an_answer_without_its_generation_proves_nothing() -> None:
    with fake_gcs(GCSQuirks(no_generation_header=True)) as fake:
        fake.objects.put(BUCKET, "a", b"x")
        async with opened(fake) as store:
            with pytest.raises(BadResponse):
                await get(store, "a")


async def test_a_range_must_be_kept_to(fake: FakeGCS, store: GCSStore) -> None:
    pin = await put(store, "a", b"0123456789")
    generation = {"x-goog-generation": pin.version_id}
    for fault in (
        Fault(status=200, body=b"0123456789", headers=generation),
        Fault(status=206, body=b"34", headers=generation),
        Fault(status=206, body=b"45", headers={**generation, "content-range": "bytes 4-5/10"}),
        Fault(status=206, body=b"345", headers={**generation, "content-range": "bytes 3-4/10"}),
    ):
        fake.on_request = lambda seen, fault=fault: fault
        with pytest.raises(BadResponse):
            await get(store, "a", pin, 3, 5)


# -- listing ----------------------------------------------------------------------------


async def test_ten_thousand_are_listed_in_pages(fake: FakeGCS, store: GCSStore) -> None:
    keys = [f"dir-{number % 7}/{number:05d}" for number in range(10_250)]
    for key in keys:
        fake.objects.put(BUCKET, key, b"")
    pages = [page async for page in store.list_pages(BUCKET)]
    assert [entry.key for page in pages for entry in page.entries] == sorted(keys)
    assert [len(page.entries) for page in pages] == [1000] * 10 + [250]


@pytest.mark.parametrize(
    "body",
    [
        b'{"kind": "storage#objects", "nextPageToken": "again"}',  # a circle
        b'{"items": []}',
        b'{"kind": "storage#objects", "items": {"name": "a"}}',
        b'{"kind": "storage#objects", "items": [{"name": "a"}]}',
        b'{"kind": "storage#object", "name": "a"}',
        b'{"error": {"code": 500}}',
        b"<html>log in</html>",
        b"[]",
        b"",
    ],
)
async def test_no_listing_is_better_than_half_of_one(
    fake: FakeGCS, store: GCSStore, body: bytes
) -> None:
    fake.on_request = lambda seen: Fault(status=200, body=body)
    with pytest.raises(BadResponse):
        [page async for page in store.list_pages(BUCKET)]


async def test_a_listing_that_fails_in_the_middle_fails() -> None:
    with fake_gcs(GCSQuirks(page=2)) as fake:
        for number in range(5):
            fake.objects.put(BUCKET, f"key-{number}", b"")
        async with opened(fake) as store:

            def third(seen: Seen) -> Fault | None:
                return Fault(status=404, code="notFound") if len(fake.seen) == 3 else None

            fake.on_request = third
            got: list[ListEntry] = []

            async def listing() -> None:
                async for page in store.list_pages(BUCKET):
                    got.extend(page.entries)

            with pytest.raises(NotFound):
                await listing()
            assert len(got) == 4


# -- metadata and classes ---------------------------------------------------------------


def test_the_time_of_modification_is_read_as_others_write_it() -> None:
    base = {"timeCreated": "2024-01-02T03:04:05.678Z"}
    own = read_meta(base | {"metadata": {"mtime": "77.5", "a": "b"}})
    assert (own.modified, own.user) == (77.5, (("a", "b"),))
    rclone = read_meta(base | {"metadata": {"mtime": "1970-01-01T00:01:17.500000001Z"}})
    assert (rclone.modified, rclone.user) == (77.500000001, ())
    gsutil = read_meta(base | {"metadata": {"goog-reserved-file-mtime": "77"}})
    assert gsutil.modified == 77
    assert read_meta(base).modified == 1704164645.678
    for seconds in (1.0, 77.5, 3e11, 1_700_000_000.25, 1_700_000_000.123456789, 4e9 + 1e-6):
        made = write_resource(ObjectMeta(modified=seconds), "", "at")
        assert read_meta(made).modified == seconds
    assert write_resource(ObjectMeta(modified=77.5), "", "at")["metadata"] == {
        "mtime": "1970-01-01T00:01:17.5Z"
    }
    odd = read_meta(base | {"metadata": {"mtime": "yesterday"}})
    assert (odd.modified, odd.user) == (1704164645.678, (("mtime", "yesterday"),))


async def test_a_class_change_follows_the_token_and_keeps_all_else() -> None:
    with fake_gcs(GCSQuirks(rewrite_step=1000)) as fake:
        fake.objects.put(
            BUCKET, "a", b"x" * 3500, metadata={"Own": "Case"}, customTime="2024-01-01T00:00:00Z"
        )
        async with opened(fake) as store:
            pin = (await store.head(BUCKET, "a")).pin
            after = await store.set_class(BUCKET, "a", pin=pin, storage_class="ARCHIVE")
        assert (after.storage_class, after.archived) == ("ARCHIVE", False)
        calls = [seen for seen in fake.seen if "rewriteTo" in seen.path]
        assert [("rewriteToken" in seen.query) for seen in calls] == [False, True, True, True]
        assert all(seen.query["ifSourceGenerationMatch"] == pin.version_id for seen in calls)
        assert all(seen.query["ifGenerationMatch"] == pin.version_id for seen in calls)
        now = fake.objects.get(BUCKET, "a")
        assert now is not None
        assert now.given == {"metadata": {"Own": "Case"}, "customTime": "2024-01-01T00:00:00Z"}


async def test_a_rewrite_without_progress_ends() -> None:
    with fake_gcs() as fake:
        fake.objects.put(BUCKET, "a", b"x")
        async with opened(fake) as store:
            pin = (await store.head(BUCKET, "a")).pin
            body = b'{"done": false, "totalBytesRewritten": "0", "rewriteToken": "t"}'
            fake.on_request = lambda seen: (
                Fault(status=200, body=body) if "rewriteTo" in seen.path else None
            )
            with pytest.raises(BadResponse):
                await store.set_class(BUCKET, "a", pin=pin, storage_class="NEARLINE")


async def test_a_class_that_did_not_change_is_said() -> None:
    with fake_gcs(GCSQuirks(keeps_class=True)) as fake:
        fake.objects.put(BUCKET, "a", b"x")
        async with opened(fake) as store:
            pin = (await store.head(BUCKET, "a")).pin
            with pytest.raises(NotSupported) as caught:
                await store.set_class(BUCKET, "a", pin=pin, storage_class="NEARLINE")
    assert "STANDARD" in caught.value.what


async def test_an_object_under_a_hold_stays_and_says_why(fake: FakeGCS, store: GCSStore) -> None:
    fake.objects.put(BUCKET, "a", b"x", held=True)
    pin = (await store.head(BUCKET, "a")).pin
    with pytest.raises(AccessDenied) as caught:
        await store.delete(BUCKET, "a", pin=pin)
    assert "hold" in caught.value.what
    assert "--keep-source" in caught.value.todo
    assert fake.objects.get(BUCKET, "a") is not None


# -- writing and copying ----------------------------------------------------------------


async def test_checksums_travel_along_and_come_back(fake: FakeGCS, store: GCSStore) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"bytes"

    written = await store.write(BUCKET, "a", body(), size=5, meta=ObjectMeta())
    found = {item.algorithm: item.value for item in written.checksums}
    assert found["md5"] == hashlib.md5(b"bytes").hexdigest()
    (sent,) = fake.seen
    assert sent.query["ifGenerationMatch"] == "0"
    assert b'"crc32c"' in sent.body
    assert b'"md5Hash"' in sent.body


@pytest.mark.parametrize("size", [1, 5, 3 * 1024**2 + 7])
@pytest.mark.parametrize("lenient", [False, True])
async def test_what_arrived_damaged_is_not_kept(size: int, lenient: bool) -> None:
    """Also by a server that compares no checksums."""
    with fake_gcs(GCSQuirks(accepts_wrong_checksums=lenient)) as fake:
        async with opened(fake) as store:
            fake.on_request = lambda seen: Fault(flip=size // 2) if seen.method == "POST" else None
            with pytest.raises(Unavailable) as caught:
                await put(store, "a", b"v" * size)
            assert caught.value.code == "BadDigest"
            assert fake.objects.get(BUCKET, "a") is None


async def test_a_copy_is_of_the_pinned_version_and_creates_only(
    fake: FakeGCS, store: GCSStore
) -> None:
    meta = ObjectMeta(content_type="text/plain", modified=5.0)
    pin = await put(store, "a", b"bytes")
    written = await store.copy(
        BUCKET, "a", BUCKET, "b", pin=pin, size=5, meta=meta, storage_class="COLDLINE"
    )
    head = await store.head(BUCKET, "b", pin=written.pin)
    assert (head.storage_class, head.meta) == ("COLDLINE", meta)
    for target, wrong in (("b", pin), ("c", VersionPin("1-1", version_id="1"))):
        with pytest.raises(PreconditionFailed):
            await store.copy(BUCKET, "a", BUCKET, target, pin=wrong, size=5, meta=meta)
    assert fake.objects.get(BUCKET, "c") is None


async def test_no_copy_where_its_conditions_are_ignored() -> None:
    with fake_gcs(GCSQuirks(ignores_conditions=frozenset({"rewrite"}))) as fake:
        async with opened(fake) as store:
            pin = await put(store, "a", b"bytes")
            with pytest.raises(NotSupported):
                await store.copy(BUCKET, "a", BUCKET, "b", pin=pin, size=5, meta=ObjectMeta())
            assert fake.objects.get(BUCKET, "b") is None


async def test_copies_stay_within_one_account(fake: FakeGCS, store: GCSStore, tmp_path) -> None:
    assert store.can_copy_from(GCSStore(fake.cloud("other")))
    assert not store.can_copy_from(open_store(cloud("http://127.0.0.1:9")))
    assert not store.can_copy_from(
        open_store(cloud(fake.endpoint, credentials_file=tmp_path / "other.json"))
    )


async def test_a_foreign_pin_fits_nothing(store: GCSStore) -> None:
    await put(store, "a", b"x")
    for pin in (VersionPin("d41d8cd98f00b204e9800998ecf8427e-2"), VersionPin("0" * 32)):
        with pytest.raises(PreconditionFailed):
            await get(store, "a", pin)
    with pytest.raises(UsageError):
        await get(store, "a", VersionPin(size=1))
