"""The bus against real brokers: what comes in is counted once, what goes out arrives in order."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from engine.access import AccessStatistics
from engine.database import Database
from engine.errors import BrokerUnavailable, Refused
from engine.events.bus import EventBus
from engine.events.schema import JobRequest
from engine.model import Address, EventOutcome, KafkaState, Provider, StoreKind
from engine.settings import CloudSettings, KafkaSettings
from tests.events.conftest import until
from tests.kafka_servers import Tansu
from tests.servers import free_ports

EMBEDDED = KafkaSettings(bootstrap="embedded")
CLOUDS = [
    CloudSettings("aws", StoreKind.S3, Provider.AWS, bucket="data"),
    CloudSettings("gcp", StoreKind.GCS, Provider.GCP, bucket="cold"),
]
A = Address("aws", "data", "a.csv")


def alone(broker: Tansu, **changes: Any) -> KafkaSettings:
    """Settings without a group: joining one takes tansu five seconds."""
    return KafkaSettings(bootstrap=broker.bootstrap, group="", **changes)


@asynccontextmanager
async def running(
    settings: KafkaSettings,
    state: Database,
    access: AccessStatistics,
    on_job: Callable[[JobRequest], Awaitable[None]] | None = None,
) -> AsyncIterator[EventBus]:
    bus = EventBus(settings, state, access, clouds=CLOUDS, on_job=on_job)
    await bus.start()
    try:
        yield bus
    finally:
        await bus.stop()


@asynccontextmanager
async def producing(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=2**25)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def read_all(bootstrap: str, topic: str, count: int) -> list[tuple[bytes | None, Any]]:
    """The first `count` messages of a topic: key and decoded value."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            records = [await consumer.getone() for _ in range(count)]
    finally:
        await consumer.stop()
    return [(record.key, json.loads(record.value)) for record in records]


def reads(access: AccessStatistics, address: Address = A) -> float:
    return float(access.columns(address.cloud, address.bucket, [address.key]).reads_1d[0])


def event(key: str = "a.csv", **more: Any) -> bytes:
    return json.dumps({"address": f"aws:data/{key}", "operation": "GET"} | more).encode()


# -- off and on --------------------------------------------------------------------------


async def test_switched_off(state: Database, statistics: AccessStatistics) -> None:
    async with running(KafkaSettings(bootstrap="off"), state, statistics) as bus:
        assert bus.status().state is KafkaState.OFF
        await bus.publish("migration_status", "k", {"state": "queued"})
        bus.publish_soon("migration_status", "k", {"state": "queued"})
        assert bus.status().outbox == 0
        with pytest.raises(BrokerUnavailable, match="switched off"):
            await bus.send_access(A)


async def test_an_access_sent_comes_back_and_is_counted(
    state: Database, statistics: AccessStatistics
) -> None:
    async with running(EMBEDDED, state, statistics) as bus:
        await bus.send_access(A, count=10)  # before there is a connection
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        await until(lambda: reads(statistics) == 10)
        status = bus.status()
        assert (status.state, status.embedded) == (KafkaState.CONNECTED, True)
        assert status.bootstrap.startswith("127.0.0.1:")
        assert (status.events_total, status.rejected_total, status.error) == (1, 0, "")
        assert await bus.drain(10)
        (row,) = bus.feed.window(10)
        assert row.outcome is EventOutcome.ACCEPTED
        assert (row.operation, row.subject, row.detail) == ("GET", "aws:data/a.csv", "×10")
        assert row.topic == "access_events"
    assert bus.status().state is KafkaState.OFF
    loaded = AccessStatistics(state)
    await loaded.load()
    assert reads(loaded) == 10


