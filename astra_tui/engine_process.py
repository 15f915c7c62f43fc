"""Starting an engine's process, and finding out why it did not start."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from engine.errors import StateError
from engine.service.link import EngineGone, connect
from engine.service.place import socket_path

_START_SECONDS = 30.0
_LOOK_SECONDS = 0.03
_LONGEST_REASON = 2000


async def launch(state_dir: Path, words: Sequence[str]) -> None:
    """Start `astra … engine run` on its own and wait until it answers.

    `words` are the global options that lead it to the same configuration. It outlives this
    process and its terminal. Raises StateError with its own words if it ends instead.
    """
    path = socket_path(state_dir)
    with tempfile.TemporaryFile() as told:
        process = await asyncio.to_thread(_start, words, told)
        await answering(process, path, told)


async def answering(process: "subprocess.Popen[bytes]", path: Path, told: IO[bytes]) -> None:
    """Wait until an engine that was just started answers on its socket.

    Raises StateError with its own words, which it writes to `told`, if it ends instead.
    """
    try:
        async with asyncio.timeout(_START_SECONDS):
            while not await _answers(path):
                if process.poll() is not None:
                    raise _failed(told)
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        process.terminate()
        raise StateError(
            f"The engine did not answer within {_START_SECONDS:.0f} seconds.",
            safe="Nothing was moved.",
            todo="Try again; the log in the state directory may say more.",
        ) from None


def _start(words: Sequence[str], told: IO[bytes]) -> "subprocess.Popen[bytes]":
    # A session of its own: neither the terminal's signals nor its end reach it.
    return subprocess.Popen(
        [sys.executable, "-m", "astra_tui", *words, "engine", "run", "--log-to-file"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=told,
        start_new_session=True,
        env=os.environ,
    )


async def _answers(path: Path) -> bool:
    try:
        link = await connect(path)
    except EngineGone:
        return False
    await link.close()
    return True


def _failed(told: IO[bytes]) -> StateError:
    """What the process said before it ended."""
    told.seek(0)
    text = told.read(_LONGEST_REASON).decode(errors="replace").strip()
    what = text.removeprefix("Error: ") or "The engine ended without a word."
    return StateError(what, todo="" if text else "The log in the state directory may say more.")
