"""The engine's own policies in the lab: `Features` made of a day's columns.

A read here is a read of the whole object: bytes read by size, a group's shared among its objects.
The history knows days only, so the last hour is an even share of the last day.
"""

from dataclasses import dataclass, field

import numpy as np

from engine.keytext import KeyText
from engine.lab.history import Floats
from engine.lab.policy import Day
from engine.lab.world import World
from engine.pricing.columns import Codes
from engine.tiering.shape import Features, Policy

_DAY = 86_400.0


@dataclass(slots=True)
class EnginePolicy:
    """A policy of `engine.tiering` that decides every day."""

    policy: Policy
    _world: World | None = field(default=None, init=False)
    _text: KeyText | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        return self.policy.name

    def prepare(self, world: World) -> None:
        self._world, self._text = world, KeyText(world.inventory.names)

    def decide(self, day: Day) -> Codes:
        world, text = self._world, self._text
        assert world is not None
        assert text is not None
        columns = self.policy.decide(features(world, text, day))
        wished = columns.shown()
        return np.where(wished >= 0, wished, day.codes)


def features(world: World, text: KeyText, day: Day) -> Features:
    """What the engine's policies see when a day of the lab begins."""
    inventory = world.inventory
    last = _reads(world, day, 1)
    return Features(
        cloud="lab",
        bucket="lab",
        now=(world.date(day.day).toordinal() - 719_163) * _DAY,
        table=world.table,
        keys=inventory.names,
        text=text,
        codes=day.codes,
        sizes=inventory.sizes,
        age_days=np.maximum(day.day - world.born, 0).astype(np.float64),
        idle_days=day.idle_days.astype(np.float64),
        reads_1h=last / 24,
        reads_1d=last,
        reads_7d=_reads(world, day, 7),
        reads_30d=_reads(world, day, 30),
    )


def _reads(world: World, day: Day, days: int) -> Floats:
    """Whole reads of each object in the last days."""
    span = slice(max(day.day - days, 0), day.day)
    volumes = world.volumes
    requests = day.reads[:, span].sum(axis=1, dtype=np.float64) / world.inventory.counts
    read = day.bytes_read[:, span].sum(axis=1)
    result: Floats = np.divide(read, volumes, out=requests, where=volumes > 0)
    return result
