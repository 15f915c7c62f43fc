"""`astra events tail|send`, `astra access`, `astra age`: what happens to objects."""

import asyncio
import contextlib
import datetime as dt
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli import options
from astra_tui.cli.context import DONE, Command, verb
from astra_tui.cli.exits import Exit, Interrupted
from engine.errors import NotFound, UsageError

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Address, EventRow, EventStatistics

_TICK = 0.1
_SENT_SECONDS = 5.0  # how long a command waits for a connection before it leaves
_TAKEN_SECONDS = 15.0  # and then until the broker has taken what is sent


@click.group("events")
def events() -> None:
    """Read the live event feed, or send access events."""


FILTER_HELP = (
    "Only messages that fit: words, topic:x, outcome:rejected, key:logs/*, op:GET, partition:3, "
    "offset>100, since:10m, -term; see docs/events.md."
)


@verb("tail", group=events)
@click.option("--count", "-n", type=click.IntRange(min=1), help="End after so many messages.")
@click.option("--filter", "text", default="", help=FILTER_HELP)
def tail(command: Command, count: int | None, text: str) -> int:
    """Print messages as they arrive, rejected ones with their reason, until ctrl+c."""
    check_filter(text)
    try:
        return _tail(command, count, text)
    except (Interrupted, KeyboardInterrupt):
        return DONE  # this is how a tail ends


def check_filter(text: str) -> None:
    """Raises UsageError naming the term that cannot be read."""
    from engine.model import FilterError, parse_filter

    try:
        parse_filter(text)
    except FilterError as error:
        raise UsageError(
            str(error),
            subject=text[error.start : error.end],
            todo="docs/events.md has the language.",
        ) from error


def _tail(command: Command, count: int | None, text: str) -> int:
    bootstrap = command.settings.kafka.bootstrap
    if bootstrap == "off":
        raise UsageError("Kafka is off.", todo='Set bootstrap in [kafka], such as "host:9092".')
    if bootstrap == "embedded":
        command.out.say(
            "The embedded broker lives only as long as this command, so nobody else sends to it. "
            "Set bootstrap in [kafka] to read a cluster."
        )

    async def work(engine: "Engine") -> int:
        shown, complaint = 0, ""
        after = (await engine.messages_after(-1)).last
        while count is None or shown < count:
            page = await engine.messages_after(after, text)
            for row in page.rows[: None if count is None else count - shown]:
                _print_event(command, row)
                shown += 1
            if page.skipped:
                command.out.say(f"{page.skipped:,} messages came too fast to be printed.")
            after = page.last
            status = engine.snapshot().kafka
            if status.error != complaint and status.error:
                from widgets.text import visible

                command.out.say(f"Kafka: {visible(status.error)}")
            complaint = status.error
            await asyncio.sleep(_TICK)
        return DONE

    return command.run(work, events=True)


def _print_event(command: Command, row: "EventRow") -> None:
    command.out.emit(
        {
            "time": row.time,
            "topic": row.topic,
            "partition": row.partition,
            "offset": row.offset,
            "outcome": row.outcome.value,
            "operation": row.operation,
            "subject": row.subject,
            "detail": row.detail,
            "key": row.key.decode("utf-8", "backslashreplace"),
            "raw": row.raw.decode("utf-8", "backslashreplace"),
        }
    )
    if not command.out.json:
        from widgets.text import clock_text, visible

        words = [clock_text(row.time), row.topic, row.outcome.value, row.operation, row.subject]
        command.out.line("  ".join(visible(word) for word in [*words, row.detail] if word))


@verb("topics", group=events)
def topics(command: Command) -> int:
    """Show each topic: messages since the engine's start, how far behind reading is, and why
    messages were rejected."""

    async def work(engine: "Engine") -> int:
        await _connected(engine, command)
        statistics = await engine.event_statistics()
        for topic in statistics.topics:
            command.out.emit(
                {
                    "topic": topic.name,
                    "role": topic.role,
                    "messages": topic.messages,
                    "rejected": topic.rejected,
                    "per_second": topic.rate,
                    "last": topic.last or None,
                    "lag": topic.lag if topic.partitions else None,
                    "partitions": [
                        {"partition": part.partition, "next": part.following, "end": part.end}
                        for part in topic.partitions
                    ],
                }
            )
        if not command.out.json:
            _print_topics(command, statistics)
        return DONE

    return command.run(work, events=True)


