"""The life of an engine's process: serve until it is asked to stop, or nobody needs it."""

import asyncio
import logging
from collections.abc import Callable

from engine.engine import Engine
from engine.model import Snapshot
from engine.service.place import socket_path
from engine.service.server import Server
from engine.settings import EngineSettings

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_AT_WORK = ("queued", "restoring", "copying", "verifying", "switching")


async def serve(
    settings: EngineSettings,
    *,
    idle_stop: float | None,
    stopping: asyncio.Event,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Run an engine on its socket until `stopping` is set.

    After `idle_stop` seconds (None: never) without a console, a call or an unfinished job that
    is not paused it stops by itself. Raises StateBusy if the state directory is taken.
    """
    async with Engine(settings) as engine:
        await serve_engine(engine, idle_stop=idle_stop, stopping=stopping, on_ready=on_ready)


async def serve_engine(
    engine: Engine,
    *,
    idle_stop: float | None,
    stopping: asyncio.Event,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """The same for an engine that is started already, and stays so."""
    server = Server(engine, stopping.set)
    async with server.listening(socket_path(engine.settings.state_dir)):
        log.info("the engine serves; state in %s", engine.settings.state_dir)
        on_ready()
        await _needed(engine, server, idle_stop, stopping)
        log.info("the engine ends")


async def _needed(
    engine: Engine, server: Server, idle_stop: float | None, stopping: asyncio.Event
) -> None:
    """Until it is asked to stop, or was idle for long enough."""
    loop = asyncio.get_running_loop()
    since = loop.time()
    while not stopping.is_set():
        if server.attached or server.busy or at_work(engine.snapshot()):
            since = loop.time()
        elif idle_stop is not None and loop.time() - since >= idle_stop:
            log.info("nobody needed the engine for %.0f seconds", idle_stop)
            return
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await stopping.wait()
        except TimeoutError:
            continue


def at_work(snapshot: Snapshot) -> int:
    """Unfinished jobs that are not paused."""
    return sum(snapshot.count(state) for state in _AT_WORK)
