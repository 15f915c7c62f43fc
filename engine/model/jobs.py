"""Jobs: one object's migration, its steps, its evidence, and the statistics over many."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from engine.model.objects import Address, VersionPin


class MoveKind(StrEnum):
    """MOVE deletes the source at the end, COPY keeps it, TIER changes the class in place."""

    MOVE = "move"
    COPY = "copy"
    TIER = "tier"


class JobState(StrEnum):
    """The life of a job. QUEUED is also where a paused job waits (`JobView.paused`)."""

    QUEUED = "queued"
    RESTORING = "restoring"
    COPYING = "copying"
    VERIFYING = "verifying"
    SWITCHING = "switching"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE_STATES = frozenset(
    {JobState.RESTORING, JobState.COPYING, JobState.VERIFYING, JobState.SWITCHING}
)
FINAL_STATES = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})


class Step(IntEnum):
    """The five steps. 0 is before the first."""

    NONE = 0
    DOWNLOAD = 1
    CHECKSUM = 2
    UPLOAD = 3
    VERIFY = 4
    DELETE = 5


STEPS = (Step.DOWNLOAD, Step.CHECKSUM, Step.UPLOAD, Step.VERIFY, Step.DELETE)


PRIORITIES = {"low": -10, "normal": 0, "high": 10}
_PRIORITY_LIMIT = 100


def parse_priority(text: str) -> int:
    """`low`, `normal`, `high` or a whole number from -100 to 100; higher runs first.

    Raises ValueError with the reason.
    """
    word = text.strip().lower()
    if word in PRIORITIES:
        return PRIORITIES[word]
    try:
        number = int(word)
    except ValueError:
        number = _PRIORITY_LIMIT + 1
    if abs(number) > _PRIORITY_LIMIT:
        raise ValueError(f"{text!r} is no priority; write low, normal, high or -100 to 100")
    return number


def priority_text(priority: int) -> str:
    """`high`, or the number where it has no name."""
    names = {value: name for name, value in PRIORITIES.items()}
    return names.get(priority, str(priority))


COMPRESSED = ".zst"  # what the key of a compressed copy ends in
_LEVELS = range(1, 20)  # above, zstd takes hundreds of megabytes


def parse_compress(text: str) -> str:
    """`zstd`, or `zstd:LEVEL` from 1 to 19; gives `zstd:3`. Raises ValueError with the reason."""
    name, _, level = text.strip().lower().partition(":")
    number = int(level) if level.isdecimal() else 0 if level else 3
    if name != "zstd" or number not in _LEVELS:
        raise ValueError(f"{text!r} is no compression; write zstd, or zstd:1 to zstd:19")
    return f"zstd:{number}"


class Evidence(StrEnum):
    """How step 4 proved equality. There is no `size`: that proves nothing."""

    NONE = ""
    REREAD = "reread"
    ATTESTED = "attested"


class SourceProof(StrEnum):
    """Whether the first pass over the source agreed with the source's own checksum."""

    NONE = ""
    ATTESTED = "attested"
    REREAD = "reread"  # read twice (`--strict`), both passes equal
    UNATTESTED = "unattested"  # the source has no checksum of its own


# The note of a job whose bytes the provider copied by itself.
SERVER_COPY = "Server-side copy: the provider copied the bytes; the copy was proved all the same."
RESTORE_SPEEDS = ("standard", "bulk", "expedited")
CHECKSUMS = ("md5", "sha256", "sha1", "blake3", "crc32c", "crc32", "crc64nvme")
_ATTEMPTS, _DAYS = 100, 365  # at most