async def _connected(engine: "Engine", command: Command) -> None:
    """Wait until there is a connection. Raises BrokerUnavailable, UsageError."""
    from engine.errors import BrokerUnavailable
    from engine.model import KafkaState

    if command.settings.kafka.bootstrap == "off":
        raise UsageError("Kafka is off.", todo='Set bootstrap in [kafka], such as "host:9092".')
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SENT_SECONDS):
            while True:
                if engine.snapshot().kafka.state is not KafkaState.CONNECTING:
                    break
                await asyncio.sleep(_TICK)
    status = engine.snapshot().kafka
    if status.state is not KafkaState.CONNECTED:
        raise BrokerUnavailable(
            f"The broker does not answer: {status.error or 'no answer in time'}",
            subject=status.bootstrap,
            safe="Nothing was read.",
            todo="Check bootstrap in [kafka], or `astra doctor`.",
        )


def _print_topics(command: Command, statistics: "EventStatistics") -> None:
    from widgets.text import clock_text, count_text, visible

    line = "{:<26} {:<13} {:>10} {:>9} {:>9} {:>8}  {}"
    command.out.line(line.format("topic", "what", "messages", "msg/s", "rejected", "lag", "last"))
    for topic in statistics.topics:
        command.out.line(
            line.format(
                visible(topic.name, width=26),
                topic.role,
                count_text(topic.messages),
                f"{topic.rate:,.1f}",
                count_text(topic.rejected),
                count_text(topic.lag) if topic.partitions else "-",
                clock_text(topic.last) if topic.last else "-",
            ).rstrip()
        )
    for reason, count in statistics.reasons:
        command.out.line(f"{count:>10,} rejected: {visible(reason)}")


@verb("replay", group=events)
@click.argument("topic")
@click.option("--partition", type=click.IntRange(min=0), help="Only this one (default: all).")
@click.option("--offset", type=click.IntRange(min=0), help="Begin there (default: the oldest).")
@click.option("--since", default="", help="Begin at a time: 10m, 2h, 12:30 or ISO 8601.")
@click.option(
    "--count", "-n", type=click.IntRange(1, 50_000), default=1000, show_default=True,
    help="Read so many messages at most.",
)  # fmt: skip
@click.option("--filter", "text", default="", help=FILTER_HELP)
def replay(
    command: Command,
    topic: str,
    partition: int | None,
    offset: int | None,
    since: str,
    count: int,
    text: str,
) -> int:
    """Look at messages of a topic again. Nothing is counted, no offset is committed."""
    from engine.model import ReplayRequest, parse_filter

    check_filter(text)
    moment = None
    if since:
        check_filter(f'since:"{since}"')
        moment = parse_filter(f'since:"{since}"').terms[0].numbers[0]

    async def work(engine: "Engine") -> int:
        await _connected(engine, command)
        request = ReplayRequest(topic, partition, offset, moment, count)
        async with contextlib.aclosing(engine.replay(request)) as steps:
            async for step in steps:
                if step.done:
                    rows = await engine.replayed(step.feed, text)
                    for row in rows:
                        _print_event(command, row)
                    more = f", {step.more:,} more were left out" if step.more else ""
                    command.out.say(
                        f"Read {step.read:,} messages again{more}; nothing was counted."
                    )
                    break
        return DONE

    return command.run(work, events=True)


