"""How good a forecast is on weeks that it has not seen, beside simpler ones."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.forecast.accesses import Accesses, Bools, Floats
from engine.forecast.model import CHANCES, COUNTS, Beat, Model, fit, mornings_before
from engine.forecast.rivals import HALF_LIVES, Rival, ewma, naive, tsb

_FOLD = 28  # days between two fits
_FOLDS = 6
_SPAN = 7  # days between the mornings that are judged
_TUNING = 6  # mornings on which EWMA and TSB choose their half-life
_CLIP = 1e-3  # a chance is judged as at least that, and at most its complement


@dataclass(frozen=True, slots=True)
class Skill:
    """One method's errors over one horizon (days), on `cases` objects and mornings.

    `reads_error` is the mean absolute error of the number of reads as a share of the naive
    forecast's, `log_error` the root mean square error of log(1 + reads); `brier`, `log_loss` and
    `auc` judge the chance of a read. NaN where nothing can be said.
    """

    method: str
    horizon: int
    cases: int
    reads_error: float
    log_error: float
    brier: float
    log_loss: float
    auc: float


@dataclass(slots=True)
class _Judged:
    """What was forecast and what came, morning by morning."""

    chances: list[Floats]
    reads: list[Floats]


def held_out(accesses: Accesses, beat: Beat = lambda: None) -> list[Skill]:
    """Judge the model and its rivals on the last weeks: refitted every four weeks on the days
    before, and asked every week. Empty where the history is too short for that."""
    table: list[Skill] = []
    for horizon in CHANCES:
        judged: dict[str, _Judged] = {}
        truths: list[Floats] = []
        for fold in _folds(accesses, horizon):
            model = Model("held-out", fit(accesses, fold, (horizon,), beat))
            if not model.horizons:
                continue
            rivals = _tuned(accesses, fold, horizon)
            for day in range(fold, min(fold + _FOLD, accesses.end_day - horizon + 1), _SPAN):
                beat()
                alive = accesses.alive(day)
                truths.append(accesses.total(day, day + horizon)[alive])
                forecast = model.forecast(accesses, day, alive)
                column = COUNTS.index(horizon) if horizon in COUNTS else None
                typical = (
                    forecast.within(horizon) if column is None else forecast.typical[:, column]
                )
                _note(judged, "model", forecast.within(horizon), typical)
                for name, rival in rivals.items():
                    simple = rival(accesses, day, alive)
                    _note(judged, name, simple.within(horizon), simple.expected(horizon))
        if truths:
            table += _table(judged, np.concatenate(truths), horizon)
    return table


def _folds(accesses: Accesses, horizon: int) -> range:
    last = accesses.end_day - horizon - _FOLD + 1
    first = max(last - (_FOLDS - 1) * _FOLD, accesses.first_day + _FOLD)
    first = last - (last - first) // _FOLD * _FOLD
    return range(first, last + 1, _FOLD) if last >= first else range(0)


def _tuned(accesses: Accesses, fold: int, horizon: int) -> dict[str, Rival]:
    """The rivals with the half-life that would have been best just before."""
    mornings = list(mornings_before(accesses, fold, horizon))[:_TUNING]

    def best(make: Callable[[float], Rival]) -> Rival:
        errors = []
        for half_life in HALF_LIVES:
            rival, error = make(half_life), 0.0
            for day in mornings:
                alive = accesses.alive(day)
                read = accesses.total(day, day + horizon)[alive] > 0
                error += float(((rival(accesses, day, alive).within(horizon) - read) ** 2).sum())
            errors.append(error)
        return make(HALF_LIVES[int(np.argmin(errors))])

    return {"naive": naive, "ewma": best(ewma), "tsb": best(tsb)}


def _note(judged: dict[str, _Judged], name: str, chances: Floats, reads: Floats) -> None:
    entry = judged.setdefault(name, _Judged([], []))
    entry.chances.append(chances)
    entry.reads.append(reads)


def _table(judged: dict[str, _Judged], truth: Floats, horizon: int) -> list[Skill]:
    read = truth > 0
    naive_error = float(np.abs(np.concatenate(judged["naive"].reads) - truth).mean())
    rows = []
    for name, entry in judged.items():
        chances, reads = np.concatenate(entry.chances), np.concatenate(entry.reads)
        error = float(np.abs(reads - truth).mean())
        counted = horizon in COUNTS
        clipped = np.clip(chances, _CLIP, 1 - _CLIP)
        rows.append(
            Skill(
                name,
                horizon,
                len(truth),
                error / naive_error if naive_error > 0 and counted else np.nan,
                float(np.sqrt(((np.log1p(reads) - np.log1p(truth)) ** 2).mean()))
                if counted
                else np.nan,
                float(((chances - read) ** 2).mean()),
                float(-np.log(np.where(read, clipped, 1 - clipped)).mean()),
                area(chances, read),
            )
        )
    return rows


def area(chances: Floats, read: Bools) -> float:
    """Area under the ROC curve: how often of two objects the one that is read had the greater
    chance; NaN where all were, or none."""
    yes, no = int(read.sum()), int((~read).sum())
    if not yes or not no:
        return float("nan")
    _, inverse, counts = np.unique(chances, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[read].sum() - yes * (yes + 1) / 2) / (yes * no))
