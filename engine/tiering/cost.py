"""`cost`: the class that is cheapest in the long run, by a hazard model of the next read.

The hazard table (`engine.tiering.hazard`) says how likely an object in its state is read tomorrow
and how much of it; value iteration (`engine.tiering.value`) says what each class then costs in all
days to come, changes and early deletion included. The best class by that is taken if the arithmetic
of a month confirms it for the very object, and if its change pays back in time.

What an operator says comes first: holds (never moved), pins (always in that class) and limits (the
longest delay of the first byte, by pattern). Without a limit, what was read in the last
`reader_days` must open at once; what was not may wait up to `max_delay_hours`. Classes that tier by
themselves are entered with `automatic` only: they cost at first and save later. A pattern with a
`/` fits the whole key (all keys below, if it ends with one), another one the last segment.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from engine.errors import UsageError
from engine.globs import key_fits
from engine.pricing.columns import Bools, Codes, Floats, change_costs, month_costs
from engine.pricing.cost import usd
from engine.tiering.guards import LEDGER
from engine.tiering.hazard import Hazard, Ints
from engine.tiering.longrun import Solved, prior, solved
from engine.tiering.settings import ModelSettings, size_groups
from engine.tiering.shape import DecisionColumns, Features, Verdict, times

Pairs = tuple[tuple[str, object], ...]
Rows = slice | npt.NDArray[np.intp]
_ALL = slice(None)


@dataclass(frozen=True, slots=True)
class Cost:
    """Expected cost in the long run."""

    name: ClassVar[str] = "cost"
    version: ClassVar[str] = "1"
    model_version: ClassVar[str] = ""  # that of the hazard table it is given, see `decide`
    asks_hazard: ClassVar[bool] = True
    description: ClassVar[str] = (
        "By expected cost: a hazard model of the next read, and what each class then costs."
    )

    max_delay_hours: float = 48.0
    reader_days: float = 180.0
    promote_reads: float = 2.0  # in 30 days: one read promotes nothing
    max_payback_months: float = 12.0
    demand: float = 0.6
    automatic: bool = False  # whether to enter classes that tier by themselves
    limits: Pairs = (("monthly_report_*", 0.0),)  # pattern, hours until the first byte
    holds: tuple[str, ...] = ()
    pins: Pairs = ()  # pattern, class

    def __post_init__(self) -> None:
        for name in ("limits", "pins"):
            object.__setattr__(self, name, _pairs(name, getattr(self, name)))
        object.__setattr__(self, "holds", _globs(self.holds))
        for glob, hours in self.limits:
            if isinstance(hours, bool) or not isinstance(hours, int | float) or not hours >= 0:
                raise UsageError(f"The limit of {glob!r} must be hours, 0 or more.")
        for glob, pin in self.pins:
            if not isinstance(pin, str) or not pin:
                raise UsageError(f"The pin of {glob!r} must name a storage class.")
        for name in ("max_delay_hours", "reader_days", "max_payback_months"):
            if not getattr(self, name) >= 0:
                raise UsageError(f"{name} must be 0 or more.")
        if self.promote_reads < 2:
            raise UsageError("promote_reads must be 2 or more: one read promotes nothing.")
        ModelSettings(demand=self.demand)

    @property
    def parameters(self) -> Mapping[str, object]:
        return asdict(self)

    # -- deciding -----------------------------------------------------------------------

    def decide(self, features: Features) -> DecisionColumns:
        """Decide all objects by `features.hazard`, or by the documented prior without one."""
        table, codes, sizes = features.table, features.codes, features.sizes
        count = len(codes)
        hazard = features.hazard or prior()
        model = self._solved(features, hazard)
        cells, level = self._cells(features, hazard), self._levels(features, model)
        reads = model.expected_reads(cells)
        targets, savings = codes.copy(), np.zeros(count)
        verdicts = np.full(count, Verdict.STAY, np.int8)
        held = self._held(features)
        known = model.known(codes)
        verdicts[~known] = Verdict.UNKNOWN_PRICE
        verdicts[held] = Verdict.HELD
        pinned = self._pinned(features)
        free = np.flatnonzero(known & ~held & (pinned < -1))
        best = model.choice(
            cells[free], size_groups(sizes[free]), level[free], codes[free],
            features.age_days[free], features.idle_days[free],
        )  # fmt: skip
        if hazard.follow:
            best = self._guarded(features, model, hazard, free, level, best, reads)
        wish = best != codes[free]
        rows, best = free[wish], best[wish]
        outcome, saving = self._confirm(features, model, rows, best, cells, level, reads)
        moved = outcome == Verdict.MOVE
        verdicts[rows] = outcome
        targets[rows[moved]], savings[rows[moved]] = best[moved], saving[moved]
        wished = table.tier[codes].astype(np.int8)
        wished[rows] = table.tier[best]
        self._pin(features, pinned, held, reads, targets, verdicts, savings)
        confidence = np.where(verdicts == Verdict.HELD, 1.0, hazard.evidence()[cells])
        confidence[pinned >= 0] = 1.0
        return DecisionColumns(
            targets, verdicts, wished, savings, reads, confidence, hazard.version
        )

    def _guarded(
        self,
        features: Features,
        model: Solved,
        hazard: Hazard,
        rows: npt.NDArray[np.intp],
        level: Ints,
        best: Codes,
        reads: Floats,
    ) -> Codes:
        """The classes that whom the guards follow would have: the ledger, which then also says
        how many `reads` to expect, or a class by name."""
        codes, sizes, idle = features.codes[rows], features.sizes[rows], features.idle_days[rows]
        if hazard.follow == LEDGER:
            half_life = 90.0
            shares = _faded(features, rows, half_life, hazard.grid.cap)
            asked = _faded(features, rows, half_life, 1.0)
            groups, age = size_groups(sizes), features.age_days[rows]
            reads[rows] = 30 * shares
            return model.ledger(groups, level[rows], codes, age, idle, shares, asked)
        code = features.table.code(hazard.follow)
        if code < 0 or not self.automatic:
            return best
        large = sizes >= features.table.prices[code].automatic_size
        return np.where(large, np.int16(code), best)

    def _confirm(
        self,
        features: Features,
        model: Solved,
        rows: npt.NDArray[np.intp],
        targets: Codes,
        cells: Ints,
        level: Ints,
        reads: Floats,
    ) -> tuple[npt.NDArray[np.int8], Floats]:
        """Whether each row should go where the model wants it: MOVE or why not, and USD a month."""
        table = features.table
        codes, sizes, idle = features.codes[rows], features.sizes[rows], features.idle_days[rows]
        age = features.age_days[rows]
        before = month_costs(table, codes, sizes, reads[rows], idle)
        saving = before - month_costs(table, targets, sizes, reads[rows])
        # What tiers by itself saves later: there the model's average over its horizon counts.
        later = np.flatnonzero(table.automatic[targets])
        if len(later):
            saving[later] = model.average_saving(
                cells[rows[later]], size_groups(sizes[later]), level[rows[later]], codes[later],
                age[later], idle[later], targets[later], sizes[later],
            )  # fmt: skip
            minimum = np.array([price.automatic_size for price in table.prices])
            saving[later] = np.where(sizes[later] >= minimum[targets[later]], saving[later], -1.0)
        once = change_costs(table, codes, targets, sizes, age)
        warmer = table.tier[targets] < table.tier[codes]
        outcome = np.full(len(rows), Verdict.MOVE, np.int8)
        outcome[~(once <= self.max_payback_months * saving)] = Verdict.PAYBACK
        outcome[~(saving > 0)] = Verdict.COSTS_MORE
        outcome[warmer & (features.reads_30d[rows] < self.promote_reads)] = Verdict.COLDER
        outcome[~np.isfinite(saving + once)] = Verdict.UNKNOWN_PRICE
        return outcome, saving

    def _solved(self, features: Features, hazard: Hazard) -> Solved:
        delays = {0.0, self.max_delay_hours}
        delays |= {float(str(hours)) for _, hours in self.limits}
        return solved(
            hazard,
            features.table,
            tuple(sorted(delays)),
            ModelSettings(demand=self.demand),
            self.automatic,
        )

    def _cells(self, features: Features, hazard: Hazard, rows: Rows = _ALL) -> Ints:
        """The state of each object, its activity reckoned from the windows of reads."""
        grid, idle = hazard.grid, features.idle_days[rows]
        return grid.cell(np.floor(idle), _faded(features, rows, grid.half_life, grid.cap))

    def _levels(self, features: Features, model: Solved) -> Ints:
        """Which of the model's delay limits holds for each object."""
        waits = (features.reads_30d <= 0) & (features.idle_days >= self.reader_days)
        hours = np.where(waits, self.max_delay_hours, 0.0)
        for glob, limit in reversed(self.limits):
            hours[_match(features, glob)] = float(str(limit))
        result: Ints = np.searchsorted(np.array(model.delays), hours).astype(np.int64)
        return result

    def _held(self, features: Features) -> Bools:
        held = np.zeros(len(features), np.bool_)
        for glob in self.holds:
            held |= _match(features, glob)
        return held

    def _pinned(self, features: Features) -> Codes:
        """The class each object is pinned to, −1 one that is not here, −2 none."""
        pinned = np.full(len(features), -2, np.int16)
        names = {price.name.upper(): code for code, price in enumerate(features.table.prices)}
        for glob, name in reversed(self.pins):
            pinned[_match(features, glob)] = names.get(str(name).upper(), -1)
        return pinned

    def _pin(
        self,
        features: Features,
        pinned: Codes,
        held: Bools,
        reads: Floats,
        targets: Codes,
        verdicts: npt.NDArray[np.int8],
        savings: Floats,
    ) -> None:
        """Pinned objects go to their class whatever that costs, if the provider has it."""
        verdicts[(pinned == -1) & ~held] = Verdict.NO_CLASS
        rows = np.flatnonzero((pinned >= 0) & ~held & (features.codes >= 0))
        verdicts[rows] = Verdict.HELD
        rows = rows[pinned[rows] != features.codes[rows]]
        table, sizes = features.table, features.sizes[rows]
        idle = features.idle_days[rows]
        saving = month_costs(table, features.codes[rows], sizes, reads[rows], idle)
        saving -= month_costs(table, pinned[rows], sizes, reads[rows])
        known = np.isfinite(saving)
        targets[rows[known]], savings[rows[known]] = pinned[rows[known]], saving[known]
        verdicts[rows] = np.where(known, Verdict.MOVE, Verdict.UNKNOWN_PRICE)

    # -- words --------------------------------------------------------------------------

    def explain(self, features: Features, columns: DecisionColumns, row: int) -> str:
        """What is expected of the object, and what that makes of its class."""
        table = features.table
        code, verdict = int(features.codes[row]), Verdict(columns.verdicts[row])
        here, there = table.name(code), table.name(int(columns.targets[row]))
        key = features.keys[row]
        glob = next((glob for glob, _ in self.pins if key_fits(key, glob)), None)
        if verdict is Verdict.HELD and glob is None:
            return f"It is held by the policy's settings (1 of {len(self.holds)} patterns)."
        if verdict is Verdict.HELD:
            return f"It is pinned to {here} by {glob}."
        if verdict is Verdict.NO_CLASS:
            return f"It is pinned by {glob} to a class that {table.provider} has not got."
        if verdict is Verdict.UNKNOWN_PRICE and code < 0:
            return "The price book does not know its storage class; it stays where it is."
        if verdict is Verdict.MOVE and glob is not None:
            saves = usd(float(columns.savings[row]))
            return f"It is pinned to {there} by {glob}; that saves {saves} a month."
        because = self._because(features, columns, row)
        match verdict:
            case Verdict.MOVE:
                one = np.array([row], np.intp)
                once = change_costs(
                    table, features.codes[one], columns.targets[one], features.sizes[one],
                    features.age_days[one],
                )  # fmt: skip
                return (
                    f"{because}; by that {there} saves {usd(float(columns.savings[row]))} a month "
                    f"against {here}, and the change itself costs {usd(float(once[0]))} once."
                )
            case Verdict.COLDER:
                return f"{because}, too few reads to go warmer; it stays in {here}."
            case Verdict.UNKNOWN_PRICE:
                return f"{because}, but a price is not known; it stays in {here}."
            case Verdict.PAYBACK:
                return (
                    f"{because}; a change would not pay back in {self.max_payback_months:g} "
                    f"months, so it stays in {here}."
                )
            case _:
                return f"{because}; {here} is the cheapest for that."

    def _because(self, features: Features, columns: DecisionColumns, row: int) -> str:
        hazard = features.hazard or prior()
        cell = int(self._cells(features, hazard, np.array([row], np.intp))[0])
        idle, read = float(features.idle_days[row]), float(features.reads_30d[row])
        chance = float(hazard.reads[cell])
        return (
            f"Idle for {idle:.0f} days and read {times(read)} in 30, it is read tomorrow with a "
            f"chance of {chance:.2g}, and {columns.expected_reads[row]:.2g} times in the next 30"
        )

    def assumption(self, features: Features, columns: DecisionColumns, row: int) -> str:
        """The model, and what of its demand is believed."""
        hazard = features.hazard or prior()
        ground = (
            f"{hazard.object_days:,.0f} object-days of this history"
            if hazard.object_days
            else "the built-in prior, since there is no history yet"
        )
        return (
            f"Reads come as {ground} make expect, {self.demand:.0%} of their volume believed: "
            f"{columns.expected_reads[row]:.2g} whole reads in the next 30 days."
            + (f" {hazard.why}, so its choice is followed." if hazard.follow else "")
        )


