"""The `cost` policy in the lab: it learns from the days before, and never from another.

The hazard model decides; its guards, the ledger and the provider's own tiering, run in shadow
beside it and beside the model's own shadow, and each population follows whoever was cheapest of
late (`engine.tiering.guards`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from engine.lab.bill import Bill
from engine.lab.history import Floats, Inventory
from engine.lab.policy import Day
from engine.lab.world import World
from engine.pricing.columns import Codes
from engine.tiering.guards import LEDGER, MODEL, GuardSettings, Ledger, Race, populations
from engine.tiering.hazard import Counts, Grid, Hazard, Ints, States, fit
from engine.tiering.settings import ModelSettings, representatives, size_groups
from engine.tiering.value import Charges, Values, solve


@dataclass(slots=True)
class Cost:
    """Hazard model, value iteration and guards."""

    name: ClassVar[str] = "cost"
    settings: ModelSettings = field(default_factory=ModelSettings)
    grid: Grid = field(default_factory=Grid)
    guards: GuardSettings | None = field(default_factory=GuardSettings)
    go_on: Callable[[], None] = lambda: None  # may raise to end a long preparation
    state: "Learning | None" = field(default=None, init=False)

    def prepare(self, world: World) -> None:
        state = self.state = Learning.of(world, self.settings, self.grid, self.guards)
        state.go_on = self.go_on
        history = world.history
        for day in range(world.first_day):
            self.go_on()
            state.see(day, history.reads[:, day], history.bytes_read[:, day])
        state.due = world.first_day

    def decide(self, day: Day) -> Codes:
        state = self.state
        if state is None:
            raise RuntimeError("prepare() comes before decide()")
        for past in range(state.days, day.day):
            state.see(past, day.reads[:, past], day.bytes_read[:, past])
        return state.wishes(day.codes, day.days_in_class)


@dataclass(slots=True)
class Shadow:
    """A policy's own classes, replayed on the accesses of the world."""

    name: str
    codes: Codes
    days_in_class: Ints


