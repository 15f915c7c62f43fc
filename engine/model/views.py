"""What the console draws: plain values, cheap to make and safe to keep.

A snapshot holds no big thing: listings and the feed are asked for by window.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from engine.model.changes import ClassChange
from engine.model.flow import Limits, StoreFlow
from engine.model.jobs import JobsetSummary, JobView, MigrationStatistics
from engine.model.objects import Address, ObjectHead, Provider, StoreKind
from engine.model.plans import Decision, Tier


class ListingState(StrEnum):
    """Loading, empty and failed are three different screens."""

    IDLE = "idle"  # nobody asked for it yet
    LOADING = "loading"
    READY = "ready"
    EMPTY = "empty"
    FAILED = "failed"


class SortKey(StrEnum):
    """Columns that a listing can be sorted by."""

    NAME = "name"
    SIZE = "size"
    AGE = "age"
    TIER = "tier"
    COST = "cost"
    ACCESSES = "accesses"
    IDLE = "idle"
    CLASS = "class"
    OBJECTS = "objects"  # of folders


@dataclass(frozen=True, slots=True)
class ListingQuery:
    """How a pane wants to see a listing. `text` is a case-insensitive part of the key, or a
    glob if it contains `*` or `?`.

    `folder`: only what lies below it, its folders as one line each, before its objects or, if
    `mixed`, among them. None: every object in one list.
    """

    sort: SortKey = SortKey.NAME
    descending: bool = False
    text: str = ""
    folder: str | None = None
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One line of a listing. Ages in days, money in USD a month (None unknown).

    `target_class` is where the last decision wants the object, "" if it may stay.

    A folder is a line too: `objects` counts what lies below it (None: this is an object), its
    size, cost and reads are sums over them, its ages and tier those of the youngest, the last
    read and the hottest; `key` is what their keys begin with.
    """

    key: str
    size: int
    modified: float
    age_days: float
    storage_class: str
    tier: Tier
    cost_month: float | None
    reads_30d: int
    idle_days: float
    target_class: str = ""
    target_tier: Tier | None = None
    busy: bool = False  # a job is at work on it
    objects: int | None = None


class RowColumns(NamedTuple):
    """Lines of a listing by field, as `ObjectRow` has them; what only a screen shows is left out.

    For many rows at once: a fraction of the cost of one value a row.
    """

    key: Sequence[str]
    size: Sequence[int]
    modified: Sequence[float]
    age_days: Sequence[float]
    storage_class: Sequence[str]
    tier: Sequence[Tier]
    cost_month: Sequence[float | None]
    reads_30d: Sequence[int]
    idle_days: Sequence[float]
    target_class: Sequence[str]


@dataclass(frozen=True, slots=True)
class Picked:
    """Some lines of a view by key, with their sizes; of folders also how many objects lie below
    (None: an object; no counts at all: only objects)."""

    keys: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    counts: tuple[int | None, ...] = ()


class ListingView(Protocol):
    """A listing as one query sees it: immutable, and served by window."""

    generation: int
    query: ListingQuery
    total_bytes: int
    total_cost_month: float | None
    total_objects: int  # below it, not lines of it
    folders: int  # how many of its lines are folders
    on_rows: Callable[[], None] | None  # told when rows came that were on their way

    def __len__(self) -> int: ...

    def rows(self, start: int, stop: int) -> Sequence[ObjectRow | None]:
        """Rows start ≤ i < stop in the view's order; shorter at the end.

        None for a row that is still on its way from the engine.
        """
        ...

    def columns(self, start: int, stop: int) -> RowColumns:
        """The same rows by field; rows that were not loaded raise StateError."""
        ...

    async def load(self, start: int, stop: int) -> Sequence[ObjectRow]:
        """The same rows, waited for; `rows` has them afterwards."""
        ...

    async def find(self, keys: Sequence[str]) -> Sequence[int | None]:
        """Where these keys are in this view, None for one that is not."""
        ...

    async def pick(self, text: str, start: int, stop: int) -> Picked:
        """Those of rows start ≤ i < stop that a filter text means (see `ListingQuery`)."""
        ...


@dataclass(frozen=True, slots=True)
class CloudStatus:
    """One cloud as the status line and its pane's border show it."""

    name: str
    kind: StoreKind
    provider: Provider
    region: str
    bucket: str
    prefix: str = ""
    state: ListingState = ListingState.IDLE
    error: str = ""
    error_todo: str = ""
    objects: int = 0
    bytes: int = 0
    cost_month: float | None = None
    projected_month: float | None = None  # if the last decisions were applied
    by_tier: tuple[tuple[Tier, int, int], ...] = ()  # tier, objects, bytes
    generation: int = 0  # grows when rows changed: ask for the view again
    gone: bool = False  # FAILED because there is no such place
    read_only: bool = False


