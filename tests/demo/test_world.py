"""The demo world: what its clouds hold, and that nothing of it is left behind."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from astra_tui.demo import REGIONS, DemoWorld
from astra_tui.demo_life import DemoEngine, DemoLife
from demo_data import content, inventory
from engine.errors import StateError
from engine.model import Address
from engine.settings import CloudSettings
from engine.stores.s3_classes import StorageClasses
from tests.demo.run import run_program
from tests.demo.waiting import alive, until


def client(cloud: CloudSettings):
    """A client that shares nothing with ours."""
    return boto3.client(
        "s3",
        endpoint_url=cloud.endpoint,
        region_name=cloud.region,
        aws_access_key_id="x",
        aws_secret_access_key="y",
        config=Config(s3={"addressing_style": "path"}),
    )


def listed(cloud: CloudSettings) -> dict[str, dict]:
    pages = client(cloud).get_paginator("list_objects_v2").paginate(Bucket=cloud.bucket)
    return {entry["Key"]: entry for page in pages for entry in page.get("Contents", [])}


async def test_three_clouds_hold_the_inventory_with_its_ages_and_classes():
    async with DemoWorld() as world:
        await world.ready()
        assert [cloud.name for cloud in world.settings.clouds] == list(REGIONS)
        for cloud in world.settings.clouds:
            assert cloud.region == REGIONS[cloud.name]
            wanted = {item.key: item for item in inventory() if item.cloud == cloud.name}
            found = await asyncio.to_thread(listed, cloud)
            assert set(found) == set(wanted)
            newest = max(entry["LastModified"].timestamp() for entry in found.values())
            youngest = min(item.age_days for item in wanted.values())
            classes = StorageClasses(cloud.provider, native=False)
            for key, entry in found.items():
                item = wanted[key]
                assert entry["Size"] == item.size
                assert classes.from_wire(entry["StorageClass"]) == item.storage_class
                age = (newest - entry["LastModified"].timestamp()) / 86_400 + youngest
                assert age == pytest.approx(item.age_days, abs=0.01)


async def test_objects_are_read_byte_for_byte_under_their_hostile_names():
    async with DemoWorld() as world:
        cloud = world.settings.clouds[0]
        s3 = client(cloud)
        odd = [item for item in inventory() if item.key.startswith("odd") and item.cloud == "aws"]
        for item in odd:
            answer = await asyncio.to_thread(s3.get_object, Bucket=cloud.bucket, Key=item.key)
            assert await asyncio.to_thread(answer["Body"].read) == content(item)


async def test_each_cloud_has_its_own_buckets():
    async with DemoWorld() as world:
        await world.ready()
        for cloud in world.settings.clouds:
            answer = client(cloud).list_buckets()
            assert [bucket["Name"] for bucket in answer["Buckets"]] == [cloud.bucket]


async def test_classes_change_by_copy_and_archives_need_a_restore():
    async with DemoWorld() as world:
        await world.ready()
        azure = client(world.settings.clouds[2])
        place = {"Bucket": "partner-share", "Key": "press/logo.png"}
        azure.copy_object(**place, CopySource=place, StorageClass="DEEP_ARCHIVE")
        assert azure.head_object(**place)["StorageClass"] == "DEEP_ARCHIVE"
        with pytest.raises(ClientError, match="InvalidObjectState"):
            azure.get_object(**place)
        azure.restore_object(**place, RestoreRequest={"Days": 1})
        assert azure.get_object(**place)["Body"].read()[1:4] == b"PNG"


async def test_leaving_ends_the_process_and_removes_the_folder():
    async with DemoWorld() as world:
        pid, folder = world.server_pid, world.folder
        assert alive(pid)
        assert folder.is_dir()
    assert not alive(pid)
    assert not folder.exists()


async def test_leaving_by_an_error_before_it_is_ready_cleans_up_too():
    world = DemoWorld()
    with pytest.raises(ZeroDivisionError):
        async with world:
            _ = 1 / 0
    assert not alive(world.server_pid)
    assert not world.folder.exists()


async def test_cancelling_cleans_up():
    opened = asyncio.Event()
    world = DemoWorld()

    async def stay() -> None:
        async with world:
            opened.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(stay())
    await opened.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(world.server_pid)
    assert not world.folder.exists()


PARENT = """
import asyncio, json
from astra_tui.demo import DemoWorld

