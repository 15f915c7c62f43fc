"""The log: what Astra had to say, and the ends of the console's and the engine's log files."""

import asyncio
from bisect import insort
from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from astra_tui import flows
from astra_tui.keymap import Action
from astra_tui.logtail import LEVELS, LogEntry, LogTail
from astra_tui.redact import known_secrets, redact
from astra_tui.screens.availability import nothing_sought
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.title import TitleLine
from engine.model import Notice, Snapshot
from widgets.cells import Cell
from widgets.lines import Lines, field, heading, paragraph
from widgets.log_list import LogList, LogPane
from widgets.text import date_text
from widgets.virtual_list import VirtualList

KEPT = 5000  # entries; older ones are in the files
_LOOK_SECONDS = 0.5
_MOST_LINES = 2000  # of one entry that is laid out
_SHOWN = {"debug": "all", "info": "info", "warning": "warnings", "error": "errors"}


def of_notice(notice: Notice) -> LogEntry:
    """A notice as a line of the log; what to do stands below it."""
    return LogEntry(
        notice.time, notice.level.value, "notice", "", redact(notice.text), redact(notice.todo)
    )


class LogScreen(AstraScreen[None]):
    """Follows the files while it is open; `v` chooses the level, `/` a text."""

    SCOPE: ClassVar[str] = "log"

    def __init__(self) -> None:
        super().__init__()
        self.level = "info"
        self._entries: list[LogEntry] = []
        self._noticed = 0  # revision of the notice board
        self._notices: tuple[LogEntry, ...] = ()
        self._busy = asyncio.Lock()

    def compose_body(self) -> ComposeResult:
        self.pane = LogPane()
        path = self.astra.log_file.path
        self._where = str(path.parent) if path else "no log file could be opened"
        yield TitleLine("Log", self._where)
        yield self.pane

    def on_mount(self) -> None:
        secrets = known_secrets(self.astra.engine.settings)
        state = self.astra.engine.settings.state_dir
        places = (("astra.log", "console"), ("engine.log", "engine"))
        self._tails = [LogTail(state / name, origin, secrets) for name, origin in places]
        self.pane.list.focus()
        self._take_notices()
        self._show()
        self.set_interval(_LOOK_SECONDS, self._look)
        self._look()

    def _look(self) -> None:
        if not self._busy.locked():
            self.run_worker(self._read(), exit_on_error=False)

    async def _read(self) -> None:
        async with self._busy:
            found = [await asyncio.to_thread(tail.read) for tail in self._tails]
        changed = False
        for tail, (entries, again) in zip(self._tails, found, strict=True):
            if again:  # a traceback that came in two pieces
                last = next((e for e in reversed(self._entries) if e.origin == tail.origin), None)
                if last is not None:
                    self._entries.remove(last)
            for entry in entries:
                insort(self._entries, entry, key=lambda item: item.time)
            changed = changed or bool(entries)
        del self._entries[:-KEPT]
        if changed:
            self._show()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        if self._take_notices():
            self._show()

    def _take_notices(self) -> bool:
        board = self.astra.notice_board
        if board.revision == self._noticed:
            return False
        self._noticed = board.revision
        self._notices = tuple(of_notice(notice) for notice in board)
        return True

    def _show(self) -> None:
        if not self.is_attached:
            return
        every = sorted([*self._entries, *self._notices], key=lambda item: item.time)
        text = self.pane.filter_text
        shown = [entry for entry in every if entry.fits(self.level, text)]
        pane, key = self.pane.list, self.astra.keymap.key_of
        pane.instead = (
            "Nothing was worth a word so far."
            if not every
            else f"None of {len(every)} lines fits; {key('log-level')} changes the level, "
            f"{key('filter')} the text."
        )
        pane.show(shown)
        self._show_title(len(shown), len(every))

    def _show_title(self, shown: int, every: int) -> None:
        state = "following" if self.pane.list.following else "held"
        note = f"{_SHOWN[self.level]}  {shown:,} of {every:,}  {state} "
        self.query_one(TitleLine).show(self._where, note)
        self.refresh_footer()

    @on(LogPane.Filtered)
    def _filtered(self) -> None:
        self._show()

    @on(VirtualList.CursorMoved)
    def _moved(self) -> None:
        every = len(self._entries) + len(self._notices)
        self._show_title(self.pane.list.count(), every)

    @on(VirtualList.Chosen)
    def _row_chosen(self) -> None:
        self.do_details()

    def label(self, action: Action) -> str:
        if action.id == "follow":
            return "hold" if self.pane.list.following else "follow"
        if action.id == "back" and self.pane.filter_text:
            return "show all"
        return action.label

    def why_not(self, action: Action) -> str:
        if action.id in ("details", "copy") and not self.pane.list.count():
            return "There is no line here."
        sought = self.pane.filter_text or self.pane.search_text
        if action.id in ("next-match", "previous-match") and not sought:
            return nothing_sought(self.astra.keymap)
        return ""

    # -- keys ---------------------------------------------------------------------------

    @property
    def entry(self) -> LogEntry | None:
        """The entry at the cursor."""
        row = self.pane.list.cursor_row
        return row if isinstance(row, LogEntry) else None

    def do_log_level(self) -> None:
        """The next level: info, warnings, errors, all."""
        self.level = LEVELS[(LEVELS.index(self.level) + 1) % len(LEVELS)]
        self._show()

    def do_filter(self) -> None:
        """Open the filter line."""
        self.pane.action_filter()
        self.set_focus(self.pane.query_one("FilterInput"), scroll_visible=False)

    def do_search(self) -> None:
        """Open the line for a text to go to."""
        self.pane.action_search()
        self.set_focus(self.pane.query_one("FilterInput"), scroll_visible=False)

    async def do_next_match(self) -> None:
        """The next line with the text searched for."""
        await self.go_to_match(self.pane, 1)

    async def do_previous_match(self) -> None:
        """The line before with that text."""
        await self.go_to_match(self.pane, -1)

    def do_follow(self) -> None:
        """Follow the newest lines, or hold."""
        log: LogList = self.pane.list
        log.following = not log.following
        self._show()

    def do_details(self) -> None:
        """One entry whole."""
        if (entry := self.entry) is not None:
            self.app.push_screen(LogEntryScreen(entry))

    def do_copy(self) -> None:
        """The entry at the cursor."""
        if (entry := self.entry) is not None:
            flows.copy_text(self.astra, entry.whole)

    def do_back(self) -> None:
        """Show all again, else leave."""
        if self.pane.filter_text:
            self.pane.action_clear_filter()
        else:
            self.dismiss(None)


