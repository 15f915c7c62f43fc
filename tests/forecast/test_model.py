"""The forecast: sees no future, learns habits, and knows when it cannot."""

import datetime as dt

import numpy as np
import pytest

from engine.forecast.accesses import Accesses
from engine.forecast.features import months_before, view_at
from engine.forecast.glm import chance, fit_chance, fit_level
from engine.forecast.live import ask, train
from engine.forecast.model import CHANCES, FALLBACK, Model, fit, too_little
from engine.forecast.rivals import ewma, naive, tsb
from engine.forecast.skill import area, held_out
from tests.forecast.worlds import EPOCH, FIRST, accesses_of, mixed

EACH = 12


@pytest.fixture(scope="module")
def world() -> Accesses:
    return mixed(each=EACH)


@pytest.fixture(scope="module")
def model(world: Accesses) -> Model:
    return Model("test", fit(world, world.end_day))


def day_of(text: str) -> int:
    return dt.date.fromisoformat(text).toordinal() - EPOCH


def test_a_view_holds_nothing_of_its_own_day_or_later(world: Accesses) -> None:
    day = FIRST + 200
    everything = np.arange(len(world))
    rows = world.rows(0, day)
    past = Accesses(
        world.objects[rows], world.days[rows], world.reads[rows], world.born, FIRST, day
    )
    for horizon in CHANCES:
        whole, known = (view_at(item, day, horizon, everything) for item in (world, past))
        assert np.array_equal(whole.chance, known.chance)
        assert np.array_equal(whole.level, known.level)
        assert np.isfinite(whole.chance).all()
        assert np.isfinite(whole.level).all()


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        ("2025-03-31", 1, "2025-02-28"),
        ("2025-01-15", 1, "2024-12-15"),
        ("2024-03-30", 1, "2024-02-29"),
        ("2025-12-01", 12, "2024-12-01"),
        ("2025-01-31", 3, "2024-10-31"),
    ],
)
def test_months_before(day: str, months: int, before: str) -> None:
    assert months_before(day_of(day), months) == day_of(before)


def test_the_regressions_find_what_made_the_data() -> None:
    random = np.random.default_rng(2)
    seen = random.normal(size=(20_000, 3)) * [1.0, 5.0, 0.1]
    line = 0.8 * seen[:, 0] - 0.2 * seen[:, 1] - 1.0
    happened = (random.random(20_000) < 1 / (1 + np.exp(-line))).astype(np.float64)
    fitted = chance(fit_chance(seen, happened, 1.0)(seen))
    assert np.abs(fitted - chance(line)).mean() < 0.01
    assert fitted.mean() == pytest.approx(happened.mean(), abs=1e-3)
    level = fit_level(seen, line + random.normal(size=20_000) * 0.1, 1.0)
    assert np.abs(level(seen) - line).mean() < 0.05


def test_separable_data_ends_with_finite_chances() -> None:
    seen = np.array([[0.0], [0.0], [1.0], [1.0]] * 10)
    fitted = chance(fit_chance(seen, seen[:, 0], 0.1)(seen))
    assert np.isfinite(fitted).all()
    assert (fitted > 0.5).tolist() == (seen[:, 0] > 0.5).tolist()


def test_habits_are_told_apart(world: Accesses, model: Model) -> None:
    found = ask(model, world, world.end_day)  # 2025-11-27
    often, seldom, monthly, silent = (found.within(7)[n * EACH :][:EACH].mean() for n in range(4))
    assert often > 0.95
    assert monthly > 0.7  # the first of December is among the next seven days
    assert 0.03 < seldom < 0.4
    assert silent < 0.05
    assert found.within(1)[2 * EACH : 3 * EACH].mean() < 0.15  # … but it is not tomorrow
    reads = found.expected(30)
    assert reads[:EACH].mean() == pytest.approx(30 * 0.8 * 4, rel=0.25)
    assert reads[3 * EACH :].mean() < 1


def test_more_days_bring_no_fewer_reads(world: Accesses, model: Model) -> None:
    for day in (FIRST + 30, FIRST + 100, world.end_day, world.end_day + 400):
        found = ask(model, world, day)
        assert (np.diff(found.chances, axis=1) >= 0).all()
        assert (np.diff(found.reads, axis=1) >= 0).all()
        assert (found.chances >= 0).all()
        assert (found.chances <= 1).all()
        assert np.isfinite(found.reads).all()
        assert (found.typical <= found.reads + 1e-9).mean() > 0.9


