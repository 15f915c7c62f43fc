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
    from engine.model import Address, EventRow

_TICK = 0.1
_SENT_SECONDS = 15.0  # how long a command waits for the broker before it leaves


@click.group("events")
def events() -> None:
    """Read the live event feed, or send access events."""


@verb("tail", group=events)
@click.option("--count", "-n", type=click.IntRange(min=1), help="End after so many messages.")
@click.option("--filter", "text", default="", help="Only messages with this text.")
def tail(command: Command, count: int | None, text: str) -> int:
    """Print messages as they arrive, rejected ones with their reason, until ctrl+c."""
    try:
        return _tail(command, count, text)
    except (Interrupted, KeyboardInterrupt):
        return DONE  # this is how a tail ends


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
        shown, after, complaint = 0, engine.feed.last, ""
        while count is None or shown < count:
            last = engine.feed.last
            for row in engine.feed.window(last - after, end=last) if last > after else ():
                if row.number > after and _holds(row, text) and shown != count:
                    _print_event(command, row)
                    shown += 1
            after = last
            status = engine.snapshot().kafka
            if status.error != complaint and status.error:
                from widgets.text import visible

                command.out.say(f"Kafka: {visible(status.error)}")
            complaint = status.error
            await asyncio.sleep(_TICK)
        return DONE

    return command.run(work, events=True)


def _holds(row: "EventRow", text: str) -> bool:
    """Whether the message or its reason has that text, in any case."""
    words = (row.raw.decode("utf-8", "replace"), row.operation, row.subject, row.detail)
    return text.lower() in "\n".join(words).lower()


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
            "raw": row.raw.decode("utf-8", "backslashreplace"),
        }
    )
    if not command.out.json:
        from widgets.text import clock_text, visible

        words = [clock_text(row.time), row.topic, row.outcome.value, row.operation, row.subject]
        command.out.line("  ".join(visible(word) for word in [*words, row.detail] if word))


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
        command.out.say(
            "The broker does not answer; the events wait in the outbox and are sent, in order, "
            "by the next command or console that reaches it."
        )
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


async def _delivered(command: Command, engine: "Engine", before: int, sent: int) -> bool:
    """Whether the broker took everything (and, where it is ours, gave it back) in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SENT_SECONDS):
            while True:
                status = engine.snapshot().kafka
                came_back = command.real_broker or status.events_total >= before + sent
                if not status.outbox and came_back:
                    return True
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
