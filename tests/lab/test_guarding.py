"""The guards on the operator's own history."""

import numpy as np

from engine.forecast.accesses import Accesses
from engine.lab.guarding import follow
from engine.model import Provider
from engine.tiering.guards import GuardSettings
from tests.lab.worlds import table

FIRST, DAYS = 20_000, 300


def history(objects: int = 40) -> Accesses:
    """A quarter of the objects is read now and then, the rest never."""
    random = np.random.default_rng(4)
    dense = np.zeros((objects, DAYS))
    dense[: objects // 4] = random.random((objects // 4, DAYS)) < 0.05
    at, days = np.nonzero(dense)
    born = np.full(objects, FIRST - 10)
    return Accesses.of(
        at, days + FIRST, dense[at, days], objects, first_day=FIRST, end_day=FIRST + DAYS, born=born
    )


def test_whom_to_follow_is_the_cheapest_by_the_margin() -> None:
    sizes, prices = np.full(40, 2.0**30), table(Provider.AWS)
    assert follow(history(), sizes, prices, FIRST + DAYS) == ("", "")
    eager = GuardSettings(margin=0.0, warm_up=1)
    name, why = follow(history(), sizes, prices, FIRST + DAYS, eager)
    assert name in ("", "ledger", "INTELLIGENT_TIERING")
    assert bool(why) == bool(name)


def test_nobody_is_followed_where_there_is_nothing_to_learn_from() -> None:
    none = np.zeros(0, np.int64)
    empty = Accesses.of(none, none, np.zeros(0), 0, first_day=FIRST)
    assert follow(empty, np.zeros(0), table(Provider.AWS), FIRST) == ("", "")