class Moment(click.ParamType[float]):
    """A time: ISO 8601, local where it names no zone."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        if isinstance(value, float):
            return value
        try:
            return dt.datetime.fromisoformat(value).timestamp()
        except ValueError:
            self.fail(f"{value!r} is no time; write 2026-11-21T12:00:00", param, ctx)


sending_options = options.all_of(
    click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS..."),
    click.option(
        "--operation",
        type=click.Choice(("GET", "PUT", "DELETE"), case_sensitive=False),
        default="GET",
        show_default=True,
        help="What is done to the object.",
    ),
    click.option(
        "--count",
        type=click.IntRange(1, 1_000_000),
        default=1,
        show_default=True,
        help="How often.",
    ),
    click.option("--when", type=Moment(), default=None, help="ISO time (default: now)."),
)


@verb("send", group=events)
@sending_options
def send(command: Command, addresses: Sequence[str], **values: Any) -> int:
    """Send access events for objects to the topic of access events."""
    return send_events(command, addresses, there=False, **values)


def send_events(
    command: Command,
    addresses: Sequence[str],
    *,
    there: bool,
    operation: str,
    count: int,
    when: float | None,
) -> int:
    """`there`: the objects must exist."""
    targets = [command.address(text) for text in addresses]
    for target in targets:
        if target.is_prefix:
            raise UsageError(f"{target} is no single object; accesses belong to one.")
    if command.settings.kafka.bootstrap == "off":
        raise UsageError("Kafka is off.", todo='Set bootstrap in [kafka], such as "embedded".')
    moment = time.time() if when is None else when

    async def work(engine: "Engine") -> int:
        if there:
            await _look_for(engine, targets)
        before = engine.snapshot().kafka.events_total
        for target in targets:
            await engine.send_access(target, operation=operation.upper(), count=count, when=moment)
        delivered = await _delivered(command, engine, before, len(targets))
        for target in targets:
            command.out.emit(
                {
                    "address": str(target),
                    "operation": operation.upper(),
                    "count": count,
                    "when": moment,
                    "delivered": delivered,
                }
            )
        if delivered:
            command.out.say(_sent(count, len(targets)))
            if not command.real_broker:
                command.out.say(
                    "They are counted here. The embedded broker lives only as long as this "
                    "command, so nobody else can receive them."
                )
            return Exit.DONE
        _tell_waiting(command, engine, len(targets))
        return Exit.FAILED

    return command.run(work, events=True)


def _sent(count: int, objects: int) -> str:
    events = "1 access event" if count == 1 else f"{count:,} access events"
    return f"Sent {events} for " + (
        "1 object." if objects == 1 else f"each of {objects:,} objects."
    )


async def _look_for(engine: "Engine", targets: "Sequence[Address]") -> None:
    """Ask the stores for every object. Raises NotFound for one that is not there."""
    for target in targets:
        try:
            await engine.inspect(target)
        except NotFound as error:
            raise NotFound(
                "There is no such object.",
                subject=str(target),
                safe="Nothing was changed.",
                todo=f"See what is there: `astra ls {target.cloud}:{target.bucket}`.",
            ) from error


def _tell_waiting(command: Command, engine: "Engine", sent: int) -> None:
    from widgets.text import visible

    status = engine.snapshot().kafka
    who = status.bootstrap or command.settings.kafka.bootstrap
    why = f" ({visible(status.error)})" if status.error else ""
    what = "The event waits" if sent == 1 else f"The {sent:,} events wait"
    command.out.say(
        f"The broker {visible(who)} does not answer{why}. {what} in the outbox, safe on disk, and "
        "the next command or console that reaches it sends them in order."
    )


async def _delivered(command: Command, engine: "Engine", before: int, sent: int) -> bool:
    """Whether the broker took everything (and, where it is ours, gave it back) in time.

    A broker that is known to be away is not waited for: the outbox keeps what was said.
    """
    from engine.model import KafkaState

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SENT_SECONDS) as patience:
            connected = False
            while True:
                status = engine.snapshot().kafka
                came_back = command.real_broker or status.events_total >= before + sent
                if not status.outbox and came_back:
                    return True
                if status.state is KafkaState.AWAY:
                    return False
                if status.state is KafkaState.CONNECTED and not connected:
                    connected = True
                    loop = asyncio.get_running_loop()
                    patience.reschedule(loop.time() + _TAKEN_SECONDS)
                await asyncio.sleep(_TICK)
    return False


@verb("age")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.option("--days", type=float, required=True, help="So many days older (or younger: -30).")
def age(command: Command, addresses: Sequence[str], days: float) -> int:
    """Let objects look older, for demonstrations; shown as simulated, nothing is changed."""
    targets = [command.address(text) for text in addresses]
    for target in targets:
        if target.is_prefix:
            raise UsageError(f"{target} is no single object; name a key.")

    async def work(engine: "Engine") -> int:
        await _look_for(engine, targets)
        for target in targets:
            await engine.age(target, days)
            command.out.emit({"address": str(target), "days": days})
        command.out.say(_aged(len(targets), days))
        return DONE

    return command.run(work)


def _aged(objects: int, days: float) -> str:
    who = "1 object looks" if objects == 1 else f"{objects:,} objects look"
    span = "1 day" if abs(days) == 1 else f"{abs(days):g} days"
    return f"{who} {span} {'younger' if days < 0 else 'older'} now (simulated)."
