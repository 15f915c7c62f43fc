"""A terminal to look at: pyte, with what its cells lack of a real one's.

pyte leaves half of a wide character standing when the other half is overwritten, stops at
characters it does not know, and has no erasing of wide cells; xterm, tmux and others do not.
"""

from typing import Any

import pyte
from wcwidth import wcwidth

from astra_tui.terminal.encoder import Abilities, Encoder
from astra_tui.terminal.parser import Effect, Parser
from astra_tui.terminal.screen import Canvas

Cell = tuple[Any, ...]
UNDRAWN = "\0"


class Emulator(pyte.Screen):
    width_of = staticmethod(wcwidth)

    def draw(self, data: str) -> None:
        for char in data:
            width = self.width_of(char)
            if width <= 0:
                self._join(char)
                continue
            if self.cursor.x + width > self.columns:
                self.cursor.x = self.columns - width  # no wrapping: Textual switches it off
            line, x = self.buffer[self.cursor.y], self.cursor.x
            if line[x].data == "" and x:
                line[x - 1] = line[x - 1]._replace(data=" ")
            after = x + width
            if after < self.columns and line[after].data == "":
                line[after] = line[after]._replace(data=" ")
            line[x] = self.cursor.attrs._replace(data=char)
            if width == 2:
                line[x + 1] = self.cursor.attrs._replace(data="")
            self.cursor.x = after

    def _join(self, char: str) -> None:
        line, x = self.buffer[self.cursor.y], self.cursor.x - 1
        if x > 0 and line[x].data == "":
            x -= 1
        if x >= 0:
            line[x] = line[x]._replace(data=line[x].data + char)

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        self._split()
        super().erase_in_line(how, private)

    def erase_characters(self, count: int | None = None) -> None:
        self._split()
        super().erase_characters(count)
        line, after = self.buffer[self.cursor.y], self.cursor.x + (count or 1)
        if after < self.columns and line[after].data == "":
            line[after] = line[after]._replace(data=" ")

    def _split(self) -> None:
        line, x = self.buffer[self.cursor.y], self.cursor.x
        if x and x < self.columns and line[x].data == "":
            line[x - 1] = line[x - 1]._replace(data=" ")

    def select_graphic_rendition(self, *attrs: int, **named: Any) -> None:
        if not named.get("private"):
            super().select_graphic_rendition(*attrs)

    def report_device_status(self, mode: int, **named: Any) -> None:
        pass

    def report_device_attributes(self, mode: int = 0, **named: Any) -> None:
        pass


class Narrow(Emulator):
    """Knows no emoji, and gives each mark a cell of its own."""

    @staticmethod
    def width_of(char: str) -> int:
        return 1 if ord(char) > 0x1F000 or wcwidth(char) <= 0 else wcwidth(char)


class Broad(Emulator):
    """Draws all that might be an emoji in two cells."""

    @staticmethod
    def width_of(char: str) -> int:
        return 2 if ord(char) > 0x1F000 else wcwidth(char)


class Terminal:
    """An emulator and its stream: what a program wrote, as cells."""

    def __init__(self, width: int, height: int, kind: type[Emulator] = Emulator) -> None:
        self.screen = kind(width, height)
        self.stream = pyte.Stream(self.screen)

    def feed(self, data: str) -> None:
        # pyte knows neither mode requests nor the kitty keyboard's marks: no cells change.
        for unknown in ("\x1b[?2026$p", "\x1b[?2048$p", "\x1b[<u", "\x1b[>25u"):
            data = data.replace(unknown, "")
        if data:
            self.stream.feed(data)

    def resize(self, width: int, height: int) -> None:
        self.screen.resize(height, width)

    def forget(self) -> None:
        """Show nothing of what was drawn; every cell is `UNDRAWN` until it is drawn again."""
        screen = self.screen
        screen.reset()
        for y in range(screen.lines):
            for x in range(screen.columns):
                screen.buffer[y][x] = screen.default_char._replace(data=UNDRAWN)

    @property
    def whole(self) -> bool:
        """Was every cell drawn since `forget()`?"""
        return UNDRAWN not in self.text

    def cells(self) -> list[list[Cell]]:
        """What a person can tell apart, row by row: a blank has no ink to have a colour."""
        screen = self.screen
        return [
            [_seen(screen.buffer[y][x]) for x in range(screen.columns)] for y in range(screen.lines)
        ]

    @property
    def text(self) -> str:
        return "\n".join("".join(cell[0] for cell in row) for row in self.cells())


def _seen(char: Any) -> Cell:
    if char.data == " " and not (char.underscore or char.strikethrough or char.reverse):
        return (" ", char.bg, char.blink)
    return tuple(char)


class Thinned:
    """Our side without a thread: what Textual writes goes in, what a terminal gets comes out."""

    def __init__(self, width: int, height: int, abilities: Abilities | None = None) -> None:
        self.canvas = Canvas(width, height)
        self.abilities = abilities or Abilities(True, True)
        self.encoder = Encoder(self.canvas, self.abilities)
        self.parser = Parser(self.canvas, self._passed)
        self.passed: list[tuple[str, Effect]] = []

    def feed(self, data: str) -> None:
        self.parser.feed(data)

    def resume(self) -> None:
        """Begin anew on the same canvas, as the driver does after the shell had the terminal."""
        self.canvas.resize(self.canvas.width, self.canvas.height)
        self.encoder = Encoder(self.canvas, self.abilities)
        self.parser = Parser(self.canvas, self._passed)

    def _passed(self, sequence: str, effect: Effect) -> None:
        self.passed.append((sequence, effect))

    def send(self, limit: int = 1 << 30) -> str:
        return "" if self.encoder.idle else self.encoder.encode(limit)
