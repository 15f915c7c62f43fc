"""The console's end of the socket: calls by number, streams, and the state as it comes."""

import asyncio
import itertools
import logging
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

from engine.errors import AstraError, StateError
from engine.service.desk import State
from engine.service.methods import Method, method
from engine.service.wire import (
    PROTOCOL,
    Closed,
    Failure,
    Frame,
    Hello,
    Kind,
    hello,
    pack,
    receive,
    revive,
    unpack,
)

log = logging.getLogger(__name__)

_HELLO_SECONDS = 10.0
_BUFFER = 1024 * 1024


class EngineGone(StateError):
    """The engine's process ended, or was never there."""


class EngineSilent(StateError):
    """Somebody holds the engine's socket and says nothing: it hangs, or it was stopped."""


class WrongVersion(StateError):
    """The engine is of another version of Astra than this console."""


class OtherConfig(StateError):
    """The engine was started with a configuration that names other places."""


class Link:
    """A connection to an engine. `on_state` gets every state; `on_end` is told the end once."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: Hello,
        on_state: Callable[[State], None],
        on_end: Callable[[], None],
    ) -> None:
        self.peer = peer
        self._reader, self._writer = reader, writer
        self._on_state, self._on_end = on_state, on_end
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Queue[Frame | None]] = {}
        self._posts: set[asyncio.Task[None]] = set()
        self.ended = asyncio.Event()
        self._closed = False
        self._task = asyncio.create_task(self._read(), name="engine-link")

    @property
    def open(self) -> bool:
        """Whether the engine is still there."""
        return not self._closed

    async def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the door; raises what it raises, or EngineGone."""
        called = method(name)
        number, answers = self._ask(called, called.bind(*args, **kwargs))
        try:
            frame = await self._next(answers)
        except asyncio.CancelledError:
            self._send(Kind.CANCEL, number)
            raise
        finally:
            del self._answers[number]
        return unpack(frame, called.result)

    async def stream(self, name: str, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        """The items of a streaming method, as fast as they are taken."""
        called = method(name)
        number, answers = self._ask(called, called.bind(*args, **kwargs))
        ended = False
        try:
            while True:
                frame = await self._next(answers)
                if frame.kind == Kind.END:
                    ended = True
                    return
                self._send(Kind.MORE, number)
                yield unpack(frame, called.result)
        except AstraError:
            ended = True
            raise
        finally:
            del self._answers[number]
            if not ended:
                self._send(Kind.CANCEL, number)

    def post(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Call a method whose answer nobody waits for; an error of it goes to the log."""
        called = method(name)
        # Sent at once: what is called afterwards comes after it in the engine, too.
        number, answers = self._ask(called, called.bind(*args, **kwargs))
        task = asyncio.get_running_loop().create_task(self._posted(called, number, answers))
        self._posts.add(task)
        task.add_done_callback(self._posts.discard)

    async def _posted(
        self, called: Method, number: int, answers: "asyncio.Queue[Frame | None]"
    ) -> None:
        try:
            await self._next(answers)
        except AstraError as error:
            log.warning("%s: %s", called.name, error)
        finally:
            del self._answers[number]

    def watch(self) -> None:
        """Let the state come from now on."""
        self._send(Kind.CALL, next(self._numbers), "watch")

    async def close(self) -> None:
        """Leave; the engine goes on. Safe to call twice."""
        self._task.cancel()
        await asyncio.wait([self._task])
        self._end()

    # -- inside -------------------------------------------------------------------------

    def _ask(self, called: Method, arguments: Any) -> tuple[int, "asyncio.Queue[Frame | None]"]:
        if self._closed:
            raise gone()
        number = next(self._numbers)
        answers = self._answers[number] = asyncio.Queue[Frame | None]()
        self._send(Kind.CALL, number, called.name, arguments)
        return number, answers

    async def _next(self, answers: "asyncio.Queue[Frame | None]") -> Frame:
        frame = await answers.get()
        if frame is None:
            raise gone()
        if frame.kind == Kind.ERROR:
            raise revive(unpack(frame, Failure))
        return frame

    def _send(self, kind: Kind, number: int, name: str = "", value: object = None) -> None:
        if not self._closed and not self._writer.transport.is_closing():
            self._writer.write(pack(kind, number, name, value))

    async def _read(self) -> None:
        try:
            while True:
                frame = await receive(self._reader)
                if frame.kind == Kind.STATE:
                    self._on_state(unpack(frame, State))
                elif (answers := self._answers.get(frame.number)) is not None:
                    answers.put_nowait(frame)
        except Closed as error:
            log.info("the engine is gone: %s", error)
        finally:
            self._end()

    def _end(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.ended.set()
        self._writer.close()
        for answers in self._answers.values():
            answers.put_nowait(None)
        self._on_end()


async def connect(
    path: Path,
    on_state: Callable[[State], None] = lambda state: None,
    on_end: Callable[[], None] = lambda: None,
) -> Link:
    """Reach the engine behind that socket.

    Raises EngineGone if nobody is there, EngineSilent if it is and does not answer, WrongVersion
    if it speaks another protocol.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=_BUFFER)
    except OSError as error:
        raise gone() from error
    try:
        async with asyncio.timeout(_HELLO_SECONDS):
            writer.write(pack(Kind.HELLO, 0, "", hello()))
            frame = await receive(reader)
            peer: Hello = unpack(frame, Hello)
    except Closed as error:
        writer.close()
        raise gone() from error
    except TimeoutError as error:
        writer.close()
        raise EngineSilent(
            f"The engine's process is there and did not answer within {_HELLO_SECONDS:.0f} s.",
            subject=str(path),
            safe="No source was deleted unverified; unfinished jobs go on from the ledger.",
            todo="Wait a little, or end it with `astra engine stop --force`.",
        ) from error
    except BaseException:
        writer.close()
        raise
    if frame.kind != Kind.HELLO or peer.protocol != PROTOCOL:
        writer.close()
        raise WrongVersion(
            f"The engine that runs (process {peer.pid}) is Astra {peer.version},"
            f" this is {hello().version}.",
            safe="Its jobs go on.",
            todo="End it with `astra engine stop --force` and start this one; its jobs wait for"
            " `astra resume`.",
        )
    return Link(reader, writer, peer, on_state, on_end)


def gone() -> EngineGone:
    """No engine answers."""
    return EngineGone(
        "The engine's process does not answer.",
        safe="No source was deleted unverified; unfinished jobs go on from the ledger.",
        todo="Start it again.",
    )
