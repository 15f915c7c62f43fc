"""What a reader of access logs gives: reads, days of a table, and what could not be read."""

from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from typing import NamedTuple

MAX_LINE = 1 << 20  # characters of one record that are worth parsing
SHOWN = 20  # bad records that are told one by one


class Read(NamedTuple):
    """One GET. `share` is how much of the object it read (0 to 1, 1 where nobody knows), `nbytes`
    what was sent, `when` in epoch seconds; equal `identity` means the same event."""

    cloud: str
    bucket: str
    key: str
    when: float
    share: float
    nbytes: int
    identity: int


class DayReads(NamedTuple):
    """A line of a table of days; `day` in epoch days (UTC)."""

    cloud: str
    bucket: str
    key: str
    day: int
    reads: int
    nbytes: int


class Bad(NamedTuple):
    """A record that does not fit."""

    reason: str


class Other(Enum):
    """A record that is fine and no read: another operation, or one that failed."""

    RECORD = 0


Record = Read | DayReads | Bad | Other


@dataclass(frozen=True, slots=True)
class BadRecord:
    """Where a record that could not be read stands: `line` counts from 1, in CloudTrail files
    the records."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import did. `records` = `reads` + `days` + `known` + `others` + `bad`.

    `reads` new GETs, `days` lines of tables of days, `known` GETs imported before, `others` that
    are no reads, `bad` that do not fit (the first in `worst`); `failed` names files that could
    not be read (to their end), with the reason. `first` and `last` are epoch days of what was
    read, None if nothing was.
    """

    files: int = 0
    records: int = 0
    reads: int = 0
    days: int = 0
    known: int = 0
    others: int = 0
    bad: int = 0
    objects: int = 0
    nbytes: int = 0
    first: int | None = None
    last: int | None = None
    seconds: float = 0.0
    worst: tuple[BadRecord, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()


def identity(text: str) -> int:
    """64 bits that stand for an event, the same in every run."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
