"""`check_cloud` on real servers, honest and otherwise."""

import dataclasses
from pathlib import Path

import pytest

from engine.doctor import CANARY, check_cloud
from engine.model import Check, CheckState, ObjectMeta, Provider, StoreKind
from engine.settings import CloudSettings, Secret
from engine.stores import open_store
from tests.conformance.conftest import pieces
from tests.fake_gcs import FakeGCS, GCSBucket
from tests.fake_s3 import FakeS3, Fault
from tests.servers import GCSServer, S3Server, free_ports

OK, WARNING, FAILED, SKIPPED = (
    CheckState.OK,
    CheckState.WARNING,
    CheckState.FAILED,
    CheckState.SKIPPED,
)


async def examine(settings: CloudSettings, *, create: bool = True) -> dict[str, Check]:
    """All checks by name; afterwards no canary may be left."""
    store = open_store(settings)
    try:
        if create:
            await store.create_bucket(settings.bucket)
        checks = {check.name: check async for check in check_cloud(store, settings)}
        assert all(check.subject == settings.name for check in checks.values())
        assert all(check.todo for check in checks.values() if check.state in (FAILED, WARNING))
        if create:
            pages = [page async for page in store.list_pages(settings.bucket)]
            assert [e.key for page in pages for e in page.entries if CANARY in e.key] == []
    finally:
        await store.close()
    return checks


def states(checks: dict[str, Check]) -> dict[str, CheckState]:
    return {name: check.state for name, check in checks.items()}


NAMES = "reachable list clock classes read write conditions metadata delete"
ALL_WELL = dict.fromkeys(NAMES.split(" "), OK)


async def test_an_honest_server_passes(moto_s3: S3Server, bucket_name: str) -> None:
    checks = await examine(moto_s3.cloud(bucket=bucket_name))
    assert states(checks) == ALL_WELL


async def test_a_folder_passes(tmp_path: Path) -> None:
    settings = CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM, bucket="b", root=tmp_path)
    assert states(await examine(settings)) == ALL_WELL | {"clock": SKIPPED}


async def test_a_folder_that_is_not_there_is_not_reachable(tmp_path: Path) -> None:
    root = tmp_path / "gone"
    settings = CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM, bucket="b", root=root)
    checks = await examine(settings, create=False)
    assert states(checks) == {"reachable": FAILED}
    assert str(root) in checks["reachable"].detail


async def test_ignored_conditions_are_a_warning(rclone: S3Server, bucket_name: str) -> None:
    settings = rclone.cloud(bucket=bucket_name, provider=Provider.ONPREM)
    checks = await examine(settings)
    assert states(checks) == ALL_WELL | {"conditions": WARNING, "metadata": WARNING}
    assert "conditional deletes" in checks["conditions"].detail
    assert "tags" in checks["metadata"].detail


async def test_google_cloud_storage_passes_but_for_tags(gcs: FakeGCS) -> None:
    settings = dataclasses.replace(gcs.cloud(), bucket="b")
    checks = await examine(settings)
    assert states(checks) == ALL_WELL | {"metadata": WARNING}
    assert checks["metadata"].detail == "This store keeps no tags."
    assert gcs.objects.buckets["b"].live == {}


async def test_what_an_emulator_ignores_is_a_warning(fakegcs: GCSServer, bucket_name: str) -> None:
    checks = await examine(fakegcs.cloud(bucket=bucket_name))
    assert states(checks) == ALL_WELL | {"conditions": WARNING, "metadata": WARNING}
    assert "conditional deletes" in checks["conditions"].detail
    assert "create-only" not in checks["conditions"].detail


async def test_a_google_account_without_permission_is_told_which(gcs: FakeGCS) -> None:
    gcs.objects.buckets["b"] = GCSBucket()
    gcs.objects.put("b", "object", b"bytes")
    gcs.on_request = lambda seen: (
        Fault(status=403, code="forbidden") if seen.method != "GET" else None
    )
    checks = await examine(dataclasses.replace(gcs.cloud(), bucket="b"), create=False)
    assert (checks["write"].state, checks["read"].state) == (FAILED, OK)
    assert "roles/storage.objectUser" in checks["write"].todo


