"""Textual's driver for Linux and macOS over a line of our own.

Input, modes, signals and suspending are Textual's; only `write()` is ours. So this depends on
little of it: that a driver starts, stops and closes as `textual.driver.Driver` says, and that
everything for the terminal goes through `write()`.
"""

import contextlib
import os
import signal
import sys
from types import FrameType
from typing import Any

from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from astra_tui.terminal.encoder import Abilities
from astra_tui.terminal.line import Line
from astra_tui.terminal.screen import Canvas

# Reports of every motion of the mouse, asked for by Textual, are reports of drags here: no
# widget of ours follows the pointer, and each report costs a way over the line.
_LESS_MOUSE = {"\x1b[?1003h": "\x1b[?1002h", "\x1b[?1003l": "\x1b[?1002l"}


class ThinDriver(LinuxDriver):
    """Sends changed cells only, and never more than the terminal takes."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._line: Line | None = None
        self._canvas: Canvas | None = None  # outlives a line: a resumed app shows what it showed
        self._in_band = False

    def write(self, data: str) -> None:
        if self._line is not None:
            self._line.feed(data)

    def start_application_mode(self) -> None:
        if self._line is None:
            file = sys.__stderr__
            assert file is not None
            if self._canvas is None:
                self._canvas = Canvas(*self._get_terminal_size())
            else:
                self._canvas.resize(*self._get_terminal_size())
            self._line = Line(
                file.fileno(),
                self._canvas,
                abilities(file.fileno()),
                encoding=file.encoding,
                rewrite=lambda sequence: _LESS_MOUSE.get(sequence, sequence),
            )
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._writer_thread is not None:  # it never had anything to write
            self._writer_thread.stop()
            self._writer_thread = None
        before = signal.getsignal(signal.SIGWINCH)

        def resized(number: int, frame: FrameType | None) -> None:
            if self._line is not None and not self._in_band:
                self._line.resize(*self._get_terminal_size())
            if callable(before):
                before(number, frame)

        signal.signal(signal.SIGWINCH, resized)

    def process_message(self, message: Message) -> None:
        if isinstance(message, events.Resize):  # told by the terminal itself, in its input
            self._in_band = True
            if self._line is not None:
                self._line.resize(message.size.width, message.size.height)
        super().process_message(message)

    def repaint(self) -> None:
        """Send all cells once more, whatever the terminal is thought to show."""
        if self._line is not None:
            self._line.repaint()

    def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()


def abilities(fileno: int) -> Abilities:
    """What terminfo promises of the terminal; nothing if it is not known."""
    try:
        import curses
    except ImportError:
        return Abilities()
    with contextlib.suppress(curses.error):
        curses.setupterm(os.environ.get("TERM", ""), fileno)
        return Abilities(
            erase=curses.tigetstr("ech") == b"\x1b[%p1%dX",
            coloured_erase=bool(curses.tigetflag("bce") > 0),
        )
    return Abilities()
