"""Serving an engine on a Unix socket: calls, streams and the state, to several consoles."""

import asyncio
import logging
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from inspect import isawaitable
from pathlib import Path
from typing import Any

from engine.engine import Engine
from engine.errors import AstraError, StateError
from engine.service.desk import Desk, EngineStatus
from engine.service.methods import Method, method
from engine.service.wire import (
    PROTOCOL,
    Closed,
    Frame,
    Hello,
    Kind,
    failure,
    fingerprint,
    hello,
    pack,
    receive,
    unpack,
)

log = logging.getLogger(__name__)

STATE_SECONDS = 0.25
_CREDIT = 8  # items of a stream that are sent before the other end asked for more
_BACKLOG = 256 * 1024  # bytes not taken yet: the state waits, the newest is sent later
_LARGEST = 64 * 1024  # of the stream's own buffer


class Server:
    """Serves one engine. `attached` counts the consoles that look at it.

    `on_stop` is called when somebody asks the engine to end.
    """

    def __init__(self, engine: Engine, on_stop: Callable[[], None] = lambda: None) -> None:
        self._engine = engine
        self._on_stop = on_stop
        self._since = time.time()
        self._connections: set[_Connection] = set()
        self._tasks: asyncio.TaskGroup | None = None

    @property
    def attached(self) -> int:
        """Consoles that watch; a command that only calls something does not count."""
        return sum(connection.watching for connection in self._connections)

    @property
    def busy(self) -> int:
        """Calls that are being answered."""
        return sum(connection.calls for connection in self._connections)

    def status(self) -> EngineStatus:
        """Who serves, since when, and for whom."""
        own = hello()
        state_dir = str(self._engine.settings.state_dir)
        return EngineStatus(own.pid, own.version, self._since, self.attached, state_dir)

    def stop(self) -> None:
        """Somebody asked for the end."""
        self._on_stop()

    @asynccontextmanager
    async def listening(self, path: Path) -> AsyncIterator[None]:
        """Serve on that path until the block ends; then every connection is closed.

        Only this user may connect. A socket that is there already belongs to an engine that
        died, for the state directory is ours. Raises StateError if the socket cannot be made.
        """
        ears = socket.socket(socket.AF_UNIX)
        try:
            _bind(ears, path)
            server = await asyncio.start_unix_server(self._met, sock=ears, limit=_LARGEST)
        except OSError as error:
            ears.close()
            raise StateError(
                f"The engine's socket cannot be made: {error.strerror}.", subject=str(path)
            ) from error
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                try:
                    yield
                finally:
                    self._tasks = None
                    server.close()
                    for connection in tuple(self._connections):
                        connection.close()
        finally:
            _remove(path)

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks = self._tasks
        if tasks is None or not _same_user(writer):
            writer.close()
            return
        connection = _Connection(self._engine, Desk(self._engine, self), reader, writer)
        self._connections.add(connection)
        task = tasks.create_task(self._attend(connection))
        await asyncio.wait([task])

    async def _attend(self, connection: "_Connection") -> None:
        try:
            await connection.serve()
        finally:
            self._connections.discard(connection)


