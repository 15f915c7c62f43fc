"""The policies to beat that an operator can set up: fixed classes, and rules by age or access."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.errors import UsageError
from engine.lab.history import Ints
from engine.lab.policy import Day
from engine.lab.world import World
from engine.pricing.columns import ClassTable, Codes

LIMITS = (30, 90, 180)
_NO_CODES: Codes = np.zeros(0, np.int16)
_NO_DAYS: Ints = np.zeros(0, np.int64)


def code_of(world: World, policy: str, storage_class: str) -> int:
    """The code of a class that a policy needs. Raises UsageError if it is not allowed."""
    code = world.table.code(storage_class)
    if code < 0:
        raise UsageError(
            f"{policy}: {storage_class!r} is not among the allowed classes.",
            todo=f"Allowed: {', '.join(world.table.codes)}.",
        )
    return code


def ladder(table: ClassTable, start: int) -> Codes:
    """The classes that rules step down: the start class, the WARM one, then the archives by
    falling price if there are two, else the COLD one and the archive; those that are allowed."""
    archives = [code for code, price in enumerate(table.prices) if not price.readable]
    archives.sort(key=lambda code: -float(table.storage[code]))
    _, warm, cold, archive = table.tier_class.tolist()
    below = [warm, *(archives if len(archives) > 1 else (cold, archive))]
    rungs = [start]
    for code in below:
        if code >= 0 and table.storage[code] < table.storage[rungs[-1]]:
            rungs.append(code)
    return np.array(rungs, np.int16)


@dataclass(slots=True)
class Always:
    """Everything in one class from the first day on."""

    storage_class: str
    _code: int = field(default=-1, init=False)

    @property
    def name(self) -> str:
        return f"always:{self.storage_class}"

    def check(self, world: World) -> None:
        self._code = code_of(world, self.name, self.storage_class)

    def prepare(self, world: World) -> None:
        self.check(world)

    def decide(self, day: Day) -> Codes:
        return np.full(len(day.codes), self._code, np.int16)


@dataclass(slots=True)
class Age:
    """By days since creation, one way: a lifecycle rule."""

    limits: Sequence[int] = LIMITS
    _born: Ints = field(default_factory=lambda: _NO_DAYS, init=False)
    _ladder: Codes = field(default_factory=lambda: _NO_CODES, init=False)

    @property
    def name(self) -> str:
        return "age:" + "/".join(map(str, self.limits))

    def prepare(self, world: World) -> None:
        self._born = world.born
        self._ladder = ladder(world.table, world.start)

    def decide(self, day: Day) -> Codes:
        return self._ladder[rungs(day.day - self._born, self.limits, self._ladder)]


@dataclass(slots=True)
class LastAccess:
    """By days since the last read, up again after a read. Idle days count from the first day
    on, when the rule is set up; `warm` knows the accesses before."""

    limits: Sequence[int] = LIMITS
    warm: bool = False
    _first: int = field(default=0, init=False)
    _ladder: Codes = field(default_factory=lambda: _NO_CODES, init=False)

    @property
    def name(self) -> str:
        limits = "" if tuple(self.limits) == LIMITS else ":" + "/".join(map(str, self.limits))
        return f"last-access{limits}" + (":warm" if self.warm else "")

    def prepare(self, world: World) -> None:
        self._first = world.first_day
        self._ladder = ladder(world.table, world.start)

    def decide(self, day: Day) -> Codes:
        idle = day.idle_days
        if not self.warm:
            idle = np.minimum(idle, day.day - self._first)
        return self._ladder[rungs(idle, self.limits, self._ladder)]


def rungs(days: Ints, limits: Sequence[int], steps: Codes) -> Ints:
    """The place on a ladder after so many days."""
    found: Ints = np.searchsorted(np.array(limits), days, side="right")
    return np.minimum(found, len(steps) - 1)
