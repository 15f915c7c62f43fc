"""The Azure kind on a scripted service: what goes wrong, and what Azurite does not have."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from engine.errors import (
    AccessDenied,
    Archived,
    BadResponse,
    ClockSkew,
    KeyNotSupported,
    NotFound,
    NotSupported,
    PreconditionFailed,
    StoreError,
    Throttled,
    TruncatedBody,
    Unavailable,
)
from engine.model import ObjectMeta, RestoreState, VersionPin
from engine.stores.azure import AzureStore
from engine.stores.azure_upload_id import UploadId
from tests.conformance.conftest import pieces
from tests.fake_azure import AzureContainer, AzureQuirks, FakeAzure, Fault, Seen
from tests.fake_azure_handlers import rewritten

BOX = "box"


@pytest.fixture
async def store(fakeazure: FakeAzure) -> AsyncIterator[AzureStore]:
    """A store on the scripted service, with an empty container, its canary already asked."""
    made = AzureStore(fakeazure.cloud())
    await made.create_bucket(BOX)
    await made.guards_deletes(BOX)
    fakeazure.seen.clear()
    fakeazure.blobs.history.clear()
    yield made
    await made.close()


def change(fake: FakeAzure, **quirks: object) -> None:
    """Let the service be another from now on."""
    fake.differs = AzureQuirks(**quirks)  # type: ignore[arg-type]


def on(method: str, fault: Fault, comp: str = "") -> Callable[[Seen], Fault | None]:
    """A script: this fault for every such request."""

    def script(seen: Seen) -> Fault | None:
        fits = seen.method == method and seen.query.get("comp", "") == comp
        return fault if fits else None

    return script


async def put(
    store: AzureStore,
    key: str,
    data: bytes,
    meta: ObjectMeta = ObjectMeta(),  # noqa: B008
) -> VersionPin:
    return (await store.write(BOX, key, pieces(data), size=len(data), meta=meta)).pin


async def get(store: AzureStore, key: str, pin: VersionPin, **span: int) -> bytes:
    async with store.read(BOX, key, pin=pin, **span) as reader:
        return b"".join([chunk async for chunk in reader])


# -- errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "InvalidHeaderValue", StoreError),
        (400, "Md5Mismatch", Unavailable),
        (401, "NoAuthenticationInformation", AccessDenied),
        (403, "AuthenticationFailed", AccessDenied),
        (403, "AuthorizationPermissionMismatch", AccessDenied),
        (404, "BlobNotFound", NotFound),
        (404, "ContainerNotFound", NotFound),
        (409, "BlobAlreadyExists", PreconditionFailed),
        (409, "BlobArchived", Archived),
        (409, "BlobBeingRehydrated", Archived),
        (409, "ContainerBeingDeleted", Unavailable),
        (412, "ConditionNotMet", PreconditionFailed),
        (429, "TooManyRequests", Throttled),
        (500, "InternalError", Unavailable),
        (500, "OperationTimedOut", Unavailable),
        (503, "ServerBusy", Throttled),
    ],
)
async def test_answers_become_errors_of_ours(
    fakeazure: FakeAzure, store: AzureStore, status: int, code: str, kind: type[StoreError]
) -> None:
    headers = {"retry-after": "7"} if status == 503 else {}
    fault = Fault(status=status, code=code, headers=headers)
    fakeazure.on_request = on("GET", fault, "list")
    with pytest.raises(kind) as caught:
        await anext(store.list_pages(BOX))
    assert caught.value.status == status
    assert code in caught.value.what
    assert "RequestId" not in str(caught.value)
    if isinstance(caught.value, Throttled) and status == 503:
        assert caught.value.retry_after == 7


async def test_a_head_has_no_body_and_yet_a_code(fakeazure: FakeAzure, store: AzureStore) -> None:
    with pytest.raises(NotFound) as caught:
        await store.head(BOX, "nothing")
    assert caught.value.code == "NoSuchKey"


async def test_a_clock_that_is_far_off_is_told(fakeazure: FakeAzure, store: AzureStore) -> None:
    date = {"date": "Sat, 21 Nov 2020 12:00:00 GMT"}
    fault = Fault(status=403, code="AuthenticationFailed", headers=date)
    fakeazure.on_request = on("GET", fault, "list")
    with pytest.raises(ClockSkew):
        await anext(store.list_pages(BOX))


async def test_a_lost_connection_leaves_open_what_happened(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    fakeazure.on_request = on("PUT", Fault(reset=True, after=True))
    with pytest.raises(Unavailable) as caught:
        await put(store, "k", b"bytes")
    assert "not known" in caught.value.safe
    assert fakeazure.blobs.get(BOX, "k") is not None
    assert fakeazure.count("PUT", BOX, "k") == 1  # never sent twice


async def test_a_short_body_is_found(fakeazure: FakeAzure, store: AzureStore) -> None:
    pin = await put(store, "k", b"x" * 5000)
    fakeazure.on_request = on("GET", Fault(truncate=100))
    with pytest.raises(TruncatedBody):
        await get(store, "k", pin)


async def test_an_ignored_range_is_found(fakeazure: FakeAzure, store: AzureStore) -> None:
    pin = await put(store, "k", b"0123456789")
    whole = Fault(status=200, body=b"0123456789", headers={"etag": f'"{pin.etag}"'})
    fakeazure.on_request = on("GET", whole)
    with pytest.raises(BadResponse):
        await get(store, "k", pin, start=2, stop=4)
    other = {"etag": f'"{pin.etag}"', "content-range": "bytes 3-4/10"}
    fakeazure.on_request = on("GET", Fault(status=206, body=b"34", headers=other))
    with pytest.raises(BadResponse):
        await get(store, "k", pin, start=2, stop=4)


async def test_an_ignored_pin_is_found(fakeazure: FakeAzure, store: AzureStore) -> None:
    pin = await put(store, "k", b"first")
    fakeazure.on_request = on("GET", Fault(status=200, body=b"other", headers={"etag": '"0x1"'}))
    with pytest.raises(PreconditionFailed):
        await get(store, "k", pin)


async def test_a_small_blob_is_described_and_read_at_once(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    meta = ObjectMeta(content_type="text/x", tags=(("a", "b"),), modified=1.5)
    pin = await put(store, "k", b"bytes", meta)
    fakeazure.seen.clear()
    found = await store.fetch(BOX, "k", pin=pin)
    assert (found.data, found.head) == (b"bytes", await store.head(BOX, "k", pin=pin))
    assert found.head.meta == meta
    assert [seen.method for seen in fakeazure.seen[:2]] == ["GET", "GET"]  # bytes, tags
    fakeazure.seen.clear()
    undescribed = await store.fetch(BOX, "k", pin=pin, describe=False)
    assert (undescribed.data, undescribed.head.pin) == (b"bytes", found.head.pin)
    assert len(fakeazure.seen) == 1  # no question for tags
    for describe in (True, False):
        with pytest.raises(PreconditionFailed):
            await store.fetch(BOX, "k", pin=replace(pin, etag="0x1"), describe=describe)
    with pytest.raises(NotFound):
        await store.fetch(BOX, "nothing", pin=pin)
    fakeazure.on_request = on("GET", Fault(truncate=3))
    with pytest.raises(TruncatedBody):
        await store.fetch(BOX, "k", pin=pin)
    part = {"etag": f'"{pin.etag}"', "content-range": "bytes 0-1/5"}
    fakeazure.on_request = on("GET", Fault(status=206, body=b"by", headers=part))
    with pytest.raises(BadResponse):
        await store.fetch(BOX, "k", pin=pin)
    fakeazure.on_request = on("GET", Fault(status=200, body=b"byt", headers=part))
    with pytest.raises(TruncatedBody):  # of another size than the pinned version
        await store.fetch(BOX, "k", pin=pin)


async def test_no_secret_is_in_an_error_or_a_repr(fakeazure: FakeAzure) -> None:
    settings = fakeazure.cloud(sas="sv=2023-11-03&sp=rl&sig=do-not-show")
    store = AzureStore(settings)
    faults = [
        Fault(status=403, code="AuthenticationFailed"),
        Fault(reset=True),
        Fault(status=200, body=b"no xml"),
        Fault(status=301, headers={"location": "http://elsewhere/?sig=do-not-show"}),
    ]
    for fault in faults:
        fakeazure.on_request = on("GET", fault, "list")
        with pytest.raises(StoreError) as caught:
            await anext(store.list_pages(BOX))
        error: BaseException | None = caught.value
        while error is not None:
            assert "do-not-show" not in f"{error} {error!r}"
            error = error.__cause__
    assert all("sig=do-not-show" in seen.path for seen in fakeazure.seen)
    assert all("authorization" not in seen.headers for seen in fakeazure.seen)
    assert "do-not-show" not in repr(settings)
    await store.close()


# -- listings -------------------------------------------------------------------------------


async def test_pages_follow_each_other_and_may_be_empty(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    keys = [f"k{number}" for number in range(7)]
    for key in keys:
        fakeazure.blobs.put(BOX, key, b"x")
    change(fakeazure, page=2)
    pages = [page async for page in store.list_pages(BOX)]
    assert [entry.key for page in pages for entry in page.entries] == keys
    empty = "<EnumerationResults><Blobs/><NextMarker>6b35</NextMarker></EnumerationResults>"

    def script(seen: Seen) -> Fault | None:
        first = "marker" not in seen.query
        return Fault(status=200, body=empty.encode()) if first else None

    fakeazure.on_request = script
    assert [entry.key async for page in store.list_pages(BOX) for entry in page.entries] == ["k6"]


@pytest.mark.parametrize(
    "body",
    [
        "<EnumerationResults><Blobs/></EnumerationResults>",
        "<EnumerationResults><NextMarker/></EnumerationResults>",
        "<EnumerationResults><Blobs><Blob><Name>a</Name></Blob></Blobs><NextMarker/>"
        "</EnumerationResults>",
        "<EnumerationResults><Blobs>",
        "<html>a proxy</html>",
        "",
    ],
)
async def test_an_early_end_is_no_end(fakeazure: FakeAzure, store: AzureStore, body: str) -> None:
    fakeazure.on_request = on("GET", Fault(status=200, body=body.encode()), "list")
    with pytest.raises(BadResponse):
        [page async for page in store.list_pages(BOX)]


async def test_a_listing_that_goes_in_a_circle_is_found(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    body = b"<EnumerationResults><Blobs/><NextMarker>again</NextMarker></EnumerationResults>"
    fakeazure.on_request = on("GET", Fault(status=200, body=body), "list")
    with pytest.raises(BadResponse, match="circle"):
        [page async for page in store.list_pages(BOX)]


# -- evidence -------------------------------------------------------------------------------


async def test_the_md5_of_our_own_write_is_the_services(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    await put(store, "k", b"bytes")
    mine = (await store.head(BOX, "k")).checksum("md5")
    assert mine is not None
    assert mine.value == hashlib.md5(b"bytes").hexdigest()
    other = AzureStore(fakeazure.cloud())  # another process: it cannot know how the MD5 came
    found = await other.head(BOX, "k")
    assert found.checksum("md5") is None
    assert [item.computed_by_provider for item in found.checksums] == [False]
    await other.close()


async def test_a_changed_property_ends_what_was_known(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    await put(store, "k", b"bytes")
    blob = fakeazure.blobs.get(BOX, "k")
    assert blob is not None
    fakeazure.blobs.set(BOX, "k", rewritten(blob, fakeazure.blobs))
    assert (await store.head(BOX, "k")).checksum("md5") is None


async def test_the_md5_given_with_a_block_list_is_no_evidence(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    upload = await store.begin_upload(BOX, "k", meta=ObjectMeta())
    part = await store.upload_part(BOX, "k", upload, 1, b"bytes")
    written = await store.complete_upload(BOX, "k", upload, [part])
    assert written.checksums == ()
    wrong = (("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),)
    fakeazure.blobs.change(BOX, "k", headers=wrong)
    assert (await store.head(BOX, "k", pin=written.pin)).checksum("md5") is None


# -- uploads --------------------------------------------------------------------------------


async def test_two_uploads_of_one_blob_never_mix(fakeazure: FakeAzure, store: AzureStore) -> None:
    one = await store.begin_upload(BOX, "k", meta=ObjectMeta())
    two = await store.begin_upload(BOX, "k", meta=ObjectMeta())
    first = await store.upload_part(BOX, "k", one, 1, b"one")
    await store.upload_part(BOX, "k", two, 1, b"two")
    assert len(await store.uploads(BOX, "k")) == 2
    await store.complete_upload(BOX, "k", one, [first])
    blob = fakeazure.blobs.get(BOX, "k")
    assert blob is not None
    assert blob.body == b"one"
    with pytest.raises(NotFound) as caught:  # the commit took the other's blocks away
        await store.parts(BOX, "k", two)
    assert caught.value.code == "NoSuchUpload"


async def test_another_process_finishes_an_upload_with_its_metadata(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    meta = ObjectMeta(content_type="text/x", user=(("cost-centre", "é"),), modified=1.5)
    upload = await store.begin_upload(BOX, "k", meta=meta, storage_class="Cool")
    await store.upload_part(BOX, "k", upload, 1, b"part one")
    other = AzureStore(fakeazure.cloud())
    parts = await other.parts(BOX, "k", upload)
    written = await other.complete_upload(BOX, "k", upload, parts)
    head = await other.head(BOX, "k", pin=written.pin)
    assert (head.meta, head.storage_class, head.size) == (meta, "Cool", 8)
    await other.close()


async def test_an_abort_touches_no_committed_blob_and_is_seen_by_all(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    pin = await put(store, "k", b"there before")
    upload = await store.begin_upload(BOX, "k", meta=ObjectMeta())
    part = await store.upload_part(BOX, "k", upload, 1, b"part")
    await store.abort_upload(BOX, "k", upload)
    assert await get(store, "k", pin) == b"there before"
    other = AzureStore(fakeazure.cloud())
    assert await other.uploads(BOX, "k") == []
    with pytest.raises(NotFound):
        await other.complete_upload(BOX, "k", upload, [part], replace=pin)
    await other.close()
    written = [(key, blob) for _, key, blob in fakeazure.blobs.history if key == "k"]
    assert [blob for _, blob in written] == [fakeazure.blobs.get(BOX, "k")]


async def test_a_part_of_another_size_is_not_committed(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    upload = await store.begin_upload(BOX, "k", meta=ObjectMeta())
    part = await store.upload_part(BOX, "k", upload, 1, b"part")
    name = UploadId.parse(upload, "").block(1)
    fakeazure.blobs.containers[BOX].blocks["k"][name] = b"par"
    with pytest.raises(StoreError) as caught:
        await store.complete_upload(BOX, "k", upload, [part])
    assert caught.value.code == "InvalidPart"
    assert fakeazure.blobs.get(BOX, "k") is None


async def test_a_blob_written_during_the_commit_ends_the_upload(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    upload = await store.begin_upload(BOX, "k", meta=ObjectMeta())
    part = await store.upload_part(BOX, "k", upload, 1, b"part")

    def write_and_delete() -> None:
        fakeazure.blobs.put(BOX, "k", b"other")
        fakeazure.blobs.set(BOX, "k", None)

    fakeazure.on_request = on("PUT", Fault(before=write_and_delete), "blocklist")
    with pytest.raises(NotFound) as caught:
        await store.complete_upload(BOX, "k", upload, [part])
    assert caught.value.code in ("NoSuchUpload", "NoSuchKey")
    assert fakeazure.blobs.get(BOX, "k") is None


async def test_blocks_of_another_tool_are_named_as_the_reason(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    fakeazure.blobs.containers[BOX].blocks["k"] = {"AAAA": b"another tool's"}
    with pytest.raises(StoreError, match="another tool") as caught:
        await store.begin_upload(BOX, "k", meta=ObjectMeta())
    assert "week" in caught.value.todo
    assert await store.uploads(BOX) == []


# -- deletes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"snapshots": 1}, "snapshots"), ({"leased": True}, "lease"), ({"immutable": True}, "policy")],
)
async def test_what_holds_a_blob_is_said(
    fakeazure: FakeAzure, store: AzureStore, fields: dict[str, object], word: str
) -> None:
    pin = await put(store, "k", b"bytes")
    fakeazure.blobs.change(BOX, "k", **fields)
    with pytest.raises(StoreError, match=word) as caught:
        await store.delete(BOX, "k", pin=pin)
    assert not isinstance(caught.value, PreconditionFailed)
    assert caught.value.todo
    assert await get(store, "k", pin) == b"bytes"


async def test_exactly_one_version_is_deleted(fakeazure: FakeAzure, store: AzureStore) -> None:
    change(fakeazure, versions=True)
    old = await put(store, "k", b"old")
    new = (await store.write(BOX, "k", pieces(b"new"), size=3, meta=ObjectMeta(), replace=old)).pin
    held = fakeazure.blobs.containers[BOX]
    assert (old.version_id, new.version_id) == (f"2026-{old.etag}", f"2026-{new.etag}")
    assert await get(store, "k", old) == b"old"
    await store.delete(BOX, "k", pin=old)  # an earlier one: the current one stays
    assert await get(store, "k", new) == b"new"
    await store.delete(BOX, "k", pin=new)  # the current one: nothing of it is left
    assert (held.blobs, held.versions) == ({}, {})


async def test_a_newer_version_survives_the_delete_of_the_current_one(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    change(fakeazure, versions=True)
    pin = await put(store, "k", b"moved")

    def script(seen: Seen) -> Fault | None:
        last = seen.method == "DELETE" and "versionid" not in seen.query
        newer = fakeazure.blobs.put
        return Fault(before=lambda: newer(BOX, "k", b"newer", version_id="v9")) if last else None

    fakeazure.on_request = script
    with pytest.raises(PreconditionFailed):
        await store.delete(BOX, "k", pin=pin)
    assert (await store.head(BOX, "k")).size == len(b"newer")


@pytest.mark.parametrize(("ignored", "guarded"), [(True, False), (False, True)])
async def test_a_server_that_ignores_the_condition_is_found_out(
    fakeazure: FakeAzure, store: AzureStore, ignored: bool, guarded: bool
) -> None:
    change(
        fakeazure,
        versions=True,
        ignores_delete_if_match=ignored,
        ignores_put_conditions=ignored,
    )
    store = AzureStore(fakeazure.cloud())
    assert await store.guards_deletes(BOX) is guarded
    assert store.capabilities.create_only is guarded
    assert fakeazure.blobs.containers[BOX] == AzureContainer()
    await store.close()


async def test_nothing_is_overwritten_where_conditions_are_ignored(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    change(fakeazure, ignores_put_conditions=True)
    store = AzureStore(fakeazure.cloud())
    pin = await put(store, "k", b"first")
    with pytest.raises(PreconditionFailed):
        await put(store, "k", b"second")
    upload = await store.begin_upload(BOX, "k", meta=ObjectMeta())
    part = await store.upload_part(BOX, "k", upload, 1, b"third")
    with pytest.raises(PreconditionFailed):
        await store.complete_upload(BOX, "k", upload, [part])
    with pytest.raises(PreconditionFailed):
        await store.write(
            BOX, "k", pieces(b"x"), size=1, meta=ObjectMeta(), replace=replace(pin, etag="0x1")
        )
    assert await get(store, "k", pin) == b"first"
    await store.close()


async def test_a_container_that_may_not_be_written_counts_as_unproved(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    change(fakeazure, read_only=True)
    store = AzureStore(fakeazure.cloud())
    assert await store.guards_deletes(BOX) is False
    await store.close()


# -- tiers ----------------------------------------------------------------------------------


async def test_a_blob_on_its_way_back_is_waited_for(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    change(fakeazure, slow_rehydrate=True)
    pin = await put(store, "k", b"bytes")
    fakeazure.blobs.change(BOX, "k", tier="Archive")
    await store.restore(BOX, "k", pin=pin, days=3, speed="expedited")
    head = await store.head(BOX, "k", pin=pin)
    assert (head.archived, head.restore) == (True, RestoreState.ONGOING)
    sent = [seen for seen in fakeazure.seen if seen.query.get("comp") == "tier"]
    assert sent[0].headers["x-ms-rehydrate-priority"] == "High"
    with pytest.raises(Archived):
        await get(store, "k", pin)
    with pytest.raises(Archived):
        await store.set_class(BOX, "k", pin=pin, storage_class="Cool")
    await store.restore(BOX, "k", pin=pin, days=3, speed="standard")
    assert len([seen for seen in fakeazure.seen if seen.query.get("comp") == "tier"]) == 1
    fakeazure.blobs.change(BOX, "k", tier="Hot", archive_status="")
    assert await get(store, "k", pin) == b"bytes"  # the pin outlives the change of tier


async def test_the_tier_of_a_current_version_changes(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    change(fakeazure, versions=True)
    pin = await put(store, "k", b"bytes")
    after = await store.set_class(BOX, "k", pin=pin, storage_class="Cold")
    assert (after.storage_class, after.pin.version_id) == ("Cold", pin.version_id)


async def test_a_version_that_may_not_be_deleted_keeps_the_blob(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    change(fakeazure, versions=True)
    pin = await put(store, "k", b"bytes")

    def script(seen: Seen) -> Fault | None:
        by_version = seen.method == "DELETE" and "versionid" in seen.query
        return Fault(status=403, code="AuthorizationPermissionMismatch") if by_version else None

    fakeazure.on_request = script
    with pytest.raises(AccessDenied):
        await store.delete(BOX, "k", pin=pin)
    assert fakeazure.blobs.get(BOX, "k") is not None


async def test_a_blob_replaced_while_its_tier_changes_is_noticed(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    pin = await put(store, "k", b"bytes")
    other = Fault(before=lambda: fakeazure.blobs.put(BOX, "k", b"newer"))
    fakeazure.on_request = on("PUT", other, "tier")
    with pytest.raises(PreconditionFailed):
        await store.set_class(BOX, "k", pin=pin, storage_class="Cool")


async def test_a_tier_that_does_not_change_is_said(fakeazure: FakeAzure, store: AzureStore) -> None:
    pin = await put(store, "k", b"bytes")
    fakeazure.on_request = on("PUT", Fault(status=200, body=b""), "tier")
    with pytest.raises(NotSupported, match="keeps the blob in Hot"):
        await store.set_class(BOX, "k", pin=pin, storage_class="Cool")


# -- keys, tags -----------------------------------------------------------------------------


@pytest.mark.parametrize("hierarchical", [True, None])
async def test_folders_are_asked_about_before_such_a_key_is_written(
    fakeazure: FakeAzure, store: AzureStore, hierarchical: bool | None
) -> None:
    change(fakeazure, hierarchical=hierarchical)
    assert store.check_key("a//b") == ""
    with pytest.raises(KeyNotSupported):
        await put(store, "a//b", b"x")
    assert store.check_key("a//b") != ""
    assert fakeazure.blobs.containers[BOX].blobs == {}
    await put(store, "a/b", b"x")


async def test_tags_that_may_not_be_set_are_told(fakeazure: FakeAzure, store: AzureStore) -> None:
    change(fakeazure, no_tags=True)
    store = AzureStore(fakeazure.cloud())
    meta = ObjectMeta(tags=(("owner", "me"),))
    with pytest.raises(NotSupported, match="tags"):
        await put(store, "k", b"bytes", meta)
    assert not store.capabilities.tags
    assert fakeazure.blobs.containers[BOX].blobs == {}
    with pytest.raises(NotSupported, match="tags"):
        await store.begin_upload(BOX, "k", meta=meta)
    await put(store, "k", b"bytes", replace(meta, tags=()))
    await store.close()


# -- copies ---------------------------------------------------------------------------------


async def test_the_service_copies_exactly_the_pinned_version(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    meta = ObjectMeta(content_type="text/x", user=(("owner", "me"),), modified=1.5)
    pin = await put(store, "a b", b"bytes", meta)
    other = replace(meta, user=(("owner", "you"),))

    async def copy(key: str, pin: VersionPin = pin) -> VersionPin:
        written = await store.copy(
            BOX, "a b", BOX, key, pin=pin, size=5, meta=other, storage_class="Cool"
        )
        return written.pin

    made = await copy("new")
    head = await store.head(BOX, "new", pin=made)
    assert (head.meta, head.storage_class) == (other, "Cool")
    assert head.checksum("md5") is None  # copied with the blob, whoever wrote it
    with pytest.raises(PreconditionFailed):
        await copy("new")
    with pytest.raises(PreconditionFailed):
        await copy("newer", replace(pin, etag="0x1"))
    newer = Fault(before=lambda: fakeazure.blobs.put(BOX, "a b", b"newer"))
    fakeazure.on_request = on("PUT", newer)
    with pytest.raises(PreconditionFailed):
        await copy("newer")
    assert fakeazure.blobs.get(BOX, "newer") is None


async def test_a_copy_that_would_not_be_exact_is_not_made(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    meta = ObjectMeta(content_type="text/x", modified=1.5)
    pin = await put(store, "k", b"bytes", meta)

    async def copy(size: int = 5, **fields: object) -> None:
        wanted = replace(meta, **fields)  # type: ignore[arg-type]
        await store.copy(BOX, "k", BOX, "new", pin=replace(pin, size=-1), size=size, meta=wanted)

    for how in ({"content_type": "text/y"}, {"modified": 0.0}, {"size": 6}, {"size": 2**29}):
        with pytest.raises(NotSupported):
            await copy(**how)  # type: ignore[arg-type]
    fakeazure.blobs.change(BOX, "k", kind="PageBlob")
    with pytest.raises(NotSupported, match="block blob"):
        await copy()
    fakeazure.blobs.change(BOX, "k", kind="BlockBlob")
    change(fakeazure, no_copy=True)
    with pytest.raises(NotSupported, match="CannotVerifyCopySource"):
        await copy()
    assert list(fakeazure.blobs.containers[BOX].blobs) == ["k"]


async def test_a_name_too_long_for_the_copys_header_is_streamed_instead(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    key, meta = "é" * 1000, ObjectMeta(content_type="text/x", modified=1.5)
    pin = await put(store, key, b"bytes", meta)
    with pytest.raises(NotSupported, match="too long"):
        await store.copy(BOX, key, BOX, "new", pin=pin, size=5, meta=meta)
    assert fakeazure.blobs.get(BOX, "new") is None


async def test_the_current_version_is_copied_by_its_etag(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    change(fakeazure, versions=True)
    meta = ObjectMeta(content_type="text/x", modified=1.5)
    pin = await put(store, "k", b"bytes", meta)
    written = await store.copy(BOX, "k", BOX, "new", pin=pin, size=5, meta=meta)
    assert await get(store, "new", written.pin) == b"bytes"
    sources = [seen.headers.get("x-ms-copy-source", "") for seen in fakeazure.seen]
    assert not any("versionid" in source for source in sources)


async def test_parts_are_copied_from_the_pinned_version(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    pin = await put(store, "k", b"0123456789")
    upload = await store.begin_upload(BOX, "new", meta=ObjectMeta(modified=1.5))

    async def part(number: int, start: int, stop: int, pin: VersionPin = pin):
        return await store.copy_part(
            BOX, "k", BOX, "new", upload, number, pin=pin, start=start, stop=stop
        )

    parts = [await part(1, 0, 4), await part(2, 4, 10)]
    with pytest.raises(PreconditionFailed):
        await part(3, 0, 4, replace(pin, etag="0x1"))
    written = await store.complete_upload(BOX, "new", upload, parts)
    assert await get(store, "new", written.pin) == b"0123456789"


def test_only_one_account_copies_to_itself(fakeazure: FakeAzure) -> None:
    one, same = AzureStore(fakeazure.cloud("one")), AzureStore(fakeazure.cloud("two"))
    other = AzureStore(replace(fakeazure.cloud(), account="another"))
    assert one.can_copy_from(same)
    assert not one.can_copy_from(other)
    assert not AzureStore(replace(fakeazure.cloud(), read_only=True)).can_copy_from(same)


# -- cancelling -----------------------------------------------------------------------------


async def test_a_cancelled_read_leaves_no_connection(
    fakeazure: FakeAzure, store: AzureStore
) -> None:
    pin = await put(store, "k", b"x" * 3_000_000)
    started = asyncio.Event()

    async def reading() -> None:
        async with store.read(BOX, "k", pin=pin) as reader:
            async for _ in reader:
                started.set()
                await asyncio.Event().wait()

    task = asyncio.create_task(reading())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.close()
    async with asyncio.timeout(10):
        while fakeazure.open_connections:
            await asyncio.sleep(0.01)
