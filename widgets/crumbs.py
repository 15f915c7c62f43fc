"""One line that tells which folder is shown: `bucket / a / b`."""

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip

from engine.model.folders import base_of, path_to
from widgets.cells import Name, Part, draw_cell
from widgets.glyphs import current
from widgets.line_view import LineView
from widgets.text import name_text

_NAMED = 24  # cells of one folder's name at most
_BETWEEN = " / "


def empty_name() -> Part:
    """What stands for a name without a character: no name can imitate it."""
    return (f"{current().open_mark}{current().close_mark}", "mark")


class Crumbs(LineView, can_focus=False):
    """The way to a folder. Without one it takes no room. A click goes to the folder clicked."""

    DEFAULT_CSS = """
    Crumbs { height: 1; overflow-y: hidden; display: none; &.-shown { display: block; } }
    """

    class Picked(Message):
        """A folder of the way was clicked."""

        def __init__(self, folder: str) -> None:
            super().__init__()
            self.folder = folder

    def __init__(self) -> None:
        super().__init__()
        self._way: list[tuple[str, str]] = []  # name and folder

    def show(self, bucket: str, top: str, folder: str | None) -> None:
        """Show the way from the top of what is listed to a folder; None hides the line."""
        way: list[tuple[str, str]] = []
        if folder is not None:
            way = [(f"{bucket}/{top}".rstrip("/"), top)]
            at = base_of(top)
            for each in path_to(folder, top):
                way.append((each[len(at) : -1], each))
                at = each
        if way != self._way:
            self._way = way
            self.set_class(bool(way), "-shown")
            self.refresh()

    def _cells(self) -> list[tuple[Part, int, str]]:
        """(name, cells, folder) of what has room, the nearest folders first kept."""
        room = self.line_width - 2
        found: list[tuple[Part, int, str]] = []
        for number, (name, folder) in enumerate(reversed(self._way)):
            width = min(name_text(name).cell_len if name else 2, _NAMED)
            gap = len(_BETWEEN) if number else 0
            spare = 0 if number == len(self._way) - 1 else len(_BETWEEN) + 1
            if found and width + gap + spare > room:
                found.append((current().ellipsis, 1, folder))
                break
            width = max(min(width, room - spare), 1)
            style = "strong" if not number else "dim"
            found.append((Name(name, style) if name else empty_name(), width, folder))
            room -= width + gap
        return found[::-1]

    def render_line(self, y: int) -> Strip:
        segments: list[Segment] = [Segment(" ", self.style_of())]
        for number, (part, width, _) in enumerate(self._cells()):
            if number:
                segments.append(Segment(_BETWEEN, self.style_of("dim")))
            segments += draw_cell(part, width, self.style_of)
        return Strip(segments).crop_extend(0, self.line_width, self.style_of())

    def on_click(self, event: events.Click) -> None:
        event.stop()
        at = 1
        for _, width, folder in self._cells():
            if at <= event.x < at + width:
                self.post_message(self.Picked(folder))
            at += width + len(_BETWEEN)
