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
from engine.service.place import socket_path

_START_SECONDS = 30.0
_LOOK_SECONDS = 0.03
_LONGEST_REASON = 2000


class Launcher:
    """Starts `astra … engine run` on its own; called, it waits until that answers.

    `words` are the global options that lead it to the same configuration. It outlives this
    process and its terminal.
    """

    def __init__(self, state_dir: Path, words: Sequence[str]) -> None:
        self._path = socket_path(state_dir)
        self._words = words
        self._begun: tuple[subprocess.Popen[bytes], IO[bytes]] | None = None

    def begin(self) -> None:
        """Start it now, if no engine seems to run: it gets ready while other things are done."""
        if self._begun is None and not self._path.exists():
            self._begun = self._start()

    async def __call__(self) -> None:
        """Wait until it answers; it is started if it was not. Raises StateError with its own
        words if it ends instead."""
        begun, self._begun = self._begun, None
        if begun is not None and begun[0].poll() is not None and not _words(begun[1]):
            begun[1].close()  # it served, and was killed since
            begun = None
        if begun is None:
            begun = await asyncio.to_thread(self._start)
        process, told = begun
        with told:
            await answering(process, self._path, told)

    def _start(self) -> "tuple[subprocess.Popen[bytes], IO[bytes]]":
        told = tempfile.TemporaryFile()  # noqa: SIM115 - closed by who waited
        # A session of its own: neither the terminal's signals nor its end reach it.
        process = subprocess.Popen(
            [sys.executable, "-m", "astra_tui", *self._words, "engine", "run", "--log-to-file"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=told,
            start_new_session=True,
            env=os.environ,
        )
        return process, told


async def launch(state_dir: Path, words: Sequence[str]) -> None:
    """Start an engine and wait until it answers."""
    await Launcher(state_dir, words)()


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


async def _answers(path: Path) -> bool:
    # An engine is begun before this is loaded.
    from engine.service.link import EngineGone, EngineSilent, connect

    try:
        link = await connect(path)
    except (EngineGone, EngineSilent):
        return False
    await link.close()
    return True


def _failed(told: IO[bytes]) -> StateError:
    """What the process said before it ended."""
    text = _words(told)
    what = text.removeprefix("Error: ") or "The engine ended without a word."
    return StateError(what, todo="" if text else "The log in the state directory may say more.")


def _words(told: IO[bytes]) -> str:
    told.seek(0)
    return told.read(_LONGEST_REASON).decode(errors="replace").strip()
