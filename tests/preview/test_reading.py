"""Previews through the door, on real servers: bounded, pinned, and never read unasked where it
costs."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from engine.engine import Engine
from engine.errors import NotFound, PreconditionFailed, UsageError
from engine.model import Address, PreviewKind, PreviewState, Provider, StoreKind, VersionPin
from engine.settings import CloudSettings, EngineSettings, KafkaSettings
from tests.servers import S3Server

HOSTILE = "a[red]b\x1b]52;c;x\x07 é.txt"


@pytest.fixture
def client(moto_s3: S3Server, bucket_name: str) -> Any:
    made = boto3.client(
        "s3",
        endpoint_url=moto_s3.endpoint,
        region_name=moto_s3.region,
        aws_access_key_id=moto_s3.access_key,
        aws_secret_access_key=moto_s3.secret_key,
    )
    made.create_bucket(Bucket=bucket_name)
    return made


@pytest.fixture
async def engine(
    client: Any, moto_s3: S3Server, bucket_name: str, tmp_path: Path
) -> AsyncIterator[Engine]:
    (tmp_path / "disk" / "b").mkdir(parents=True)
    (tmp_path / "disk" / "b" / "notes.txt").write_bytes(b"on a disk\n" * 20_000)
    disk = CloudSettings(
        "disk", StoreKind.LOCAL, Provider.ONPREM, bucket="b", root=tmp_path / "disk"
    )
    clouds = (moto_s3.cloud(bucket=bucket_name), disk)
    settings = EngineSettings(clouds, tmp_path / "state", KafkaSettings(bootstrap="off"))
    async with Engine(settings) as engine:
        yield engine


async def test_no_more_is_read_than_was_asked_for(
    engine: Engine, client: Any, bucket_name: str
) -> None:
    client.put_object(Bucket=bucket_name, Key=HOSTILE, Body=b"line\n" * 10_000)
    found = await engine.preview(Address("aws", bucket_name, HOSTILE), limit=1000)
    assert (found.state, found.kind) == (PreviewState.READ, PreviewKind.TEXT)
    assert (found.read, len(found.data), found.size, found.whole) == (1000, 1000, 50_000, False)
    assert found.cost is not None
    assert found.cost > 0  # two requests, and bytes that leave
    whole = await engine.preview(Address("aws", bucket_name, HOSTILE), limit=50_000)
    assert (whole.whole, whole.read) == (True, 50_000)
    disk = await engine.preview(Address("disk", "b", "notes.txt"), limit=100)
    assert (disk.data, disk.whole) == (b"on a disk\n" * 10, False)


async def test_what_is_packed_is_unpacked_within_the_limit(
    engine: Engine, client: Any, bucket_name: str
) -> None:
    raw = gzip.compress(b"a,b\n" + b"1,2\n" * 500_000)
    client.put_object(Bucket=bucket_name, Key="t.csv.gz", Body=raw)
    found = await engine.preview(Address("aws", bucket_name, "t.csv.gz"), limit=4096)
    assert (found.kind, found.packed, found.delimiter) == (PreviewKind.TABLE, "gzip", ",")
    assert (len(found.data), found.whole, found.read) == (4096, False, min(4096, len(raw)))


async def test_a_retrieval_is_told_before_it_is_paid(
    engine: Engine, client: Any, bucket_name: str
) -> None:
    place = Address("aws", bucket_name, "cold.txt")
    client.put_object(Bucket=bucket_name, Key=place.key, Body=b"x" * 99, StorageClass="GLACIER_IR")
    asked = await engine.preview(place)
    assert (asked.state, asked.data, asked.read) == (PreviewState.PRICED, b"", 0)
    assert dict(asked.costs)["retrieval"] > 0
    paid = await engine.preview(place, paid=True)
    assert (paid.state, paid.data, paid.cost) == (PreviewState.READ, b"x" * 99, asked.cost)


async def test_the_archive_is_not_touched(engine: Engine, client: Any, bucket_name: str) -> None:
    place = Address("aws", bucket_name, "old.txt")
    client.put_object(Bucket=bucket_name, Key=place.key, Body=b"x", StorageClass="DEEP_ARCHIVE")
    found = await engine.preview(place, paid=True)
    assert (found.state, found.data) == (PreviewState.ARCHIVED, b"")
    assert found.hours > 0
    assert found.cost is not None
    assert "x-amz-restore" not in client.head_object(Bucket=bucket_name, Key=place.key)


async def test_versions_are_listed_priced_and_previewed(
    engine: Engine, client: Any, bucket_name: str
) -> None:
    status = {"Status": "Enabled"}
    client.put_bucket_versioning(Bucket=bucket_name, VersioningConfiguration=status)
    place = Address("aws", bucket_name, "doc.json")
    client.put_object(Bucket=bucket_name, Key=place.key, Body=b'{"version": 1}')
    client.put_object(Bucket=bucket_name, Key=place.key, Body=b'{"version": 2}')
    found = await engine.versions(place)
    assert found.kept
    assert [item.current for item in found.versions] == [True, False]
    assert all(item.cost_month is not None for item in found.versions)
    old = await engine.preview(place, pin=found.versions[1].pin)
    assert (old.kind, old.data) == (PreviewKind.JSON, b'{"version": 1}')
    assert (await engine.preview(place)).data == b'{"version": 2}'
    assert not (await engine.versions(Address("disk", "b", "notes.txt"))).kept


async def test_what_cannot_be_previewed(engine: Engine, client: Any, bucket_name: str) -> None:
    client.put_object(Bucket=bucket_name, Key="k", Body=b"")
    place = Address("aws", bucket_name, "k")
    assert (await engine.preview(place)).kind is PreviewKind.EMPTY
    with pytest.raises(PreconditionFailed):
        await engine.preview(place, pin=VersionPin("0" * 32))
    with pytest.raises(NotFound):
        await engine.preview(Address("aws", bucket_name, "absent"))
    with pytest.raises(UsageError):
        await engine.preview(Address("aws", bucket_name, ""))
    with pytest.raises(UsageError):
        await engine.preview(place, limit=10**9)
    with pytest.raises(UsageError):
        await engine.preview(Address("nowhere", "b", "k"))


async def test_a_change_of_class_costs_what_a_plan_says(
    engine: Engine, client: Any, bucket_name: str
) -> None:
    place = Address("aws", bucket_name, "k")
    client.put_object(
        Bucket=bucket_name, Key="k", Body=b"x" * 3_000_000, StorageClass="STANDARD_IA"
    )
    detail = await engine.inspect(place)
    changes = {change.storage_class: change for change in detail.changes}
    assert changes["STANDARD_IA"].here
    assert detail.cost_month == changes["STANDARD_IA"].cost_month
    for name in ("STANDARD", "GLACIER_IR", "DEEP_ARCHIVE"):
        change = changes[name]
        (move,) = (await engine.plan_tier([place], storage_class=name)).moves
        # A little later a little less of the minimum days is left.
        assert change.once == pytest.approx(move.one_time_cost, rel=1e-5)
        assert [text for text, _ in change.lines] == [text for text, _ in move.cost_lines]
        assert change.saving == pytest.approx(move.saving_per_month)
        assert change.refused == move.refused
    on_disk = await engine.inspect(Address("disk", "b", "notes.txt"))
    assert [change.here for change in on_disk.changes] == [True]
