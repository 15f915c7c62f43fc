"""An engine of another version: told of, and ended so that this one can start."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.service.link import EngineGone, WrongVersion, connect
from engine.service.place import socket_path
from engine.service.replace import end_engine

ROOT = Path(__file__).resolve().parents[2]
OLD = """
import sys
from dataclasses import replace
from engine.service import server
server.PROTOCOL, hello = 1, server.hello
server.hello = lambda config="": replace(hello(config), protocol=1, version="0.0.9")
from astra_tui.cli.entry import run
sys.exit(run(sys.argv[1:]))
"""


@asynccontextmanager
async def old_engine(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A whole engine in a process of its own that says it is an older one."""
    (folder / "data").mkdir()
    config = folder / "astra.toml"
    config.write_text(f'[clouds.a]\nkind = "local"\nroot = "{folder}/data"\n[kafka]\n'
                      'bootstrap = "off"\n')  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OLD, "--config", str(config), "--state", str(folder / "state")),
        *("engine", "run"),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stderr is not None
    assert b"serves" in await process.stderr.readline()
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_an_engine_of_another_version_ends_cleanly_and_makes_room(tmp_path: Path) -> None:
    path = socket_path(tmp_path / "state")
    async with old_engine(tmp_path) as process:
        with pytest.raises(WrongVersion, match=r"0\.0\.9") as told:
            await connect(path)
        assert "--force" in told.value.todo
        assert await end_engine(path) == process.pid
        assert await process.wait() == 0  # it ended by itself, and was not killed
    assert not path.exists()
    with pytest.raises(EngineGone):
        await end_engine(path)


async def test_the_command_ends_it_only_when_told_twice(tmp_path: Path) -> None:
    async with old_engine(tmp_path) as process:

        async def stop(*more: str) -> tuple[int | None, str]:
            command = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "astra_tui", "engine", "stop", *more),
                *("--config", str(tmp_path / "astra.toml"), "--state", str(tmp_path / "state")),
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            _, told = await command.communicate()
            return command.returncode, told.decode()

        code, told = await stop()
        assert code != 0
        assert "--force" in told
        assert process.returncode is None
        code, told = await stop("--force")
        assert (code, await process.wait()) == (0, 0)
        assert str(process.pid) in told
