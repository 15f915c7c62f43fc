"""Which objects of a source are meant: a value that commands carry, applied by the engine."""

from dataclasses import dataclass

from engine.model.plans import Tier


@dataclass(frozen=True, slots=True)
class Filters:
    """An object is chosen if it passes every one that is given. Nothing given: all are.

    `include` (any of them) and `exclude` (none of them) are globs over the path below the
    prefix. Sizes in bytes and ages in days, both ends included; ages are those that listings
    show, simulated days and all. `tiers` and `classes` are what the object is in now. `keys`
    names paths below the prefix exactly; None: no such list was given.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    min_size: int = 0
    max_size: int | None = None
    min_age: float = 0.0
    max_age: float | None = None
    tiers: tuple[Tier, ...] = ()
    classes: tuple[str, ...] = ()
    keys: frozenset[str] | None = None

    def __bool__(self) -> bool:
        return self != Filters()
