"""Lifecycle rules as values, before any provider's form."""

from dataclasses import dataclass
from enum import StrEnum

from engine.model import Provider


class Clock(StrEnum):
    """What the days of a rule are counted from."""

    AGE = "age"  # since the object was written
    ACCESS = "access"  # since it was last read or written


@dataclass(frozen=True, slots=True)
class Step:
    """After so many days an object goes into that class."""

    days: int
    storage_class: str


Schedule = tuple[Step, ...]  # by growing days, ever colder


@dataclass(frozen=True, slots=True)
class Rule:
    """Objects of `min_size` bytes and more, below `max_size` (None: any), whose key begins with
    one of `prefixes` (none: the export's) and ends with one of `suffixes` (none: any), go by that
    schedule."""

    name: str
    steps: Schedule
    min_size: int = 0
    max_size: int | None = None
    suffixes: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of the policy that the provider's rules cannot express: what, why, and what the
    exported rules do instead."""

    part: str
    why: str
    instead: str

    def __str__(self) -> str:
        return f"{self.part}: {self.why}; {self.instead}."


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A policy as one provider's rules for a bucket, or for what begins with `prefix` there.

    `automatic` names what stands in for a policy that goes by accesses: the storage class that
    tiers by itself (S3), or the terminal class of Autoclass (Google). Then S3 has one rule that
    moves objects there, and Google none. `notes` tell of the prices that were asked.
    """

    provider: Provider
    region: str
    bucket: str
    prefix: str
    policy: str
    policy_version: str
    clock: Clock
    rules: tuple[Rule, ...]
    gaps: tuple[Gap, ...] = ()
    automatic: str = ""
    notes: tuple[str, ...] = ()


def beginnings(lifecycle: Lifecycle, rule: Rule) -> tuple[str, ...]:
    """What the keys of a rule begin with; "" for any."""
    return rule.prefixes or (lifecycle.prefix,)


def numbered(lifecycle: Lifecycle) -> list[tuple[str, str, Rule]]:
    """Each rule once for each beginning, as (name, beginning, rule), for S3."""
    found = []
    for rule in lifecycle.rules:
        many = beginnings(lifecycle, rule)
        for number, prefix in enumerate(many, 1):
            name = rule.name if len(many) == 1 else f"{rule.name}-{number}"
            found.append((name, prefix, rule))
    return found


def told(steps: Schedule) -> str:
    """A schedule in words."""
    return ", ".join(f"{step.storage_class} {_when(step.days)}" for step in steps)


def _when(days: int) -> str:
    return "at once" if not days else f"after {days} day{'' if days == 1 else 's'}"


_GOOGLE = ("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE")


def warmer(steps: Schedule, index: int) -> tuple[str, ...]:
    """Google's classes from which that step may lead: all that are warmer."""
    return _GOOGLE[: _GOOGLE.index(steps[index].storage_class)]
