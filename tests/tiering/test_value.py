"""Value iteration against the same problem worked out state by state."""

import itertools

import numpy as np
import pytest

from engine.tiering.hazard import Counts, Grid, Hazard, fit
from engine.tiering.value import FOREVER, Chain, Charges, Stages, Values, solve

GAMMA = 0.95
SMALL = Grid(idle=(0, 1, 3), activity=(0.01, 0.1), half_life=5.0)


def charges(*, minimum: int = 4, early: float = 0.8) -> Charges:
    """Two sizes; a hot class, a cold one with minimum days, one that tiers by itself."""
    one = np.array([[1.0, 0.2, 1.05]])
    change = np.array([[[0.0, 0.1, 0.05], [2.0, 0.0, 2.0], [0.1, 0.1, 0.0]]])
    return Charges(
        storage=np.concatenate([one, 10 * one]),
        steps=((2, 2, np.array([0.6, 6.0])), (2, 5, np.array([0.25, 2.5]))),
        volume=np.concatenate([one * 0 + [[0.0, 2.5, 0.0]], one * 0 + [[0.0, 25.0, 0.0]]]),
        request=np.array([0.01, 0.2, 0.01]),
        change=np.concatenate([change, 10 * change]),
        early=np.array([[0.0, early * 0.2, 0.0], [0.0, early * 2.0, 0.0]]),
        min_days=np.array([0, minimum, 0]),
    )


