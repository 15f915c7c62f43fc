"""Compression on the way: one pass over the source gives its digests and those of a zstd frame.

The frame is decompressed again as it is made: before its last bytes are sent it is known to hold
exactly the bytes that were read and proved. What is stored describes itself: the frame has the
original size and a checksum in it, and user metadata says what the original was.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace

import zstandard

from engine.errors import DigestMismatch
from engine.migration.digest import ALGORITHMS, PIECE, Hash
from engine.migration.source import SourcePass
from engine.model import ObjectMeta

STORED = "stored:"  # before the names of a record's digests that are those of the frame
_SIZE, _TYPE, _ENCODING = "astra-zstd-size", "astra-zstd-type", "astra-zstd-encoding"
_DIGEST = "astra-zstd-"  # and the name of an algorithm
_TYPE_OF_FRAME = "application/zstd"
_WINDOW = 8 * 1024**2  # bytes that a frame may refer back to; levels up to 19 need no more
_SLICE = 1024  # compressed bytes at a time: they can become 32 MiB at most
_ENOUGH = 4 * 1024**2  # bytes that are given at once
UNPACKING = 40 * 1024**2  # bytes of memory that an unpacker may take


class Damaged(Exception):
    """Bytes that are no whole frame, or hold more than they should."""


class Unpacker:
    """Decompresses a frame bit by bit; counts and hashes what comes out. For threads.

    `size` is what may come out at most. Memory stays bounded whatever the frame says.
    """

    def __init__(self, size: int, algorithms: Iterable[str]) -> None:
        self.count = 0
        self._limit = size
        self._frame = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
        self._hashes: dict[str, Hash] = {name: ALGORITHMS[name]() for name in algorithms}

    def take(self, data: bytes, start: int = 0) -> tuple[list[bytes], int]:
        """What the bytes of the frame from `start` on become, up to some MiB of it, and where to
        go on. Raises Damaged."""
        found, have = [], 0
        while start < len(data) and have < _ENOUGH:
            try:
                out = self._frame.decompress(data[start : start + _SLICE])
            except zstandard.ZstdError as error:
                raise Damaged(f"it cannot be decompressed ({error})") from error
            start += _SLICE
            have += len(out)
            self.count += len(out)
            if self.count > self._limit:
                raise Damaged("more comes out of it than was put in")
            if out:
                found.append(out)
                for made in self._hashes.values():
                    made.update(out)
        return found, start

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the frame; what they become is only counted and hashed."""
        start = 0
        while start < len(data):
            _, start = self.take(data, start)

    def finish(self) -> Mapping[str, str]:
        """Digests of what came out. Raises Damaged unless it was one whole frame of that size."""
        if not self._frame.eof or self._frame.unused_data:
            raise Damaged("it is not one whole frame")
        if self.count != self._limit:
            raise Damaged(f"{self.count:,} of {self._limit:,} bytes come out of it")
        return {name: made.hexdigest() for name, made in self._hashes.items()}


class Packer:
    """Makes a frame of one pass over the source. `size` and `digests` are the frame's, after."""

    def __init__(self, reading: SourcePass, size: int, level: int, names: Iterable[str]) -> None:
        """`size` bytes are read; `names` are the algorithms that frame and source have."""
        names = list(names)
        self.size = 0
        self.digests: Mapping[str, str] = {}
        # What zstd makes of bytes that cannot be made smaller, and a little more.
        self.most = size + size // 128 + 1024
        parameters = zstandard.ZstdCompressionParameters.from_level(
            level, source_size=size, write_checksum=True, write_content_size=True
        )
        self.memory = parameters.estimated_compression_context_size() + min(2 * size, 2 * _WINDOW)
        self._reading = reading
        maker = zstandard.ZstdCompressor(compression_params=parameters)
        self._frame = maker.compressobj(size=size)
        self._stored: dict[str, Hash] = {name: ALGORITHMS[name]() for name in names}
        self._check = Unpacker(size, names)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The frame; its last bytes come once source and frame are proved."""
        waiting: list[bytes] = []
        have = 0
        async with aclosing(self._reading.chunks()) as chunks:
            async for chunk in chunks:
                waiting.append(chunk)
                have += len(chunk)
                if have >= PIECE:
                    out = await asyncio.to_thread(self._pack, waiting, last=False)
                    waiting, have = [], 0
                    if out:
                        yield out
        yield await asyncio.to_thread(self._finish, waiting)

    async def pack(self, data: bytes) -> bytes:
        """The frame of a small object that was read whole."""
        return await asyncio.to_thread(self._finish, [data])

    def _finish(self, chunks: list[bytes]) -> bytes:
        out = self._pack(chunks, last=True)
        try:
            found = self._check.finish()
        except Damaged as error:
            raise self._broken(str(error)) from error
        for name, value in found.items():
            if self._reading.digests[name] != value:
                raise self._broken(f"its {name} becomes {value}")
        self.digests = {name: made.hexdigest() for name, made in self._stored.items()}
        return out

    def _pack(self, chunks: list[bytes], *, last: bool) -> bytes:
        packed = [self._frame.compress(chunk) for chunk in chunks]
        if last:
            packed.append(self._frame.flush())
        out = b"".join(packed)
        self.size += len(out)
        for made in self._stored.values():
            made.update(out)
        try:
            self._check.feed(out)
        except Damaged as error:
            raise self._broken(str(error)) from error
        return out

    def _broken(self, why: str) -> DigestMismatch:
        return DigestMismatch(
            f"What was compressed does not become the original again: {why}.",
            safe="Nothing was completed at the destination and the source is kept.",
            todo="Retry the job; if it happens again, this machine's memory may be damaged, or"
            " move it without --compress.",
        )


def described(meta: ObjectMeta, size: int, digests: Mapping[str, str]) -> ObjectMeta:
    """Metadata of a frame that holds `size` bytes of which these `digests` are known."""
    marks = {_SIZE: str(size)}
    marks |= {_TYPE: meta.content_type} if meta.content_type else {}
    marks |= {_ENCODING: meta.content_encoding} if meta.content_encoding else {}
    marks |= {f"{_DIGEST}{name}": value for name, value in digests.items() if name in ALGORITHMS}
    return replace(
        meta,
        content_type=_TYPE_OF_FRAME,
        content_encoding="",
        user=tuple(sorted({**dict(meta.user), **marks}.items())),
    )


def original(meta: ObjectMeta) -> "tuple[ObjectMeta, int, Mapping[str, str]] | None":
    """What `described` was told, None for an object that is not marked. It proves nothing."""
    user = dict(meta.user)
    size = user.pop(_SIZE, "")
    if not size.isdecimal():
        return None
    kept = replace(
        meta,
        content_type=user.pop(_TYPE, ""),
        content_encoding=user.pop(_ENCODING, ""),
    )
    digests = {name: user.pop(f"{_DIGEST}{name}", "") for name in ALGORITHMS}
    kept = replace(kept, user=tuple(sorted(user.items())))
    return kept, int(size), {name: value for name, value in digests.items() if value}


def stored(digests: Mapping[str, str]) -> dict[str, str]:
    """Those digests of a record that are the frame's, by algorithm."""
    found = digests.items()
    return {name[len(STORED) :]: value for name, value in found if name.startswith(STORED)}


def level_of(compress: str) -> int:
    """The level in `zstd:LEVEL`."""
    return int(compress.partition(":")[2])
