"""`proactive` in the lab: its forecast is fitted on earlier days, and anew as the days go by.

Reads are reads of whole objects, as for the engine's other policies (`engine.lab.adapter`), so a
day may have a part of one.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from engine.forecast.accesses import Accesses
from engine.forecast.live import ask
from engine.forecast.model import Model, fit, too_little
from engine.keytext import KeyText
from engine.lab.adapter import features
from engine.lab.policy import Day
from engine.lab.world import World
from engine.pricing.columns import Codes
from engine.tiering.proactive import Proactive

_REFIT = 91  # days between two fits
_STEP = 3  # days between two looks: a forecast is about weeks


@dataclass(slots=True)
class LabProactive:
    """The engine's policy with a forecast of its own."""

    policy: Proactive = field(default_factory=Proactive)
    _world: World | None = field(default=None, init=False)
    _text: KeyText | None = field(default=None, init=False)
    _model: Model | None = field(default=None, init=False)
    _fitted: int = field(default=0, init=False)

    @property
    def name(self) -> str:
        return self.policy.name

    def prepare(self, world: World) -> None:
        self._world, self._text = world, KeyText(world.inventory.names)
        self._fitted = world.first_day - _REFIT

    def decide(self, day: Day) -> Codes:
        world, text = self._world, self._text
        assert world is not None
        assert text is not None
        if (day.day - world.first_day) % _STEP:
            return day.codes
        accesses = self._accesses(world, day)
        if day.day - self._fitted >= _REFIT:
            self._fitted = day.day
            enough = not too_little(accesses)
            horizons = fit(accesses, accesses.end_day) if enough else {}
            self._model = Model("lab", horizons) if horizons else None
        forecast = ask(self._model, accesses, accesses.end_day)
        seen = replace(features(world, text, day), forecast=forecast)
        wished = self.policy.decide(seen).shown()
        return np.where(wished >= 0, wished, day.codes)

    def _accesses(self, world: World, day: Day) -> Accesses:
        """The days before this one, in epoch days (months have their own lengths)."""
        first = world.history.first_day - 719_163
        objects, days = np.nonzero(day.reads)
        volumes = world.volumes
        whole = day.bytes_read[objects, days] / np.maximum(volumes[objects], 1.0)
        plain = day.reads[objects, days] / world.inventory.counts[objects]
        reads = np.where(volumes[objects] > 0, whole, plain)
        return Accesses.of(
            objects.astype(np.int64),
            days.astype(np.int64) + first,
            reads.astype(np.float64),
            len(world),
            first_day=first,
            end_day=first + day.day,
            born=world.born + first,
        )
