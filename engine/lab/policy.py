"""What a policy of the lab is: on each day it sees the days before, and wishes classes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from engine.lab.history import Floats, Ints
from engine.lab.world import World
from engine.pricing.columns import Bools, Codes

if TYPE_CHECKING:
    from engine.lab.bill import Bill


@dataclass(frozen=True, slots=True)
class Day:
    """What a policy may look at when day `day` begins: only the days before it.

    Arrays have shape (N,), and (N, day) for the accesses, which are views that must not be
    written. Codes are of the world's table.
    """

    day: int
    codes: Codes  # class now
    days_in_class: Ints  # whole days since it entered; 0 on the day after no day at all
    idle_days: Ints  # since the last read or the creation, as of the day before
    alive: Bools  # created by this day; of others a wish means nothing
    reads: npt.NDArray[np.float32]
    bytes_read: Floats


class LabPolicy(Protocol):
    """A policy as the lab replays it. It may keep state from day to day; one run each."""

    @property
    def name(self) -> str: ...

    def prepare(self, world: World) -> None:
        """Learn from the days before `world.first_day`; its history has no others."""
        ...

    def decide(self, day: Day) -> Codes:
        """The wished class of each object, `day.codes` where it may stay."""
        ...


@runtime_checkable
class Resident(Protocol):
    """A policy whose objects are in a class of its choice since before the first day."""

    def start_code(self, world: World) -> int: ...


@runtime_checkable
class OwnTerms(Protocol):
    """A policy that a provider runs on terms of its own: without retrieval fees, say."""

    def billed(self, world: World, bill: "Bill") -> "Bill": ...


@runtime_checkable
class Patient(Protocol):
    """A policy that computes for long at a stretch: it calls `go_on` meanwhile, which may raise."""

    go_on: Callable[[], None]


@runtime_checkable
class Checked(Protocol):
    """A policy that can tell at once whether it fits a world. `check` raises UsageError."""

    def check(self, world: World) -> None: ...
