"""Versions of a key: listed to the end, told apart, described and read, and nothing changed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from engine.errors import PreconditionFailed
from engine.model import ObjectMeta, Provider, StoreKind, VersionPin
from engine.settings import CloudSettings
from engine.stores import open_store
from engine.stores.azure import AzureStore
from engine.stores.gcs import GCSStore
from engine.stores.s3 import S3Store
from engine.stores.versions import Versioned, as_versioned
from tests.conformance.conftest import drop_bucket, pieces
from tests.fake_azure import AzureQuirks, FakeAzure
from tests.servers import AzureServer, GCSServer, S3Server
from tests.stores.gcs_tools import BUCKET, fake_gcs, opened

KEY = "logs/ü [red]a+b%.csv"


async def read(store: Versioned, bucket: str, key: str, pin: VersionPin) -> bytes:
    head = await store.head_version(bucket, key, pin=pin)
    assert head.pin.matches(pin)
    async with store.read_version(bucket, key, pin=head.pin, stop=3) as reader:
        return b"".join([chunk async for chunk in reader])


def client_of(server: S3Server) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )


@pytest.fixture(params=["moto", "seaweed"])
async def s3(
    request: pytest.FixtureRequest, bucket_name: str
) -> AsyncIterator[tuple[Any, S3Store]]:
    server = request.getfixturevalue("moto_s3" if request.param == "moto" else "seaweed")
    store = S3Store(server.cloud())
    await store.create_bucket(bucket_name)
    try:
        yield client_of(server), store
    finally:
        await store.close()
        if request.param == "seaweed":
            await drop_bucket(server.cloud(), bucket_name)


async def test_s3_versions_and_markers(s3: tuple[Any, S3Store], bucket_name: str) -> None:
    client, store = s3
    client.put_object(Bucket=bucket_name, Key=KEY, Body=b"before there were versions")
    status = {"Status": "Enabled"}
    client.put_bucket_versioning(Bucket=bucket_name, VersioningConfiguration=status)
    client.put_object(Bucket=bucket_name, Key=KEY, Body=b"two", StorageClass="STANDARD_IA")
    client.delete_object(Bucket=bucket_name, Key=KEY)
    client.put_object(Bucket=bucket_name, Key=KEY, Body=b"three")
    client.put_object(Bucket=bucket_name, Key=KEY + "-other", Body=b"another key")
    found, more = await store.versions(bucket_name, KEY)
    assert not more
    assert [item.current for item in found] == [True, False, False, False]
    assert sorted(item.marker for item in found) == [False, False, False, True]
    assert len({item.name for item in found}) == 4
    bytes_of = [await read(store, bucket_name, KEY, i.pin) for i in found if not i.marker]
    assert bytes_of[0] == b"thr"
    assert sorted(bytes_of) == [b"bef", b"thr", b"two"]
    assert (await store.versions(bucket_name, KEY)).versions == found
    assert (await store.versions(bucket_name, "absent")).versions == []


async def test_s3_versions_come_page_by_page(
    moto_s3: S3Server, bucket_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, store = client_of(moto_s3), S3Store(moto_s3.cloud())
    await store.create_bucket(bucket_name)
    status = {"Status": "Enabled"}
    client.put_bucket_versioning(Bucket=bucket_name, VersioningConfiguration=status)
    for number in range(7):
        client.put_object(Bucket=bucket_name, Key=KEY, Body=b"x" * number)
    call, asked = store._client.call, list[Any]()

    async def small(method: str, bucket: str, key: str = "", **more: Any) -> Any:
        if ("versions", "") in more.get("query", ()):
            more["query"] = [*more["query"], ("max-keys", "3")]
            asked.append(more["query"])
        return await call(method, bucket, key, **more)

    monkeypatch.setattr(store._client, "call", small)
    found, more = await store.versions(bucket_name, KEY)
    assert (sorted(item.pin.size for item in found), more) == (list(range(7)), False)
    assert len(asked) > 2
    await store.close()


async def test_azurite_snapshots(azurite: AzureServer, bucket_name: str) -> None:
    store = AzureStore(azurite.cloud(bucket=bucket_name))
    await store.create_bucket(bucket_name)
    first = await store.write(bucket_name, KEY, pieces(b"first"), size=5, meta=ObjectMeta())
    await store._client.call("PUT", bucket_name, KEY, query=[("comp", "snapshot")])
    await store.write(
        bucket_name, KEY, pieces(b"second"), size=6, meta=ObjectMeta(), replace=first.pin
    )
    found, more = await store.versions(bucket_name, KEY)
    assert ([item.current for item in found], more) == ([True, False], False)
    assert [item.snapshot for item in found] == [False, True]
    assert [await read(store, bucket_name, KEY, item.pin) for item in found] == [b"sec", b"fir"]
    await store.close()


async def test_azure_versions(bucket_name: str) -> None:
    with FakeAzure(AzureQuirks(versions=True), bucket_name) as fake:
        store = AzureStore(fake.cloud())
        pin = None
        for text in (b"first", b"second"):
            made = await store.write(
                bucket_name, KEY, pieces(text), size=len(text), meta=ObjectMeta(), replace=pin
            )
            pin = made.pin
        found, _ = await store.versions(bucket_name, KEY)
        assert [item.current for item in found] == [True, False]
        assert [await read(store, bucket_name, KEY, i.pin) for i in found] == [b"sec", b"fir"]
        await store.close()


async def test_google_generations() -> None:
    with fake_gcs() as fake:
        async with opened(fake) as store:
            fake.objects.buckets[BUCKET].versioned = True
            pin = None
            for text in (b"first", b"second"):
                made = await store.write(
                    BUCKET, KEY, pieces(text), size=len(text), meta=ObjectMeta(), replace=pin
                )
                pin = made.pin
            found, _ = await store.versions(BUCKET, KEY)
            assert [item.current for item in found] == [True, False]
            assert [await read(store, BUCKET, KEY, i.pin) for i in found] == [b"sec", b"fir"]


async def test_a_google_bucket_without_versions(fakegcs: GCSServer, bucket_name: str) -> None:
    store = GCSStore(fakegcs.cloud())
    await store.create_bucket(bucket_name)
    await store.write(bucket_name, KEY, pieces(b"first"), size=5, meta=ObjectMeta())
    found, more = await store.versions(bucket_name, KEY)
    assert ([item.current for item in found], more) == ([True], False)
    assert await read(store, bucket_name, KEY, found[0].pin) == b"fir"
    await store.close()


async def test_another_version_is_not_taken_for_the_wanted_one(
    moto_s3: S3Server, bucket_name: str
) -> None:
    client, store = client_of(moto_s3), S3Store(moto_s3.cloud())
    await store.create_bucket(bucket_name)
    client.put_object(Bucket=bucket_name, Key=KEY, Body=b"one")
    (only,), _ = await store.versions(bucket_name, KEY)
    client.put_object(Bucket=bucket_name, Key=KEY, Body=b"two")
    with pytest.raises(PreconditionFailed):
        await read(store, bucket_name, KEY, only.pin)
    await store.close()


def test_a_disk_keeps_one_version(tmp_path: Path) -> None:
    settings = CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM, root=tmp_path)
    assert as_versioned(open_store(settings)) is None