class _Connection:
    """One console or command."""

    def __init__(
        self,
        engine: Engine,
        desk: Desk,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.watching = False
        self._engine = engine
        self._desk = desk
        self._reader, self._writer = reader, writer
        self._running: dict[int, asyncio.Task[None]] = {}
        self._credit: dict[int, asyncio.Semaphore] = {}

    @property
    def calls(self) -> int:
        return len(self._running)

    def close(self) -> None:
        self._writer.close()

    async def serve(self) -> None:
        """Answer until the other end leaves. Its unfinished calls end with it."""
        try:
            self._send(Kind.HELLO, 0, "", hello(fingerprint(self._engine.settings)))
            await self._read()
        except* Closed as gone:
            log.info("a console left: %s", gone.exceptions[0])
        finally:
            self._writer.close()

    async def _read(self) -> None:
        hello: Hello = unpack(await receive(self._reader), Hello)
        if hello.protocol != PROTOCOL:
            raise Closed(f"it speaks protocol {hello.protocol}, this is {PROTOCOL}")
        async with asyncio.TaskGroup() as tasks:
            try:
                while True:
                    self._take(tasks, await receive(self._reader))
            finally:
                self.watching = False
                for task in tuple(self._running.values()):
                    task.cancel()

    def _take(self, tasks: asyncio.TaskGroup, frame: Frame) -> None:
        number = frame.number
        match frame.kind:
            case Kind.CALL if frame.name == "watch":
                if not self.watching:
                    self.watching = True
                    self._running[number] = tasks.create_task(self._watch())
            case Kind.CALL:
                self._credit[number] = asyncio.Semaphore(_CREDIT)
                task = tasks.create_task(self._answer(frame))
                self._running[number] = task
                task.add_done_callback(lambda _: self._forget(number))
            case Kind.MORE:
                if (credit := self._credit.get(number)) is not None:
                    credit.release()
            case Kind.CANCEL:
                if (running := self._running.get(number)) is not None:
                    running.cancel()
            case _:
                raise Closed(f"it sent a frame of kind {frame.kind}")

    def _forget(self, number: int) -> None:
        self._running.pop(number, None)
        self._credit.pop(number, None)

    async def _answer(self, frame: Frame) -> None:
        number = frame.number
        try:
            called = method(frame.name)
            arguments = unpack(frame, called.arguments)
            given = {name: getattr(arguments, name) for name in arguments.__struct_fields__}
            result = self._target(called)(**given)
            if called.streamed:
                async with aclosing(result) as items:
                    async for item in items:
                        await self._credit[number].acquire()
                        await self._send_all(Kind.ITEM, number, item)
                await self._send_all(Kind.END, number)
            else:
                await self._send_all(Kind.REPLY, number, await _value(result))
        except AstraError as error:
            await self._send_all(Kind.ERROR, number, failure(error))
        except Closed:
            return  # the connection ends, and its reader says so
        except Exception as error:
            log.exception("%s failed", frame.name)
            told = StateError(
                f"The engine failed at this: {type(error).__name__}.",
                safe="No source was deleted unverified.",
                todo="The engine's log has the details.",
            )
            await self._send_all(Kind.ERROR, number, failure(told))

    def _target(self, called: Method) -> Callable[..., Any]:
        owner, _, name = called.name.rpartition(".")
        holder = {"": self._engine, "workspace": self._engine.workspace, "desk": self._desk}[owner]
        found: Callable[..., Any] = getattr(holder, name)
        return found

    async def _watch(self) -> None:
        """Send the state whenever it changed, to an end that takes it."""
        transport = self._writer.transport
        try:
            while not transport.is_closing():
                if transport.get_write_buffer_size() < _BACKLOG:
                    state = self._desk.state()
                    if state is not None:
                        self._send(Kind.STATE, 0, "", state)
                await asyncio.sleep(STATE_SECONDS)
        finally:
            self.watching = False

    async def _send_all(self, kind: Kind, number: int, value: object = None) -> None:
        self._send(kind, number, "", value)
        try:
            await self._writer.drain()
        except OSError as error:
            raise Closed("the connection ended") from error

    def _send(self, kind: Kind, number: int, name: str, value: object) -> None:
        if not self._writer.transport.is_closing():
            self._writer.write(pack(kind, number, name, value))


async def _value(result: Any) -> Any:
    if isawaitable(result):
        waiting: Awaitable[Any] = result
        return await waiting
    return result


def _bind(ears: socket.socket, path: Path) -> None:
    """Bind for this user alone; a few system calls on a socket's file."""
    _remove(path)
    before = os.umask(0o177)
    try:
        ears.bind(str(path))
    finally:
        os.umask(before)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


def _same_user(writer: asyncio.StreamWriter) -> bool:
    """Whether the peer runs as this user, where the system tells; the socket's mode says so too."""
    peer = writer.get_extra_info("socket")
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None or peer is None:
        return True
    _, user, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, option, 12))
    return bool(user == os.getuid())
