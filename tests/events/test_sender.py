"""Sending in order through faults that no real broker makes on demand."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import RecordMetadata, TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.database import Database
from engine.events import outbox, sender
from engine.events.feed import Message
from engine.events.outbox import Outbox, Outgoing
from engine.events.sender import Sender
from tests.events.conftest import until


class FaultyProducer:
    """Takes messages like aiokafka's producer; `faults` says which attempts fail, and how."""

    def __init__(self, faults: dict[int, KafkaError]) -> None:
        self.taken: list[tuple[str, bytes | None, bytes]] = []
        self.attempts = 0
        self._faults = faults

    async def send(
        self, topic: str, value: bytes, key: bytes | None
    ) -> "asyncio.Future[RecordMetadata]":
        self.attempts += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        fault = self._faults.get(self.attempts)
        if fault is not None:
            answer.set_exception(fault)
        else:
            self.taken.append((topic, key, value))
            offset = len(self.taken)
            answer.set_result(RecordMetadata(topic, 0, TopicPartition(topic, 0), offset, -1, 0, 0))
        return answer


async def sent_with(
    state: Database, faults: dict[int, KafkaError], messages: Sequence[Outgoing], left: int = 0
) -> tuple[FaultyProducer, Sender, list[Message]]:
    box = Outbox(state, ())
    await box.load()
    await box.put(messages)
    producer = FaultyProducer(faults)
    told: list[Message] = []
    at_work = Sender(producer, box, told.extend)
    task = asyncio.create_task(at_work.run())
    try:
        await until(lambda: box.waiting == left and len(told) == len(messages) - left)
    finally:
        task.cancel()
        await asyncio.wait([task])
    return producer, at_work, told


def messages(count: int, topic: str = "status") -> list[Outgoing]:
    return [Outgoing(topic, b"key-%d" % (n % 2), b"%d" % n) for n in range(count)]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_PAUSE", 0.0)


async def test_after_a_fault_the_last_message_of_a_key_is_still_its_newest(
    state: Database,
) -> None:
    producer, _, told = await sent_with(state, {3: KafkaTimeoutError()}, messages(6))
    assert [value for _, _, value in producer.taken] == [
        *(b"0", b"1", b"3", b"4", b"5"),
        *(b"2", b"3", b"4", b"5"),
    ]
    assert [message.value for message in told] == [b"0", b"1", b"2", b"3", b"4", b"5"]


async def test_a_topic_that_may_not_be_written_does_not_hold_the_others_up(
    state: Database,
) -> None:
    mixed = [
        message for pair in zip(messages(4, "no"), messages(4), strict=True) for message in pair
    ]
    faults: dict[int, KafkaError] = {1: TopicAuthorizationFailedError("no")}
    _, at_work, told = await sent_with(state, faults, mixed, left=4)
    assert [message.value for message in told] == [b"0", b"1", b"2", b"3"]
    assert {message.topic for message in told} == {"status"}
    assert at_work.trouble == "Topic no cannot be written: TopicAuthorizationFailedError."


async def test_the_one_message_that_is_too_large_is_found(state: Database) -> None:
    # The broker refuses the batch, which fails every message in it.
    too_large = MessageSizeTooLargeError()
    faults: dict[int, KafkaError] = {**dict.fromkeys(range(1, 6), too_large), 8: too_large}
    producer, _, told = await sent_with(state, faults, messages(5))
    assert [value for _, _, value in producer.taken] == [b"0", b"1", b"3", b"4"]
    (dropped,) = [message for message in told if message.reason]
    assert dropped.value == b"2"
    assert "too many for the broker" in dropped.reason


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 12),
    faults=st.sets(st.integers(1, 40), max_size=12),
)
def test_whatever_fails_every_key_ends_with_its_newest(
    tmp_path_factory: pytest.TempPathFactory, count: int, faults: set[int]
) -> None:
    async def check() -> None:
        state = Database(tmp_path_factory.mktemp("sender") / "astra.db", (outbox.SCHEMA,))
        await state.open()
        try:
            failing: dict[int, KafkaError] = {n: KafkaTimeoutError() for n in faults}
            producer, _, told = await sent_with(state, failing, messages(count))
        finally:
            await state.close()
        assert [message.value for message in told] == [b"%d" % n for n in range(count)]
        for which in range(min(count, 2)):
            key = b"key-%d" % which
            of_key = [value for _, taken, value in producer.taken if taken == key]
            newest = max(n for n in range(count) if n % 2 == which)
            assert of_key[-1] == b"%d" % newest
            first_times = list(dict.fromkeys(of_key))
            assert set(first_times) == {b"%d" % n for n in range(which, count, 2)}

    asyncio.run(check())
