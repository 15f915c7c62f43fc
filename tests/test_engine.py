"""The door end to end, on real stores: see, decide, plan, submit, watch, stop and come back."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from engine.database import StateLock
from engine.engine import Engine
from engine.errors import Refused, StateBusy, StateError, UsageError
from engine.model import (
    Address,
    CheckState,
    EventOutcome,
    JobState,
    KafkaState,
    ListingQuery,
    ListingState,
    MoveKind,
    NoticeLevel,
    ObjectMeta,
    Provider,
    Step,
    StoreKind,
    Tier,
)
from engine.settings import CloudSettings, EngineSettings, KafkaSettings, Secret
from engine.stores import open_store

DAY = 86_400
FILES = {
    "reports/monthly_report_october.pdf": b"%PDF" * 5000,
    "backup_database_Q2.zip": b"PK" * 200_000,
    "empty": b"",
    "a[red]b\x1b]52;c;x\x07 é.txt": b"hostile",
}


async def once(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.fixture
async def settings(tmp_path: Path, moto_endpoint: str, bucket_name: str) -> EngineSettings:
    clouds = tuple(
        CloudSettings(
            name=name,
            kind=StoreKind.S3,
            provider=provider,
            bucket=f"{bucket_name}-{name}",
            region=region,
            endpoint=moto_endpoint,
            path_style=True,
            access_key=Secret("key"),
            secret_key=Secret("secret"),
        )
        for name, provider, region in (
            ("aws", Provider.AWS, "us-east-1"),
            ("west", Provider.AWS, "us-west-2"),
        )
    )
    for cloud in clouds:
        store = open_store(cloud)
        await store.create_bucket(cloud.bucket)
        if cloud.name == "aws":
            for key, data in FILES.items():

                async def body(data: bytes = data) -> AsyncIterator[bytes]:
                    yield data

                await store.write(cloud.bucket, key, body(), size=len(data), meta=ObjectMeta())
        await store.close()
    local = CloudSettings(
        name="disk", kind=StoreKind.LOCAL, provider=Provider.ONPREM, bucket="b", root=tmp_path / "d"
    )
    (tmp_path / "d" / "b").mkdir(parents=True)
    return EngineSettings(
        clouds=(*clouds, local),
        state_dir=tmp_path / "state",
        kafka=KafkaSettings(bootstrap="off"),
    )


def address(settings: EngineSettings, cloud: str, key: str = "") -> Address:
    found = settings.cloud(cloud)
    assert found is not None
    return Address(cloud, found.bucket, key)


async def read(settings: EngineSettings, where: Address) -> bytes:
    cloud = settings.cloud(where.cloud)
    assert cloud is not None
    store = open_store(cloud)
    try:
        head = await store.head(where.bucket, where.key)
        async with store.read(where.bucket, where.key, pin=head.pin) as reader:
            return b"".join([chunk async for chunk in reader])
    finally:
        await store.close()


async def test_objects_move_by_five_verified_steps(settings: EngineSettings) -> None:
    async with Engine(settings) as engine:
        for cloud in settings.clouds:
            engine.scan(cloud.name)
        aws, west, disk = [await engine.scanned(cloud.name) for cloud in settings.clouds]
        assert (aws.state, aws.objects) == (ListingState.READY, len(FILES))
        assert (west.state, disk.state) == (ListingState.EMPTY, ListingState.EMPTY)

        plan = await engine.plan_migration(
            [address(settings, "aws")], address(settings, "west"), kind=MoveKind.MOVE
        )
        assert plan.totals().moves == len(FILES)
        assert await engine.submit(plan) == plan.plan_id
        await engine.wait(plan.plan_id)
        jobs = await engine.jobs(jobset=plan.plan_id)
        assert [job.state for job in jobs] == [JobState.COMPLETED] * len(FILES), jobs
        for job in jobs:
            data = FILES[job.spec.source.key]
            digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
            assert (job.checksum_source, job.checksum_destination) == (digest, digest)
            assert (job.evidence, job.guarded, job.step) == ("reread", True, Step.DELETE)
            assert await read(settings, job.spec.destination) == data

        def moved() -> bool:
            counts = {cloud.name: cloud.objects for cloud in engine.snapshot().clouds}
            return counts["aws"] == 0 and counts["west"] == len(FILES)

        await once(moved)  # the panes follow without a new scan
        engine.scan("aws")
        assert (await engine.scanned("aws")).state is ListingState.EMPTY
        statistics = await engine.statistics()
        assert (statistics.attempted, statistics.successful) == (len(FILES), len(FILES))
        assert statistics.bytes == sum(map(len, FILES.values()))
        assert statistics.routes[0].route == "aws → west"

        again = await engine.submit(plan)
        await engine.wait(again)
        assert len(await engine.jobs(jobset=plan.plan_id)) == len(FILES)


async def test_age_brings_decisions_and_decisions_change_classes(settings: EngineSettings) -> None:
    big = address(settings, "aws", "backup_database_Q2.zip")
    async with Engine(settings) as engine:
        engine.scan("aws")
        await engine.scanned("aws")
        assert await engine.decide("rules", ["aws"]) == []
        await engine.age(big, 400)
        decisions = await engine.decide("rules", ["aws"])
        assert [(item.address, item.to_tier) for item in decisions] == [(big, Tier.ARCHIVE)]
        assert "400" in decisions[0].reason or "backup" in decisions[0].reason
        assert decisions[0].saving_per_month > 0
        view = await engine.view("aws", ListingQuery())
        row = next(row for row in view.rows(0, 10) if row.key == big.key)
        assert row.target_tier is Tier.ARCHIVE
        assert row.age_days == pytest.approx(400, abs=0.1)
        snapshot = engine.snapshot()
        assert snapshot.decisions == 1
        assert snapshot.projected_month is not None
        assert snapshot.cost_month is not None
        assert snapshot.projected_month < snapshot.cost_month

        plan = await engine.plan_decisions()
        await engine.submit(plan)
        await engine.wait(plan.plan_id)
        detail = await engine.inspect(big)
        assert detail.jobs[0].state is JobState.COMPLETED, detail.jobs
        assert detail.head.storage_class == decisions[0].to_class
        assert detail.tier is Tier.ARCHIVE
        assert detail.simulated_days == pytest.approx(400)
        assert detail.decisions[0].to_class == decisions[0].to_class
        assert {name for name, _, _ in detail.class_costs} >= {"STANDARD", "GLACIER"}
        assert engine.snapshot().decisions == 0


async def test_an_unreachable_cloud_is_a_state_and_not_an_end(settings: EngineSettings) -> None:
    gone = CloudSettings(
        name="gone",
        kind=StoreKind.S3,
        provider=Provider.AWS,
        bucket="b",
        region="us-east-1",
        endpoint="http://127.0.0.1:9",
        path_style=True,
        access_key=Secret("k"),
        secret_key=Secret("s"),
    )
    mixed = EngineSettings((settings.clouds[0], gone), settings.state_dir, settings.kafka)
    async with Engine(mixed) as engine:
        engine.scan("aws")
        engine.scan("gone")
        status = await engine.scanned("gone")
        assert status.state is ListingState.FAILED
        assert status.error
        await engine.scanned("aws")
        assert await engine.decide("rules") == []  # the others are not kept from it
        with pytest.raises(UsageError, match="not complete"):
            await engine.decide("rules", ["gone"])
        with pytest.raises(UsageError, match="no cloud named"):
            engine.scan("nowhere")


async def test_read_only_refuses_and_two_engines_do_not_share_a_state(
    settings: EngineSettings,
) -> None:
    safe = EngineSettings(settings.clouds, settings.state_dir, settings.kafka, read_only=True)
    async with Engine(safe) as engine:
        plan = await engine.plan_migration(
            [address(settings, "aws", "empty")], address(settings, "west")
        )
        with pytest.raises(Refused, match="read-only"):
            await engine.submit(plan)
        # Nor do jobs of an earlier run go on.
        for order in (engine.resume, engine.retry):
            with pytest.raises(Refused, match="read-only"):
                await order()
        with pytest.raises(StateBusy):
            await Engine(settings).start()
    with pytest.raises(StateError, match="not running"):
        await engine.jobs()
    assert await read(settings, address(settings, "aws", "empty")) == b""


async def test_a_directory_that_is_held_for_a_moment_is_waited_for(
    settings: EngineSettings,
) -> None:
    brief = StateLock(settings.state_dir)  # as a short command holds it
    brief.acquire()
    asyncio.get_running_loop().call_later(0.3, brief.release)
    async with Engine(settings) as engine:
        assert list(await engine.jobs()) == []


async def test_who_only_looks_may_look_beside_another(settings: EngineSettings) -> None:
    async with Engine(settings) as engine:
        plan = await engine.plan_migration([address(settings, "aws")], address(settings, "west"))
        await engine.submit(plan)
        await engine.wait(plan.plan_id)
        guest = Engine(settings)
        await guest.start(look=True)
        try:
            assert [job.state for job in await guest.jobs()] == [JobState.COMPLETED] * len(FILES)
            assert (await guest.statistics()).successful == len(FILES)
            for change in (guest.submit(plan), guest.retry(), guest.age(plan.moves[0].source, 1)):
                with pytest.raises(StateBusy, match="only looks"):
                    await change
        finally:
            await guest.stop()
        assert len(await engine.jobs()) == len(FILES)
    alone = Engine(settings)
    await alone.start(look=True)  # nobody else there: it owns the directory
    assert await alone.resume() == 0
    await alone.stop()


async def test_an_engine_stopped_in_the_middle_goes_on_when_told(settings: EngineSettings) -> None:
    async with Engine(settings) as engine:
        engine.set_limits(bwlimit=50_000)
        plan = await engine.plan_migration([address(settings, "aws")], address(settings, "disk"))
        await engine.submit(plan)
        await once(lambda: any(job.bytes_done for job in engine.snapshot().jobs))
    async with Engine(settings) as engine:
        waiting = engine.snapshot().count("paused")
        assert waiting
        assert [item.level for _, item in engine.notices()] == [NoticeLevel.WARNING]
        assert await engine.resume() == waiting
        await engine.wait()
        jobs = await engine.jobs(jobset=plan.plan_id)
        refused = {move.source.key for move in plan.moves if move.refused}
        assert {job.spec.source.key for job in jobs} == FILES.keys() - refused
        assert {job.state for job in jobs} == {JobState.COMPLETED}
        for job in jobs:
            assert await read(settings, job.spec.destination) == FILES[job.spec.source.key]


async def test_accesses_come_in_from_kafka_and_job_states_go_out(settings: EngineSettings) -> None:
    live = EngineSettings(settings.clouds, settings.state_dir, KafkaSettings(bootstrap="embedded"))
    report = address(settings, "aws", "reports/monthly_report_october.pdf")
    async with Engine(live) as engine:
        await once(lambda: engine.snapshot().kafka.state is KafkaState.CONNECTED)
        engine.scan("aws")
        await engine.scanned("aws")
        await engine.send_access(report, count=12)
        await once(lambda: engine.snapshot().kafka.events_total >= 1)

        async def reads() -> int:
            view = await engine.view("aws", ListingQuery(text="october"))
            return view.rows(0, 1)[0].reads_30d

        async with asyncio.timeout(20):
            while await reads() != 12:
                await asyncio.sleep(0.05)
        rows = engine.feed.window(10, text="october")
        assert rows[-1].outcome is EventOutcome.ACCEPTED
        plan = await engine.plan_migration([report], address(settings, "west", "in/"))
        await engine.submit(plan)
        await engine.wait(plan.plan_id)
        await once(lambda: engine.snapshot().kafka.outbox == 0)
    async with Engine(live) as engine:  # counted once, and kept
        detail = await engine.inspect(address(settings, "west", "in/monthly_report_october.pdf"))
        assert detail.jobs[0].state is JobState.COMPLETED


async def test_the_doctor_finds_this_world_well(settings: EngineSettings) -> None:
    async with Engine(settings) as engine:
        checks = [check async for check in engine.doctor()]
    assert {"aws", "west", "disk", "kafka", "state", "prices"} <= {item.subject for item in checks}
    assert not [item for item in checks if item.state is CheckState.FAILED]
