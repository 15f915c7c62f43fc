"""Replays one policy over the days of a world."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.lab.bill import CATEGORIES, EARLY, REQUESTS, RETRIEVAL, STORAGE, TRANSITIONS, Bill
from engine.lab.history import Floats
from engine.lab.policy import Day, LabPolicy, OwnTerms, Patient, Resident
from engine.lab.world import World

Progress = Callable[[float], None]


class Cancelled(Exception):
    """The operator ended the run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a policy would have cost. `daily` has shape (days, 5), USD by `CATEGORIES`."""

    policy: str
    daily: Floats
    moves: int  # objects that changed class, groups by their count
    reads_delayed: float  # reads that had to wait for a restore

    @property
    def cost(self) -> float:
        return float(self.daily.sum())

    @property
    def cumulative(self) -> Floats:
        """Cost up to and with each day, shape (days,)."""
        result: Floats = np.cumsum(self.daily.sum(axis=1))
        return result

    def category(self, name: str) -> float:
        """USD of one of `CATEGORIES`."""
        return float(self.daily[:, CATEGORIES.index(name)].sum())


def simulate(
    world: World,
    policy: LabPolicy,
    progress: Progress = lambda share: None,
    cancelled: Callable[[], bool] = lambda: False,
    bill: Bill | None = None,
) -> Outcome:
    """Replay a policy, day by day. `progress` is told the share done. Raises Cancelled.

    Policies that are `Resident` or have `OwnTerms` begin and are billed accordingly.
    """
    bill = bill or Bill.of(world)
    history = world.history

    def go_on() -> None:
        if cancelled():
            raise Cancelled

    if isinstance(policy, Patient):
        policy.go_on = go_on
    policy.prepare(world.known())
    if isinstance(policy, OwnTerms):
        bill = policy.billed(world, bill)
    count = len(world)
    start = policy.start_code(world) if isinstance(policy, Resident) else world.start
    codes = np.full(count, start, np.int16)
    days_in = np.maximum(world.first_day - world.born, 0)
    days = range(world.first_day, world.last_day + 1)
    daily = np.zeros((len(days), len(CATEGORIES)))
    moves, delayed = 0.0, 0.0
    for place, now in enumerate(days):
        go_on()
        alive = world.born <= now
        idle = world.idle(now)
        quiet = world.quiet[:, now].astype(np.int64)
        seen = Day(
            now,
            codes.copy(),
            days_in.copy(),
            idle.copy(),
            alive,
            _view(history.reads[:, :now]),
            _view(history.bytes_read[:, :now]),
        )
        wished = np.asarray(policy.decide(seen), np.int16)
        rows = np.flatnonzero((wished != codes) & alive & (wished >= 0))
        if len(rows):
            fees = bill.change(rows, codes[rows], wished[rows], days_in[rows])
            for category, fee in zip((TRANSITIONS, RETRIEVAL, EARLY), fees, strict=True):
                daily[place, category] += fee.sum()
            codes[rows] = wished[rows]
            days_in[rows] = 0
            moves += world.inventory.counts[rows].sum()
        reads = np.where(alive, history.reads[:, now], 0.0).astype(np.float64)
        requests, retrieval = bill.read(codes, reads, history.bytes_read[:, now] * alive)
        daily[place, REQUESTS] += requests.sum()
        daily[place, RETRIEVAL] += retrieval.sum()
        delayed += float(reads @ bill.waiting(codes, days_in, idle))
        daily[place, STORAGE] += (bill.store(codes, days_in, quiet) * alive).sum()
        days_in += alive
        progress((place + 1) / len(days))
    return Outcome(policy.name, daily, int(moves), delayed)


def _view(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
