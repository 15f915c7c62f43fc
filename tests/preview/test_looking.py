"""Unpacking within bounds, and what bytes look like."""

import gzip
import json
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from engine.model import PreviewKind
from engine.model.preview import decoded
from engine.preview.kinds import look_at
from engine.preview.unpack import unpack

TEXT = b"line one\nline two\n" * 50


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_packed_text(pack: object) -> None:
    raw = pack(TEXT)  # type: ignore[operator]
    name = "gzip" if raw[:2] == b"\x1f\x8b" else "zstd"
    assert unpack(raw, 5000) == (name, TEXT, True, "")
    assert unpack(raw, 100) == (name, TEXT[:100], False, "")
    found = unpack(raw[:-6], 5000)
    assert TEXT.startswith(found.data)
    assert not found.whole


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_bomb_gives_no_more_than_was_asked_for(pack: object) -> None:
    raw = pack(b"\0" * 50_000_000)  # type: ignore[operator]
    found = unpack(raw, 1000)
    assert (found.data, found.whole) == (b"\0" * 1000, False)


def test_several_members_and_what_follows() -> None:
    raw = gzip.compress(b"one ") + gzip.compress(b"two")
    assert unpack(raw, 100) == ("gzip", b"one two", True, "")
    assert unpack(raw + b"\0" * 20, 100).whole
    assert "follow" in unpack(raw + b"garbage", 100).note
    many = gzip.compress(b"") * 1000
    assert not unpack(many, 100).whole  # given up, not followed to the end


def test_damage_is_told() -> None:
    raw = bytearray(gzip.compress(bytes(range(256)) * 400, 0))
    raw[-6] ^= 0xFF  # the checksum
    found = unpack(bytes(raw), 200_000)
    assert "damaged" in found.note
    assert not found.whole
    assert unpack(b"\x1f\x8b\x08 is only its beginning", 100).name == ""


def test_a_window_that_is_too_large() -> None:
    wide = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    maker = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    raw = maker.compress(TEXT) + maker.flush()
    assert "cannot be unpacked" in unpack(raw, 100).note


@given(st.binary(max_size=300), st.integers(1, 200))
def test_any_bytes_stay_within_bounds(raw: bytes, limit: int) -> None:
    for data in (raw, b"\x1f\x8b\x08\0" + raw, b"\x28\xb5\x2f\xfd" + raw):
        found = unpack(data, limit)
        assert len(found.data) <= limit
        look = look_at(found.data, "k.csv", "", whole=found.whole)
        if look.encoding:
            decoded(found.data, look.encoding, whole=found.whole)


def kind(data: bytes, key: str = "k", content_type: str = "", *, whole: bool = True) -> PreviewKind:
    return look_at(data, key, content_type, whole=whole).kind


def test_kinds() -> None:
    assert kind(b"") is PreviewKind.EMPTY
    assert kind(b"hello\n") is PreviewKind.TEXT
    assert kind(b"\x00\x01\x02") is PreviewKind.BINARY
    assert kind(b'{"a": [1, 2]}') is PreviewKind.JSON
    assert kind(b"[not json at all]") is PreviewKind.TEXT
    assert kind(b'[{"a": 1}, {"a"', "k.json", whole=False) is PreviewKind.JSON
    assert kind(b"[" * 100_000, "k.json") is PreviewKind.TEXT  # nested too deep
    assert kind(json.dumps({"x": "é"}).encode(), "k", "application/json") is PreviewKind.JSON
    assert kind(zlib.compress(TEXT)) is PreviewKind.BINARY
    assert kind(b"esc \x1b[31mred\x1b[0m and more of it") is PreviewKind.TEXT


def test_tables_and_their_delimiters() -> None:
    table = b"a;b;c\n1;2,5;x\n2;3,5;y\n"
    assert look_at(table, "t.csv", "", whole=True).delimiter == ";"
    assert look_at(table.replace(b";", b"\t"), "t.tsv", "", whole=True).delimiter == "\t"
    assert look_at(b"a,b\n1,2\n", "noname", "text/csv", whole=True).delimiter == ","
    assert kind(b"just words\nin lines\n", "t.csv") is PreviewKind.TEXT
    assert kind(b"a,b\n1,2\n", "notes.txt") is PreviewKind.TEXT
    assert look_at(b"a,b\n1,2\n", "t.csv.gz", "", whole=True).delimiter == ","


@pytest.mark.parametrize(
    ("data", "encoding", "guessed"),
    [
        ("größe".encode(), "utf-8", False),
        ("größe".encode("utf-8-sig"), "utf-8-sig", False),
        ("größe".encode("utf-16"), "utf-16", False),
        ("größe".encode("utf-32"), "utf-32", False),
        ("größe, naïve".encode("cp1252"), "cp1252", True),
        (b"caf\xe9 \x81 words", "latin-1", True),
    ],
)
def test_encodings(data: bytes, encoding: str, guessed: bool) -> None:
    look = look_at(data, "k.txt", "", whole=True)
    assert (look.kind, look.encoding, look.guessed) == (PreviewKind.TEXT, encoding, guessed)
    assert decoded(data, encoding, whole=True).strip("\ufeff")


def test_a_character_cut_in_two_is_no_damage() -> None:
    data = "漢字".encode()[:-1]
    look = look_at(data, "k", "", whole=False)
    assert look.encoding == "utf-8"
    assert decoded(data, "utf-8", whole=False) == "漢"
