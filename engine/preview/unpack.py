"""gzip and zstd, from their beginning and within bounds: of time, memory and what comes out."""

import zlib
from typing import NamedTuple

_WINDOW = 8 * 1024**2  # bytes; what RFC 8878 asks every decoder for, and no more
_MEMBERS = 100  # of one file: empty ones give nothing and may be many
_PIECE = 4096  # bytes that are given to zlib at once: what came before damage is kept
_SLICE = 64  # bytes that are given to zstd at once


class Unpacked(NamedTuple):
    """`name` of the compression ("" if there is none), at most `limit` bytes of what is inside;
    `whole` if that is all of what was given; `note` what went wrong, "" if nothing did."""

    name: str
    data: bytes
    whole: bool
    note: str = ""


def unpack(raw: bytes, limit: int) -> Unpacked:
    """Up to `limit` bytes of what is in `raw`, which may end early. Never raises for bad data."""
    if raw.startswith(b"\x1f\x8b\x08"):
        return _gzip(raw, limit)
    if raw.startswith(b"\x28\xb5\x2f\xfd"):
        return _zstd(raw, limit)
    return Unpacked("", raw[:limit], len(raw) <= limit)


def _gzip(raw: bytes, limit: int) -> Unpacked:
    found, rest = bytearray(), raw
    for _ in range(_MEMBERS):
        member, at = zlib.decompressobj(wbits=31), 0
        try:
            while at < len(rest) and not member.eof and len(found) <= limit:
                piece = member.unconsumed_tail + rest[at : at + _PIECE]
                found += member.decompress(piece, limit - len(found) + 1)
                at += _PIECE
        except zlib.error as error:
            if not found:  # it only looked like it
                return Unpacked("", raw[:limit], len(raw) <= limit)
            return Unpacked("gzip", bytes(found[:limit]), False, f"damaged gzip: {error}")
        if len(found) > limit or not member.eof:
            return Unpacked("gzip", bytes(found[:limit]), False)
        rest = (member.unused_data + rest[at:]).lstrip(b"\0")  # tapes are filled up with zeros
        if not rest:
            return Unpacked("gzip", bytes(found), True)
        if not rest.startswith(b"\x1f\x8b"):
            return Unpacked("gzip", bytes(found), False, "other bytes follow the gzip data")
    return Unpacked("gzip", bytes(found), False)


def _zstd(raw: bytes, limit: int) -> Unpacked:
    import zstandard

    decoder = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    found, rest = bytearray(), raw
    for _ in range(_MEMBERS):
        frame, at = decoder.decompressobj(), 0
        try:
            while at < len(rest) and not frame.eof and len(found) <= limit:
                # Three bytes may stand for 128 KiB: little by little, so that little comes out.
                found += frame.decompress(rest[at : at + _SLICE])
                at += _SLICE
        except zstandard.ZstdError as error:
            if not found and "memory" not in str(error):  # it only looked like it
                return Unpacked("", raw[:limit], len(raw) <= limit)
            return Unpacked("zstd", bytes(found[:limit]), False, f"cannot be unpacked: {error}")
        if len(found) > limit or not frame.eof:
            return Unpacked("zstd", bytes(found[:limit]), False)
        rest = frame.unused_data + rest[at:]
        if not rest:
            return Unpacked("zstd", bytes(found), True)
    return Unpacked("zstd", bytes(found), False)
