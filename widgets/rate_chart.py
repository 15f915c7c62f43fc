"""Bytes and objects a second over the last minutes, side by side, in bars."""

from collections.abc import Callable, Sequence

from textual.strip import Strip

from engine.model import Throughput
from widgets.cells import Cell
from widgets.glyphs import current
from widgets.line_view import LineView
from widgets.sparkline import bars
from widgets.text import clock_text, count_text, rate_text

_APART = 3


class RateChart(LineView, can_focus=False):
    """Two charts with a line of words above them, and the times below where there is room.

    The time axis ends where there was work last, so that an idle engine's chart stands still;
    equal charts are not drawn again.
    """

    DEFAULT_CSS = "RateChart { height: 6; overflow-y: hidden; padding: 0 1; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._seen = Throughput()
        self._lines: list[Cell] = []
        self._made_for: tuple[object, ...] = ()

    def show(self, seen: Throughput) -> None:
        """Show this; what is equal is not drawn again."""
        if seen != self._seen:
            self._seen = seen
            self._made_for = ()
            before = self._lines
            self._make()
            for y in range(max(len(before), len(self._lines))):
                old = before[y] if y < len(before) else None
                if old != (self._lines[y] if y < len(self._lines) else None):
                    self.refresh_lines(y)

    def _make(self) -> None:
        size = (self.line_width, self.scrollable_content_region.height, current())
        if self._made_for != size:
            self._made_for = size
            self._lines = chart(self._seen, size[0], size[1])

    def render_line(self, y: int) -> Strip:
        self._make()
        cell = self._lines[y] if y < len(self._lines) else ""
        return self.draw_line([(cell, self.line_width, False)])


def chart(seen: Throughput, width: int, height: int) -> list[Cell]:
    """`height` lines of `width` cells: words, bars, and the times if there are four or more."""
    room = max((width - _APART) // 2, 8)
    if not any(seen.bytes) and not any(seen.objects):
        return [[("Nothing moved in the last minutes.", "dim")]]
    rows = max(height - (2 if height >= 4 else 1), 1)
    shown = min(len(seen.bytes), room)
    sizes = [value / seen.step for value in seen.bytes[-shown:]]
    objects = [value / seen.step for value in seen.objects[-shown:]]
    left = _head("bytes", sizes, room, lambda value: rate_text(value) or "0 B/s")
    right = _head("objects", objects, room, _per_second)
    gap = " " * _APART
    lines: list[Cell] = [[*left, gap, *right]]
    for one, other in zip(_bars(sizes, room, rows), _bars(objects, room, rows), strict=True):
        lines.append([(one, "active"), gap, (other, "accent")])
    if height >= 4:
        axis = _axis(seen, shown, room)
        lines.append([(axis, "dim"), gap, (axis, "dim")])
    return lines


def _per_second(value: float) -> str:
    return f"{value:.1f}/s" if 0 < value < 10 else f"{count_text(round(value))}/s"


def _head(
    word: str, values: Sequence[float], room: int, text: Callable[[float], str]
) -> list[tuple[str, str]]:
    top = f"top {text(max(values))}"
    now = f"{word} {text(values[-1])}"
    if len(now) + 1 + len(top) > room:
        return [(now[:room].ljust(room), "")]
    return [(now.ljust(room - len(top)), ""), (top, "dim")]


def _bars(values: Sequence[float], room: int, rows: int) -> list[str]:
    return [line.rjust(room) for line in bars(values, width=room, height=rows)]


def _axis(seen: Throughput, shown: int, room: int) -> str:
    first = clock_text(seen.until - shown * seen.step, seconds=False)
    last = clock_text(seen.until, seconds=False)
    rule = current().rule * max(shown - len(first) - len(last) - 2, 0)
    text = f"{first} {rule} {last}" if rule else last
    return text.rjust(room)[-room:]
