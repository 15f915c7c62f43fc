"""Replays: messages looked at again, by a reader that nobody else notices."""

import time
from contextlib import aclosing

import pytest

from engine.access import AccessStatistics
from engine.database import Database
from engine.errors import AstraError, BrokerUnavailable, UsageError
from engine.events.bus import EventBus
from engine.events.replay import Replay
from engine.model import EventOutcome, KafkaState, ReplayRequest, ReplayStep
from engine.settings import KafkaSettings
from tests.events.conftest import until
from tests.events.test_bus import EMBEDDED, alone, event, producing, reads, running
from tests.kafka_servers import Tansu

TOPIC = "access_events"


async def replayed(bus: EventBus, **request: object) -> tuple[Replay, list[ReplayStep]]:
    one = Replay(bus, ReplayRequest(TOPIC, **request), "replay-1")  # type: ignore[arg-type]
    async with aclosing(one.steps()) as steps:
        return one, [step async for step in steps]


def offsets(replay: Replay) -> list[tuple[int, int]]:
    return sorted((row.partition, row.offset) for row in replay.feed.window(10_000))


async def test_it_reads_from_an_offset_and_counts_nothing(
    tansu: Tansu, state: Database, statistics: AccessStatistics
) -> None:
    async with running(alone(tansu), state, statistics) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        async with producing(tansu.bootstrap) as producer:
            for number in range(40):
                value = event() if number % 10 else b"no json \xff"
                headers = [("source", b"gateway"), ("n", str(number).encode())]
                await producer.send_and_wait(
                    TOPIC, value, key=b"k", partition=number % 2, headers=headers
                )
        await until(lambda: bus.status().events_total + bus.status().rejected_total == 40)
        before = (reads(statistics), bus.status().events_total, bus.feed.last)
        positions = bus.partitions()

        one, steps = await replayed(bus, partition=1, offset=15)
        assert offsets(one) == [(1, number) for number in range(15, 20)]
        assert (steps[-1].read, steps[-1].done, steps[-1].more) == (5, True, 0)
        message = one.feed.message(1)
        assert message is not None
        assert message.key == b"k"
        assert message.headers == (("source", b"gateway"), ("n", b"31"))

        whole, steps = await replayed(bus)
        assert len(whole.feed) == 40
        rejected = whole.feed.window(99, text="outcome:rejected")
        assert [row.detail[:8] for row in rejected] == ["not JSON"] * 4
        assert all(row.outcome is EventOutcome.REJECTED for row in rejected)

        few, steps = await replayed(bus, count=7)
        assert len(few.feed) == 7
        assert steps[-1].more > 0
        past, steps = await replayed(bus, since=time.time() + 60)
        assert (len(past.feed), steps[-1].done) == (0, True)
        recent, _ = await replayed(bus, since=time.time() - 3600)
        assert len(recent.feed) == 40

        assert (reads(statistics), bus.status().events_total, bus.feed.last) == before
        assert bus.partitions() == positions


async def test_the_consumer_group_is_not_touched(
    tansu: Tansu, state: Database, statistics: AccessStatistics
) -> None:
    settings = KafkaSettings(bootstrap=tansu.bootstrap, group="astra")
    async with running(settings, state, statistics) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 60)
        async with producing(tansu.bootstrap) as producer:
            await producer.send_and_wait(TOPIC, event(), partition=0)
        await until(lambda: reads(statistics) == 1, 60)
        parts = bus.partitions()
        await replayed(bus)
        assert bus.partitions() == parts
        assert reads(statistics) == 1


async def test_the_embedded_broker_is_read_by_time_too(
    state: Database, statistics: AccessStatistics
) -> None:
    async with running(EMBEDDED, state, statistics) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        async with producing(bus.bootstrap) as producer:
            for number in range(10):
                await producer.send_and_wait(TOPIC, event(f"k{number}"), partition=0)
        await until(lambda: bus.status().events_total == 10)
        found, _ = await replayed(bus, since=time.time() - 60)
        assert len(found.feed) == 10
        none, _ = await replayed(bus, since=time.time() + 60)
        assert len(none.feed) == 0


async def test_what_cannot_be_replayed_is_said(
    tansu: Tansu, state: Database, statistics: AccessStatistics
) -> None:
    async with running(alone(tansu), state, statistics) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        for request, words in (
            ({"partition": 9}, "no partition 9"),
            ({"offset": 1, "since": 1.0}, "not at both"),
            ({"count": 0}, "between 1 and"),
        ):
            with pytest.raises(UsageError, match=words):
                await replayed(bus, **request)
        other = Replay(bus, ReplayRequest("no_such_topic"), "replay-1")
        with pytest.raises(UsageError, match="no such topic"):
            await anext(other.steps())
    off = EventBus(KafkaSettings(bootstrap="off"), state, statistics)
    with pytest.raises(BrokerUnavailable, match="Kafka is off"):
        await replayed(off)


async def test_a_broker_that_goes_away_meanwhile_is_said(
    tansu: Tansu, state: Database, statistics: AccessStatistics
) -> None:
    async with running(alone(tansu), state, statistics) as bus:
        assert await bus.wait_for(KafkaState.CONNECTED, 30)
        tansu.kill()
        with pytest.raises(AstraError) as caught:
            await replayed(bus)
        assert caught.value.todo
