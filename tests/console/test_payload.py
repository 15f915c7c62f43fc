"""Payloads as lines: JSON as it was written, text, bytes; hostile ones are bounded."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_tui.payload import MOST_BYTES, deepest, payload_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@given(st.lists(VALUES) | st.dictionaries(st.text(), VALUES), st.booleans())
def test_json_laid_out_is_the_same_json(value: object, ascii_only: bool) -> None:
    text, kind = payload_text(json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "replace"))
    assert kind == "JSON"
    again = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "replace")
    assert json.loads(text) == json.loads(again)


def test_it_is_laid_out_as_it_was_written() -> None:
    raw = b'{"a":1e400,"a":1.10,"b":[],"c":{},"d":[{"e":"{[,:]}"},2]}'
    text, kind = payload_text(raw)
    assert kind == "JSON"
    assert text.split("\n") == [
        "{",
        '  "a": 1e400,',
        '  "a": 1.10,',
        '  "b": [],',
        '  "c": {},',
        '  "d": [',
        "    {",
        '      "e": "{[,:]}"',
        "    },",
        "    2",
        "  ]",
        "}",
    ]


@pytest.mark.parametrize(
    ("raw", "kind", "begins"),
    [
        (b"", "nothing", ""),
        (b"plain words", "text", "plain words"),
        (b'"a text alone"', "text", '"a'),
        (b"{broken", "text", "{broken"),
        ("dé\njà".encode(), "text", "dé\njà"),
        (b"\x00\x01\xff", "bytes", "000000  00 01 ff"),
        (b"\x1b[2J\x07", "bytes", "000000  1b 5b 32 4a 07"),
        (b"\xff" * 40, "bytes", "000000  ff ff"),
    ],
)
def test_what_a_payload_is(raw: bytes, kind: str, begins: str) -> None:
    text, found = payload_text(raw)
    assert (found, text[: len(begins)]) == (kind, begins)


def test_a_beginning_that_ends_inside_a_character_is_text_all_the_same() -> None:
    raw = "é".encode() * 100
    assert payload_text(raw[:-1], len(raw)) == ("é" * 99, "text")
    assert payload_text(raw[:-1])[1] == "bytes"


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 60_000 + b"]" * 60_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b"[" * MOST_BYTES,
        b"[" + b"1" * 100_000 + b"]",
        b"[" + b"0," * 100_000 + b"0]",
        b'["' + b'\\"' * 100_000 + b'"]',
    ],
)
def test_hostile_payloads_stay_small(raw: bytes) -> None:
    text, _ = payload_text(raw)
    assert len(text) < 40 * len(raw)


def test_depth_counts_brackets() -> None:
    assert deepest("[[{}]]") == 3
    assert deepest("]]]") == 0
