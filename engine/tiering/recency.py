"""`recency`: tiers by how long ago an object was touched, in seconds and minutes, for streams.

What was read or written within `hot_seconds` is HOT, then WARM, then COLD. Nothing goes to
ARCHIVE by default: minutes of silence say little about months. Going warmer takes
`promote_reads` in the last hour, never a single read.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np

from engine.errors import UsageError
from engine.model import Tier
from engine.tiering.settle import Wish, reads_stay, sentence, settle
from engine.tiering.shape import DecisionColumns, Features, times

_TIERS = tuple(Tier)
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Recency:
    """Tiers by the time since the last access."""

    name: ClassVar[str] = "recency"
    version: ClassVar[str] = "1"
    model_version: ClassVar[str] = ""
    description: ClassVar[str] = (
        "By the last access, for streams: HOT for a minute, WARM to five, then COLD."
    )

    hot_seconds: float = 60.0
    warm_seconds: float = 300.0
    cold_seconds: float = 1800.0
    coldest: str = "COLD"
    promote_reads: float = 2.0  # in the last hour
    max_payback_months: float = 12.0

    def __post_init__(self) -> None:
        if self.promote_reads < 2:
            raise UsageError("promote_reads must be 2 or more: one read promotes nothing.")
        if self.coldest not in _TIERS:
            raise UsageError(f"coldest must be one of {', '.join(_TIERS)}.")

    @property
    def parameters(self) -> Mapping[str, object]:
        return asdict(self)

    def decide(self, features: Features) -> DecisionColumns:
        """Decide all objects; see the module for the rules."""
        idle = features.idle_days * _DAY
        limits = np.array([self.hot_seconds, self.warm_seconds, self.cold_seconds])
        tiers = np.minimum(
            np.searchsorted(limits, idle, side="right"), _TIERS.index(Tier(self.coldest))
        )
        nothing = np.zeros(len(features), np.bool_)
        wish = Wish(
            tiers=tiers.astype(np.int8),
            promote=features.reads_1h >= self.promote_reads,
            at_once=nothing,
            held=nothing,
        )
        return settle(features, wish, features.reads_30d, self.max_payback_months)

    def explain(self, features: Features, columns: DecisionColumns, row: int) -> str:
        """The idle time that decided, and what the arithmetic made of it."""
        idle = _span(float(features.idle_days[row]) * _DAY)
        reads = float(features.reads_1h[row])
        because = f"Last touched {idle} ago"
        if reads >= 0.5:
            because += f" and read {times(reads)} in the last hour"
        because += f", which asks for {_TIERS[columns.wished[row]]}"
        return sentence(features, columns, row, because)

    def assumption(self, features: Features, columns: DecisionColumns, row: int) -> str:
        """Reads go on as in the last 30 days."""
        return reads_stay(columns, row)


def _span(seconds: float) -> str:
    for size, unit in ((_DAY, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
