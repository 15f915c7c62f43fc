"""Ridge regressions: how likely something is (logistic), and how much (least squares)."""

from dataclasses import dataclass

import numpy as np

from engine.forecast.accesses import Floats

_STEPS = 50
_SETTLED = 1e-7  # of the objective, relative
_FAR = 30.0  # of a linear predictor
_WIDE = 6.0  # standard deviations beyond which a feature says no more


@dataclass(frozen=True, slots=True)
class Line:
    """A linear predictor of F features: `weights` (F + 1,) of the standardised ones, the constant
    last."""

    mean: Floats
    scale: Floats
    weights: Floats

    def __call__(self, features: Floats) -> Floats:
        """The predictor of each row, (N,)."""
        value: Floats = _standard(features, self.mean, self.scale) @ self.weights
        return np.clip(value, -_FAR, _FAR)


def fit_chance(features: Floats, happened: Floats, ridge: float) -> Line:
    """Logistic regression by Newton's method; `happened` (N,) is 0 or 1."""
    mean, scale = _spread(features)
    standard = _standard(features, mean, scale)
    penalty = np.full(standard.shape[1], ridge)
    penalty[-1] = 1e-6
    share = np.clip(happened.mean(), 1e-4, 1 - 1e-4)
    weights = np.zeros(standard.shape[1])
    weights[-1] = np.log(share / (1 - share))

    def loss(line: Floats, chosen: Floats) -> float:
        missed = np.logaddexp(0.0, line) - happened * line
        return float(missed.sum() + 0.5 * (penalty * chosen**2).sum())

    line = standard @ weights
    best = loss(line, weights)
    for _ in range(_STEPS):
        likely = chance(line)
        slope = standard.T @ (happened - likely) - penalty * weights
        curve = (standard * np.maximum(likely * (1 - likely), 1e-9)[:, None]).T @ standard
        step = np.linalg.solve(curve + np.diag(penalty), slope)
        for _ in range(20):  # a whole Newton step may overshoot
            line = standard @ (weights + step)
            reached = loss(line, weights + step)
            if reached <= best:
                break
            step /= 2
        else:
            break
        weights, gained, best = weights + step, best - reached, reached
        if gained <= _SETTLED * abs(best):
            break
    return Line(mean, scale, weights)


def fit_level(features: Floats, values: Floats, ridge: float) -> Line:
    """Ordinary ridge regression of `values` (N,)."""
    mean, scale = _spread(features)
    standard = _standard(features, mean, scale)
    penalty = np.full(standard.shape[1], ridge)
    penalty[-1] = 1e-6
    curve = standard.T @ standard + np.diag(penalty)
    weights = np.linalg.solve(curve, standard.T @ values).astype(np.float64)
    return Line(mean, scale, weights)


def chance(line: Floats) -> Floats:
    """The chances that belong to a logistic predictor."""
    value: Floats = 1 / (1 + np.exp(-np.clip(line, -_FAR, _FAR)))
    return value


def _spread(features: Floats) -> tuple[Floats, Floats]:
    scale = features.std(axis=0)
    return features.mean(axis=0), np.where(scale > 1e-9, scale, 1.0)


def _standard(features: Floats, mean: Floats, scale: Floats) -> Floats:
    standard = np.clip((features - mean) / scale, -_WIDE, _WIDE)
    return np.column_stack([standard, np.ones(len(features))])
