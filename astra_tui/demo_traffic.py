"""A believable stream of access events, sent to Kafka as other programs would send them.

What is read follows the objects' past: busy ones often, forgotten ones never. The stream rises
and falls over the day, something gets popular for a few seconds now and then, each cloud's
programs speak a dialect of their own, and one message in sixty is broken.
"""

import asyncio
import json
import logging
import math
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import quote_plus

from demo_data import DemoObject, inventory
from demo_data.history import daily_reads
from engine.errors import BrokerUnavailable
from engine.events import clients
from engine.settings import KafkaSettings

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

log = logging.getLogger(__name__)

_BROKEN = 1 / 60  # of all messages
_WRITES = 1 / 12  # of the accesses
_SPIKE_EVERY = 45.0  # seconds, about
_SPIKE_SECONDS = 8.0
_SPIKE_FACTOR = 4.0
_READERS = ("svc-reports", "svc-web", "etl-nightly", "ana", "bo", "chidi")
_RETRY = 1.0  # seconds until a broker that is away is tried again
_CLOSING = 0.3  # seconds for the last messages; nothing is lost with them


class Message(NamedTuple):
    """One Kafka message."""

    key: bytes
    value: bytes


class Stream:
    """Makes the messages; `random` decides everything but the time."""

    def __init__(self, random: Random, objects: Iterable[DemoObject] | None = None) -> None:
        self._random = random
        self._objects = [item for item in objects or inventory() if item.shape != "none"]
        today = int(time.time() // 86_400)
        self._weights = [0.05 + sum(daily_reads(item, today)[-7:]) for item in self._objects]
        self._spike = self._objects[0]
        self._spike_begins = self._spike_ends = 0.0

    def rate(self, now: float, usual: float) -> float:
        """Events a second: most in the afternoon (UTC), least at night, more in a spike."""
        hour = now / 3600 % 24
        daily = 0.75 + 0.35 * math.cos((hour - 15) / 24 * 2 * math.pi)
        return usual * daily * (_SPIKE_FACTOR if self._spiking(now) else 1.0)

    def message(self, now: float) -> Message:
        """The next message."""
        random = self._random
        if random.random() < _BROKEN:
            return Message(b"", self._broken(now))
        item = self._pick(now)
        write = item.shape != "spike" and random.random() < _WRITES
        value = _DIALECTS[item.cloud](item, "PUT" if write else "GET", now, random)
        address = f"{item.cloud}:{item.bucket}/{item.key}"
        return Message(address.encode(), json.dumps(value).encode())

    def pause(self, now: float, usual: float) -> float:
        """Seconds until the next message: exponential, so that arrivals are independent."""
        return self._random.expovariate(self.rate(now, usual))

    def _pick(self, now: float) -> DemoObject:
        if self._spiking(now) and self._random.random() < 0.8:
            return self._spike
        return self._random.choices(self._objects, self._weights)[0]

    def _spiking(self, now: float) -> bool:
        if now >= self._spike_ends:
            self._spike = self._random.choice(self._objects)
            self._spike_begins = now + self._random.expovariate(1 / _SPIKE_EVERY)
            self._spike_ends = self._spike_begins + _SPIKE_SECONDS
        return now >= self._spike_begins

    def _broken(self, now: float) -> bytes:
        item = self._random.choice(self._objects)
        address = f"{item.cloud}:{item.bucket}/{item.key}"
        whole = json.dumps({"address": address, "operation": "GET", "time": now}).encode()
        return self._random.choice(
            [
                whole[: len(whole) // 2],
                b"\xff\xfe\x00\x1b[2Jnot text",
                json.dumps({"operation": "GET", "time": now}).encode(),
                json.dumps({"address": address, "operation": "GET", "count": -3}).encode(),
                json.dumps({"address": "oracle:attic/" + item.key, "operation": "GET"}).encode(),
                json.dumps({"address": address, "operation": "[blink]steal[/]"}).encode(),
            ]
        )


def _s3_notification(item: DemoObject, operation: str, now: float, random: Random) -> Any:
    """As S3 and the stores like it publish it; keys are encoded like a query string."""
    name = "s3:ObjectAccessed:Get" if operation == "GET" else "ObjectCreated:Put"
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "eventTime": _iso(now),
                "eventName": name,
                "userIdentity": {"principalId": random.choice(_READERS)},
                "s3": {
                    "bucket": {"name": item.bucket},
                    "object": {"key": quote_plus(item.key, safe="/"), "size": item.size},
                },
            }
        ]
    }


def _cloud_event(item: DemoObject, operation: str, now: float, random: Random) -> Any:
    """A CloudEvent around our own schema."""
    return {
        "specversion": "1.0",
        "id": f"{random.getrandbits(64):016x}",
        "source": "//demo/gateway",
        "type": "org.example.object.accessed",
        "time": _iso(now),
        "data": {
            "address": f"{item.cloud}:{item.bucket}/{item.key}",
            "operation": operation,
            "bytes": item.size,
        },
    }


def _own(item: DemoObject, operation: str, now: float, random: Random) -> Any:
    """Astra's own schema."""
    return {
        "address": f"{item.cloud}:{item.bucket}/{item.key}",
        "operation": operation,
        "time": round(now, 3),
        "bytes": item.size,
        "actor": random.choice(_READERS),
    }


_DIALECTS: dict[str, Callable[[DemoObject, str, float, Random], Any]] = {
    "aws": _s3_notification,
    "gcp": _cloud_event,
    "azure": _own,
}


def _iso(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")


class Traffic:
    """Sends the stream to a broker while it is open (`async with`).

    `rate` is the usual number of events a second. A broker that is away is tried again; the
    messages of the meantime are not made up for, as nobody read anything either.
    """

    def __init__(
        self, bootstrap: str, topic: str, *, rate: float = 5.0, random: Random | None = None
    ) -> None:
        self.sent = 0
        self._bootstrap = bootstrap
        self._topic = topic
        self._rate = rate
        self._stream = Stream(random or Random())
        self._extra = 0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="demo-traffic")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def burst(self, count: int) -> None:
        """Send that many messages more, as fast as the broker takes them."""
        self._extra += count
        self._wake.set()

    async def _run(self) -> None:
        options = clients.connection(KafkaSettings(), clients.servers(self._bootstrap))
        while True:
            try:
                producer = await clients.open_producer(options)
                try:
                    await self._send(producer)
                finally:
                    await clients.close_producer(producer, _CLOSING)
            except BrokerUnavailable as error:
                log.info("the demo's traffic waits for the broker: %s", error)
            await asyncio.sleep(_RETRY)

    async def _send(self, producer: "AIOKafkaProducer") -> None:
        from aiokafka.errors import KafkaError

        while True:
            message = self._stream.message(time.time())
            try:
                sending = await producer.send(self._topic, message.value, key=message.key or None)
            except KafkaError as error:
                raise BrokerUnavailable(f"Nothing can be sent: {error}") from error
            # A message that a dying broker did not take is lost, like any reader's would be.
            sending.add_done_callback(lambda done: done.cancelled() or done.exception())
            self.sent += 1
            if self._extra:
                self._extra -= 1
                continue
            self._wake.clear()
            try:
                async with asyncio.timeout(self._stream.pause(time.time(), self._rate)):
                    await self._wake.wait()
            except TimeoutError:
                continue
