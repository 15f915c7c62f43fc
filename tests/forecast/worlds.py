"""Histories with known habits."""

import datetime as dt

import numpy as np

from engine.forecast.accesses import Accesses, Bools

EPOCH = 719_163
FIRST = dt.date(2025, 1, 1).toordinal() - EPOCH


def accesses_of(reads: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> Accesses:
    """Reads (objects, days) from `FIRST` on; all objects are as old as the history."""
    objects, days = np.nonzero(reads)
    count = len(reads)
    return Accesses.of(
        objects.astype(np.int64),
        days.astype(np.int64) + FIRST,
        reads[objects, days],
        count,
        first_day=FIRST,
        end_day=FIRST + reads.shape[1],
        born=np.full(count, FIRST),
    )


def month_starts(days: int) -> Bools:
    """Which days are the first of a month."""
    return np.array([dt.date.fromordinal(FIRST + EPOCH + n).day == 1 for n in range(days)])


def mixed(days: int = 330, each: int = 12, seed: int = 1) -> Accesses:
    """Four habits, `each` objects of each: often, seldom, reports read on the first of a month,
    and silent."""
    random = np.random.default_rng(seed)
    often = random.poisson(4.0, (each, days)) * (random.random((each, days)) < 0.8)
    seldom = random.poisson(2.0, (each, days)) * (random.random((each, days)) < 0.02)
    monthly = np.where(month_starts(days), 3 + random.poisson(3.0, (each, days)), 0)
    silent = np.zeros((each, days))
    return accesses_of(np.vstack([often, seldom, monthly, silent]).astype(np.float64))
