"""A storage class with its prices and rules, and how it is made of a price file's entry."""

import math
from dataclasses import dataclass, field
from typing import Any

from engine.model import Provider, Tier
from engine.pricing.parse import ClassEntry, Figure

_FACTS = (
    "tier",
    "min_days",
    "min_size",
    "overhead",
    "overhead_default",
    "readable",
    "choose",
    "automatic_size",
)


@dataclass(frozen=True, slots=True)
class RestoreSpeed:
    """One way to get an archived object back. USD per GB and per 1,000 requests."""

    name: str
    hours: float
    per_gb: float | None
    per_1k: float | None


@dataclass(frozen=True, slots=True)
class ClassPrice:
    """One storage class of one provider and region. Money in USD, None where unknown.

    `storage` a GB-month; `put`, `get`, `transition` per 1,000; `retrieval` a GB read (by the
    standard restore where one is needed); `monitoring` per 1,000 objects a month; `listing` and
    `delete` per 1,000 requests. Sizes in
    bytes: every object is billed as at least `min_size`, plus `overhead` at this class's price
    and `overhead_default` at the default class's (`default_storage`). `min_days` are billed
    even if the object leaves earlier. `readable` is False where a restore must come first.
    `automatic` lists (idle days, storage price, NaN unknown) of a class that tiers by itself,
    from `automatic_size` bytes on; `opt_in` lists (idle days, hours of a restore, storage price)
    of sub-tiers that a bucket has to ask for and no cost here counts. `choose` is False for
    classes no policy picks by itself; `default` marks the class of an object that asks for none.
    `cooling_retrieval` tells whether a change to a cooler class in place pays for reading;
    `restore_moves` that a restore is a read operation after which the object has left the class
    for good, where others keep a second copy for some days.
    `region` is the one the figures are for, which may be the reference region.
    """

    provider: Provider
    region: str
    name: str
    tier: Tier
    storage: float | None = None
    put: float | None = None
    get: float | None = None
    retrieval: float | None = None
    transition: float | None = None
    monitoring: float | None = 0.0
    listing: float | None = None
    delete: float | None = None
    min_days: float = 0.0
    min_size: int = 0
    overhead: int = 0
    overhead_default: int = 0
    default_storage: float | None = None
    readable: bool = True
    choose: bool = True
    default: bool = False
    cooling_retrieval: bool = True
    restore_moves: bool = False
    automatic: tuple[tuple[float, float], ...] = ()
    automatic_size: int = 0
    opt_in: tuple[tuple[float, float, float], ...] = ()
    restore: tuple[RestoreSpeed, ...] = ()
    figures: tuple[tuple[str, Figure], ...] = field(default=(), repr=False, compare=False)

    @property
    def first_byte(self) -> str:
        """How long a reader waits: `ms`, or hours by the standard restore."""
        return "ms" if self.readable else f"{self.restore_hours:g} h"

    @property
    def restore_hours(self) -> float:
        """Hours of the standard restore; 0 for classes that can be read at once."""
        speed = self.speed("standard")
        return speed.hours if speed is not None else 0.0

    @property
    def remembered(self) -> tuple[str, ...]:
        """Names of figures that were not re-read in a source."""
        return tuple(name for name, figure in self.figures if figure.remembered)

    def speed(self, name: str) -> RestoreSpeed | None:
        """That restore speed, None if the class has none of this name.

        What Amazon calls expedited is high priority at Azure.
        """
        names = (name, "high") if name == "expedited" else (name,)
        return next((speed for speed in self.restore if speed.name in names), None)


def class_price(
    entry: ClassEntry,
    known: ClassPrice | None,
    default_storage: float | None,
    *,
    default: bool,
    cooling: bool,
    restore_moves: bool,
) -> ClassPrice:
    """A class of its entry. A class that the reference region knows keeps that one's facts
    (minimum days, overhead), but none of its money."""
    facts = {name: getattr(known, name) for name in _FACTS if known is not None} | entry.facts
    money: dict[str, Any] = {name: figure.usd for name, figure in entry.money.items()}
    figures = dict(entry.money)
    if known is not None and known.monitoring != 0.0:
        money.setdefault("monitoring", None)  # there is a fee, and nobody told it here
    speeds = []
    for name, speed in entry.restore.items():
        for part, figure in (("per_gb", speed.per_gb), ("per_1k", speed.per_1k)):
            if figure is not None:
                figures[f"restore.{name}.{part}"] = figure
        speeds.append(
            RestoreSpeed(
                name,
                speed.hours,
                speed.per_gb.usd if speed.per_gb else None,
                speed.per_1k.usd if speed.per_1k else None,
            )
        )
    if not speeds and known is not None:
        speeds = [RestoreSpeed(s.name, s.hours, None, None) for s in known.restore]
    for days, figure in entry.automatic or ():
        figures[f"automatic.{days:g}"] = figure
    for days, _, figure in entry.opt_in or ():
        figures[f"opt_in.{days:g}"] = figure
    return ClassPrice(
        provider=entry.provider,
        region=entry.region,
        name=entry.name,
        default_storage=default_storage,
        default=default,
        cooling_retrieval=cooling,
        restore_moves=restore_moves,
        automatic=_steps(entry, known),
        opt_in=tuple((days, hours, figure.usd) for days, hours, figure in entry.opt_in or ()),
        restore=tuple(speeds),
        figures=tuple(figures.items()),
        **facts,
        **money,
    )


def _steps(entry: ClassEntry, known: ClassPrice | None) -> tuple[tuple[float, float], ...]:
    """The sub-tiers of a class that tiers by itself; NaN where this region's price is unknown."""
    if entry.automatic is not None:
        return tuple((days, figure.usd) for days, figure in entry.automatic)
    return tuple((days, math.nan) for days, _ in known.automatic) if known is not None else ()
