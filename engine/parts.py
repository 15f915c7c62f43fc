"""The engine's parts, put together. Importing this loads numpy and the stores' HTTP client,
so the door does it off the first frame's path."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import access, decisions
from engine.access import AccessStatistics
from engine.announce import Announcer
from engine.catalog import Catalog
from engine.clouds import Clouds
from engine.database import Database, StateLock
from engine.decisions import DecisionLog
from engine.errors import StateBusy
from engine.events import outbox
from engine.events.bus import EventBus
from engine.events.schema import JobRequest
from engine.frame import Frame
from engine.migration.joblist import JobList
from engine.migration.ledger import SCHEMA as LEDGER_SCHEMA
from engine.migration.ledger import Ledger
from engine.migration.plan_sources import Place
from engine.migration.runner import Runner
from engine.migration.set_ends import SetEnds
from engine.model import JobView
from engine.planner import Planner
from engine.pricing.book import PriceBook
from engine.settings import EngineSettings
from engine.stores import open_store
from engine.stores.base import ObjectStore
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.forecast.model import Forecast
    from engine.tiering.experience import Experience
    from engine.tiering.hazard import Hazard

log = logging.getLogger(__name__)

_TRIES, _PAUSE = 20, 0.1  # a command such as `astra ls` or `doctor` is done by then


@dataclass(slots=True)
class Parts:
    """Everything that is open while the engine runs."""

    owner: bool  # False: another process works on this state, and we only look
    lock: StateLock
    database: Database
    access: AccessStatistics
    book: PriceBook
    stores: dict[str, ObjectStore]
    catalog: Catalog
    clouds: Clouds
    decisions: DecisionLog
    ledger: Ledger
    runner: Runner
    jobs: JobList
    ends: SetEnds
    planner: Planner
    bus: EventBus
    announcer: Announcer

    async def close(self) -> None:
        """Close in the order of who uses whom. Raises the first error after closing all."""
        steps: list[Callable[[], Awaitable[None]]] = [
            self.runner.stop,
            self.ends.close,
            self.jobs.close,
            self.clouds.stop,
            self.bus.stop,
            self.access.flush,
            *(store.close for store in self.stores.values()),
            self.database.close,
        ]
        failure: Exception | None = None
        for step in steps:
            try:
                await step()
            except Exception as error:
                log.exception("closing failed")
                failure = failure or error
        self.lock.release()
        if failure is not None:
            raise failure


async def _take(lock: StateLock, *, look: bool) -> bool:
    """Whether the directory is ours now. A command that holds it for a moment is waited for."""
    for _ in range(_TRIES):
        try:
            lock.acquire()
        except StateBusy:
            if look:
                return False
            await asyncio.sleep(_PAUSE)
        else:
            return True
    lock.acquire()
    return True


async def assemble(
    settings: EngineSettings,
    workspace: Workspace,
    *,
    look: bool = False,
    on_change: Callable[[JobView], None],
    on_job: Callable[[JobRequest], Awaitable[None]] | None,
) -> Parts:
    """Take the state directory and open everything but the network.

    With `look`, a directory that another process has is opened beside it, to look only
    (`Parts.owner` is False then). Raises StateBusy, StateError or ConfigError; then nothing
    stays open.
    """
    lock = StateLock(settings.state_dir)
    owner = await _take(lock, look=look)
    async with contextlib.AsyncExitStack() as undo:
        undo.callback(lock.release)
        regions = [(cloud.provider, cloud.region) for cloud in settings.clouds]
        book = await asyncio.to_thread(PriceBook.load, settings.prices_file, regions)
        database = Database(
            settings.state_dir / "astra.db",
            [access.SCHEMA, decisions.SCHEMA, LEDGER_SCHEMA, outbox.SCHEMA],
            guest=not owner,
        )
        undo.push_async_callback(database.close)
        await database.open()
        await workspace.open()
        stores: dict[str, ObjectStore] = {}
        catalog = Catalog(book)
        for cloud in settings.clouds:
            store = open_store(cloud)
            undo.push_async_callback(store.close)
            stores[cloud.name] = store
            catalog.add(cloud.name, store.provider, store.region)
        statistics = AccessStatistics(database)
        await statistics.load()
        ledger = Ledger(database)
        job_list = JobList(database.path)
        undo.push_async_callback(job_list.close)
        log = DecisionLog(database)
        clouds = Clouds(settings.clouds, stores, catalog, statistics)
        bus = EventBus(settings.kafka, database, statistics, clouds=settings.clouds, on_job=on_job)
        runner = Runner(
            ledger,
            stores,
            jobs=settings.jobs,
            bwlimit=settings.bwlimit,
            on_change=on_change,
            heard=lambda: bus.listened,
            read_only=frozenset(cloud.name for cloud in settings.clouds if cloud.read_only),
            restores=settings.restores,
        )

        async def forecast(frame: Frame) -> "Forecast":
            from engine.forecast.live import forecast_of  # most commands forecast nothing

            return await forecast_of(settings.state_dir, statistics, database, frame)

        known: list[Experience] = []

        async def hazard(frame: Frame) -> "Hazard":
            if not known:
                from engine.tiering.experience import Experience  # nor ask when something is read

                known.append(Experience(statistics, database))
            return await known[0].hazard(frame)

        places = {
            cloud.name: await asyncio.to_thread(Place.of, stores[cloud.name], cloud)
            for cloud in settings.clouds
        }
        parts = Parts(
            owner=owner,
            lock=lock,
            database=database,
            access=statistics,
            book=book,
            stores=stores,
            catalog=catalog,
            clouds=clouds,
            decisions=log,
            ledger=ledger,
            runner=runner,
            jobs=job_list,
            ends=SetEnds(job_list.summary),
            planner=Planner(
                book,
                catalog,
                clouds,
                places,
                statistics,
                log,
                runner,
                forecast=forecast,
                hazard=hazard,
                restore_speed=settings.restore_speed,
                restore_days=settings.restore_days,
            ),
            bus=bus,
            announcer=Announcer(settings.kafka, bus),
        )
        undo.pop_all()  # from here on `Parts.close` does it
    return parts
