"""The settings of the `cost` model, one set for every provider and history.

They were chosen by rolling validation; `docs/tiering.md` has the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import UsageError
from engine.pricing.columns import Floats
from engine.tiering.hazard import Ints

# Objects are solved for by size, since fees by the object weigh more on small ones: upper limits
# in bytes, and the size that stands for each group. 128 KiB is where minimum sizes end.
SIZE_LIMITS = (16_384, 131_072, 1 << 20, 1 << 24)
SIZES = (8_192, 65_536, 1 << 19, 1 << 22, 1 << 30)


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """`demand`: how much of the volume that the hazard expects is believed; readers go away more
    often than the past shows. `weight`: an object-day counts volume^weight when the hazard is
    fitted, since a large object's mistake costs more. `gamma` a day. `margin`: what a change must
    gain, in days of the dearest storage. `refit_days` between two fits. `step`: days of a stage.
    `shadow_days`: how long before the first decision the guards begin to race; `learn_days`: how
    long before that the model learns, if the history reaches that far.
    """

    demand: float = 0.6
    weight: float = 0.6
    gamma: float = 0.997
    margin: float = 0.0
    refit_days: int = 60
    step: int = 10
    shadow_days: int = 365
    learn_days: int = 90

    def __post_init__(self) -> None:
        if not 0 < self.demand <= 2:
            raise UsageError("demand must be more than 0 and at most 2.")
        if not 0 < self.gamma < 1:
            raise UsageError("gamma must lie between 0 and 1.")
        if self.step < 1 or self.refit_days < 1:
            raise UsageError("step and refit_days must be 1 or more.")


def size_groups(sizes: Floats) -> Ints:
    """The group of each size in bytes, an index into `SIZES`, (N,)."""
    result: Ints = np.searchsorted(np.array(SIZE_LIMITS), sizes, side="right")
    return result


def representatives(groups: Sequence[int]) -> Floats:
    """The bytes that stand for these groups."""
    return np.array([SIZES[group] for group in groups], np.float64)
