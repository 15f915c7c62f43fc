"""The few facts of an Exif block that help to tell pictures apart (TIFF 6.0, Exif 2.32).

Every offset is checked against the block, every count is bounded, and nothing is followed twice,
so that hostile blocks give few facts or none, in little time.
"""

import struct
from collections.abc import Iterator

_ASCII, _SHORT, _LONG = 2, 3, 4
_ENTRIES = 200  # of one directory
_LONGEST = 64  # characters of a value
_MAKE, _MODEL, _TAKEN, _CHANGED = 0x010F, 0x0110, 0x9003, 0x0132
_EXIF, _GPS = 0x8769, 0x8825


def exif_facts(block: bytes) -> list[tuple[str, str]]:
    """Camera, the time of the picture, and whether it tells where it was taken.

    `block` begins with the TIFF header.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        return []
    found = dict(_directory(block, order, _number(block, order, "I", 4)))
    sub = found.get(_EXIF)
    if isinstance(sub, int):
        found |= {
            tag: value for tag, value in _directory(block, order, sub) if tag not in (_EXIF, _GPS)
        }
    make, model = _text(found.get(_MAKE)), _text(found.get(_MODEL))
    camera = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    facts = [
        ("camera", camera),
        ("taken", _text(found.get(_TAKEN)) or _text(found.get(_CHANGED))),
        ("place", "GPS position in the picture" if _GPS in found else ""),
    ]
    return [(name, value) for name, value in facts if value]


def _text(value: str | int | None) -> str:
    return value if isinstance(value, str) else ""


def _directory(block: bytes, order: str, start: int) -> Iterator[tuple[int, str | int]]:
    """(tag, value) of the texts and single numbers of the directory that begins there."""
    count = _number(block, order, "H", start)
    for index in range(min(count, _ENTRIES)):
        at = start + 2 + 12 * index
        if at + 12 > len(block):
            return
        tag, kind, length = struct.unpack_from(f"{order}HHI", block, at)
        if kind == _ASCII:
            where = at + 8 if length <= 4 else _number(block, order, "I", at + 8)
            raw = block[where : where + min(length, _LONGEST)]
            yield tag, raw.split(b"\0")[0].decode("utf-8", "replace").strip()
        elif kind == _LONG and length == 1:
            yield tag, _number(block, order, "I", at + 8)
        elif kind == _SHORT and length == 1:
            yield tag, _number(block, order, "H", at + 8)


def _number(block: bytes, order: str, kind: str, at: int) -> int:
    """The number there, 0 if the block ends before."""
    size = struct.calcsize(kind)
    if not 0 <= at <= len(block) - size:
        return 0
    value: int = struct.unpack_from(order + kind, block, at)[0]
    return value
