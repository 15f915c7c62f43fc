"""Request bodies of known length, given piece by piece and counted."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable

from engine.errors import TruncatedBody

CHUNK = 1024**2


class Pieces:
    """Bytes in memory that are sent one piece after the other, and never joined for that."""

    __slots__ = ("pieces", "size")

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = tuple(pieces)
        self.size = sum(map(len, self.pieces))

    def __len__(self) -> int:
        return self.size


def pieces_of(data: bytes | Pieces) -> tuple[bytes, ...]:
    """The bytes in the pieces in which they are in memory."""
    return data.pieces if isinstance(data, Pieces) else (data,)


class Body:
    """`size` bytes from `source`. The last piece is held back until the count is known right.

    A body that comes out too short or too long therefore never arrives whole, and the server
    cannot take it for the object. `failure` is what went wrong with the source while it was
    sent, `given` the bytes handed out so far.
    """

    def __init__(self, source: AsyncIterator[bytes], size: int, *, at: str = "") -> None:
        self.size = size
        self.given = 0
        self.failure: Exception | None = None
        self._at = at
        self._guard: asyncio.Timeout | None = None
        self._pieces = self._counted(source)
        self._first: bytes | None = None

    @classmethod
    def of(cls, data: bytes | Pieces) -> "Body":
        """Bytes at hand, in pieces that do not block the loop for long."""
        return cls(_slices(data), len(data))

    async def whole(self) -> bytes:
        """Everything at once. Raises TruncatedBody if it is not `size` bytes."""
        return b"".join([piece async for piece in self._pieces])

    async def prime(self) -> None:
        """Have the first piece ready before anything is sent.

        Some servers make an empty object of a request that ends before its first byte.
        """
        self._first = await anext(self._pieces, b"")

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The pieces, once `prime` was called; `given` counts them."""
        try:
            piece = self._first
            while piece:
                self.given += len(piece)
                yield piece
                piece = await anext(self._pieces, b"")
        except Exception as error:
            self.failure = error
            raise

    async def guarded(self, guard: asyncio.Timeout, limit: float) -> AsyncGenerator[bytes, None]:
        """The pieces; `guard` runs out when the server takes none of them for `limit` seconds."""
        loop = asyncio.get_running_loop()
        self._guard = guard
        try:
            piece = self._first
            while piece:
                self.given += len(piece)
                guard.reschedule(loop.time() + limit)
                yield piece
                piece = await anext(self._pieces, b"")
        except Exception as error:
            self.failure = error
            raise
        finally:
            guard.reschedule(None)  # from here on the read timeout of the answer holds

    async def _counted(self, source: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        count, held = 0, b""
        while True:
            if self._guard is not None:
                self._guard.reschedule(None)  # a slow source is not the server's fault
            piece = await anext(source, None)
            if piece is None:
                break
            count += len(piece)
            if count > self.size:
                raise self._wrong(count)
            if held:
                yield held
            held = piece
        if count != self.size:
            raise self._wrong(count)
        if held:
            yield held

    def _wrong(self, count: int) -> TruncatedBody:
        return _wrong(count, self.size, self._at)


async def whole_of(source: AsyncIterator[bytes], size: int, *, at: str) -> bytes:
    """A small body at once. Raises TruncatedBody if it is not `size` bytes."""
    count, pieces = 0, list[bytes]()
    async for piece in source:
        count += len(piece)
        if count > size:
            raise _wrong(count, size, at)
        pieces.append(piece)
    if count != size:
        raise _wrong(count, size, at)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _wrong(count: int, size: int, at: str) -> TruncatedBody:
    return TruncatedBody(
        f"{count:,} bytes came to be written where {size:,} were announced.",
        subject=at,
        safe="Nothing was written.",
    )


async def _slices(data: bytes | Pieces) -> AsyncGenerator[bytes, None]:
    for piece in pieces_of(data):
        for start in range(0, len(piece), CHUNK // 2):
            yield piece[start : start + CHUNK // 2]
