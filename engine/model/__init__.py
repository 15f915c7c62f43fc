"""The words of Astra as frozen, slotted values. Imports nothing else of ours.

`objects`   addresses, pins, checksums, what a store tells of an object
`plans`     tiers, decisions, moves, plans
`filters`   which objects of a source are meant
`folders`   folders over keys, and where the console was left
`findings`  how two sides of an object compare
`jobs`      jobs, steps, evidence, statistics
`joblist`   windows on all jobs, job sets, throughput, one job's story
`jobfilter` the filter language of job lists
`flow`      bandwidth by the clock, how stores take what is sent
`lab`       what the lab is asked and answers
`preview`   the beginning of an object, its versions
`event_filter`  the filter language of the feed
`events`    topics, messages in full, replays
`views`     what the console draws: rows, cloud and Kafka status, the snapshot
`bookmarks` places that the operator comes back to
`panels`    how the console's panels stand
"""

from engine.model.bookmarks import Bookmark
from engine.model.checks import Check, CheckState
from engine.model.event_filter import (
    EventFilter,
    FilterError,
    FilterTerm,
    checked_filter,
    exactly,
    parse_filter,
)
from engine.model.events import (
    EventPage,
    EventStatistics,
    MessageDetail,
    MessageEffect,
    PartitionStatus,
    ReplayRequest,
    ReplayStep,
    TopicStatus,
)
from engine.model.filters import Filters
from engine.model.findings import Finding, Outcome
from engine.model.flow import (
    FlowState,
    Limits,
    StoreFlow,
    Timetable,
    parse_bandwidth,
    parse_size,
)
from engine.model.folders import ConsolePlaces, FolderUsage, PanePlace
from engine.model.jobfilter import Term, job_fits, parse_job_filter
from engine.model.joblist import (
    JobChange,
    JobQuery,
    JobsetLine,
    JobSort,
    JobStory,
    JobWindow,
    StoreRequest,
    Throughput,
    Try,
)
from engine.model.jobs import (
    ACTIVE_STATES,
    COMPRESSED,
    FINAL_STATES,
    PRIORITIES,
    RESTORE_SPEEDS,
    SERVER_COPY,
    STEPS,
    Evidence,
    JobsetSummary,
    JobSpec,
    JobState,
    JobView,
    MigrationStatistics,
    MoveKind,
    MoveOptions,
    RouteStatistics,
    SourceProof,
    Step,
    parse_compress,
    parse_priority,
    priority_text,
)
from engine.model.lab import LabChoices, LabClass, LabCost, LabRequest, LabResult, LabStep
from engine.model.objects import (
    Address,
    Checksum,
    ListEntry,
    ListPage,
    ObjectHead,
    ObjectMeta,
    Provider,
    RestoreState,
    StoreKind,
    VersionPin,
)
from engine.model.panels import PanelLayout
from engine.model.plans import ActivePolicy, Decision, Move, Plan, PlanTotals, Tier
from engine.model.preview import (
    PREVIEW_BYTES,
    PREVIEW_MOST,
    ObjectVersion,
    ObjectVersions,
    Preview,
    PreviewKind,
    PreviewState,
)
from engine.model.views import (
    CloudStatus,
    EventOutcome,
    EventRow,
    FeedSource,
    KafkaState,
    KafkaStatus,
    ListingQuery,
    ListingState,
    ListingView,
    Notice,
    NoticeLevel,
    ObjectDetail,
    ObjectRow,
    Picked,
    RowColumns,
    Snapshot,
    SortKey,
)

__all__ = [
    "ACTIVE_STATES",
    "COMPRESSED",
    "FINAL_STATES",
    "PREVIEW_BYTES",
    "PREVIEW_MOST",
    "PRIORITIES",
    "RESTORE_SPEEDS",
    "SERVER_COPY",
    "STEPS",
    "ActivePolicy",
    "Address",
    "Bookmark",
    "Check",
    "CheckState",
    "Checksum",
    "CloudStatus",
    "ConsolePlaces",
    "Decision",
    "EventFilter",
    "EventOutcome",
    "EventPage",
    "EventRow",
    "EventStatistics",
    "Evidence",
    "FeedSource",
    "FilterError",
    "FilterTerm",
    "Filters",
    "Finding",
    "FlowState",
    "FolderUsage",
    "JobChange",
    "JobQuery",
    "JobSort",
    "JobSpec",
    "JobState",
    "JobStory",
    "JobView",
    "JobWindow",
    "JobsetLine",
    "JobsetSummary",
    "KafkaState",
    "KafkaStatus",
    "LabChoices",
    "LabClass",
    "LabCost",
    "LabRequest",
    "LabResult",
    "LabStep",
    "Limits",
    "ListEntry",
    "ListPage",
    "ListingQuery",
    "ListingState",
    "ListingView",
    "MessageDetail",
    "MessageEffect",
    "MigrationStatistics",
    "Move",
    "MoveKind",
    "MoveOptions",
    "Notice",
    "NoticeLevel",
    "ObjectDetail",
    "ObjectHead",
    "ObjectMeta",
    "ObjectRow",
    "ObjectVersion",
    "ObjectVersions",
    "Outcome",
    "PanePlace",
    "PanelLayout",
    "PartitionStatus",
    "Picked",
    "Plan",
    "PlanTotals",
    "Preview",
    "PreviewKind",
    "PreviewState",
    "Provider",
    "ReplayRequest",
    "ReplayStep",
    "RestoreState",
    "RouteStatistics",
    "RowColumns",
    "Snapshot",
    "SortKey",
    "SourceProof",
    "Step",
    "StoreFlow",
    "StoreKind",
    "StoreRequest",
    "Term",
    "Throughput",
    "Tier",
    "Timetable",
    "TopicStatus",
    "Try",
    "VersionPin",
    "checked_filter",
    "exactly",
    "job_fits",
    "parse_bandwidth",
    "parse_compress",
    "parse_filter",
    "parse_job_filter",
    "parse_priority",
    "parse_size",
    "priority_text",
]
