"""The ledger and the race of shadows."""

import numpy as np

from engine.tiering.guards import GuardSettings, Ledger, Race, populations
from engine.tiering.value import Charges


def charges() -> Charges:
    """Hot, cold with 30 minimum days, and one that tiers by itself after 20 idle days."""
    change = np.array([[[0.0, 0.0, 0.0], [30.0, 0.0, 30.0], [0.0, 0.0, 0.0]]])
    return Charges(
        storage=np.array([[1.0, 0.2, 1.01]]),
        steps=((2, 20, np.array([0.3])),),
        volume=np.array([[0.0, 30.0, 0.0]]),
        request=np.zeros(3),
        change=change,
        early=np.array([[0.0, 0.2, 0.0]]),
        min_days=np.array([0, 30, 0]),
    )


def run(ledger: Ledger, shares: float, days: int, idle: int = 0) -> None:
    count = len(ledger.groups)
    for day in range(days):
        read = np.full(count, shares)
        quiet = np.full(count, 0 if shares else idle + day)
        ledger.add(read, read > 0, quiet, np.ones(count, np.bool_))


def test_the_ledger_sends_down_what_is_idle_and_keeps_what_is_read() -> None:
    idle, busy = (Ledger(charges(), np.zeros(1, np.int64)) for _ in range(2))
    run(idle, 0.0, 100)
    run(busy, 1.0, 100)
    days, hot = np.array([200]), np.array([0], np.int16)
    assert idle.choose(hot, days).tolist() == [1]
    assert busy.choose(hot, days).tolist() == [0]


def test_the_ledger_goes_up_only_when_that_repays_the_change() -> None:
    ledger, cold = Ledger(charges(), np.zeros(1, np.int64)), np.array([1], np.int16)
    run(ledger, 0.0, 60)
    run(ledger, 1.0, 1)
    assert ledger.choose(cold, np.array([60])).tolist() == [1]  # one read is no reason
    run(ledger, 1.0, 30)
    assert ledger.choose(cold, np.array([91])).tolist() != [1]


def test_the_ledger_knows_what_a_class_that_tiers_by_itself_became() -> None:
    ledger = Ledger(charges(), np.zeros(1, np.int64))
    run(ledger, 0.0, 400)
    assert ledger.costs()[0, 2] < 0.4


def race(margin: float = 0.2, warm_up: int = 5) -> Race:
    return Race(("model", "ledger"), 2, GuardSettings(margin=margin, warm_up=warm_up))


def test_another_is_followed_when_it_is_clearly_cheaper_and_left_when_it_is_not() -> None:
    found = race()
    for _ in range(20):
        found.add(np.array([[1.0, 0.5], [1.0, 0.9]]))
    assert found.leaders.tolist() == [1, 0]  # 10 % are no clear difference
    assert round(found.lead(0), 2) == 0.5
    assert found.lead(1) == 0.0
    for _ in range(400):
        found.add(np.array([[1.0, 1.2], [1.0, 0.9]]))
    assert found.leaders.tolist() == [0, 0]


def test_nobody_is_followed_before_the_race_has_run_for_a_while() -> None:
    found = race(warm_up=50)
    for _ in range(49):
        found.add(np.array([[1.0, 0.1], [1.0, 0.1]]))
    assert found.leaders.tolist() == [0, 0]
    found.add(np.array([[1.0, 0.1], [1.0, 0.1]]))
    assert found.leaders.tolist() == [1, 1]


def test_prefixes_with_many_objects_race_alone() -> None:
    names = [*(f"a/{i}" for i in range(5)), "b/1", "c", *(f"d/e/{i}" for i in range(4))]
    numbers, prefixes = populations(names, 4)
    assert prefixes == ("", "a", "d/e")
    assert numbers.tolist() == [1] * 5 + [0, 0] + [2] * 4
    assert populations(["x", "y", "z"], 2)[1] == ("",)