def test_blocks_do_not_matter(
    world: Accesses, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ask(model, world, world.end_day)
    monkeypatch.setattr("engine.forecast.live._BLOCK", 7)
    parts = ask(model, world, world.end_day)
    assert np.allclose(whole.chances, parts.chances)
    assert np.allclose(whole.reads, parts.reads)


def test_a_short_history_draws_the_long_horizons_out() -> None:
    world = mixed(days=70)
    horizons = fit(world, world.end_day)
    assert set(horizons) == {1, 7, 30}
    found = ask(Model("short", horizons), world, world.end_day)
    assert (found.within(90) >= found.within(30)).all()
    assert np.allclose(found.expected(90), 3 * found.expected(30))


def test_the_model_beats_the_simple_forecasts_on_held_out_weeks(world: Accesses) -> None:
    table = {(row.method, row.horizon): row for row in held_out(world)}
    assert {horizon for _, horizon in table} == set(CHANCES)
    for horizon in (7, 30):
        best = min(table[name, horizon].log_loss for name in ("naive", "ewma", "tsb"))
        assert table["model", horizon].log_loss < best
        assert table["naive", horizon].reads_error == pytest.approx(1.0)
        assert table["model", horizon].reads_error < 0.8


def test_the_simple_forecasts() -> None:
    reads = np.zeros((2, 40))
    reads[0, 33:40] = 2.0
    world = accesses_of(reads)
    last = naive(world, FIRST + 40, np.arange(2))
    assert last.expected(7).tolist() == [14.0, 0.0]
    assert last.within(1).tolist() == [0.999, 0.0]
    mean = ewma(7.0)(world, FIRST + 40, np.arange(2))
    seen = (1 - 0.5 ** (7 / 7)) / (1 - 0.5 ** (40 / 7))
    assert mean.expected(1)[0] == pytest.approx(2 * seen)
    steady = tsb(7.0)(world, FIRST + 40, np.arange(2))
    assert 0 < steady.within(7)[1] < steady.within(7)[0] < 1
    assert steady.expected(1)[0] == pytest.approx(2 * steady.active[0])


def test_the_area_counts_pairs_in_the_right_order() -> None:
    read = np.array([False, False, True, True])
    assert area(np.array([0.1, 0.2, 0.3, 0.4]), read) == 1.0
    assert area(np.array([0.4, 0.3, 0.2, 0.1]), read) == 0.0
    assert area(np.array([0.5, 0.5, 0.5, 0.5]), read) == 0.5
    assert np.isnan(area(np.array([0.5]), np.array([True])))


def test_too_little_history_is_said_and_the_fallback_answers() -> None:
    short = mixed(days=20)
    assert "20 days" in too_little(short)
    few = accesses_of(np.pad(np.ones((1, 150)), ((0, 1), (0, 0))))
    assert "1 objects" in too_little(few)
    quiet = np.zeros((20, 60))
    quiet[:, 0] = 1.0
    assert "20 days with reads" in too_little(accesses_of(quiet))
    training, stored = train(short)
    assert stored is None
    assert training.version == ""
    assert training.problem == too_little(short)
    found = ask(None, short, short.end_day)
    assert found.version == FALLBACK
    assert found.within(7)[:EACH].min() > found.within(7)[3 * EACH :].max()
    nothing = ask(None, Accesses.of(*(np.empty(0, np.int64),) * 2, np.empty(0), 3), 100)
    assert ((nothing.chances >= 0) & (nothing.chances <= 1)).all()


def test_objects_that_were_all_read_every_day_cannot_be_told_apart() -> None:
    training, stored = train(accesses_of(np.ones((20, 100))))
    assert stored is None
    assert "all objects" in training.problem


def test_silence_longer_than_any_that_was_learnt_from_is_not_taken_for_a_habit() -> None:
    world = mixed(days=100)
    own = world.only(np.unique(world.objects))  # what was never read is not in a log
    _, stored = train(own)
    assert stored is not None
    empty = np.empty(0, np.int64)
    born = np.array([own.end_day - 300])
    old = Accesses.of(empty, empty, np.empty(0), 1, end_day=own.end_day, born=born)
    found = ask(stored.model, old, own.end_day)
    assert found.within(30)[0] < 30 / 300
    assert found.expected(30)[0] < 0.5
