"""When an object will be read next, and how much of it: a hazard by idle days and activity.

The state of an object is a cell of a grid: days since its last significant read (or since it was
created) × activity, the exponentially decayed share of its bytes that is read a day. For each cell
the table has

- the hazard: the chance of a significant read on the next day,
- the burst: how much of the object such a read takes, as a distribution over a few sizes,
- the chance of a read too small to matter for the bill, which still wakes a class that tiers by
  itself, and what such days read.

A cell that was seldom seen borrows from its row and column, these from the population, and the
population from the documented prior: the fewer object-days, the more (empirical Bayes with fixed
prior weights). Days are added one by one, so a table can only know days that are over.
"""

import hashlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.pricing.columns import Bools, Floats

Ints = npt.NDArray[np.int64]

BURSTS = (0.003, 0.0153, 0.0777, 0.395, 2.0)  # limits between the sizes of a burst, as shares
_BURST_PRIOR = (0.001, 0.007, 0.035, 0.175, 1.0, 2.5)
_CHANGES = (4, 9, 12)  # idle rows at which the bursts of another group begin
_LEAST, _MOST = 1e-5, 0.98  # a chance is never quite nothing, nor certain


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells. `idle` are first days of the rows (from 0), `activity` limits between columns.

    A read is significant from the share `significant` of an object on; a day counts as at most
    `cap` whole reads, so that one burst does not keep an object warm for years.
    """

    idle: tuple[int, ...] = (0, 1, 2, 3, 5, 8, 12, 18, 27, 40, 60, 90, 135, 200, 300)
    activity: tuple[float, ...] = tuple(np.geomspace(1e-4, 0.5, 10).tolist())
    half_life: float = 20.0
    significant: float = 0.001
    cap: float = 3.0

    @property
    def rows(self) -> int:
        return len(self.idle)

    @property
    def columns(self) -> int:
        return len(self.activity) + 1

    @property
    def cells(self) -> int:
        return self.rows * self.columns

    @property
    def decay(self) -> float:
        """What a day leaves of the activity."""
        return float(0.5 ** (1 / self.half_life))

    @property
    def centres(self) -> Floats:
        """The activity that stands for each column, (columns,)."""
        limits = np.array(self.activity)
        inner = np.sqrt(limits[1:] * limits[:-1])
        return np.concatenate([[0.0], inner, [limits[-1] * 1.5]])

    def cell(self, idle_days: Ints | Floats, activity: Floats) -> Ints:
        """The cell of each object, row-major."""
        row = np.searchsorted(np.array(self.idle), idle_days, side="right") - 1
        column = np.searchsorted(np.array(self.activity), activity, side="right")
        result: Ints = np.maximum(row, 0) * self.columns + column
        return result


@dataclass(slots=True)
class States:
    """Where N objects stand in a grid, brought on day by day. Arrays have shape (N,).

    `idle` counts full days without a significant read; it is 0 on the day after one.
    """

    grid: Grid
    idle: Ints
    activity: Floats

    @classmethod
    def new(cls, grid: Grid, count: int) -> "States":
        """Objects that are about to be created."""
        return cls(grid, np.zeros(count, np.int64), np.zeros(count))

    def cells(self) -> Ints:
        return self.grid.cell(self.idle, self.activity)

    def advance(self, shares: Floats, alive: Bools) -> None:
        """A day is over in which these shares of the objects were read."""
        taken = np.where(alive, np.minimum(shares, self.grid.cap), 0.0)
        decay = self.grid.decay
        self.activity *= decay
        self.activity += (1 - decay) * taken
        self.idle += alive
        self.idle[taken >= self.grid.significant] = 0


@dataclass(slots=True)
class Counts:
    """What was seen in each cell so far, weighted. Shapes: (cells,), bursts (cells, B)."""

    grid: Grid
    days: Floats = field(init=False)
    reads: Floats = field(init=False)  # days with a significant read
    touches: Floats = field(init=False)  # days with other reads only
    touched: Floats = field(init=False)  # shares these read
    bursts: Floats = field(init=False)
    burst_shares: Floats = field(init=False)  # (B,)
    object_days: float = 0.0

    def __post_init__(self) -> None:
        sizes = len(BURSTS) + 1
        self.days = np.zeros(self.grid.cells)
        self.reads = np.zeros(self.grid.cells)
        self.touches = np.zeros(self.grid.cells)
        self.touched = np.zeros(self.grid.cells)
        self.bursts = np.zeros((self.grid.cells, sizes))
        self.burst_shares = np.zeros(sizes)

    def add(self, cells: Ints, shares: Floats, touched: Bools, weights: Floats) -> None:
        """A day of objects that were in these cells when it began; `shares` of them were read,
        `touched` tells of any read at all."""
        cut = np.minimum(shares, self.grid.cap)
        big = cut >= self.grid.significant
        small = touched & ~big
        count = self.grid.cells
        self.object_days += len(cells)
        self.days += np.bincount(cells, weights, count)
        self.reads += np.bincount(cells[big], weights[big], count)
        self.touches += np.bincount(cells[small], weights[small], count)
        self.touched += np.bincount(cells[small], weights[small] * cut[small], count)
        size = np.searchsorted(np.array(BURSTS), cut[big])
        np.add.at(self.bursts, (cells[big], size), weights[big])
        self.burst_shares += np.bincount(size, weights[big] * cut[big], self.burst_shares.size)

    def quiet(self, cells: Ints, weights: Floats, object_days: float) -> None:
        """Days without any read: `weights` of them fell into these cells."""
        self.object_days += object_days
        self.days += np.bincount(cells, weights, self.grid.cells)


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """How many object-days a cell, and a row or column, must have seen to weigh as much as what
    it borrows from; and how many reads a distribution of bursts."""

    cell: float = 50.0
    margin: float = 50.0
    bursts: float = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Hazard:
    """The fitted table, for each cell.

    `reads`: chance of a significant read; `touches`: of another read where there is none;
    `touched`: share read on a day without a significant read; `bursts` (cells, B): chances of the
    burst sizes `sizes` (B,). `days`: weighted object-days seen in the cell, `object_days` in all.
    `follow` names whom the guards follow instead of this table, "" for nobody, and `why`.
    """

    grid: Grid
    reads: Floats
    touches: Floats
    touched: Floats
    bursts: Floats
    sizes: Floats
    days: Floats
    object_days: float
    follow: str = ""
    why: str = ""

    @property
    def version(self) -> str:
        """`prior` for the prior alone; else the object-days and a digest of the table."""
        if not self.object_days:
            return "hazard-prior"
        digest = hashlib.sha256(self.reads.tobytes() + self.bursts.tobytes()).hexdigest()[:8]
        return f"hazard-{self.object_days:.0f}d-{digest}"

    def evidence(self) -> Floats:
        """How far each cell rests on what was seen in it, from 0 (borrowed) to 1, (cells,)."""
        return np.asarray(self.days / (self.days + Shrinkage().cell))

    def volume(self) -> Floats:
        """Expected share read on the next day, (cells,)."""
        burst = self.bursts @ self.sizes
        return np.asarray(self.reads * burst + (1 - self.reads) * self.touched)

    def any_read(self) -> Floats:
        """Chance of any read on the next day, (cells,)."""
        return np.asarray(self.reads + (1 - self.reads) * self.touches)


def prior_hazard(grid: Grid) -> Floats:
    """The chance of a read on the next day by idle days alone, (rows,), where nothing was seen.

    A power law through two points measured on a public archive's access log: .67 on the day after
    a read, .003 after 180 idle days.
    """
    middle = np.array([*grid.idle[1:], 2 * grid.idle[-1]], np.float64)
    idle = (np.array(grid.idle) + middle - 1) / 2
    return np.asarray(0.67 / (1 + idle) ** 1.04)


def fit(counts: Counts, shrinkage: Shrinkage | None = None) -> Hazard:
    """The table of what was counted; with nothing counted, the prior."""
    grid, weigh = counts.grid, shrinkage or Shrinkage()
    total = counts.days.sum()
    # Weights are relative: on average an object-day weighs one.
    scale = counts.object_days / total if total > 0 else 0.0
    shape = (grid.rows, grid.columns)
    days = (counts.days * scale).reshape(shape)
    reads = (counts.reads * scale).reshape(shape)
    others = (counts.touches * scale).reshape(shape)
    touched = (counts.touched * scale).reshape(shape)
    prior = prior_hazard(grid)

    # Rows shrink to the prior as far as it fits the population, columns to what rows explain.
    level = (reads.sum() + weigh.margin * prior[0]) / (
        (days.sum(1) * prior).sum() + weigh.margin * prior[0]
    )
    by_row = (reads.sum(1) + weigh.margin * prior * level) / (days.sum(1) + weigh.margin)
    explained = (days * by_row[:, None]).sum(0)
    mean = max(reads.sum() / days.sum(), _LEAST) if total > 0 else prior[0]
    by_column = (reads.sum(0) + weigh.margin * mean) / (explained + weigh.margin * mean)
    borrowed = np.clip(by_row[:, None] * by_column[None, :], _LEAST, _MOST)
    hazard = (reads + weigh.cell * borrowed) / (days + weigh.cell)

    rest = days - reads
    few = others.sum() / rest.sum() if rest.sum() > 0 else 0.0
    touch_column = (others.sum(0) + weigh.margin * few) / (rest.sum(0) + weigh.margin)
    touches = (others + weigh.cell * touch_column) / (rest + weigh.cell)
    small = touched.sum(0) / (rest.sum(0) + weigh.margin)
    chances, sizes = _bursts(counts, scale, weigh.bursts)
    return Hazard(
        grid,
        hazard.ravel(),
        touches.ravel(),
        np.broadcast_to(small, shape).ravel(),
        chances,
        sizes,
        days.ravel(),
        counts.object_days,
    )


def _bursts(counts: Counts, scale: float, weigh: float) -> tuple[Floats, Floats]:
    """Chances (cells, B) and sizes (B,) of the bursts: by idle group and activity, borrowed from
    the activity, and that from all bursts."""
    grid = counts.grid
    shape = (grid.rows, grid.columns, len(BURSTS) + 1)
    seen = (counts.bursts * scale).reshape(shape)
    whole = np.searchsorted(np.array(BURSTS), 1.0)
    everywhere = seen.sum((0, 1))
    everywhere[whole] += 1.0  # nothing seen: whole reads
    population = everywhere / everywhere.sum()
    column = seen.sum(0)
    column = (column + weigh * population) / (column.sum(-1, keepdims=True) + weigh)
    starts = [0, *_CHANGES]
    group = np.searchsorted(np.array(_CHANGES), np.arange(grid.rows), side="right")
    grouped = np.add.reduceat(seen, [s for s in starts if s < grid.rows], axis=0)
    grouped = (grouped + weigh * column) / (grouped.sum(-1, keepdims=True) + weigh)
    total = counts.bursts.sum(0)
    prior = np.array(_BURST_PRIOR)
    sizes = np.where(total > 0, counts.burst_shares / np.where(total > 0, total, 1.0), prior)
    return grouped[group].reshape(grid.cells, -1), sizes
