"""The cheapest that anybody could have done who knew all accesses beforehand.

A dynamic programme from the last day back over class × days in class, for each object. Days in
class matter up to the class's minimum days and to the last idle limit of a class that tiers by
itself; beyond that they are all one state. The charges are those of `Bill`, day for day, so the
cost of the path found is what `simulate` bills for it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.lab.bill import Bill
from engine.lab.history import Floats, Ints
from engine.lab.policy import Day
from engine.lab.simulate import Cancelled, Outcome, Progress, simulate
from engine.lab.world import World
from engine.pricing.columns import Codes

_CELLS = 60_000_000  # decisions of one block of objects kept at once, a byte each


@dataclass(slots=True)
class Replay:
    """A policy that carries out a schedule: classes of (N, days)."""

    schedule: npt.NDArray[np.int8]
    name: str = "optimum"
    _first: int = field(default=0, init=False)

    def prepare(self, world: World) -> None:
        self._first = world.first_day

    def decide(self, day: Day) -> Codes:
        return self.schedule[:, day.day - self._first].astype(np.int16)


def optimum(
    world: World,
    progress: Progress = lambda share: None,
    cancelled: Callable[[], bool] = lambda: False,
    bill: Bill | None = None,
) -> Outcome:
    """The offline optimum, billed like any policy. Raises Cancelled."""
    bill = bill or Bill.of(world)
    schedule, _ = best_schedule(world, bill, lambda share: progress(0.9 * share), cancelled)
    return simulate(
        world, Replay(schedule), lambda share: progress(0.9 + 0.1 * share), cancelled, bill
    )


def best_schedule(
    world: World,
    bill: Bill,
    progress: Progress = lambda share: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[npt.NDArray[np.int8], Floats]:
    """The cheapest class of each object on each day (N, days), and its cost (N,)."""
    days = world.last_day - world.first_day + 1
    states = _States.of(world, bill)
    block = max(1, _CELLS // (days * states.size))
    schedule = np.empty((len(world), days), np.int8)
    costs = np.empty(len(world))
    for low in range(0, len(world), block):
        rows = np.arange(low, min(low + block, len(world)))
        done, share = low / len(world), len(rows) / len(world)

        def tell(part: float, done: float = done, share: float = share) -> None:
            if cancelled():
                raise Cancelled
            progress(done + share * part)

        schedule[rows], costs[rows] = _solve(world, bill, states, rows, tell)
    return schedule, costs


@dataclass(frozen=True, slots=True)
class _States:
    """All (class, days in class) in a row: those of class c stand in [start[c], start[c + 1])."""

    start: Ints  # (A + 1,)
    code: Ints  # (S,)
    days: Ints  # (S,)
    following: Ints  # (S,) the state one day later
    entered: Ints  # (A,) the state one day after entering a class

    @classmethod
    def of(cls, world: World, bill: Bill) -> "_States":
        caps = bill.min_days.copy()
        for step in bill.steps:
            caps[step.code] = max(caps[step.code], step.idle_days)
        start = np.concatenate([[0], np.cumsum(caps + 1)]).astype(np.int64)
        code = np.repeat(np.arange(len(caps)), caps + 1).astype(np.int64)
        days = np.concatenate([np.arange(cap + 1) for cap in caps]).astype(np.int64)
        following = start[code] + np.minimum(days + 1, caps[code])
        entered = start[:-1] + np.minimum(1, caps)
        return cls(start, code, days, following, entered)

    @property
    def size(self) -> int:
        return len(self.code)

    def at(self, codes: Ints, days_in: Ints) -> Ints:
        """The state of these objects."""
        top = self.start[codes + 1] - 1
        found: Ints = np.minimum(self.start[codes] + days_in, top)
        return found


def _solve(
    world: World, bill: Bill, states: _States, rows: Ints, tell: Progress
) -> tuple[npt.NDArray[np.int8], Floats]:
    """The schedule of some objects: backwards for the values, forwards along the choices."""
    count, classes = len(rows), len(bill.min_days)
    span = range(world.first_day, world.last_day + 1)
    reads, read = world.history.reads, world.history.bytes_read
    store, enter = bill.storage[:, rows], bill.enter[:, rows]
    leaving = bill.leave[:, rows] + bill.leave_request[:, rows]
    left = np.maximum(bill.min_days[states.code] - states.days, 0)
    early = [
        left[states.start[c] : states.start[c + 1], None] * bill.early[c, rows]
        for c in range(classes)
    ]
    value = np.zeros((states.size, count))
    choice = np.empty((len(span), states.size, count), np.int8)
    for place in range(len(span) - 1, -1, -1):
        now = span[place]
        alive = world.born[rows] <= now
        served = alive * (
            bill.get[:, None] * reads[rows, now] + bill.per_byte[:, None] * read[rows, now]
        )
        stay = np.where(alive, value[states.following], value)  # no day passes before birth
        for code in range(classes):
            mine = slice(states.start[code], states.start[code + 1])
            stay[mine] += served[code] + alive * store[code]
        _sub_tiers(bill, states, rows, world.quiet[rows, now], alive, stay)
        # Entering a class begins its first day with no day served.
        into = enter + served + alive * store + value[states.entered]
        best = choice[place]
        for code in range(classes):
            mine = slice(states.start[code], states.start[code + 1])
            offers = into + bill.reading[code, :, None] * leaving[code]
            offers[code] = np.inf
            target = np.argmin(offers, axis=0)
            going = offers[target, np.arange(count)] + early[code]
            moves = (going < stay[mine]) & alive
            value[mine] = np.where(moves, going, stay[mine])
            best[mine] = np.where(moves, target, code)
        tell((len(span) - place) / len(span) * 0.95)
    return _follow(world, states, rows, value, choice)


def _sub_tiers(
    bill: Bill, states: _States, rows: Ints, quiet: Ints, alive: np.ndarray, stay: Floats
) -> None:
    """What cooler sub-tiers cost instead, for classes that tier by themselves."""
    before: dict[int, Floats] = {}
    for step in bill.steps:
        last = before.get(step.code, bill.storage[step.code])
        mine = np.arange(states.start[step.code] + step.idle_days, states.start[step.code + 1])
        cooler = alive & (quiet >= step.idle_days)
        stay[mine] += np.where(cooler, (step.storage - last)[rows], 0.0)
        before[step.code] = step.storage


def _follow(
    world: World, states: _States, rows: Ints, value: Floats, choice: npt.NDArray[np.int8]
) -> tuple[npt.NDArray[np.int8], Floats]:
    each = np.arange(len(rows))
    code = np.full(len(rows), world.start, np.int64)
    days_in = np.maximum(world.first_day - world.born[rows], 0)
    costs = value[states.at(code, days_in), each]
    schedule = np.empty((len(rows), len(choice)), np.int8)
    for place in range(len(choice)):
        chosen = choice[place][states.at(code, days_in), each]
        days_in = np.where(chosen == code, days_in, 0)
        code = chosen.astype(np.int64)
        schedule[:, place] = chosen
        days_in += world.born[rows] <= world.first_day + place
    return schedule, costs
