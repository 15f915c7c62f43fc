"""The chart of reads: its figures are those of what shows."""

import calendar

from hypothesis import given
from hypothesis import strategies as st

from widgets.access_chart import access_lines
from widgets.lines import plain_cell

NOW = calendar.timegm((2026, 11, 21, 12, 0, 0))


def text(daily: list[int], width: int = 80, *, weeks: bool = False) -> list[str]:
    return [plain_cell(cell) for cell in access_lines(daily, NOW, width, weeks=weeks)]


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
    lines = text([7] * 3 + [1] * 7 + [2] * 7, weeks=True)
    assert lines[0] == "  21 reads in 2 weeks; most in the week from 2026-11-15: 14"
    assert lines[-1].split()[0] == "11-08"


def test_nothing_is_drawn_without_reads() -> None:
    assert text([]) == text([0] * 90) == text([3] + [0] * 89, 40) == []


@given(st.lists(st.integers(0, 10**7), max_size=92), st.integers(20, 150), st.booleans())
def test_nothing_is_wider_than_the_page(daily: list[int], width: int, weeks: bool) -> None:
    for line in text(daily, width, weeks=weeks)[1:]:
        assert len(line) <= max(width, 26)