class EntryCard(Lines):
    """The page of one entry."""

    DEFAULT_CSS = "EntryCard { padding: 1 2; }"

    def __init__(self, entry: LogEntry) -> None:
        super().__init__(id="card")
        self.entry = entry

    def build(self, width: int) -> list[Cell]:
        entry = self.entry
        lines: list[Cell] = [
            field("time", date_text(entry.time)),
            field("level", entry.level),
            field("from", f"{entry.origin} {entry.name}".strip()),
            "",
            *paragraph(entry.text, width, style="strong"),
        ]
        if entry.more:
            lines += ["", heading("more")] if entry.origin != "notice" else [""]
        rest = entry.more.split("\n") if entry.more else []
        for line in rest[:_MOST_LINES]:
            bare = line.lstrip(" ")
            indent = min(len(line) - len(bare), max(width - 20, 0))
            lines += paragraph(bare, width, indent=indent) or [""]
        if len(rest) > _MOST_LINES:
            lines.append((f"{len(rest) - _MOST_LINES:,} lines more are in the file", "dim"))
        return lines


class LogEntryScreen(AstraScreen[None]):
    """Inspect one entry; a traceback shows here and nowhere else."""

    SCOPE: ClassVar[str] = "message"

    def __init__(self, entry: LogEntry) -> None:
        super().__init__()
        self.entry = entry

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Log", self.entry.text, self.entry.level)
        yield EntryCard(self.entry)

    def on_mount(self) -> None:
        self.query_one(EntryCard).focus()

    def do_copy(self) -> None:
        """All of it, without secrets."""
        flows.copy_text(self.astra, redact(self.entry.whole))
