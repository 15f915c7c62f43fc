"""Phases 1 to 5 of the script: nothing is moved here."""

import asyncio
import time

from astra_tui.demo_life import past_accesses
from astra_tui.demo_report import name, usd
from astra_tui.demo_stage import Stage
from astra_tui.demo_traffic import Traffic
from demo_data import inventory
from engine.events.schema import access_message
from engine.model import Address, EventOutcome, KafkaState, ListingState, Tier
from engine.pricing.book import PriceBook
from engine.pricing.cost import GB
from widgets.text import age_text, bytes_text, size_text, visible

AGED_KEY = "datasets/clickstream/part-00005.parquet"
AGED_DAYS = 200.0
PAST_KEY = "models/ranker-v3.bin"
READ_KEY = "models/ranker-v1.bin"  # nobody else reads it: what is sent can be counted
READS = 40
BROKEN = (b"{not json", b"\xff\xfe", b'{"operation": "GET"}')


async def set_up(stage: Stage) -> None:
    """Phase 1."""
    report, engine = stage.report, stage.engine
    await stage.world.ready()
    await stage.rescan()
    expected = {
        cloud: [item for item in inventory() if item.cloud == cloud] for cloud in stage.clouds
    }
    rows = [("cloud", "region", "bucket", "objects", "size", "endpoint")]
    for cloud, settings in zip(engine.snapshot().clouds, stage.world.settings.clouds, strict=True):
        rows.append(
            (
                cloud.name,
                cloud.region,
                cloud.bucket,
                str(cloud.objects),
                bytes_text(cloud.bytes),
                settings.endpoint,
            )
        )
    report.table(rows, right=(3, 4))
    for cloud in engine.snapshot().clouds:
        report.check(
            cloud.state is ListingState.READY and cloud.objects == len(expected[cloud.name]),
            f"{cloud.name} lists the {len(expected[cloud.name])} objects that were put there",
        )
    fresh = stage.world.first_time
    for cloud_name in stage.clouds:
        mine = {row.key: (row.size, row.storage_class) for row in await stage.rows(cloud_name)}
        seen = await stage.seen(cloud_name)
        theirs = {key: (item.size, item.storage_class) for key, item in seen.items()}
        report.check(
            mine == theirs and bool(fresh or mine),
            f"{cloud_name}: the witness sees the same keys, sizes and classes",
        )
    connected = await stage.wait_for(lambda: engine.snapshot().kafka.state is KafkaState.CONNECTED)
    kafka = engine.snapshot().kafka
    report.check(connected and kafka.embedded, f"Kafka answers at {kafka.bootstrap} (embedded)")


