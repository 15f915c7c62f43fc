"""Bytes as lines: nothing is lost, nothing is too wide, nothing reaches the terminal raw."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.model import Address, Preview, PreviewKind, Tier, VersionPin
from widgets.preview_lines import MOST_LINES, body_lines, indented
from widgets.text import fold

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


def preview(data: bytes, kind: PreviewKind, **more: object) -> Preview:
    place = Address("aws", "b", "k")
    return Preview(place, VersionPin("e"), "STANDARD", Tier.HOT, len(data), kind=kind, data=data,
                   read=len(data), whole=True, encoding="utf-8", **more)  # type: ignore[arg-type]  # fmt: skip


def plain(cell: object) -> str:
    parts = cell if isinstance(cell, list) else [cell]
    return "".join(part if isinstance(part, str) else part[0] for part in parts)


@given(JSON)
def test_json_keeps_its_meaning(value: object) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=3)):
        assert json.loads("\n".join(indented(text))) == value


@given(JSON, st.integers(0, 60))
def test_json_that_ends_early_is_shown_as_far_as_it_goes(value: object, end: int) -> None:
    text = json.dumps(value)[:end]
    shown = "".join("".join(indented(text)).split())
    assert len(shown) >= len("".join(text.split())) - text.count("\\u") * 6


def test_deep_nesting_and_long_strings() -> None:
    assert len(list(indented("[" * 5000))) == 5000
    assert "".join(indented('"' + "x" * 100_000)) == '"' + "x" * 100_000


@given(st.text(max_size=200), st.integers(2, 40))
def test_a_fold_loses_nothing_and_fits(raw: str, width: int) -> None:
    lines = fold(raw, width)
    text = ["".join(run for run, _ in runs) for runs in lines]
    assert all(cell_len(line) <= max(width, 10) for line in text)
    assert all(line.isprintable() for line in text)
    if raw.isascii() and raw.isprintable() and raw.strip() == raw:
        assert "".join(text) == raw


@given(st.binary(max_size=400), st.sampled_from(list(PreviewKind)), st.integers(0, 5))
def test_any_bytes_can_be_laid_out(data: bytes, kind: PreviewKind, column: int) -> None:
    for line in body_lines(preview(data, kind, delimiter=","), 60, column=column):
        text = plain(line)
        assert text.isprintable()
        assert cell_len(text) <= 80


def test_no_more_lines_than_can_be_read() -> None:
    assert len(body_lines(preview(b"\n" * 60_000, PreviewKind.TEXT), 80)) == MOST_LINES + 1
    table = preview(b"a,b\n" * 60_000, PreviewKind.TABLE, delimiter=",")
    assert len(body_lines(table, 80)) <= MOST_LINES + 2
    assert len(body_lines(preview(b"x" * 262_144, PreviewKind.BINARY), 80)) == MOST_LINES + 1


def test_a_table_stands_in_columns() -> None:
    data = b'name,amount\n"a, b",1.50\nlonger name,23\n'
    lines = [
        plain(cell) for cell in body_lines(preview(data, PreviewKind.TABLE, delimiter=","), 80)
    ]
    assert lines == ["name         amount", "a, b           1.50", "longer name      23"]


def test_a_table_that_is_cut_leaves_its_last_row_out() -> None:
    cut = preview(b"a,b\n1,2\n3,", PreviewKind.TABLE, delimiter=",")
    lines = body_lines(replace(cut, whole=False), 80)
    assert [plain(line).split() for line in lines] == [["a", "b"], ["1", "2"]]
