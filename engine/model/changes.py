"""What another storage class would mean for one object."""

from dataclasses import dataclass

from engine.model.plans import Tier


@dataclass(frozen=True, slots=True)
class ClassChange:
    """One class of the object's provider: its cost, and what a change to it would take.

    Money in USD, None unknown. `saving` a month at the reads of the last 30 days (negative: it
    costs more); `once` is paid for the change (`lines`: what for), `payback_months` until the
    saving has paid for it (None: never, or unknown). `here` marks the class that the object is
    in: nothing changes. `refused` says why a plan would not make the change, "" if it would.
    """

    storage_class: str
    tier: Tier
    cost_month: float | None
    here: bool = False
    readable: bool = True
    saving: float | None = 0.0
    once: float | None = 0.0
    lines: tuple[tuple[str, float], ...] = ()
    payback_months: float | None = None
    refused: str = ""
