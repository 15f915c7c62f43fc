"""A made-up result of the lab for pictures: its lines bend, cross, and one leaves at the top."""

import datetime as dt
from collections.abc import Mapping

from engine.model import LabChoices, LabClass, LabCost, LabResult, Tier

DAYS = 120
# Policy → (USD at the end, how its line bends)
CALM: Mapping[str, tuple[float, float]] = {
    "cost": (1180.4, 0.9),
    "rules": (1610.75, 0.7),
    "age:30/90/180": (1790.2, 1.4),
    "s3-intelligent-tiering": (2104.0, 1.0),
    "always:STANDARD": (2650.0, 1.0),
    "always:GLACIER_IR": (9120.6, 1.2),
    "optimum": (1040.9, 0.95),
}


def lab_result(policies: Mapping[str, tuple[float, float]] = CALM) -> LabResult:
    best = min(total for total, _ in policies.values())
    return LabResult(
        first=dt.date(2026, 1, 1),
        last=dt.date(2026, 1, 1) + dt.timedelta(DAYS - 1),
        objects=48_211,
        size=61 * 1024**4,
        provider="aws",
        region="us-east-1",
        classes=("STANDARD", "INTELLIGENT_TIERING", "STANDARD_IA", "GLACIER_IR"),
        start_class="STANDARD",
        optimum=best,
        policies=tuple(
            _cost(name, total, bend, best, number)
            for number, (name, (total, bend)) in enumerate(policies.items())
        ),
    )


def _cost(name: str, total: float, bend: float, best: float, number: int) -> LabCost:
    return LabCost(
        policy=name,
        total=total,
        ratio=total / best,
        storage=total * 0.7,
        requests=total * 0.05,
        retrieval=total * 0.2,
        transitions=total * 0.04,
        early_deletion=total * 0.01,
        moves=number * 1371,
        reads_delayed=number * number * 7,
        cumulative=tuple(total * ((day + 1) / DAYS) ** bend for day in range(DAYS)),
    )


def lab_choices(policies: Mapping[str, object] = CALM) -> LabChoices:
    return LabChoices(
        providers=(("aws", ("us-east-1", "eu-west-1")), ("gcp", ("us-central1",))),
        provider="aws",
        region="us-east-1",
        classes=(
            LabClass("STANDARD", Tier.HOT, True, True),
            LabClass("STANDARD_IA", Tier.WARM, True, True),
            LabClass("GLACIER_IR", Tier.COLD, True, True),
            LabClass("DEEP_ARCHIVE", Tier.ARCHIVE, False, False),
        ),
        allowed=("STANDARD", "STANDARD_IA", "GLACIER_IR"),
        start_class="STANDARD",
        policies=tuple(policies),
        adoptable=("rules", "recency", "reactive", "cost"),
    )
