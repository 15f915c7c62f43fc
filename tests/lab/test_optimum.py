"""The dynamic programme against brute force, and against the bill of its own schedule."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.lab.bill import Bill
from engine.lab.optimum import Replay, best_schedule, optimum
from engine.lab.rivals import Age, Always, LastAccess
from engine.lab.simulate import Cancelled, simulate
from engine.model import Provider
from engine.pricing.book import PriceBook
from engine.pricing.columns import ClassTable
from tests.lab.worlds import GB, world

# Days instead of months, so that every rule bites within a handful of days.
PRICES = """
[[classes]]
provider = "aws"
region = "us-east-1"
name = "STANDARD_IA"
storage = 0.9
retrieval = 0.4
min_days = 2
min_size = 500_000_000
[[classes]]
provider = "aws"
region = "us-east-1"
name = "STANDARD"
storage = 3.0
[[classes]]
provider = "aws"
region = "us-east-1"
name = "DEEP_ARCHIVE"
storage = 0.1
min_days = 3
overhead = 100_000_000
[classes.restore.standard]
hours = 12
per_gb = 0.3
per_1k = 20.0
[[classes]]
provider = "aws"
region = "us-east-1"
name = "INTELLIGENT_TIERING"
storage = 3.0
monitoring = 30.0
automatic_size = 300_000_000
automatic = [{ idle_days = 1, storage = 1.0 }, { idle_days = 3, storage = 0.3 }]
"""
CLASSES = ("STANDARD", "STANDARD_IA", "DEEP_ARCHIVE", "INTELLIGENT_TIERING")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> ClassTable:
    path: Path = tmp_path_factory.mktemp("prices") / "prices.toml"
    path.write_text(PRICES)
    return ClassTable.of(PriceBook.load(path), Provider.AWS, "us-east-1")


@st.composite
def settings_of_days(draw: st.DrawFn) -> dict:
    days = draw(st.integers(2, 5))
    return {
        "sizes": [draw(st.sampled_from([1e8, 4e8, GB, 3 * GB]))],
        "reads": [draw(st.lists(st.sampled_from([0, 0, 0, 1, 4]), min_size=days, max_size=days))],
        "counts": [draw(st.sampled_from([1, 3]))],
        "born": [draw(st.integers(-3, 2))],
        "first": draw(st.integers(0, 1)),
        "classes": draw(st.permutations(CLASSES))[:3],
        "start": draw(st.integers(0, 2)),
    }


@given(settings_of_days())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nothing_that_brute_force_finds_is_cheaper(table: ClassTable, given_world: dict) -> None:
    start = given_world["classes"][given_world.pop("start")]
    setting = world(**given_world, start=start, prices=table)
    bill, days = Bill.of(setting), setting.last_day - setting.first_day + 1
    every = itertools.product(range(len(setting.table.prices)), repeat=days)
    costs = [
        simulate(setting, Replay(np.array([codes], np.int8)), bill=bill).cost for codes in every
    ]
    schedule, value = best_schedule(setting, bill)
    found = simulate(setting, Replay(schedule), bill=bill).cost
    assert value[0] == pytest.approx(found, rel=1e-12)
    assert found == pytest.approx(min(costs), rel=1e-12)


def test_its_value_is_the_bill_of_its_schedule_and_no_policy_is_cheaper() -> None:
    random = np.random.default_rng(7)
    count, days = 60, 260
    burst = random.random((count, days)) < random.choice([0.002, 0.02, 0.3], (count, 1))
    setting = world(
        random.choice([1e3, 1e5, 1e7, 4e9, 7e11], count).tolist(),
        (burst * random.integers(1, 9, (count, days))).tolist(),
        counts=random.integers(1, 50, count).tolist(),
        born=random.integers(-200, 200, count).tolist(),
        classes=[*CLASSES, "GLACIER_IR", "GLACIER"],
        first=30,
    )
    bill = Bill.of(setting)
    shares: list[float] = []
    schedule, values = best_schedule(setting, bill, shares.append)
    best = simulate(setting, Replay(schedule), bill=bill)
    assert values.sum() == pytest.approx(best.cost, rel=1e-12)
    assert shares == sorted(shares)
    assert optimum(setting).cost == best.cost
    rivals = [Always(name) for name in setting.table.codes]
    for policy in (*rivals, Age(), LastAccess(), LastAccess(warm=True)):
        assert simulate(setting, policy).cost >= best.cost


def test_blocks_of_objects_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = world([GB, 2 * GB, 5e4], [[0, 9, 0], [0, 0, 0], [1, 1, 1]])
    whole = best_schedule(setting, Bill.of(setting))
    monkeypatch.setattr("engine.lab.optimum._CELLS", 1)
    blocks = best_schedule(setting, Bill.of(setting))
    assert np.array_equal(whole[0], blocks[0])
    assert np.array_equal(whole[1], blocks[1])


def test_it_can_be_cancelled() -> None:
    with pytest.raises(Cancelled):
        optimum(world([GB], [[0] * 5]), cancelled=lambda: True)
