"""Reading the topics that come in: count accesses, hand on job requests, show everything.

What was counted and how far the log was read are written in one transaction, and only then
are offsets committed to Kafka. So a crash or a lost broker neither loses an event nor counts
one twice, although Kafka itself only promises "at least once".
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.access import AccessStatistics
from engine.errors import AstraError, BadMessage
from engine.events.clients import careful
from engine.events.feed import EventFeed
from engine.events.messages import Message
from engine.events.places import Places
from engine.events.schema import JobRequest, parse_access, parse_job
from engine.events.tally import Tallies
from engine.model import PartitionStatus

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

_log = logging.getLogger(__name__)
_JOIN_SECONDS = 120.0
_GRACE = 0.3  # seconds: connections are open by then, and waiting for the group may be cut off
_POLL_RECORDS = 4096
_SLICE = 256  # records between two turns of the loop, about two milliseconds
_POLL_SECONDS = 0.05  # a quieter topic is fetched in larger pieces, not message by message
_JOB_TRIES = 5
_JOB_WAIT = 2.0  # seconds before a job request is tried again, doubling
_JOBS_HELD = 100  # job requests in memory before that topic is paused

OnJob = Callable[[JobRequest], Awaitable[None]]


@dataclass(slots=True)
class Counts:
    """What came in since the start."""

    events: int = 0
    rejected: int = 0


class Reader:
    """One consumer at work. `log` names the cluster, so that positions of another one, or of
    an embedded broker that is gone, are not taken for this one's."""

    def __init__(
        self,
        consumer: "AIOKafkaConsumer",
        *,
        access: AccessStatistics,
        feed: EventFeed,
        places: Places,
        counts: Counts,
        tallies: Tallies,
        access_topic: str,
        jobs_topic: str,
        on_job: OnJob | None,
        log: str,
        durable: bool,
        grouped: bool,
    ) -> None:
        self.assigned = asyncio.Event()
        self._consumer = consumer
        self._access = access
        self._feed = feed
        self._places = places
        self._counts = counts
        self._tallies = tallies
        self._access_topic = access_topic
        self._jobs_topic = jobs_topic
        self._on_job = on_job
        self._log = log
        self._durable = durable
        self._grouped = grouped
        self._jobs: asyncio.Queue[tuple[TopicPartition, ConsumerRecord]] = asyncio.Queue()
        self._unproved: set[TopicPartition] = set()
        self._following: dict[TopicPartition, int] = {}

    # -- where to begin -----------------------------------------------------------------

    async def begin(self) -> None:
        """Join the group, or take every partition, and go to where counting ended."""
        topics = [self._access_topic]
        if self._on_job is not None:
            topics.append(self._jobs_topic)
        if self._grouped:
            self._consumer.subscribe(topics, listener=_listener(self))
            await careful(self._consumer.start(), _JOIN_SECONDS, grace=_GRACE)
        else:
            self._consumer.subscribe(topics)
            await careful(self._consumer.start(), _JOIN_SECONDS, grace=_GRACE)
            await self.take(self._consumer.assignment())

    async def take(self, partitions: "set[TopicPartition]") -> None:
        """Go to where these partitions were counted, if that is ahead of what is committed."""
        self._following = {}
        for partition in partitions:
            position = self._access.position(self._name(partition), partition.partition)
            if position is None:
                continue
            committed = 0
            if self._grouped:
                committed = await self._consumer.committed(partition) or 0
            if position.next >= committed:
                # The record before it is read again: it shows whether this is the same log.
                self._consumer.seek(partition, max(position.next - 1, 0))
                self._unproved.add(partition)
        self.assigned.set()

    async def give_up(self) -> None:
        """Save everything counted before others take over."""
        await self.save()
        self._following = {}

    def _name(self, partition: "TopicPartition") -> str:
        return f"{self._log}/{partition.topic}"

    # -- reading ------------------------------------------------------------------------

    async def run(self) -> None:
        """Read until cancelled. Raises aiokafka's KafkaError where it cannot go on."""
        while True:
            batches = await self._consumer.getmany(timeout_ms=500, max_records=_POLL_RECORDS)
            for partition, records in batches.items():
                await self._take_in(partition, records)
            if not any(self._behind(partition, records) for partition, records in batches.items()):
                await asyncio.sleep(_POLL_SECONDS)

    def _behind(self, partition: "TopicPartition", records: "Sequence[ConsumerRecord]") -> bool:
        """Whether there was more in the log when these were fetched."""
        end = self._consumer.highwater(partition)
        return end is not None and records[-1].offset + 1 < end

    async def _take_in(
        self, partition: "TopicPartition", records: "Sequence[ConsumerRecord]"
    ) -> None:
        position = self._access.position(self._name(partition), partition.partition)
        if position is not None:
            first = records[0]
            if first.offset < position.next and first.timestamp > position.stamp:
                # Later than anything counted, at an offset that was counted: the topic was
                # deleted and made anew.
                if partition in self._unproved:
                    self._unproved.discard(partition)
                    await self._consumer.seek_to_beginning(partition)
                    return
            else:
                records = [record for record in records if record.offset >= position.next]
        self._unproved.discard(partition)
        if partition.topic == self._jobs_topic and partition.topic != self._access_topic:
            for record in records:
                self._jobs.put_nowait((partition, record))
            if self._jobs.qsize() >= _JOBS_HELD:
                self._consumer.pause(partition)
            return
        for start in range(0, len(records), _SLICE):
            part = records[start : start + _SLICE]
            self._mark(partition, part[-1].offset + 1, self._absorb(part))
            await asyncio.sleep(0)

    def _mark(self, partition: "TopicPartition", following: int, stamp: int) -> None:
        name, part = self._name(partition), partition.partition
        before = self._access.position(name, part)
        if before is not None and before.next < following:
            stamp = max(stamp, before.stamp)
        self._access.mark(name, part, following, stamp, durable=self._durable)
        self._following[partition] = following

    def _absorb(self, records: "Sequence[ConsumerRecord]") -> int:
        """Count access events; returns the newest of their times in Kafka (milliseconds)."""
        now = time.time()
        access, feed, places = self._access, self._feed, self._places
        newest = -1
        events = 0
        reasons: list[str] = []
        for record in records:
            stamp = record.timestamp / 1000 if record.timestamp > 0 else now
            reason = ""
            try:
                for event in parse_access(record.value, stamp=stamp, now=now, places=places):
                    cloud, bucket, key, operation, when, count, nbytes, _ = event
                    access.count(cloud, bucket, key, when, operation, count, nbytes)
                    events += 1
            except BadMessage as error:
                reason = error.what
                reasons.append(reason)
            if record.timestamp > newest:
                newest = record.timestamp
            feed.append(message_of(record, stamp, now, reason))
        self._counts.events += events
        self._counts.rejected += len(reasons)
        topic = records[0].topic if records else self._access_topic
        self._tallies.add(topic, len(records), newest / 1000, reasons)
        return newest

    # -- job requests -------------------------------------------------------------------

    async def work(self) -> None:
        """Hand job requests on, one after the other, until cancelled."""
        while True:
            partition, record = await self._jobs.get()
            now = time.time()
            stamp = record.timestamp / 1000 if record.timestamp > 0 else now
            reason = await self._start_job(record)
            if reason:
                self._counts.rejected += 1
            self._tallies.add(record.topic, 1, stamp, [reason] if reason else ())
            self._feed.append(message_of(record, stamp, now, reason))
            # Only now is the effect in the ledger, or the request known to be impossible.
            self._mark(partition, record.offset + 1, record.timestamp)
            if self._jobs.qsize() < _JOBS_HELD // 2:
                self._consumer.resume(*self._consumer.paused())

    async def _start_job(self, record: "ConsumerRecord") -> str:
        """Why it was not started, "" if it was."""
        assert self._on_job is not None
        try:
            request = parse_job(record.value, places=self._places)
        except BadMessage as error:
            return error.what
        for attempt in range(1, _JOB_TRIES + 1):
            try:
                await self._on_job(request)
            except AstraError as error:
                if not error.retryable or attempt == _JOB_TRIES:
                    _log.warning("job request %s refused: %s", request.request_key, error)
                    return str(error)
                await asyncio.sleep(_JOB_WAIT * 2 ** (attempt - 1))
            else:
                break
        return ""

    # -- keeping ------------------------------------------------------------------------

    async def save(self) -> None:
        """Write the counts and their positions, then commit. Raises StateError."""
        from aiokafka.errors import KafkaError

        following = dict(self._following)
        await self._access.flush()
        if not (self._grouped and following):
            return
        mine = self._consumer.assignment()
        offsets = {part: offset for part, offset in following.items() if part in mine}
        if not offsets:
            return
        try:
            await self._consumer.commit(offsets)
        except KafkaError as error:
            # The positions are on disk here; Kafka learns them with the next commit.
            _log.info("offsets not committed: %r", error)
            return
        for part, offset in offsets.items():
            if self._following.get(part) == offset:
                del self._following[part]

    def partitions(self) -> dict[str, list[PartitionStatus]]:
        """Where each partition is read that this consumer has, by topic."""
        found: dict[str, list[PartitionStatus]] = {}
        for partition in sorted(self._consumer.assignment()):
            end = self._consumer.highwater(partition)
            position = self._access.position(self._name(partition), partition.partition)
            following = position.next if position is not None else 0
            found.setdefault(partition.topic, []).append(
                PartitionStatus(partition.partition, following, end)
            )
        return found

    def lag(self) -> int:
        """Messages in the log that have not been read yet, as far as is known."""
        return sum(part.lag for parts in self.partitions().values() for part in parts)


def message_of(record: "ConsumerRecord", stamp: float, now: float, reason: str) -> Message:
    """A record as the feed keeps it."""
    return Message(
        record.topic,
        record.partition,
        record.offset,
        stamp,
        now,
        record.value or b"",
        reason,
        record.key or b"",
        tuple(record.headers) if record.headers else (),
    )


def _listener(reader: Reader) -> Any:
    """aiokafka's class can only be named once aiokafka is imported."""
    from aiokafka import ConsumerRebalanceListener

    class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
        async def on_partitions_revoked(self, revoked: "set[TopicPartition]") -> None:
            await reader.give_up()

        async def on_partitions_assigned(self, assigned: "set[TopicPartition]") -> None:
            await reader.take(assigned)

    return Listener()