def _faded(features: Features, rows: Rows, half_life: float, cap: float) -> Floats:
    """Whole reads a day of late, each day's fading by half in `half_life` days: reckoned from the
    windows of reads, at most `cap` a day."""
    decay = float(0.5 ** (1 / half_life))
    day, week, month = (
        column[rows] for column in (features.reads_1d, features.reads_7d, features.reads_30d)
    )
    idle, age = features.idle_days[rows], features.age_days[rows]
    recent = np.minimum(day, cap)
    recent += np.clip(week - day, 0.0, 6 * cap) * decay**4
    recent += np.clip(month - week, 0.0, 23 * cap) * decay**18
    # A last read before these windows counts as one then.
    old = (month <= 0) & (idle < age - 0.5)
    recent = np.where(old, decay ** np.minimum(idle, 3000.0), recent)
    return np.asarray(recent * (1 - decay))


def _pairs(name: str, given: object) -> Pairs:
    """Pairs of a mapping, or of pairs as they are kept."""
    items = given.items() if isinstance(given, Mapping) else given
    if not isinstance(items, str) and all(
        isinstance(item, tuple | list) and len(item) == 2 and isinstance(item[0], str)
        for item in items  # type: ignore[attr-defined]
    ):
        return tuple((item[0], item[1]) for item in items)  # type: ignore[attr-defined]
    raise UsageError(f"{name} must be a table of patterns.", todo='Write it as {"logs/*" = 0}.')


def _globs(given: object) -> tuple[str, ...]:
    if isinstance(given, tuple | list) and all(isinstance(glob, str) for glob in given):
        return tuple(given)
    raise UsageError("holds must be a list of patterns.", todo='Write it as ["legal/*"].')


def _match(features: Features, glob: str) -> Bools:
    if "/" not in glob:
        return features.text.match_name(glob)
    glob = f"{glob}*" if glob.endswith("/") else glob
    found = features.text.match(glob)
    if "*" not in glob and "?" not in glob:  # a part of the key so far
        rows = np.flatnonzero(found)
        found[rows] = [key_fits(features.keys[row], glob) for row in rows.tolist()]
    return found
