"""Moves between real servers, with rclone as an independent judge."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from engine.model import Evidence, JobState, MoveKind, ObjectMeta
from engine.stores import open_store
from tests.conformance.conftest import drop_bucket
from tests.migration.world import World, pattern, world
from tests.servers import AzureServer, GCSServer, S3Server, program

MIB = 1024**2
SIZES = {"empty": 0, "one byte": 1, "dir/4k.bin": 4096, "mib": MIB, "17 MiB.bin": 17 * MIB + 5}
KEYS = ["a+b %2F?#.txt", "café", "cafe\u0301", "quote'\"<&>.txt", "emoji 🚀", "x" * 200]


async def fill(there: World, bucket: str) -> dict[str, bytes]:
    objects = {key: pattern(size) for key, size in SIZES.items()}
    objects |= {key: key.encode() for key in KEYS}
    meta = ObjectMeta(content_type="text/x-test", user=(("owner", "me"),), modified=1.5e9)
    for key, body in objects.items():
        await there.put(f"{bucket}/{key}", body, meta)
    return objects


async def migrate_all(
    there: World, source: str, destination: str, objects: dict[str, bytes], kind: MoveKind
) -> None:
    specs = [await there.spec(f"{source}/{key}", f"{destination}/{key}", kind) for key in objects]
    ids = await there.runner.submit("all", specs)
    async with asyncio.timeout(120):
        await there.runner.wait("all")
    for job_id in ids:
        done = await there.job(job_id)
        assert (done.state, done.error) == (JobState.COMPLETED, ""), done.spec.source
        assert done.evidence is Evidence.REREAD


def remote(name: str, server: S3Server | GCSServer | AzureServer) -> dict[str, str]:
    """What tells rclone how to reach a server, under that name."""
    prefix = f"RCLONE_CONFIG_{name.upper()}_"
    if isinstance(server, GCSServer):
        return {
            f"{prefix}TYPE": "google cloud storage",
            f"{prefix}ANONYMOUS": "true",
            f"{prefix}ENDPOINT": f"{server.endpoint}/storage/v1/",
        }
    if isinstance(server, AzureServer):
        return {
            f"{prefix}TYPE": "azureblob",
            f"{prefix}ACCOUNT": server.account,
            f"{prefix}KEY": server.key,
            f"{prefix}ENDPOINT": f"{server.endpoint}/{server.account}",
        }
    return {
        f"{prefix}TYPE": "s3",
        f"{prefix}PROVIDER": "Other",
        f"{prefix}ENDPOINT": server.endpoint,
        f"{prefix}ACCESS_KEY_ID": server.access_key,
        f"{prefix}SECRET_ACCESS_KEY": server.secret_key,
        f"{prefix}REGION": server.region,
    }


async def test_a_server_copies_by_itself_and_the_copy_is_the_same(
    tmp_path: Path, seaweed: S3Server, bucket_name: str
) -> None:
    """SeaweedFS holds copies to their conditions; moto does not, and is not asked to copy."""
    stores = {name: open_store(seaweed.cloud(name)) for name in ("one", "two")}
    async with world(tmp_path / "state", stores) as there:
        for end in ("a", "b"):
            await stores["one"].create_bucket(f"{bucket_name}-{end}")
        source, target = f"one:{bucket_name}-a", f"two:{bucket_name}-b"
        objects = await fill(there, source)
        await migrate_all(there, source, target, objects, MoveKind.MOVE)
        for key, body in objects.items():
            assert await there.get(f"{target}/{key}") == body
            assert await there.get(f"{source}/{key}") is None
        views = await there.ledger.views()
        assert all(view.server_copied for view in views), [v.notes for v in views]
        head = await stores["two"].head(f"{bucket_name}-b", "mib")
        assert (head.meta.content_type, head.meta.user) == ("text/x-test", (("owner", "me"),))
        assert head.meta.modified == 1.5e9
        assert await there.uploads(target) == 0
    for end in ("a", "b"):
        await drop_bucket(seaweed.cloud(), f"{bucket_name}-{end}")


ROUTES = ("moto-seaweed", "seaweed-moto", "moto-rclone", "moto-fakegcs", "moto-azurite")


@pytest.mark.parametrize("route", ROUTES)
async def test_a_copy_is_the_same_for_an_independent_judge(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    moto_s3: S3Server,
    seaweed: S3Server,
    rclone: S3Server,
    fakegcs: GCSServer,
    bucket_name: str,
    route: str,
) -> None:
    servers: dict[str, S3Server | GCSServer | AzureServer] = {
        "moto": moto_s3,
        "seaweed": seaweed,
        "rclone": rclone,
        "fakegcs": fakegcs,
    }
    if route == "moto-azurite":  # which may not be installed
        servers["azurite"] = request.getfixturevalue("azurite")
    one, two = (servers[name] for name in route.split("-"))
    stores = {"one": open_store(one.cloud("one")), "two": open_store(two.cloud("two"))}
    async with world(tmp_path / "state", stores) as there:
        for store in stores.values():
            await store.create_bucket(bucket_name)
        objects = await fill(there, f"one:{bucket_name}")
        if route == "moto-rclone":
            del objects["cafe\u0301"]  # to rclone it is the same name as the composed one
        source, destination = f"one:{bucket_name}", f"two:{bucket_name}"
        await migrate_all(there, source, destination, objects, MoveKind.COPY)
        head = await stores["two"].head(bucket_name, "mib")
        assert head.meta.content_type == "text/x-test"
        assert head.meta.modified == 1.5e9
        judge = await asyncio.to_thread(
            subprocess.run,
            [
                *(program("rclone"), "--config", os.devnull, "check", "--download", "--one-way"),
                *("--no-unicode-normalization", destination, source),
            ],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
            | remote("one", one)
            | remote("two", two),
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert judge.returncode == 0, judge.stderr.decode()
        assert f"{len(objects)} matching files" in judge.stderr.decode()


async def test_moves_there_and_back_end_where_they_began(
    tmp_path: Path, moto_s3: S3Server, seaweed: S3Server, bucket_name: str
) -> None:
    stores = {"one": open_store(moto_s3.cloud("one")), "two": open_store(seaweed.cloud("two"))}
    async with world(tmp_path / "state", stores) as there:
        for store in stores.values():
            await store.create_bucket(bucket_name)
        one, two = f"one:{bucket_name}", f"two:{bucket_name}"
        objects = await fill(there, one)
        for source, destination in ((one, two), (two, one)):
            await migrate_all(there, source, destination, objects, MoveKind.MOVE)
            assert await there.keys(f"{source}/") == []
            assert await there.uploads(f"{destination}/") == 0
        for key, body in objects.items():
            assert await there.get(f"{one}/{key}") == body


async def test_rclone_ignores_every_condition_and_nothing_is_lost(
    tmp_path: Path, rclone: S3Server, moto_s3: S3Server, bucket_name: str
) -> None:
    """No If-Match on deletes: unguarded. No If-None-Match: looked at first."""
    stores = {"one": open_store(rclone.cloud("one")), "two": open_store(moto_s3.cloud("two"))}
    async with world(tmp_path / "state", stores) as there:
        for store in stores.values():
            await store.create_bucket(bucket_name)
        one, two = f"one:{bucket_name}/k", f"two:{bucket_name}/k"
        await there.put(one, b"first")
        refused = await there.move(one, two, strict=True)
        assert refused.state is JobState.FAILED
        assert await there.get(two) is None
        done = await there.move(one, two)
        assert (done.state, done.guarded) == (JobState.COMPLETED, False)
        assert any("Unguarded" in note for note in done.notes)
        await there.put(one, b"in the way")
        blocked = await there.move(two, one)
        assert blocked.state is JobState.FAILED
        assert await there.get(one) == b"in the way"
        assert await there.get(two) == b"first"
        replaced = await there.move(two, one, overwrite=True)
        assert replaced.state is JobState.COMPLETED
        assert await there.get(one) == b"first"


async def test_a_versioned_bucket_loses_exactly_the_moved_version(
    tmp_path: Path, moto_s3: S3Server, bucket_name: str
) -> None:
    import boto3

    client = await asyncio.to_thread(
        boto3.client,
        "s3",
        endpoint_url=moto_s3.endpoint,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    stores = {"one": open_store(moto_s3.cloud("one")), "two": open_store(moto_s3.cloud("two"))}
    async with world(tmp_path / "state", stores) as there:
        await stores["one"].create_bucket(bucket_name)
        await stores["one"].create_bucket(f"{bucket_name}-2")
        await asyncio.to_thread(
            client.put_bucket_versioning,
            Bucket=bucket_name,
            VersioningConfiguration={"Status": "Enabled"},
        )
        for body in (b"older", b"newer"):
            await asyncio.to_thread(client.put_object, Bucket=bucket_name, Key="k", Body=body)
        done = await there.move(f"one:{bucket_name}/k", f"two:{bucket_name}-2/k")
        assert done.state is JobState.COMPLETED
        assert await there.get(f"two:{bucket_name}-2/k") == b"newer"
        assert await there.get(f"one:{bucket_name}/k") == b"older"
        await asyncio.to_thread(client.close)
