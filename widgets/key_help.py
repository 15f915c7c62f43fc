"""Which keys do what now: the footer line and the help table, from plain data."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from widgets.cells import Cell, Name, Part, draw_cell
from widgets.glyphs import current
from widgets.line_view import LineView
from widgets.lines import Lines, paragraph

NOTE_SECONDS = 4.0


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
        self._note = ""
        self._waiting = ""
        self._going: Timer | None = None

    def note(self, text: str) -> None:
        """Say something about a key in place of the hints, for some seconds or until "" is
        said; nothing is drawn again afterwards."""
        if self._going is not None:
            self._going.stop()
        self._going = self.set_timer(NOTE_SECONDS, partial(self.note, "")) if text else None
        if text != self._note:
            self._note = text
            self.refresh()

    def waits(self, strokes: str) -> None:
        """Show at the right what was struck and waits for the next key."""
        if strokes != self._waiting:
            self._waiting = strokes
            self.refresh()

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
        if self._note:
            return self.draw_line([([" ", Name(self._note, "warn")], self.line_width, False)])
        segments = [Segment(" ", self.style_of())]
        for _, hint in self._shown():
            key = (hint.key, "accent" if hint.enabled else "dim")
            label = (hint.label, "" if hint.enabled else "dim")
            cells = len(hint.key) + 1 + len(hint.label)
            segments += draw_cell([key, " ", label], cells, self.style_of)
            segments.append(Segment("  ", self.style_of()))
        end = [Segment(f" {self._waiting} ", self.style_of("accent"))] if self._waiting else []
        room = max(self.line_width - sum(segment.cell_length for segment in end), 0)
        line = Strip(segments).crop_extend(0, room, self.style_of())
        return Strip([*line, *end]).crop(0, self.line_width)

    def on_click(self, event: events.Click) -> None:
        self.note("")
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
        group, told = "", ""
        for hint in self._hints:
            if hint.group != group:
                group = hint.group
                told = self._often(group)
                lines += [*([""] if lines else []), [(group, "group")]]
                if told:
                    lines += paragraph(f"dim ones, not now: {told}", width, indent=2, style="dim")
            key: list[Part] = [(f"  {hint.key}".ljust(keys), "accent" if hint.enabled else "dim")]
            if hint.enabled:
                lines += paragraph(hint.label, width, first=key, indent=keys)
            elif hint.why_not == told:
                lines += paragraph(hint.label, width, first=key, indent=keys, style="dim")
            else:
                why = f"{hint.label} {current().dot} not now: {hint.why_not}"
                lines += paragraph(why, width, first=key, indent=keys, style="dim")
        return lines

    def _often(self, group: str) -> str:
        """A reason that is the same for many keys of a group, which is told once; else ""."""
        reasons = Counter(h.why_not for h in self._hints if h.group == group and h.why_not)
        reason, times = reasons.most_common(1)[0] if reasons else ("", 0)
        return reason if times > 2 else ""
