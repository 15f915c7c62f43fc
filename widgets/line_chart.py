"""Lines over time on one scale from 0, in braille dots; each carries its letter, so that colour
is never needed to tell one from another."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.strip import Strip

from widgets.cells import Cell, Part
from widgets.glyphs import ASCII, current
from widgets.line_view import LineView
from widgets.lines import paragraph

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column of a cell
_APART = 14  # columns between two letters on a line
_ENDS = 6  # letters beside the right edge, at most
_SCALE = 3.0  # lines that end higher than so many times the lowest leave at the top


@dataclass(frozen=True, slots=True)
class Series:
    """A line: its letter (one character), its values from the first to the last day, its style."""

    sign: str
    values: tuple[float, ...]
    style: str = ""


class LineChart(LineView, can_focus=False):
    """Draws series; equal ones are not drawn again. While there are none, `show_instead` shows."""

    DEFAULT_CSS = "LineChart { height: 1fr; overflow-y: hidden; padding: 0 1; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._series: tuple[Series, ...] = ()
        self._ends = ("", "")
        self._front = ""
        self._instead: tuple[tuple[str, str], ...] = ()
        self._plotted: list[Cell] = []
        self._plotted_for = (-1, -1)

    def show(self, series: Sequence[Series], ends: tuple[str, str], *, front: str = "") -> None:
        """Show these, the first on top, `ends` below the first and last value. The line of the
        letter `front` is drawn over all others, with more letters."""
        given = (tuple(series), ends, front)
        if given != (self._series, self._ends, self._front) or self._instead:
            self._series, self._ends, self._front = given
            self._instead = ()
            self._again()

    def show_instead(self, texts: Sequence[tuple[str, str]]) -> None:
        """Show these (outside text, style), wrapped, and no chart."""
        if tuple(texts) != self._instead or self._series:
            self._series, self._instead = (), tuple(texts)
            self._again()

    def _again(self) -> None:
        self._plotted_for = (-1, -1)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        size = (self.line_width, self.scrollable_content_region.height)
        if self._plotted_for != size:
            self._plotted_for = size
            self._plotted = [""]
            for text, style in self._instead:
                self._plotted += paragraph(text, size[0], style=style)
            if self._series:
                self._plotted = plot(self._series, self._ends, *size, front=self._front)
        cell = self._plotted[y] if y < len(self._plotted) else ""
        return self.draw_line([(cell, size[0], False)])


def plot(
    series: Sequence[Series], ends: tuple[str, str], width: int, height: int, *, front: str = ""
) -> list[Cell]:
    """`height` lines of `width` cells: the lines with a scale on their left, their letters on
    their right, and the words `ends` below. What is too high for the scale leaves at the top."""
    top = scale(series)
    rows = max(height - 1, 2)
    labels = _labels(top, rows)
    margin = max(map(len, labels))
    room = max(width - margin - _ENDS - 2, 8)
    canvas = _Canvas(room, rows, top)
    behind = [one for one in series[::-1] if one.sign != front]
    ordered = [*behind, *(one for one in series if one.sign == front)]
    for number, one in enumerate(ordered):
        canvas.line(one, number, len(ordered), bold=one.sign == front)
    lines: list[Cell] = []
    for row in range(rows):
        right = canvas.ended.get(row, [])
        signs: list[Part] = [(one.sign, _look(one, front)) for one in reversed(right)]
        if len(signs) > _ENDS:
            signs = [*signs[: _ENDS - 1], ("+", "dim")]
        rule = "|" if current() is ASCII else "│"
        axis: list[Part] = [(f"{labels[row]:>{margin}}", "dim"), (rule, "dim")]
        lines.append([*axis, *canvas.parts(row), " ", *signs])
    first, last = ends
    rule = current().rule * max(room - len(first) - len(last) - 2, 1)
    lines.append([" " * (margin + 1), (f"{first} {rule} {last}", "dim")])
    return lines


def scale(series: Sequence[Series]) -> float:
    """The value at the top: the highest end that is not far above the lowest one."""
    ends = sorted(one.values[-1] for one in series if one.values)
    lowest = next((end for end in ends if end > 0), 0.0)
    return max((end for end in ends if end <= lowest * _SCALE), default=0.0) or 1.0


def _labels(top: float, rows: int) -> list[str]:
    places = 0 if top >= 100 else 2 if top >= 1 else 4
    step = 4 if rows > 8 else 3
    return [
        f"${top * (rows - 1 - row) / (rows - 1):,.{places}f}"
        if (row % step == 0 and rows - 1 - row >= 2) or row == rows - 1
        else ""
        for row in range(rows)
    ]


def _look(one: Series, front: str) -> str:
    return "strong" if one.sign == front else one.style


class _Canvas:
    """Cells of 2 × 4 dots, what is drawn later on top."""

    def __init__(self, width: int, height: int, top: float) -> None:
        self.width, self.height, self.top = width, height, top
        self.dots = [[0] * width for _ in range(height)]
        self.signs = [[""] * width for _ in range(height)]
        self.styles = [[""] * width for _ in range(height)]
        self.ended: dict[int, list[Series]] = {}

    def line(self, one: Series, number: int, of: int, *, bold: bool) -> None:
        """Draw a line, and its letter again and again, shifted against the others'."""
        if not one.values:
            return
        style = "strong" if bold else one.style
        apart = _APART // 2 if bold else _APART
        shift = number * _APART // max(of, 1)
        columns, levels = self.width * 2, self.height * 4
        before: int | None = None
        for x in range(columns):
            value = _at(one.values, x / max(columns - 1, 1))
            level = round(value / self.top * (levels - 1))
            if level >= levels:
                if before is not None:  # here it leaves
                    self._sign(0, x // 2, one.sign, style)
                    before = None
                continue
            begin = level if before is None else before
            for step in range(min(level, begin), max(level, begin) + 1):
                self._dot(x, levels - 1 - step, style)
            before = level
            row, column = (levels - 1 - level) // 4, x // 2
            due = x % 2 == 0 and (column + shift) % apart == apart - 1
            if current() is ASCII or (due and (bold or not self.signs[row][column])):
                self._sign(row, column, one.sign, style)
        if before is not None:
            self.ended.setdefault((levels - 1 - before) // 4, []).append(one)

    def _dot(self, x: int, y: int, style: str) -> None:
        row, column = y // 4, x // 2
        self.dots[row][column] |= _DOTS[y % 4][x % 2]
        if not self.signs[row][column]:
            self.styles[row][column] = style

    def _sign(self, row: int, column: int, sign: str, style: str) -> None:
        self.signs[row][column], self.styles[row][column] = sign, style

    def parts(self, row: int) -> list[Part]:
        """A row, neighbours of one style together."""
        found: list[tuple[str, str]] = []
        for column in range(self.width):
            dots, sign = self.dots[row][column], self.signs[row][column]
            text = sign or (chr(0x2800 + dots) if dots and current() is not ASCII else " ")
            style = self.styles[row][column] if text != " " else ""
            if found and found[-1][1] == style:
                found[-1] = (found[-1][0] + text, style)
            else:
                found.append((text, style))
        return list(found)


def _at(values: Sequence[float], share: float) -> float:
    """The value at a share of the way, between its neighbours."""
    place = share * (len(values) - 1)
    left = int(place)
    right = min(left + 1, len(values) - 1)
    return values[left] + (values[right] - values[left]) * (place - left)
