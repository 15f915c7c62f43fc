"""The demo's engine as the console sees it: behind a socket, and gone when the console is left."""

import asyncio
import os
import subprocess
import sys
import tempfile
from typing import IO

from astra_tui.demo import DemoWorld, environment
from astra_tui.demo_order import Order
from astra_tui.engine_process import answering
from engine.errors import StateError
from engine.model import NoticeLevel
from engine.service.place import socket_path
from engine.service.remote import RemoteEngine

_END_SECONDS = 30.0  # running requests end or roll back meanwhile


class DemoRemote(RemoteEngine):
    """An engine's process for a world that is open. `rate` in events a second; 0 sends none."""

    def __init__(self, world: DemoWorld, *, rate: float = 5.0) -> None:
        super().__init__(world.settings, socket_path(world.folder), self._begin)
        self._world = world
        self._rate = rate
        self._first_time = world.first_time
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The engine's process, 0 if there is none."""
        return self._process.pid if self._process is not None else 0

    async def stop(self) -> None:
        """Let the engine's process end: a demo goes on for nobody. Safe to call twice."""
        await super().stop()
        await self._leave()

    async def end(self) -> None:
        """The same."""
        await self.stop()

    def burst(self, count: int) -> None:
        """Let so many accesses happen at once."""
        self._say(f"burst {count}")

    # -- the process ----------------------------------------------------------------------

    async def _begin(self) -> None:
        """Start it and wait until it answers."""
        await self._leave()  # what is left of one that died
        clouds = self.settings.clouds
        order = Order(
            folder=str(self._world.folder),
            ports={cloud.name: self._world.port(cloud.name) for cloud in clouds},
            held=self._world.held,
            first_time=self._first_time,
            rate=self._rate,
        )
        self._first_time = False  # one that is started again finds the past in the state file
        with tempfile.TemporaryFile() as told:
            process = await asyncio.to_thread(_start, order, told)
            self._process = process
            await answering(process, self._path, told)
        self._waiting = asyncio.create_task(self._tell_ready(), name="demo-ready")

    async def _tell_ready(self) -> None:
        try:
            await self._world.ready()
        except StateError as error:
            self.tell(NoticeLevel.ERROR, error.what, error.todo)
        else:
            self._say("ready")

    async def _leave(self) -> None:
        """Let the process end, and wait for it."""
        if self._waiting is not None:
            self._waiting.cancel()
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(_end, process)

    def _say(self, text: str) -> None:
        process = self._process
        if process is None or process.stdin is None or process.poll() is not None:
            return
        try:
            process.stdin.write(text.encode() + b"\n")
        except BrokenPipeError:
            return  # it has ended, and the console says so


def _start(order: Order, told: IO[bytes]) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "astra_tui.demo_engine"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=told,
        bufsize=0,
        pass_fds=[order.held],
        start_new_session=True,  # the terminal's signals are not for it
        env=environment(dict(os.environ)),
    )
    assert process.stdin is not None
    process.stdin.write(order.to_json().encode() + b"\n")
    return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
