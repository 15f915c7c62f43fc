"""The policies by name, and decisions as values.

Every policy takes `Features` and gives `DecisionColumns` (`engine.tiering.shape`).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from engine.errors import UsageError
from engine.model import Address, Decision
from engine.pricing.columns import Floats
from engine.tiering.cost import Cost
from engine.tiering.proactive import Proactive
from engine.tiering.reactive import Reactive
from engine.tiering.recency import Recency
from engine.tiering.rules import Rules
from engine.tiering.shape import (
    MOVING,
    DecisionColumns,
    Features,
    Policy,
    Verdict,
    recent_savings,
)

POLICIES: dict[str, Policy] = {
    policy.name: policy for policy in (Rules(), Recency(), Reactive(), Proactive(), Cost())
}


def policy_named(name: str, parameters: Mapping[str, object] | None = None) -> Policy:
    """A policy with its own or other parameters. Raises UsageError for unknown names."""
    policy: Any = POLICIES.get(name)
    if policy is None:
        raise UsageError(
            f"There is no policy {name!r}.", todo=f"Choose from: {', '.join(POLICIES)}."
        )
    given = dict(parameters or {})
    known = {field.name for field in fields(policy)}
    strange = sorted(given.keys() - known)
    if strange:
        raise UsageError(
            f"Policy {name} has no parameter {', '.join(strange)}.",
            todo=f"It has: {', '.join(sorted(known))}.",
        )
    found: Policy = replace(policy, **given) if given else policy
    return found


def asks_forecast(policy: Policy) -> bool:
    """Whether it wants `Features.forecast`, which takes a look at the whole history."""
    return bool(getattr(policy, "asks_forecast", False))


def asks_hazard(policy: Policy) -> bool:
    """Whether it wants `Features.hazard`, which is fitted to the whole history."""
    return bool(getattr(policy, "asks_hazard", False))


def decisions(
    policy: Policy,
    features: Features,
    columns: DecisionColumns,
    *,
    savings: Floats | None = None,
    decided_at: float = 0.0,
) -> Iterator[Decision]:
    """The changing rows as decisions with their sentences, in the order of the rows.

    About 30 µs each: take as many as are to be shown, or run it in a thread. `savings` are those of
    `recent_savings`, if they are known already.
    """
    table = features.table
    tiers = [price.tier for price in table.prices]
    recent = recent_savings(features, columns) if savings is None else savings
    for row in columns.changed().tolist():
        source, target = int(features.codes[row]), int(columns.targets[row])
        yield Decision(
            address=Address(features.cloud, features.bucket, features.keys[row]),
            from_class=table.name(source),
            to_class=table.name(target),
            from_tier=tiers[source],
            to_tier=tiers[target],
            reason=policy.explain(features, columns, row),
            saving_per_month=_known(float(recent[row])),
            policy=policy.name,
            policy_version=policy.version,
            model_version=columns.model_version or policy.model_version,
            assumption=policy.assumption(features, columns, row),
            confidence=float(columns.confidence[row]),
            decided_at=decided_at or features.now,
            expected_saving=_known(float(columns.savings[row])),
            reads_30d=float(features.reads_30d[row]),
            size=int(features.sizes[row]),
        )


def _known(amount: float) -> float | None:
    return amount if math.isfinite(amount) else None


__all__ = [
    "MOVING",
    "POLICIES",
    "DecisionColumns",
    "Features",
    "Policy",
    "Verdict",
    "asks_forecast",
    "asks_hazard",
    "decisions",
    "policy_named",
    "recent_savings",
]
