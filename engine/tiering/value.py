"""What each class will have cost in the long run: value iteration over cell × class × stage.

On a day an object stays or changes class, is read with the chances of its cell's hazard, and pays
for the day; then it is in a new cell, a stage further in its class. The value of a state is the
least expected cost of all days to come, each day counting γ times the one before. Stages are
some days of a class's minimum days, or of the idle days after which a class that tiers by itself
gets cheaper; a day takes an object to the next stage with a chance of one by those days, so that
a stage lasts as long on average. Stages of one day are exact.

All sizes are solved at once: G representative sizes, whose charges are per whole object.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.pricing.columns import Bools, Codes, Floats
from engine.tiering.hazard import Grid, Hazard, Ints

Singles = npt.NDArray[np.float32]
FOREVER = 1e9  # a change that must not be made
_SHIFT = 20  # rounds between two leaps along what all states have in common


@dataclass(frozen=True, slots=True)
class Charges:
    """What G sizes of object pay in C classes, in USD.

    `storage` (G, C) a day, as long as a class that tiers by itself has not; `steps` are its
    cheaper rates: (class, from idle days, (G,) a day). `volume` (G, C): reading the whole object
    once; `request` (C,): one read's requests. `change` (G, C, C) from, to, without early deletion;
    `early` (G, C): each of the `min_days` (C,) that was not served.
    """

    storage: Floats
    steps: tuple[tuple[int, int, Floats], ...]
    volume: Floats
    request: Floats
    change: Floats
    early: Floats
    min_days: Ints

    @property
    def classes(self) -> int:
        return int(self.storage.shape[1])


@dataclass(frozen=True, slots=True)
class Chain:
    """Where objects go in a day: (cells, cells) with a significant read and without; the rows of
    both together sum to one."""

    read: Floats
    rest: Floats

    @classmethod
    def of(cls, hazard: Hazard) -> "Chain":
        """The chain that a hazard table makes on its grid."""
        grid = hazard.grid
        rows, columns = grid.rows, grid.columns
        older = np.zeros((rows, rows))
        width = np.diff(np.array(grid.idle, np.float64))
        older[np.arange(rows - 1), np.arange(1, rows)] = 1 / width
        older[np.arange(rows), np.arange(rows)] = 1 - older.sum(1)
        rest = np.einsum("ij,ab->iajb", older, _fading(grid)).reshape(grid.cells, grid.cells)

        read = np.zeros((rows, columns, rows, columns))
        bursts = hazard.bursts.reshape(rows, columns, -1)
        for place, share in enumerate(hazard.sizes.tolist()):
            read[:, :, 0, :] += bursts[:, :, place, None] * _rise(grid, share)[None]
        chance = hazard.reads[:, None]
        return cls(read.reshape(grid.cells, -1) * chance, rest * (1 - chance))


def _fading(grid: Grid) -> Floats:
    """Chances that a day without reads takes the activity a column down, (columns, columns)."""
    ratio = np.log(grid.activity[1] / grid.activity[0])
    down = min(-np.log(grid.decay) / ratio, 1.0)
    result: Floats = np.eye(grid.columns) * (1 - down) + np.eye(grid.columns, k=-1) * down
    result[0, 0] = 1.0
    return result


def _rise(grid: Grid, share: float) -> Floats:
    """Chances of the column after a read of that share, (columns, columns): between the two
    centres around the new activity, so that it is right in the mean of logarithms."""
    centres, columns = grid.centres, grid.columns
    result = np.zeros((columns, columns))
    for column in range(columns):
        value = centres[column] * grid.decay + (1 - grid.decay) * share
        if value <= centres[1]:
            result[column, 0 if value < grid.activity[0] else 1] = 1.0
            continue
        low = min(int(np.searchsorted(centres, value, side="right")) - 1, columns - 2)
        part = np.log(value / centres[low]) / np.log(centres[low + 1] / centres[low])
        part = min(float(part), 1.0)
        result[column, low] = 1 - part
        result[column, low + 1] = part
    return result


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages of all classes in a row: those of class c are `first[c]` … `first[c + 1]` − 1."""

    steps: Ints  # (C,) days of a stage
    first: Ints  # (C + 1,)
    codes: Ints  # (S,) class of each
    next: Ints  # (S,) the stage after; the last one stays
    automatic: Bools  # (C,)

    @classmethod
    def of(cls, charges: Charges, step: int, most: int = 12) -> "Stages":
        """Stages of `step` days, longer where a class would have more than `most` of them."""
        lasts = charges.min_days.copy()
        automatic = np.zeros(charges.classes, np.bool_)
        for code, days, _ in charges.steps:
            lasts[code] = max(lasts[code], days)
            automatic[code] = True
        steps = np.maximum(-(-lasts // most), step)
        counts = -(-lasts // steps) + 1
        first = np.concatenate([[0], np.cumsum(counts)])
        following = np.arange(first[-1]) + 1
        following[first[1:] - 1] = first[1:] - 1
        codes = np.repeat(np.arange(charges.classes), counts)
        return cls(steps, first, codes, following, automatic)

    def days(self) -> Floats:
        """The first day of each stage, (S,)."""
        place = np.arange(len(self.codes)) - self.first[self.codes]
        return np.asarray(place * self.steps[self.codes], np.float64)

    def at(self, codes: Codes, days_in_class: Floats | Ints, idle_days: Floats | Ints) -> Ints:
        """The stage of objects in known classes (no code may be negative). Idle days count any
        read, and matter to classes that tier by themselves."""
        days = np.where(self.automatic[codes], np.minimum(days_in_class, idle_days), days_in_class)
        place = np.maximum(days, 0).astype(np.int64) // self.steps[codes]
        result: Ints = np.minimum(self.first[codes] + place, self.first[codes + 1] - 1)
        return result


@dataclass(frozen=True, slots=True)
class Values:
    """The solution. `stay` (cells, G, S): expected cost of staying this day and doing the best
    from then on; `leave` (G, S, C): what changing costs from each stage; `best` (cells, G, S):
    the class to be in; `forever` (cells, G, C): never leaving the last stage of a class. USD."""

    stages: Stages
    stay: Singles
    leave: Floats
    best: npt.NDArray[np.int16]
    forever: Floats
    rounds: int
    state: Singles  # to start the next solution from

    def choice(self, cells: Ints, sizes: Ints, stages: Ints) -> Codes:
        """The best class of objects in these cells, sizes and stages, (N,)."""
        result: Codes = self.best[cells, sizes, stages]
        return result

    def costs(
        self, cells: Ints, sizes: Ints, stages: Ints, target: Codes
    ) -> tuple[Floats, Floats, Floats]:
        """Of these objects: staying, being in the target class, and changing there; all (N,)."""
        stay = self.stay[cells, sizes, stages].astype(np.float64)
        there = self.stay[cells, sizes, self.stages.first[target]].astype(np.float64)
        return stay, there, self.leave[sizes, stages, target]


def solve(
    hazard: Hazard,
    charges: Charges,
    *,
    gamma: float = 0.997,
    demand: float = 1.0,
    margin: float = 0.0,
    step: int = 10,
    most: int = 12,
    rounds: int = 1000,
    tolerance: float = 3.0,
    start: Values | None = None,
    go_on: Callable[[], None] = lambda: None,
) -> Values:
    """Solve for all cells, sizes and stages.

    `demand` scales the volume read against the hazard's; `margin` is what a change must gain,
    in days of the dearest class's storage. Stops when what a day still adds to the values is the
    same for all states of a size to within `tolerance` of (1 − γ)/γ days of that storage: then no
    choice is worse than the best by more than `tolerance` such days (MacQueen's bounds); or after
    `rounds`. `start`: an earlier solution of the same shape.
    `go_on` is called now and then and may raise to end it.
    """
    chain, stages = Chain.of(hazard), Stages.of(charges, step, most)
    cells, groups = hazard.grid.cells, charges.storage.shape[0]
    # Values are kept in days of the dearest storage, with one request each.
    unit = charges.storage.max(1) + charges.request.min()
    cost = _day_costs(hazard, charges, stages, demand) / unit[None, :, None]
    leave = _leaving(charges, stages)
    own = stages.codes[:, None] == np.arange(charges.classes)[None, :]
    barrier = np.where(own[None], FOREVER, leave / unit[:, None, None] + margin)
    cost32, barrier32 = cost.astype(np.float32), barrier.astype(np.float32)
    read = chain.read.astype(np.float32)
    rest = chain.rest.astype(np.float32)
    both = read + rest
    touches = hazard.touches.astype(np.float32)[:, None, None]
    waking = [(c, slice(stages.first[c], stages.first[c + 1])) for c in
              np.flatnonzero(stages.automatic).tolist()]  # fmt: skip
    forward, entry = (1 / stages.steps[stages.codes]).astype(np.float32), stages.first[:-1]
    forever = _forever(chain, cost, stages, gamma)
    if start is not None and start.state.shape == cost.shape:
        value = start.state
    else:
        value = _one_change(forever, barrier, stages).astype(np.float32)
    stay, done, gain = value, 0, gamma / (1 - gamma)
    for done in range(1, rounds + 1):
        if not done % 10:
            go_on()
        ahead = value + forward * (value[:, :, stages.next] - value)
        coming = (both @ ahead.reshape(cells, -1)).reshape(value.shape)
        for code, part in waking:  # a read sends such a class back to its first stage
            woken = value[:, :, stages.first[code]]
            sleeping = (rest @ ahead[:, :, part].reshape(cells, -1)).reshape(cells, groups, -1)
            coming[:, :, part] = (
                (read @ woken)[:, :, None]
                + (1 - touches) * sleeping
                + touches * (rest @ woken)[:, :, None]
            )
        stay = cost32 + np.float32(gamma) * coming
        new = stay.copy()
        for code in range(charges.classes):
            np.minimum(new, stay[:, :, entry[code], None] + barrier32[None, :, :, code], out=new)
        added = (new - value).reshape(cells, groups, -1)
        high, low = added.max((0, 2)), added.min((0, 2))
        value = new
        if float((high - low).max()) * gain < tolerance:
            break
        if not done % _SHIFT:  # what all states still gain alike is known: no need to wait for it
            value = value + (np.float32(gain / 2) * (high + low))[None, :, None]
    best = np.broadcast_to(stages.codes.astype(np.int16), stay.shape).copy()
    least = stay - np.float32(1e-3)  # a tie stays
    for code in range(charges.classes):
        there = stay[:, :, entry[code], None] + barrier32[None, :, :, code]
        better = there < least
        best[better] = code
        least = np.where(better, there, least)
    scale = unit[None, :, None].astype(np.float32)
    forever *= unit[None, :, None]
    return Values(stages, stay * scale, leave, best, forever, done, value)


def _forever(chain: Chain, cost: Floats, stages: Stages, gamma: float) -> Floats:
    """The value of staying in a class for good, (cells, G, C), in its last stage."""
    lasts = cost[:, :, stages.first[1:] - 1]
    system = np.eye(len(cost)) - gamma * (chain.read + chain.rest)
    found = np.linalg.solve(system, lasts.reshape(len(cost), -1))
    return np.asarray(found.reshape(lasts.shape), np.float64)


def _one_change(forever: Floats, barrier: Floats, stages: Stages) -> Floats:
    """The value of changing once at most: where to begin, since it is near."""
    value: Floats = forever[:, :, stages.codes]
    for code in range(barrier.shape[2]):
        value = np.minimum(value, forever[:, :, code, None] + barrier[None, :, :, code])
    return value


def _day_costs(hazard: Hazard, charges: Charges, stages: Stages, demand: float) -> Floats:
    """Expected cost of a day in each state, (cells, G, S)."""
    any_read = hazard.any_read()[:, None, None]
    fresh = charges.storage[:, stages.codes]
    stored = fresh.copy()
    place = stages.days()
    for code, days, rate in charges.steps:
        there = (stages.codes == code) & (place >= days)
        stored[:, there] = rate[:, None]
    # The day of a read is billed at a class's first rate again.
    result = stored[None] * (1 - any_read) + fresh[None] * any_read
    reading = (demand * hazard.volume())[:, None, None] * charges.volume[:, stages.codes][None]
    asking = any_read * charges.request[stages.codes][None, None]
    return np.asarray(result + reading + asking)


def _leaving(charges: Charges, stages: Stages) -> Floats:
    """Cost of a change from each stage to each class, (G, S, C), early deletion included."""
    place = stages.days()
    half = (stages.steps[stages.codes] - 1) / 2
    middle = place + np.where(place < charges.min_days[stages.codes], half, 0.0)
    left = np.maximum(charges.min_days[stages.codes] - middle, 0.0)
    fees = charges.early[:, stages.codes] * left[None]
    return np.asarray(charges.change[:, stages.codes, :] + fees[:, :, None])