class KafkaState(StrEnum):
    OFF = "off"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class KafkaStatus:
    """`outbox` counts messages that wait to be sent; `lag` events not yet consumed."""

    state: KafkaState
    bootstrap: str = ""
    embedded: bool = False
    error: str = ""
    events_total: int = 0
    rejected_total: int = 0
    events_per_second: float = 0.0
    outbox: int = 0
    lag: int = 0


class EventOutcome(StrEnum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class EventRow:
    """One message of the feed, decoded when it is looked at.

    `number` counts all messages since start (the feed's own order), `time` epoch seconds,
    `operation` GET, PUT, DELETE or the topic's own word; `subject` is the address or job;
    `detail` is the rest in a few words, or the reason of a rejection. `raw` is the value as
    it came (64 KiB of it at most), `key` Kafka's key.
    """

    number: int
    time: float
    topic: str
    partition: int
    offset: int
    outcome: EventOutcome
    operation: str
    subject: str
    detail: str
    raw: bytes = b""
    key: bytes = b""


class FeedSource(Protocol):
    """The live feed, kept as raw messages in a ring and decoded when looked at.

    `first` and `last` are the numbers of the oldest and newest message kept (last < first
    while there are none).
    """

    first: int
    last: int
    on_rows: Callable[[], None] | None  # told when messages came that were on their way

    def window(self, count: int, *, end: int | None = None, text: str = "") -> Sequence[EventRow]:
        """Up to `count` rows with number ≤ `end` (None: the newest), oldest first, that fit
        the filter `text` (see `parse_filter`). Raises FilterError if that is none."""
        ...

    def newer(self, text: str, after: int) -> int:
        """How many messages with a greater number fit the filter, as far as is known."""
        ...


class NoticeLevel(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the operator should know: shown once, kept in the log."""

    level: NoticeLevel
    text: str
    todo: str = ""
    time: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the console draws at 4 Hz, as of `time` (epoch seconds).

    `jobs` are the active ones, then the latest finished, at most a few hundred;
    `job_counts` covers them all. `revision` grows when anything changed: an equal revision
    means there is nothing to draw.
    """

    revision: int
    time: float
    clouds: tuple[CloudStatus, ...]
    kafka: KafkaStatus
    jobs: tuple[JobView, ...] = ()
    job_counts: tuple[tuple[str, int], ...] = ()  # by state, plus "paused"
    rate: float = 0.0  # bytes a second over all running jobs
    bytes_left: int = 0
    eta: float = 0.0
    paused: bool = False
    cost_month: float | None = None
    projected_month: float | None = None
    decisions: int = 0
    policy: str = ""  # the active one
    policy_configured: str = ""  # what the configuration says; an adopted one wins over it
    decided_by: str = ""  # the policy of the last run
    statistics: MigrationStatistics = field(default_factory=MigrationStatistics)
    read_only: bool = False
    limits: Limits = field(default_factory=Limits)
    stores: tuple[StoreFlow, ...] = ()  # how each takes what is sent to it
    ended: tuple[JobsetSummary, ...] = ()  # job sets that came to their end, the last one last

    def count(self, state: str) -> int:
        return next((number for name, number in self.job_counts if name == state), 0)


@dataclass(frozen=True, slots=True)
class ObjectDetail:
    """What the inspect screen shows of one object.

    `daily_reads` holds the last 90 days' reads, oldest first, and those of up to three years where
    reads are known so far back; `class_costs` the monthly cost in each class of its provider
    (class, tier, USD a month or None).
    """

    address: Address
    head: ObjectHead
    tier: Tier
    cost_month: float | None
    age_days: float
    idle_days: float
    reads_30d: int
    daily_reads: tuple[int, ...] = ()
    class_costs: tuple[tuple[str, Tier, float | None], ...] = ()
    decisions: tuple[Decision, ...] = ()
    jobs: tuple[JobView, ...] = ()
    simulated_days: float = 0.0  # how much of the age was made by `age`, for demonstrations
    changes: tuple[ClassChange, ...] = ()  # every class, and what going there would take
    as_of: float = 0.0  # epoch seconds; the last of `daily_reads` is that (UTC) day so far
