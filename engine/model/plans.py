"""Tiers, decisions and plans: what should move, why, and what it costs."""

from dataclasses import dataclass, field
from enum import StrEnum

from engine.model.checks import Check
from engine.model.jobs import MoveKind, MoveOptions
from engine.model.objects import Address, VersionPin

MONTH_DAYS = 365.25 / 12


class Tier(StrEnum):
    """The provider-neutral reading of a storage class, hottest first."""

    HOT = "HOT"
    WARM = "WARM"
    COLD = "COLD"
    ARCHIVE = "ARCHIVE"


class RiskKind(StrEnum):
    """What an operator should weigh before approving, the gravest first."""

    REFUSED = "refused"  # will not be tried
    DELETES = "deletes"  # of sources, against what is allowed
    UNGUARDED = "unguarded"  # a delete that the store cannot make conditional
    PROBED = "probed"  # one that is conditional only if a probe says so
    OVERWRITES = "overwrites"  # something at the destination is replaced
    OCCUPIED = "occupied"  # something is there; other content stops the job
    LOSSES = "losses"  # metadata that will not arrive
    UNATTESTED = "unattested"  # a source without a checksum of its own
    RESTORE = "restore"  # an archived source
    EARLY = "early"  # a charge for leaving a class before its days are over
    EGRESS = "egress"  # bytes that leave a provider
    PAYBACK = "payback"  # costs more, or pays back after a year or never
    UNPRICED = "unpriced"  # a price is not known
    ARCHIVED = "archived"  # the copy opens only after a restore
    MINIMUM = "minimum"  # billed for least days or a least size


@dataclass(frozen=True, slots=True)
class Decision:
    """One object, where it is and where it should be, with the reason in a sentence.

    Money in USD. `saving_per_month` is what every plan and card counts: storage and reads as in
    the 30 days before `decided_at`, of which there were `reads_30d`; it may be negative, None is
    unknown. `expected_saving` is what the policy decided by, at the reads that it expects:
    `assumption` says which (None: a decision of an earlier version). `confidence` from 0 to 1.
    `model_version` names the forecast that was asked, "" where the policy asks none. `to_cloud` is
    another cloud that the object should move to, "" where it stays in its own. `size` in bytes as
    it was decided on, −1 unknown.
    """

    address: Address
    from_class: str
    to_class: str
    from_tier: Tier
    to_tier: Tier
    reason: str
    saving_per_month: float | None
    policy: str
    policy_version: str
    assumption: str = ""
    confidence: float = 1.0
    decided_at: float = 0.0
    model_version: str = ""
    to_cloud: str = ""
    expected_saving: float | None = None
    reads_30d: float | None = None
    size: int = -1


@dataclass(frozen=True, slots=True)
class ActivePolicy:
    """The policy that decides where none is named.

    `configured` is what the configuration says. An `adopted` one, kept in the file `path` since
    `since` (epoch seconds), wins over it.
    """

    name: str
    configured: str
    adopted: bool = False
    since: float = 0.0
    path: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """One line of a plan.

    `one_time_cost` is USD paid once (requests, retrieval, egress, early deletion), listed in
    `cost_lines`; None where a price is unknown (never 0). `saving_per_month` is at the reads of
    the last 30 days; `expected_saving` what the policy that decided the move expects instead
    (None: nobody decided it, or unknown), and `assumption` why. `losses` names metadata that will
    not arrive, `risks` what the operator should know; `refused` (non-empty) says why this
    move will not be tried. `kinds` sort the risks, `restore_hours` is how long a source must be
    waited for.
    """

    source: Address
    destination: Address
    kind: MoveKind
    size: int
    pin: VersionPin
    from_class: str
    to_class: str
    from_tier: Tier
    to_tier: Tier
    reason: str = ""
    saving_per_month: float | None = 0.0
    one_time_cost: float | None = 0.0
    cost_lines: tuple[tuple[str, float], ...] = ()
    losses: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    refused: str = ""
    kinds: tuple[RiskKind, ...] = ()
    restore_hours: float = 0.0
    expected_saving: float | None = None
    assumption: str = ""

    @property
    def route(self) -> str:
        """`aws → gcp`, or `aws` for a change of class in place."""
        if self.source.cloud == self.destination.cloud:
            return self.source.cloud
        return f"{self.source.cloud} → {self.destination.cloud}"


@dataclass(frozen=True, slots=True)
class PlanTotals:
    """Sums over the moves that are not refused. Money in USD, None if any part is unknown.

    `expected_saving` is what a policy expects of them, None if none decided them all.
    """

    moves: int
    refused: int
    size: int
    saving_per_month: float | None
    one_time_cost: float | None
    payback_months: float | None  # None: never pays back, or unknown
    expected_saving: float | None = None

    @property
    def payback_days(self) -> float | None:
        """Days until the savings paid the cost; None: never, or unknown."""
        return None if self.payback_months is None else self.payback_months * MONTH_DAYS


@dataclass(frozen=True, slots=True)
class Plan:
    """What an operator reviews before anything happens.

    `checks` are what was looked at beforehand, `seconds` how long it may take (None unknown).
    Jobs of a higher `priority` run first.
    """

    plan_id: str
    title: str
    created: float
    policy: str
    moves: tuple[Move, ...]
    options: MoveOptions = field(default_factory=MoveOptions)
    warnings: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    seconds: float | None = None
    priority: int = 0

    def deletes(self) -> int:
        """How many sources the accepted moves delete."""
        return sum(move.kind is MoveKind.MOVE and not move.refused for move in self.moves)

    def totals(self) -> PlanTotals:
        """Sum up the accepted moves."""
        accepted = [move for move in self.moves if not move.refused]
        saving = _sum([move.saving_per_month for move in accepted])
        once = _sum([move.one_time_cost for move in accepted])
        payback = None
        if saving is not None and once is not None and saving > 0:
            payback = once / saving
        return PlanTotals(
            moves=len(accepted),
            refused=len(self.moves) - len(accepted),
            size=sum(move.size for move in accepted),
            saving_per_month=saving,
            one_time_cost=once,
            payback_months=payback,
            expected_saving=_sum([move.expected_saving for move in accepted]),
        )


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
