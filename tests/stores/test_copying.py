"""Copies on the server: what servers get wrong is found out before anything is copied."""

import boto3
import pytest

from engine.errors import NotSupported, PreconditionFailed, Unavailable
from engine.model import ObjectMeta
from engine.stores.local import LocalStore
from engine.stores.s3 import S3Store
from engine.stores.s3_copy_probe import CopyConditions, CopyProbe
from tests.fake_s3 import FakeS3, Fault, Quirks
from tests.servers import S3Server, rclone_s3
from tests.stores.fault_tools import BUCKET, put


async def copy(store: S3Store, pin, key: str = "b", **more: object):
    fields = {"meta": ObjectMeta(), "size": pin.size, "pin": pin} | more
    return await store.copy(BUCKET, "a", BUCKET, key, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("quirks", "found"),
    [
        (Quirks(), CopyConditions(source=True, create=True, replace=True)),
        (Quirks(copy_ignores_source=True), CopyConditions(create=True, replace=True)),
        (Quirks(copy_ignores_target=True), CopyConditions(source=True)),
        (Quirks(copy_refuses_if_match=True), CopyConditions(source=True, create=True)),
        (Quirks(read_only=True), CopyConditions()),
    ],
)
async def test_what_a_server_ignores_is_found_out(quirks: Quirks, found: CopyConditions) -> None:
    with FakeS3(quirks) as fake:
        fake.state.buckets[BUCKET] = {}
        store = S3Store(fake.cloud())
        probe = CopyProbe(store._client)
        assert await probe.conditions(BUCKET) == found
        asked = len(fake.seen)
        assert await probe.conditions(BUCKET) == found
        assert len(fake.seen) == asked
        assert fake.state.buckets[BUCKET] == {}
        await store.close()


@pytest.mark.parametrize("quirks", [Quirks(copy_ignores_source=True), Quirks(read_only=True)])
async def test_nothing_is_copied_where_it_would_not_be_exact(quirks: Quirks) -> None:
    with FakeS3(quirks) as fake:
        fake.state.put(BUCKET, "a", b"bytes")
        store = S3Store(fake.cloud())
        pin = (await store.head(BUCKET, "a")).pin
        with pytest.raises(NotSupported):
            await copy(store, type(pin)(pin.etag, pin.modified, pin.size))
        assert fake.state.get(BUCKET, "b") is None
        await store.close()


async def test_metadata_tags_and_special_facts_travel(fake: FakeS3) -> None:
    special = {
        "expires": "Thu, 01 Dec 2033 16:00:00 GMT",
        "x-amz-website-redirect-location": "/other",
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:eu-west-1:1:key/k",
    }
    fake.state.put(BUCKET, "a", b"bytes", headers={"content-type": "text/x", **special})
    fake.state.change(BUCKET, "a", tags="project=x")
    store = S3Store(fake.cloud())
    head = await store.head(BUCKET, "a")
    await copy(store, head.pin, meta=head.meta, storage_class="STANDARD_IA")
    made = fake.state.get(BUCKET, "b")
    assert made is not None
    assert special.items() <= dict(made.headers).items()
    assert (made.tags, made.storage_class) == ("project=x", "STANDARD_IA")
    assert (await store.head(BUCKET, "b")).meta.special == head.meta.special
    after = await store.set_class(BUCKET, "a", pin=head.pin, storage_class="GLACIER_IR")
    assert after.meta.special == head.meta.special
    await store.close()


async def test_an_error_in_the_body_of_a_200_is_one(fake: FakeS3) -> None:
    fake.state.put(BUCKET, "a", b"bytes")
    store = S3Store(fake.cloud())
    pin = (await store.head(BUCKET, "a")).pin
    body = b"<Error><Code>InternalError</Code><Message>later</Message></Error>"
    fake.on_request = lambda seen: Fault(status=200, body=body) if seen.key == "b" else None
    with pytest.raises(Unavailable):
        await copy(store, pin)
    assert fake.state.get(BUCKET, "b") is None
    await store.close()


