"""What the forecast looks at of an object on the morning of a day: only the days before it."""

import datetime as dt
from dataclasses import dataclass

import numpy as np

from engine.forecast.accesses import Accesses, Floats, Ints

HALF_LIVES = (3.0, 10.0, 30.0, 90.0)  # days
REACH = 1100  # days that can matter: three years of seasons
_IDLE = (1, 2, 4, 8, 15, 31, 61, 121, 241)  # where the steps of idle days begin
_YOUNG = (30, 90)  # days
_EPOCH = dt.date(1970, 1, 1).toordinal()
_LEAST, _MOST = 1e-4, 0.999


@dataclass(frozen=True, slots=True)
class Decayed:
    """Daily means of each object, recent days weighing more, (N,) each: reads, the share of days
    with reads, and reads of such a day (logarithmic). Young objects are judged by their days."""

    reads: Floats
    active: Floats
    level: Floats


def decayed(accesses: Accesses, day: int, half_life: float) -> Decayed:
    """Exponentially weighted means over the days before `day`."""
    rows = accesses.rows(day - REACH, day)
    who, count = accesses.objects[rows], len(accesses)
    ago = (day - 1 - accesses.days[rows]).astype(np.float64)
    weight = 0.5 ** (ago / half_life) * (1 - 0.5 ** (1 / half_life))
    age = np.maximum(day - accesses.born, 1).astype(np.float64)
    seen = np.maximum(1 - 0.5 ** (age / half_life), 1 - 0.5 ** (7 / half_life))
    reads = accesses.reads[rows]
    active = np.bincount(who, weight, count) / seen
    logs = np.bincount(who, np.log1p(reads) * weight, count) / seen
    return Decayed(
        np.bincount(who, reads * weight, count) / seen, active, logs / np.maximum(active, 1e-3)
    )


@dataclass(frozen=True, slots=True)
class View:
    """Features of M objects: for how likely a read is, and for how many there are if so."""

    chance: Floats  # (M, F)
    level: Floats  # (M, G)


def view_at(accesses: Accesses, day: int, horizon: int, objects: Ints) -> View:
    """What is known of these objects before `day`, about the `horizon` days from it on."""
    chances: list[Floats] = []
    levels: list[Floats] = []
    for half_life in HALF_LIVES:
        mean = decayed(accesses, day, half_life)
        daily = np.clip(mean.active[objects], _LEAST, 0.995)
        within = np.clip(1 - (1 - daily) ** horizon, _LEAST, _MOST)
        chances.append(np.log(within / (1 - within)))
        levels += [np.log1p(mean.reads[objects] * horizon), mean.level[objects]]
    idle = idle_days(accesses, day)[objects]
    age = np.maximum(day - accesses.born[objects], 1)
    steps = np.searchsorted(np.array(_IDLE), idle, side="right")
    both = [np.log(idle)]
    both += [(steps == step).astype(np.float64) for step in range(1, len(_IDLE) + 1)]
    both += [(age < young).astype(np.float64) for young in _YOUNG]
    both += _seasons(accesses, day, horizon, objects)
    return View(np.column_stack(chances + both), np.column_stack(levels + both))


def idle_days(accesses: Accesses, day: int) -> Ints:
    """Days since the last read before `day`, or since birth, at least 1; (N,)."""
    rows = accesses.rows(day - REACH, day)
    last = accesses.born.copy()
    np.maximum.at(last, accesses.objects[rows], accesses.days[rows])
    return np.maximum(day - last, 1)


def _seasons(accesses: Accesses, day: int, horizon: int, objects: Ints) -> list[Floats]:
    """Reads in the windows that one to three weeks, one to three months and a year ago stood as
    the coming one does, and whether all weeks or months had some."""

    def window(start: int) -> Floats:
        return accesses.total(start, min(start + horizon, day))[objects]

    weeks = [window(day - 7 * n) for n in (1, 2, 3)]
    months = [window(months_before(day, n)) for n in (1, 2, 3)]
    every_week, every_month = np.minimum.reduce(weeks), np.minimum.reduce(months)
    return [
        np.log1p(weeks[0]),
        np.log1p(every_week),
        np.log1p(months[0]),
        np.log1p(every_month),
        (every_week > 0).astype(np.float64),
        (every_month > 0).astype(np.float64),
        np.log1p(window(day - 364)),
    ]


def months_before(day: int, count: int) -> int:
    """The same day of the month so many months before, as an epoch day (in a shorter month its
    last day)."""
    date = dt.date.fromordinal(day + _EPOCH)
    year, month = divmod(date.year * 12 + date.month - 1 - count, 12)
    after = dt.date(year + month // 11, (month + 1) % 12 + 1, 1)
    last = (after - dt.timedelta(days=1)).day
    return dt.date(year, month + 1, min(date.day, last)).toordinal() - _EPOCH