@dataclass(frozen=True, slots=True)
class MoveOptions:
    """How the moves of a plan are carried out.

    With `max_attempts` a job fails after so many tries, whatever the reason. With 0 it gets five
    for its own trouble, and waits as long as a store is away or asks to slow down.

    `server_copy`: let a provider copy between its own buckets where that is exact.
    `restore_speed` (standard, bulk or expedited) and `restore_days` are for sources in an archive
    class; "" and 0 are what the configuration says. `compress`, as `parse_compress` gives it: the
    copy is a zstd frame of the object, and "" is as it is.
    """

    checksum: str = "md5"
    verify: Evidence = Evidence.REREAD
    overwrite: bool = False
    strict: bool = False
    max_attempts: int = 0
    server_copy: bool = True
    restore_speed: str = ""
    restore_days: int = 0
    compress: str = ""

    def problem(self) -> str:
        """Which field holds what no move can be carried out with, and what it may hold; "" for
        none. For options that come from outside: a file, a message."""
        checks = {
            "checksum": (self.checksum in CHECKSUMS, ", ".join(CHECKSUMS)),
            "verify": (bool(self.verify.value), "reread, attested"),
            "restore_speed": (
                self.restore_speed in ("", *RESTORE_SPEEDS),
                ", ".join(RESTORE_SPEEDS),
            ),
            "restore_days": (0 <= self.restore_days <= _DAYS, f"0 to {_DAYS}"),
            "max_attempts": (0 <= self.max_attempts <= _ATTEMPTS, f"0 to {_ATTEMPTS}"),
        }
        for name, (fits, allowed) in checks.items():
            if not fits:
                return f"{name} is {str(getattr(self, name))[:40]!r}; it may be {allowed}"
        if self.compress:
            try:
                parse_compress(self.compress)
            except ValueError as error:
                return f"compress: {error}"
        return ""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What a job shall do; the same spec always has the same `job_key`."""

    source: Address
    destination: Address
    kind: MoveKind
    size: int
    pin: VersionPin
    from_class: str = ""
    to_class: str = ""
    options: MoveOptions = field(default_factory=MoveOptions)


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as it is now: the ledger's record plus live progress.

    `bytes_done` counts bytes of the current pass (copy, or re-read); `rate` in bytes a second
    and `eta` in seconds are 0 when unknown. `step_seconds` has one float for each step 1–5.
    `error` and `error_todo` are texts for the operator. Times in epoch seconds, 0 not yet.
    Jobs of a higher `priority` run first.
    """

    job_id: str
    job_key: str
    jobset: str
    spec: JobSpec
    state: JobState
    step: Step = Step.NONE
    paused: bool = False
    attempt: int = 0
    bytes_done: int = 0
    rate: float = 0.0
    eta: float = 0.0
    checksum_source: str = ""
    checksum_destination: str = ""
    evidence: Evidence = Evidence.NONE
    source_proof: SourceProof = SourceProof.NONE
    guarded: bool | None = None  # None: no delete was tried yet
    destination_pin: VersionPin | None = None
    error: str = ""
    error_todo: str = ""
    retry_at: float = 0.0
    created: float = 0.0
    started: float = 0.0
    finished: float = 0.0
    step_seconds: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    notes: tuple[str, ...] = ()
    priority: int = 0

    @property
    def server_copied(self) -> bool:
        """Whether the provider copied the bytes by itself."""
        return SERVER_COPY in self.notes

    @property
    def progress(self) -> float:
        """From 0 to 1; 1 only when the job is completed.

        Copying is worth the first 60 %, verifying the next 35 %, so that a finished upload
        never looks like a finished migration.
        """
        if self.state is JobState.COMPLETED:
            return 1.0
        share = self.bytes_done / self.spec.size if self.spec.size > 0 else 0.0
        share = min(max(share, 0.0), 1.0)
        if self.state is JobState.COPYING:
            return 0.60 * share
        if self.state is JobState.VERIFYING:
            return 0.60 + 0.35 * share
        if self.state is JobState.SWITCHING:
            return 0.97
        return 0.0


@dataclass(frozen=True, slots=True)
class RouteStatistics:
    """Sums for one route, `aws → gcp`."""

    route: str
    attempted: int
    successful: int
    failed: int
    bytes: int


@dataclass(frozen=True, slots=True)
class MigrationStatistics:
    """Sums over finished jobs; attempted = successful + failed (cancelled are apart).

    `success_rate` from 0 to 1, None while nothing was attempted. `seconds` is the wall time
    spent in jobs, summed; `step_seconds` the same for each step 1–5.
    """

    attempted: int = 0
    successful: int = 0
    failed: int = 0
    cancelled: int = 0
    bytes: int = 0
    seconds: float = 0.0
    saving_per_month: float = 0.0
    routes: tuple[RouteStatistics, ...] = ()
    step_seconds: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)

    @property
    def success_rate(self) -> float | None:
        return self.successful / self.attempted if self.attempted else None


@dataclass(frozen=True, slots=True)
class JobsetSummary:
    """All jobs of one set added up, as the ledger has them at `at` (epoch seconds).

    `states` counts jobs by state (`paused` apart); of the completed ones `evidence`,
    `source_proofs` and `guards` (`guarded`, `unguarded`, `no delete`) tell how each was proved.
    `size` is the bytes of all jobs. Times in epoch seconds, 0 not yet; `finished` is that of the
    last job, 0 while some are unfinished. `unpriced` of the completed jobs save nobody knows what:
    the saving of `statistics` is that of the others.
    """

    jobset: str
    at: float
    jobs: int
    size: int
    created: float
    started: float
    finished: float
    states: tuple[tuple[str, int], ...]
    evidence: tuple[tuple[str, int], ...]
    source_proofs: tuple[tuple[str, int], ...]
    guards: tuple[tuple[str, int], ...]
    statistics: MigrationStatistics
    unpriced: int = 0

    def count(self, state: str) -> int:
        """Jobs in that state."""
        return dict(self.states).get(state, 0)