async def main():
    async with DemoWorld() as world:
        await world.ready()
        print(json.dumps([world.server_pid, str(world.folder)]), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
async def test_nothing_is_left_when_the_parent_is_killed(how: signal.Signals):
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid, folder = json.loads(await parent.stdout.readline())
    assert alive(pid)
    os.kill(parent.pid, how)
    await parent.wait()
    await until(lambda: not alive(pid), "the storage ends after its parent")
    await until(lambda: not Path(folder).exists(), "the folder is removed")


async def test_what_is_kept_is_there_again(tmp_path: Path):
    place = tmp_path / "kept"
    async with DemoWorld(keep=place) as world:
        assert world.first_time
        await world.ready()
        s3 = client(world.settings.clouds[0])
        s3.delete_object(Bucket="prod-data", Key="_SUCCESS")
        s3.put_object(
            Bucket="prod-data",
            Key="new\nline",
            Body=b"kept",
            StorageClass="STANDARD_IA",
            Metadata={"who": "me"},
            ContentType="text/x-kept",
            Tagging="a=b",
        )
        before = listed(world.settings.clouds[0])
    async with DemoWorld(keep=place) as world:
        assert not world.first_time
        await world.ready()
        assert listed(world.settings.clouds[0]) == before
        again = client(world.settings.clouds[0]).get_object(Bucket="prod-data", Key="new\nline")
        assert again["Body"].read() == b"kept"
        assert again["Metadata"] == {"who": "me"}
        assert again["ContentType"] == "text/x-kept"
        assert again["TagCount"] == 1
    assert (place / "objects.sqlite3").exists()


async def test_a_damaged_file_of_objects_is_set_aside(tmp_path: Path):
    (tmp_path / "objects.sqlite3").write_bytes(b"this is no database" * 100)
    async with DemoWorld(keep=tmp_path) as world:
        await world.ready()
        assert len(listed(world.settings.clouds[0])) > 50
    (aside,) = tmp_path.glob("*.damaged-*")
    assert aside.read_bytes().startswith(b"this is no database")


async def test_a_storage_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    async with DemoWorld() as world:
        with pytest.raises(StateError, match="did not start"):
            await world.ready()
    assert not world.folder.exists()


async def test_settings_of_moto_in_the_environment_do_not_reach_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "999999999999")
    async with DemoWorld() as world:
        await world.ready()
        assert "prod-data" in str(client(world.settings.clouds[0]).list_buckets()["Buckets"])


async def test_the_console_is_told_when_the_storage_does_not_start(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    async with DemoWorld() as world:
        async with DemoEngine(world.settings) as engine, DemoLife(world, engine):
            await until(lambda: bool(engine.notices()), "a notice")
            ((_, notice),) = engine.notices()
            assert "did not start" in notice.text


def _events(engine: DemoEngine) -> int:
    return engine.snapshot().kafka.events_total


async def test_the_engine_gets_a_past_once_and_traffic_until_it_stops(tmp_path: Path):
    target = Address("gcp", "cold-data", "models/ranker-v3.bin")
    for rate, first in ((20.0, True), (0.0, False)):
        async with DemoWorld(keep=tmp_path) as world:
            assert world.first_time is first
            async with DemoEngine(world.settings) as engine, DemoLife(world, engine, rate=rate):
                if first:
                    await until(lambda of=engine: _events(of) > 20, "traffic arrives")
                past = (await engine.inspect(target)).daily_reads
                assert sum(past) > 500, "half a year of reads, kept for the next time"


async def test_the_storage_is_started_before_anything_heavy_is_imported():
    code = "import sys, astra_tui.demo_cli; print(*sorted(sys.modules))"
    done = await run_program([sys.executable, "-c", code])
    loaded = {name.partition(".")[0] for name in done.out.split()}
    assert "astra_tui" in loaded
    assert not loaded & {"textual", "rich", "moto", "boto3", "aiohttp", "aiokafka", "numpy"}
