"""Which keys do what now: the footer line and the help table, from plain data."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip

from widgets.cells import Cell, Part, draw_cell
from widgets.glyphs import current
from widgets.line_view import LineView
from widgets.lines import Lines, paragraph


class KeyHint(NamedTuple):
    """A key as the operator sees it. A key that is not enabled says why not."""

    key: str
    label: str
    enabled: bool = True
    why_not: str = ""
    group: str = ""
    action: str = ""


class KeyLine(LineView, can_focus=False):
    """The footer: as many keys as fit, the first ones first."""

    class Pressed(Message):
        """A key in the footer was clicked."""

        def __init__(self, line: "KeyLine", hint: KeyHint) -> None:
            super().__init__()
            self.line = line
            self.hint = hint

    DEFAULT_CSS = """
    KeyLine { height: 1; overflow-y: hidden; background: $foreground 6%; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._hints: tuple[KeyHint, ...] = ()

    def show(self, keys: Sequence[KeyHint]) -> None:
        """Show these keys; an equal list is not drawn again."""
        if tuple(keys) != self._hints:
            self._hints = tuple(keys)
            self.refresh()

    def _shown(self) -> list[tuple[int, KeyHint]]:
        """What fits, each with the cell where it starts."""
        at, shown = 1, list[tuple[int, KeyHint]]()
        for hint in self._hints:
            cells = len(hint.key) + 1 + len(hint.label)
            if at + cells > self.line_width:
                break
            shown.append((at, hint))
            at += cells + 2
        return shown

    def render_line(self, y: int) -> Strip:
        segments = [Segment(" ", self.style_of())]
        for _, hint in self._shown():
            key = (hint.key, "accent" if hint.enabled else "dim")
            label = (hint.label, "" if hint.enabled else "dim")
            cells = len(hint.key) + 1 + len(hint.label)
            segments += draw_cell([key, " ", label], cells, self.style_of)
            segments.append(Segment("  ", self.style_of()))
        return Strip(segments).crop_extend(0, self.line_width, self.style_of())

    def on_click(self, event: events.Click) -> None:
        for at, hint in self._shown():
            if at <= event.x < at + len(hint.key) + 1 + len(hint.label):
                self.post_message(self.Pressed(self, hint))


class KeyHelp(Lines):
    """The help table: every key by group, disabled ones with the reason."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._hints: tuple[KeyHint, ...] = ()

    def show(self, keys: Sequence[KeyHint]) -> None:
        """Show these keys."""
        if tuple(keys) != self._hints:
            self._hints = tuple(keys)
            self.lines_changed()

    def build(self, width: int) -> list[Cell]:
        keys = max((len(hint.key) for hint in self._hints), default=0) + 4
        lines: list[Cell] = []
        group = ""
        for hint in self._hints:
            if hint.group != group:
                group = hint.group
                lines += [*([""] if lines else []), [(group, "group")]]
            key: list[Part] = [(f"  {hint.key}".ljust(keys), "accent" if hint.enabled else "dim")]
            if hint.enabled:
                lines += paragraph(hint.label, width, first=key, indent=keys)
            else:
                why = f"{hint.label} {current().dot} not now: {hint.why_not}"
                lines += paragraph(why, width, first=key, indent=keys, style="dim")
        return lines
