"""Lists of jobs: a query, one window of its answer, job sets, throughput, one job's story."""

from dataclasses import dataclass
from enum import StrEnum

from engine.model.jobs import JobView


class JobSort(StrEnum):
    """What a list of jobs is sorted by. Each has its own natural direction: running jobs, the
    newest, the largest, the fastest and the first of the alphabet come first."""

    STATE = "state"
    AGE = "age"
    SIZE = "size"
    SPEED = "speed"
    NAME = "name"


class JobChange(StrEnum):
    """What is done to all jobs that fit a filter."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"
    PRIORITISE = "prioritise"


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs, in which order; `text` is in the language of `parse_job_filter`."""

    text: str = ""
    sort: JobSort = JobSort.STATE
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class JobWindow:
    """Jobs `start` … of those that fit a query, and what all of them add up to.

    `states` counts jobs by state, `paused` apart; `size` is their bytes. The order is that of
    the moment `at` (epoch seconds): it is made anew when jobs changed, not for each window.
    """

    at: float
    total: int
    size: int
    states: tuple[tuple[str, int], ...]
    start: int
    jobs: tuple[JobView, ...]

    def count(self, *states: str) -> int:
        """Jobs in any of these states."""
        return sum(number for state, number in self.states if state in states)


@dataclass(frozen=True, slots=True)
class JobsetLine:
    """A job set in one line: its jobs by state (`paused` apart), how far it is, how long still.

    `size` is the bytes of all its jobs, `bytes_done` those of the completed ones and what is
    copied of the others; `rate` in bytes a second and `eta` in seconds are 0 while unknown.
    `saving` is USD a month. Times in epoch seconds, `finished` 0 while jobs are unfinished.
    """

    jobset: str
    jobs: int
    size: int
    states: tuple[tuple[str, int], ...]
    routes: tuple[str, ...]
    bytes_done: int
    rate: float
    eta: float
    created: float
    started: float
    finished: float
    saving: float

    def count(self, *states: str) -> int:
        """Jobs in any of these states."""
        return sum(number for state, number in self.states if state in states)

    @property
    def progress(self) -> float:
        """From 0 to 1; 1 only when every job is completed."""
        if self.jobs == self.count("completed"):
            return 1.0
        return min(self.bytes_done / self.size, 0.99) if self.size > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Throughput:
    """Bytes and objects of the last minutes: sums of spans of `step` seconds, oldest first.

    The last span holds the time `until` (epoch seconds), when there was work last; an engine that
    has nothing to do gives the same values again and again. Bytes are those that passed, a
    re-read counted too; objects are completed moves.
    """

    until: float = 0.0
    step: int = 5
    bytes: tuple[int, ...] = ()
    objects: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """One effect that a job had, or meant to have, on a store: what, in words, and how it ended.

    `outcome` is "" while that is open. Times in epoch seconds, `done` 0 while open.
    """

    effect: str
    what: str
    at: float
    outcome: str = ""
    done: float = 0.0


@dataclass(frozen=True, slots=True)
class Try:
    """A try that failed, and why."""

    attempt: int
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class JobStory:
    """What the ledger tells of one job beyond its view: effects, finished parts, failed tries.

    `parts` and `part_bytes` are those of an upload that is not complete yet; `part_size` is the
    size of one, 0 for an upload in one go.
    """

    job: JobView
    requests: tuple[StoreRequest, ...] = ()
    tries: tuple[Try, ...] = ()
    parts: int = 0
    part_bytes: int = 0
    part_size: int = 0