async def test_missing_google_credentials_are_said_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    settings = CloudSettings("g", StoreKind.GCS, Provider.GCP, bucket="b")
    checks = await examine(settings, create=False)
    assert states(checks) == {"reachable": FAILED}
    assert "gcloud auth" in checks["reachable"].todo


async def test_wrong_keys_are_named(seaweed: S3Server, bucket_name: str) -> None:
    good = seaweed.cloud(bucket=bucket_name)
    wrong = dataclasses.replace(good, secret_key=Secret("not-the-secret"))
    checks = await examine(wrong, create=False)
    assert checks["login"].state is FAILED
    assert "SignatureDoesNotMatch" in checks["login"].detail
    assert "secret" in checks["login"].todo
    assert "not-the-secret" not in str(checks)


async def test_nobody_there_is_said_once() -> None:
    (port,) = free_ports(1)
    server = S3Server(f"http://127.0.0.1:{port}", 0, Path())
    checks = await examine(server.cloud(bucket="b"), create=False)
    assert states(checks) == {"reachable": FAILED}
    assert "cannot be reached" in checks["reachable"].detail


async def test_a_missing_folder_is_no_empty_one(tmp_path: Path) -> None:
    settings = CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM, bucket="gone", root=tmp_path)
    checks = await examine(settings, create=False)
    assert checks["list"].state is FAILED


async def test_a_read_only_cloud_is_not_written_to(fake: FakeS3) -> None:
    fake.state.put("b", "object", b"bytes")
    settings = dataclasses.replace(fake.cloud(), bucket="b", read_only=True)
    checks = await examine(settings, create=False)
    assert {checks[name].state for name in ("write", "conditions", "delete")} == {SKIPPED}
    assert checks["read"].state is OK
    assert {seen.method for seen in fake.seen} <= {"GET", "HEAD"}


async def test_a_bucket_that_may_not_be_written_is_still_read(fake: FakeS3) -> None:
    fake.state.put("b", "object", b"bytes")
    fake.on_request = lambda seen: (
        Fault(status=403, code="AccessDenied") if seen.method in ("PUT", "DELETE") else None
    )
    checks = await examine(dataclasses.replace(fake.cloud(), bucket="b"), create=False)
    assert (checks["write"].state, checks["read"].state) == (FAILED, OK)
    assert checks["delete"].state is SKIPPED


async def test_a_clock_that_is_off_is_said(fake: FakeS3) -> None:
    fake.state.buckets["b"] = {}
    fake.on_request = lambda seen: Fault(
        status=200 if seen.query else 404,
        after=True,
        headers={"date": "Mon, 01 Jan 2001 00:00:00 GMT"},
        body=b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
    )
    checks = await examine(
        dataclasses.replace(fake.cloud(), bucket="b", read_only=True), create=False
    )
    assert checks["clock"].state is FAILED


async def test_an_unknown_class_is_a_warning(moto_s3: S3Server, bucket_name: str) -> None:
    settings = moto_s3.cloud(bucket=bucket_name, provider=Provider.ONPREM)
    store = open_store(settings)
    await store.create_bucket(bucket_name)
    await store.write(
        bucket_name, "a", pieces(b"x"), size=1, meta=ObjectMeta(), storage_class="STANDARD_IA"
    )
    await store.close()
    checks = await examine(settings)
    assert checks["classes"].state is WARNING
    assert "STANDARD_IA" in checks["classes"].detail


@pytest.mark.parametrize("stop_after", ["write", "read", "conditions"])
async def test_stopping_in_between_removes_the_canary(fake: FakeS3, stop_after: str) -> None:
    fake.state.buckets["b"] = {}
    settings = dataclasses.replace(fake.cloud(), bucket="b")
    store = open_store(settings)
    checks = check_cloud(store, settings)
    async for check in checks:
        if check.name == stop_after:
            break
    await checks.aclose()
    await store.close()
    assert fake.state.buckets["b"] == {}
