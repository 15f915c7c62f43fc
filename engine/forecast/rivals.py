"""Simple forecasts: what a model must beat, and what stands in for it without enough history."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.forecast.accesses import Accesses, Floats, Ints
from engine.forecast.features import REACH, decayed

HALF_LIVES = (7.0, 14.0, 30.0, 90.0)  # that EWMA and TSB may choose from
_PRIOR_DAYS = 3.0  # how many days of its own an object needs to outweigh the population
_UNSEEN = 1 / 180  # share of days with reads, where nothing at all is known
_PRIOR = 60.0  # days that this guess weighs in the population


@dataclass(frozen=True, slots=True)
class Simple:
    """A constant forecast of M objects: the share of days with reads, and reads a day."""

    active: Floats
    reads: Floats

    def within(self, days: int) -> Floats:
        """The chance of a read within so many days."""
        chance: Floats = 1 - (1 - np.clip(self.active, 0.0, 0.999)) ** days
        return chance

    def expected(self, days: int) -> Floats:
        """Reads within so many days."""
        return self.reads * days


Rival = Callable[[Accesses, int, Ints], Simple]


def naive(accesses: Accesses, day: int, objects: Ints) -> Simple:
    """It goes on as in the last seven days."""
    return Simple(
        accesses.active(day - 7, day)[objects] / 7, accesses.total(day - 7, day)[objects] / 7
    )


def ewma(half_life: float) -> Rival:
    """Exponentially weighted means of the days, with and without reads."""

    def forecast(accesses: Accesses, day: int, objects: Ints) -> Simple:
        mean = decayed(accesses, day, half_life)
        return Simple(mean.active[objects], mean.reads[objects])

    return forecast


def tsb(half_life: float) -> Rival:
    """Teunter, Syntetos and Babai: how often, decayed by days, times how much, decayed by the
    days that had reads; young and silent objects lean on the population."""

    def forecast(accesses: Accesses, day: int, objects: Ints) -> Simple:
        mean = decayed(accesses, day, half_life)
        age = np.maximum(day - accesses.born, 0)
        known = np.minimum(age.astype(np.float64), half_life / np.log(2))
        alive = age > 0
        read_days = float((mean.active * known)[alive].sum())
        usual = (read_days + _UNSEEN * _PRIOR) / (float(known[alive].sum()) + _PRIOR)
        active = (mean.active * known + usual * _PRIOR_DAYS) / (known + _PRIOR_DAYS)
        sizes = _sizes(accesses, day)
        return Simple(active[objects], (active * sizes)[objects])

    return forecast


def _sizes(accesses: Accesses, day: int, smoothing: float = 0.2) -> Floats:
    """Reads of a day with reads, smoothed over such days; the population's median where there
    was none."""
    rows = accesses.rows(day - REACH, day)
    who, reads = accesses.objects[rows], accesses.reads[rows]
    usual = float(np.median(reads)) if len(reads) else 1.0
    order = np.argsort(who, kind="stable")  # by object, in the order of the days
    who, reads = who[order], reads[order]
    ends = np.searchsorted(who, who, side="right") - 1
    weight = smoothing * (1 - smoothing) ** (ends - np.arange(len(who)))
    count = len(accesses)
    total = np.bincount(who, weight, count)
    smoothed = np.bincount(who, weight * reads, count)
    return np.where(total > 0, smoothed / np.where(total > 0, total, 1.0), usual)
