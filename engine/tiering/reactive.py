"""`reactive`: a spike over an object's own baseline has it looked at anew.

A spike is `min_reads` in the last hour or day, and `factor` times what the object is used to.
It promotes only if that pays: the reads still to come, by the class they would be served from,
against the change there, a month of dearer storage and the way back. A single read never does.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from engine.errors import UsageError
from engine.pricing.columns import Bools, Codes, Floats, change_costs, month_costs, read_costs
from engine.pricing.cost import usd
from engine.tiering.shape import DecisionColumns, Features, Verdict, times

_MONTH = 30.0


@dataclass(frozen=True, slots=True)
class _Offer:
    """What staying and going cost the rows of a spike over a month, in USD."""

    stay: Floats
    go: Floats  # the cheapest class's month, the change there and the way back
    targets: Codes
    once: Floats


@dataclass(frozen=True, slots=True)
class Reactive:
    """Promotes on a spike of reads, where that pays."""

    name: ClassVar[str] = "reactive"
    version: ClassVar[str] = "1"
    model_version: ClassVar[str] = ""
    description: ClassVar[str] = (
        "A spike of reads over the object's own baseline; promotes only where that pays."
    )

    min_reads: float = 5.0
    factor: float = 5.0
    decay: float = 0.5  # reads of a spike's next day, as a share of today's

    def __post_init__(self) -> None:
        if self.min_reads < 2:
            raise UsageError("min_reads must be 2 or more: one read promotes nothing.")
        if not 0 <= self.decay < 1:
            raise UsageError("decay must be at least 0 and less than 1.")

    @property
    def parameters(self) -> Mapping[str, object]:
        return asdict(self)

    def decide(self, features: Features) -> DecisionColumns:
        """Look at the objects with a spike; all others stay."""
        table, codes = features.table, features.codes
        count = len(codes)
        verdicts = np.full(count, Verdict.STAY, np.int8)
        wished = table.tier[codes].astype(np.int8)
        targets, savings, confidence = codes.copy(), np.zeros(count), np.ones(count)
        expected = self.expected_reads(features)
        rows = np.flatnonzero(self._spikes(features) & ~table.automatic[codes] & (codes >= 0))
        if len(rows):
            offer = self._offer(features, rows, expected)
            pays = offer.go < offer.stay
            offered = offer.targets >= 0
            verdicts[rows[offered]] = Verdict.COSTS_MORE
            verdicts[rows[~np.isfinite(offer.stay)]] = Verdict.UNKNOWN_PRICE
            wished[rows[offered]] = table.tier[offer.targets[offered]]
            there = rows[pays]
            targets[there] = offer.targets[pays]
            verdicts[there] = Verdict.MOVE
            savings[there] = self._saving(features, there, targets[there], expected)
            confidence[there] = self._confidence(features, offer, rows, expected)[pays]
        return DecisionColumns(targets, verdicts, wished, savings, expected, confidence)

    def explain(self, features: Features, columns: DecisionColumns, row: int) -> str:
        """The spike, and both sums."""
        table, here = features.table, features.table.name(int(features.codes[row]))
        day = float(features.reads_1d[row])
        usual = max(float(features.reads_30d[row]) - day, 0.0) / (_MONTH - 1)
        reads = f"read {times(day)} in the last day against {usual:.2g} a day before"
        verdict = Verdict(columns.verdicts[row])
        if verdict is Verdict.UNKNOWN_PRICE:
            return f"It is {reads}, but a price is not known; it stays in {here}."
        if verdict is Verdict.STAY:
            return f"It is {reads}: no spike, or nothing warmer to go to; it stays in {here}."
        rows = np.array([row], np.intp)
        offer = self._offer(features, rows, columns.expected_reads)
        to_come = f"{columns.expected_reads[row]:.0f} more reads expected in 30 days"
        there = table.name(int(offer.targets[0]))
        sums = (
            f"would cost {usd(float(offer.stay[0]))} in {here} and {usd(float(offer.go[0]))} in "
            f"{there}, the change and the way back included"
        )
        end = "" if verdict is Verdict.MOVE else f"; it stays in {here}"
        return f"A spike: {reads}; {to_come} {sums}{end}."

    def assumption(self, features: Features, columns: DecisionColumns, row: int) -> str:
        """How the spike goes on."""
        return (
            f"The spike falls to {self.decay:.0%} each day, then reads go on as before: "
            f"{columns.expected_reads[row]:.4g} in the next 30 days."
        )

    def expected_reads(self, features: Features) -> Floats:
        """Reads in the next 30 days: what is left of the last day's, and the baseline."""
        usual = self._baseline(features)
        extra = np.maximum(features.reads_1d - usual, 0.0) * self.decay / (1 - self.decay)
        return extra + usual * _MONTH

    def _baseline(self, features: Features) -> Floats:
        """Reads a day before the last one."""
        return np.maximum(features.reads_30d - features.reads_1d, 0.0) / (_MONTH - 1)

    def _spikes(self, features: Features) -> Bools:
        usual = self._baseline(features)
        hour, day = features.reads_1h, features.reads_1d
        in_day = (day >= self.min_reads) & (day >= self.factor * usual)
        return in_day | ((hour >= self.min_reads) & (hour >= self.factor * usual / 24))

    def _offer(self, features: Features, rows: npt.NDArray[np.intp], expected: Floats) -> _Offer:
        """The cheapest warmer class that opens at once, of those that stand for a tier."""
        table = features.table
        codes, sizes = features.codes[rows], features.sizes[rows]
        reads, idle = expected[rows], features.idle_days[rows]
        age = features.age_days[rows]
        stay = month_costs(table, codes, sizes, reads, idle)
        best = np.full(len(rows), np.inf)
        targets = np.full(len(rows), -1, np.int16)
        once = np.zeros(len(rows))
        for code in np.unique(table.tier_class[table.tier_class >= 0]):
            target = np.full(len(rows), code, np.int16)
            fits = (table.tier[code] < table.tier[codes]) & table.readable[code]
            there = change_costs(table, codes, target, sizes, age)
            back = change_costs(table, target, codes, sizes, np.full(len(rows), _MONTH))
            whole = month_costs(table, target, sizes, reads, idle) + there + back
            better = fits & (whole < best)
            best[better], targets[better] = whole[better], code
            once[better] = (there + back)[better]
        return _Offer(stay, best, targets, once)

    def _saving(
        self, features: Features, rows: npt.NDArray[np.intp], targets: Codes, expected: Floats
    ) -> Floats:
        sizes, reads = features.sizes[rows], expected[rows]
        before = month_costs(
            features.table, features.codes[rows], sizes, reads, features.idle_days[rows]
        )
        return before - month_costs(features.table, targets, sizes, reads, features.idle_days[rows])

    def _confidence(
        self, features: Features, offer: _Offer, rows: npt.NDArray[np.intp], expected: Floats
    ) -> Floats:
        """The chance that at least the break-even number of reads comes, were their number
        exponentially distributed around what is expected."""
        table, sizes = features.table, features.sizes[rows]
        gain = read_costs(table, features.codes[rows], sizes) - read_costs(
            table, offer.targets, sizes
        )
        reads = expected[rows]
        surplus = offer.stay - offer.go  # at the expected reads
        with np.errstate(divide="ignore", invalid="ignore"):
            break_even = np.maximum(reads - surplus / gain, 0.0)
            chance = np.exp(-break_even / reads)
        return np.where(np.isfinite(chance), chance, 0.0)