def hazard(seed: int = 3, grid: Grid = SMALL) -> Hazard:
    random = np.random.default_rng(seed)
    counts = Counts(grid)
    cells = random.integers(0, grid.cells, 4000)
    chance = 0.6 / (1 + cells // grid.columns) * (0.3 + cells % grid.columns)
    touched = random.random(4000) < chance
    shares = np.where(touched, random.choice([0.0005, 0.05, 1.0], 4000), 0.0)
    counts.add(cells, shares, touched, np.ones(4000))
    return fit(counts)


def by_hand(
    table: Hazard, pays: Charges, group: int, rounds: int = 800
) -> dict[tuple[int, int, int], float]:
    """V(cell, class, day in class), with dictionaries, loops and single days."""
    chain = Chain.of(table)
    last = [0, int(pays.min_days[1]), 5]
    states = [(x, c, d) for x in range(table.grid.cells) for c in range(3) for d in
              range(last[c] + 1)]  # fmt: skip
    value = dict.fromkeys(states, 0.0)
    volume = table.reads * (table.bursts @ table.sizes) + (1 - table.reads) * table.touched

    def day(x: int, c: int, d: int) -> float:
        """Being in class c for the day, and then the value of where that leads."""
        total = 0.0
        follow = min(d + 1, last[c])
        stored = float(pays.storage[group, c])
        for code, from_day, rate in pays.steps:
            if code == c and d >= from_day:
                stored = float(rate[group])
        any_read = table.reads[x] + (1 - table.reads[x]) * table.touches[x]
        total += stored * (1 - any_read) + pays.storage[group, c] * any_read
        total += volume[x] * pays.volume[group, c] + any_read * pays.request[c]
        wakes = c == 2
        for y in range(table.grid.cells):
            total += GAMMA * chain.read[x, y] * value[y, c, 0 if wakes else follow]
            touch = table.touches[x] if wakes else 0.0
            total += GAMMA * chain.rest[x, y] * (1 - touch) * value[y, c, follow]
            total += GAMMA * chain.rest[x, y] * touch * value[y, c, 0]
        return total

    for _ in range(rounds):
        stay = {state: day(*state) for state in states}
        new = {}
        for x, c, d in states:
            fee = pays.early[group, c] * max(pays.min_days[c] - d, 0)
            options = [stay[x, c, d]]
            options += [stay[x, b, 0] + pays.change[group, c, b] + fee for b in range(3) if b != c]
            new[x, c, d] = min(options)
        moved = max(abs(new[state] - value[state]) for state in states)
        value = new
        if moved < 1e-7:
            break
    return value


def test_it_is_the_solution_state_by_state() -> None:
    table, pays = hazard(), charges()
    found = solve(table, pays, gamma=GAMMA, step=1, tolerance=1e-4)
    for group in range(2):
        value = by_hand(table, pays, group)
        for (x, c, d), wanted in value.items():
            stage = int(found.stages.first[c]) + d
            best = int(found.best[x, group, stage])
            got = float(found.stay[x, group, stage])
            if best != c:
                there = found.stages.first[best]
                got = float(found.stay[x, group, there] + found.leave[group, stage, best])
            assert got == pytest.approx(wanted, rel=2e-4)


def test_a_day_takes_every_cell_somewhere() -> None:
    for grid in (SMALL, Grid()):
        chain = Chain.of(fit(Counts(grid)))
        assert np.allclose((chain.read + chain.rest).sum(1), 1.0)
        assert chain.read.min() >= 0
        assert chain.rest.min() >= 0


def test_what_is_never_read_goes_where_storage_is_cheapest_and_what_is_always_read_does_not() -> (
    None
):
    grid = Grid()
    for share, wanted in ((0.0, 1), (1.0, 0)):
        counts = Counts(grid)
        for cell in range(grid.cells):
            shares = np.full(5000, share)
            counts.add(np.full(5000, cell), shares, shares > 0, np.ones(5000))
        found = solve(fit(counts), charges(), step=1)
        hot = int(found.stages.first[0])
        assert set(found.best[:, :, hot].ravel().tolist()) == {wanted}


def test_going_up_needs_more_than_one_read_when_going_up_is_dear() -> None:
    table, pays = hazard(), charges(early=5.0)
    cheap = solve(table, pays, gamma=GAMMA, step=1)
    pays.change[:, 1, :] *= 50
    dear = solve(table, pays, gamma=GAMMA, step=1)
    up = slice(int(cheap.stages.first[1]), int(cheap.stages.first[2]))
    assert (dear.best[:, :, up] != 1).sum() <= (cheap.best[:, :, up] != 1).sum()


def test_a_change_that_is_forbidden_is_never_made() -> None:
    pays = charges()
    pays.change[:, :, 1] = FOREVER
    found = solve(hazard(), pays, gamma=GAMMA)
    entered = np.ones(len(found.stages.codes), np.bool_)
    entered[found.stages.codes == 1] = False
    assert not (found.best[:, :, entered] == 1).any()


def test_a_solution_starts_where_an_earlier_one_ended() -> None:
    table, pays = hazard(grid=Grid()), charges()
    first = solve(table, pays, tolerance=0.05)
    again = solve(table, pays, tolerance=0.05, start=first)
    assert again.rounds < first.rounds / 2
    assert (again.best == first.best).mean() > 0.99


def test_solving_can_be_ended() -> None:
    class Ended(Exception):
        pass

    def end() -> None:
        raise Ended

    with pytest.raises(Ended):
        solve(hazard(), charges(), go_on=end, rounds=200, tolerance=0.0)


def test_stages_count_days_up_to_the_last_that_matters() -> None:
    stages = Stages.of(charges(minimum=30), 10)
    assert np.diff(stages.first).tolist() == [1, 4, 2]
    codes = np.array([1, 1, 1, 2, 2, 0], np.int16)
    days = np.array([0, 29, 400, 50, 50, 99])
    idle = np.array([9, 9, 9, 3, 77, 9])
    places = stages.at(codes, days, idle) - stages.first[codes]
    assert places.tolist() == [0, 2, 3, 0, 1, 0]


def test_costs_are_those_of_the_choice() -> None:
    found: Values = solve(hazard(), charges(), gamma=GAMMA, step=1, tolerance=1e-3)
    for x, stage in itertools.product(range(SMALL.cells), range(len(found.stages.codes))):
        cells, groups, stages = np.array([x]), np.array([0]), np.array([stage])
        best = found.choice(cells, groups, stages)
        stay, there, change = found.costs(cells, groups, stages, best)
        if best[0] != found.stages.codes[stage]:
            assert there[0] + change[0] < stay[0]
