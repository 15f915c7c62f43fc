"""The event bus: everything Astra hears and says on Kafka, for as long as it runs.

A broker that is away is a normal state: it shows in `status`, what Astra publishes waits in the
outbox, and the bus keeps trying with growing pauses. Nothing here raises because of it.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from engine.access import AccessStatistics
from engine.database import Database
from engine.errors import AstraError, BrokerUnavailable, StateError
from engine.events import clients, fields, outbox, schema
from engine.events.embedded import EmbeddedBroker
from engine.events.feed import EventFeed
from engine.events.messages import Message
from engine.events.outbox import Outbox, Outgoing
from engine.events.places import Places
from engine.events.reader import Counts, OnJob, Reader
from engine.events.sender import Sender
from engine.events.summary import Summariser
from engine.events.tally import Tallies
from engine.model import Address, KafkaState, KafkaStatus, PartitionStatus
from engine.settings import CloudSettings, KafkaSettings

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

SCHEMA = outbox.SCHEMA

_log = logging.getLogger(__name__)
_PROBE_SECONDS = 1.0
_PROBE_PATIENCE = 5.0
_SAVE_SECONDS = 2.0
_GATHER_SECONDS = 0.1  # what is published soon goes to disk together
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 15.0
_CANCEL_SECONDS = 5.0
_LAST_WORDS = 2.0  # seconds for the outbox when the bus stops
_RATE_STEP = 0.5
_RATE_MEMORY = 1.5  # seconds; the smoothed rate forgets two thirds in this time


class EventBus:
    """Consumer, producer and feed behind one broker address, `off` or an embedded broker.

    `clouds` lets messages that name only a bucket find their cloud, and rejects events of
    clouds that are not configured. `on_job` is called for each request on the jobs topic, if
    the settings accept jobs; it must return only when the request is durable.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        database: Database,
        access: AccessStatistics,
        *,
        clouds: Sequence[CloudSettings] = (),
        on_job: OnJob | None = None,
    ) -> None:
        self.settings = settings
        self._access = access
        self._places = Places(clouds)
        self._on_job = on_job if settings.accept_jobs else None
        self.summarise = Summariser(settings, self._places)
        self.feed = EventFeed(self.summarise, apart=True)
        self.tallies = Tallies()
        self._outbox = Outbox(database, (settings.status_topic, settings.recommendations_topic))
        self._counts = Counts()
        self._broker = EmbeddedBroker() if settings.bootstrap == "embedded" else None
        self._log = ""  # names the embedded broker's logs, which die with it
        self._state = KafkaState.OFF
        self._error = ""
        self._bootstrap = "" if self._broker or self._off else settings.bootstrap
        self._reader: Reader | None = None
        self._sender: Sender | None = None
        self._soon: list[Outgoing] = []
        self._soon_there = asyncio.Event()
        self._putting = asyncio.Lock()
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._rate = 0.0
        self._rated = (time.monotonic(), 0)

    @property
    def _off(self) -> bool:
        return self.settings.bootstrap == "off"

    # -- life ---------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin in the background; a broker that is away is no error."""
        if self._off or self._tasks:
            return
        self._stopping = False
        await self._outbox.load()
        self._turn(KafkaState.CONNECTING)
        self._tasks = [
            asyncio.create_task(self._supervise(), name="event-bus"),
            asyncio.create_task(self._post(), name="event-post"),
        ]

    async def stop(self) -> None:
        """Keep what was counted and what waits, and close. Safe to call twice.

        Raises StateError if the disk would not take the last counts.
        """
        tasks, self._tasks = self._tasks, []
        try:
            await self._put_soon()
            if tasks and self._state is KafkaState.CONNECTED:
                await self.drain(_LAST_WORDS)
        finally:
            self._stopping = True
            left = set(tasks)
            while left:
                for task in left:
                    task.cancel()
                # aiokafka may swallow a cancellation while it opens or closes a connection.
                _, left = await asyncio.wait(left, timeout=_CANCEL_SECONDS)
            self._turn(KafkaState.OFF)
            if self._broker is not None:
                await asyncio.to_thread(self._broker.stop)
                self._bootstrap = ""
        await self._access.flush()

    def status(self) -> KafkaStatus:
        """How it stands; cheap, and equal to the last one while nothing happens."""
        events = self._counts.events + self._counts.rejected
        now = time.monotonic()
        then, before = self._rated
        if now - then >= _RATE_STEP:
            share = 1 - math.exp(-(now - then) / _RATE_MEMORY)
            self._rate += share * ((events - before) / (now - then) - self._rate)
            self._rated = (now, events)
        trouble = self._error
        if not trouble and self._sender is not None:
            trouble = self._sender.trouble
        return KafkaStatus(
            self._state,
            bootstrap=self._bootstrap,
            embedded=self._broker is not None,
            error=trouble,
            events_total=self._counts.events,
            rejected_total=self._counts.rejected,
            events_per_second=round(self._rate, 1) if self._rate >= 0.1 else 0.0,
            outbox=self._outbox.waiting + len(self._soon),
            lag=self._reader.lag() if self._reader is not None else 0,
        )

    async def wait_for(self, state: KafkaState, seconds: float) -> bool:
        """Wait until the bus is in that state; False if it took longer."""
        try:
            async with asyncio.timeout(seconds):
                while self._state is not state:
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    # -- saying -------------------------------------------------------------------------

    async def publish(self, topic: str, key: str, value: dict[str, Any]) -> None:
        """Put a message into the outbox; it is on disk when this returns. With Kafka off
        nothing is kept, for nobody would ever send it."""
        await self.publish_many([(topic, key, value)])

    async def publish_many(self, messages: Iterable[tuple[str, str, dict[str, Any]]]) -> None:
        """The same for many at once, in one transaction; (topic, key, value) each."""
        if self._off:
            return
        await self._put([_outgoing(*message) for message in messages])

    @property
    def listened(self) -> bool:
        """Whether messages go anywhere at all: False with Kafka switched off."""
        return not self._off

    def publish_soon(self, topic: str, key: str, value: dict[str, Any]) -> None:
        """The same without waiting: on disk within moments, and when the bus stops."""
        if not self._off:
            self._soon.append(_outgoing(topic, key, value))
            self._soon_there.set()

    async def send_access(
        self, address: Address, *, operation: str = "GET", count: int = 1, when: float = 0.0
    ) -> None:
        """Publish an access event; it comes back and is counted like anybody else's.

        `when` in epoch seconds, 0 now. Raises BrokerUnavailable with Kafka off.
        """
        if self._off:
            raise BrokerUnavailable(
                "Access events need Kafka, and it is switched off.",
                todo="Set bootstrap in [kafka] to embedded or to your brokers.",
            )
        message = schema.access_message(
            address, operation=operation, count=count, when=when or time.time()
        )
        await self.publish(self.settings.access_topic, str(address), message)

    @property
    def bootstrap(self) -> str:
        """The brokers in use, "" while there are none."""
        return self._bootstrap

    @property
    def places(self) -> Places:
        """Which clouds messages mean."""
        return self._places

    def partitions(self) -> dict[str, list[PartitionStatus]]:
        """Where each partition is read, by topic; nothing while there is no broker."""
        return self._reader.partitions() if self._reader is not None else {}

    async def drain(self, seconds: float) -> bool:
        """Wait until the outbox is empty; False if it is not after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                while self._outbox.waiting or self._soon:
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def _put(self, messages: list[Outgoing]) -> None:
        if messages:
            await self._outbox.put(messages)
            if self._sender is not None:
                self._sender.wake()

    async def _put_soon(self) -> None:
        async with self._putting:
            while self._soon:
                messages = list(self._soon)
                await self._put(messages)
                del self._soon[: len(messages)]

    async def _post(self) -> None:
        while True:
            await self._soon_there.wait()
            self._soon_there.clear()
            await asyncio.sleep(_GATHER_SECONDS)
            try:
                await self._put_soon()
            except StateError as error:
                _log.error("messages wait in memory: %s", error)
                self._error = str(error)
                await asyncio.sleep(_LONGEST_PAUSE)
                self._soon_there.set()

    # -- being connected ----------------------------------------------------------------

    async def _supervise(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping:
            began = time.monotonic()
            try:
                await self._session()
            except Exception as error:  # noqa: BLE001 - shown, logged, and tried again
                self._turn(KafkaState.AWAY, _explain(error))
            if time.monotonic() - began > 2 * _LONGEST_PAUSE:
                pause = _FIRST_PAUSE
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _session(self) -> None:
        """From connecting to losing the connection, which is raised."""
        await asyncio.to_thread(clients.load)
        if self._broker is not None and not self._broker.running:
            self._bootstrap = await asyncio.to_thread(self._broker.start)
            self._log = f"embedded-{uuid4().hex}"
        settings, servers = self.settings, clients.servers(self._bootstrap)
        options = clients.connection(settings, servers)
        producer = await clients.open_producer(options)
        patience = clients.PATIENCE
        try:
            log = self._log or await clients.prepare(options, self._topics())
            # An embedded broker has only us, and joining a group there takes it 3 to 9 seconds.
            group = "" if self._broker is not None else settings.group
            consumer = clients.make_consumer(options, group)
            reader = self._make_reader(consumer, log, grouped=bool(group))
            sender = Sender(producer, self._outbox, self._sent)
            self._reader, self._sender = reader, sender
            producer.client.set_topics(list(self._topics()))
            try:
                if self._stopping:
                    raise asyncio.CancelledError
                self._turn(KafkaState.CONNECTED)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._read(reader))
                    tasks.create_task(self._keep(reader))
                    tasks.create_task(reader.work())
                    tasks.create_task(sender.run())
                    tasks.create_task(self._probe(producer))
            except Exception:
                patience = 0.0
                raise
            finally:
                self._sender = None
                await self._end(reader, consumer, patience)
        finally:
            await clients.close_producer(producer, patience)

    def _make_reader(self, consumer: "AIOKafkaConsumer", log: str, *, grouped: bool) -> Reader:
        return Reader(
            consumer,
            access=self._access,
            feed=self.feed,
            places=self._places,
            counts=self._counts,
            tallies=self.tallies,
            access_topic=self.settings.access_topic,
            jobs_topic=self.settings.jobs_topic,
            on_job=self._on_job,
            log=log,
            durable=self._broker is None,
            grouped=grouped,
        )

    async def _end(self, reader: Reader, consumer: "AIOKafkaConsumer", patience: float) -> None:
        """Keep what was counted, then leave."""
        try:
            async with asyncio.timeout(clients.PATIENCE):
                await reader.save()
        except (AstraError, TimeoutError) as error:
            _log.warning("the last counts stay in memory: %r", error)
        finally:
            self._reader = None
            await clients.close_consumer(consumer, patience)

    async def _read(self, reader: Reader) -> None:
        await reader.begin()
        await reader.run()

    async def _keep(self, reader: Reader) -> None:
        pause = _SAVE_SECONDS
        while True:
            await asyncio.sleep(pause)
            began = time.monotonic()
            try:
                await reader.save()
                self._error = ""
            except StateError as error:
                _log.error("access counts stay in memory: %s", error)
                self._error = str(error)
            # Where saving is slow it gets a tenth of the time, and no more.
            pause = max(_SAVE_SECONDS, 10 * (time.monotonic() - began))

    async def _probe(self, producer: "AIOKafkaProducer") -> None:
        while True:
            await asyncio.sleep(_PROBE_SECONDS)
            if not await clients.answers(producer, _PROBE_PATIENCE):
                raise BrokerUnavailable("The broker no longer answers.", subject=self._bootstrap)

    def _topics(self) -> dict[str, bool]:
        """Every topic, and whether the newest message of a key is enough there."""
        settings = self.settings
        return {
            settings.access_topic: False,
            settings.jobs_topic: False,
            settings.status_topic: True,
            settings.recommendations_topic: True,
        }

    def _sent(self, messages: Sequence[Message]) -> None:
        for message in messages:
            # What comes back to us by the consumer is shown then.
            if message.reason or message.topic != self.settings.access_topic:
                reasons = [message.reason] if message.reason else ()
                self.tallies.add(message.topic, 1, message.stamp, reasons)
                self.feed.append(message)
        self._notify()

    def _turn(self, state: KafkaState, error: str = "") -> None:
        if state is not self._state:
            _log.info("kafka %s: %s %s", state, self._bootstrap, error)
        self._state, self._error = state, error
        self._notify()

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _outgoing(topic: str, key: str, value: dict[str, Any]) -> Outgoing:
    return Outgoing(topic, key.encode("utf-8", "surrogatepass"), fields.encode(value))


def _explain(error: BaseException) -> str:
    """One line for the status; the log gets all of it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, AstraError):
        _log.info("kafka session ended: %s", error)
        return str(error)
    from aiokafka.errors import KafkaError

    if isinstance(error, KafkaError):
        _log.info("kafka session ended: %r", error)
        return str(error) or type(error).__name__
    _log.error("kafka session failed", exc_info=error)
    return f"Internal error: {error!r}"
