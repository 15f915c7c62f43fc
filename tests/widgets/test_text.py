"""Outside strings never reach the screen as they are; values read short."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from tests.widgets.samples import HOSTILE, NOW
from widgets import glyphs
from widgets.text import (
    age_text,
    bytes_text,
    cell_name,
    clock_text,
    count_text,
    date_text,
    duration_text,
    money_text,
    name_text,
    rate_text,
    size_text,
    visible,
    wrap,
)

FORBIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
any_text = st.text(alphabet=st.characters(exclude_categories=()), max_size=80)


def harmless(text: str) -> bool:
    return all(unicodedata.category(char) not in FORBIDDEN for char in text)


@pytest.mark.parametrize("raw", HOSTILE, ids=ascii)
def test_hostile_names_lose_their_power(raw: str) -> None:
    text = name_text(raw)
    assert isinstance(text, Text)
    assert harmless(text.plain)
    assert name_text(raw, width=20).cell_len <= 20
    text.plain.encode()  # no lone surrogate is left


@given(any_text, st.integers(0, 60), st.sampled_from(["middle", "left", "right"]))
def test_any_string_is_harmless_and_fits(raw: str, width: int, cut) -> None:
    text = name_text(raw, width=width, cut=cut)
    assert harmless(text.plain)
    assert text.cell_len <= width
    runs = cell_name(raw, width, cut)
    assert "".join(part for part, _ in runs) == text.plain


@given(any_text)
def test_harmless_without_a_width_and_in_ascii(raw: str) -> None:
    assert harmless(name_text(raw).plain)
    glyphs.use(glyphs.ASCII)
    shown = visible(raw)
    glyphs.use(glyphs.UNICODE)
    assert harmless(shown)
    if raw.isascii():
        assert shown.isascii()


def test_what_each_kind_of_character_becomes() -> None:
    assert visible("a\x1bb\nc\x7f") == "a␛b␊c␡"
    assert visible("\x9b\u202e\u200b") == "⟨9B⟩⟨202E⟩⟨200B⟩"
    assert visible(" a b ") == "␣a b␣"
    assert visible("x\ud800") == "x⟨D800⟩"
    assert visible("a\u00a0b") == "a⟨A0⟩b"
    assert visible("cafe\u0301") == "cafe\u0301"
    assert visible("\u0301x") == "⟨301⟩x"
    assert visible("e" + "\u0301" * 5) == "e" + "\u0301" * 3 + "⟨301⟩" * 2
    assert visible("👍🏽") == "👍⟨1F3FD⟩"


def test_markup_stays_letters() -> None:
    for raw in ("a[red]b", "logs[/]x", "[@click=app.bell]x[/]"):
        assert name_text(raw).plain == raw
        assert not name_text(raw).spans


def test_marks_are_reversed_so_that_no_name_can_imitate_one() -> None:
    real, fake = name_text("a\x1bb"), name_text("a␛b")
    assert real.plain == fake.plain
    assert [span.style for span in real.spans] == ["reverse"]
    assert not fake.spans


def test_cutting_keeps_the_end_and_whole_characters() -> None:
    assert visible("abcdefghijklmnop", width=10) == "abc…klmnop"
    assert visible("abcdefghijklmnop", width=10, cut="left") == "…hijklmnop"
    assert visible("abcdefghijklmnop", width=10, cut="right") == "abcdefghi…"
    assert visible("abc", width=3) == "abc"
    assert visible("abc", width=1) == "…"
    assert visible("abc", width=0) == ""
    wide = visible("漢字テスト", width=6, cut="left")
    assert wide == "…スト"
    assert cell_len(wide) == 5
    # a mark is not torn apart either
    assert visible("\u202e" * 4, width=8, cut="right") == "⟨202E⟩…"


def test_a_megabyte_costs_no_more_than_a_line() -> None:
    text = name_text("\x1b" * 1_000_000 + "end", width=12, cut="left")
    assert text.plain.endswith("end")
    assert text.cell_len == 12


@given(any_text, st.integers(1, 40))
def test_wrapped_lines_fit(raw: str, width: int) -> None:
    for line in wrap(raw, width):
        assert harmless(line)
        assert cell_len(line) <= max(width, 8)  # a mark may be wider than a tiny width


def test_wrap_breaks_between_words() -> None:
    assert wrap("the quick brown fox", 10) == ["the quick", "brown fox"]
    assert wrap("abcdefghijkl mn", 5) == ["abcde", "fghij", "kl mn"]
    assert wrap("a b c d e f", 3, lines=2) == ["a b", "c…"]
    assert wrap("", 10) == []


def test_sizes() -> None:
    cases = [(0, "0"), (999, "999"), (1000, "1.0K"), (2560, "2.5K"), (10 << 20, "10M")]
    cases += [(1023 << 20, "1.0G"), (5 << 40, "5.0T"), (1 << 70, "1024E")]
    assert [size_text(size) for size, _ in cases] == [text for _, text in cases]
    assert size_text(None) == "?"
    assert size_text(-1) == "?"
    assert bytes_text(512) == "512 B"
    assert bytes_text(10 << 20) == "10 MiB"
    assert bytes_text(None) == "?"
    assert rate_text(48 * (1 << 20)) == "48 MiB/s"
    assert rate_text(0) == ""


@given(st.integers(0, 1 << 62))
def test_a_size_needs_five_cells(size: int) -> None:
    assert len(size_text(size)) <= 5


def test_money() -> None:
    assert money_text(None) == "?"
    assert money_text(None, currency=True) == "unknown"
    assert money_text(0.0) == "0.00"
    assert money_text(0.00002) == "<0.0001"
    assert money_text(0.00002, currency=True) == "<$0.0001"
    assert money_text(0.0058) == "0.0058"
    assert money_text(0.00996) == "0.01"
    assert money_text(1.1523, currency=True) == "$1.15"
    assert money_text(1204.5) == "1,204.50"
    assert money_text(12045.4) == "12,045"
    assert money_text(2_500_000) == "2.50M"
    assert money_text(-0.02) == "−0.02"
    assert money_text(0.5, signed=True) == "+0.50"
    assert money_text(0.0, signed=True) == "0.00"


def test_times() -> None:
    assert age_text(-1) == "0m"
    assert age_text(0.01) == "14m"
    assert age_text(0.5) == "12h"
    assert age_text(45.9) == "45d"
    assert age_text(1500) == "4.1y"
    assert duration_text(0.2) == "<1s"
    assert duration_text(59.9) == "59s"
    assert duration_text(185) == "3m 05s"
    assert duration_text(7500) == "2h 05m"
    assert duration_text(4 * 86400 + 3 * 3600) == "4d 03h"
    assert clock_text(NOW) == "12:04:31"
    assert clock_text(NOW, seconds=False) == "12:04"
    assert clock_text(NOW + 86400, now=NOW) == "2026-11-22 12:04:31"
    assert clock_text(NOW + 60, now=NOW) == "12:05:31"
    assert clock_text(0) == ""
    assert date_text(NOW) == "2026-11-21 12:04:31"
    assert date_text(0) == "?"
    assert count_text(1204) == "1,204"
    assert count_text(1_200_000) == "1.2M"
    assert count_text(2_000_000_000) == "2.0G"