@dataclass(slots=True)
class Learning:
    """What was learnt of a world so far. `days` are over; all arrays have shape (N,)."""

    settings: ModelSettings
    charges: Charges
    groups: Ints  # rows of the charges
    bill: Bill
    born: Ints
    volumes: Floats
    weights: Floats
    counts: Counts
    states: States
    ledger: Ledger
    quiet: Ints  # days since the last read of any size or the creation, as of the day before
    population: Ints
    race: Race | None
    shadows: tuple[Shadow, ...]
    shadow_from: int
    days: int = 0
    due: int = 0
    hazard: Hazard | None = None
    values: Values | None = None
    go_on: Callable[[], None] = lambda: None

    @classmethod
    def of(
        cls, world: World, settings: ModelSettings, grid: Grid, guards: GuardSettings | None
    ) -> "Learning":
        """Nothing learnt yet."""
        count = len(world)
        found, groups = np.unique(size_groups(world.inventory.sizes), return_inverse=True)
        charges = charges_of(world, representatives(found.tolist()))
        volumes = np.maximum(world.volumes, 1.0)
        states = States.new(grid, count)
        states.idle += np.maximum(-world.born, 0)
        population, race = np.zeros(count, np.int64), None
        shadows: tuple[Shadow, ...] = ()
        if guards is not None:
            population, prefixes = populations(world.inventory.names, guards.min_objects)
            names = contestants(world)
            race = Race(names, len(prefixes), guards)
            shadows = tuple(
                Shadow(name, np.full(count, world.start, np.int16), np.zeros(count, np.int64))
                for name in names
            )
        start = max(settings.learn_days, world.first_day - settings.shadow_days)
        return cls(
            settings=settings,
            charges=charges,
            groups=groups.astype(np.int64),
            bill=Bill.of(world),
            born=world.born,
            volumes=volumes,
            weights=volumes**settings.weight,
            counts=Counts(grid),
            states=states,
            ledger=Ledger(charges, groups.astype(np.int64)),
            quiet=np.maximum(-world.born - 1, 0),
            population=population,
            race=race,
            shadows=shadows,
            shadow_from=start,
        )

    def wishes(self, codes: Codes, days_in_class: Ints) -> Codes:
        """The class each object should be in on the day that begins."""
        wished = self.wish_of(MODEL, codes, days_in_class)
        if self.race is None:
            return wished
        for place, name in enumerate(self.race.names):
            follows = (self.race.leaders == place)[self.population]
            if place and follows.any():
                wished = np.where(follows, self.wish_of(name, codes, days_in_class), wished)
        return wished.astype(np.int16)

    def wish_of(self, name: str, codes: Codes, days_in_class: Ints) -> Codes:
        """What one of the contestants would do."""
        if name == LEDGER:
            return self.ledger.choose(codes, days_in_class)
        if name != MODEL:
            return np.full(len(codes), int(name), np.int16)
        values = self._solved()
        stages = values.stages.at(codes, days_in_class, self.quiet + 1)
        return values.choice(self.states.cells(), self.groups, stages)

    def _solved(self) -> Values:
        values = self.values
        if values is None or self.days >= self.due:
            chosen = self.settings
            self.hazard = fit(self.counts)
            values = self.values = solve(
                self.hazard,
                self.charges,
                gamma=chosen.gamma,
                demand=chosen.demand,
                margin=chosen.margin,
                step=chosen.step,
                start=values,
                go_on=self.go_on,
            )
            self.due = self.days + chosen.refit_days
        return values

    def see(self, day: int, reads: npt.NDArray[np.float32], bytes_read: Floats) -> None:
        """That day is over; days come in their order."""
        alive = self.born <= day
        touched = reads > 0
        if self.race is not None and day >= self.shadow_from:
            self._race(alive, np.where(alive, reads, 0.0), bytes_read * alive)
        shares = bytes_read / self.volumes
        rows = np.flatnonzero(alive)
        cells = self.states.cells()
        self.counts.add(cells[rows], shares[rows], touched[rows], self.weights[rows])
        self.states.advance(shares, alive)
        self.quiet = np.where(touched | ~alive, 0, self.quiet + (self.born < day))
        self.ledger.add(shares, touched, self.quiet, alive)
        self.days = day + 1

    def _race(self, alive: npt.NDArray[np.bool_], reads: Floats, bytes_read: Floats) -> None:
        """A day of all shadows."""
        race = self.race
        assert race is not None
        # An object counts in the race as it does in the fit, so that no giant decides alone.
        scale = self.weights / self.volumes
        today = np.where(reads > 0, 0, self.quiet + 1)
        costs = np.zeros((race.populations, len(self.shadows)))
        if race.days % race.settings.restart == 0:
            for shadow in self.shadows[1:]:
                shadow.codes = self.shadows[0].codes.copy()
                shadow.days_in_class = self.shadows[0].days_in_class.copy()
        for place, shadow in enumerate(self.shadows):
            cost = np.zeros(len(self.born))
            wished = self.wish_of(shadow.name, shadow.codes, shadow.days_in_class)
            rows = np.flatnonzero((wished != shadow.codes) & alive)
            if len(rows):
                source, target = shadow.codes[rows], wished[rows]
                for fee in self.bill.change(rows, source, target, shadow.days_in_class[rows]):
                    cost[rows] += fee
                shadow.codes[rows] = target
                shadow.days_in_class[rows] = 0
            requests, retrieval = self.bill.read(shadow.codes, reads, bytes_read)
            stored = self.bill.store(shadow.codes, shadow.days_in_class, today)
            cost += (requests + retrieval + stored) * alive
            shadow.days_in_class += alive
            costs[:, place] = np.bincount(self.population, cost * scale, race.populations)
        race.add(costs)


def contestants(world: World) -> Sequence[str]:
    """The model, the ledger, and each class that tiers by itself (by its code)."""
    automatic = [str(code) for code, price in enumerate(world.table.prices) if price.automatic]
    return (MODEL, LEDGER, *automatic)


def charges_of(world: World, sizes: Floats) -> Charges:
    """What single objects of these sizes pay by the world's bill."""
    count = len(sizes)
    ones = np.ones(count)
    inventory = Inventory(("",) * count, sizes, ones, np.zeros(count, np.int64))
    bill = Bill.of(replace(world, inventory=inventory))
    classes = len(world.table.prices)
    change = np.zeros((count, classes, classes))
    for source in range(classes):
        for target in range(classes):
            if source != target:
                reading = bill.reading[source, target]
                change[:, source, target] = bill.enter[target] + reading * (
                    bill.leave[source] + bill.leave_request[source]
                )
    return Charges(
        storage=bill.storage.T.copy(),
        steps=tuple((step.code, step.idle_days, step.storage) for step in bill.steps),
        volume=sizes[:, None] * bill.per_byte[None, :],
        request=bill.get,
        change=change,
        early=bill.early.T.copy(),
        min_days=bill.min_days,
    )
