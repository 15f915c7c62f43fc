"""The hazard table: where it begins, where it ends, and what lies between."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.tiering.hazard import Counts, Grid, Hazard, Shrinkage, States, fit, prior_hazard

GRID = Grid()


def seen(days: int, reads: int, cell: int, share: float = 1.0) -> Hazard:
    """One cell, that many object-days, of which so many with a read."""
    counts = Counts(GRID)
    shares = np.where(np.arange(days) < reads, share, 0.0)
    counts.add(np.full(days, cell), shares, shares > 0, np.ones(days))
    return fit(counts)


def test_with_nothing_seen_the_table_is_the_prior_and_says_so() -> None:
    table = fit(Counts(GRID))
    by_row = table.reads.reshape(GRID.rows, GRID.columns)
    assert np.allclose(by_row, prior_hazard(GRID)[:, None])
    assert table.version == "hazard-prior"
    assert np.all(np.diff(prior_hazard(GRID)) < 0)
    assert prior_hazard(GRID)[0] == pytest.approx(0.67)
    # Nothing seen of bursts: a read takes the whole object.
    assert table.sizes[np.argmax(table.bursts[0])] == 1.0


def test_with_much_seen_a_cell_is_what_was_seen() -> None:
    cell = 5 * GRID.columns + 4
    table = seen(1_000_000, 30_000, cell)
    assert table.reads[cell] == pytest.approx(0.03, rel=0.01)
    assert table.version.startswith("hazard-1000000d-")


def test_the_more_was_seen_the_less_is_borrowed() -> None:
    cell = 8 * GRID.columns + 3
    prior = float(prior_hazard(GRID)[8])
    found = [float(seen(days, 0, cell).reads[cell]) for days in (10, 100, 1000, 10_000)]
    assert prior > found[0] > found[1] > found[2] > found[3] > 0


def test_a_cell_that_was_not_seen_borrows_from_its_row() -> None:
    busy, idle = seen(5000, 4000, 8 * GRID.columns + 3), seen(5000, 0, 8 * GRID.columns + 3)
    neighbour = 8 * GRID.columns + 6
    assert busy.reads[neighbour] > idle.reads[neighbour]


def test_the_prior_weighs_less_with_smaller_weights_of_shrinkage() -> None:
    counts, cell = Counts(GRID), 3 * GRID.columns
    counts.add(np.full(100, cell), np.zeros(100), np.zeros(100, np.bool_), np.ones(100))
    near, far = fit(counts, Shrinkage(cell=1.0, margin=1.0)), fit(counts)
    assert near.reads[cell] < far.reads[cell]


def test_weights_are_relative() -> None:
    tables = []
    for weight in (1.0, 1e6):
        counts = Counts(GRID)
        shares = np.where(np.arange(500) < 40, 0.3, 0.0)
        counts.add(np.full(500, 17), shares, shares > 0, np.full(500, weight))
        tables.append(fit(counts))
    assert np.allclose(tables[0].reads, tables[1].reads)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, GRID.cells - 1), st.floats(0, 5)), max_size=60))
def test_chances_are_chances(rows: list[tuple[int, float]]) -> None:
    counts = Counts(GRID)
    if rows:
        shares = np.array([share for _, share in rows])
        counts.add(np.array([cell for cell, _ in rows]), shares, shares > 0, np.ones(len(rows)))
    table = fit(counts)
    for chances in (table.reads, table.touches, table.any_read()):
        assert np.all((chances >= 0) & (chances <= 1))
    assert np.allclose(table.bursts.sum(1), 1.0)
    assert np.all(np.isfinite(table.volume()))


def test_idle_days_and_activity_go_on_day_by_day() -> None:
    states = States.new(Grid(half_life=10.0), 3)
    alive = np.array([True, True, False])
    states.advance(np.array([1.0, 0.0, 1.0]), alive)
    assert states.idle.tolist() == [0, 1, 0]
    assert states.activity[2] == 0.0  # not created yet
    first = float(states.activity[0])
    for _ in range(10):
        states.advance(np.zeros(3), alive)
    assert states.idle.tolist() == [10, 11, 0]
    assert states.activity[0] == pytest.approx(first / 2)


def test_a_read_below_the_limit_leaves_an_object_idle() -> None:
    states = States.new(GRID, 1)
    states.idle[:] = 40
    states.advance(np.array([GRID.significant / 2]), np.array([True]))
    assert states.idle[0] == 41
    states.advance(np.array([GRID.significant]), np.array([True]))
    assert states.idle[0] == 0


def test_a_burst_counts_as_at_most_the_cap() -> None:
    one, many = States.new(GRID, 1), States.new(GRID, 1)
    one.advance(np.array([GRID.cap]), np.array([True]))
    many.advance(np.array([5000.0]), np.array([True]))
    assert one.activity == many.activity