async def test_what_is_published_is_there_in_order_and_in_the_feed(
    state: Database, statistics: AccessStatistics
) -> None:
    async with running(EMBEDDED, state, statistics) as bus:
        for number in range(50):
            bus.publish_soon("migration_status", "job", {"state": "copying", "n": number})
        await bus.publish("recommendations", "aws:data/x", {"to_class": "IA", "reason": "idle"})
        assert await bus.drain(30)
        got = await read_all(bus.status().bootstrap, "migration_status", 50)
        assert got == [(b"job", {"state": "copying", "n": n}) for n in range(50)]
        rows = bus.feed.window(100)
        assert [row.operation for row in rows].count("copying") == 50
        assert [row.detail for row in rows if row.topic == "recommendations"] == ["idle"]


async def test_stopping_sends_what_was_published_just_before(
    state: Database, statistics: AccessStatistics, tansu: Tansu
) -> None:
    async with running(alone(tansu), state, statistics) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        bus.publish_soon("migration_status", "job", {"n": 1})
    assert await read_all(tansu.bootstrap, "migration_status", 1) == [(b"job", {"n": 1})]


async def test_what_is_published_while_stopping_is_kept_once(
    state: Database, statistics: AccessStatistics
) -> None:
    settings = KafkaSettings(bootstrap=f"127.0.0.1:{free_ports(1)[0]}")
    for number in range(30):
        async with running(settings, state, statistics) as bus:
            bus.publish_soon("migration_status", f"job-{number}", {"n": number})
            # Long enough for the writing to have begun now and then when the stop comes.
            await asyncio.sleep(0.1 + number % 10 / 2000)
    bus = EventBus(settings, state, statistics)
    assert len(await bus._outbox.head(100)) == 30


# -- hostile input -----------------------------------------------------------------------


async def test_garbage_is_shown_and_harms_nothing(
    state: Database, statistics: AccessStatistics
) -> None:
    garbage = [
        b"\x00\xff" * 50,
        b"[" * 50_000,
        b"{",
        b"",
        event(time="2099-01-01"),
        event(count=-1),
        event(time=float("nan")),
        b'{"address":"mars:b/k","operation":"GET"}',
        b"x" * 3_000_000,
        event("[@click=app.boom]x[/]\x1b]0;x\x07", operation="\u202eGET"),
    ]
    async with running(EMBEDDED, state, statistics) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        async with producing(bus.status().bootstrap) as producer:
            for value in garbage:  # the large one alone: the broker keeps 5 MiB of a partition
                await producer.send("access_events", value, partition=3 if len(value) > 1e6 else 2)
            await producer.send("access_events", None, key=b"tombstone")
            await producer.send("access_events", event("\x1b[31m[red]"), partition=0)
            for _ in range(3):
                await producer.send_and_wait("access_events", event())
        await until(lambda: bus.status().events_total == 4)
        await until(lambda: bus.status().rejected_total == len(garbage) + 1)
        assert reads(statistics) == 3
        assert reads(statistics, Address("aws", "data", "\x1b[31m[red]")) == 1
        rows = bus.feed.window(100)
        rejected = [row for row in rows if row.outcome is EventOutcome.REJECTED]
        assert len(rejected) == len(garbage) + 1
        assert all(row.detail for row in rejected)
        assert max(len(row.raw) for row in rows) <= 64 * 1024
        assert len(bus.feed.window(100, text="in the future")) == 1
        assert bus.status().state is KafkaState.CONNECTED


# -- brokers that come and go ------------------------------------------------------------


