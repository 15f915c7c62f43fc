"""What `astra doctor` checks on this machine and at the broker."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime
from pathlib import Path

from engine.events.bus import EventBus
from engine.model import Check, CheckState, KafkaState
from engine.pricing.book import PriceBook

_LOW_DISK = 200 * 1024**2
_OLD_PRICES = 180  # days
_BROKER_SECONDS = 8.0


async def check_kafka(bus: EventBus) -> AsyncGenerator[Check, None]:
    """Wait a little for the broker to answer, then say how it stands."""
    deadline = asyncio.get_running_loop().time() + _BROKER_SECONDS
    while bus.status().state is KafkaState.CONNECTING:
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(0.1)
    status = bus.status()
    where = status.bootstrap or "kafka"
    if status.state is KafkaState.OFF:
        yield Check("kafka", "broker", CheckState.SKIPPED, "Events are switched off.")
    elif status.state is KafkaState.CONNECTED:
        kind = "embedded broker" if status.embedded else "broker"
        yield Check("kafka", "broker", CheckState.OK, f"The {kind} at {where} answers.")
    else:
        yield Check(
            "kafka",
            "broker",
            CheckState.FAILED,
            status.error or f"No answer from {where}.",
            "Check [kafka] bootstrap and the network; Astra works without it, and what it "
            "publishes waits.",
        )
    if status.outbox:
        yield Check(
            "kafka",
            "outbox",
            CheckState.WARNING,
            f"{status.outbox} messages wait to be sent.",
            "They go out by themselves when the broker answers.",
        )


async def check_state(directory: Path) -> Check:
    """Whether the state directory can be written and has room."""
    return await asyncio.to_thread(_check_state, directory)


def _check_state(directory: Path) -> Check:
    try:
        with tempfile.NamedTemporaryFile(dir=directory, prefix=".doctor-") as probe:
            probe.write(b"x" * 4096)
            probe.flush()
            os.fsync(probe.fileno())
        free = shutil.disk_usage(directory).free
    except OSError as error:
        return Check(
            "state",
            "directory",
            CheckState.FAILED,
            f"{directory}: {error.strerror}",
            "Free space or choose another directory with --state DIR.",
        )
    if free < _LOW_DISK:
        return Check(
            "state",
            "directory",
            CheckState.WARNING,
            f"{directory} has {free // 1024**2} MiB left.",
            "Free some space: without a ledger nothing can be moved.",
        )
    return Check(
        "state",
        "directory",
        CheckState.OK,
        f"{directory} can be written; {free / 1024**3:,.1f} GiB are free.",
    )


def check_prices(book: PriceBook) -> Check:
    """How old the oldest price figure is."""
    days = [line.as_of for line in book.lines() if line.as_of is not None]
    if not days:
        return Check("prices", "age", CheckState.WARNING, "No price carries a date.")
    age = (_today() - min(days)).days
    text = f"{len(days)} dated figures, the oldest of {min(days).isoformat()}."
    if age > _OLD_PRICES:
        return Check(
            "prices",
            "age",
            CheckState.WARNING,
            text,
            "Compare with your provider's page; put newer figures in a price file of your own.",
        )
    return Check("prices", "age", CheckState.OK, text)


def _today() -> date:
    return datetime.now(UTC).date()
