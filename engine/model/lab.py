"""What the lab is asked, and what it answers: plain values, so that any screen can draw them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from engine.model.plans import Tier

OPTIMUM = "optimum"


@dataclass(frozen=True, slots=True)
class LabRequest:
    """Which accesses, prices, classes and policies a run is about.

    With `inventory` and `history` (CSV files) these are replayed; without, the listing of `cloud`
    and its kept access history. Empty fields take what suits: all classes that open at once, the
    provider's default class, the second half of the history, all policies that make sense.
    """

    inventory: str = ""
    history: str = ""
    cloud: str = ""
    provider: str = ""  # these two are the cloud's own, else aws and its reference region
    region: str = ""
    prices: str = ""  # a price file instead of the configured one
    classes: Sequence[str] = ()
    start_class: str = ""
    first: dt.date | None = None
    last: dt.date | None = None
    policies: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class LabCost:
    """What one policy would have cost over the days of a run, in USD.

    `cumulative` has the cost up to and with each day. `ratio` is to the offline optimum, None if
    that is free. `moves` counts objects that changed class, `reads_delayed` reads that waited for
    a restore.
    """

    policy: str
    total: float
    ratio: float | None
    storage: float
    requests: float
    retrieval: float
    transitions: float
    early_deletion: float
    moves: int
    reads_delayed: int
    cumulative: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LabResult:
    """A run: its setting, and the policies in the order they were asked for."""

    first: dt.date
    last: dt.date
    objects: int
    size: int  # bytes
    provider: str
    region: str
    classes: tuple[str, ...]
    start_class: str
    optimum: float
    policies: tuple[LabCost, ...]
    notes: tuple[str, ...] = ()

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def cost(self, policy: str) -> LabCost | None:
        """That policy's costs, None if it was not replayed."""
        return next((cost for cost in self.policies if cost.policy == policy), None)

    def regret(self, policy: str) -> str:
        """A sentence: what the policy would have cost, beside hindsight and all others.

        Raises KeyError for a policy that was not replayed.
        """
        mine = self.cost(policy)
        if mine is None:
            raise KeyError(policy)
        text = f"Over these {self.days} days {policy} would have cost {_usd(mine.total)}"
        if policy != OPTIMUM:
            text += f", {_more(mine.ratio)} hindsight ({_usd(self.optimum)})"
        others = sorted(
            (cost for cost in self.policies if cost.policy not in (policy, OPTIMUM)),
            key=lambda cost: cost.total,
        )
        parts = [f"{cost.policy} {_usd(cost.total)}" for cost in others]
        return f"{text}; {', '.join(parts)}." if parts else f"{text}."


@dataclass(frozen=True, slots=True)
class LabStep:
    """How far a run is: what is being done, the share that is done; at its end the result."""

    what: str
    share: float
    result: LabResult | None = None


@dataclass(frozen=True, slots=True)
class LabClass:
    """A class that a run may allow. `opens` tells that it is read without a restore, `usual`
    that it is allowed where none are named."""

    name: str
    tier: Tier
    opens: bool
    usual: bool


@dataclass(frozen=True, slots=True)
class LabChoices:
    """What a run can be made of, and what a request takes of it.

    `providers` are (name, regions); `policies` those that suit the classes, `adoptable` those
    that Astra can decide by.
    """

    providers: tuple[tuple[str, tuple[str, ...]], ...]
    provider: str
    region: str
    classes: tuple[LabClass, ...]
    allowed: tuple[str, ...]
    start_class: str
    policies: tuple[str, ...]
    adoptable: tuple[str, ...]


def _more(ratio: float | None) -> str:
    if ratio is None:
        return "against"
    share = ratio - 1
    if abs(share) < 0.0005:
        return "the same as"
    size = f"{abs(share):.0%}" if abs(share) >= 0.01 else f"{abs(share):.1%}"
    return f"{size} {'more' if share > 0 else 'less'} than"


def _usd(amount: float) -> str:
    return f"${amount:,.2f}" if amount >= 1 or amount == 0 else f"${amount:.4g}"