async def test_who_may_not_read_there_is_told_to_copy_the_bytes(fake: FakeS3) -> None:
    fake.state.put(BUCKET, "a", b"bytes")
    store = S3Store(fake.cloud())
    pin = (await store.head(BUCKET, "a")).pin
    fake.on_request = lambda seen: (
        Fault(status=403, code="AccessDenied") if _is_copy(seen) else None
    )
    with pytest.raises(NotSupported):
        await copy(store, pin)
    await store.close()


def _is_copy(seen) -> bool:
    return seen.key == "b" and "x-amz-copy-source" in seen.headers


async def test_parts_are_copied_of_the_pinned_version_only(fake: FakeS3) -> None:
    fake.state.put(BUCKET, "a", b"0123456789")
    store = S3Store(fake.cloud())
    pin = (await store.head(BUCKET, "a")).pin
    upload = await store.begin_upload(BUCKET, "b", meta=ObjectMeta())
    spans = [(0, 6), (6, 10)]
    parts = [
        await store.copy_part(
            BUCKET, "a", BUCKET, "b", upload, number, pin=pin, start=start, stop=stop
        )
        for number, (start, stop) in enumerate(spans, 1)
    ]
    fake.state.put(BUCKET, "a", b"9876543210")
    with pytest.raises(PreconditionFailed):
        await store.copy_part(BUCKET, "a", BUCKET, "b", upload, 1, pin=pin, start=0, stop=6)
    await store.complete_upload(BUCKET, "b", upload, parts)
    made = fake.state.get(BUCKET, "b")
    assert made is not None
    assert made.body == b"0123456789"
    await store.close()


async def test_only_one_account_of_one_endpoint_copies_by_itself(
    fake: FakeS3, tmp_path, seaweed: S3Server
) -> None:
    import dataclasses

    from engine.settings import CloudSettings, Secret

    one, other = S3Store(fake.cloud("one")), S3Store(fake.cloud("other"))
    elsewhere = S3Store(seaweed.cloud())
    stranger = S3Store(dataclasses.replace(fake.cloud(), access_key=Secret("stranger")))
    (tmp_path / "root").mkdir()
    disk = LocalStore(
        CloudSettings("disk", "local", "onprem", root=tmp_path / "root")  # type: ignore[arg-type]
    )
    assert one.can_copy_from(other)
    assert not any(one.can_copy_from(store) for store in (elsewhere, stranger, disk))
    assert not disk.can_copy_from(disk)
    for store in (one, other, elsewhere, stranger, disk):
        await store.close()


async def test_a_server_of_files_is_never_trusted_with_it(tmp_path) -> None:
    (tmp_path / BUCKET).mkdir()
    with rclone_s3(tmp_path) as server:
        store = S3Store(server.cloud())
        pin = await put(store, "a", b"bytes")
        with pytest.raises(NotSupported):
            await copy(store, pin)
        assert sorted(item.name for item in (tmp_path / BUCKET).iterdir()) == ["a"]
        await store.close()


async def test_a_version_id_is_no_leave_to_overwrite(moto_s3: S3Server, bucket_name: str) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=moto_s3.endpoint,
        region_name=moto_s3.region,
        aws_access_key_id=moto_s3.access_key,
        aws_secret_access_key=moto_s3.secret_key,
    )
    store = S3Store(moto_s3.cloud())
    await store.create_bucket(bucket_name)
    client.put_bucket_versioning(Bucket=bucket_name, VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket=bucket_name, Key="a", Body=b"bytes")
    pin = (await store.head(bucket_name, "a")).pin
    found = await store._server_copy._probe.conditions(bucket_name)
    try:
        await store.copy(bucket_name, "a", bucket_name, "b", pin=pin, size=5, meta=ObjectMeta())
        assert found.create
    except NotSupported:
        assert not found.create
    left = client.list_object_versions(Bucket=bucket_name)
    names = {item["Key"] for item in left.get("Versions", []) + left.get("DeleteMarkers", [])}
    assert names <= {"a", "b"}
    await store.close()
