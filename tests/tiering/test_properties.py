"""What holds for every policy and any objects."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.access import AccessColumns
from engine.catalog import Catalog
from engine.model import ListEntry, ListingQuery, MoveKind, Provider
from engine.pricing.cost import month_cost, move_cost
from engine.tiering.policy import MOVING, POLICIES, Features, Verdict, decisions
from engine.tiering.rules import Rules
from tests.tiering.conftest import BOOK, features_of

KEYS = ["a.csv", "backup_1.zip", "monthly_report_x", "temp_1", "app.log", "[red]\x1b[31m.log"]
rows = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(KEYS),
            "name": st.sampled_from(
                [
                    *("STANDARD", "STANDARD_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"),
                    *("INTELLIGENT_TIERING", "ONEZONE_IA", "REDUCED_REDUNDANCY", "SNOW"),
                    *("NEARLINE", "COLDLINE", "ARCHIVE", "Hot", "Cool", "Cold", "Archive"),
                ]
            ),
            "size": st.one_of(st.integers(0, 300_000), st.integers(0, 10**13)),
            "age": st.floats(0, 1000),
            "idle": st.floats(0, 1000),
            "h": st.integers(0, 30),
            "d": st.integers(0, 60),
            "w": st.integers(0, 90),
            "m": st.integers(0, 200),
        }
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=150)
@given(rows, st.sampled_from(sorted(POLICIES)), st.sampled_from(sorted(Provider)))
def test_every_move_pays_and_says_why(
    data: list[dict[str, object]], name: str, provider: Provider
) -> None:
    features = features_of(*data, provider=provider)
    policy, table = POLICIES[name], features.table
    columns = policy.decide(features)
    moving = np.isin(columns.verdicts, MOVING)
    assert (columns.targets[~moving] == features.codes[~moving]).all()
    assert (columns.savings[~moving] == 0).all()
    assert ((columns.confidence >= 0) & (columns.confidence <= 1)).all()
    for row in range(len(features)):
        told = policy.explain(features, columns, row)
        assert told.endswith(".")
        assert "nan" not in told
        if not moving[row]:
            continue
        source = table.prices[features.codes[row]]
        target = table.prices[columns.targets[row]]
        size, reads = int(features.sizes[row]), float(columns.expected_reads[row])
        before = month_cost(source, size, reads, idle_days=float(features.idle_days[row]))
        after = month_cost(target, size, reads)
        assert before is not None
        assert after is not None
        if not target.automatic:  # what that saves comes later, and is an average
            assert columns.savings[row] == pytest.approx(before - after, rel=1e-6, abs=1e-15)
        assert columns.savings[row] > 0
        assert any(char.isdigit() for char in told)
        assert target.readable or features.reads_30d[row] == 0
        if name != "reactive":
            once = move_cost(
                source,
                target,
                size,
                kind=MoveKind.TIER,
                days_in_class=float(features.age_days[row]),
            ).total
            assert once is not None
            limit = policy.parameters["max_payback_months"]
            assert isinstance(limit, float)
            assert once <= limit * columns.savings[row] * (1 + 1e-9)
    assert len(list(decisions(policy, features, columns))) == moving.sum()


@given(rows, st.sampled_from(sorted(POLICIES)))
def test_one_read_promotes_nothing(data: list[dict[str, object]], name: str) -> None:
    once = [{**row, "h": 1, "d": 1, "w": 1, "m": 1} for row in data]
    features = features_of(*once)
    columns = POLICIES[name].decide(features)
    tiers = features.table.tier
    assert (tiers[columns.targets] >= tiers[features.codes]).all()


@given(rows, st.sampled_from(sorted(POLICIES)))
def test_objects_are_decided_one_by_one(data: list[dict[str, object]], name: str) -> None:
    """What an object gets does not depend on its neighbours."""
    policy = POLICIES[name]
    together = policy.decide(features_of(*data))
    for row, single in enumerate(data):
        alone = policy.decide(features_of(single))
        assert alone.targets[0] == together.targets[row]
        assert alone.verdicts[0] == together.verdicts[row]
        assert math.isclose(alone.savings[0], together.savings[row], rel_tol=1e-12)


async def test_from_a_listing_to_the_screen() -> None:
    catalog = Catalog(BOOK)
    listing = catalog.add("aws", Provider.AWS, "us-east-1")
    now = 1.8e9
    scan = listing.begin("photos")
    listing.append(
        scan,
        [
            ListEntry("a.csv", 1 << 30, now - 100 * 86_400, "", "STANDARD"),
            ListEntry("b.csv", 1 << 30, now - 1 * 86_400, "", "STANDARD"),
            ListEntry("c.csv", 1 << 30, now - 1 * 86_400, "", "STANDARD"),
        ],
    )
    listing.finish(scan)
    shift = np.array([0.0, 0.0, 200.0])
    zero = np.zeros(3)
    await catalog.set_access("aws", scan, AccessColumns(zero, zero, zero, zero, zero, shift))
    frame = listing.frame(now)
    features = Features.of(frame)
    columns = Rules().decide(features)
    assert [Verdict(v) for v in columns.verdicts] == [Verdict.MOVE, Verdict.STAY, Verdict.MOVE]
    assert listing.set_targets(frame, columns.shown(), columns.savings)
    view = await catalog.view("aws", ListingQuery(), now=now)
    targets = [row.target_class for row in view.rows(0, 3)]
    assert targets == ["GLACIER_IR", "", "DEEP_ARCHIVE"]
    assert listing.saving == pytest.approx(columns.savings.sum())
    listing.apply(removed=["a.csv"])
    assert listing.saving == pytest.approx(columns.savings[2])
