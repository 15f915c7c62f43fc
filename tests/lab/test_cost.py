"""The `cost` policy in the lab."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.lab.bill import Bill
from engine.lab.cost import Cost, charges_of
from engine.lab.optimum import optimum
from engine.lab.registry import lab_policy
from engine.lab.simulate import simulate
from engine.lab.world import World
from engine.tiering.guards import GuardSettings
from tests.lab.worlds import GB, world

CLASSES = ("STANDARD", "STANDARD_IA", "GLACIER_IR", "INTELLIGENT_TIERING")


def mixed(days: int = 300, first: int = 150, seed: int = 1, **more: object) -> World:
    """Objects that are read daily, in bursts that fade, or never."""
    random = np.random.default_rng(seed)
    reads = np.zeros((30, days))
    reads[:8] = random.random((8, days)) < 0.7
    for row in range(8, 20):
        for start in random.integers(0, days, 2):
            reads[row, start : start + 6] = 1
    return world([GB] * 30, reads.tolist(), first=first, classes=CLASSES, **more)  # type: ignore[arg-type]


class Recorded(Cost):
    """Writes down what it wished."""

    def decide(self, day):  # type: ignore[no-untyped-def]
        wished = super().decide(day)
        self.__dict__.setdefault("wishes", []).append(wished.copy())
        return wished


def test_it_is_among_the_labs_policies() -> None:
    assert lab_policy("cost").name == "cost"


def test_it_costs_less_than_every_fixed_class_and_no_less_than_hindsight() -> None:
    place = mixed()
    mine, best = simulate(place, lab_policy("cost")).cost, optimum(place).cost
    assert best <= mine
    for name in CLASSES:
        assert mine < simulate(place, lab_policy(f"always:{name}")).cost


@settings(max_examples=4, deadline=None)
@given(st.integers(160, 190), st.integers(0, 1000))
def test_no_day_is_decided_by_a_later_one(cut: int, seed: int) -> None:
    base = mixed(days=200, seed=5)
    other = mixed(days=200, seed=5)
    random = np.random.default_rng(seed)
    other.history.reads[:, cut:] = random.random(other.history.reads[:, cut:].shape) < 0.5
    other.history.bytes_read[:, cut:] = other.history.reads[:, cut:] * GB
    found = []
    for place in (base, other):
        policy = Recorded(guards=GuardSettings(warm_up=5, margin=0.0))
        simulate(place, policy)
        found.append(np.array(policy.__dict__["wishes"]))
    same = cut - base.first_day + 1  # the day `cut` is decided before it begins
    assert np.array_equal(found[0][:same], found[1][:same])


def test_without_any_history_it_decides_by_the_prior() -> None:
    place = mixed(first=0)
    policy = Cost()
    assert np.isfinite(simulate(place, policy).cost)
    assert policy.state is not None


def test_its_charges_are_the_bills() -> None:
    place = mixed()
    bill, sizes = Bill.of(place), place.inventory.sizes[:1]
    pays = charges_of(place, sizes)
    assert pays.storage[0] == pytest.approx(bill.storage[:, 0])
    assert pays.early[0] == pytest.approx(bill.early[:, 0])
    rows = np.array([0])
    for source in range(4):
        for target in range(4):
            if source != target:
                codes = (np.array([source], np.int16), np.array([target], np.int16))
                fees = bill.change(rows, *codes, np.array([10_000]))
                assert pays.change[0, source, target] == pytest.approx(float(sum(fees)[0]))


def test_shadows_race_on_the_same_bill() -> None:
    place = mixed()
    policy = Cost(guards=GuardSettings(warm_up=5))
    simulate(place, policy)
    state = policy.state
    assert state is not None
    assert state.race is not None
    assert state.race.names == ("model", "ledger", str(place.table.code("INTELLIGENT_TIERING")))
    assert np.all(state.race.costs > 0)
