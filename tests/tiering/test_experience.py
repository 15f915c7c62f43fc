"""Hazard tables of the operator's own history."""

from pathlib import Path

import numpy as np
import pytest

from engine import access
from engine.access import AccessStatistics
from engine.catalog import Catalog
from engine.database import Database
from engine.forecast.accesses import Accesses
from engine.model import Address, ListEntry, Provider
from engine.tiering import experience
from engine.tiering.experience import Experience, learn
from engine.tiering.hazard import Counts, Grid, States, fit
from engine.tiering.longrun import prior
from tests.tiering.conftest import BOOK

FIRST, DAYS = 20_000, 120
TODAY = FIRST + DAYS
NOW = TODAY * 86_400.0 + 3_600


def history(seed: int = 1, objects: int = 60, read: int = 20) -> tuple[Accesses, np.ndarray]:
    """Some objects of different ages, of which the first ones are read now and then."""
    random = np.random.default_rng(seed)
    born = random.integers(FIRST - 300, FIRST + 60, objects)
    dense = np.zeros((objects, DAYS))
    dense[:read] = random.random((read, DAYS)) < 0.15
    dense[np.arange(DAYS)[None, :] + FIRST < born[:, None]] = 0
    at, days = np.nonzero(dense)
    accesses = Accesses.of(
        at, days + FIRST, dense[at, days], objects, first_day=FIRST, end_day=TODAY, born=born
    )
    return accesses, dense


def test_it_is_what_following_every_object_day_by_day_gives() -> None:
    accesses, dense = history()
    sizes = np.full(len(dense), 1e6)
    counts, grid = Counts(Grid()), Grid()
    states = States.new(grid, len(dense))
    states.idle += np.maximum(FIRST - accesses.born, 0)
    for day in range(DAYS):
        alive = accesses.born <= FIRST + day
        shares = dense[:, day]
        some = shares[alive]
        counts.add(states.cells()[alive], some, some > 0, np.full(alive.sum(), 2.0))
        states.advance(shares, alive)
    wanted, found = fit(counts), learn(accesses, sizes, TODAY)
    assert found.object_days == wanted.object_days
    assert np.allclose(found.reads, wanted.reads)
    assert np.allclose(found.bursts, wanted.bursts)


def test_many_objects_are_learnt_from_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    accesses, dense = history(objects=600, read=400)
    sizes = np.full(len(dense), 1e6)
    whole = learn(accesses, sizes, TODAY)
    monkeypatch.setattr(experience, "_FOLLOWED", 200)
    some = learn(accesses, sizes, TODAY)
    assert some.object_days == pytest.approx(whole.object_days, rel=0.05)
    seen = whole.days > 500
    assert np.allclose(some.reads[seen], whole.reads[seen], rtol=0.3)


def test_too_little_history_is_the_prior() -> None:
    accesses, dense = history()
    sizes = np.ones(len(dense))
    assert learn(accesses, sizes, FIRST + 20) is prior()
    silent, _ = history(read=0)
    assert learn(silent, sizes, TODAY) is prior()


async def test_a_listing_gets_its_own_table_once_a_day(tmp_path: Path) -> None:
    database = Database(tmp_path / "astra.db", [access.SCHEMA])
    await database.open()
    try:
        statistics = AccessStatistics(database, clock=lambda: NOW)
        accesses, _ = history()
        await statistics.import_daily(
            (Address("aws", "photos", f"k{one:03d}"), int(day), 1, 100)
            for one, day in zip(accesses.objects, accesses.days, strict=True)
        )
        catalog = Catalog(BOOK)
        listing = catalog.add("aws", Provider.AWS, "us-east-1")
        scan = listing.begin("photos")
        listing.append(
            scan,
            [
                ListEntry(f"k{i:03d}", 1 << 20, day * 86_400.0, "", "STANDARD")
                for i, day in enumerate(accesses.born.tolist())
            ],
        )
        listing.finish(scan)
        known = Experience(statistics, database)
        found = await known.hazard(listing.frame(NOW))
        assert found.version.startswith("hazard-")
        assert found is not prior()
        assert await known.hazard(listing.frame(NOW + 60)) is found
        assert await known.hazard(listing.frame(NOW + 86_400)) is not found
    finally:
        await database.close()
