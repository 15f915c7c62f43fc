"""What the feed's screens draw: topics and rates, one message in full, a replay on its way."""

from dataclasses import dataclass

from engine.model.objects import Address
from engine.model.plans import Tier
from engine.model.views import EventRow

LIVE = "live"
REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """`following` is the offset that is read next, `end` the log's end, None where unknown."""

    partition: int
    following: int
    end: int | None

    @property
    def lag(self) -> int:
        """Messages that wait, 0 where that is unknown."""
        return max(self.end - self.following, 0) if self.end is not None else 0


@dataclass(frozen=True, slots=True)
class TopicStatus:
    """One topic. `role` says what it is for; `rate` in messages a second; `last` is Kafka's time
    of the newest message (epoch seconds, 0 none yet); `past` and `past_rejected` are messages in
    each second of the past, oldest first. `partitions` are those that are read here."""

    name: str
    role: str
    messages: int
    rejected: int
    rate: float
    last: float
    partitions: tuple[PartitionStatus, ...] = ()
    past: tuple[int, ...] = ()
    past_rejected: tuple[int, ...] = ()

    @property
    def lag(self) -> int:
        """Messages that wait in the partitions that are read here."""
        return sum(part.lag for part in self.partitions)


@dataclass(frozen=True, slots=True)
class EventStatistics:
    """All topics, and why messages were rejected: (kind, messages), most frequent first."""

    time: float
    topics: tuple[TopicStatus, ...] = ()
    reasons: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class MessageEffect:
    """What a message did to one object: `what` in words; tier and class if it is listed."""

    what: str
    address: Address | None = None
    tier: Tier | None = None
    storage_class: str = ""
    reads_30d: int = 0
    listed: bool = False


@dataclass(frozen=True, slots=True)
class MessageDetail:
    """One message in full.

    `size` are the bytes of its value, of which `row.raw` may be the beginning; `form` says what
    it was read as; `stamp` is Kafka's time and `arrived` ours (epoch seconds). `previous` and
    `following` are the numbers of its key's nearest messages, 0 where there is none.
    """

    row: EventRow
    headers: tuple[tuple[str, bytes], ...]
    stamp: float
    arrived: float
    size: int
    form: str
    effects: tuple[MessageEffect, ...] = ()
    more_effects: int = 0
    previous: int = 0
    following: int = 0


@dataclass(frozen=True, slots=True)
class EventPage:
    """Messages of the feed after some number: `last` is where to go on, and `skipped` of them
    left the feed before they could be asked for, or are more than was asked for."""

    rows: tuple[EventRow, ...]
    last: int
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What to read again: a topic, of one partition or all (None), from an offset or from a time
    (epoch seconds); neither means from the oldest message. At most `count` messages."""

    topic: str
    partition: int | None = None
    offset: int | None = None
    since: float | None = None
    count: int = 10_000


@dataclass(frozen=True, slots=True)
class ReplayStep:
    """How far a replay is. `feed` names the feed that its messages are in while it is open;
    `total` are the messages that it will have read, as far as offsets tell; `more` were left
    out because they are too many."""

    feed: str
    read: int
    total: int
    more: int = 0
    done: bool = False
