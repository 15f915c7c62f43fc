"""The demo world's engine, in a process of its own as the engine of every console is.

Started by `astra_tui.demo_remote` as `python -m astra_tui.demo_engine`; not meant to be run by
hand. The first line on stdin is the order (`Order` as JSON). "ready" says that the storage
answers, so that traffic may begin; `burst N` asks for that many accesses at once. When stdin
ends, because the console closed it or because it died in whatever way, the engine stops as it
does by a signal: running requests end or roll back, and only then is the storage let go.
"""

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path

from astra_tui.demo import world_settings
from astra_tui.demo_life import DemoEngine, DemoLife
from astra_tui.demo_order import Order

NICE = 10  # the console, and whatever else runs here, comes first


class _World:
    """The world as the engine's process knows it."""

    def __init__(self, first_time: bool) -> None:
        self.first_time = first_time
        self.answers = asyncio.Event()

    async def ready(self) -> None:
        await self.answers.wait()


async def work(order: Order, lines: asyncio.StreamReader) -> None:
    """Be the engine until `lines` end or a console asks for the end."""
    from engine.service.process import serve_engine

    stopping, world = asyncio.Event(), _World(order.first_time)
    settings = world_settings(Path(order.folder), order.ports)
    async with (
        DemoEngine(settings) as engine,
        DemoLife(world, engine, rate=order.rate) as life,
    ):
        listening = asyncio.create_task(_obey(lines, world, life, stopping))
        os.nice(NICE)
        gc.freeze()
        try:
            await serve_engine(engine, idle_stop=None, stopping=stopping)
        finally:
            listening.cancel()


async def _obey(
    lines: asyncio.StreamReader, world: _World, life: DemoLife, stopping: asyncio.Event
) -> None:
    """Do what the console says, until it says no more."""
    try:
        while line := await lines.readline():
            match line.decode("ascii", "replace").split():
                case ["ready"]:
                    world.answers.set()
                case ["burst", count] if count.isdigit() and life.traffic is not None:
                    life.traffic.burst(int(count))
    finally:
        stopping.set()


def main() -> None:
    """Take the order and serve."""
    from astra_tui.cli.logs import open_log
    from astra_tui.cli.running import loop_factory

    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the console's to handle
    told = open(sys.stdin.fileno(), "rb", buffering=0)  # noqa: SIM115 - open to the end
    order = Order.from_json(told.readline().decode())
    os.set_inheritable(order.held, False)
    open_log(Path(order.folder), order.log_level, "engine.log")

    async def run() -> None:
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), told
        )
        await work(order, lines)

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run())


if __name__ == "__main__":
    main()
