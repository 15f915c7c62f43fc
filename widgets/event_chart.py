"""Messages a second over the last minutes, as bars with a scale; rejected ones below."""

from collections.abc import Sequence

from textual.strip import Strip

from widgets.cells import Cell
from widgets.glyphs import current
from widgets.line_view import LineView
from widgets.sparkline import bars, resample
from widgets.text import count_text, duration_text


def per_second(values: Sequence[float], columns: int) -> list[float]:
    """Means over equal spans, one a column, oldest first."""
    if not values or columns <= 0:
        return []
    spans = resample(values, columns)
    sizes = resample([1.0] * len(values), columns)
    return [value / size if size else 0.0 for value, size in zip(spans, sizes, strict=True)]


class EventChart(LineView, can_focus=False):
    """Draws counts per second, the newest at the right; equal ones are not drawn again."""

    DEFAULT_CSS = "EventChart { height: 1fr; overflow-y: hidden; padding: 0 1; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._title = ""
        self._values: tuple[int, ...] = ()
        self._bad: tuple[int, ...] = ()
        self._lines: list[Cell] = []
        self._lines_for = (-1, -1)

    def show(self, title: str, values: Sequence[int], bad: Sequence[int] = ()) -> None:
        """Show messages in each second, oldest first, and how many of them were rejected."""
        given = (title, tuple(values), tuple(bad))
        if given != (self._title, self._values, self._bad):
            self._title, self._values, self._bad = given
            self._lines_for = (-1, -1)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        size = (self.line_width, self.scrollable_content_region.height)
        if self._lines_for != size:
            self._lines, self._lines_for = self._build(*size), size
        cell = self._lines[y] if y < len(self._lines) else ""
        return self.draw_line([(cell, size[0], False)])

    def _build(self, width: int, height: int) -> list[Cell]:
        margin = 7
        room = max(width - margin - 1, 8)
        columns = per_second(self._values, room)
        bad = per_second(self._bad, room) if any(self._bad) else []
        rows = max(height - 2 - bool(bad), 1)
        most = max(columns, default=0.0)
        rule = "|" if current().rule == "-" else "│"
        lines: list[Cell] = [[(self._title, "strong")]]
        for number, bar in enumerate(bars(columns, width=room, height=rows)):
            label = f"{_rate(most)}/s" if number == 0 else "0" if number == rows - 1 else ""
            axis = [(f"{label:>{margin}}", "dim"), (rule, "dim")]
            lines.append([*axis, (bar.rjust(room) if columns else "", "active")])
        if bad:
            (bar,) = bars(bad, width=room)
            lines.append([(f"{'bad':>{margin}}", "bad"), (rule, "dim"), (bar.rjust(room), "bad")])
        ago = f"{duration_text(len(self._values))} ago" if self._values else ""
        gap = current().rule * max(room - len(ago) - 6, 1)
        lines.append([" " * (margin + 1), (f"{ago} {gap} now", "dim")])
        return lines


def _rate(value: float) -> str:
    return count_text(round(value)) if value >= 10 or value == round(value) else f"{value:.1f}"
