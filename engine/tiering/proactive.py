"""`proactive`: acts on the reads that are to come, before they do.

A forecast (`engine.forecast`) says how likely each object is read within days and how often. What
is likely to be read within a week moves to a warmer class if the reads of the month pay for the
change, the dearer storage and the way back; the rest moves to the colder class that saves most at
the typical reads of the next months, if there is one and the change pays back in time. Classes
that need a restore take only what is hardly ever read, and never what must open at once.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from engine.errors import UsageError
from engine.forecast.model import CHANCES, COUNTS, Forecast
from engine.pricing.columns import Bools, Codes, Floats, change_costs, month_costs, read_costs
from engine.pricing.cost import usd
from engine.tiering.shape import DecisionColumns, Features, Verdict, times

_MONTH = 30.0


@dataclass(frozen=True, slots=True)
class Proactive:
    """Promotes before likely reads, demotes before likely silence, where that pays."""

    name: ClassVar[str] = "proactive"
    version: ClassVar[str] = "1"
    model_version: ClassVar[str] = ""  # that of the forecast it is given, see `decide`
    asks_forecast: ClassVar[bool] = True
    description: ClassVar[str] = (
        "By forecast: warmer before reads that are likely within a week, colder before quiet "
        "months; only where that pays."
    )

    likely: float = 0.5  # chance of a read within 7 days from which it is promoted
    caution: float = 1.0  # a demotion must pay even if there are so many times more reads
    asleep: float = 0.05  # chance of a read within 90 days up to which it may need a restore
    max_payback_months: float = 12.0
    at_once: tuple[str, ...] = ("monthly_report_*",)

    def __post_init__(self) -> None:
        if self.caution < 1:
            raise UsageError("caution must be 1 or more: less would count on fewer reads.")
        for name in ("likely", "asleep"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} is a chance, from 0 to 1.")
        if self.max_payback_months <= 0:
            raise UsageError("max_payback_months must be more than 0.")

    @property
    def parameters(self) -> Mapping[str, object]:
        return asdict(self)

    def decide(self, features: Features) -> DecisionColumns:
        """Decide all objects by the forecast, or by the reads of the last 30 days without one."""
        table, codes = features.table, features.codes
        forecast = features.forecast or recent(features)
        coming, fading = self._coming(features, forecast), self._fading(features, forecast)
        # Typical reads, of the quieter outlook: a rare burst must not keep everything warm.
        month, quarter = (forecast.typical[:, COUNTS.index(days)] for days in (30, 90))
        usual = np.minimum(month, quarter / 3)
        reads = np.where(fading, usual * self.caution, forecast.expected(30))
        targets, savings = codes.copy(), np.zeros(len(codes))
        verdicts = np.full(len(codes), Verdict.STAY, np.int8)
        confidence = np.ones(len(codes))
        self._search(features, np.flatnonzero(coming), reads, targets, savings, verdicts)
        patient = self._patient(features, forecast)
        self._search(features, np.flatnonzero(fading), reads, targets, savings, verdicts, patient)
        moved = verdicts == Verdict.MOVE
        rows = np.flatnonzero(moved & coming)
        confidence[rows] = forecast.within(7)[rows]
        rows = np.flatnonzero(moved & fading)
        confidence[rows] = _few_enough(features, forecast, rows, targets, savings, reads)
        verdicts[table.automatic[codes]] = Verdict.AUTOMATIC
        verdicts[codes < 0] = Verdict.UNKNOWN_PRICE
        wished = table.tier[targets].astype(np.int8)
        return DecisionColumns(
            targets, verdicts, wished, savings, reads, confidence, forecast.version
        )

    def explain(self, features: Features, columns: DecisionColumns, row: int) -> str:
        """What is expected, and what it would cost."""
        table = features.table
        here, there = table.name(int(features.codes[row])), table.name(int(columns.targets[row]))
        verdict = Verdict(columns.verdicts[row])
        if verdict is Verdict.AUTOMATIC:
            return f"{here} moves objects between its tiers by itself; it stays there."
        if verdict is Verdict.UNKNOWN_PRICE and features.codes[row] < 0:
            return "The price book does not know its storage class; it stays where it is."
        forecast = features.forecast or recent(features, row)
        at = row if features.forecast is not None else 0
        week, month = float(forecast.within(7)[at]), float(forecast.within(30)[at])
        expected = (
            f"A read within 7 days is {week:.0%} likely, within 30 days {month:.0%}; "
            f"{times(round(float(forecast.expected(30)[at]), 1))} in 30 days expected"
        )
        match verdict:
            case Verdict.MOVE:
                saves = usd(float(columns.savings[row]))
                return f"{expected}; by that {there} saves {saves} a month."
            case Verdict.UNKNOWN_PRICE:
                return f"{expected}, but a price is not known; it stays in {here}."
            case Verdict.COSTS_MORE:
                return f"{expected}, but no other class pays for the change; it stays in {here}."
            case _:
                return f"{expected}: {here} is the class for that."

    def assumption(self, features: Features, columns: DecisionColumns, row: int) -> str:
        """The reads that the saving rests on."""
        reads = float(columns.expected_reads[row])
        source = columns.model_version or "the reads of the last 30 days"
        return f"It will be read {times(round(reads, 3))} a month, whole each time (by {source})."

    # -- what is due ----------------------------------------------------------------------

    def _open(self, features: Features) -> Bools:
        known: Bools = features.codes >= 0
        return known & (~features.table.automatic[features.codes])

    def _coming(self, features: Features, forecast: Forecast) -> Bools:
        """Where reads are likely soon: two of them at least, for one promotes nothing."""
        soon = (forecast.within(7) >= self.likely) & (forecast.expected(30) >= 2)
        return soon & self._open(features)

    def _fading(self, features: Features, forecast: Forecast) -> Bools:
        """Where no demand is coming: the rest, which may be better off in a colder class."""
        return self._open(features) & ~self._coming(features, forecast)

    def _patient(self, features: Features, forecast: Forecast) -> Bools:
        """What may lie where it needs a restore first."""
        sleeps: Bools = (forecast.within(90) <= self.asleep) & (features.reads_30d == 0)
        for glob in self.at_once:
            sleeps &= ~features.text.match_name(glob)
        return sleeps

    def _search(
        self,
        features: Features,
        rows: npt.NDArray[np.intp],
        reads: Floats,
        targets: Codes,
        savings: Floats,
        verdicts: npt.NDArray[np.int8],
        patient: Bools | None = None,
    ) -> None:
        """Find the class that pays most for these rows: a warmer one, by a month and with the way
        back, or (with `patient`, which may need a restore) a colder one, by the payback time."""
        if not len(rows):
            return
        table = features.table
        codes, sizes, idle = features.codes[rows], features.sizes[rows], features.idle_days[rows]
        expected, age = reads[rows], features.age_days[rows]
        stay = month_costs(table, codes, sizes, expected, idle)
        best, chosen, gain = np.zeros(len(rows)), codes.copy(), np.zeros(len(rows))
        for code, price in enumerate(table.prices):
            if price.automatic or not price.choose:
                continue
            target = np.full(len(rows), code, np.int16)
            once = change_costs(table, codes, target, sizes, age)
            saving = stay - month_costs(table, target, sizes, expected)
            fits = (codes != code) & (saving > 0) & (once <= self.max_payback_months * saving)
            if patient is None:
                fits &= (table.tier[code] < table.tier[codes]) & price.readable
                back = change_costs(table, target, codes, sizes, np.full(len(rows), _MONTH))
                score = saving - once - back
            else:
                fits &= table.tier[code] >= table.tier[codes]
                fits &= patient[rows] | price.readable
                score = self.max_payback_months * saving - once
            better = fits & (score > best)
            best[better], chosen[better], gain[better] = score[better], code, saving[better]
        went = chosen != codes
        verdicts[rows] = Verdict.COSTS_MORE
        verdicts[rows[~np.isfinite(stay)]] = Verdict.UNKNOWN_PRICE
        verdicts[rows[went]] = Verdict.MOVE
        targets[rows[went]] = chosen[went]
        savings[rows[went]] = gain[went]


def _few_enough(
    features: Features,
    forecast: Forecast,
    rows: npt.NDArray[np.intp],
    targets: Codes,
    savings: Floats,
    reads: Floats,
) -> Floats:
    """The chance that a month's reads stay below the number at which a demotion stops paying,
    were their number, if there are any, exponentially distributed."""
    table, sizes = features.table, features.sizes[rows]
    dearer = read_costs(table, targets[rows], sizes) - read_costs(
        table, features.codes[rows], sizes
    )
    some = np.maximum(forecast.within(30)[rows], 1e-9)
    mean = np.maximum(forecast.expected(30)[rows] / some, 1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        most = reads[rows] + savings[rows] / np.maximum(dearer, 0.0)
        chance = 1 - some * np.exp(-most / mean)
    return np.clip(np.where(np.isfinite(chance), chance, 1.0), 0.0, 1.0)


def recent(features: Features, row: int | None = None) -> Forecast:
    """A forecast of the reads of the last 30 days alone (of one row), as if they came evenly at
    random: for where no history of days is at hand."""
    reads = features.reads_30d if row is None else features.reads_30d[row : row + 1]
    rate = reads / _MONTH
    return Forecast(
        np.column_stack([1 - np.exp(-rate * days) for days in CHANCES]),
        np.column_stack([rate * days for days in COUNTS]),
        np.column_stack([rate * days for days in COUNTS]),
        "",
    )
