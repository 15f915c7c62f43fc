"""Request bodies of known length, given piece by piece and counted."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from engine.errors import TruncatedBody

CHUNK = 1024**2


class Body:
    """`size` bytes from `source`. The last piece is held back until the count is known right.

    A body that comes out too short or too long therefore never arrives whole, and the server
    cannot take it for the object. `failure` is what went wrong with the source, `given` the
    bytes handed out so far. With `expect100` the server is asked before anything is sent.
    """

    def __init__(
        self, source: AsyncIterator[bytes], size: int, *, at: str = "", expect100: bool = False
    ) -> None:
        self.size = size
        self.given = 0
        self.failure: Exception | None = None
        self.expect100 = expect100
        self._source = source
        self._at = at

    @classmethod
    def of(cls, data: bytes) -> "Body":
        """Bytes at hand, in pieces that do not block the loop for long."""
        return cls(_pieces(data), len(data))

    async def whole(self) -> bytes:
        """Everything at once. Raises TruncatedBody if it is not `size` bytes."""
        return b"".join([piece async for piece in self._counted()])

    async def guarded(self, guard: asyncio.Timeout, limit: float) -> AsyncGenerator[bytes, None]:
        """The pieces; `guard` runs out when the server takes none of them for `limit` seconds."""
        loop = asyncio.get_running_loop()
        guard.reschedule(loop.time() + limit)
        try:
            async for piece in self._counted(guard):
                self.given += len(piece)
                guard.reschedule(loop.time() + limit)
                yield piece
        except Exception as error:
            self.failure = error
            raise
        finally:
            guard.reschedule(None)  # from here on the read timeout of the answer holds

    async def _counted(self, guard: asyncio.Timeout | None = None) -> AsyncGenerator[bytes, None]:
        count, held = 0, b""
        while True:
            if guard is not None:
                guard.reschedule(None)  # a slow source is not the server's fault
            piece = await anext(self._source, None)
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
        return TruncatedBody(
            f"{count:,} bytes came to be written where {self.size:,} were announced.",
            subject=self._at,
            safe="Nothing was written.",
        )


async def _pieces(data: bytes) -> AsyncGenerator[bytes, None]:
    view = memoryview(data)
    for start in range(0, len(data), CHUNK // 2):
        yield bytes(view[start : start + CHUNK // 2])
