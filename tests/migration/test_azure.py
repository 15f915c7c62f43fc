"""Moves to Azure and back: every byte and its metadata, resumed after a kill, never mixed."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.migration.plan import plan_migration
from engine.migration.plan_sources import Place, SourceObject
from engine.model import (
    Address,
    Evidence,
    JobState,
    ListEntry,
    MoveKind,
    ObjectMeta,
    Provider,
    SourceProof,
    StoreKind,
)
from engine.pricing.book import PriceBook
from engine.settings import CloudSettings
from engine.stores import open_store
from engine.stores.base import ObjectStore
from tests.fake_azure import AzureQuirks, FakeAzure, Fault, Seen
from tests.migration.world import World, local_store, pattern, small_parts, world
from tests.servers import AzureServer, S3Server

MIB = 1024**2
SIZES = {"empty": 0, "one byte": 1, "dir/4k.bin": 4096, "mib": MIB, "20 MiB.bin": 20 * MIB + 5}
KEYS = [
    *("a+b %2F?#.txt", "café", "cafe\u0301", "quote'\"<&>.txt", "emoji 🚀", "x" * 255),
    *("a//b", "/lead", "trail/", "[red]x[/]", "\u202etxt.exe", "%", "100%25", "é" * 512),
    *("*();:@=,$!~-_", " blank before", "CON", "back`tick", ".hidden", "..two"),
]
META = ObjectMeta(
    content_type="text/x-test; charset=utf-8",
    cache_control="max-age=60",
    user=(("cost-centre", "Grüße ✓"), ("owner", "me"), ("under_score", "x")),
    tags=(("team", "a-b"),),
    modified=1_500_000_000.25,
)


async def move_all(there: World, source: str, target: str, keys: list[str], **how: object) -> None:
    specs = [
        await there.spec(f"{source}/{key}", f"{target}/{key}", **how)  # type: ignore[arg-type]
        for key in keys
    ]
    ids = await there.runner.submit("all", specs)
    async with asyncio.timeout(120):
        await there.runner.wait("all")
    for job_id in ids:
        done = await there.job(job_id)
        assert (done.state, done.error) == (JobState.COMPLETED, ""), done.spec.source
        assert done.evidence is Evidence.REREAD
        assert done.guarded


async def digests(store: ObjectStore, bucket: str) -> dict[str, str]:
    """SHA-256 of every object, read by itself."""
    found = {}
    async for page in store.list_pages(bucket):
        for entry in page.entries:
            digest = hashlib.sha256()
            pin = (await store.head(bucket, entry.key)).pin
            async with store.read(bucket, entry.key, pin=pin) as reader:
                async for chunk in reader:
                    digest.update(chunk)
            found[entry.key] = digest.hexdigest()
    return found


async def test_there_and_back_ends_where_it_began(
    tmp_path: Path, moto_s3: S3Server, azurite: AzureServer, bucket_name: str
) -> None:
    stores = {"one": open_store(moto_s3.cloud("one")), "two": open_store(azurite.cloud("two"))}
    objects = {key: pattern(size) for key, size in SIZES.items()}
    objects |= {key: key.encode() for key in KEYS}
    expected = {key: hashlib.sha256(body).hexdigest() for key, body in objects.items()}
    async with world(tmp_path / "state", stores) as there:
        for store in stores.values():
            await store.create_bucket(bucket_name)
        one, two = f"one:{bucket_name}", f"two:{bucket_name}"
        for key, body in objects.items():
            await there.put(f"{one}/{key}", body, META)
        await move_all(there, one, two, list(objects))
        assert await there.keys(f"{one}/") == []
        assert await digests(stores["two"], bucket_name) == expected
        for key in objects:
            meta = (await stores["two"].head(bucket_name, key)).meta
            assert replace(meta, special=()) == META, key
        assert await stores["two"].uploads(bucket_name) == []
        await move_all(there, two, one, list(objects))
        assert await there.keys(f"{two}/") == []
        assert await digests(stores["one"], bucket_name) == expected
        for key in objects:
            meta = (await stores["one"].head(bucket_name, key)).meta
            assert replace(meta, special=()) == META, key


@pytest.fixture
async def to_azure(tmp_path: Path, fakeazure: FakeAzure) -> AsyncIterator[World]:
    """A disk and a scripted account with container `box`, where 64 KiB make a block."""
    cloud = small_parts(open_store(fakeazure.cloud("az")))
    await cloud.create_bucket("box")
    stores: dict[str, ObjectStore] = {"disk": local_store("disk", tmp_path / "disk"), "az": cloud}
    async with world(tmp_path / "state", stores) as there:
        yield there


async def test_a_copy_of_one_request_is_attested_and_one_of_blocks_is_read_back(
    to_azure: World,
) -> None:
    small, large = pattern(1000), pattern(300_000)
    await to_azure.put("disk:bucket/small", small)
    await to_azure.put("disk:bucket/large", large)
    done = await to_azure.move("disk:bucket/small", "az:box/small", verify=Evidence.ATTESTED)
    assert (done.state, done.evidence) == (JobState.COMPLETED, Evidence.ATTESTED)
    done = await to_azure.move("disk:bucket/large", "az:box/large", verify=Evidence.ATTESTED)
    assert (done.state, done.evidence) == (JobState.COMPLETED, Evidence.REREAD)
    assert await to_azure.get("az:box/large") == large


async def test_an_md5_that_somebody_noted_is_an_alarm_and_no_proof(
    fakeazure: FakeAzure, to_azure: World
) -> None:
    fakeazure.blobs.put("box", "right", b"bytes")
    wrong = (("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),)
    fakeazure.blobs.put("box", "wrong", b"bytes", headers=wrong)
    done = await to_azure.move("az:box/right", "disk:bucket/right", checksum="crc32c")
    assert (done.state, done.source_proof) == (JobState.COMPLETED, SourceProof.UNATTESTED)
    assert any("somebody noted" in note for note in done.notes)
    done = await to_azure.move("az:box/wrong", "disk:bucket/wrong")
    assert done.state is JobState.FAILED
    assert "nobody checked" in done.error_todo
    assert await to_azure.get("disk:bucket/wrong") is None
    assert await to_azure.get("az:box/wrong") == b"bytes"


async def test_strict_reads_such_a_source_twice(fakeazure: FakeAzure, to_azure: World) -> None:
    fakeazure.blobs.put("box", "k", b"bytes")
    done = await to_azure.move("az:box/k", "disk:bucket/k", strict=True)
    assert (done.state, done.source_proof) == (JobState.COMPLETED, SourceProof.REREAD)
    assert fakeazure.count("GET", "box", "k") == 2


async def test_a_bad_copy_is_found_and_taken_back(fakeazure: FakeAzure, to_azure: World) -> None:
    body = pattern(300_000)
    await to_azure.put("disk:bucket/k", body)

    def script(seen: Seen) -> Fault | None:
        block = seen.query.get("comp") == "block" and len(seen.body) > 1
        return Fault(flip=70) if block else None

    fakeazure.on_request = script
    done = await to_azure.move("disk:bucket/k", "az:box/k")
    assert done.state is JobState.FAILED
    assert fakeazure.blobs.get("box", "k") is None
    assert await to_azure.get("disk:bucket/k") == body


async def test_blocks_that_were_sent_are_not_sent_again(
    fakeazure: FakeAzure, to_azure: World
) -> None:
    body = pattern(300_000)
    await to_azure.put("disk:bucket/k", body, META)
    blocks: list[str] = []
    broken = True

    def script(seen: Seen) -> Fault | None:
        nonlocal broken
        if seen.query.get("comp") == "block" and len(seen.body) > 1:
            blocks.append(seen.query["blockid"])
        if seen.query.get("comp") == "blocklist" and seen.method == "PUT" and broken:
            broken = False
            return Fault(reset=True)
        return None

    fakeazure.on_request = script
    done = await to_azure.move("disk:bucket/k", "az:box/k")
    assert (done.state, done.error) == (JobState.COMPLETED, "")
    assert len(blocks) == len(set(blocks)) == 5
    assert await to_azure.get("az:box/k") == body
    assert (await to_azure.stores["az"].head("box", "k")).meta.user == META.user


async def test_a_commit_whose_answer_was_lost_is_found(
    fakeazure: FakeAzure, to_azure: World
) -> None:
    body = pattern(300_000)
    await to_azure.put("disk:bucket/k", body)
    lost = True

    def script(seen: Seen) -> Fault | None:
        nonlocal lost
        if seen.query.get("comp") == "blocklist" and seen.method == "PUT" and lost:
            lost = False
            return Fault(reset=True, after=True)
        return None

    fakeazure.on_request = script
    done = await to_azure.move("disk:bucket/k", "az:box/k")
    assert (done.state, done.error) == (JobState.COMPLETED, "")
    assert await to_azure.get("az:box/k") == body
    assert await to_azure.get("disk:bucket/k") is None


async def test_an_archived_blob_is_brought_back_before_it_is_moved(
    fakeazure: FakeAzure, to_azure: World
) -> None:
    fakeazure.differs = AzureQuirks(slow_rehydrate=True)
    fakeazure.blobs.put("box", "k", b"cold bytes", tier="Archive")
    job_id = await to_azure.submit("az:box/k", "disk:bucket/k")

    def asked() -> bool:
        blob = fakeazure.blobs.get("box", "k")
        return blob is not None and bool(blob.archive_status)

    await to_azure.until(asked, "the restore")
    fakeazure.blobs.change("box", "k", tier="Hot", archive_status="")
    done = await to_azure.done(job_id)
    assert (done.state, done.error) == (JobState.COMPLETED, "")
    assert await to_azure.get("disk:bucket/k") == b"cold bytes"
    assert fakeazure.blobs.get("box", "k") is None


async def test_a_move_within_the_account_is_copied_by_the_service(
    fakeazure: FakeAzure, to_azure: World
) -> None:
    body = pattern(20_000)
    await to_azure.put("az:box/k", body, META)
    before = len(fakeazure.seen)
    done = await to_azure.move("az:box/k", "az:box/new", MoveKind.COPY)
    assert (done.state, done.error) == (JobState.COMPLETED, "")
    assert done.server_copied
    assert await to_azure.get("az:box/new") == body
    sent = [len(seen.body) for seen in fakeazure.seen[before:] if seen.key == "new"]
    assert max(sent) == 0


async def test_a_copy_into_the_archive_is_attested_by_its_own_write(
    fakeazure: FakeAzure, to_azure: World
) -> None:
    await to_azure.put("disk:bucket/k", b"for the archive")
    done = await to_azure.move("disk:bucket/k", "az:box/k", to_class="Archive")
    assert (done.state, done.evidence) == (JobState.COMPLETED, Evidence.ATTESTED)
    blob = fakeazure.blobs.get("box", "k")
    assert blob is not None
    assert (blob.tier, blob.body) == ("Archive", b"for the archive")


@pytest.mark.parametrize("tier", ["Cool", "Archive"])
async def test_a_tier_changes_in_place(fakeazure: FakeAzure, to_azure: World, tier: str) -> None:
    fakeazure.blobs.put("box", "k", b"bytes")
    done = await to_azure.move("az:box/k", "az:box/k", MoveKind.TIER, to_class=tier)
    assert (done.state, done.error) == (JobState.COMPLETED, "")
    blob = fakeazure.blobs.get("box", "k")
    assert blob is not None
    assert (blob.tier, blob.body) == (tier, b"bytes")
    if tier == "Cool":
        assert done.evidence is Evidence.REREAD
    else:  # it cannot be read there, and nobody checked the MD5 that was noted with it
        assert done.evidence is Evidence.NONE
        assert any("not proved" in note for note in done.notes)


async def test_the_plan_says_that_a_restore_is_for_good(to_azure: World) -> None:
    book = PriceBook.load()
    clouds = {
        "az": CloudSettings("az", StoreKind.AZURE, Provider.AZURE, region="eastus"),
        "disk": CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM),
    }
    places = {name: Place.of(to_azure.stores[name], cloud) for name, cloud in clouds.items()}
    source, target = Address("az", "box", "k"), Address("disk", "bucket", "k")
    entry = ListEntry("k", 1024**3, 1.7e9, "0x8D", "Archive")
    item = SourceObject(source, entry, "k", 400.0, 400.0, 0.0, None)
    (move,) = plan_migration([source], [item], target, places, book).moves
    assert any("for good" in risk for risk in move.risks)
    assert move.refused == ""
