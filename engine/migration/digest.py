"""Digests of streams: several in one pass, large pieces hashed in threads.

`ALGORITHMS` maps a name to a maker of hash objects; a new algorithm is one line there. Digests
are lower-case hex everywhere.
"""

import asyncio
import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import google_crc32c

from engine.crc32c import combined
from engine.errors import UsageError

PIECE = 1024**2  # from here on a thread hop costs less than it frees the loop
_TAIL = 256 * 1024  # a rest this small is hashed where it is
_HARDWARE = google_crc32c.implementation == "c"
_FEW = 16 * 1024
_QUIET = 2047
MULTIPART_MD5 = "md5-multipart"  # the ETag of a multipart upload; evidence of a read only


class Hash(Protocol):
    """What a digest object can do."""

    def update(self, data: bytes, /) -> object: ...

    def hexdigest(self) -> str: ...


class Crc32c:
    """CRC-32C (Castagnoli), big-endian hex."""

    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = google_crc32c.extend(self._value, data)

    def append(self, digest: str, length: int) -> None:
        """Add `length` bytes that are known by their CRC only."""
        self._value = combined(self._value, int(digest, 16), length)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


class Crc32:
    """CRC-32 as zip files have it, big-endian hex. The SDKs of Amazon send it by default."""

    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


class Crc64Nvme:
    """CRC-64/NVME, big-endian hex: what Amazon computes of every object that came without one."""

    __slots__ = ("_extend", "_value")

    def __init__(self) -> None:
        from awscrt.checksums import crc64nvme  # loads a large library: only where it is needed

        self._extend = crc64nvme
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._extend(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:016x}"


def _blake3() -> Hash:
    from blake3 import blake3

    return blake3()


class MultipartMd5:
    """The ETag of a multipart upload, recomputed: `md5(md5 of each part)-parts`.

    `sizes` are the parts' sizes in bytes, in order.
    """

    __slots__ = ("_inner", "_left", "_md5s", "_sizes")

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = list(sizes)
        self._inner = hashlib.md5(usedforsecurity=False)
        self._left = self._sizes[0]
        self._md5s: list[bytes] = []

    def update(self, data: bytes, /) -> None:
        view = memoryview(data)
        while view:
            piece = view[: self._left] if self._has_next() else view
            self._inner.update(piece)
            view = view[len(piece) :]
            self._left -= len(piece)
            if not self._left and self._has_next():
                self._finish_part()

    def _has_next(self) -> bool:
        return len(self._md5s) + 1 < len(self._sizes)

    def _finish_part(self) -> None:
        self._md5s.append(self._inner.digest())
        self._inner = hashlib.md5(usedforsecurity=False)
        self._left = self._sizes[len(self._md5s)]

    def hexdigest(self) -> str:
        whole = b"".join([*self._md5s, self._inner.digest()])
        return f"{hashlib.md5(whole, usedforsecurity=False).hexdigest()}-{len(self._sizes)}"


ALGORITHMS: dict[str, Callable[[], Hash]] = {
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "blake3": _blake3,
    "crc32c": Crc32c,
    "crc32": Crc32,
    "crc64nvme": Crc64Nvme,
}
CHEAPEST = ("crc64nvme", "crc32c", "crc32", "sha1", "sha256", "md5")  # by CPU a byte
STRONGEST = ("sha256", "sha1", "md5", "crc64nvme", "crc32c", "crc32")


def check_algorithm(name: str) -> str:
    """The name, if it is known. Raises UsageError with the known ones."""
    if name not in ALGORITHMS:
        raise UsageError(
            f"There is no checksum {name!r}.", todo=f"Choose one of {', '.join(ALGORITHMS)}."
        )
    return name


def digest_bytes(data: bytes, algorithm: str) -> str:
    """The digest of bytes in memory."""
    made = ALGORITHMS[algorithm]()
    made.update(data)
    return made.hexdigest()


class StreamDigest:
    """Digests of a stream, fed chunk by chunk; memory is bounded by about two pieces.

    A piece is hashed in a thread while the next one arrives; `update` waits when hashing is
    slower than the stream. CRCs are taken at once: that costs less than the way to a thread.
    With `part_sizes` a multipart ETag is computed as well, under the name `MULTIPART_MD5`.
    """

    def __init__(self, algorithms: Iterable[str], *, part_sizes: Sequence[int] = ()) -> None:
        self._hashes: dict[str, Hash] = {
            name: ALGORITHMS[check_algorithm(name)]() for name in dict.fromkeys(algorithms)
        }
        if part_sizes:
            self._hashes[MULTIPART_MD5] = MultipartMd5(part_sizes)
        every = self._hashes.values()
        self._quick = [
            made
            for made in every
            if isinstance(made, (Crc64Nvme, Crc32)) or (_HARDWARE and isinstance(made, Crc32c))
        ]
        self._slow = [made for made in every if made not in self._quick]
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._work: asyncio.Future[None] | None = None

    async def update(self, chunk: bytes) -> None:
        """Add the next bytes."""
        for made in self._quick:
            made.update(chunk)
        if not self._slow:
            return
        self._pieces.append(chunk)
        self._waiting += len(chunk)
        if self._waiting >= PIECE:
            await self._join()
            pieces, self._pieces, self._waiting = self._pieces, [], 0
            loop = asyncio.get_running_loop()
            self._work = loop.run_in_executor(None, self._hash, pieces)

    @property
    def combines(self) -> bool:
        """Whether stretches of bytes may be left out whose CRCs are known (`append`)."""
        return all(isinstance(made, Crc32c) for made in self._hashes.values())

    async def append(self, crc32c: str, length: int) -> None:
        """Add `length` bytes by their CRC-32C. Only where `combines`."""
        for made in self._hashes.values():
            assert isinstance(made, Crc32c)
            made.append(crc32c, length)

    async def finish(self) -> Mapping[str, str]:
        """The digests, by algorithm."""
        await self._hash_rest()
        return {name: made.hexdigest() for name, made in self._hashes.items()}

    async def _hash_rest(self) -> None:
        await self._join()
        pieces, self._pieces = self._pieces, []
        if self._waiting > _TAIL:
            await asyncio.to_thread(self._hash, pieces)
        elif self._waiting > _FEW:
            self._hash(pieces)
        else:
            self._hash([part for piece in pieces for part in _cut(piece)])
        self._waiting = 0

    async def _join(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            await work

    def _hash(self, pieces: list[bytes]) -> None:
        for made in self._slow:
            for piece in pieces:
                made.update(piece)


def _cut(piece: bytes) -> list[bytes]:
    """In lengths that are hashed without giving the interpreter's lock away: for a few bytes
    another thread that takes it costs more than they do."""
    return [piece[start : start + _QUIET] for start in range(0, len(piece), _QUIET)]
