"""An HTTP proxy that breaks one upload on request, to show that Astra notices.

It passes every byte on as it came, in both directions. Once armed, it flips a single bit in the
middle of the next upload whose path contains the armed word: what a bad cable, memory or disk
does, and what neither a status code nor a size tells.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import quote

_CHUNK = 256 * 1024
_HEAD_LIMIT = 256 * 1024


@dataclass(frozen=True, slots=True)
class Flip:
    """One bit that was flipped: in which request, and where in its body of `size` bytes."""

    request: str
    position: int
    size: int


class FaultProxy:
    """Listens on a free loopback port and passes requests on to `upstream_port`."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._armed = ""
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0
        self.flips: list[Flip] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", 0, limit=_HEAD_LIMIT
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        server, self._server = self._server, None
        assert server is not None
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await server.wait_closed()

    def arm(self, key: str) -> None:
        """Break the next upload of this key, once."""
        self._armed = quote(key)

    @property
    def armed(self) -> bool:
        return bool(self._armed)

    # -- one connection -----------------------------------------------------------------

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:  # accepted just before the end
            writer.close()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        task.add_done_callback(lambda _: writer.close())  # even if it never got to run

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        except OSError:
            await _close(writer)
            return
        relay = asyncio.create_task(_relay(far_reader, writer))
        try:
            # A connection that breaks on either side is passed on by closing the other.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while await self._request(reader, far_writer):
                    pass
        finally:
            await _close(far_writer)  # which ends the relay
            with contextlib.suppress(OSError):
                await relay
            await _close(writer)

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Pass one request on; False when the client has closed."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return False
        writer.write(head)
        request, headers = _parse(head)
        if "chunked" in headers.get("transfer-encoding", ""):
            await _pass_chunks(reader, writer)
            return True
        size = int(headers.get("content-length", "0"))
        await self._body(reader, writer, size, self._flip_at(request, size))
        return True

    def _flip_at(self, request: str, size: int) -> int:
        """The position of the byte to break, -1 for none; disarms."""
        method, _, target = request.partition(" ")
        path = target.split("?")[0].split(" ")[0]
        if not self._armed or method != "PUT" or not size or self._armed not in path:
            return -1
        self._armed = ""
        self.flips.append(Flip(request, size // 2, size))
        return size // 2

    async def _body(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int, flip_at: int
    ) -> None:
        done = 0
        while done < size:
            data = await reader.read(min(_CHUNK, size - done))
            if not data:
                raise asyncio.IncompleteReadError(b"", size - done)
            if done <= flip_at < done + len(data):
                broken = bytearray(data)
                broken[flip_at - done] ^= 0x01
                data = bytes(broken)
            writer.write(data)
            await writer.drain()
            done += len(data)
        await writer.drain()


def _parse(head: bytes) -> tuple[str, dict[str, str]]:
    """The request line and the headers, their names in lower case."""
    request, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return request, {name.strip().lower(): value.strip().lower() for name, _, value in pairs}


async def _pass_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on a body in chunks, and the trailers after it."""
    while True:
        line = await reader.readuntil(b"\r\n")
        writer.write(line)
        size = int(line.split(b";")[0], 16)
        if size:
            writer.write(await reader.readexactly(size + 2))
            await writer.drain()
            continue
        while (trailer := await reader.readuntil(b"\r\n")) != b"\r\n":
            writer.write(trailer)
        writer.write(b"\r\n")
        await writer.drain()
        return


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass everything on until the sender closes."""
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
