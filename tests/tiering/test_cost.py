"""The `cost` policy on the operator's own listings."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.model import Provider
from engine.tiering.cost import Cost
from engine.tiering.hazard import Counts, Grid, Hazard, fit
from engine.tiering.longrun import prior
from engine.tiering.policy import MOVING, Verdict, decisions, policy_named
from engine.tiering.shape import Features
from tests.tiering.conftest import MakeFeatures, features_of


def classes(policy: Cost, features: Features) -> list[str]:
    columns = policy.decide(features)
    return [features.table.name(int(code)) for code in columns.targets]


@cache  # solutions are kept by the table that they are of
def quiet() -> Hazard:
    """What a history says in which what was just read is read on, and nothing else is."""
    grid, counts = Grid(), Counts(Grid())
    for cell in range(grid.cells):
        read = cell < 3 * grid.columns and cell % grid.columns > 6
        shares = np.full(5000, float(read))
        counts.add(np.full(5000, cell), shares, shares > 0, np.ones(5000))
    return fit(counts)


def test_what_nobody_reads_goes_down_and_what_is_read_does_not(features: MakeFeatures) -> None:
    data = features({"age": 400, "idle": 400}, {"age": 400, "idle": 0.5, "d": 3, "w": 20, "m": 90})
    data = _with(data, quiet())
    found = classes(Cost(), data)
    assert data.table.prices[data.table.code(found[0])].tier == "ARCHIVE"
    assert found[1] == "STANDARD"


def test_the_decision_tells_what_it_rests_on(features: MakeFeatures) -> None:
    data = features({"age": 400, "idle": 400})
    without = next(decisions(Cost(), data, Cost().decide(data)))
    assert without.model_version == "hazard-prior"
    assert without.confidence == 0.0
    assert "prior" in without.assumption
    told = _with(data, quiet())
    having = next(decisions(Cost(), told, Cost().decide(told)))
    assert having.model_version.startswith("hazard-825000d-")
    assert having.confidence > 0.9
    assert "825,000 object-days" in having.assumption
    assert having.saving_per_month > 0
    assert "Idle for 400 days" in having.reason
    assert "the change itself costs $" in having.reason


def test_readers_do_not_wait_unless_the_operator_allows_it(features: MakeFeatures) -> None:
    data = _with(features({"age": 400, "idle": 100}), quiet())
    table = data.table
    at_once = table.prices[table.code(classes(Cost(), data)[0])]
    assert at_once.readable  # read 100 days ago: not among those that may wait
    patient = Cost(reader_days=60.0)
    assert not table.prices[table.code(classes(patient, data)[0])].readable
    allowed = Cost(limits={"object-*": 12})  # type: ignore[arg-type]
    assert not table.prices[table.code(classes(allowed, data)[0])].readable


LIMIT = st.sampled_from([0.0, 12.0])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "key": st.sampled_from(["a/x.csv", "a/monthly_report_1", "b/y.log", "b/z"]),
                "age": st.floats(0, 2000),
                "idle": st.floats(0, 2000),
                "m": st.integers(0, 5),
                "size": st.integers(0, 10**12),
            }
        ),
        min_size=1,
        max_size=6,
    ),
    LIMIT,
    LIMIT,
    st.sampled_from([Provider.AWS, Provider.AZURE]),
)
def test_nothing_goes_to_a_class_that_opens_later_than_its_limit(
    rows: list[dict[str, object]], prefix: float, general: float, provider: Provider
) -> None:
    policy = Cost(
        max_delay_hours=general,
        limits=(("monthly_report_*", 0.0), ("b/", prefix)),
        reader_days=90.0,
    )
    data = _with(features_of(*rows, provider=provider), quiet())
    columns = policy.decide(data)
    for row in np.flatnonzero(np.isin(columns.verdicts, MOVING)).tolist():
        price, key = data.table.prices[columns.targets[row]], data.keys[row]
        if "monthly_report" in key:
            allowed = 0.0
        elif key.startswith("b/"):
            allowed = prefix
        else:
            waits = data.idle_days[row] >= 90 and data.reads_30d[row] == 0
            allowed = general if waits else 0.0
        assert price.readable or price.restore_hours <= allowed


def test_holds_and_pins_come_before_everything(features: MakeFeatures) -> None:
    old = {"age": 900, "idle": 900}
    data = _with(
        features({"key": "legal/a", **old}, {"key": "site/logo.png", **old}, {"key": "x/b", **old}),
        quiet(),
    )
    policy = Cost(holds=("legal/",), pins=(("*.png", "standard_ia"), ("x/b", "NOWHERE")))
    columns = policy.decide(data)
    verdicts = [Verdict(verdict) for verdict in columns.verdicts]
    assert verdicts == [Verdict.HELD, Verdict.MOVE, Verdict.NO_CLASS]
    assert classes(policy, data) == ["STANDARD", "STANDARD_IA", "STANDARD"]
    told = [policy.explain(data, columns, row) for row in range(3)]
    assert "held" in told[0]
    assert "pinned to STANDARD_IA by *.png" in told[1]
    assert "has not got" in told[2]


def test_small_objects_stay_where_minimum_sizes_do_not_bill_them(features: MakeFeatures) -> None:
    data = _with(features({"age": 400, "idle": 400, "size": 4_000}), quiet())
    assert classes(Cost(), data) == ["STANDARD"]


def test_parameters_come_back_from_json(features: MakeFeatures) -> None:
    policy = Cost(limits={"a/*": 4}, holds=("x",), pins={"b": "STANDARD"})  # type: ignore[arg-type]
    again = policy_named("cost", json.loads(json.dumps(dict(policy.parameters))))
    assert again == policy
    for wrong in (
        {"limits": {"a": "soon"}},
        {"limits": "a"},
        {"pins": {"a": 3}},
        {"holds": "a"},
        {"promote_reads": 1},
        {"demand": 0},
        {"max_delay_hours": -1},
    ):
        with pytest.raises(UsageError):
            policy_named("cost", wrong)


def test_whom_the_guards_follow_decides(features: MakeFeatures) -> None:
    rare = {"age": 400, "idle": 20, "d": 0, "w": 0, "m": 1, "name": "STANDARD"}
    data = features(rare, {"age": 400, "idle": 0.5, "d": 3, "w": 21, "m": 90})
    ledger = _with(data, replace(quiet(), follow="ledger", why="ledger was 30% cheaper"))
    columns = Cost().decide(ledger)
    assert data.table.prices[columns.targets[0]].readable
    assert columns.targets[1] == data.codes[1]
    model = Cost().decide(_with(data, quiet()))
    assert columns.expected_reads[1] != model.expected_reads[1]  # what was seen, instead
    assert "ledger was 30% cheaper" in Cost().assumption(ledger, columns, 0)
    own = _with(data, replace(quiet(), follow="INTELLIGENT_TIERING", why="it was cheaper"))
    names = {data.table.name(int(code)) for code in Cost(automatic=True).decide(own).targets}
    assert names <= {"STANDARD", "INTELLIGENT_TIERING"}


def test_classes_that_tier_by_themselves_are_entered_only_if_asked(
    features: MakeFeatures,
) -> None:
    data = features(*({"age": age, "idle": age, "size": 1 << 34} for age in range(5, 400, 40)))
    assert "INTELLIGENT_TIERING" not in classes(Cost(), data)
    assert "INTELLIGENT_TIERING" in classes(Cost(automatic=True), data)


def test_the_prior_is_solved_once() -> None:
    assert prior() is prior()


def _with(data: Features, hazard: Hazard) -> Features:
    return replace(data, hazard=hazard)
