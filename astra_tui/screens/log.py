"""What Astra had to say so far, newest first."""

from typing import ClassVar

from textual.app import ComposeResult

from astra_tui.notices import NoticeBoard
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.title import TitleLine
from engine.model import NoticeLevel, Snapshot
from widgets.cells import Cell, Part
from widgets.glyphs import current
from widgets.lines import Lines, paragraph
from widgets.text import clock_text

_STYLE = {NoticeLevel.INFO: "", NoticeLevel.WARNING: "warn", NoticeLevel.ERROR: "bad"}


class NoticeList(Lines):
    """The notices as lines."""

    def __init__(self, board: NoticeBoard) -> None:
        super().__init__(id="notices")
        self._board = board
        self._revision = board.revision

    def update_from_board(self) -> None:
        """Draw again if there is something new."""
        if self._revision != self._board.revision:
            self._revision = self._board.revision
            self.lines_changed()

    def build(self, width: int) -> list[Cell]:
        lines: list[Cell] = []
        signs = {NoticeLevel.INFO: current().dot, NoticeLevel.WARNING: current().warn}
        for notice in reversed(list(self._board)):
            style = _STYLE[notice.level]
            lead: list[Part] = [
                (f"{clock_text(notice.time) or '--:--:--'}  ", "dim"),
                (f"{signs.get(notice.level, current().bad)} ", style),
            ]
            lines += paragraph(notice.text, width, first=lead, indent=12, style=style)
            if notice.todo:
                lines += paragraph(notice.todo, width, indent=12, style="dim")
        return lines or [("Nothing was worth a word so far.", "dim")]


class LogScreen(AstraScreen[None]):
    """The notices, and where the log file is."""

    SCOPE: ClassVar[str] = "reader"

    DEFAULT_CSS = "LogScreen NoticeList { padding: 1 2; }"

    def compose_body(self) -> ComposeResult:
        path = self.astra.log_file.path
        yield TitleLine("Log", str(path) if path else "no log file could be opened")
        yield NoticeList(self.astra.notice_board)

    def on_mount(self) -> None:
        self.query_one(NoticeList).focus()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        self.query_one(NoticeList).update_from_board()
