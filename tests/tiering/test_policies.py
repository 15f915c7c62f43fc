"""What the policies decide and why, by example."""

from collections.abc import Callable

import numpy as np
import pytest

from engine.errors import UsageError
from engine.model import Decision, Provider, Tier
from engine.pricing.cost import month_cost
from engine.tiering.policy import POLICIES, Features, Verdict, decisions, policy_named
from engine.tiering.reactive import Reactive
from engine.tiering.recency import Recency
from engine.tiering.rules import Rules

Make = Callable[..., Features]
MINUTE = 1 / 1440


def classes(policy: str, features: Features) -> list[str]:
    """The class each object shall have after the policy."""
    columns = POLICIES[policy].decide(features)
    return [features.table.name(int(code)) for code in columns.targets]


def reason(policy: str, features: Features, row: int = 0) -> str:
    found = POLICIES[policy]
    return found.explain(features, found.decide(features), row)


# -- rules ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        (Provider.AWS, ["STANDARD", "STANDARD_IA", "GLACIER_IR", "DEEP_ARCHIVE"]),
        (Provider.GCP, ["STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"]),
        (Provider.AZURE, ["Hot", "Cool", "Cold", "Archive"]),
    ],
)
def test_tiers_by_age(features: Make, provider: Provider, expected: list[str]) -> None:
    ages = [0, 29.9, 30, 89.9, 90, 179.9, 180, 4000]
    found = classes("rules", features(*({"age": age} for age in ages), provider=provider))
    assert found == [name for name in expected for _ in range(2)]


def test_what_is_read_stays_hot(features: Make) -> None:
    data = features(
        {"age": 400, "m": 10, "idle": 1},
        {"age": 400, "m": 10, "idle": 1, "name": "GLACIER_IR"},
        {"age": 400, "m": 9, "idle": 1, "size": 1 << 20},
    )
    assert classes("rules", data) == ["STANDARD", "STANDARD", "STANDARD"]
    columns = Rules().decide(data)
    assert [Verdict(v) for v in columns.verdicts] == [Verdict.STAY, Verdict.MOVE, Verdict.READERS]
    assert "10 times in 30 days" in reason("rules", data, 1)


def test_age_alone_never_goes_warmer(features: Make) -> None:
    data = features({"age": 5, "name": "GLACIER_IR"}, {"age": 100, "name": "DEEP_ARCHIVE"})
    assert classes("rules", data) == ["GLACIER_IR", "DEEP_ARCHIVE"]
    assert "going back would only cost" in reason("rules", data, 0)


def test_readers_do_not_wait_for_a_restore(features: Make) -> None:
    data = features({"age": 400, "m": 0.4, "idle": 20})
    assert classes("rules", data) == ["GLACIER_IR"]
    assert "DEEP_ARCHIVE needs 12 h" in reason("rules", data)
    # On Google Cloud the archive opens at once, so there is nothing to wait for.
    there = features({"age": 400, "m": 0.1, "idle": 20}, provider=Provider.GCP)
    assert classes("rules", there) == ["ARCHIVE"]


def test_names(features: Make) -> None:
    data = features(
        {"key": "a/monthly_report_october.pdf", "age": 400},
        {"key": "backup_database_Q2.zip", "age": 46},
        {"key": "x/BACKUP_old.zip", "age": 91},
        {"key": "backup_folder/plain.zip", "age": 46},
        {"key": "app.log", "age": 61},
        {"key": "temp_cache.bin", "age": 60},
        {"key": "temp_cache.bin", "age": 200},
    )
    assert classes("rules", data) == [
        "GLACIER_IR",
        "GLACIER_IR",
        "DEEP_ARCHIVE",
        "STANDARD_IA",
        "GLACIER_IR",
        "STANDARD",
        "DEEP_ARCHIVE",
    ]
    assert "counted 2 times for backup_*" in reason("rules", data, 1)
    assert "temp_* is held for 90 days" in reason("rules", data, 5)


