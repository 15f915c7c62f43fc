"""Messages read again, to be looked at: a consumer of its own, outside every group.

Nothing is counted, no request is carried out, and no offset is committed: the readers that do
that are not asked.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from engine.errors import BadMessage, BrokerUnavailable, UsageError
from engine.events import clients
from engine.events.feed import EventFeed
from engine.events.messages import Message
from engine.events.reader import message_of
from engine.events.schema import parse_access, parse_job
from engine.model import KafkaState, ReplayRequest, ReplayStep

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

    from engine.events.bus import EventBus

MOST = 50_000
_MOST_BYTES = 16 * 1024**2
_CONNECT_SECONDS = 10.0
_QUIET = 5.0  # seconds without a message after which the log is taken to have ended earlier
_POLL_RECORDS = 1000
_SLICE = 200


class Replay:
    """One replay; `feed` has what was read so far."""

    def __init__(self, bus: "EventBus", request: ReplayRequest, name: str) -> None:
        self.feed = EventFeed(bus.summarise, max_messages=MOST + 1, max_bytes=_MOST_BYTES)
        self.name = name
        self._bus = bus
        self._request = request
        self._read = 0
        self._early = 0  # messages before the time that was asked for

    async def steps(self) -> AsyncGenerator[ReplayStep, None]:
        """Read, and tell how far it is; ends with a step that is `done`.

        Raises BrokerUnavailable without a broker, UsageError for a place that there is not.
        """
        request = self._request
        _check(request, self._bus)
        async with self._consumer() as consumer:
            ends = await self._seek(consumer)
            known = [(part, ends[part] - await consumer.position(part)) for part in ends]
            there = sum(count for _, count in known if count > 0)
            total = min(there, request.count)
            left = {part for part, count in known if count > 0}
            heard = time.monotonic()
            while left and self._read < request.count:
                yield ReplayStep(self.name, self._read, total)
                batches = await consumer.getmany(timeout_ms=250, max_records=_POLL_RECORDS)
                if batches:
                    heard = time.monotonic()
                elif time.monotonic() - heard > _QUIET:
                    break  # what was compacted away has no message at its last offsets
                for part, records in batches.items():
                    for start in range(0, len(records), _SLICE):
                        self._take(records[start : start + _SLICE], ends[part])
                        await asyncio.sleep(0)
                for part in tuple(left):
                    if await consumer.position(part) >= ends[part]:
                        left.discard(part)
                        consumer.pause(part)
            full = self._read >= request.count
            more = max(there - self._read - self._early, 0) if full else 0
        yield ReplayStep(self.name, self._read, self._read, more, done=True)

    @asynccontextmanager
    async def _consumer(self) -> "AsyncIterator[AIOKafkaConsumer]":
        from aiokafka.errors import KafkaError

        await asyncio.to_thread(clients.load)
        bus = self._bus
        options = clients.connection(bus.settings, clients.servers(bus.bootstrap))
        consumer = clients.make_consumer(options, "")
        try:
            await clients.careful(consumer.start(), _CONNECT_SECONDS)
            yield consumer
        except (KafkaError, TimeoutError) as error:
            raise BrokerUnavailable(
                f"The broker does not let itself be read: {str(error) or type(error).__name__}.",
                subject=bus.bootstrap,
                safe="Nothing was counted, and no offset was committed.",
                todo="Try again, or see `astra doctor`.",
            ) from error
        finally:
            await clients.close_consumer(consumer)

    async def _seek(self, consumer: "AIOKafkaConsumer") -> "dict[TopicPartition, int]":
        """Go to where the request begins; returns where each partition's log ends now."""
        from aiokafka import TopicPartition

        request = self._request
        numbers = await _partitions(consumer, request.topic)
        if request.partition is not None and request.partition not in numbers:
            there = ", ".join(map(str, sorted(numbers))) or "none"
            raise UsageError(
                f"The topic has no partition {request.partition}; it has: {there}.",
                subject=request.topic,
            )
        wanted = numbers if request.partition is None else {request.partition}
        parts = [TopicPartition(request.topic, number) for number in sorted(wanted)]
        if not parts:
            raise UsageError("The broker knows no such topic.", subject=request.topic)
        consumer.assign(parts)
        first = await consumer.beginning_offsets(parts)
        ends: dict[TopicPartition, int] = await consumer.end_offsets(parts)
        begin = dict(first)
        if request.offset is not None:
            begin = {part: min(max(request.offset, first[part]), ends[part]) for part in parts}
        elif request.since is not None and self._bus.settings.bootstrap != "embedded":
            moment = int(request.since * 1000)
            found = await consumer.offsets_for_times(dict.fromkeys(parts, moment))
            begin = {
                part: at.offset if at is not None else ends[part] for part, at in found.items()
            }
        for part in parts:
            consumer.seek(part, begin[part])
        return ends

    def _take(self, records: "Sequence[ConsumerRecord]", end: int) -> None:
        request, now = self._request, time.time()
        for record in records:
            stamp = record.timestamp / 1000 if record.timestamp > 0 else now
            # The embedded broker knows no times: it is read from its beginning.
            if request.since is not None and stamp < request.since:
                self._early += 1
                continue
            if record.offset >= end or self._read >= request.count:
                continue
            message = message_of(record, stamp, now, "")
            self.feed.append(message._replace(reason=self._verdict(message)))
            self._read += 1

    def _verdict(self, message: Message) -> str:
        """Why it would be rejected, "" if it would not."""
        settings, places = self._bus.settings, self._bus.places
        try:
            if message.topic == settings.access_topic:
                parse_access(message.value, stamp=message.stamp, now=message.time, places=places)
            elif message.topic == settings.jobs_topic:
                parse_job(message.value, places=places)
        except BadMessage as error:
            return error.what
        return ""


def _check(request: ReplayRequest, bus: "EventBus") -> None:
    status = bus.status()
    if status.state is not KafkaState.CONNECTED:
        off = status.state is KafkaState.OFF
        raise BrokerUnavailable(
            "Kafka is off, so nothing can be read again."
            if off
            else f"There is no connection to the broker: {status.error or status.state.value}.",
            subject=status.bootstrap,
            safe="What the feed shows stays.",
            todo="Set bootstrap in [kafka]." if off else "Astra keeps trying; try again then.",
        )
    if not 0 < request.count <= MOST:
        raise UsageError(f"A replay reads between 1 and {MOST:,} messages.")
    if request.offset is not None and request.since is not None:
        raise UsageError("A replay begins at an offset or at a time, not at both.")


async def _partitions(consumer: "AIOKafkaConsumer", topic: str) -> set[int]:
    """The topic's partitions; asking for all topics makes none, as asking for one may."""
    cluster = await consumer._client.fetch_all_metadata()
    return set(cluster.partitions_for_topic(topic) or ())
