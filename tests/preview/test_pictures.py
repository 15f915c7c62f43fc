"""Facts of pictures: right where headers are whole, few or none where they are not."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.preview.exif import exif_facts
from engine.preview.pictures import picture_facts


def exif(order: str = "<") -> bytes:
    """A TIFF block with a camera, a time in its sub-directory, and a pointer to a position."""

    def entry(tag: int, kind: int, count: int, value: int) -> bytes:
        return struct.pack(order + "HHII", tag, kind, count, value)

    texts = b"FUJIFILM\0X100V\0\0" + b"2026:01:02 03:04:05\0"
    at = 8 + 2 + 4 * 12 + 4 + 2 + 12 + 4
    root = struct.pack(order + "H", 4)
    root += entry(0x010F, 2, 9, at) + entry(0x0110, 2, 6, at + 9)
    root += entry(0x8769, 4, 1, 8 + 2 + 4 * 12 + 4) + entry(0x8825, 4, 1, 8) + b"\0" * 4
    sub = struct.pack(order + "H", 1) + entry(0x9003, 2, 20, at + 16) + b"\0" * 4
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "I", 8) + root + sub + texts


def png() -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", 640, 480, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"eXIf", exif()) + chunk(b"IDAT", b"")
    )


def jpeg() -> bytes:
    def segment(marker: int, body: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body

    frame = struct.pack(">BHHB", 8, 480, 640, 3) + b"\0" * 9
    app = segment(0xE1, b"Exif\0\0" + exif(">"))
    filled = b"\xff" + segment(0xC2, frame)
    return b"\xff\xd8" + segment(0xE0, b"JFIF\0") + app + filled + segment(0xDA, b"")


def webp() -> bytes:
    large = struct.pack("<B3x", 2) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little")
    chunks = b"VP8X" + struct.pack("<I", len(large)) + large
    chunks += b"EXIF" + struct.pack("<I", len(exif())) + exif()
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


LOSSLESS = b"VP8L" + struct.pack("<I", 5) + b"\x2f" + (639 | 479 << 14).to_bytes(4, "little")
LOSSY = b"VP8 " + struct.pack("<I", 10) + b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 640, 480)
SAMPLES = {
    "PNG": png(),
    "JPEG": jpeg(),
    "WebP": webp(),
    "GIF": b"GIF89a" + struct.pack("<HH", 640, 480) + b"\0" * 3,
}


@pytest.mark.parametrize("name", list(SAMPLES))
def test_format_and_pixels(name: str) -> None:
    facts = dict(picture_facts(SAMPLES[name]))
    assert (facts["format"], facts["pixels"]) == (name, "640 x 480")


@pytest.mark.parametrize("chunk", [LOSSLESS, LOSSY])
def test_webp_without_an_extended_header(chunk: bytes) -> None:
    data = b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk
    assert dict(picture_facts(data))["pixels"] == "640 x 480"


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WebP"])
def test_camera_time_and_place(name: str) -> None:
    facts = dict(picture_facts(SAMPLES[name]))
    assert facts["camera"] == "FUJIFILM X100V"
    assert facts["taken"] == "2026:01:02 03:04:05"
    assert "GPS" in facts["place"]


def test_what_is_no_picture() -> None:
    assert picture_facts(b"") == ()
    assert picture_facts(b"RIFF....WAVE") == ()
    assert picture_facts(b"GIF89") == ()


@pytest.mark.parametrize("name", list(SAMPLES))
def test_a_beginning_never_raises(name: str) -> None:
    data = SAMPLES[name]
    for end in range(len(data)):
        picture_facts(data[:end])


def test_a_directory_that_points_at_itself_ends() -> None:
    block = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1)
    block += struct.pack("<HHII", 0x8769, 4, 1, 8) + b"\0" * 4
    assert exif_facts(block) == []


@given(
    st.sampled_from(list(SAMPLES)),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=12),
    st.binary(max_size=40),
)
def test_changed_headers_never_raise_and_tell_little(
    name: str, changes: list[tuple[int, int]], tail: bytes
) -> None:
    data = bytearray(SAMPLES[name])
    for at, value in changes:
        data[at % len(data)] = value
    facts = picture_facts(bytes(data) + tail)
    assert len(facts) <= 12
    assert all(len(value) <= 200 for _, value in facts)


@given(st.binary(max_size=300))
def test_any_exif_block(block: bytes) -> None:
    for data in (block, b"II*\0" + block, b"MM\0*" + block):
        assert len(exif_facts(data)) <= 3