def test_small_objects_are_not_saved_into_a_dearer_place(features: Make) -> None:
    data = features(
        {"age": 60, "size": 10_000}, {"age": 60, "size": 0}, {"age": 100, "size": 30_000}
    )
    assert classes("rules", data) == ["STANDARD"] * 3
    columns = Rules().decide(data)
    assert columns.savings.tolist() == [0, 0, 0]
    assert "more a month (it bills at least 128 KiB)" in reason("rules", data, 0)


def test_a_colder_tier_that_does_not_pay_gives_way_to_the_next(features: Make) -> None:
    # 100 KiB: a change into DEEP_ARCHIVE pays back in 26.4 months, into GLACIER_IR in 25.1.
    data = features({"age": 300, "size": 100 << 10})
    policy = Rules(max_payback_months=25.5)
    columns = policy.decide(data)
    assert data.table.name(int(columns.targets[0])) == "GLACIER_IR"
    told = policy.explain(data, columns, 0)
    assert "DEEP_ARCHIVE would take 26 months to pay back" in told
    assert "GLACIER_IR saves" in told
    patient = Rules(max_payback_months=27).decide(data)
    assert data.table.name(int(patient.targets[0])) == "DEEP_ARCHIVE"


def test_reads_that_would_cost_more_than_storage_saves(features: Make) -> None:
    data = features({"age": 60, "m": 2, "idle": 3})
    assert classes("rules", data) == ["STANDARD"]
    assert "more a month while it is read 2 times" in reason("rules", data)


def test_leaving_a_class_early_counts(features: Make) -> None:
    # 1 GiB from GLACIER_IR to DEEP_ARCHIVE: retrieval pays back in 10 months. Ten days after it
    # came, 80 days of GLACIER_IR are due as well: 14 months.
    policy = Rules(warm_days=1.0, cold_days=5.0, archive_days=10.0, max_payback_months=12.0)
    data = features({"age": 91, "name": "GLACIER_IR"}, {"age": 10, "name": "GLACIER_IR"})
    verdicts = [Verdict(verdict) for verdict in policy.decide(data).verdicts]
    assert verdicts == [Verdict.MOVE, Verdict.PAYBACK]


def test_what_cannot_be_decided_stays(features: Make) -> None:
    data = features({"age": 400, "name": "SNOW"}, {"age": 400, "name": "INTELLIGENT_TIERING"})
    assert Rules().decide(data).targets.tolist() == data.codes.tolist()
    assert "does not know" in reason("rules", data, 0)
    assert "by itself" in reason("rules", data, 1)
    disk = features({"age": 400}, provider=Provider.ONPREM)
    assert classes("rules", disk) == ["STANDARD"]
    assert "onprem has no ARCHIVE class" in reason("rules", disk)
    young = features({"age": 400, "name": "EXPRESS_ONEZONE"})
    assert Verdict(Rules().decide(young).verdicts[0]) is Verdict.UNKNOWN_PRICE
    assert "not known" in reason("rules", young)


def test_a_decision_has_everything(features: Make) -> None:
    data = features({"key": "old.csv", "age": 95.4, "m": 0.0}, {"age": 2})
    policy = Rules()
    found = list(decisions(policy, data, policy.decide(data)))
    assert len(found) == 1
    standard, glacier = (
        data.table.prices[data.table.code("STANDARD")],
        data.table.prices[data.table.code("GLACIER_IR")],
    )
    saving = (month_cost(standard, 1 << 30) or 0) - (month_cost(glacier, 1 << 30) or 0)
    assert found[0].reason == (
        "Written 95 days ago, which asks for COLD (from 90 days); GLACIER_IR saves $0.019 a month."
    )
    assert isinstance(found[0], Decision)
    assert str(found[0].address) == "aws:photos/old.csv"
    assert (found[0].from_class, found[0].to_class) == ("STANDARD", "GLACIER_IR")
    assert (found[0].from_tier, found[0].to_tier) == (Tier.HOT, Tier.COLD)
    assert found[0].saving_per_month == pytest.approx(saving)
    assert (found[0].policy, found[0].policy_version) == ("rules", "1")
    assert found[0].assumption == "It is not read."
    assert found[0].decided_at == data.now


# -- recency --------------------------------------------------------------------------------


