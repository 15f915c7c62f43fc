"""A hostile tree goes once around four kinds of store, and comes home byte for byte."""

import hashlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

from engine.engine import Engine
from engine.model import Address, Evidence, JobState, MoveKind, ObjectMeta, Provider, StoreKind
from engine.settings import CloudSettings, EngineSettings, KafkaSettings
from engine.stores import open_store
from engine.stores.base import ObjectStore
from tests.conformance.test_keys import HOSTILE
from tests.migration.world import pattern
from tests.servers import AzureServer, GCSServer, S3Server

MIB = 1024**2
SIZES = {"empty": 0, "one": 1, "mib": MIB, "streamed": 3 * MIB + 1, "parts": 33 * MIB + 7}
MODIFIED = 1_600_000_000.25
META = ObjectMeta(
    content_type="text/x-test",
    cache_control="max-age=60",
    user=(("owner", "me"),),
    modified=MODIFIED,
)
ROUND = ("s3", "gcs", "azure", "disk", "s3")


async def write(store: ObjectStore, bucket: str, key: str, data: bytes) -> None:
    async def body() -> AsyncIterator[bytes]:
        if data:
            yield data

    await store.write(bucket, key, body(), size=len(data), meta=META)


async def digests(cloud: CloudSettings) -> dict[str, str]:
    """Every object of the cloud's bucket, read whole; its SHA-256 by key."""
    store = open_store(cloud)
    found = {}
    try:
        async for page in store.list_pages(cloud.bucket):
            for entry in page.entries:
                head = await store.head(cloud.bucket, entry.key)
                digest = hashlib.sha256()
                async with store.read(cloud.bucket, entry.key, pin=head.pin) as reader:
                    async for chunk in reader:
                        digest.update(chunk)
                found[entry.key] = digest.hexdigest()
    finally:
        await store.close()
    return found


async def test_a_hostile_tree_goes_around_four_kinds_of_store_and_comes_home(
    tmp_path: Path, moto_s3: S3Server, fakegcs: GCSServer, azurite: AzureServer, bucket_name: str
) -> None:
    clouds = {
        "s3": moto_s3.cloud("s3", bucket=bucket_name),
        "gcs": fakegcs.cloud("gcs", bucket=bucket_name),
        "azure": azurite.cloud("azure", bucket=bucket_name),
        "disk": CloudSettings(
            "disk", StoreKind.LOCAL, Provider.ONPREM, bucket=bucket_name, root=tmp_path / "disk"
        ),
    }
    first = open_store(clouds["s3"])
    try:
        for cloud in clouds.values():
            store = open_store(cloud)
            await store.create_bucket(cloud.bucket)
            await store.close()
        hostile = [key for key in HOSTILE if not first.check_key(key) and "\n" not in key]
        for number, key in enumerate(hostile):
            await write(first, bucket_name, key, b"%d" % number * 100)
        for key, size in SIZES.items():
            await write(first, bucket_name, key, pattern(size))
    finally:
        await first.close()
    before = await digests(clouds["s3"])
    assert len(before) == len(hostile) + len(SIZES)

    settings = EngineSettings(
        tuple(clouds.values()), tmp_path / "state", KafkaSettings(bootstrap="off")
    )
    left: dict[str, dict[str, str]] = {}
    async with Engine(settings) as engine:
        for source, target in itertools.pairwise(ROUND):
            wanted = await digests(clouds[source])
            plan = await engine.plan_migration(
                [Address(source, bucket_name, "")],
                Address(target, bucket_name, ""),
                kind=MoveKind.MOVE,
            )
            refused = {move.source.key for move in plan.moves if move.refused}
            assert {move.source.key for move in plan.moves} == set(wanted)
            await engine.submit(plan)
            await engine.wait(plan.plan_id)
            for job in await engine.jobs(jobset=plan.plan_id):
                assert (job.state, job.error) == (JobState.COMPLETED, ""), job.spec
                assert job.evidence is Evidence.REREAD
                assert job.checksum_source == job.checksum_destination
            # What a plan refuses stays where it is, untouched.
            left[source] = {key: wanted[key] for key in refused}
            assert await digests(clouds[source]) == left[source]

    home = await digests(clouds["s3"])
    refused_anywhere = {key: value for kept in left.values() for key, value in kept.items()}
    assert home | refused_anywhere == before
    assert home.keys() >= {
        *SIZES,
        "caf\u00e9",
        "cafe\u0301",
        "\U0001f600",
        "%2F",
        "[bold]markup[/]",
    }
    assert len(home) > len(before) / 2, sorted(refused_anywhere)
    back = open_store(clouds["s3"])
    try:
        for key in SIZES:
            head = await back.head(bucket_name, key)
            assert head.meta.content_type == META.content_type, key
            assert head.meta.user == META.user, key
            assert abs(head.meta.modified - MODIFIED) < 1e-6, key
    finally:
        await back.close()
