"""What the beginning of a picture tells: format, size in pixels, and a few Exif facts.

Only headers are read, nothing is decoded: JPEG (ITU T.81), PNG (third edition), GIF 89a, WebP
(RFC 9649). A picture whose headers lie behind the bytes at hand gives its format alone.
"""

import struct

from engine.preview.exif import exif_facts

Facts = list[tuple[str, str]]

_CHUNKS = 1000  # of one picture
_FRAMES = frozenset(marker for marker in range(0xC0, 0xD0) if marker not in (0xC4, 0xC8, 0xCC))
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # JPEG markers without a length
_PNG_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}


def picture_facts(data: bytes) -> tuple[tuple[str, str], ...]:
    """(name, value) of a picture, () if the bytes are none that is known here.

    The values may be outside strings. Never raises.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        found = [("format", "PNG"), *_png(data)]
    elif data.startswith((b"GIF87a", b"GIF89a")):
        found = [("format", "GIF"), *_gif(data)]
    elif data.startswith(b"\xff\xd8\xff"):
        found = [("format", "JPEG"), *_jpeg(data)]
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        found = [("format", "WebP"), *_webp(data)]
    else:
        return ()
    return tuple(dict(reversed(found)).items())[::-1]  # the first of each name


def _size(width: int, height: int) -> Facts:
    return [("pixels", f"{width} x {height}")] if width and height else []


def _png(data: bytes) -> Facts:
    found: Facts = []
    at = 8
    for _ in range(_CHUNKS):
        if at + 8 > len(data):
            break
        length, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        if name == b"IHDR" and len(body) >= 10:
            width, height, depth, colour = struct.unpack_from(">IIBB", body)
            found += _size(width, height)
            found.append(("colours", f"{depth} bits {_PNG_COLOURS.get(colour, '?')}"))
        elif name == b"eXIf":
            found += exif_facts(body)
        elif name == b"acTL" and len(body) >= 4:
            found.append(("frames", str(struct.unpack_from(">I", body)[0])))
        elif name in (b"IEND", b"IDAT"):
            break
        at += 12 + length
    return found


def _gif(data: bytes) -> Facts:
    return _size(*struct.unpack_from("<HH", data, 6)) if len(data) >= 10 else []


def _jpeg(data: bytes) -> Facts:
    found: Facts = []
    at = 2
    for _ in range(_CHUNKS):
        if at + 4 > len(data) or data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in _ALONE:
            at += 2
            continue
        length = struct.unpack_from(">H", data, at + 2)[0]
        body = data[at + 4 : at + 2 + length]
        if marker in _FRAMES and len(body) >= 6:
            depth, height, width, parts = struct.unpack_from(">BHHB", body)
            found += _size(width, height)
            colours = {1: "grey", 3: "colour", 4: "CMYK"}.get(parts, "?")
            found.append(("colours", f"{depth} bits {colours}"))
            if marker == 0xC2:
                found.append(("coding", "progressive"))
        elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
            found += exif_facts(body[6:])
        elif marker in (0xD9, 0xDA) or length < 2:  # the picture itself begins, or ends
            break
        at += 2 + length
    return found


def _webp(data: bytes) -> Facts:
    found: Facts = []
    at = 12
    for _ in range(_CHUNKS):
        if at + 8 > len(data):
            break
        name, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + length]
        if name == b"VP8X" and len(body) >= 10:
            width = int.from_bytes(body[4:7], "little") + 1
            found += _size(width, int.from_bytes(body[7:10], "little") + 1)
            if body[0] & 0x02:
                found.append(("coding", "animated"))
        elif name == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
            bits = int.from_bytes(body[1:5], "little")
            found += _size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
            found.append(("coding", "lossless"))
        elif name == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
            width, height = struct.unpack_from("<HH", body, 6)
            found += _size(width & 0x3FFF, height & 0x3FFF)
        elif name == b"EXIF":
            found += exif_facts(body.removeprefix(b"Exif\0\0"))
        at += 8 + length + (length & 1)
    return found
