"""The policies to beat: fixed classes and age rules."""

from dataclasses import dataclass, field

import numpy as np

from engine.errors import UsageError
from engine.lab.history import Ints
from engine.lab.policy import Day
from engine.lab.world import World
from engine.model import Tier
from engine.pricing.columns import ClassTable, Codes

_TIERS = tuple(Tier)


@dataclass(slots=True)
class Always:
    """Everything in one class from the first day on."""

    storage_class: str
    _code: int = field(default=-1, init=False)

    @property
    def name(self) -> str:
        return f"always:{self.storage_class}"

    def prepare(self, world: World) -> None:
        self._code = world.table.code(self.storage_class)
        if self._code < 0:
            raise UsageError(
                f"{self.name}: {self.storage_class!r} is not among the allowed classes.",
                todo=f"Allowed: {', '.join(world.table.codes)}.",
            )

    def decide(self, day: Day) -> Codes:
        return np.full(len(day.codes), self._code, np.int16)


@dataclass(slots=True)
class Age:
    """By days since creation, one way: WARM, COLD and ARCHIVE from `limits` on."""

    limits: tuple[int, ...] = (30, 90, 180)
    _born: Ints = field(default_factory=lambda: np.zeros(0, np.int64), init=False)
    _ladder: Codes = field(default_factory=lambda: np.zeros(0, np.int16), init=False)

    @property
    def name(self) -> str:
        return "age:" + "/".join(map(str, self.limits))

    def prepare(self, world: World) -> None:
        self._born = world.born
        self._ladder = ladder(world.table, world.start)

    def decide(self, day: Day) -> Codes:
        rung = np.searchsorted(np.array(self.limits), day.day - self._born, side="right")
        wished = self._ladder[np.minimum(rung, len(self._ladder) - 1)]
        return np.where(wished > day.codes, wished, day.codes).astype(np.int16)


def ladder(table: ClassTable, start: int) -> Codes:
    """The class for each of HOT … ARCHIVE: a tier without an allowed class has that of the
    warmer one, so that the last rungs may be equal."""
    rungs: list[int] = []
    for code in table.tier_class.tolist():
        rungs.append(code if code >= 0 else rungs[-1] if rungs else start)
    return np.array(rungs, np.int16)
