"""What only some servers can do: versions, copies in parts, signed payloads, big listings."""

import dataclasses
import hashlib
from collections.abc import AsyncIterator

import boto3
import pytest

from engine.errors import AccessDenied, NotFound, PreconditionFailed, Unavailable
from engine.model import ObjectMeta, Provider, RestoreState
from engine.stores import s3_copy
from engine.stores.s3 import S3Store
from engine.stores.s3_client import S3Client
from tests.conformance.conftest import drop_bucket, pieces
from tests.fake_s3 import FakeS3, Fault
from tests.servers import S3Server

MIB = 1024**2


@pytest.fixture
async def moto(moto_s3: S3Server, bucket_name: str) -> AsyncIterator[S3Store]:
    store = S3Store(moto_s3.cloud())
    await store.create_bucket(bucket_name)
    yield store
    await store.close()


async def put(store: S3Store, bucket: str, key: str, data: bytes, **more: object):
    fields = {"meta": ObjectMeta()} | more
    return await store.write(bucket, key, pieces(data), size=len(data), **fields)  # type: ignore[arg-type]


async def get(store: S3Store, bucket: str, key: str, pin) -> bytes:
    async with store.read(bucket, key, pin=pin) as reader:
        return b"".join([chunk async for chunk in reader])


def sdk(server: S3Server):
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )


async def test_of_a_versioned_object_just_the_pinned_version_goes(
    moto: S3Store, moto_s3: S3Server, bucket_name: str
) -> None:
    client = sdk(moto_s3)
    client.put_bucket_versioning(Bucket=bucket_name, VersioningConfiguration={"Status": "Enabled"})
    first = await put(moto, bucket_name, "a", b"first")
    assert first.pin.version_id not in ("", "null")
    second = await put(moto, bucket_name, "a", b"second", replace=first.pin)
    assert await get(moto, bucket_name, "a", first.pin) == b"first"
    assert (await moto.head(bucket_name, "a")).pin.matches(second.pin)
    await moto.delete(bucket_name, "a", pin=first.pin)
    with pytest.raises(NotFound):
        await moto.head(bucket_name, "a", pin=first.pin)
    assert await get(moto, bucket_name, "a", second.pin) == b"second"
    await moto.delete(bucket_name, "a", pin=second.pin)
    left = client.list_object_versions(Bucket=bucket_name, Prefix="a")
    assert "Versions" not in left
    assert "DeleteMarkers" not in left
    client.close()


async def test_the_canary_leaves_no_version_behind(
    moto: S3Store, moto_s3: S3Server, bucket_name: str
) -> None:
    client = sdk(moto_s3)
    client.put_bucket_versioning(Bucket=bucket_name, VersioningConfiguration={"Status": "Enabled"})
    await moto.guards_deletes(bucket_name)
    left = client.list_object_versions(Bucket=bucket_name)
    assert "Versions" not in left
    assert "DeleteMarkers" not in left
    client.close()


async def test_the_sdk_and_we_mean_the_same_object(
    moto: S3Store, moto_s3: S3Server, bucket_name: str
) -> None:
    """An independent client reads what we wrote, under the key that we meant."""
    client = sdk(moto_s3)
    meta = ObjectMeta(content_type="text/x", user=(("k", "v"),), tags=(("a", "b c"),), modified=1e9)
    for key in ("a b+c%2F", "a//b", "ü/../x"):
        await put(moto, bucket_name, key, key.encode(), meta=meta)
        theirs = client.get_object(Bucket=bucket_name, Key=key)
        assert theirs["Body"].read() == key.encode()
        assert theirs["ContentType"] == "text/x"
        assert theirs["Metadata"] == {"k": "v", "mtime": "1000000000"}
        tags = client.get_object_tagging(Bucket=bucket_name, Key=key)["TagSet"]
        assert tags == [{"Key": "a", "Value": "b c"}]
    client.close()


async def test_a_stand_in_archive_needs_a_restore(moto_s3: S3Server, bucket_name: str) -> None:
    store = S3Store(moto_s3.cloud(provider=Provider.AZURE))
    await store.create_bucket(bucket_name)
    written = await put(store, bucket_name, "a", b"bytes", storage_class="Cool")
    (page,) = [page async for page in store.list_pages(bucket_name)]
    assert [entry.storage_class for entry in page.entries] == ["Cool"]
    head = await store.set_class(bucket_name, "a", pin=written.pin, storage_class="Archive")
    assert (head.storage_class, head.archived) == ("Archive", True)
    await store.restore(bucket_name, "a", pin=head.pin, days=1, speed="expedited")
    after = await store.head(bucket_name, "a")
    assert (after.archived, after.restore) == (False, RestoreState.AVAILABLE)
    await store.close()


