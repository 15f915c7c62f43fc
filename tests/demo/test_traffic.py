"""The access stream: what it says is understood, and some of it is broken on purpose."""

import asyncio
from collections import Counter
from random import Random

import pytest

from astra_tui.demo import REGIONS, cloud_settings
from astra_tui.demo_traffic import Stream, Traffic
from demo_data import inventory
from engine.errors import BadMessage
from engine.events.places import Places
from engine.events.schema import parse_access
from tests.demo.waiting import until

PLACES = Places([cloud_settings(name, 1) for name in REGIONS])
NOON = 1_790_000_000.0


def read(count: int, seed: int = 1) -> tuple[list, list[str]]:
    """What the engine's own reader makes of a stream: accesses and reasons of rejection."""
    stream, accesses, reasons = Stream(Random(seed)), [], []
    for number in range(count):
        now = NOON + number / 5
        try:
            accesses += parse_access(
                stream.message(now).value, stamp=now, now=now + 1, places=PLACES
            )
        except BadMessage as error:
            reasons.append(str(error))
    return accesses, reasons


def test_every_access_names_an_object_of_the_world():
    accesses, _ = read(3000)
    known = {(item.cloud, item.bucket, item.key): item for item in inventory()}
    for access in accesses:
        item = known[access.cloud, access.bucket, access.key]
        assert item.shape != "none", "nobody reads the forgotten"
        assert access.nbytes in (0, item.size)
    assert {access.cloud for access in accesses} == set(REGIONS)
    assert {access.operation for access in accesses} == {"GET", "PUT"}


def test_hostile_names_survive_their_dialects():
    accesses, _ = read(20_000)
    seen = {access.key for access in accesses}
    assert "odd names/two\nlines.txt" in seen
    assert "odd names/[@click=app.quit]press me[/]" in seen


def test_a_few_messages_are_broken_in_different_ways():
    accesses, reasons = read(3000)
    assert 20 < len(reasons) < 100
    assert len(set(reasons)) >= 5
    assert len(accesses) + len(reasons) == 3000


def test_a_few_objects_are_hot():
    accesses, _ = read(3000)
    counts = Counter(access.key for access in accesses)
    top = sum(count for _, count in counts.most_common(8))
    assert top > 0.4 * len(accesses)


def test_the_stream_rises_by_day_and_in_spikes():
    stream = Stream(Random(3))
    rates = [stream.rate(NOON + second, 5.0) for second in range(0, 86_400, 2)]
    assert min(rates) == pytest.approx(5.0 * 0.4, rel=0.1)
    assert max(rates) == pytest.approx(5.0 * 1.1 * 4, rel=0.1)
    spiking = sum(rate > 5.0 * 1.15 for rate in rates) / len(rates)
    assert 0.02 < spiking < 0.25


async def test_it_reaches_a_broker_and_bursts():
    from aiokafka import AIOKafkaConsumer
    from confluent_kafka import Producer

    broker = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "unused"})
    found = await asyncio.to_thread(broker.list_topics, timeout=10)
    bootstrap = next(iter(str(node) for node in found.brokers.values())).partition("/")[0]
    async with Traffic(bootstrap, "access_events", rate=5.0, random=Random(5)) as traffic:
        traffic.burst(300)
        await until(lambda: traffic.sent >= 301, "the burst is sent")
        consumer = AIOKafkaConsumer(
            "access_events", bootstrap_servers=bootstrap, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            got = [await asyncio.wait_for(consumer.getone(), 30) for _ in range(300)]
        finally:
            await consumer.stop()
    assert all(message.value for message in got)
