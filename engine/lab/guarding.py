"""The guards of `cost` on the operator's own history: shadows raced over a sample of objects."""

import datetime as dt

import numpy as np

from engine.forecast.accesses import Accesses
from engine.lab.cost import Cost
from engine.lab.history import AccessHistory, Ints, Inventory
from engine.lab.world import World
from engine.pricing.columns import Bools, ClassTable, Floats
from engine.tiering.guards import LEDGER, MODEL, GuardSettings
from engine.tiering.longrun import known_classes

_EPOCH = 719_163  # the ordinal of 1970-01-01
_READ, _SILENT = 1_000, 200  # objects of each kind that stand for all
_DAYS = 540  # of history that are replayed


def follow(
    accesses: Accesses,
    sizes: Floats,
    table: ClassTable,
    today: int,
    guards: GuardSettings | None = None,
) -> tuple[str, str]:
    """Whom to follow instead of the model, and why: `ledger`, a class that tiers by itself, or ""
    for nobody. Replays the history up to `today`; seconds, in a thread."""
    first = max(accesses.first_day, today - _DAYS)
    read = np.zeros(len(accesses), np.bool_)
    read[accesses.objects[accesses.rows(first, today)]] = True
    some, counts = _sample(read & (accesses.born < today), accesses.born < today)
    known = [table.prices[code].name for code in known_classes(table).tolist()]
    start = next((p.name for p in table.prices if p.default), "")
    if not len(some) or start not in known:
        return "", ""
    picked = accesses.only(some)
    rows = picked.rows(first, today)
    shape = (len(some), today - first)
    reads = np.zeros(shape, np.float32)
    at = (picked.objects[rows], picked.days[rows] - first)
    np.add.at(reads, at, picked.reads[rows].astype(np.float32))
    reads *= counts[:, None].astype(np.float32)
    nbytes = reads.astype(np.float64) * np.maximum(sizes[some], 1.0)[:, None]
    size = np.maximum(sizes[some], 1.0)
    inventory = Inventory(tuple(map(str, range(len(some)))), size, counts, picked.born + _EPOCH)
    history = AccessHistory(first + _EPOCH, reads, nbytes)
    day = dt.date.fromordinal(today + _EPOCH)
    world = World.of(inventory, history, table, start, day, day, known)
    policy = Cost(guards=guards or GuardSettings())
    policy.prepare(world)
    race = policy.state.race if policy.state is not None else None
    if race is None or race.leader(0) == MODEL:
        return "", ""
    name = race.leader(0)
    if name != LEDGER:
        name = world.table.name(int(name))
    return name, f"{name} was {race.lead(0):.0%} cheaper than the hazard model in recent months"


def _sample(read: Bools, alive: Bools) -> tuple[Ints, Floats]:
    """Objects, and how many each stands for."""
    random = np.random.default_rng(1)
    found, counts = [np.zeros(0, np.int64)], [np.zeros(0)]
    for rows, most in ((np.flatnonzero(read), _READ), (np.flatnonzero(alive & ~read), _SILENT)):
        kept = rows
        if len(rows) > most:
            kept = np.sort(random.choice(rows, most, replace=False))
        if len(kept):
            found.append(kept)
            counts.append(np.full(len(kept), len(rows) / len(kept)))
    return np.concatenate(found), np.concatenate(counts)
