"""The bill of simple runs against arithmetic by hand, and what a policy may see."""

from collections.abc import Callable

import numpy as np
import pytest

from engine.errors import UsageError
from engine.lab.policy import Day
from engine.lab.registry import POLICIES, lab_policy
from engine.lab.rivals import Age, Always
from engine.lab.simulate import Cancelled, simulate
from engine.lab.world import World
from engine.pricing.columns import Codes
from engine.pricing.cost import DAYS_PER_MONTH
from tests.lab.worlds import GB, world


def test_always_pays_the_change_the_storage_and_the_reads() -> None:
    setting = world([2 * GB], [[0, 3, 0, 0]], counts=[10])
    outcome = simulate(setting, Always("GLACIER_IR"))
    assert outcome.category("transitions") == pytest.approx(10 * 0.02 / 1000)
    assert outcome.category("storage") == pytest.approx(4 * 20 * 0.004 / DAYS_PER_MONTH)
    assert outcome.category("requests") == pytest.approx(3 * 0.01 / 1000)
    assert outcome.category("retrieval") == pytest.approx(3 * 2 * 0.03)
    assert outcome.moves == 10
    assert outcome.reads_delayed == 0
    assert outcome.cumulative[-1] == pytest.approx(outcome.cost)


def test_age_goes_down_one_way_and_objects_come_when_they_are_created() -> None:
    setting = world([GB, GB], [[0] * 100, [0] * 100], born=[0, 95])
    outcome = simulate(setting, Age())
    daily = 1 / DAYS_PER_MONTH
    expected = (30 * 0.023 + 60 * 0.0125 + 10 * 0.004) * daily + 5 * 0.023 * daily
    assert outcome.category("storage") == pytest.approx(expected)
    assert outcome.moves == 2
    assert outcome.category("early_deletion") == 0


def test_minimum_size_and_minimum_days_are_billed() -> None:
    class TwoDays(Always):
        def decide(self, day: Day) -> Codes:
            ia, hot = 1, 0
            return np.full(len(day.codes), ia if day.day < 2 else hot, np.int16)

    setting = world([1024], [[0] * 4])
    outcome = simulate(setting, TwoDays("STANDARD_IA"))
    billed = 128 * 1024 / GB * 0.0125 / DAYS_PER_MONTH
    assert outcome.category("early_deletion") == pytest.approx(28 * billed)
    stored = 2 * billed + 2 * 1024 / GB * 0.023 / DAYS_PER_MONTH
    assert outcome.category("storage") == pytest.approx(stored)


def test_a_day_shows_only_the_days_before_it() -> None:
    seen: list[tuple[int, int, float, bool]] = []

    class Looks(Always):
        def decide(self, day: Day) -> Codes:
            seen.append((day.day, day.reads.shape[1], float(day.reads.sum()), bool(day.alive[0])))
            with pytest.raises(ValueError, match="read-only"):
                day.reads[0, 0] = 1
            return day.codes

    setting = world([GB], [[0, 0, 1, 2, 4]], born=[2], first=1)
    simulate(setting, Looks("STANDARD"))
    assert seen == [(1, 1, 0, False), (2, 2, 0, True), (3, 3, 1, True), (4, 4, 3, True)]


@pytest.mark.parametrize(
    "name",
    [
        *(name for name in POLICIES if name not in ("gcs-autoclass", "azure-lifecycle", "always")),
        "always:GLACIER_IR",
        "last-access:warm",
        "s3-intelligent-tiering:warm",
    ],
)
def test_no_policy_decides_by_what_comes_later(name: str) -> None:
    random = np.random.default_rng(5)
    count, days, until = 24, 175, 162
    share = random.choice([0.01, 0.1, 0.6], (count, 1))
    past = (random.random((count, until)) < share) * random.integers(1, 5, (count, until))
    born = random.integers(-200, 100, count).tolist()
    sizes = random.choice([1e6, 1e9, 4e11], count).tolist()
    classes = ("STANDARD", "STANDARD_IA", "GLACIER_IR", "INTELLIGENT_TIERING")
    if name == "cost":
        classes = classes[:2]  # far fewer states to solve

    def decided(future: np.ndarray) -> np.ndarray:
        reads = np.hstack([past, future]).tolist()
        setting = world(sizes, reads, born=born, classes=classes, first=150)
        policy, seen = lab_policy(name), []

        class Watched:
            name = policy.name

            def prepare(self, world: World) -> None:
                assert world.history.days == 150
                policy.prepare(world)

            def decide(self, day: Day) -> Codes:
                seen.append(np.array(policy.decide(day)))
                return seen[-1]

        simulate(setting, Watched())
        return np.array(seen)[: until - 150 + 1]

    quiet, busy = np.zeros((count, days - until)), np.full((count, days - until), 9.0)
    assert np.array_equal(decided(quiet), decided(busy))


def test_a_class_that_is_not_allowed_is_refused() -> None:
    with pytest.raises(UsageError, match="not among the allowed classes"):
        simulate(world([GB], [[0]]), Always("DEEP_ARCHIVE"))
    with pytest.raises(UsageError, match="has no class 'NEARLINE'"):
        world([GB], [[0]], classes=["STANDARD", "NEARLINE"])
    with pytest.raises(UsageError, match="start class 'GLACIER'"):
        world([GB], [[0]], start="GLACIER")


def test_a_run_can_be_cancelled() -> None:
    setting: World = world([GB], [[0] * 5])
    shares: list[float] = []
    with pytest.raises(Cancelled):
        simulate(setting, Age(), shares.append, lambda: len(shares) == 2)
    assert shares == [0.2, 0.4]


def test_a_long_preparation_can_be_cancelled() -> None:
    class Thinks:
        name = "thinks"

        def __init__(self) -> None:
            self.go_on: Callable[[], None] = lambda: None

        def decide(self, day: Day) -> Codes:
            return day.codes

        def prepare(self, world: World) -> None:
            for _ in range(10):
                self.go_on()
            raise AssertionError("it was not asked to end")

    with pytest.raises(Cancelled):
        simulate(world([GB], [[0] * 5]), Thinks(), cancelled=lambda: True)
