"""A plan under review: what is taken, in which groups and order, what it sums up to, what may go
wrong. The plan itself stays in the engine; these values are what is drawn of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from engine.model.checks import Check
from engine.model.jobs import MoveKind, MoveOptions
from engine.model.objects import Address
from engine.model.plans import MONTH_DAYS, Move, PlanTotals, RiskKind, Tier


class Grouping(StrEnum):
    """What the moves of one group have in common."""

    ROUTE = "route"
    ROUTE_CLASS = "route and class"
    CLASS = "class"
    FOLDER = "folder"
    NONE = "nothing"


class MoveOrder(StrEnum):
    """What moves are sorted by, within their group."""

    PLAN = "plan"  # as they were planned
    NAME = "name"
    SIZE = "size"
    SAVING = "saving"
    ONCE = "cost"
    PAYBACK = "payback"
    RISK = "risk"


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What shall be planned.

    `saved` opens a plan of the workspace, `file` an exported one; both are checked again. Else
    `sources` and all below `folders` are moved or copied with a `destination`, each below its
    whole key; without one they change to `tier` or `storage_class`. Nothing at all asks for what
    was decided last.
    """

    sources: tuple[Address, ...] = ()
    destination: Address | None = None
    kind: MoveKind = MoveKind.MOVE
    tier: Tier | None = None
    storage_class: str = ""
    saved: str = ""
    file: str = ""
    folders: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanEdit:
    """Changes of a plan that is not approved; None leaves a thing as it is.

    `destination` takes the place of the folder that all copies go below. `tier` and
    `storage_class` exclude each other.
    """

    options: MoveOptions | None = None
    destination: Address | None = None
    kind: MoveKind | None = None
    tier: Tier | None = None
    storage_class: str = ""
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class PlanQuery:
    """How a review shows its moves. `text` is a part of a key or a glob; `risk` only those."""

    grouping: Grouping = Grouping.ROUTE
    order: MoveOrder = MoveOrder.PLAN
    descending: bool = False
    text: str = ""
    risk: RiskKind | None = None


@dataclass(frozen=True, slots=True)
class MovePick:
    """Which moves are taken or left out: one by its number, those of a group or with a risk, or
    whose key fits a text. Nothing named: all that show."""

    number: int = -1
    group: int = -1
    risk: RiskKind | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class PlanGroup:
    """A group's name and its sums over what is taken. Money in USD, None if any part is unknown.

    `possible` counts the moves that are not refused, `shown` those that the filter leaves.
    """

    title: str
    taken: int
    possible: int
    refused: int
    shown: int
    size: int
    saving_per_month: float | None
    one_time_cost: float | None
    folded: bool = False

    @property
    def payback_days(self) -> float | None:
        """Days until the saving paid the cost; None: never, or unknown."""
        saving, once = self.saving_per_month, self.one_time_cost
        if saving is None or once is None or saving <= 0:
            return None
        return once / saving * MONTH_DAYS


@dataclass(frozen=True, slots=True)
class PlanRisk:
    """One kind of risk over the moves that are taken.

    `moves` of them have it, of `all` in the plan. `amount` in USD, None where unknown, 0 where
    it costs nothing by itself; `hours` the longest wait; `limit` what is allowed. `example` is the
    text of one of them.
    """

    kind: RiskKind
    moves: int
    all: int
    amount: float | None = 0.0
    hours: float = 0.0
    limit: int | None = None
    example: str = ""

    @property
    def over(self) -> bool:
        """Whether it stops the plan as it is."""
        return self.limit is not None and self.moves > self.limit


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A line of a review: a move with its number, or the head of a group (`move` None)."""

    group: int
    number: int
    move: Move | None
    taken: bool
    head: PlanGroup | None = None


class PlanLines(Protocol):
    """The lines of a review on demand; None for one that is still on its way."""

    def __len__(self) -> int: ...

    def rows(self, start: int, stop: int) -> Sequence[PlanLine | None]: ...


@dataclass(frozen=True, slots=True)
class PlanView:
    """A review without its moves. `review` is its handle, `revision` counts its changes.

    `groups` are at most some hundred, `group_count` all of them; `picked` is how many moves the
    last pick meant. `place` is the folder that all copies go below, None if they have none in
    common. `changes` tells what became otherwise since the plan was saved.
    """

    review: str
    revision: int
    plan_id: str
    title: str
    created: float
    policy: str
    options: MoveOptions
    priority: int
    moves: int
    totals: PlanTotals
    deletes: int
    max_deletes: int | None
    kinds: tuple[MoveKind, ...]
    routes: tuple[str, ...]
    groups: tuple[PlanGroup, ...]
    group_count: int
    risks: tuple[PlanRisk, ...]
    lines: int
    shown: int
    query: PlanQuery
    place: Address | None = None
    warnings: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    changes: tuple[str, ...] = ()
    seconds: float | None = None
    edited: bool = False
    picked: int = 0

    @property
    def possible(self) -> int:
        """Moves that are not refused."""
        return self.moves - self.totals.refused

    def risk(self, kind: RiskKind) -> PlanRisk | None:
        """That kind of risk, None if no move has it."""
        return next((risk for risk in self.risks if risk.kind is kind), None)


@dataclass(frozen=True, slots=True)
class Approved:
    """What became of an approved plan: its job set, the jobs that it made, and how many of its
    moves had one at work already."""

    jobset: str
    queued: int
    at_work: int = 0


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan of the workspace, without its moves."""

    plan_id: str
    title: str
    created: float
    totals: PlanTotals
    priority: int = 0
    kinds: tuple[MoveKind, ...] = field(default_factory=tuple)
