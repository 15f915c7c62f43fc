"""Reads of one object by day, week or month: bars, an axis with dates, and the figures in words."""

import time
from collections.abc import Sequence

from widgets.cells import Cell
from widgets.sparkline import bars
from widgets.text import count_text, counted

UNITS = ("day", "week", "month")
_DAY = 86_400
_HEIGHT = 5
_APART = 14  # columns between two dates below the bars
_WIDE = 4  # columns of a week's or month's bar, the gap included
_MARGIN = 8  # columns left of the bars
_SHORT = 90  # days, up to which months tell no more than weeks
Bar = tuple[float, int]  # when it begins, reads


def next_unit(unit: str, daily: Sequence[int]) -> str:
    """The unit that the reads can be shown in after this one; months where there are some."""
    units = UNITS if len(daily) > _SHORT else UNITS[:2]
    return units[(units.index(unit) + 1) % len(units)] if unit in units else units[0]


def access_lines(
    daily: Sequence[int], as_of: float, width: int, *, unit: str = "day"
) -> list[Cell]:
    """The chart of the bars that fit (the last day is the UTC day of `as_of`), none without reads.

    In weeks, the last bar is the seven days up to that day; months are those of the calendar.
    """
    room = max(width - _MARGIN - 1, 10)
    cells = 1 if unit == "day" else _WIDE
    found = _bars(daily, as_of, unit)[-(room // cells) :]
    values = [reads for _, reads in found]
    if not any(values):
        return []
    lines: list[Cell] = [_summary(found, unit), ""]
    chart = bars(values, width=len(values), height=_HEIGHT)
    for number, line in enumerate(chart):
        label = count_text(max(values)) if number == 0 else "0" if number == _HEIGHT - 1 else ""
        if cells > 1:
            line = "".join(sign * (cells - 1) + " " for sign in line)
        lines.append([(f"{label:>{_MARGIN - 1}} ", "dim"), (line, "accent")])
    lines.append([" " * _MARGIN, (_axis([begin for begin, _ in found], cells, unit), "dim")])
    return lines


def _bars(daily: Sequence[int], as_of: float, unit: str) -> list[Bar]:
    """A bar for each day, for seven days counted from the last (an odd rest at the beginning is
    left out), or for each month of the calendar."""
    first = as_of - (len(daily) - 1) * _DAY
    days = [(first + at * _DAY, reads) for at, reads in enumerate(daily)]
    if unit == "week":
        odd = len(days) % 7
        weeks = (days[at : at + 7] for at in range(odd, len(days), 7))
        return [(week[0][0], sum(reads for _, reads in week)) for week in weeks]
    if unit == "month":
        months: dict[str, Bar] = {}
        for when, reads in days:
            name = _date(when, "%Y-%m")
            begin, so_far = months.get(name, (when, 0))
            months[name] = (begin, so_far + reads)
        return list(months.values())
    return days


def _summary(found: Sequence[Bar], unit: str) -> Cell:
    """`412 reads in 62 days, 3 of them without any; most on 2026-11-02: 30`."""
    values = [reads for _, reads in found]
    most = max(range(len(values)), key=lambda at: (values[at], at))
    form, lead = {
        "day": ("%Y-%m-%d", "on"),
        "week": ("%Y-%m-%d", "in the week from"),
        "month": ("%Y-%m", "in"),
    }[unit]
    none = values.count(0)
    idle = f", {none} of them without any" if none else ""
    return [
        f"  {counted(sum(values), 'read')} in {counted(len(values), unit)}{idle}; ",
        f"most {lead} {_date(found[most][0], form)}: {count_text(values[most])}",
    ]


def _axis(begins: Sequence[float], cells: int, unit: str) -> str:
    """Dates below the first day of a bar, as many as fit; the last one ends at the right."""
    form, wide = ("%Y-%m", 7) if unit == "month" else ("%m-%d", 5)
    width = len(begins) * cells
    line = ""
    for number in range(0, len(begins), max(_APART // cells, 1)):
        at = number * cells
        if at + wide <= max(width - 7, wide):
            line = line.ljust(at) + _date(begins[number], form)
    last = "today"
    return line.ljust(max(width - len(last), len(line) + 1)) + last


def _date(when: float, form: str) -> str:
    return time.strftime(form, time.gmtime(when))
