"""The radix sort is the stable sort it stands for."""

import numpy as np
import pytest

from engine import order
from engine.order import stable_order

N = 60_000
rng = np.random.default_rng(5)
COLUMNS = {
    "sizes": rng.integers(0, 10**13, N),
    "few sizes": rng.integers(0, 20, N) * 1024,
    "all the same": np.full(N, 7),
    "in order": np.arange(N),
    "extremes": rng.choice(np.array([-(2**63), 2**63 - 1, 0, -1]), N),
    "tiers": rng.integers(0, 4, N).astype(np.int8),
    "ages": (1.8e9 - rng.integers(1_700_000_000, 1_790_000_000, N)) / 86_400,
    "costs": np.where(rng.random(N) < 0.1, np.nan, np.exp(rng.normal(-8, 4, N))),
    "nothing known": np.full(N, np.nan),
    "either side of zero": rng.normal(0, 1, N) * 10.0 ** rng.integers(-300, 300, N),
    "both zeros": rng.choice(np.array([0.0, -0.0, 1.0, -np.inf, np.inf]), N),
    "close together": 1.0 + rng.integers(0, 2**20, N) * 2.0**-52,
}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", COLUMNS)
def test_it_is_numpys_stable_order(name: str, descending: bool):
    values = COLUMNS[name]
    before = values.copy()
    if values.dtype.kind == "i":
        plain = [int(value) for value in values]
        expected = sorted(range(N), key=lambda i: -plain[i] if descending else plain[i])
    else:
        expected = np.argsort(-values if descending else values, kind="stable").tolist()
    assert stable_order(values, descending=descending).tolist() == expected
    assert np.array_equal(values, before, equal_nan=values.dtype.kind == "f")


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_few_are_sorted_too(count: int):
    values = np.array([3, 1, 2, 1, 3][:count])
    expected = sorted(range(count), key=lambda i: -values[i])
    assert stable_order(values, descending=True).tolist() == expected
    assert count < order._FEW
