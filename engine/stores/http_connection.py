"""One connection to a server: one request at a time, its answer read as it is asked for.

Bytes of a large body are received into a buffer that is used again and again: a chunk is handed on
as a copy of its own, so that nobody ever reads what the next bytes overwrite. Reading pauses while
a whole chunk waits for its reader. All waiting has a limit, and who is cancelled while
waiting closes the connection (see `HttpClient`).
"""

import asyncio
from collections import deque
from typing import cast

from engine.stores.body import CHUNK
from engine.stores.http_wire import HEAD_LIMIT, Chunked, Head, WireError, read_head

_SCRATCH = 16 * 1024  # bytes for heads and small bodies
_PIECES = 256 * 1024  # the same while a body of unknown length arrives
_WRITE_AHEAD = 512 * 1024  # bytes in memory that the server has not taken yet


_spare: list[
    bytearray
] = []  # receive buffers of CHUNK bytes that nobody uses; of the loop's thread
_SPARES = 8


class Truncated(ConnectionError):
    """The connection ended in the middle of a body."""


class Connection(asyncio.BufferedProtocol):
    """Used by `Pool` and `HttpClient`; every error is one of asyncio, OSError or WireError."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.idle_since = 0.0
        self.head: Head | None = None  # of the present answer, once it is there
        self.ended = True  # the present answer is there to its end
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._error: Exception | None = None
        self._closed = self._loop.create_future()
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0  # 0 while nobody waits
        self._patience = 0.0
        self._unsent = 0
        self._scratch = bytearray(_SCRATCH)
        self._have = 0  # bytes in scratch
        self._chunks: deque[bytes] = deque()
        self._filling: bytearray | None = None
        self._room = 0  # bytes of the chunk that is being received
        self._filled = 0
        self._left = 0  # bytes of the body still to come, -1 unknown
        self._chunked: Chunked | None = None
        self._pieces: list[bytes] = []
        self._gathered = 0
        self._bodiless = False
        self._reading_paused = False
        self._writing_paused = False
        self._sent = True

    # -- asking -------------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Whether another request can be sent: all is sent, all is read, nobody hung up."""
        return (
            self.ended
            and self._sent
            and self._error is None
            and self._transport is not None
            and not self._transport.is_closing()
            and not self._have
            and not self._chunks
            and (self.head is None or self.head.keeps_open)
        )

    def begin(self, data: bytes, *, bodiless: bool, more: bool) -> None:
        """Send a head, or a whole request; with `more` its body follows by `send`.

        `bodiless`: the answer has no body, whatever it says (HEAD).
        """
        self.head = None
        self.ended = False
        self._bodiless = bodiless
        self._sent = not more
        self._transported().write(data)

    async def send(self, piece: bytes | memoryview, patience: float) -> bool:
        """Send some of the body; False once the server has answered and wants no more."""
        if self.head is not None:
            return False
        if self._error is not None:
            raise self._error
        self._transported().write(piece)
        while self._writing_paused and self.head is None:
            await self._wait(patience)
        return self.head is None

    def sent(self) -> None:
        """The request is complete."""
        self._sent = True

    async def answered(self, patience: float) -> Head:
        """Wait for the head of the answer, as long as `patience` seconds without a byte."""
        while self.head is None:
            await self._wait(patience)
        return self.head

    def at_hand(self) -> bytes | None:
        """The whole body, if it has come already and is in one piece."""
        if not self.ended or len(self._chunks) > 1:
            return None
        return self._chunks.popleft() if self._chunks else b""

    async def next_chunk(self, patience: float) -> bytes:
        """The next bytes of the body: up to 1 MiB, b"" at its end. Raises Truncated."""
        while not self._chunks:
            if self.ended:
                return b""
            await self._wait(patience)
        chunk = self._chunks.popleft()
        if self._reading_paused and not self._chunks and self._error is None:
            self._reading_paused = False
            self._transported().resume_reading()
        return chunk

    def close(self) -> None:
        """Hang up at once."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()

    async def closed(self) -> None:
        """Wait until the socket is closed."""
        if self._transport is not None:
            await self._closed

    # -- waiting ------------------------------------------------------------------------

    async def _wait(self, patience: float) -> None:
        """Until something changes. Raises what went wrong, TimeoutError after `patience`."""
        if self._error is not None:
            raise self._error
        self._patience = patience
        self._deadline = self._loop.time() + patience
        self._unsent = self._transported().get_write_buffer_size()
        if self._timer is None or self._timer.when() > self._deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(self._deadline, self._look)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._deadline = 0.0

    def _look(self) -> None:
        """The time may be over. One timer serves many waits: it is rarely the last word."""
        self._timer = None
        if not self._deadline:
            return
        unsent = self._transported().get_write_buffer_size()
        if unsent < self._unsent:  # the server takes what we send, if slowly
            self._unsent = unsent
            self._deadline = self._loop.time() + self._patience
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._look)
        elif self._error is None:
            self._fail(TimeoutError())

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self._wake()
        if self._transport is not None:
            self._transport.abort()

    def _transported(self) -> asyncio.Transport:
        if self._transport is None:
            raise ConnectionError("it was closed")
        return self._transport

    # -- of the transport ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(_WRITE_AHEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.head is not None and self._left == -1 and self._chunked is None and exc is None:
            self._end()  # such a body ends with the connection
        if self._error is None:
            self._error = self._broken(exc)
        self._spare_buffer()
        if not self._closed.done():
            self._closed.set_result(None)
        self._wake()

    def _broken(self, exc: Exception | None) -> Exception:
        if self.head is not None and not self.ended:
            return Truncated(str(exc or "") or "the connection was closed")
        return exc or ConnectionError("the server closed it")

    def eof_received(self) -> bool:
        return False  # the transport closes, and `connection_lost` sees what was missing

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._wake()

    def get_buffer(self, sizehint: int) -> memoryview:
        if self._filling is not None:
            return memoryview(self._filling)[self._filled : self._room]
        return memoryview(self._scratch)[self._have :]

    def buffer_updated(self, nbytes: int) -> None:
        if self._deadline:
            self._deadline = self._loop.time() + self._patience
        try:
            if self._filling is not None:
                self._filled += nbytes
                self._fill()
            else:
                self._have += nbytes
                self._take()
        except WireError as error:
            self._fail(error)

    # -- reading ------------------------------------------------------------------------

    def _take(self) -> None:
        """What came into the scratch buffer."""
        if self.ended:
            raise WireError("an answer to nothing")
        while self.head is None:
            if not self._read_head():
                return
        if self.ended or not self._have:
            return
        data = bytes(memoryview(self._scratch)[: self._have])
        self._have = 0
        if self._left >= 0:
            if len(data) > self._left:
                raise WireError("the body is longer than it said")
            if len(data) == self._left:
                self._left = 0
                self._give(data)
                self._end()
                return
            self._filling = _buffer(self._left)
            self._room = min(self._left, CHUNK)
            while data:  # a first chunk that is shorter than what came with the head
                self._filled = min(len(data), self._room)
                self._filling[: self._filled] = data[: self._filled]
                data = data[self._filled :]
                self._fill()
            return
        if self._chunked is None:
            self._gather([data])
            return
        self._gather(self._chunked.feed(data))
        if self._chunked.done:
            if self._chunked.rest:
                raise WireError("the body is longer than it said")
            self._end()

    def _read_head(self) -> bool:
        """Whether the scratch buffer held a head, of this answer or of an interim one."""
        scratch = self._scratch
        end = scratch.find(b"\r\n\r\n", 0, self._have)
        if end < 0:
            if not scratch.startswith(b"HTTP/1."[: self._have]):
                raise WireError("it does not begin with a status")
            if self._have == len(scratch):
                if self._have >= HEAD_LIMIT:
                    raise WireError("its headers are too long")
                self._scratch = scratch + bytearray(len(scratch))
            return False
        head = read_head(scratch[:end])
        rest = self._have - end - 4
        if rest:
            scratch[:rest] = scratch[end + 4 : self._have]
        self._have = rest
        if 100 <= head.status < 200:
            if head.status == 101:
                raise WireError("it changed the protocol")
            return bool(rest)
        self.head = head
        self._begin_body(head)
        self._wake()
        return True

    def _begin_body(self, head: Head) -> None:
        self._chunked = None
        if self._bodiless or head.status in (204, 304):
            self._left = 0
        elif head.chunked:
            self._left, self._chunked = -1, Chunked()
        elif head.length is None:
            self._left = -1
            head.keeps_open = False
        else:
            self._left = head.length
        if self._left == 0:
            if self._have:
                raise WireError("an answer has more than it said")
            self._end()
        elif self._left < 0 and len(self._scratch) < _PIECES:
            self._scratch = self._scratch + bytearray(_PIECES - len(self._scratch))

    def _fill(self) -> None:
        """The chunk that is being received has more bytes, and perhaps all."""
        chunk = self._filling
        assert chunk is not None
        if self._filled < self._room:
            return
        self._left -= self._filled
        self._filled = 0
        with memoryview(chunk) as view:
            whole = bytes(view[: self._room])
        self._room = min(self._left, CHUNK)
        self._give(whole)
        if not self._left:
            self._end()

    def _gather(self, pieces: list[bytes]) -> None:
        """Pieces of a body of unknown length."""
        self._pieces += pieces
        self._gathered += sum(map(len, pieces))
        if self._gathered >= CHUNK:
            self._flush()

    def _flush(self) -> None:
        data, self._pieces, self._gathered = b"".join(self._pieces), [], 0
        for start in range(0, len(data), CHUNK):
            self._give(data[start : start + CHUNK])

    def _give(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        awaited = self._waiter is not None and len(self._chunks) == 1
        if self._left and not awaited and not self._reading_paused:
            self._reading_paused = True
            self._transported().pause_reading()
        self._wake()

    def _end(self) -> None:
        self._left = 0
        self._flush()
        self.ended = True
        self._spare_buffer()
        if len(self._scratch) > _SCRATCH:
            self._scratch, self._have = bytearray(_SCRATCH), 0
        self._wake()

    def _spare_buffer(self) -> None:
        """Leave the receive buffer to other connections; nothing is received into it any more."""
        buffer, self._filling = self._filling, None
        if buffer is not None and len(buffer) == CHUNK and len(_spare) < _SPARES:
            _spare.append(buffer)


def _buffer(size: int) -> bytearray:
    """What the next bytes of a body that has so many are received into."""
    if size < CHUNK // 2:
        return bytearray(size)
    return _spare.pop() if _spare else bytearray(CHUNK)
