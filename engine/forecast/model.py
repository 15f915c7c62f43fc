"""The forecast of accesses: chances of the next read, and how many reads there will be.

For each horizon a logistic regression tells how likely a read is, and a linear one on a
logarithmic scale how many reads there are if so, both fitted over all objects and many past
mornings. They look at an object's own decayed means, its idle days and the same window of earlier
weeks, months and years: the first steady the rest, and where patterns do not pay the ridge keeps
them out. A horizon for which the history is too short is drawn out from the next shorter one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.forecast.accesses import Accesses, Floats, Ints
from engine.forecast.features import idle_days, view_at
from engine.forecast.glm import Line, chance, fit_chance, fit_level
from engine.forecast.rivals import tsb

CHANCES = (1, 7, 30, 90)  # days within which a next read is asked for
COUNTS = (7, 30, 90)  # days for which reads are counted
LEAST_DAYS = 42
LEAST_OBJECTS = 10
LEAST_READS = 100  # days with reads, over all objects
FALLBACK = "tsb"

_WINDOW = 150  # days of mornings that are learnt from: patterns change
_SETTLE = 14  # days of history before the first morning
_STEP = 3  # days between mornings, where the horizon is not shorter
_ROWS = 150_000  # of one fit
_MOST_OBJECTS = 20_000
_RIDGE = 30.0
_BURST = 2.0  # a residual counts at most e² times what was expected
_SMEAR = 3.0
_FALLBACK_HALF_LIFE = 30.0

Beat = Callable[[], None]  # called now and then; may raise to end the work


@dataclass(frozen=True, slots=True)
class Forecast:
    """About M objects, on one morning. `chances` (M, 4) of a read within 1, 7, 30 and 90 days;
    `reads` (M, 3) the mean number in 7, 30 and 90 days; `typical` (M, 3) the same on the scale of
    log(1 + reads), on which a rare burst weighs less."""

    chances: Floats
    reads: Floats
    typical: Floats
    version: str

    def within(self, days: int) -> Floats:
        """The chance of a read within one of `CHANCES`."""
        return self.chances[:, CHANCES.index(days)]

    def expected(self, days: int) -> Floats:
        """Mean reads in one of `COUNTS`."""
        return self.reads[:, COUNTS.index(days)]


@dataclass(frozen=True, slots=True)
class Horizon:
    """One horizon's two lines; `smear` brings the exponent of the level to its mean, which is
    never below `least` (a logarithm; 0: one read)."""

    chance: Line
    level: Line
    smear: float
    least: float = 0.0


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted forecast. `horizons` by days; those that are missing are drawn out. Of objects
    that were idle for more days than `longest` nothing was learnt: see `_bounded`."""

    version: str
    horizons: Mapping[int, Horizon] = field(default_factory=dict)
    longest: int = 10**6

    def forecast(self, accesses: Accesses, day: int, objects: Ints) -> Forecast:
        """What to expect of these objects from `day` on, from the days before it."""
        if not self.horizons:
            return fallback(accesses, day, objects)
        likely: dict[int, Floats] = {}
        mean: dict[int, Floats] = {}
        usual: dict[int, Floats] = {}
        idle = idle_days(accesses, day)[objects]
        for days, fitted in self.horizons.items():
            view = view_at(accesses, day, days, objects)
            likely[days] = chance(fitted.chance(view.chance))
            level = np.maximum(fitted.level(view.level), fitted.least)
            mean[days] = likely[days] * np.exp(level) * fitted.smear
            usual[days] = np.expm1(likely[days] * np.log1p(np.exp(level)))
            bound = _bounded(idle, self.longest, days, likely[days])
            likely[days], mean[days] = likely[days] * bound, mean[days] * bound
            usual[days] = np.expm1(np.log1p(usual[days]) * bound)
        for days in CHANCES:
            if days not in likely:
                near = max((known for known in likely if known < days), default=min(likely))
                times = days / near
                likely[days] = 1 - (1 - likely[near]) ** times
                mean[days], usual[days] = mean[near] * times, usual[near] * times
        return Forecast(
            np.maximum.accumulate(np.column_stack([likely[d] for d in CHANCES]), axis=1),
            np.maximum.accumulate(np.column_stack([mean[d] for d in COUNTS]), axis=1),
            np.maximum.accumulate(np.column_stack([usual[d] for d in COUNTS]), axis=1),
            self.version,
        )


