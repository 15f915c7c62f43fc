"""Sending what waits in the outbox, in order, for as long as a broker takes it."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.events.messages import Message
from engine.events.outbox import Outbox, Waiting

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer
    from aiokafka.structs import RecordMetadata

_log = logging.getLogger(__name__)
_BATCH = 500
_BLOCKED_SECONDS = 30.0
_PAUSE = 0.5  # after a failure that may pass

_PLAUSIBLE = 86_400.0  # seconds


class Sender:
    """`sent` is told of messages that have left the outbox: a broker took them, or they can
    never be sent and carry the reason."""

    def __init__(
        self,
        producer: "AIOKafkaProducer",
        outbox: Outbox,
        sent: Callable[[Sequence[Message]], None],
    ) -> None:
        self.trouble = ""  # why messages of some topic wait although a broker is there
        self._producer = producer
        self._outbox = outbox
        self._sent = sent
        self._wake = asyncio.Event()
        self._blocked: dict[str, float] = {}  # topic -> until when (monotonic)
        self._singly = 0  # so many messages are still to be sent one by one

    def wake(self) -> None:
        """Something was put into the outbox."""
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._wake.clear()
            now = time.monotonic()
            self._blocked = {topic: until for topic, until in self._blocked.items() if until > now}
            if not self._blocked:
                self.trouble = ""
            rows = await self._outbox.head(1 if self._singly else _BATCH, self._blocked)
            if rows:
                await self._send(rows)
                continue
            wait = min(self._blocked.values()) - now if self._blocked else None
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                _log.debug("trying blocked topics again: %s", list(self._blocked))

    async def _send(self, rows: Sequence[Waiting]) -> None:
        from aiokafka.errors import KafkaError

        results: list[tuple[Waiting, RecordMetadata | BaseException]] = []
        sending: list[tuple[Waiting, asyncio.Future[RecordMetadata]]] = []
        failed: set[str] = set()
        for row in rows:
            if row.topic in failed:
                continue
            try:
                sending.append(
                    (row, await self._producer.send(row.topic, row.value, row.key or None))
                )
            except KafkaError as error:
                failed.add(row.topic)
                results.append((row, error))
        answers = await asyncio.gather(*(future for _, future in sending), return_exceptions=True)
        results += zip((row for row, _ in sending), answers, strict=True)
        results.sort(key=lambda result: result[0].id)
        await self._sort_out(results)

    async def _sort_out(
        self, results: "Sequence[tuple[Waiting, RecordMetadata | BaseException]]"
    ) -> None:
        """Forget what arrived. What follows a failure in its topic is sent again, even where
        it arrived: the last message of a key must be the last one there, too."""
        from aiokafka.errors import (
            InvalidTopicError,
            MessageSizeTooLargeError,
            TopicAuthorizationFailedError,
            UnknownTopicOrPartitionError,
        )

        done: list[int] = []
        told: list[Message] = []
        failed: set[str] = set()
        self._singly = max(0, self._singly - 1)
        for row, result in results:
            if row.topic in failed:
                continue
            if not isinstance(result, BaseException):
                done.append(row.id)
                told.append(_message(row, result.partition, result.offset))
            elif isinstance(result, MessageSizeTooLargeError) and len(results) == 1:
                done.append(row.id)
                reason = f"never sent: {len(row.value):,} bytes are too many for the broker"
                _log.warning("message to %s %s", row.topic, reason)
                told.append(_message(row, 0, -1, reason))
            elif isinstance(result, MessageSizeTooLargeError):
                # The whole batch is refused for one of them; find it.
                failed.add(row.topic)
                self._singly = len(results)
            elif isinstance(
                result,
                InvalidTopicError | TopicAuthorizationFailedError | UnknownTopicOrPartitionError,
            ):
                failed.add(row.topic)
                self._blocked[row.topic] = time.monotonic() + _BLOCKED_SECONDS
                self.trouble = f"Topic {row.topic} cannot be written: {type(result).__name__}."
            else:
                _log.info("not sent to %s, will be tried again: %r", row.topic, result)
                failed.add(row.topic)
        if done:
            await self._outbox.remove(done)
            self._sent(told)
        elif not self._singly and not failed <= self._blocked.keys():
            await asyncio.sleep(_PAUSE)


def _message(row: Waiting, partition: int, offset: int, reason: str = "") -> Message:
    now = time.time()
    return Message(row.topic, partition, offset, now, now, row.value, reason, row.key)
