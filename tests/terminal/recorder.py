"""What the console writes to a terminal, kept as it was written."""

from dataclasses import dataclass
from typing import Any, ClassVar

from textual.drivers.headless_driver import HeadlessDriver

from astra_tui.terminal.parser import Effect
from tests.terminal.emulator import Terminal, Thinned


@dataclass(frozen=True)
class Size:
    width: int
    height: int


@dataclass(frozen=True)
class Suspended:
    """The shell had the terminal for a while; nothing of the app shows any more."""


Item = str | Size | Suspended


class Recorder(HeadlessDriver):
    """A terminal that takes everything; `tape` has what it got and its sizes, in order."""

    tape: ClassVar[list[Item]] = []

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        Recorder.tape = [Size(*self._get_terminal_size())]

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        size = Size(*self._get_terminal_size())
        if size != next(item for item in reversed(self.tape) if isinstance(item, Size)):
            self.tape.append(size)
        self.tape.append(data)

    def disable_input(self) -> None:
        pass

    def stop_application_mode(self) -> None:
        pass


@dataclass
class Played:
    """Both pictures at the end of a tape, and what was sent for them."""

    stock: Terminal
    ours: Terminal
    stock_bytes: int
    our_bytes: int
    passed: list[tuple[str, Effect]]  # what is no picture
    looks: int = 0  # times that they were compared on the way, and were equal


def play(tape: list[Item], *, every: int = 1, limit: int = 1 << 30) -> Played:
    """Show a tape on two terminals, ours taking `limit` characters after every so many writes.

    Where ours has been sent all there was, the pictures must be equal at once.
    """
    first = tape[0]
    assert isinstance(first, Size)
    thinned = Thinned(first.width, first.height)
    stock = Terminal(first.width, first.height)
    ours = Terminal(first.width, first.height)
    played = Played(stock, ours, 0, 0, thinned.passed)
    whole = False  # has the app drawn a whole picture since the last change of size, or pause?
    for number, item in enumerate(tape[1:]):
        if isinstance(item, Size):
            played.stock.resize(item.width, item.height)
            played.ours.resize(item.width, item.height)
            thinned.canvas.resize(item.width, item.height)
            thinned.encoder.forget()
            whole = False
            continue
        if isinstance(item, Suspended):
            # What showed is lost on both. A line of ours is made anew over the same canvas.
            played.stock.forget()
            played.ours.forget()
            thinned.resume()
            whole = False
            continue
        played.stock.feed(item)
        played.stock_bytes += len(item.encode())
        thinned.feed(item)
        if number % every:
            continue
        sent = thinned.send(limit)
        played.ours.feed(sent)
        played.our_bytes += len(sent.encode())
        size = thinned.canvas
        texts = [row[: size.width] for row in size.picture.texts[: size.height]]
        whole = whole or (stock.whole and not any("\0" in row for row in texts))
        if whole and thinned.encoder.idle and number % 20 == 0:
            assert played.ours.cells() == played.stock.cells()
            played.looks += 1
    while not thinned.encoder.idle:
        played.ours.feed(thinned.send())
    return played