def _bounded(idle: Ints, longest: int, days: int, likely: Floats) -> Floats:
    """The share of each chance that is left: what was idle longer than anything that the model
    learnt from is taken to be read at most once in as many days again."""
    most = 1 - (1 - 1 / (idle + 1.0)) ** days
    return np.where(idle > longest, np.minimum(most / np.maximum(likely, 1e-12), 1.0), 1.0)


def longest_idle(accesses: Accesses, end: int) -> int:
    """The days that the most idle object has been idle by `end`."""
    alive = accesses.alive(end)
    return int(idle_days(accesses, end)[alive].max()) if len(alive) else 0


def fallback(accesses: Accesses, day: int, objects: Ints) -> Forecast:
    """TSB, for histories that are too short to fit anything."""
    simple = tsb(_FALLBACK_HALF_LIFE)(accesses, day, objects)
    reads = np.column_stack([simple.expected(days) for days in COUNTS])
    return Forecast(
        np.column_stack([simple.within(days) for days in CHANCES]), reads, reads, FALLBACK
    )


def too_little(accesses: Accesses) -> str:
    """Why nothing can be fitted on this history, "" if it is enough."""
    read = len(np.unique(accesses.objects))
    if accesses.length < LEAST_DAYS:
        return f"it covers {accesses.length} days, and {LEAST_DAYS} are needed"
    if read < LEAST_OBJECTS:
        return f"it has {read} objects that were read, and {LEAST_OBJECTS} are needed"
    if len(accesses.days) < LEAST_READS:
        return f"it has {len(accesses.days)} days with reads, and {LEAST_READS} are needed"
    return ""


def fit(
    accesses: Accesses,
    end: int,
    horizons: Sequence[int] = CHANCES,
    beat: Beat = lambda: None,
) -> Mapping[int, Horizon]:
    """Learn from the days before `end`: those of the horizons that the history allows."""
    found: dict[int, Horizon] = {}
    for horizon in horizons:
        mornings = mornings_before(accesses, end, horizon)
        fitted = _fit_horizon(accesses, mornings, horizon, beat)
        if fitted is None:
            break  # longer ones have less to learn from
        found[horizon] = fitted
    return found


def mornings_before(accesses: Accesses, end: int, horizon: int) -> Sequence[int]:
    """Days whose `horizon` is over by `end`, the latest first, so many as one fit takes."""
    last, first = end - horizon, max(end - horizon - _WINDOW, accesses.first_day + _SETTLE)
    most = max(_ROWS // max(len(accesses), 1), 8)
    step = max(min(_STEP, horizon), -(-(last - first) // most))
    return range(last, first - 1, -step)


def sample(accesses: Accesses) -> Accesses:
    """At most 20,000 of the objects, always the same ones."""
    if len(accesses) <= _MOST_OBJECTS:
        return accesses
    chosen = np.random.default_rng(1).choice(len(accesses), _MOST_OBJECTS, replace=False)
    return accesses.only(np.sort(chosen).astype(np.int64))


def _fit_horizon(
    accesses: Accesses, mornings: Sequence[int], horizon: int, beat: Beat
) -> Horizon | None:
    chances, levels, counts = [], [], []
    for day in mornings:
        beat()
        alive = accesses.alive(day)
        view = view_at(accesses, day, horizon, alive)
        chances.append(view.chance)
        levels.append(view.level)
        counts.append(accesses.total(day, day + horizon)[alive])
    if len(mornings) < 4:
        return None
    reads = np.concatenate(counts)
    read = reads > 0
    if not _SETTLE < int(read.sum()) < len(read):
        return None
    beat()
    likely = fit_chance(np.concatenate(chances), read.astype(np.float64), _RIDGE)
    beat()
    seen = np.concatenate(levels)[read]
    level = fit_level(seen, np.log(reads[read]), _RIDGE)
    least = min(float(np.log(reads[read]).min()), 0.0)  # parts of reads may be counted
    residual = np.log(reads[read]) - np.maximum(level(seen), least)
    smear = float(np.clip(np.exp(np.minimum(residual, _BURST)).mean(), 1.0, _SMEAR))
    return Horizon(likely, level, smear, least)
