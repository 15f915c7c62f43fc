"""The chart of reads: its figures are those of what shows."""

import calendar

from hypothesis import given
from hypothesis import strategies as st

from widgets.access_chart import UNITS, access_lines, next_unit
from widgets.lines import plain_cell

NOW = calendar.timegm((2026, 11, 21, 12, 0, 0))


def text(daily: list[int], width: int = 80, *, unit: str = "day") -> list[str]:
    return [plain_cell(cell) for cell in access_lines(daily, NOW, width, unit=unit)]


def test_figures_and_dates_of_the_days_that_show() -> None:
    lines = text([5, 0, 0, 9, 2])
    assert lines[0] == "  16 reads in 5 days, 2 of them without any; most on 2026-11-20: 9"
    assert lines[-1].split() == ["11-17", "today"]
    assert lines[2].startswith("      9 ")


def test_only_the_days_that_fit_are_counted() -> None:
    daily = [100] * 60 + [1] * 30
    assert text(daily, 39)[0].startswith("  30 reads in 30 days;")
    assert text(daily, 120)[0].startswith("  6,030 reads in 90 days;")


def test_weeks_end_today() -> None:
    lines = text([7] * 3 + [1] * 7 + [2] * 7, unit="week")
    assert lines[0] == "  21 reads in 2 weeks; most in the week from 2026-11-15: 14"
    assert lines[-1].split()[0] == "11-08"


def test_months_are_those_of_the_calendar() -> None:
    daily = [1] * 4 + [0] * 31 + [2] * 21  # since 27 September
    lines = text(daily, unit="month")
    said = "  46 reads in 3 months, 1 of them without any; most in 2026-11: 42"
    assert lines[0] == said
    assert lines[-1].split() == ["2026-09", "today"]


def test_months_are_offered_where_the_history_is_long() -> None:
    short, long = [1] * 90, [1] * 91
    assert [next_unit(unit, short) for unit in ("day", "week")] == ["week", "day"]
    assert [next_unit(unit, long) for unit in ("day", "week", "month")] == ["week", "month", "day"]
    assert next_unit("month", short) == "day"


def test_nothing_is_drawn_without_reads() -> None:
    assert text([]) == text([0] * 90) == text([3] + [0] * 89, 40) == []


@given(st.lists(st.integers(0, 10**7), max_size=400), st.integers(20, 150), st.sampled_from(UNITS))
def test_nothing_is_wider_than_the_page(daily: list[int], width: int, unit: str) -> None:
    for line in text(daily, width, unit=unit)[1:]:
        assert len(line) <= max(width, 26)
