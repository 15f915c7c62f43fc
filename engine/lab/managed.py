"""What the providers run themselves, as they describe it: state machines with terms of their own.

- S3 Intelligent-Tiering: a class that tiers by itself (30 and 90 idle days); moving an object in
  begins its count anew. With the opt-in archive tiers, 90 idle days lead to Archive Access and 180
  to Deep Archive Access, from where a read waits; retrieval is free by the standard speed.
- GCS Autoclass: Standard, Nearline after 30 days, and to the end at Archive also Coldline after 90
  and Archive after 365; a read leads back to Standard. No retrieval, early deletion or transition
  fees; a fee per object; below 128 KiB objects stay. (That the first read of a colder object is a
  request at its class's price is left out.)
- Azure lifecycle by last access: down once a day; up only from Cool, at most once in 30 days.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from engine.errors import UsageError
from engine.lab.bill import Bill, SubTier
from engine.lab.history import Ints
from engine.lab.policy import Day
from engine.lab.rivals import LIMITS, code_of, ladder, rungs
from engine.lab.world import World
from engine.model import Provider
from engine.pricing.columns import Codes
from engine.pricing.cost import DAYS_PER_MONTH, GB

INTELLIGENT = "INTELLIGENT_TIERING"
AUTOCLASS = "autoclass"  # its fee's name in the price file
AUTOCLASS_SIZE = 131_072
_NO_CODES: Codes = np.zeros(0, np.int16)
_NO_DAYS: Ints = np.zeros(0, np.int64)


@dataclass(slots=True)
class IntelligentTiering:
    """Everything in S3 Intelligent-Tiering: moved in on the first day, or (`warm`) resident
    there since each object's creation. `archive` has the opt-in archive tiers on."""

    warm: bool = False
    archive: bool = False
    _code: int = field(default=-1, init=False)

    @property
    def name(self) -> str:
        words = ["s3-intelligent-tiering"]
        words += ["archive"] * self.archive + ["warm"] * self.warm
        return ":".join(words)

    def check(self, world: World) -> None:
        self._code = code_of(world, self.name, INTELLIGENT)
        tiers = world.table.prices[self._code].opt_in
        if self.archive and not (tiers and all(math.isfinite(rate) for _, _, rate in tiers)):
            raise UsageError(f"{self.name}: what the archive tiers cost is not known.")

    def prepare(self, world: World) -> None:
        self.check(world)

    def decide(self, day: Day) -> Codes:
        return np.full(len(day.codes), self._code, np.int16)

    def start_code(self, world: World) -> int:
        return code_of(world, self.name, INTELLIGENT) if self.warm else world.start

    def billed(self, world: World, bill: Bill) -> Bill:
        """With the archive tiers, which take over from the class's own at the same age."""
        if not self.archive:
            return bill
        inventory, price = world.inventory, world.table.prices[self._code]
        begins = min((days for days, _, _ in price.opt_in), default=math.inf)
        others = tuple(s for s in bill.steps if s.code != self._code or s.idle_days < begins)
        steps: list[SubTier] = []
        fee = (price.monitoring or 0.0) / 1000 * inventory.counts / DAYS_PER_MONTH
        small = inventory.sizes < price.automatic_size
        for days, _, rate in price.opt_in:
            daily = rate * world.volumes / GB / DAYS_PER_MONTH + fee
            cooler = np.where(small, bill.storage[self._code], daily)
            steps.append(SubTier(self._code, int(days), cooler, waits=np.where(small, 0.0, 1.0)))
        return replace(bill, steps=(*others, *steps))


@dataclass(slots=True)
class Autoclass:
    """GCS Autoclass, enabled on the first day; to Archive where that class is allowed."""

    name: ClassVar[str] = "gcs-autoclass"
    _code: int = field(default=-1, init=False)

    def check(self, world: World) -> None:
        if world.table.provider is not Provider.GCP:
            raise UsageError(f"{self.name} is for classes of gcp, not {world.table.provider}.")
        self._code = code_of(world, self.name, "STANDARD")
        for _, name in self._steps(world):
            code_of(world, self.name, name)
        if AUTOCLASS not in world.fees:
            raise UsageError(f"{self.name}: its fee is not in the prices.")

    def prepare(self, world: World) -> None:
        self.check(world)

    def decide(self, day: Day) -> Codes:
        return np.full(len(day.codes), self._code, np.int16)

    def billed(self, world: World, bill: Bill) -> Bill:
        """Standard as a class that tiers by itself, from the first day on."""
        inventory, code = world.inventory, self._code
        small = inventory.sizes < AUTOCLASS_SIZE
        fee = np.where(small, 0.0, world.fees[AUTOCLASS] / 1000 * inventory.counts / DAYS_PER_MONTH)
        storage = bill.storage.copy()
        storage[code] += fee
        steps = []
        for days, name in self._steps(world):
            rate = float(world.table.storage[code_of(world, self.name, name)])
            daily = rate * world.volumes / GB / DAYS_PER_MONTH + fee
            steps.append(SubTier(code, days, np.where(small, storage[code], daily)))
        return replace(bill, storage=storage, steps=tuple(steps))

    def _steps(self, world: World) -> list[tuple[int, str]]:
        if "ARCHIVE" not in world.table.codes:
            return [(30, "NEARLINE")]
        return [(30, "NEARLINE"), (90, "COLDLINE"), (365, "ARCHIVE")]


@dataclass(slots=True)
class AzureLifecycle:
    """Azure's lifecycle by last access, whose tracking begins on the first day."""

    limits: Sequence[int] = LIMITS
    name: ClassVar[str] = "azure-lifecycle"
    _first: int = field(default=0, init=False)
    _cool: int = field(default=-1, init=False)
    _ladder: Codes = field(default_factory=lambda: _NO_CODES, init=False)
    _raised: Ints = field(default_factory=lambda: _NO_DAYS, init=False)

    def check(self, world: World) -> None:
        if world.table.provider is not Provider.AZURE:
            raise UsageError(f"{self.name} is for classes of azure, not {world.table.provider}.")
        self._cool = code_of(world, self.name, "Cool")

    def prepare(self, world: World) -> None:
        self.check(world)
        self._first = world.first_day
        self._ladder = ladder(world.table, world.start)
        self._raised = np.full(len(world), world.first_day - 30, np.int64)

    def decide(self, day: Day) -> Codes:
        idle = np.minimum(day.idle_days, day.day - self._first)
        now = np.argsort(self._ladder)[np.searchsorted(np.sort(self._ladder), day.codes)]
        wished = np.maximum(rungs(idle, self.limits, self._ladder), now)
        read = (idle == 0) & (day.day > self._first)
        up = read & (day.codes == self._cool) & (day.day - self._raised >= 30)
        self._raised[up] = day.day
        return self._ladder[np.where(up, 0, wished)]
