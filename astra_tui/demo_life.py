"""What gives the demo world its past and its present: history once, then a stream of accesses."""

import asyncio
import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from astra_tui.demo_traffic import Traffic
from demo_data import inventory
from demo_data.history import DAYS, daily_reads
from engine.engine import Engine
from engine.errors import AstraError
from engine.model import Address, KafkaState, NoticeLevel

log = logging.getLogger(__name__)
_LOOK = 0.05  # seconds between looks at an engine that is still starting


def past_accesses(now: float) -> list[tuple[Address, int, int, int]]:
    """(address, day, reads, bytes) of the half year before today, days with reads only."""
    today = int(now // 86_400)
    rows = []
    for item in inventory():
        address = Address(item.cloud, item.bucket, item.key)
        counts = daily_reads(item, today - 1, DAYS)
        for day, reads in enumerate(counts, today - DAYS):
            if reads:
                rows.append((address, day, reads, reads * item.size))
    return rows


class World(Protocol):
    """What life in a demo world has to know of it."""

    @property
    def first_time(self) -> bool:
        """Whether nothing was kept here by an earlier demo."""

    async def ready(self) -> None:
        """Wait until its storage answers."""


class DemoEngine(Engine):
    """The engine, whose end is also the end of the demo's traffic: the broker ends with it."""

    life: "DemoLife | None" = None

    async def stop(self) -> None:
        if self.life is not None:
            await self.life.end()
        await super().stop()

    def tell(self, error: AstraError) -> None:
        """Let the console show what went wrong with the demo itself."""
        self._notices.add(NoticeLevel.ERROR, error.what, error.todo)


class DemoLife:
    """While open: waits for the engine, gives it the past, then sends traffic at `rate` a second.

    `traffic` is there once the broker is; a rate of 0 sends none.
    """

    def __init__(self, world: World, engine: DemoEngine, *, rate: float = 5.0) -> None:
        self.traffic: Traffic | None = None
        self._world = world
        self._engine = engine
        self._rate = rate
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._live(), name="demo-life")
        self._engine.life = self
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.end()

    async def end(self) -> None:
        """Send no more. Safe to call twice."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _live(self) -> None:
        snapshot = self._engine.snapshot
        try:
            await _until(lambda: bool(snapshot().clouds))
            if self._world.first_time:
                await self._engine.import_access(past_accesses(time.time()))
            await self._world.ready()
            await _until(lambda: snapshot().kafka.state is KafkaState.CONNECTED)
        except AstraError as error:
            log.warning("the demo goes on without accesses: %s", error)
            self._engine.tell(error)
            return
        if self._rate > 0:
            topic = self._engine.settings.kafka.access_topic
            async with Traffic(snapshot().kafka.bootstrap, topic, rate=self._rate) as traffic:
                self.traffic = traffic
                await asyncio.Event().wait()


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - an engine that starts has no event to wait for
        await asyncio.sleep(_LOOK)
