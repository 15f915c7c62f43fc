"""The shape that all policies share: columns of objects in, columns of decisions out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from engine.forecast.model import Forecast
from engine.frame import Frame
from engine.keytext import KeyText
from engine.pricing.columns import ClassTable, Codes, Floats, month_costs
from engine.tiering.hazard import Hazard

Tiers = npt.NDArray[np.int8]  # 0 HOT … 3 ARCHIVE


class Verdict(IntEnum):
    """What came of the tier that a policy wished for an object."""

    STAY = 0  # it is where it should be
    MOVE = 1  # to the wished tier
    FALLBACK = 2  # to a tier less cold than wished, which pays where the wished one does not
    AT_ONCE = 3  # less cold than wished: its readers cannot wait for a restore
    COLDER = 4  # stays: colder than wished, and nothing asks for going back
    COSTS_MORE = 5  # stays: the move would cost money every month
    PAYBACK = 6  # stays: the move would pay back too late
    READERS = 7  # stays: its readers cannot wait for a restore
    UNKNOWN_PRICE = 8  # stays: its class or a price is not known
    NO_CLASS = 9  # stays: the provider has no class for the wished tier
    AUTOMATIC = 10  # stays: its class tiers by itself
    HELD = 11  # stays: the policy holds it


MOVING = (Verdict.MOVE, Verdict.FALLBACK, Verdict.AT_ONCE)


@dataclass(frozen=True, slots=True)
class Features:
    """What a policy may look at, for N objects of one bucket.

    Sizes in bytes, ages and idle times in days, reads as counts over the window named; all
    float64 of shape (N,). `codes` are classes of `table`, −1 unknown. `text` finds names.
    """

    cloud: str
    bucket: str
    now: float
    table: ClassTable
    keys: Sequence[str]
    text: KeyText
    codes: Codes
    sizes: Floats
    age_days: Floats
    idle_days: Floats
    reads_1h: Floats
    reads_1d: Floats
    reads_7d: Floats
    reads_30d: Floats
    forecast: Forecast | None = None  # what is to come, for policies that ask for it
    hazard: Hazard | None = None  # of the next read, for policies that ask for it

    @classmethod
    def of(cls, frame: Frame, text: KeyText | None = None) -> "Features":
        """The features of a listing as it is; for a thread (about 0.5 s for a million)."""
        keys = frame.keys[: frame.count]
        if text is None or text.count != frame.count:
            text = KeyText(keys)
        return cls(
            cloud=frame.cloud,
            bucket=frame.bucket,
            now=frame.now,
            table=frame.table,
            keys=keys,
            text=text,
            codes=frame.codes,
            sizes=frame.sizes.astype(np.float64),
            age_days=frame.ages(),
            idle_days=frame.idle(),
            reads_1h=frame.access("reads_1h"),
            reads_1d=frame.access("reads_1d"),
            reads_7d=frame.access("reads_7d"),
            reads_30d=frame.access("reads_30d"),
        )

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True, slots=True)
class DecisionColumns:
    """What a policy decided, for the same N objects.

    `targets` are class codes, equal to the present ones where the object stays; `verdicts` are
    `Verdict`s, `wished` the tier that the policy wanted; `savings` USD a month at
    `expected_reads` whole reads a month, 0 where the object stays (`recent_savings` has what is
    shown and planned: at the reads of the last 30 days); `confidence` from 0 to 1;
    `model_version` that of the forecast they rest on, "" for none.
    """

    targets: Codes
    verdicts: Tiers
    wished: Tiers
    savings: Floats
    expected_reads: Floats
    confidence: Floats
    model_version: str = ""

    def changed(self) -> npt.NDArray[np.intp]:
        """Rows whose class shall change."""
        return np.flatnonzero(np.isin(self.verdicts, MOVING))

    def shown(self) -> Codes:
        """Targets for a listing: −1 where the object may stay."""
        moving = np.isin(self.verdicts, MOVING)
        return np.where(moving, self.targets, np.int16(-1)).astype(np.int16)


def recent_savings(features: Features, columns: DecisionColumns) -> Floats:
    """USD a month that each change saves at the reads of the last 30 days: the arithmetic of plans,
    whatever reads the policy expects. 0 where the object stays, NaN where a price is unknown."""
    rows, table = columns.changed(), features.table
    sizes, reads = features.sizes[rows], features.reads_30d[rows]
    saving = month_costs(table, features.codes[rows], sizes, reads, features.idle_days[rows])
    saving -= month_costs(table, columns.targets[rows], sizes, reads)
    result = np.zeros(len(features))
    result[rows] = saving
    return result


class Policy(Protocol):
    """A way to decide. Policies are values: same features, same decisions."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def model_version(self) -> str:
        """Of the fitted model that it asks, "" if it asks none."""
        ...

    @property
    def description(self) -> str:
        """One sentence for the operator."""
        ...

    @property
    def parameters(self) -> Mapping[str, object]:
        """The settings by name, as `policy_named` takes them."""
        ...

    def decide(self, features: Features) -> DecisionColumns:
        """Decide all objects at once. Pure computation: run it in a thread."""
        ...

    def explain(self, features: Features, columns: DecisionColumns, row: int) -> str:
        """Why that row goes or stays, in a sentence with its numbers."""
        ...

    def assumption(self, features: Features, columns: DecisionColumns, row: int) -> str:
        """What the saving rests on."""
        ...


def times(count: float) -> str:
    """A count in words: `once`, `12 times`."""
    return "once" if count == 1 else f"{count:.4g} times"
