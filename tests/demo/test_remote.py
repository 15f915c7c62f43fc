"""The demo's engine in a process of its own: it ends with the console, however that ends."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from astra_tui.demo import DemoWorld
from astra_tui.demo_remote import DemoRemote
from engine.errors import AstraError
from engine.model import Address, ListingState
from tests.demo.run import run_program
from tests.demo.waiting import alive, until
from tests.tmux.terminal import descendants

ROOT = Path(__file__).resolve().parents[2]
TARGET = Address("gcp", "cold-data", "models/ranker-v3.bin")


def _events(engine: DemoRemote) -> int:
    return engine.snapshot().kafka.events_total


def _listed(engine: DemoRemote) -> bool:
    clouds = engine.snapshot().clouds
    return bool(clouds) and all(cloud.state is ListingState.READY for cloud in clouds)


async def test_it_has_a_past_and_traffic_and_ends_with_its_console():
    async with DemoWorld() as world:
        engine = DemoRemote(world, rate=20.0)
        try:
            await engine.start()
            pid = engine.pid
            assert pid not in (0, os.getpid())
            for cloud in engine.settings.clouds:
                engine.scan(cloud.name)
            await until(lambda: _listed(engine), "all clouds are listed")
            await until(lambda: _events(engine) > 10, "traffic arrives")
            before = _events(engine)
            engine.burst(200)
            await until(lambda: _events(engine) > before + 150, "a burst arrives")
            past = sum((await engine.inspect(TARGET)).daily_reads)
            assert past > 500

            os.kill(pid, signal.SIGKILL)
            await until(lambda: not engine.attached, "its end is noticed")
            await engine.start()
            assert engine.pid not in (0, pid)
            again = sum((await engine.inspect(TARGET)).daily_reads)
            assert 500 < again < past * 1.5, "the past is taken in once"
        finally:
            last = engine.pid
            await engine.stop()
        assert not alive(last)
        assert alive(world.server_pid)
    assert not world.folder.exists()


async def test_both_processes_end_when_the_console_is_killed(short_path: Path):
    code = (
        "import asyncio\n"
        "from astra_tui.demo import DemoWorld\n"
        "from astra_tui.demo_remote import DemoRemote\n"
        "async def main():\n"
        "    async with DemoWorld() as world:\n"
        "        engine = DemoRemote(world)\n"
        "        await engine.start()\n"
        "        print('up', flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    environ = {**os.environ, "TMPDIR": str(short_path), "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=subprocess.PIPE, env=environ
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"up\n"
        await until(lambda: len(descendants(process.pid)) == 3, "storage, engine, its broker run")
        children = descendants(process.pid)
    finally:
        process.kill()
        await process.wait()
    await until(lambda: not any(map(alive, children)), "engine and storage end")
    await until(lambda: not list(short_path.iterdir()), "the folder is removed")


async def test_an_engine_that_cannot_start_says_why():
    async with DemoWorld() as world:
        await world.ready()
        (world.folder / "engine.sock").mkdir()
        engine = DemoRemote(world)
        try:
            with pytest.raises(AstraError, match="socket"):
                await engine.start()
        finally:
            await engine.stop()


async def test_the_console_loads_nothing_of_the_engines():
    code = "import sys, astra_tui.app, astra_tui.demo_remote; print(*sorted(sys.modules))"
    done = await run_program([sys.executable, "-c", code])
    loaded = set(done.out.split())
    assert "astra_tui.demo_remote" in loaded
    assert "astra_tui.demo_life" not in loaded
    heavy = {"moto", "boto3", "aiohttp", "aiokafka", "numpy", "confluent_kafka"}
    assert not heavy & {name.partition(".")[0] for name in loaded}
