"""Kafka clients: made from the settings, closed even when the broker hangs, and quiet.

aiokafka is imported when the first client is made; it costs a quarter of a second.
"""

import asyncio
import logging
import ssl
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from engine.errors import BrokerUnavailable, ConfigError
from engine.settings import KafkaSettings

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

T = TypeVar("T")

_log = logging.getLogger(__name__)
_CONNECT_SECONDS = 10.0
PATIENCE = 1.0  # seconds that a broker has to take part in closing
_PARTITIONS = 4
_MAX_MESSAGE = 1024 * 1024

# aiokafka logs every failed attempt. Without a handler of the application's those lines would
# go to stderr, into the middle of the screen; the state of the bus tells the same in one line.
logging.getLogger("aiokafka").addHandler(logging.NullHandler())


def load() -> None:
    """Import aiokafka. In a thread, so that the first frame of a screen need not wait."""
    import aiokafka
    import aiokafka.admin

    _log.debug("aiokafka %s", aiokafka.__version__)


def servers(bootstrap: str) -> list[str]:
    """The brokers to try, one `host:port` each."""
    return [server.strip() for server in bootstrap.split(",") if server.strip()]


def connection(settings: KafkaSettings, bootstrap: list[str]) -> dict[str, Any]:
    """What every client needs to know. Raises ConfigError."""
    options: dict[str, Any] = {
        "bootstrap_servers": bootstrap,
        "client_id": "astra",
        "security_protocol": settings.security_protocol,
        "metadata_max_age_ms": 60_000,
    }
    if settings.security_protocol in ("SSL", "SASL_SSL"):
        try:
            options["ssl_context"] = ssl.create_default_context(
                cafile=str(settings.ca_file) if settings.ca_file else None
            )
        except OSError as error:
            raise ConfigError(
                f"The CA certificates of Kafka cannot be read: {error}.",
                subject=str(settings.ca_file),
                todo="Correct ca_file in [kafka].",
            ) from error
    if settings.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.username
        options["sasl_plain_password"] = settings.password.reveal()
    return options


async def open_producer(options: dict[str, Any]) -> "AIOKafkaProducer":
    """A connected producer. Raises BrokerUnavailable or ConfigError."""
    from aiokafka import AIOKafkaProducer
    from aiokafka.errors import KafkaError

    with _Complaints() as complaints:
        try:
            producer = AIOKafkaProducer(
                **options,
                acks="all",
                request_timeout_ms=int(_CONNECT_SECONDS * 1000),
                max_request_size=_MAX_MESSAGE,
                linger_ms=5,
            )
        except ValueError as error:
            raise ConfigError(
                f"Kafka cannot be used with these settings: {error}.",
                todo="Correct security_protocol and sasl_mechanism in [kafka].",
            ) from error
        try:
            await careful(producer.start(), _CONNECT_SECONDS)
        except (KafkaError, TimeoutError) as error:
            await close_producer(producer)
            raise BrokerUnavailable(
                f"No broker answers: {complaints.last or error or 'no answer in time'}",
                subject=",".join(options["bootstrap_servers"]),
            ) from error
        except (KeyError, ValueError) as error:
            # What aiokafka's SCRAM makes of a refusal that it does not expect.
            await close_producer(producer)
            raise BrokerUnavailable(
                f"The broker did not accept the credentials ({error!r}).",
                subject=",".join(options["bootstrap_servers"]),
                todo="Check username, password and sasl_mechanism in [kafka].",
            ) from error
        except BaseException:
            await close_producer(producer)
            raise
    return producer


async def prepare(options: dict[str, Any], topics: dict[str, bool]) -> str:
    """Make the topics that are missing, where the broker allows it; returns the cluster's id.

    `topics` maps a name to whether it is compacted. A broker that refuses is left alone: it
    may make topics on first use, or somebody else will. Raises BrokerUnavailable.
    """
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic
    from aiokafka.errors import KafkaError

    admin = AIOKafkaAdminClient(**options, request_timeout_ms=int(_CONNECT_SECONDS * 1000))
    try:
        await careful(admin.start(), _CONNECT_SECONDS)
        cluster = await careful(admin.describe_cluster(), _CONNECT_SECONDS)
        there = set(await careful(admin.list_topics(), _CONNECT_SECONDS))
        nodes = {node["node_id"] for node in cluster["brokers"]}
        # A cluster without a controller (librdkafka's mock) can make no topic this way.
        if not topics.keys() <= there and cluster["controller_id"] in nodes:
            wanted = [
                NewTopic(
                    name,
                    _PARTITIONS,
                    min(3, len(nodes)),
                    topic_configs={"cleanup.policy": "compact"} if compacted else {},
                )
                for name, compacted in topics.items()
                if name not in there
            ]
            made = await careful(admin.create_topics(wanted), _CONNECT_SECONDS)
            _log.info("topics made: %s", made)
        return str(cluster.get("cluster_id") or "")
    except (KafkaError, TimeoutError) as error:
        raise BrokerUnavailable(
            f"The broker could not be asked for its topics: {error!r}"
        ) from error
    finally:
        await _end(asyncio.ensure_future(admin.close()), PATIENCE)