async def ingest(stage: Stage) -> None:
    """Phase 2."""
    report, engine = stage.report, stage.engine
    past = past_accesses(time.time())
    await engine.import_access(past)
    days = len({day for _, day, _, _ in past})
    total = sum(reads for _, _, reads, _ in past)
    report.line(f"{total:,} reads of {days} days imported.")
    busy = stage.address("gcp", PAST_KEY)
    daily = (await engine.inspect(busy)).daily_reads
    by_day = {day: reads for place, day, reads, _ in past if place == busy}
    today = int(time.time() // 86_400)
    wanted = [by_day.get(today - ago, 0) for ago in range(len(daily) - 1, -1, -1)]
    report.check(
        list(daily) == wanted and sum(wanted) > 0,
        f"{name(PAST_KEY)}: {sum(wanted)} reads in {len(wanted)} days, each on its own day",
    )
    target = stage.address("gcp", READ_KEY)
    before = (await engine.inspect(target)).reads_30d
    status, already = engine.snapshot().kafka, _arrived(stage)
    await _send_known(stage, target)
    async with Traffic(status.bootstrap, engine.settings.kafka.access_topic, rate=50.0) as traffic:
        traffic.burst(200)
        await stage.wait_for(lambda: traffic.sent > 200)
    sent = traffic.sent + READS + len(BROKEN)
    came = await stage.wait_for(lambda: _arrived(stage) >= already + sent)
    kafka = engine.snapshot().kafka
    report.check(
        came,
        f"{sent} messages sent to Kafka: {kafka.events_total} understood, "
        f"{kafka.rejected_total} rejected",
    )
    counted = await _reads_become(stage, target, before + READS)
    report.check(
        counted == before + READS,
        f"{READS} reads of {name(READ_KEY)} sent, {counted - before} counted",
    )
    broken = [
        event
        for event in engine.feed.window(2000)
        if event.outcome is EventOutcome.REJECTED and event.raw in BROKEN
    ]
    for event in broken:
        report.line(f"rejected: {visible(event.detail)}")
    report.check(
        len(broken) == len(BROKEN) and all(event.detail for event in broken),
        f"the {len(BROKEN)} broken messages are shown as rejected, each with a reason",
    )


async def _send_known(stage: Stage, target: Address) -> None:
    """Send what can be counted: reads of one object, and messages that are broken."""
    from aiokafka import AIOKafkaProducer

    from engine.events.fields import encode

    topic = stage.engine.settings.kafka.access_topic
    producer = AIOKafkaProducer(bootstrap_servers=stage.engine.snapshot().kafka.bootstrap)
    await producer.start()
    try:
        for _ in range(READS):
            value = encode(access_message(target, when=time.time(), actor="demonstration"))
            await producer.send(topic, value, key=str(target).encode())
        for value in BROKEN:
            await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


def _arrived(stage: Stage) -> int:
    kafka = stage.engine.snapshot().kafka
    return kafka.events_total + kafka.rejected_total


async def _reads_become(stage: Stage, target: Address, wanted: int) -> int:
    """The reads of the last 30 days, once they are as many as wanted (or patience ends)."""
    end = time.monotonic() + 30.0
    while True:
        reads = (await stage.engine.inspect(target)).reads_30d
        if reads >= wanted or time.monotonic() > end:
            return reads
        await asyncio.sleep(0.1)


async def age(stage: Stage) -> None:
    """Phase 3."""
    report, engine = stage.report, stage.engine
    target = stage.address("aws", AGED_KEY)
    before = await stage.row(target)
    seen = (await stage.seen("aws"))[AGED_KEY]
    await engine.age(target, AGED_DAYS)
    after = await stage.row(target)
    assert before is not None
    assert after is not None
    report.line(
        f"{name(AGED_KEY)}: {age_text(before.age_days)} old, "
        f"shown as {age_text(after.age_days)} (simulated)."
    )
    report.check(
        abs(after.age_days - before.age_days - AGED_DAYS) < 0.1,
        f"it looks {AGED_DAYS:.0f} days older",
    )
    report.check(
        (await stage.seen("aws"))[AGED_KEY] == seen,
        "the store still has the same object with its true time",
    )


async def decide(stage: Stage) -> None:
    """Phase 4."""
    report, engine = stage.report, stage.engine
    stage.decisions = await engine.decide("rules")
    first = sorted(stage.decisions, key=lambda one: -(one.saving_per_month or 0.0))[:8]
    report.table(
        [
            ("object", "cloud", "from", "to", "saves/mo"),
            *(
                (
                    name(one.address.key, 38),
                    one.address.cloud,
                    one.from_class,
                    one.to_class,
                    usd(one.saving_per_month),
                )
                for one in first
            ),
        ],
        right=(4,),
    )
    for one in first[:3]:
        report.line(f"because: {name(one.reason, 110)}")
    report.line(f"{len(stage.decisions)} decisions in all; the rest of the objects may stay.")
    by_key = {one.address: one for one in stage.decisions}
    aged = by_key.get(stage.address("aws", AGED_KEY))
    report.check(
        aged is not None and aged.to_tier is Tier.ARCHIVE,
        f"the aged {name(AGED_KEY)} should be in ARCHIVE",
    )
    backup = by_key.get(stage.address("aws", "backup_database_Q2.zip"))
    report.check(
        backup is not None and backup.to_tier is Tier.ARCHIVE,
        "backup_database_Q2.zip, unread for 144 days, should be in ARCHIVE: backups age twice",
    )
    quiet = stage.address("aws", "web/index.html")
    report.check(quiet not in by_key, "web/index.html, read all day, stays HOT")
    report.check(
        bool(stage.decisions) and all(one.reason and one.policy for one in stage.decisions),
        "every decision says why, and by which policy",
    )
    report.check(
        not any(one.address.key.startswith("temp_") for one in stage.decisions),
        "temp_* stays where it is: it is about to be deleted",
    )


async def dashboard(stage: Stage) -> None:
    """Phase 5."""
    report, engine = stage.report, stage.engine
    snapshot = engine.snapshot()
    rows: list[tuple[str, ...]] = [
        ("cloud", "objects", "size", "HOT", "WARM", "COLD", "ARCHIVE", "$/month", "→ $/month")
    ]
    for cloud in snapshot.clouds:
        tiers = {tier: size for tier, _, size in cloud.by_tier}
        rows.append(
            (
                cloud.name,
                str(cloud.objects),
                size_text(cloud.bytes),
                *(size_text(tiers.get(tier, 0)) for tier in Tier),
                usd(cloud.cost_month),
                usd(cloud.projected_month),
            )
        )
    report.table(rows, right=range(1, 9))
    stage.cost_before = snapshot.cost_month
    for cloud in snapshot.clouds:
        seen = await stage.seen(cloud.name)
        report.check(
            cloud.objects == len(seen)
            and cloud.bytes == sum(item.size for item in seen.values())
            and sum(size for _, _, size in cloud.by_tier) == cloud.bytes,
            f"{cloud.name}: objects and bytes add up, as the witness counts them",
        )
    by_hand = await cost_by_hand(stage)
    cost = snapshot.cost_month
    report.check(
        cost is not None and abs(cost - by_hand) < 1e-9,
        f"the month's cost is the sum of storage and reads, worked out anew: {by_hand:.6f} USD",
    )


async def cost_by_hand(stage: Stage) -> float:
    """A month's cost from what the witness sees, the reads of 30 days, and the price file."""
    book = await asyncio.to_thread(PriceBook.load)
    total = 0.0
    for cloud in stage.engine.settings.clouds:
        reads = {row.key: row.reads_30d for row in await stage.rows(cloud.name)}
        for key, item in (await stage.seen(cloud.name)).items():
            price = book.get(cloud.provider, cloud.region, item.storage_class)
            assert price is not None
            billed = max(item.size, price.min_size) + price.overhead
            total += billed / GB * (price.storage or 0.0)
            total += price.overhead_default / GB * (price.default_storage or 0.0)
            each = (price.get or 0.0) / 1000 + item.size / GB * (price.retrieval or 0.0)
            total += reads[key] * each
    return total
