"""Guards of the hazard model: a cost ledger, and a race between policies that run in shadow.

A model that saw few objects can be wrong for months. So simpler policies are replayed beside it on
the same accesses, each with classes of its own; where one of them has been clearly cheaper in
recent months, it is followed until the model is cheapest again.

The ledger keeps for each object what a day in each class has cost of late (an exponentially
weighted mean) and changes class where that, over its horizon, repays the change. It knows nothing
about other objects, and so cannot be misled by them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.pricing.columns import Bools, Codes, Floats
from engine.tiering.hazard import Ints
from engine.tiering.value import Charges

MODEL, LEDGER = "model", "ledger"


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """`half_life` in days of the race's costs, `margin` by which another must be cheaper to be
    followed, `warm_up` days before anybody is, `min_objects` of a prefix that races alone.

    Every `restart` days all shadows begin anew where the model's shadow is: what it takes to come
    from there into another's classes is part of what following it would cost.
    """

    half_life: float = 90.0
    margin: float = 0.25
    warm_up: int = 120
    restart: int = 120
    min_objects: int = 200


@dataclass(slots=True)
class Ledger:
    """What each class has cost N objects a day of late, read day by day.

    `groups` are rows of the charges. An object begins unread in every class.
    """

    charges: Charges
    groups: Ints
    half_life: float = 90.0
    horizon: float = 90.0
    cap: float = 3.0
    _shares: Floats = field(init=False)  # read a day
    _asked: Floats = field(init=False)  # days with reads, a day
    _kept: dict[int, Floats] = field(init=False)  # storage of classes that tier by themselves

    def __post_init__(self) -> None:
        self._shares = np.zeros(len(self.groups))
        self._asked = np.zeros(len(self.groups))
        codes = {code for code, _, _ in self.charges.steps}
        self._kept = {code: self.charges.storage[self.groups, code] for code in codes}

    def begin(self, shares: Floats, asked: Floats, idle_days: Floats) -> None:
        """Set what a history told: the share read a day and the share of days with reads, of
        late. Classes that tier by themselves cost what they would by now."""
        self._shares, self._asked = shares, asked
        for code, days, rate in self.charges.steps:
            cooler = idle_days >= days
            self._kept[code] = np.where(cooler, rate[self.groups], self._kept[code])

    def add(self, shares: Floats, touched: Bools, idle_days: Ints, alive: Bools) -> None:
        """A day is over; `idle_days` count from the last read of any size, that day included."""
        part = np.where(alive, 1 - 0.5 ** (1 / self.half_life), 0.0)
        self._shares += part * (np.minimum(shares, self.cap) - self._shares)
        self._asked += part * (touched - self._asked)
        for code, kept in self._kept.items():
            today = self.charges.storage[self.groups, code]
            for step_code, days, rate in self.charges.steps:
                if step_code == code:
                    today = np.where(idle_days >= days, rate[self.groups], today)
            kept += part * (today - kept)

    def costs(self) -> Floats:
        """A day in each class, (N, C), in USD of the group's representative object."""
        charges, groups = self.charges, self.groups
        stored = charges.storage[groups]
        for code, kept in self._kept.items():
            stored[:, code] = kept
        reading = self._shares[:, None] * charges.volume[groups]
        return np.asarray(stored + reading + self._asked[:, None] * charges.request[None])

    def choose(self, codes: Codes, days_in_class: Ints) -> Codes:
        """The class of each object that is cheapest over the horizon, the change included."""
        charges, rows = self.charges, np.arange(len(codes))
        total = self.horizon * self.costs()
        left = np.maximum(charges.min_days[codes] - days_in_class, 0)
        fee = left * charges.early[self.groups, codes]
        change = charges.change[self.groups, codes] + fee[:, None]
        change[rows, codes] = 0.0
        result: Codes = np.argmin(total + change, axis=1).astype(np.int16)
        return result


@dataclass(slots=True)
class Race:
    """Recent cost of K policies in P populations, and whom each population follows.

    The first of `names` is followed until another is cheaper by the margin; of several the
    cheapest. It is left again as soon as it is not cheaper any more than by half the margin.
    """

    names: Sequence[str]
    populations: int
    settings: GuardSettings = field(default_factory=GuardSettings)
    costs: Floats = field(init=False)  # (P, K)
    leaders: Ints = field(init=False)  # (P,)
    days: int = 0

    def __post_init__(self) -> None:
        self.costs = np.zeros((self.populations, len(self.names)))
        self.leaders = np.zeros(self.populations, np.int64)

    def add(self, costs: Floats) -> None:
        """What a day cost each policy's shadow, (P, K)."""
        self.costs *= 0.5 ** (1 / self.settings.half_life)
        self.costs += costs
        self.days += 1
        if self.days < self.settings.warm_up:
            return
        margin = self.settings.margin
        best = np.argmin(self.costs, axis=1)
        rows = np.arange(self.populations)
        cheapest, model = self.costs[rows, best], self.costs[:, 0]
        following = self.costs[rows, self.leaders]
        overtaken = cheapest < (1 - margin) * following
        back = (self.leaders != 0) & (following > (1 - margin / 2) * model)
        self.leaders = np.where(overtaken, best, np.where(back, 0, self.leaders))

    def leader(self, population: int) -> str:
        return self.names[int(self.leaders[population])]

    def lead(self, population: int) -> float:
        """By which share the one followed has been cheaper than the first; 0 for the first."""
        mine, model = self.costs[population, self.leaders[population]], self.costs[population, 0]
        return float(1 - mine / model) if model > 0 else 0.0


def populations(names: Sequence[str], min_objects: int) -> tuple[Ints, tuple[str, ...]]:
    """The population of each object, and their prefixes: what stands before the last `/`, where
    that has `min_objects` or more; all others are one population, the first, called ""."""
    prefixes = [name.rpartition("/")[0] for name in names]
    found, places, counts = np.unique(prefixes, return_inverse=True, return_counts=True)
    large = [
        place
        for place, count in enumerate(counts.tolist())
        if count >= min_objects and found[place]
    ]
    number = np.zeros(len(found), np.int64)
    number[large] = np.arange(1, len(large) + 1)
    result: Ints = number[places]
    return result, ("", *(str(found[place]) for place in large))
