"""A plan under review, kept as columns: what is taken, in groups, sorted, filtered and summed.

A hundred thousand moves are sorted, filtered or taken out in some milliseconds with numpy; only
the lines that show become values. The console and `astra plan` tell the same of a plan, because
both ask here.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from engine.errors import UsageError
from engine.keytext import KeyText
from engine.model import (
    Address,
    Grouping,
    Move,
    MoveKind,
    MoveOrder,
    MovePick,
    Plan,
    PlanGroup,
    PlanLine,
    PlanQuery,
    PlanRisk,
    PlanTotals,
    PlanView,
    RiskKind,
)

Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

_NANO = 1_000_000_000  # money is summed in whole nano-dollars: exact, in any order
_GROUPS_TOLD = 100
_KINDS = tuple(RiskKind)
_BIT = {kind: 1 << number for number, kind in enumerate(_KINDS)}
_VERBS = {MoveKind.MOVE: "move", MoveKind.COPY: "copy", MoveKind.TIER: "change class"}
_PAID = {RiskKind.EARLY: "early", RiskKind.EGRESS: "egress"}  # and how their cost lines begin
_RESTORING = (" restore:", "restored copy")  # what is in the cost lines of a restore


class Review:
    """One plan and what of it is taken. Not for two threads at once."""

    def __init__(
        self,
        plan: Plan,
        handle: str = "",
        *,
        max_deletes: int | None = None,
        changes: Sequence[str] = (),
        left_out: frozenset[Address] = frozenset(),
    ) -> None:
        """`left_out` are sources that are not taken at first."""
        self.plan = plan
        self.handle = handle
        self.revision = 0
        self.changes = tuple(changes)
        self.edited = False
        self.approved = False
        self.picked = 0
        self.query = PlanQuery()
        self._most = max_deletes
        moves, count = plan.moves, len(plan.moves)
        self._size = _whole(move.size for move in moves)
        self._saving, self._no_saving = _money([move.saving_per_month for move in moves])
        self._expected, self._unexpected = _money([move.expected_saving for move in moves])
        self._once, self._no_once = _money([move.one_time_cost for move in moves])
        self._refused = np.fromiter((bool(move.refused) for move in moves), np.bool_, count)
        self._deletes = np.fromiter((m.kind is MoveKind.MOVE for m in moves), np.bool_, count)
        self._hours = np.fromiter((move.restore_hours for move in moves), np.float64, count)
        self._bits = _whole(_bits_of(move) for move in moves)
        self._amounts = {kind: _whole(_paid(m, kind) for m in moves) for kind in _PAID}
        self._amounts[RiskKind.RESTORE] = _whole(_restore_cost(move) for move in moves)
        self._place = common_place(moves)
        routes: dict[str, int] = {}  # a title, with a number of its own
        self._route_of = _whole(routes.setdefault(_route(m), len(routes)) for m in moves)
        self._taken = ~self._refused
        if left_out:
            out = (move.source in left_out for move in moves)
            self._taken &= ~np.fromiter(out, np.bool_, count)
        self._text: KeyText | None = None
        self._folded: set[int] = set()
        self._groups: list[str] = []
        self._group_of: Numbers = np.zeros(0, np.int64)
        self._grouped: dict[Grouping, tuple[list[str], Numbers]] = {}  # the plan never changes
        self._by_name: Numbers | None = None
        self._order: Numbers = np.arange(count)
        self._shown: Bools = np.ones(count, np.bool_)
        self._entries: Numbers = np.zeros(0, np.int64)
        self._per_group: list[PlanGroup] = []
        self._group()
        self._lay_out()

    def exchange(self, plan: Plan) -> None:
        """Go on with a plan of the very same moves, edited otherwise."""
        self.plan, self.edited = plan, True
        self.revision += 1

    # -- what shows ----------------------------------------------------------------------

    def show(self, query: PlanQuery) -> "Review":
        """Group, sort and filter so. Raises UsageError for a text that makes no sense."""
        before, shown = self.query, self._matching(query)
        self.query, self._shown = query, shown
        if query.grouping is not before.grouping:
            self._group()
        if (query.order, query.descending) != (before.order, before.descending):
            self._order = self._sorted(query)
        self._changed()
        return self

    def fold(self, group: int) -> "Review":
        """Fold the moves of a group into its head, or unfold; -1 all, if any is open."""
        if group < 0:
            every = set(range(len(self._groups)))
            self._folded = every if self._folded != every else set()
        elif group < len(self._groups):
            self._folded ^= {group}
        self._changed()
        return self

    def lines(self, start: int, stop: int) -> list[PlanLine]:
        """Lines start ≤ i < stop."""
        return [self._line(int(entry)) for entry in self._entries[max(start, 0) : stop]]

    def place_of(self, *, group: int = -1, number: int = -1) -> int:
        """The line of a move, or of the head of its group where it does not show; 0 for none."""
        wanted = [number] if number >= 0 else []
        if group < 0 and 0 <= number < len(self._group_of):
            group = int(self._group_of[number])
        for entry in (*wanted, -1 - group):
            found = np.flatnonzero(self._entries == entry)
            if len(found):
                return int(found[0])
        return 0

    # -- what is taken -------------------------------------------------------------------

    def take(self, pick: MovePick, taken: bool | None = None) -> None:
        """Take moves, or leave them out; None turns them: out if all are taken, else in.

        Refused moves are never taken.
        """
        mask = self._picked(pick)
        self.picked = int(mask.sum())
        mask &= ~self._refused
        if taken is None:
            taken = not bool(self._taken[mask].all())
        self._taken[mask] = taken
        self._changed(laid_out=True)

    def left_out(self) -> frozenset[Address]:
        """The sources of moves that could be taken and are not."""
        out = np.flatnonzero(~self._taken & ~self._refused)
        return frozenset(self.plan.moves[number].source for number in out)

    def selected(self) -> Plan:
        """The plan with only what is taken."""
        return replace(self.plan, moves=tuple(self._moves_taken()))

    def pages(self, size: int) -> Iterator[list[Move]]:
        """What is taken, so many moves at a time."""
        page: list[Move] = []
        for move in self._moves_taken():
            page.append(move)
            if len(page) == size:
                yield page
                page = []
        if page:
            yield page

    # -- sums ----------------------------------------------------------------------------

    def view(self) -> PlanView:
        """All but the moves."""
        plan, taken = self.plan, self._taken
        some = [plan.moves[n] for n in self._first_of_each(taken)]
        return PlanView(
            review=self.handle,
            revision=self.revision,
            plan_id=plan.plan_id,
            title=plan.title,
            created=plan.created,
            policy=plan.policy,
            options=plan.options,
            priority=plan.priority,
            moves=len(plan.moves),
            totals=self.totals(),
            deletes=int((self._deletes & taken).sum()),
            max_deletes=self._most,
            kinds=tuple(dict.fromkeys(move.kind for move in some)),
            routes=tuple(sorted({move.route for move in some})),
            groups=tuple(self._per_group[:_GROUPS_TOLD]),
            group_count=len(self._groups),
            risks=self.risks(),
            lines=len(self._entries),
            shown=int(self._shown.sum()),
            query=self.query,
            place=self._place,
            warnings=plan.warnings,
            checks=plan.checks,
            changes=self.changes,
            seconds=plan.seconds,
            edited=self.edited,
            picked=self.picked,
        )

    def totals(self) -> PlanTotals:
        """Sums over what is taken."""
        taken = self._taken
        saving = _sum(self._saving, self._no_saving, taken)
        once = _sum(self._once, self._no_once, taken)
        payback = once / saving if saving is not None and once is not None and saving > 0 else None
        size, refused = int(self._size[taken].sum()), int(self._refused.sum())
        expected = _sum(self._expected, self._unexpected, taken)
        return PlanTotals(int(taken.sum()), refused, size, saving, once, payback, expected)

    def groups(self) -> Sequence[PlanGroup]:
        """Every group with its sums."""
        return self._per_group

    def risks(self) -> tuple[PlanRisk, ...]:
        """What may go wrong, the gravest first; kinds that no move has are left out."""
        found = []
        for kind in _KINDS:
            having = self._having(kind)
            every = int(having.sum())
            if not every:
                continue
            if kind is RiskKind.REFUSED:
                first = self.plan.moves[int(np.argmax(having))]
                found.append(PlanRisk(kind, every, every, example=first.refused))
                continue
            counted = having & self._taken
            amount = self._amounts.get(kind)
            example = self.plan.moves[int(np.argmax(having))]
            found.append(
                PlanRisk(
                    kind,
                    int(counted.sum()),
                    every,
                    amount=float(amount[counted].sum()) / _NANO if amount is not None else 0.0,
                    hours=float(self._hours[counted].max(initial=0.0))
                    if kind is RiskKind.RESTORE
                    else 0.0,
                    limit=self._most if kind is RiskKind.DELETES else None,
                    example=_example(example, kind),
                )
            )
        return tuple(found)

    # -- inside --------------------------------------------------------------------------

    def _moves_taken(self) -> Iterator[Move]:
        moves = self.plan.moves
        return (moves[number] for number in np.flatnonzero(self._taken).tolist())

    def _changed(self, *, laid_out: bool = False) -> None:
        self.revision += 1
        if laid_out:
            self._sum_groups()
        else:
            self._lay_out()

    def _having(self, kind: RiskKind) -> Bools:
        if kind is RiskKind.REFUSED:
            return self._refused
        if kind is RiskKind.DELETES:
            return self._deletes & ~self._refused
        having: Bools = (self._bits & _BIT[kind]) != 0
        return having & ~self._refused

    def _picked(self, pick: MovePick) -> Bools:
        count = len(self.plan.moves)
        if pick.number >= 0:
            mask = np.zeros(count, np.bool_)
            mask[pick.number : pick.number + 1] = True
            return mask
        if pick.risk is not None:
            return self._having(pick.risk)
        mask = self._shown.copy()
        if pick.group >= 0:
            mask &= self._group_of == pick.group
        if pick.text:
            mask &= self._matches(pick.text)
        return mask

    def _matching(self, query: PlanQuery) -> Bools:
        shown = np.ones(len(self.plan.moves), np.bool_)
        if query.text:
            shown &= self._matches(query.text)
        if query.risk is not None:
            shown &= self._having(query.risk)
        return shown

    def _matches(self, text: str) -> Bools:
        if not self.plan.moves:
            return np.zeros(0, np.bool_)
        if self._text is None:
            self._text = KeyText([move.source.key for move in self.plan.moves])
        try:
            return self._text.match(text)
        except ValueError as error:
            raise UsageError(f"{text!r} cannot be searched for: {error}.") from error

    def _group(self) -> None:
        grouping = self.query.grouping
        if grouping not in self._grouped:
            of = _GROUPERS[grouping]
            known: dict[str, int] = {}
            numbers = _whole(known.setdefault(of(move), len(known)) for move in self.plan.moves)
            self._grouped[grouping] = list(known), numbers
        self._groups, self._group_of = self._grouped[grouping]
        self._folded = set()

    def _sorted(self, query: PlanQuery) -> Numbers:
        moves, count = self.plan.moves, len(self.plan.moves)
        match query.order:
            case MoveOrder.PLAN:
                found = np.arange(count)
            case MoveOrder.NAME:
                if self._by_name is None:
                    names = [move.source.key for move in moves]
                    numbers = sorted(range(count), key=names.__getitem__)
                    self._by_name = np.array(numbers, np.int64)
                found = self._by_name
            case MoveOrder.SIZE:
                found = np.argsort(self._size, kind="stable")
            case MoveOrder.SAVING:
                found = np.argsort(np.where(self._no_saving, _LEAST, self._saving), kind="stable")
            case MoveOrder.ONCE:
                found = np.argsort(np.where(self._no_once, _LEAST, self._once), kind="stable")
            case MoveOrder.PAYBACK:
                found = np.argsort(self._paybacks(), kind="stable")
            case MoveOrder.RISK:  # a lower bit is graver: the gravest first
                lowest = self._bits & -self._bits
                worst = np.where(self._refused, 1, np.where(lowest == 0, 1 << 62, lowest))
                found = np.argsort(worst, kind="stable")
        return found[::-1] if query.descending else found

    def _paybacks(self) -> npt.NDArray[np.float64]:
        unknown = self._no_saving | self._no_once
        with np.errstate(divide="ignore", invalid="ignore"):
            months = np.where(self._once <= 0, 0.0, self._once / self._saving)
        never = (self._saving < 0) | ((self._saving == 0) & (self._once > 0))
        return np.where(unknown | never, np.inf, months)

    def _lay_out(self) -> None:
        self._sum_groups()
        order = self._order[self._shown[self._order]]
        if self.query.grouping is Grouping.NONE:
            self._entries = order
            return
        groups = self._group_of[order]
        order = order[np.argsort(groups, kind="stable")]
        ends = np.cumsum(np.bincount(groups, minlength=len(self._groups)))
        parts: list[Numbers] = []
        begin = 0
        for number, end in enumerate(ends.tolist()):
            if end > begin:
                parts.append(np.array([-1 - number]))
                if number not in self._folded:
                    parts.append(order[begin:end])
            begin = end
        self._entries = np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def _sum_groups(self) -> None:
        count, of, taken = len(self._groups), self._group_of, self._taken
        if not count:
            self._per_group = []
            return

        def sums(values: "npt.NDArray[np.generic]", where: Bools) -> list[int]:
            found = np.bincount(of[where], weights=values[where].astype(float), minlength=count)
            return [round(value) for value in found.tolist()]

        ones = np.ones(len(of), np.int64)
        possible, refused = sums(ones, ~self._refused), sums(ones, self._refused)
        number, shown = sums(ones, taken), sums(ones, self._shown)
        size, saving, once = (sums(v, taken) for v in (self._size, self._saving, self._once))
        blind = sums(self._no_saving, taken), sums(self._no_once, taken)
        self._per_group = [
            PlanGroup(
                title,
                number[i],
                possible[i],
                refused[i],
                shown[i],
                size[i],
                None if blind[0][i] else saving[i] / _NANO,
                None if blind[1][i] else once[i] / _NANO,
                i in self._folded,
            )
            for i, title in enumerate(self._groups)
        ]

    def _line(self, entry: int) -> PlanLine:
        if entry >= 0:
            group = int(self._group_of[entry])
            return PlanLine(group, entry, self.plan.moves[entry], bool(self._taken[entry]))
        head = self._per_group[-1 - entry]
        return PlanLine(-1 - entry, -1, None, bool(head.taken), head)

    def _first_of_each(self, taken: Bools) -> list[int]:
        """One taken move of each route and kind."""
        numbers = np.flatnonzero(taken)
        _, first = np.unique(self._route_of[numbers], return_index=True)
        return [int(number) for number in numbers[first]]


_LEAST = np.iinfo(np.int64).min


def common_place(moves: Sequence[Move]) -> Address | None:
    """The folder that all copies go below; None where there is no copy, or no such folder."""
    place: Address | None = None
    for move in moves:
        if move.kind is MoveKind.TIER or not move.destination.bucket:
            continue
        to = move.destination
        if place is None:
            place = Address(to.cloud, to.bucket, to.key[: to.key.rfind("/") + 1])
            continue
        if (to.cloud, to.bucket) != (place.cloud, place.bucket):
            return None
        if not to.key.startswith(place.key):
            prefix = place.key
            while not to.key.startswith(prefix):
                prefix = prefix[: prefix.rstrip("/").rfind("/") + 1]
            place = replace(place, key=prefix)
    return place


def _route(move: Move) -> str:
    return f"{move.route}  {_VERBS[move.kind]}"


def _classes(move: Move) -> str:
    if move.from_class == move.to_class and move.kind is MoveKind.TIER:
        return move.to_class or "?"
    return f"{move.from_class or '?'} → {move.to_class or '?'}"


def _folder(move: Move) -> str:
    source = move.source
    return f"{source.cloud}:{source.bucket}/{source.key[: source.key.rfind('/') + 1]}"


_GROUPERS: dict[Grouping, Callable[[Move], str]] = {
    Grouping.ROUTE: _route,
    Grouping.ROUTE_CLASS: lambda move: f"{_route(move)}  {_classes(move)}",
    Grouping.CLASS: _classes,
    Grouping.FOLDER: _folder,
    Grouping.NONE: lambda move: "",
}


def _whole(values: "Iterator[int]") -> Numbers:
    return np.fromiter(values, np.int64)


def _money(values: Sequence[float | None]) -> tuple[Numbers, Bools]:
    """Nano-dollars, and where none is known."""
    known = _whole(0 if value is None else round(value * _NANO) for value in values)
    return known, np.fromiter((value is None for value in values), np.bool_, len(values))


def _sum(values: Numbers, unknown: Bools, taken: Bools) -> float | None:
    return None if unknown[taken].any() else int(values[taken].sum()) / _NANO


def _bits_of(move: Move) -> int:
    bits = 0
    for kind in move.kinds:
        bits |= _BIT[kind]
    return bits


def _paid(move: Move, kind: RiskKind) -> int:
    if kind not in move.kinds:
        return 0
    start = _PAID[kind]
    return round(sum(usd for text, usd in move.cost_lines if text.startswith(start)) * _NANO)


def _restore_cost(move: Move) -> int:
    if RiskKind.RESTORE not in move.kinds:
        return 0
    lines = (usd for text, usd in move.cost_lines if _RESTORING[0] in text or _RESTORING[1] in text)
    return round(sum(lines) * _NANO)


def _example(move: Move, kind: RiskKind) -> str:
    """A text of the move that says most about that kind of risk."""
    if kind is RiskKind.LOSSES and move.losses:
        return move.losses[0]
    starts = _TEXTS.get(kind, ())
    return next((text for text in move.risks if text.startswith(starts)), "") if starts else ""


_TEXTS: dict[RiskKind, tuple[str, ...]] = {
    RiskKind.UNGUARDED: ("unguarded",),
    RiskKind.PROBED: ("the delete is guarded",),
    RiskKind.RESTORE: ("must be restored", "it is restored", "its restore", "a restore there"),
    RiskKind.EARLY: ("early",),
    RiskKind.PAYBACK: ("costs ", "pays back", "egress of"),
    RiskKind.OVERWRITES: ("overwrites",),
    RiskKind.OCCUPIED: ("something is at",),
}
