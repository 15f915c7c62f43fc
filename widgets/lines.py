"""A page of lines, made anew for each width: what the cards and the help are drawn with."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.strip import Strip

from widgets.cells import Cell, Name, Part
from widgets.line_view import LineView
from widgets.text import wrap


class Lines(LineView, can_focus=True, inherit_bindings=False):
    """Scrolls through lines that `build(width)` gives; equal lines are not drawn again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False, id="up"),
        Binding("down,j", "scroll_down", "Down", show=False, id="down"),
        Binding("pageup", "page_up", "Page up", show=False, id="page-up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="page-down"),
        Binding("ctrl+u", "half_up", "Half up", show=False, id="half-up"),
        Binding("ctrl+d", "half_down", "Half down", show=False, id="half-down"),
        Binding("home,g", "scroll_home", "Top", show=False, id="first"),
        Binding("end,G", "scroll_end", "Bottom", show=False, id="last"),
    ]

    DEFAULT_CSS = "Lines { height: 1fr; padding: 0 1; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._built: list[Cell] = []
        self._built_for = -1

    def action_half_up(self) -> None:
        self.scroll_relative(y=-max(self.size.height // 2, 1), animate=False)

    def action_half_down(self) -> None:
        self.scroll_relative(y=max(self.size.height // 2, 1), animate=False)

    def move_by(self, move: str, times: int) -> None:
        """Do a movement of `BINDINGS`, by its id, so many times at once; `first` and `last` go
        to that line instead, counted from 1."""
        page, half = max(self.size.height, 1), max(self.size.height // 2, 1)
        steps = {
            "up": -1, "down": 1, "page-up": -page, "page-down": page,
            "half-up": -half, "half-down": half,
        }  # fmt: skip
        at = times - 1 if move not in steps else round(self.scroll_offset.y) + steps[move] * times
        self.scroll_to(y=max(at, 0), animate=False)

    def build(self, width: int) -> list[Cell]:
        """The lines for this width."""
        return []

    def lines_changed(self) -> None:
        """What `build` draws from changed; draw again the lines that differ."""
        if not self.is_mounted:
            return
        before, self._built = self._built, self.build(self.line_width)
        same_width, self._built_for = self._built_for == self.line_width, self.line_width
        self.set_line_count(len(self._built))
        if not same_width:
            self.refresh()
            return
        for number in range(max(len(before), len(self._built))):
            old = before[number] if number < len(before) else None
            new = self._built[number] if number < len(self._built) else None
            if old != new:
                self.refresh_lines(number)

    def on_mount(self) -> None:
        self.lines_changed()

    def on_resize(self) -> None:
        if self._built_for != self.line_width:
            self.lines_changed()
        else:
            # Lines may be drawn for a new width before the scrollbar hears of it.
            self.set_line_count(len(self._built))

    def render_line(self, y: int) -> Strip:
        width = self.line_width
        if self._built_for != width:
            self._built, self._built_for = self.build(width), width
        number = y + round(self.scroll_offset.y)
        cell = self._built[number] if number < len(self._built) else ""
        return self.draw_line([(cell, width, False)])

    @property
    def plain(self) -> str:
        """The lines as text, for copying and tests."""
        return "\n".join(plain_cell(cell) for cell in self._built)


def plain_cell(cell: Cell) -> str:
    """What a cell says, without styles. Outside strings are as raw as they came."""
    parts = cell if isinstance(cell, list) else [cell]
    return "".join(
        part.raw if isinstance(part, Name) else part if isinstance(part, str) else part[0]
        for part in parts
    )


LABEL_WIDTH = 14


def field(label: str, *parts: Part) -> Cell:
    """`label    value`, the label dimmed and padded."""
    return [(label.ljust(LABEL_WIDTH), "dim"), *parts]


def paragraph(
    raw: str,
    width: int,
    *,
    style: str = "",
    first: Sequence[Part] = (),
    indent: int = 0,
    strip: bool = True,
) -> list[Cell]:
    """An outside text wrapped to the width; `first` stands before its first line and is
    `indent` cells wide, as the indent of the others is. Spaces at the ends go (`strip`), or
    are shown as marks."""
    lines: list[Cell] = []
    for number, text in enumerate(wrap(raw.strip() if strip else raw, max(width - indent, 8))):
        lead = list(first) if number == 0 and first else [" " * indent] if indent else []
        lines.append([*lead, (text, style)])
    return lines


def long_field(label: str, raw: str, width: int, *, style: str = "") -> list[Cell]:
    """`label    value` with an outside value of any length, wrapped so that all of it shows."""
    first: list[Part] = [(label.ljust(LABEL_WIDTH), "dim")]
    lines = paragraph(raw, width, style=style, first=first, indent=LABEL_WIDTH, strip=False)
    return lines or [field(label)]


def heading(text: str) -> Cell:
    """The head of a section."""
    return [(text, "group")]
