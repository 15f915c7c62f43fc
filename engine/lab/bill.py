"""What a day costs: the only place where the lab computes money, from `engine.pricing` figures.

A day goes like this: the policy decides when it begins, changes of class are billed and done,
the day's reads are served from the new class, and the day's storage is billed there. So a read
and a move of one day meet in the class moved to.

- A group of objects is billed as `count` objects of one size, and moves as a whole.
- Reads are requests; retrieval and restores are billed on the bytes read. A read from a class
  that needs a restore pays a standard restore's request and bytes, and a day of the restored copy
  at the default class's price.
- A change into a class with cheaper storage is one transition request an object, as a lifecycle
  rule makes it: nothing is read. Going back reads the object (or restores it) besides.
- Leaving before the minimum days are served costs the storage of the days left.
- A class that tiers by itself counts idle days from the last read or from its entry.

What objects cost before the first day, the request that creates them, and egress are the same
for every policy, and left out.
"""

from dataclasses import dataclass

import numpy as np

from engine.lab.history import Floats, Ints
from engine.lab.world import World
from engine.pricing.columns import Bools, Codes
from engine.pricing.cost import DAYS_PER_MONTH, GB

CATEGORIES = ("storage", "requests", "retrieval", "transitions", "early_deletion")
STORAGE, REQUESTS, RETRIEVAL, TRANSITIONS, EARLY = range(5)
KEPT_DAYS = 1.0  # a copy that a reader had restored


@dataclass(frozen=True, slots=True)
class SubTier:
    """Where a class that tiers by itself keeps what has been idle for some days."""

    code: int
    idle_days: int
    storage: Floats  # (N,) USD a day
    waits: Floats | None = None  # (N,) 1 where a read from here waits for a restore


@dataclass(frozen=True, slots=True)
class Bill:
    """Daily charges of a world, for A classes and N objects; USD."""

    storage: Floats  # (A, N) a day, for a class that tiers by itself the first sub-tier's
    steps: tuple[SubTier, ...]  # of each class by growing idle days
    get: Floats  # (A,) one read's request, restore included
    per_byte: Floats  # (A,) one byte read
    enter: Floats  # (A, N) requests of changing into the class
    leave: Floats  # (A, N) reading the object in the class it leaves for a dearer one
    leave_request: Floats  # (A, N) requests of that
    reading: Bools  # (A, A) from, to: the change reads the object
    min_days: Ints  # (A,)
    early: Floats  # (A, N) each day that was not served
    waits: Floats  # (A,) 1 where a read waits for a restore

    @classmethod
    def of(cls, world: World) -> "Bill":
        """The charges that the world's prices make."""
        table, counts, size = world.table, world.inventory.counts, world.inventory.sizes
        classes = len(table.prices)
        billed = np.maximum(size, table.min_size[:classes, None])
        billed = (billed + table.overhead[:classes, None]) * counts / GB
        daily = table.storage[:classes, None] * billed / DAYS_PER_MONTH
        storage = daily + table.fixed[:classes, None] * counts / DAYS_PER_MONTH
        steps: list[SubTier] = []
        for code, price in enumerate(table.prices):
            if not price.automatic:
                continue
            small = size < price.automatic_size
            fee = (price.monitoring or 0.0) / 1000 * counts / DAYS_PER_MONTH
            storage[code] -= np.where(small, fee, 0.0)
            for days, rate in price.automatic:
                cooler = storage[code] - daily[code] + rate * billed[code] / DAYS_PER_MONTH
                steps.append(SubTier(code, int(days), np.where(small, storage[code], cooler)))
        readable = table.readable[:classes]
        speeds = [price.speed("standard") for price in table.prices]
        restore = np.array([(speed.per_gb if speed else None) or 0.0 for speed in speeds])
        default = np.array([price.default_storage or 0.0 for price in table.prices])
        moved = np.where(readable, table.retrieval[:classes], restore)
        read = moved + np.where(readable, 0.0, default * KEPT_DAYS / DAYS_PER_MONTH)
        return cls(
            storage=storage,
            steps=tuple(steps),
            get=table.read_request[:classes].copy(),
            per_byte=read / GB,
            enter=table.transition[:classes, None] / 1000 * counts,
            leave=moved[:, None] * size * counts / GB,
            leave_request=table.restore_fixed[:classes, None] * counts,
            reading=table.storage[:classes, None] <= table.storage[None, :classes],
            min_days=np.ceil(table.min_days[:classes]).astype(np.int64),
            early=daily,
            waits=np.where(readable, 0.0, 1.0),
        )

    def store(self, codes: Codes, days_in_class: Ints, quiet: Ints) -> Floats:
        """A day of storage (N,); `quiet` counts days since the last read, today included."""
        cost: Floats = self.storage[codes, np.arange(len(codes))]
        idle = np.minimum(days_in_class, quiet)
        for step in self.steps:
            cost = np.where((codes == step.code) & (idle >= step.idle_days), step.storage, cost)
        return cost

    def read(self, codes: Codes, reads: Floats, bytes_read: Floats) -> tuple[Floats, Floats]:
        """A day's reads: requests and retrieval, both (N,)."""
        return reads * self.get[codes], bytes_read * self.per_byte[codes]

    def waiting(self, codes: Codes, days_in_class: Ints, idle: Ints) -> Floats:
        """1 for the objects of which a read waits (N,); `idle` is as of the day before."""
        found: Floats = self.waits[codes]
        untouched = np.minimum(days_in_class, idle + 1)
        for step in self.steps:
            here = (codes == step.code) & (untouched >= step.idle_days)
            found = np.where(here, 0.0 if step.waits is None else step.waits, found)
        return found

    def change(
        self, rows: Ints, source: Codes, target: Codes, days_in_class: Ints
    ) -> tuple[Floats, Floats, Floats]:
        """Changing the class of some objects: transitions, retrieval and early deletion."""
        reading = self.reading[source, target]
        transitions = self.enter[target, rows] + reading * self.leave_request[source, rows]
        left = np.maximum(self.min_days[source] - days_in_class, 0)
        early = left * self.early[source, rows]
        return transitions, reading * self.leave[source, rows], early
