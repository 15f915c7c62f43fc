"""`rules`: tiers by age, with exceptions for objects that are read and for some names.

Age 0–30 days is HOT, 30–90 WARM, 90–180 COLD, from 180 on ARCHIVE. Ten reads in 30 days or
more are HOT at any age. By age alone an object only ever goes colder. Names have these effects
(last segment of the key, regardless of case; the first pattern that fits counts):

    monthly_report_*   is looked up at any time: never to a class that needs a restore
    backup_*           is read in emergencies only: ages twice as fast
    *.log              is seldom read after the day: ages half as fast again
    temp_*             is about to be deleted: stays for its first 90 days, since classes with
                       minimum days would bill it for longer than it lives
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from engine.globs import name_fits
from engine.model import Tier
from engine.pricing.columns import Floats
from engine.tiering.settle import Wish, reads_stay, sentence, settle
from engine.tiering.shape import DecisionColumns, Features, times

_TIERS = tuple(Tier)


@dataclass(frozen=True, slots=True)
class NameRule:
    """What a name tells of an object: its age counts `age_factor` times, it must open
    `at_once`, and it stays for its first `hold_days`."""

    glob: str
    age_factor: float = 1.0
    at_once: bool = False
    hold_days: float = 0.0


NAME_RULES = (
    NameRule("monthly_report_*", at_once=True),
    NameRule("backup_*", age_factor=2.0),
    NameRule("*.log", age_factor=1.5),
    NameRule("temp_*", hold_days=90.0),
)


@dataclass(frozen=True, slots=True)
class Rules:
    """Tiers by age, reads and name."""

    name: ClassVar[str] = "rules"
    version: ClassVar[str] = "1"
    model_version: ClassVar[str] = ""
    description: ClassVar[str] = (
        "By age: HOT for 30 days, WARM to 90, COLD to 180, then ARCHIVE; what is read stays HOT."
    )

    warm_days: float = 30.0
    cold_days: float = 90.0
    archive_days: float = 180.0
    hot_reads: float = 10.0  # in 30 days
    max_payback_months: float = 24.0
    names: tuple[NameRule, ...] = NAME_RULES

    @property
    def parameters(self) -> Mapping[str, object]:
        return asdict(self)

    def decide(self, features: Features) -> DecisionColumns:
        """Decide all objects; see the module for the rules."""
        rule = self._rule(features)
        factor = np.array([r.age_factor for r in self.names] + [1.0])[rule]
        hold = np.array([r.hold_days for r in self.names] + [0.0])[rule]
        at_once = np.array([r.at_once for r in self.names] + [False])[rule]
        read = features.reads_30d >= self.hot_reads
        tiers = np.searchsorted(self._limits(), features.age_days * factor, side="right")
        wish = Wish(
            tiers=np.where(read, 0, tiers).astype(np.int8),
            promote=read,
            at_once=at_once,
            held=(features.age_days < hold) & ~read,
        )
        return settle(features, wish, features.reads_30d, self.max_payback_months)

    def explain(self, features: Features, columns: DecisionColumns, row: int) -> str:
        """The age, reads or name that decided, and what the arithmetic made of it."""
        reads, age = float(features.reads_30d[row]), float(features.age_days[row])
        tier = _TIERS[columns.wished[row]]
        if reads >= self.hot_reads:
            because = f"Read {times(reads)} in 30 days ({self.hot_reads:g} or more are HOT)"
            return sentence(features, columns, row, because)
        rule = self._name_rule(features.keys[row])
        because = f"Written {age:.0f} days ago"
        if rule is not None and age < rule.hold_days:
            because += f"; {rule.glob} is held for {rule.hold_days:g} days"
            return sentence(features, columns, row, because)
        if rule is not None and rule.age_factor != 1.0:
            because += f", counted {rule.age_factor:g} times for {rule.glob}"
        limit = [0.0, *self._limits()][columns.wished[row]]
        because += f", which asks for {tier} (from {limit:g} days)"
        return sentence(features, columns, row, because)

    def assumption(self, features: Features, columns: DecisionColumns, row: int) -> str:
        """Reads go on as in the last 30 days."""
        return reads_stay(columns, row)

    def _limits(self) -> Floats:
        return np.array([self.warm_days, self.cold_days, self.archive_days])

    def _rule(self, features: Features) -> npt.NDArray[np.int8]:
        """Index of the name rule of each object; −1 (the last entry) where none fits."""
        rule = np.full(len(features), -1, np.int8)
        for index in range(len(self.names) - 1, -1, -1):
            rule[features.text.match_name(self.names[index].glob)] = index
        return rule

    def _name_rule(self, key: str) -> NameRule | None:
        return next((rule for rule in self.names if name_fits(key, rule.glob)), None)
