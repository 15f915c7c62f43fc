"""What the screens ask about the events: all topics, one message in full."""

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.catalog import View
from engine.errors import BadMessage, UsageError
from engine.events import fields
from engine.events.feed import EventFeed
from engine.events.messages import Message
from engine.events.schema import parse_access, parse_job
from engine.events.tally import SECONDS
from engine.model import (
    Address,
    EventStatistics,
    ListingQuery,
    MessageDetail,
    MessageEffect,
    TopicStatus,
)
from engine.ranking import Fixed
from engine.settings import KafkaSettings

if TYPE_CHECKING:
    from engine.events.bus import EventBus
    from engine.parts import Parts

_EFFECTS = 20  # objects of one message that are looked up


def roles(settings: KafkaSettings) -> dict[str, str]:
    """What each topic of the configuration is for."""
    return {
        settings.access_topic: "accesses",
        settings.jobs_topic: "job requests",
        settings.status_topic: "job states",
        settings.recommendations_topic: "decisions",
    }


def statistics(bus: "EventBus", seconds: int) -> EventStatistics:
    """All topics with at most so many seconds of their past."""
    tallies, parts = bus.tallies, bus.partitions()
    second, count = tallies.second, min(max(seconds, 0), SECONDS - 1)
    known = roles(bus.settings)
    topics = []
    for name in dict.fromkeys([*known, *tallies.topics]):
        tally = tallies.topics.get(name)
        past, bad = tally.past(second, count) if tally is not None else ([], [])
        topics.append(
            TopicStatus(
                name,
                known.get(name, ""),
                tally.messages if tally is not None else 0,
                tally.rejected if tally is not None else 0,
                tally.rate(second) if tally is not None else 0.0,
                tally.last if tally is not None else 0.0,
                tuple(parts.get(name, ())),
                tuple(past),
                tuple(bad),
            )
        )
    return EventStatistics(time.time(), tuple(topics), tallies.reasons())


def detail(parts: "Parts", feed: EventFeed, number: int) -> MessageDetail | None:
    """One message of a feed, None if it is no longer kept."""
    message, row = feed.message(number), feed.row(number)
    if message is None or row is None:
        return None
    found, more = _effects(parts, message, counted=feed is parts.bus.feed)
    return MessageDetail(
        row,
        message.headers,
        message.stamp,
        message.time,
        message.size,
        form_of(message, parts.bus.settings),
        tuple(found),
        more,
        feed.of_same_key(number, -1),
        feed.of_same_key(number, 1),
    )


def form_of(message: Message, settings: KafkaSettings) -> str:
    """What a message was read as, in a few words."""
    if message.topic == settings.status_topic:
        return "a job's state, said by Astra"
    if message.topic == settings.recommendations_topic:
        return "a decision, said by Astra"
    try:
        data = fields.decode(message.value)
    except BadMessage as error:
        cut = message.size > len(message.value)
        return "only its beginning is kept" if cut else f"nothing: {error.what}"
    if message.topic == settings.jobs_topic:
        return "a job request"
    return _dialect(data)


def _dialect(data: dict[str, Any]) -> str:
    if "address" in data:
        return "an access event in Astra's own form"
    if "Records" in data:
        return "an S3 event notification"
    if "specversion" in data:
        return "a CloudEvent"
    return "an access event in a looser form"


def _effects(parts: "Parts", message: Message, *, counted: bool) -> tuple[list[MessageEffect], int]:
    """What it did to the statistics or jobs, object by object, and how many are left out."""
    bus = parts.bus
    settings = bus.settings
    if message.reason:
        return [MessageEffect("nothing: it was rejected")], 0
    try:
        if message.topic == settings.jobs_topic:
            request = parse_job(message.value, places=bus.places)
            return [MessageEffect(f"asked for {request.kind.value}", request.source)], 0
        if message.topic != settings.access_topic:
            return [MessageEffect("nothing: Astra said it")], 0
        events = parse_access(
            message.value, stamp=message.stamp, now=message.time, places=bus.places
        )
    except BadMessage:
        return [MessageEffect("its beginning does not tell")], 0
    found = []
    for event in events[:_EFFECTS]:
        address = Address(event.cloud, event.bucket, event.key)
        what = _counts(event.operation, event.accesses)
        what = what if counted else f"{what}, when it was first read"
        found.append(_looked_up(parts, address, what))
    return found, max(len(events) - _EFFECTS, 0)


def _counts(operation: str, accesses: int) -> str:
    if operation == "GET":
        return "counted as 1 read" if accesses == 1 else f"counted as {accesses:,} reads"
    if operation == "PUT":
        return "moved its last access; a write is no read"
    return f"nothing: {operation} is no read"


def _looked_up(parts: "Parts", address: Address, what: str) -> MessageEffect:
    """The object as its cloud's listing has it, if it is listed."""
    cloud, bucket, key = address.cloud, address.bucket, address.key
    reads = int(parts.access.columns(cloud, bucket, [key]).reads_30d[0])
    try:
        listing = parts.catalog[cloud]
    except UsageError:
        return MessageEffect(what, address, reads_30d=reads)  # no cloud of the configuration
    frame = listing.frame()
    row = frame.find(key) if listing.bucket == bucket else None
    if row is None:
        return MessageEffect(what, address, reads_30d=reads)
    view = View(frame, ListingQuery(), Fixed(np.array([row])), frame.totals)
    (found,) = view.rows(0, 1)
    return MessageEffect(what, address, found.tier, found.storage_class, reads, listed=True)