def test_recency_counts_in_minutes(features: Make) -> None:
    idle = [0.5, 2, 10, 60, 100_000]
    data = features(*({"age": 70, "idle": minutes * MINUTE} for minutes in idle))
    assert classes("recency", data) == [
        "STANDARD",
        "STANDARD_IA",
        "GLACIER_IR",
        "GLACIER_IR",
        "GLACIER_IR",
    ]
    assert "Last touched 10 minutes ago, which asks for COLD" in reason("recency", data, 2)


def test_recency_promotes_on_several_reads_only(features: Make) -> None:
    cold = {"age": 200, "name": "GLACIER_IR", "idle": 0.2 * MINUTE}
    data = features({**cold, "h": 1, "m": 1}, {**cold, "h": 3, "m": 3})
    assert classes("recency", data) == ["GLACIER_IR", "STANDARD"]
    with pytest.raises(UsageError, match="one read"):
        Recency(promote_reads=1)


# -- reactive -------------------------------------------------------------------------------


def test_a_spike_promotes_where_it_pays(features: Make) -> None:
    cold = {"age": 300, "name": "GLACIER_IR", "idle": 0.01}
    data = features(
        {**cold, "d": 1, "m": 1},  # a single read
        {**cold, "d": 20, "h": 15, "m": 21},  # a spike
        {**cold, "d": 6, "m": 120},  # no more than it is used to
        {"age": 300, "d": 20, "m": 20},  # hot already
    )
    columns = Reactive().decide(data)
    found = [data.table.name(int(code)) for code in columns.targets]
    assert found == ["GLACIER_IR", "STANDARD", "GLACIER_IR", "STANDARD"]
    assert columns.expected_reads[1] == pytest.approx(20 - 1 / 29 + 30 / 29)
    assert 0.5 < columns.confidence[1] < 1
    told = reason("reactive", data, 1)
    assert "read 20 times in the last day against 0.034 a day before" in told
    assert "the change and the way back included" in told


def test_a_spike_that_does_not_pay_stays(features: Make) -> None:
    # In STANDARD_IA five reads cost less than the change, a month of STANDARD and the way back.
    small = features({"age": 300, "name": "STANDARD_IA", "size": 10, "d": 5, "m": 5})
    assert classes("reactive", small) == ["STANDARD_IA"]
    assert reason("reactive", small).endswith("it stays in STANDARD_IA.")
    # Just moved there: the early deletion fee is in the sum.
    fresh = {"name": "GLACIER_IR", "d": 5, "m": 5, "size": 1 << 30}
    young, old = features({**fresh, "age": 1}), features({**fresh, "age": 100})
    gap = _go(young) - _go(old)
    assert gap == pytest.approx(0.004 * 89 / (365.25 / 12))


def _go(features: Features) -> float:
    offer = Reactive()._offer(features, np.array([0]), Reactive().expected_reads(features))
    return float(offer.go[0])


def test_an_hours_spike_counts_too(features: Make) -> None:
    busy = {"age": 300, "name": "GLACIER_IR", "m": 300, "d": 40, "h": 40}
    assert classes("reactive", features(busy)) == ["STANDARD"]
    with pytest.raises(UsageError, match="one read"):
        Reactive(min_reads=1)


def test_archives_come_back_to_what_opens_at_once(features: Make) -> None:
    data = features({"age": 300, "name": "DEEP_ARCHIVE", "d": 12, "m": 12})
    target = classes("reactive", data)[0]
    price = data.table.prices[data.table.code(target)]
    assert price.readable
    assert price.tier is Tier.HOT


# -- the registry ---------------------------------------------------------------------------


def test_policies_by_name() -> None:
    assert list(POLICIES) == ["rules", "recency", "reactive", "proactive", "cost"]
    for policy in POLICIES.values():
        assert policy.description.endswith(".")
        assert policy_named(policy.name, policy.parameters) == policy or policy.name == "rules"
    assert policy_named("rules", {"warm_days": 7.0}).parameters["warm_days"] == 7.0
    with pytest.raises(UsageError, match="no policy 'magic'"):
        policy_named("magic")
    with pytest.raises(UsageError, match="no parameter speed"):
        policy_named("rules", {"speed": 1})