def make_consumer(options: dict[str, Any], group: str) -> "AIOKafkaConsumer":
    """A consumer that is not connected and not subscribed yet. An empty group reads alone."""
    from aiokafka import AIOKafkaConsumer

    return AIOKafkaConsumer(
        **options,
        group_id=group or None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_MAX_MESSAGE,
        fetch_max_wait_ms=500,
        # A pause of the machine must not cost the membership.
        max_poll_interval_ms=1_800_000,
    )


async def answers(producer: "AIOKafkaProducer", seconds: float) -> bool:
    """Whether a broker answers a request for metadata in time."""
    try:
        async with asyncio.timeout(seconds):
            return bool(await producer.client.force_metadata_update())
    except TimeoutError:
        return False


async def close_producer(producer: "AIOKafkaProducer", patience: float = PATIENCE) -> None:
    """Send what is on its way if a broker is there, and close; never hang where none is."""
    from aiokafka.errors import KafkaConnectionError

    stopping = asyncio.ensure_future(producer.stop())
    if not await _end(stopping, patience):
        # Nobody takes what is on its way. The sender waits for its requests one after the
        # other even when it is cancelled, so it takes a cancellation for each of them.
        producer._message_accumulator.fail_all(KafkaConnectionError("closed"))
        sender = producer._sender.sender_task
        while sender is not None and not sender.done():
            sender.cancel()
            await asyncio.wait([sender], timeout=0.05)
        if not await _end(stopping, PATIENCE):
            stopping.cancel()
            await _end(stopping, PATIENCE)
    await _end(asyncio.ensure_future(producer.client.close()), PATIENCE)


async def close_consumer(consumer: "AIOKafkaConsumer", patience: float = PATIENCE) -> None:
    """Leave the group if a broker is there, and close; never hang where none is."""
    stopping = asyncio.ensure_future(consumer.stop())
    if not await _end(stopping, patience):
        # It waits for an answer, perhaps to its joining the group: without connections it
        # knows at once that none will come.
        await _end(asyncio.ensure_future(consumer._client.close()), PATIENCE)
        if not await _end(stopping, PATIENCE):
            stopping.cancel()
            await _end(stopping, PATIENCE)
    # Its stop ends early, with a CancelledError, where a fetch was under way.
    left = list(consumer._fetcher._pending_tasks) if consumer._fetcher is not None else []
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await _end(asyncio.ensure_future(consumer._client.close()), PATIENCE)


async def careful(call: Coroutine[Any, Any, T], seconds: float, grace: float = PATIENCE) -> T:
    """The result of an aiokafka call that opens connections. Raises TimeoutError.

    Cancelled in the middle of one, aiokafka forgets to close the socket, or takes the
    cancellation for its own and goes on. So the call has a task to itself, and when we are
    cancelled it gets `grace` seconds to end by itself.
    """
    task = asyncio.ensure_future(call)
    try:
        await asyncio.wait([task], timeout=seconds)
    except asyncio.CancelledError:
        await _end(task, grace)
        raise
    finally:
        if not task.done():
            task.cancel()
            await _end(task, PATIENCE)
    if task.cancelled():
        raise TimeoutError
    return task.result()


async def _end(task: "asyncio.Future[Any]", seconds: float) -> bool:
    """Wait for it; True if it ended, however. Being cancelled itself cancels nothing here."""
    await asyncio.wait([task], timeout=seconds)
    if task.done() and not task.cancelled() and task.exception() is not None:
        _log.debug("closing a Kafka client: %r", task.exception())
    return task.done()


class _Complaints(logging.Handler):
    """Remembers why a connection failed: aiokafka logs the reason and raises without it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()

    def __enter__(self) -> "_Complaints":
        logging.getLogger("aiokafka").addHandler(self)
        return self

    def __exit__(self, *exception: object) -> None:
        logging.getLogger("aiokafka").removeHandler(self)
