"""Reads of one object by day or by week: bars, an axis with dates, and the figures in words."""

import time
from collections.abc import Sequence

from widgets.cells import Cell
from widgets.sparkline import bars
from widgets.text import count_text, counted

_DAY = 86_400
_HEIGHT = 5
_APART = 14  # columns between two dates below the bars
_WEEK = 4  # columns of a week's bar, the gap included
_MARGIN = 8  # columns left of the bars


def access_lines(
    daily: Sequence[int], as_of: float, width: int, *, weeks: bool = False
) -> list[Cell]:
    """The chart of the days that fit (the last one is the UTC day of `as_of`), none without reads.

    In weeks, the last bar is the seven days up to that day.
    """
    room = max(width - _MARGIN - 1, 10)
    values, step = (_by_week(daily), 7) if weeks else (list(daily), 1)
    cells = _WEEK if weeks else 1
    values = values[-(room // cells) :]
    if not any(values):
        return []
    begin = as_of - (len(values) * step - 1) * _DAY
    lines: list[Cell] = [_summary(values, begin, weeks=weeks), ""]
    chart = bars(values, width=len(values), height=_HEIGHT)
    for number, line in enumerate(chart):
        label = count_text(max(values)) if number == 0 else "0" if number == _HEIGHT - 1 else ""
        if weeks:
            line = "".join(sign * (_WEEK - 1) + " " for sign in line)
        lines.append([(f"{label:>{_MARGIN - 1}} ", "dim"), (line, "accent")])
    lines.append([" " * _MARGIN, (_axis(len(values), begin, step, cells), "dim")])
    return lines


def _summary(values: Sequence[int], begin: float, *, weeks: bool) -> Cell:
    """`412 reads in 62 days, 3 of them without any; most on 2026-11-02: 30`."""
    step, noun = (7, "week") if weeks else (1, "day")
    most = max(range(len(values)), key=lambda at: (values[at], at))
    day = _date(begin + most * step * _DAY, "%Y-%m-%d")
    none = values.count(0)
    idle = f", {none} of them without any" if none else ""
    when = f"in the week from {day}" if weeks else f"on {day}"
    return [
        f"  {counted(sum(values), 'read')} in {counted(len(values), noun)}{idle}; ",
        f"most {when}: {count_text(values[most])}",
    ]


def _by_week(daily: Sequence[int]) -> list[int]:
    """Sums of seven days, counted from the last; an odd rest at the beginning is left out."""
    odd = len(daily) % 7
    return [sum(daily[at : at + 7]) for at in range(odd, len(daily), 7)]


def _axis(count: int, begin: float, step: int, cells: int) -> str:
    """Dates below the first day of a bar, as many as fit; the last one ends at the right."""
    width = count * cells
    line = ""
    for number in range(0, count, max(_APART // cells, 1)):
        at = number * cells
        if at + 5 <= max(width - 7, 5):
            line = line.ljust(at) + _date(begin + number * step * _DAY, "%m-%d")
    last = "today"
    return line.ljust(max(width - len(last), len(line) + 1)) + last


def _date(when: float, form: str) -> str:
    return time.strftime(form, time.gmtime(when))
