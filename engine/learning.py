"""What the door does with access histories: importing logs, training, predicting."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import numpy as np

from engine.errors import NotFound, Refused, StoreError, UsageError
from engine.events.places import Places
from engine.forecast import live
from engine.forecast.accesses import Accesses
from engine.forecast.features import idle_days
from engine.forecast.live import Training
from engine.forecast.model import CHANCES, COUNTS
from engine.forecast.store import NAME, Stored, load, save
from engine.imports.files import FORMATS, Reading, records_of
from engine.imports.importer import import_logs as read_logs
from engine.imports.records import Bad, DayReads, ImportSummary, Read
from engine.lab.history import read_inventory
from engine.model import Address
from engine.parts import Parts
from engine.settings import EngineSettings

_DAY = 86_400
_EPOCH = 719_163  # the ordinal of 1970-01-01


@dataclass(frozen=True, slots=True)
class Prediction:
    """What to expect of an object. `reads` and `typical` by days (7, 30, 90): the mean number,
    and the same on the scale of log(1 + reads); `chances` by days (1, 7, 30, 90) of a next read
    until then. `version` names the model; `problem` says why it is only the fallback."""

    address: Address
    version: str
    reads: tuple[tuple[int, float], ...]
    typical: tuple[tuple[int, float], ...]
    chances: tuple[tuple[int, float], ...]
    idle_days: int
    known_days: int  # days of history, of all objects
    reads_30d: int
    trained: float = 0.0
    problem: str = ""


async def import_logs(
    parts: Parts,
    settings: EngineSettings,
    paths: Sequence[Path],
    form: str,
    cloud: str,
    base: Address | None,
    progress: Callable[[ImportSummary], None] | None,
) -> ImportSummary:
    """Read access logs into the history. Raises UsageError for an unknown form or path."""
    known = next((name for name in FORMATS if name == form), None)
    if known is None:
        raise UsageError(f"There is no format {form!r}.", todo=f"Use {', '.join(FORMATS)}.")
    reading = Reading(Places(settings.clouds), time.time(), known, cloud, base)
    summary = await read_logs(parts.access, paths, reading, progress)
    await parts.clouds.refresh()
    return summary


# -- training -------------------------------------------------------------------------------


async def train(
    parts: Parts, settings: EngineSettings, history: Path | None, inventory: Path | None
) -> Training:
    """Fit a model and keep it. Raises UsageError naming file and line of a bad history."""
    if inventory is not None and history is None:
        raise UsageError("An inventory alone tells of no access.", todo="Name --history too.")
    stop = Event()

    def beat() -> None:
        if stop.is_set():
            raise Refused("Training was given up.")

    try:
        if history is not None:
            accesses = await asyncio.to_thread(_read, history, inventory, beat)
        else:
            await parts.access.flush()
            accesses = await live.own_history(parts.database, today=int(time.time() // _DAY))
        training, stored = await asyncio.to_thread(live.train, accesses, beat)
        if stored is not None:
            await asyncio.to_thread(save, settings.state_dir / NAME, stored)
    finally:
        stop.set()  # a thread that is still at it ends by itself
    return training


@dataclass(slots=True)
class _Rows:
    index: dict[str, int] = field(default_factory=dict)
    reads: dict[tuple[int, int], float] = field(default_factory=dict)

    def add(self, key: str, day: int, reads: float) -> None:
        place = (self.index.setdefault(key, len(self.index)), day)
        self.reads[place] = self.reads.get(place, 0.0) + reads


def _read(history: Path, inventory: Path | None, beat: Callable[[], None]) -> Accesses:
    base = Address("history", "history", "")
    reading = Reading(Places(), time.time(), cloud="history", base=base)
    rows = _Rows()
    known = read_inventory(inventory) if inventory is not None else None
    for name in known.names if known is not None else ():
        rows.index[name] = len(rows.index)
    try:
        for line, record in records_of(history, reading):
            if isinstance(record, Bad):
                raise UsageError(
                    f"Line {line} does not fit: {record.reason}.",
                    subject=str(history),
                    todo="Leave the line out; `astra access import` counts such lines and goes on.",
                )
            if isinstance(record, DayReads):
                rows.add(record.key, record.day, float(record.reads))
            elif isinstance(record, Read):
                rows.add(f"{record.bucket}/{record.key}", int(record.when // _DAY), 1.0)
            if not line % 10_000:
                beat()
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"The history cannot be read: {reason}.", subject=str(history)) from error
    places = np.array(list(rows.reads), np.int64).reshape(-1, 2)
    born = None
    if known is not None:
        born = np.full(len(rows.index), np.iinfo(np.int64).max, np.int64)
        born[: len(known)] = known.created - _EPOCH
    reads = np.array(list(rows.reads.values()), np.float64)
    return Accesses.of(places[:, 0], places[:, 1], reads, len(rows.index), born=born)


# -- predicting -----------------------------------------------------------------------------


async def predict(
    parts: Parts, settings: EngineSettings, addresses: Sequence[Address]
) -> list[Prediction]:
    """What to expect of each object."""
    stored, problem = await stored_model(settings)
    await parts.access.flush()
    today = int(time.time() // _DAY)
    rows, born = [], []
    for one in addresses:
        row = int(parts.access.database_rows(one.cloud, one.bucket, [one.key])[0])
        rows.append(row)
        born.append(await _born(parts, one, bool(row), today))
    days = np.array(born, np.int64)
    accesses = await live.history_of(parts.database, np.array(rows), days, today=today)
    model = stored.model if stored is not None else None
    day = today + 1  # today's reads are known, as far as they came
    forecast = await asyncio.to_thread(live.ask, model, accesses, day)
    idle = idle_days(accesses, day) - 1
    recent = accesses.total(day - 30, day)
    found = []
    for at, address in enumerate(addresses):
        found.append(
            Prediction(
                address,
                forecast.version,
                tuple(zip(COUNTS, forecast.reads[at].tolist(), strict=True)),
                tuple(zip(COUNTS, forecast.typical[at].tolist(), strict=True)),
                tuple(zip(CHANCES, forecast.chances[at].tolist(), strict=True)),
                int(idle[at]),
                accesses.length,
                int(recent[at]),
                stored.trained if stored is not None else 0.0,
                problem,
            )
        )
    return found


async def stored_model(settings: EngineSettings) -> tuple[Stored | None, str]:
    """The model of the state directory, or None and why the fallback has to do."""
    stored, problem = await asyncio.to_thread(load, settings.state_dir / NAME)
    if stored is None and not problem:
        problem = "no model is trained; `astra train` fits one"
    elif stored is None:
        problem += "; `astra train` makes a new one"
    return stored, problem


async def _born(parts: Parts, address: Address, known: bool, today: int) -> int:
    """The day the object was written; one with a history may be gone, or its store away."""
    parts.catalog[address.cloud]  # an unknown cloud ends here, with a clear error
    try:
        head = await parts.stores[address.cloud].head(address.bucket, address.key)
    except NotFound:
        if not known:
            raise
    except StoreError:
        if not known:
            raise
    else:
        return int(head.pin.modified // _DAY)
    return today + 1
