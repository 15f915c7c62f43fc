"""Columns fit the width they get, the important ones first."""

from hypothesis import given
from hypothesis import strategies as st

from widgets import glyphs
from widgets.board import JobList
from widgets.columns import GAP, Column, fit
from widgets.event_rows import EventRows
from widgets.object_list import ObjectList
from widgets.plan_table import PlanTable
from widgets.sparkline import bars

NAME = Column("name", "name", 10, flex=1, comfort=20)
SIZE = Column("size", "size", 5, right=True)
AGE = Column("age", "age", 4, priority=1)
KIND = Column("class", "class", 12, priority=2)


def keys(width: int) -> list[str]:
    return [placed.column.key for placed in fit((NAME, AGE, SIZE, KIND), width)]


def test_columns_come_in_by_priority_and_stay_in_order() -> None:
    assert keys(20) == ["name", "size"]
    assert keys(31) == ["name", "age", "size"]
    assert keys(30) == ["name", "size"]  # the name would lose its comfort
    assert keys(60) == ["name", "age", "size", "class"]


def test_the_name_gets_what_is_left() -> None:
    name, size = fit((NAME, SIZE), 100)
    assert (name.width, size.width) == (94, 5)


def test_too_narrow_for_anything_but_the_name() -> None:
    assert [(p.column.key, p.width) for p in fit((NAME, SIZE), 12)] == [("name", 12)]
    assert [(p.column.key, p.width) for p in fit((NAME, SIZE), 4)] == [("name", 4)]


@given(
    st.sampled_from([ObjectList.COLUMNS, JobList.COLUMNS, EventRows.COLUMNS, PlanTable.COLUMNS]),
    st.integers(20, 400),
)
def test_every_list_fits_every_width(columns: tuple[Column, ...], width: int) -> None:
    placed = fit(columns, width)
    assert sum(p.width for p in placed) + GAP * (len(placed) - 1) == width
    assert all(p.width > 0 for p in placed)
    assert placed[0].column is columns[0]


def test_a_wider_line_never_shows_less() -> None:
    for columns in (ObjectList.COLUMNS, JobList.COLUMNS, EventRows.COLUMNS, PlanTable.COLUMNS):
        counts = [len(fit(columns, width)) for width in range(20, 250)]
        assert counts == sorted(counts)
        assert counts[-1] == len(columns)


def test_signs_are_one_cell_wide_and_ascii_is_ascii() -> None:
    from rich.cells import cell_len

    for signs in (glyphs.UNICODE, glyphs.ASCII):
        for field in signs.__slots__:
            value = getattr(signs, field)
            if isinstance(value, str):
                assert cell_len(value) == len(value) == (9 if field == "bars" else 1), field
                assert signs is glyphs.UNICODE or value.isascii()


def test_the_terminal_decides_on_the_signs() -> None:
    assert glyphs.detect({"TERM": "xterm-256color"}, "utf-8") is glyphs.UNICODE
    assert glyphs.detect({"TERM": "xterm-256color"}, "UTF8") is glyphs.UNICODE
    assert glyphs.detect({"TERM": "linux"}, "utf-8") is glyphs.ASCII
    assert glyphs.detect({"TERM": "xterm"}, "ANSI_X3.4-1968") is glyphs.ASCII
    assert glyphs.detect({}, "latin-1") is glyphs.ASCII


def test_bars() -> None:
    assert bars([0, 1, 8, 4], width=10) == [" ▁█▄"]
    assert bars([0, 8, 16], width=3, height=2) == ["  █", " ██"]
    assert bars([1, 1000], width=2)[0][0] == "▁"  # little is not nothing
    assert bars([1] * 100, width=10) == ["█" * 10]
    assert bars([], width=10) == [""]
    assert bars([0, 0], width=10) == ["  "]
