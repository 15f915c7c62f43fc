"""The forecast at work: trained on the state's own history, asked about its objects."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from engine import access_tables as tables
from engine.access import AccessStatistics
from engine.database import Database
from engine.forecast.accesses import Accesses, Ints
from engine.forecast.features import REACH
from engine.forecast.model import (
    Beat,
    Forecast,
    Model,
    fallback,
    fit,
    longest_idle,
    sample,
    too_little,
)
from engine.forecast.skill import Skill, held_out
from engine.forecast.store import NAME, Stored, load, version_of
from engine.frame import Frame

DAY = 86_400
_PAGE = 30  # days read in one go, so that nobody waits long for the database
_BLOCK = 50_000  # objects forecast in one go
_FEW = 500  # objects that are asked for by name
_MANY = 20_000  # objects that are learnt from


@dataclass(frozen=True, slots=True)
class Training:
    """What training came to. `version` of the model, "" if nothing was fitted: `problem` says
    why. Days are epoch days, the last one included."""

    version: str
    problem: str
    first_day: int
    last_day: int
    objects: int
    reads: int
    skill: tuple[Skill, ...] = ()


async def own_history(database: Database, *, today: int, every: int = 0) -> Accesses:
    """All that was counted before `today` (epoch day) and matters; objects by place among those
    that occur. `every` 0: so many that at most some 20,000 rows of objects are taken."""
    span = await database.run(tables.span_of_days)
    if span is None:
        return Accesses.of(*_columns(np.empty((0, 3), np.int64)), 0, first_day=today)
    first, last, rows = max(span[0], today - REACH), min(span[1] + 1, today), span[2]
    every = every or max(rows // _MANY, 1)
    pages = await _pages(database, first, max(last, first), every)
    objects, days, reads = _columns(pages)
    _, places = np.unique(objects, return_inverse=True)
    count = int(places.max()) + 1 if len(places) else 0
    # Where nothing was read lately nothing may have been logged: what came is learnt from.
    return Accesses.of(places, days, reads, count, first_day=first, end_day=max(last, first))


async def history_of(database: Database, rows: Ints, born: Ints, *, today: int) -> Accesses:
    """The accesses of these rows of the tables (0: none), today's included; `born` (N,) days."""
    span = await database.run(tables.span_of_days)
    first = max(span[0], today - REACH) if span is not None else today
    few = rows.tolist() if len(rows) <= _FEW else ()
    found = await _pages(database, first, today + 1, 1, few)
    order = np.argsort(rows, kind="stable")
    at = np.searchsorted(rows[order], found[:, 0])
    here = at < len(rows)
    here[here] = rows[order][at[here]] == found[here, 0]
    _, days, reads = _columns(found[here])
    places = order[at[here]].astype(np.int64)
    count = len(rows)
    return Accesses.of(places, days, reads, count, first_day=first, end_day=today + 1, born=born)


async def _pages(
    database: Database, first: int, end: int, every: int, few: Sequence[int] = ()
) -> Ints:
    pages = [
        await database.run(
            partial(tables.load_days, first=day, end=min(day + _PAGE, end), every=every, few=few)
        )
        for day in range(first, end, _PAGE)
    ]
    return np.concatenate(pages) if pages else np.empty((0, 3), np.int64)


def _columns(table: Ints) -> tuple[Ints, Ints, "np.ndarray[tuple[int], np.dtype[np.float64]]"]:
    return table[:, 0], table[:, 1], table[:, 2].astype(np.float64)


def train(
    accesses: Accesses, beat: Beat = lambda: None, clock: Callable[[], float] = time.time
) -> tuple[Training, Stored | None]:
    """Fit on the whole history, and judge it on weeks held out of the fit. For a thread."""
    about = (
        accesses.first_day,
        max(accesses.end_day - 1, accesses.first_day),
        len(np.unique(accesses.objects)),
        int(accesses.reads.sum()),
    )
    problem = too_little(accesses)
    if problem:
        return Training("", problem, *about), None
    some = sample(accesses)
    horizons = fit(some, accesses.end_day, beat=beat)
    if not horizons:
        return Training("", "either all objects were read all the time, or none", *about), None
    skill = tuple(held_out(some, beat))
    longest = longest_idle(some, accesses.end_day)
    model = Model(version_of(horizons, about[1]), horizons, longest)
    return Training(model.version, "", *about, skill), Stored(model, clock(), *about, skill)


def ask(model: Model | None, accesses: Accesses, day: int) -> Forecast:
    """What to expect of all objects from `day` on, block by block; by TSB without a model."""
    count = len(accesses)
    if model is None:
        return fallback(accesses, day, np.arange(count))
    parts = []
    for start in range(0, max(count, 1), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, count))
        part = accesses if count <= _BLOCK else accesses.only(block)
        parts.append(model.forecast(part, day, np.arange(len(part))))
    return Forecast(
        np.concatenate([part.chances for part in parts]),
        np.concatenate([part.reads for part in parts]),
        np.concatenate([part.typical for part in parts]),
        model.version,
    )


async def forecast_of(
    folder: Path, access: AccessStatistics, database: Database, frame: Frame
) -> Forecast:
    """What to expect of the objects of a listing, by the model of the state directory."""
    await access.flush()
    today = int(frame.now // DAY)
    stored, _ = await asyncio.to_thread(load, folder / NAME)

    def places() -> tuple[Ints, Ints]:
        keys = frame.keys[: frame.count]
        born = (frame.now - frame.ages() * DAY) // DAY
        return access.database_rows(frame.cloud, frame.bucket, keys), born.astype(np.int64)

    rows, born = await asyncio.to_thread(places)
    accesses = await history_of(database, rows, born, today=today)
    model = stored.model if stored is not None else None
    return await asyncio.to_thread(ask, model, accesses, today + 1)
