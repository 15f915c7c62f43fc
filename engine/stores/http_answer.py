"""An answer of a store: read to its end, or with its body still to come."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from engine.errors import BadResponse
from engine.stores.body import CHUNK
from engine.stores.http_errors import wrong_length

_MAX_REPLY = 64 * 1024**2


@dataclass(slots=True)
class Reply:
    """A finished answer; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Source(Protocol):
    """Where the bytes of an answer come from."""

    async def next_bytes(self, count: int) -> bytes:
        """Up to `count` bytes (more of them at once where that is cheaper), b"" at the end."""
        ...


class Incoming:
    """An answer whose body is still to be read. `length` is None where it was not said."""

    def __init__(
        self, status: int, headers: Mapping[str, str], length: int | None, source: Source, at: str
    ) -> None:
        self.status = status
        self.headers = headers
        self.length = length
        self._source = source
        self._at = at

    def chunks(self, size: int) -> "Chunks":
        """The body in chunks of 1 MiB. Raises TruncatedBody unless it has `size` bytes."""
        return Chunks(self._source, size, self._at)

    async def exactly(self, size: int) -> bytes:
        """The whole body of a small object. Raises TruncatedBody unless it has `size` bytes."""
        data = await self._source.next_bytes(CHUNK)
        if len(data) != size or await self._source.next_bytes(1):
            pieces = [data]
            got = len(data)
            while got <= size and (piece := await self._source.next_bytes(CHUNK)):
                pieces.append(piece)
                got += len(piece)
            if got != size:
                raise wrong_length(got, size, self._at)
            data = b"".join(pieces)
        return data

    async def whole(self) -> bytes:
        """The body at once; for errors and XML. Raises BadResponse if it is far too long."""
        pieces = []
        left = _MAX_REPLY
        while piece := await self._source.next_bytes(left):
            pieces.append(piece)
            left -= len(piece)
            if left <= 0:
                raise BadResponse("The answer is far too long.", subject=self._at)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Chunks:
    """The body of an answer in chunks of 1 MiB, the last one shorter, counted.

    An incomplete chunk is given only once it is known to be the last.
    """

    __slots__ = ("_at", "_ended", "_got", "_rest", "_size", "_source")

    def __init__(self, source: Source, size: int, at: str) -> None:
        self._source = source
        self._size = size
        self._at = at
        self._got = 0
        self._rest = b""
        self._ended = False

    def __aiter__(self) -> "Chunks":
        return self

    async def __anext__(self) -> bytes:
        pieces, have = [self._rest] if self._rest else [], len(self._rest)
        while have < CHUNK and not self._ended:
            piece = await self._source.next_bytes(CHUNK - have)
            self._got += len(piece)
            self._ended = not piece
            if self._got > self._size or (self._ended and self._got != self._size):
                raise wrong_length(self._got, self._size, self._at)
            pieces.append(piece)
            have += len(piece)
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if not data:
            raise StopAsyncIteration
        self._rest = data[CHUNK:]
        return data[:CHUNK]  # bytes that fit are given as they are, not copied
