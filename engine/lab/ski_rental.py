"""`ski-rental`: each object rents until it has paid the price of buying, without any forecast.

The two ends are the start class and the one that would be cheapest for an object never read. In
the first, each idle day's dearer storage adds to a debt, which a read clears; when it reaches the
cost of going down and up again, the object goes down. Down there reads add to a debt; when that
reaches the cost of going up and down, the object goes up. It costs at most about twice what
hindsight would between those two classes.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from engine.lab.bill import Bill
from engine.lab.history import Floats
from engine.lab.policy import Day
from engine.lab.world import World
from engine.pricing.columns import Codes


@dataclass(slots=True)
class SkiRental:
    """Deterministic rent-or-buy between two classes of each object."""

    name: ClassVar[str] = "ski-rental"
    _start: int = field(default=0, init=False)
    _first: int = field(default=0, init=False)
    _low: Codes = field(default_factory=lambda: np.zeros(0, np.int16), init=False)
    _rent: Floats = field(default_factory=lambda: np.zeros(0), init=False)
    _buy: Floats = field(default_factory=lambda: np.zeros(0), init=False)
    _debt: Floats = field(default_factory=lambda: np.zeros(0), init=False)
    _bill: Bill | None = field(default=None, init=False)

    def prepare(self, world: World) -> None:
        bill, rows = Bill.of(world), np.arange(len(world))
        self._bill, self._start, self._first = bill, world.start, world.first_day
        storage = bill.storage.copy()
        for step in bill.steps:  # what tiers by itself rents for itself
            storage[step.code] = np.inf
        self._low = storage.argmin(axis=0).astype(np.int16)
        self._rent = np.maximum(bill.storage[self._start] - bill.storage[self._low, rows], 0.0)
        down, up = bill.enter[self._low, rows], bill.enter[self._start]
        up = up + bill.leave[self._low, rows] + bill.leave_request[self._low, rows]
        served = bill.min_days[self._low] * bill.early[self._low, rows]
        self._buy = np.where(self._low == self._start, np.inf, down + up + served)
        self._debt = np.zeros(len(world))

    def decide(self, day: Day) -> Codes:
        bill = self._bill
        assert bill is not None
        if day.day == self._first:
            return day.codes
        reads, read = day.reads[:, -1].astype(np.float64), day.bytes_read[:, -1]
        high = day.codes == self._start
        here = reads * bill.get[day.codes] + read * bill.per_byte[day.codes]
        there = reads * bill.get[self._start] + read * bill.per_byte[self._start]
        rented = np.where(reads > 0, 0.0, self._debt + self._rent)
        paid = np.maximum(self._debt + here - there - self._rent, 0.0)
        self._debt = np.where(high, rented, paid) * day.alive
        change = self._debt >= self._buy
        self._debt[change] = 0.0
        other = np.where(high, self._low, self._start)
        return np.where(change, other, day.codes).astype(np.int16)