@pytest.mark.parametrize("server", ["moto_s3", "seaweed"])
async def test_a_large_object_changes_its_class_in_parts(
    request: pytest.FixtureRequest, server: str, bucket_name: str, monkeypatch
) -> None:
    monkeypatch.setattr(s3_copy, "COPY_LIMIT", 6 * MIB)
    monkeypatch.setattr(s3_copy, "_PART", 5 * MIB)
    settings = request.getfixturevalue(server).cloud()
    store = S3Store(settings)
    await store.create_bucket(bucket_name)
    meta = ObjectMeta(content_type="text/x", user=(("k", "ü"),), tags=(("a", "b"),), modified=9.0)
    data = bytes(range(256)) * (7 * MIB // 256)
    written = await put(store, bucket_name, "big", data, meta=meta)
    head = await store.set_class(bucket_name, "big", pin=written.pin, storage_class="STANDARD_IA")
    assert (head.size, head.storage_class, head.meta) == (len(data), "STANDARD_IA", meta)
    assert await get(store, bucket_name, "big", head.pin) == data
    assert await store.uploads(bucket_name) == []
    with pytest.raises(PreconditionFailed):
        await store.set_class(bucket_name, "big", pin=written.pin, storage_class="STANDARD")
    await store.close()
    if server == "seaweed":
        await drop_bucket(settings, bucket_name)


async def test_a_copy_in_parts_keeps_the_part_sizes_and_so_the_etag(monkeypatch) -> None:
    monkeypatch.setattr(s3_copy, "COPY_LIMIT", 100)
    with FakeS3() as fake:
        made = fake.state.put("b", "big", bytes(range(256)) * 4, part_size=300)
        store = S3Store(fake.cloud())
        head = await store.head("b", "big")
        assert head.part_count == 4
        after = await store.set_class("b", "big", pin=head.pin, storage_class="STANDARD_IA")
        await store.close()
        assert after.pin.etag == made.etag
        assert fake.state.uploads == {}


async def test_a_copy_in_parts_that_fails_leaves_no_upload(monkeypatch) -> None:
    monkeypatch.setattr(s3_copy, "COPY_LIMIT", 100)
    with FakeS3() as fake:
        fake.state.put("b", "big", bytes(1000), part_size=300)
        store = S3Store(fake.cloud())
        pin = (await store.head("b", "big")).pin
        await store.guards_deletes("b")
        fake.on_request = lambda seen: (
            Fault(status=500, code="InternalError")
            if seen.query.get("partNumber") == "3" and seen.method == "PUT"
            else None
        )
        with pytest.raises(Unavailable, match="InternalError"):
            await store.set_class("b", "big", pin=pin, storage_class="STANDARD_IA")
        await store.close()
        assert fake.state.uploads == {}
        kept = fake.state.get("b", "big")
        assert kept is not None
        assert kept.storage_class == "STANDARD"


async def test_signed_payloads_are_accepted_and_wrong_ones_are_not(
    seaweed: S3Server, bucket_name: str
) -> None:
    settings = seaweed.cloud()
    client = S3Client(settings)
    client.signs_payload = True
    await client.call("PUT", bucket_name)
    for body in (b"small", b"x" * (300 * 1024)):
        reply = await client.call("PUT", bucket_name, "a b+c/é", body=body)
        digest = hashlib.md5(body).hexdigest()
        assert reply.headers["etag"].strip('"') == digest
    wrong = S3Client(dataclasses.replace(settings, region="eu-west-1"))
    wrong._credentials._known = dataclasses.replace(  # the right key with a wrong secret
        await client._credentials.get(), access_key="stranger"
    )
    with pytest.raises(AccessDenied):
        await wrong.call("GET", bucket_name)
    await client.close()
    await wrong.close()
    await drop_bucket(settings, bucket_name)


async def test_many_parts_are_not_all_asked_one_by_one() -> None:
    with FakeS3() as fake:
        made = fake.state.put("b", "big", bytes(1000 * 7 + 3), part_size=7)
        store = S3Store(fake.cloud())
        pin = (await store.head("b", "big")).pin
        fake.seen.clear()
        sizes = await store.part_sizes("b", "big", pin=pin, count=1001)
        assert sizes == made.part_sizes
        assert len(fake.seen) <= 32
        assert await store.part_sizes("b", "big", pin=pin, count=900) == ()
        fake.state.put("b", "big", b"something else")
        assert await store.part_sizes("b", "big", pin=pin, count=1001) == ()
        await store.close()


async def test_uneven_parts_are_all_asked() -> None:
    with FakeS3() as fake:
        state = fake.state
        made = state.put("b", "big", bytes(100), part_size=2)
        sizes = (1, 3) * 25
        state.change("b", "big", part_sizes=sizes)
        store = S3Store(fake.cloud())
        pin = (await store.head("b", "big")).pin
        assert pin.etag == made.etag
        assert await store.part_sizes("b", "big", pin=pin, count=50) == sizes
        await store.close()
