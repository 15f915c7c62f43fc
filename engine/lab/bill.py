"""What a day costs: the only place where the lab computes money, from `engine.pricing` figures.

A day goes like this: the policy decides when it begins, changes of class are billed and done,
the day's reads are served from the new class, and the day's storage is billed there. So a read
and a move of one day meet in the class moved to.

A group of objects is billed as `count` objects of one size, and moves as a whole. Reads are
requests; the bytes read are what retrieval is billed on.
"""

from dataclasses import dataclass

import numpy as np

from engine.lab.history import Floats, Ints
from engine.lab.world import World
from engine.pricing.columns import Codes
from engine.pricing.cost import DAYS_PER_MONTH, GB

CATEGORIES = ("storage", "requests", "retrieval", "transitions", "early_deletion")
STORAGE, REQUESTS, RETRIEVAL, TRANSITIONS, EARLY = range(5)


@dataclass(frozen=True, slots=True)
class Bill:
    """Daily charges of a world, for A classes and N objects; USD."""

    storage: Floats  # (A, N) a day, for a class that tiers by itself the first sub-tier's
    steps: tuple[tuple[int, int, Floats], ...]  # (code, from idle days, (N,) a day) sub-tiers
    get: Floats  # (A,) one request, restore included
    per_byte: Floats  # (A,) one byte read
    enter: Floats  # (A, N) requests of changing into the class
    leave: Floats  # (A, N) reading the object in the class it leaves
    leave_request: Floats  # (A, N) requests of that
    min_days: Ints  # (A,)
    early: Floats  # (A, N) each day that was not served
    delayed: Floats  # (A,) 1 where a read waits for a restore

    @classmethod
    def of(cls, world: World) -> "Bill":
        """The charges that the world's prices make."""
        table, counts = world.table, world.inventory.counts
        size = world.inventory.sizes
        classes = len(table.prices)
        billed = np.maximum(size, table.min_size[:classes, None])
        billed = (billed + table.overhead[:classes, None]) * counts / GB
        daily = table.storage[:classes, None] * billed / DAYS_PER_MONTH
        storage = daily + table.fixed[:classes, None] * counts / DAYS_PER_MONTH
        steps: list[tuple[int, int, Floats]] = []
        for code, price in enumerate(table.prices):
            if price.automatic:
                small = size < price.automatic_size
                fee = (price.monitoring or 0.0) / 1000 * counts / DAYS_PER_MONTH
                storage[code] -= np.where(small, fee, 0.0)
                for days, rate in price.automatic:
                    cooler = storage[code] + (rate / table.storage[code] - 1) * daily[code]
                    steps.append((code, int(days), np.where(small, storage[code], cooler)))
        reading = table.readable[:classes]
        per_gb = np.where(reading, table.retrieval[:classes], table.restore_gb[:classes])
        return cls(
            storage=storage,
            steps=tuple(steps),
            get=table.read_request[:classes].copy(),
            per_byte=per_gb / GB,
            enter=table.transition[:classes, None] / 1000 * counts,
            leave=per_gb[:, None] * size * counts / GB,
            leave_request=table.restore_fixed[:classes, None] * counts,
            min_days=np.ceil(table.min_days[:classes]).astype(np.int64),
            early=daily,
            delayed=np.where(reading, 0.0, 1.0),
        )

    def store(self, codes: Codes, days_in_class: Ints, quiet: Ints) -> Floats:
        """A day of storage (N,); `quiet` counts days since the last read, today included."""
        rows = np.arange(len(codes))
        cost: Floats = self.storage[codes, rows]
        idle = np.minimum(days_in_class, quiet)
        for code, days, rate in self.steps:
            cost = np.where((codes == code) & (idle >= days), rate, cost)
        return cost

    def read(self, codes: Codes, reads: Floats, bytes_read: Floats) -> tuple[Floats, Floats]:
        """A day's reads: requests and retrieval, both (N,)."""
        return reads * self.get[codes], bytes_read * self.per_byte[codes]

    def change(
        self, rows: Ints, source: Codes, target: Codes, days_in_class: Ints
    ) -> tuple[Floats, Floats, Floats]:
        """Changing the class of some objects: transitions, retrieval and early deletion."""
        transitions = self.enter[target, rows] + self.leave_request[source, rows]
        left = np.maximum(self.min_days[source] - days_in_class, 0)
        return transitions, self.leave[source, rows], left * self.early[source, rows]