async def test_no_broker_at_start(
    state: Database, statistics: AccessStatistics, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Tansu()
    async with running(alone(broker), state, statistics) as bus:
        assert await bus.wait_for(KafkaState.AWAY, 30)
        status = bus.status()
        assert broker.bootstrap in status.error
        assert "Connect call failed" in status.error
        await bus.publish("migration_status", "job", {"n": 1})
        assert bus.status().outbox == 1
        assert not await bus.drain(0.05)
        broker.start()
        try:
            assert await bus.wait_for(KafkaState.CONNECTED, 60)
            assert bus.status().error == ""
            assert await bus.drain(30)
            assert await read_all(broker.bootstrap, "migration_status", 1) == [(b"job", {"n": 1})]
        finally:
            broker.kill()


async def test_a_broker_that_dies_and_comes_back(
    state: Database, statistics: AccessStatistics, tansu: Tansu
) -> None:
    async with running(alone(tansu), state, statistics) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        await bus.send_access(A, count=2)
        await until(lambda: reads(statistics) == 2)
        tansu.kill()
        for number in range(5):
            await bus.publish("migration_status", "job", {"n": number})
        assert await bus.wait_for(KafkaState.AWAY, 30)
        assert "answers" in bus.status().error
        for number in range(5, 10):
            await bus.publish("migration_status", "job", {"n": number})
        await bus.send_access(A, count=3)
        assert bus.status().outbox == 11
        tansu.start()  # with an empty log under the same cluster id
        assert await bus.wait_for(KafkaState.CONNECTED, 60)
        assert await bus.drain(30)
        got = await read_all(tansu.bootstrap, "migration_status", 10)
        assert [value["n"] for _, value in got] == list(range(10))
        await until(lambda: reads(statistics) == 5)


async def test_a_broker_that_hangs(
    state: Database, statistics: AccessStatistics, tansu: Tansu
) -> None:
    async with running(alone(tansu), state, statistics) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        tansu.hang()
        await bus.publish("migration_status", "job", {"n": 1})
        assert await bus.wait_for(KafkaState.AWAY, 30)
        tansu.go_on()
        assert await bus.wait_for(KafkaState.CONNECTED, 60)
        await bus.publish("migration_status", "job", {"n": 2})
        assert await bus.drain(30)
        got = await read_all(tansu.bootstrap, "migration_status", 2)
        # What was on its way when the broker hung may arrive twice, but never out of order.
        numbers = [value["n"] for _, value in got]
        assert numbers in ([1, 2], [1, 1])


@pytest.mark.parametrize("how", ["kill", "hang"])
async def test_stopping_while_the_broker_is_gone(
    state: Database, statistics: AccessStatistics, tansu: Tansu, how: str
) -> None:
    async with running(alone(tansu), state, statistics) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        await bus.send_access(A)
        await until(lambda: reads(statistics) == 1)
        getattr(tansu, how)()
        await bus.publish("migration_status", "job", {"n": 1})
    loaded = AccessStatistics(state)
    await loaded.load()
    assert reads(loaded) == 1
    async with running(KafkaSettings(bootstrap="nowhere.invalid:9"), state, loaded) as later:
        assert later.status().outbox == 1


async def test_the_embedded_broker_crashes_and_is_replaced(
    state: Database, statistics: AccessStatistics
) -> None:
    async with running(EMBEDDED, state, statistics) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        await bus.send_access(A)
        await until(lambda: reads(statistics) == 1)
        before = bus.status().bootstrap
        assert bus._broker is not None
        assert bus._broker._child is not None
        bus._broker._child.kill()
        assert await bus.wait_for(KafkaState.AWAY, 30)
        await bus.send_access(A)
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        assert bus.status().bootstrap != before
        await until(lambda: reads(statistics) == 2)


async def test_stopping_at_any_moment_of_the_start(
    state: Database, statistics: AccessStatistics, tansu: Tansu
) -> None:
    for settings in (EMBEDDED, alone(tansu), KafkaSettings(bootstrap=tansu.bootstrap)):
        for turns in (0, 1, 3, 10, 40, 400):
            async with running(settings, state, statistics):
                for _ in range(turns):
                    await asyncio.sleep(0.0005)


async def test_settings_that_cannot_work_are_told(
    state: Database, statistics: AccessStatistics, tansu: Tansu
) -> None:
    async with running(
        alone(tansu, security_protocol="SASL_PLAINTEXT", sasl_mechanism="MAGIC"), state, statistics
    ) as bus:
        assert await bus.wait_for(KafkaState.AWAY, 30)
        assert "sasl_mechanism" in bus.status().error
    (port,) = free_ports(1)
    async with running(
        KafkaSettings(bootstrap=f"127.0.0.1:{port}", security_protocol="SSL"), state, statistics
    ) as bus:
        assert await bus.wait_for(KafkaState.AWAY, 30)
        assert "No broker answers" in bus.status().error


# -- exactly once ------------------------------------------------------------------------


async def test_a_restart_neither_loses_nor_counts_twice(
    state: Database, statistics: AccessStatistics, tansu: Tansu
) -> None:
    settings = alone(tansu)
    async with running(settings, state, statistics) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        async with producing(tansu.bootstrap) as producer:
            for _ in range(100):
                await producer.send_and_wait("access_events", event())
        await until(lambda: reads(statistics) == 100)
    async with producing(tansu.bootstrap) as producer:
        for _ in range(50):
            await producer.send_and_wait("access_events", event())
    again = AccessStatistics(state)
    await again.load()
    assert reads(again) == 100
    async with running(settings, state, again) as bus:
        await until(lambda: reads(again) == 150)
        assert bus.status().events_total == 50
        await until(lambda: bus.status().lag == 0)


COUNTING = """
import asyncio, sys
from pathlib import Path
from engine import access, database
from engine.events import bus
from engine.settings import KafkaSettings

bus._SAVE_SECONDS = 0.02  # so that most deaths come in the middle of saving

async def main():
    state = database.Database(Path(sys.argv[1]), (access.SCHEMA, bus.SCHEMA))
    await state.open()
    statistics = access.AccessStatistics(state)
    await statistics.load()
    events = bus.EventBus(KafkaSettings(bootstrap=sys.argv[2], group=""), state, statistics)
    await events.start()
    while True:
        await asyncio.sleep(0.05)
        print(events.status().events_total, flush=True)

asyncio.run(main())
"""


async def test_kill_9_neither_loses_nor_counts_twice(
    state: Database, statistics: AccessStatistics, tansu: Tansu
) -> None:
    async def rows_on_disk() -> int:
        rows = await state.run(lambda c: c.execute("SELECT count(*) FROM access_daily").fetchone())
        return int(rows[0])

    async def lives_until_it_counted(more: int, *, saved: bool) -> None:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", COUNTING, str(state.path), tansu.bootstrap,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert child.stdout is not None
        async with asyncio.timeout(60):
            while int(await child.stdout.readline()) < more or (saved and not await rows_on_disk()):
                pass
        child.kill()
        await child.wait()

    async def produce(count: int) -> None:
        for number in range(count):
            await producer.send("access_events", event(f"k{number % 7}"))
        await producer.flush()

    maker = EventBus(alone(tansu), state, statistics)  # makes the topics
    await maker.start()
    assert await maker.wait_for(KafkaState.CONNECTED, 30)
    await maker.stop()
    total = 0
    async with producing(tansu.bootstrap) as producer:
        for more, saved in ((1, False), (400, True), (3000, False)):
            total += 5000
            await asyncio.gather(produce(5000), lives_until_it_counted(more, saved=saved))
    final = AccessStatistics(state)
    await final.load()
    keys = [f"k{number}" for number in range(7)]
    assert 0 < final.columns("aws", "data", keys).reads_1d.sum() <= total
    async with running(alone(tansu), state, final) as bus:
        await until(lambda: final.columns("aws", "data", keys).reads_1d.sum() >= total)
        await until(lambda: bus.status().lag == 0)
    assert final.columns("aws", "data", keys).reads_1d.sum() == total
    stored = AccessStatistics(state)
    await stored.load()
    assert stored.columns("aws", "data", keys).reads_1d.sum() == total


async def test_while_the_disk_is_full_counting_goes_on_in_memory(
    state: Database, statistics: AccessStatistics
) -> None:
    async with running(EMBEDDED, state, statistics) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        # As good as a full disk: nothing more can be written.
        await state.run(lambda c: c.execute("ALTER TABLE access_daily RENAME TO away"))
        await bus.send_access(A, count=4)
        await until(lambda: reads(statistics) == 4)
        await until(lambda: "cannot be used" in bus.status().error)
        assert bus.status().state is KafkaState.CONNECTED
        await state.run(lambda c: c.execute("ALTER TABLE away RENAME TO access_daily"))
        await until(lambda: bus.status().error == "")
    stored = AccessStatistics(state)
    await stored.load()
    assert reads(stored) == 4


async def test_a_topic_made_anew_is_read_from_its_beginning(
    state: Database, statistics: AccessStatistics, tansu: Tansu
) -> None:
    settings = alone(tansu)
    async with running(settings, state, statistics) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        async with producing(tansu.bootstrap) as producer:
            for _ in range(10):
                await producer.send_and_wait("access_events", event(), partition=0)
        await until(lambda: reads(statistics) == 10)
    tansu.kill()
    tansu.start()
    # The new log grows past where the old one was counted.
    again = AccessStatistics(state)
    await again.load()
    empty = EventBus(settings, state, AccessStatistics(state))  # makes the topics
    await empty.start()
    assert await empty.wait_for(KafkaState.CONNECTED, 30)
    await empty.stop()
    async with producing(tansu.bootstrap) as producer:
        for _ in range(25):
            await producer.send_and_wait("access_events", event(), partition=0)
    async with running(settings, state, again):
        await until(lambda: reads(again) == 35)


async def test_a_group_commits_after_the_counts_are_on_disk(
    state: Database, statistics: AccessStatistics, tansu: Tansu
) -> None:
    partition = TopicPartition("access_events", 1)
    settings = KafkaSettings(bootstrap=tansu.bootstrap, group="astra-test")
    observer = AIOKafkaConsumer(bootstrap_servers=tansu.bootstrap, group_id="astra-test")
    await observer.start()
    try:
        async with running(settings, state, statistics) as bus:
            assert await bus.wait_for(KafkaState.CONNECTED, 30)
            async with producing(tansu.bootstrap) as producer:
                for _ in range(20):
                    await producer.send_and_wait("access_events", event(), partition=1)
                await until(lambda: reads(statistics) == 20)
                while await observer.committed(partition) != 20:
                    await asyncio.sleep(0.05)
                await state.run(lambda c: c.execute("ALTER TABLE access_daily RENAME TO away"))
                for _ in range(5):
                    await producer.send_and_wait("access_events", event(), partition=1)
                await until(lambda: reads(statistics) == 25)
                await until(lambda: "cannot be used" in bus.status().error)
                assert await observer.committed(partition) == 20
                await state.run(lambda c: c.execute("ALTER TABLE away RENAME TO access_daily"))
        assert await observer.committed(partition) == 25
    finally:
        await observer.stop()


# -- migration_jobs ----------------------------------------------------------------------


async def test_job_requests_are_handed_on_in_order_and_once(
    state: Database, statistics: AccessStatistics, tansu: Tansu
) -> None:
    seen: list[str] = []

    async def on_job(request: JobRequest) -> None:
        if request.source.key == "no":
            raise Refused("Read-only mode.")
        if request.source.key == "later" and "later" not in seen:
            seen.append("later")
            raise BrokerUnavailable("Not now.")
        seen.append(str(request.source))

    settings = alone(tansu, accept_jobs=True)
    requests = [
        {"source": "aws:data/1", "destination": "gcp:cold/1"},
        {"source": "aws:data/no", "destination": "gcp:cold/2"},
        {"source": "aws:data/3", "destnation": "gcp:cold/3"},
        {"source": "aws:data/later", "destination": "gcp:cold/4"},
        {"source": "aws:data/5", "destination": "gcp:cold/5", "actor": "cron"},
    ]
    async with running(settings, state, statistics, on_job) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        async with producing(tansu.bootstrap) as producer:
            for request in requests:
                value = json.dumps(request).encode()
                await producer.send_and_wait("migration_jobs", value, partition=0)
        await until(lambda: "aws:data/5" in seen)
        await until(lambda: bus.feed.last == 5)
        assert bus.status().rejected_total == 2
        details = [row.detail for row in bus.feed.window(9)]
        assert details[0] == "to gcp:cold/1"
        assert "Read-only mode." in details[1]
        assert "'destnation' is not known" in details[2]
        assert details[4] == "to gcp:cold/5, asked by cron"
    assert seen == ["aws:data/1", "later", "aws:data/later", "aws:data/5"]
    again = AccessStatistics(state)
    await again.load()
    async with running(settings, state, again, on_job) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        await bus.send_access(A)
        await until(lambda: reads(again) == 1)
    assert len(seen) == 4


async def test_jobs_are_not_read_unless_they_are_accepted(
    state: Database, statistics: AccessStatistics
) -> None:
    async def on_job(request: JobRequest) -> None:
        pytest.fail("nobody accepted it")

    async with running(EMBEDDED, state, statistics, on_job) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        async with producing(bus.status().bootstrap) as producer:
            value = b'{"source":"aws:data/1","destination":"gcp:cold/1"}'
            await producer.send_and_wait("migration_jobs", value)
        await bus.send_access(A)
        await until(lambda: reads(statistics) == 1)


# -- many, and too large -----------------------------------------------------------------


async def test_many_events_do_not_hold_the_loop_up(
    state: Database, statistics: AccessStatistics
) -> None:
    total = 40_000
    async with running(EMBEDDED, state, statistics) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        async with producing(bus.status().bootstrap) as producer:
            futures = [
                await producer.send("access_events", event(f"k{number % 500}"))
                for number in range(total)
            ]
            await asyncio.gather(*futures)
        await until(lambda: bus.status().events_total == total)
        columns = statistics.columns("aws", "data", [f"k{number}" for number in range(500)])
        assert columns.reads_1d.tolist() == [total / 500] * 500
        assert bus.status().events_per_second > 0
        await until(lambda: bus.status().lag == 0)


async def test_a_message_that_no_broker_takes_does_not_block_the_others(
    state: Database, statistics: AccessStatistics
) -> None:
    async with running(EMBEDDED, state, statistics) as bus:
        await bus.publish("migration_status", "a", {"n": 1})
        await bus.publish("migration_status", "a", {"n": 2, "junk": "x" * 2_000_000})
        for number in range(3, 9):
            await bus.publish("migration_status", "a", {"n": number})
        assert await bus.drain(30)
        got = await read_all(bus.status().bootstrap, "migration_status", 7)
        assert [value["n"] for _, value in got][-6:] == [3, 4, 5, 6, 7, 8]
        rejected = [row for row in bus.feed.window(99) if row.outcome is EventOutcome.REJECTED]
        assert len(rejected) == 1
        assert "too many for the broker" in rejected[0].detail


async def test_nothing_of_it_reaches_the_terminal(
    state: Database, statistics: AccessStatistics, capfd: pytest.CaptureFixture[str], tansu: Tansu
) -> None:
    logger = logging.getLogger()
    handlers, logger.handlers = logger.handlers, []
    try:
        async with running(EMBEDDED, state, statistics) as bus:
            await bus.send_access(A)
            await until(lambda: reads(statistics) == 1)
        async with running(alone(tansu), state, statistics) as bus:
            assert await bus.wait_for(KafkaState.CONNECTED, 30)
            tansu.kill()
            assert await bus.wait_for(KafkaState.AWAY, 30)
    finally:
        logger.handlers = handlers
    assert capfd.readouterr() == ("", "")


async def test_the_rate_settles_to_nothing(state: Database, statistics: AccessStatistics) -> None:
    async with running(EMBEDDED, state, statistics) as bus:
        await bus.send_access(A)
        await until(lambda: bus.status().events_per_second > 0)
        await until(lambda: bus.status().events_per_second == 0)
        assert bus.status() == bus.status()
