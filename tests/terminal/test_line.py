"""The way to a terminal: a real pty, read fast, slowly, or not at all."""

import os
import pty
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from astra_tui.terminal import line as line_module
from astra_tui.terminal.encoder import Abilities
from astra_tui.terminal.line import Line
from astra_tui.terminal.screen import Canvas
from tests.terminal.emulator import Terminal

WIDTH, HEIGHT = 80, 24
DEADLINE = 20.0
KIB = 1024


@dataclass
class Pty:
    """A pty, what was read from it, and a line to it."""

    main: int
    line: Line
    got: bytearray = field(default_factory=bytearray)
    _stop: threading.Event = field(default_factory=threading.Event)
    _reader: threading.Thread | None = None

    def read(self, rate: float = 0.0) -> None:
        """Begin to read, at so many bytes a second at most if given."""

        def work() -> None:
            begin, before = time.monotonic(), len(self.got)
            while not self._stop.is_set():
                if rate and len(self.got) - before > (time.monotonic() - begin) * rate:
                    self._stop.wait(0.01)
                elif select.select([self.main], [], [], 0.02)[0]:
                    self.got += os.read(self.main, 512)

        self._reader = threading.Thread(target=work)
        self._reader.start()

    def wait(self, condition: Callable[[], object], what: str) -> None:
        end = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < end, f"waited in vain: {what}"
            time.sleep(0.005)

    def shows(self, text: str) -> Terminal:
        """Wait until a terminal with all that was read shows the text."""
        shown = Terminal(WIDTH, HEIGHT)
        fed = 0

        def there() -> bool:
            nonlocal fed
            new = self.got[fed:].decode(errors="ignore")
            fed += len(new.encode())
            shown.feed(new)
            return text in shown.text

        self.wait(there, text)
        return shown

    def stop(self) -> None:
        self._stop.set()
        if self._reader is not None:
            self._reader.join()


@contextmanager
def opened(*, own: bool = True, abilities: Abilities | None = None) -> Iterator[Pty]:
    main, other = pty.openpty()
    tty.setraw(other)
    line = Line(other, Canvas(WIDTH, HEIGHT), abilities or Abilities())
    assert line._own is own
    there = Pty(main, line)
    try:
        yield there
    finally:
        if there._reader is None:
            there.read()
        line.close()
        there.stop()
        for fileno in (main, other):
            os.close(fileno)


def frame(number: int) -> str:
    """A whole screen, each of its cells another than a frame before."""
    colour = f"38;2;{number % 256};9;9"
    rows = (
        f"\x1b[{y + 1};1H\x1b[{colour}m{chr(97 + (number + y) % 26) * (WIDTH - 10)}"
        f"\x1b[0m#{number:09}"
        for y in range(HEIGHT)
    )
    return "".join(rows) + "\x1b[1;1H"


def test_a_slow_terminal_gets_the_latest_state_and_little_else() -> None:
    with opened() as there:
        there.read(32 * KIB)
        written = 0
        for number in range(400):
            there.line.feed(frame(number))
            written += len(frame(number))
            assert len(there.line._out) < 16 * KIB
            assert len(there.line._taken) < 400
            time.sleep(0)
        there.line.feed("\x1b[12;1HTHE END\x1b[1;1H")
        shown = there.shows("THE END")
        there.wait(lambda: there.line._encoder.idle and not there.line._out, "all is sent")
        stock = Terminal(WIDTH, HEIGHT)
        stock.feed(frame(399) + "\x1b[12;1HTHE END\x1b[1;1H")
        there.wait(lambda: there.shows("THE END").cells() == stock.cells(), "the last picture")
        assert shown.screen.columns == WIDTH
        assert len(there.got) < written / 4


def test_a_terminal_that_takes_nothing_holds_nobody_up() -> None:
    with opened() as there:
        for number in range(200):
            there.line.feed(frame(number))
        there.wait(lambda: not there.line._taken, "all is drawn")
        assert len(there.line._out) < 8 * KIB
        there.read()
        stock = Terminal(WIDTH, HEIGHT)
        stock.feed(frame(199))
        there.wait(lambda: there.shows("#000000199").cells() == stock.cells(), "the last picture")


def test_nothing_is_sent_when_nothing_changes() -> None:
    with opened() as there:
        there.read()
        there.line.feed(frame(1))
        there.shows("#000000001")
        there.wait(lambda: there.line._encoder.idle and not there.line._out, "all is sent")
        there.line.feed("\x1b]0;mark\x1b\\")
        there.wait(lambda: there.got.endswith(b"mark\x1b\\"), "a mark")
        before = len(there.got)
        for _ in range(20):
            there.line.feed(frame(1))
        there.line.feed("\a")
        there.wait(lambda: there.got.endswith(b"\a"), "the bell")
        assert len(there.got) == before + 1


def test_what_is_no_picture_keeps_its_order_around_pictures() -> None:
    with opened() as there:
        there.read()
        there.line.feed("\x1b[?1049h\x1b[?25l" + frame(1) + "\x1b]52;c;aGk=\x07")
        there.line.feed(
            frame(2) + "\x1b[3;3HSECOND" + "\x1b[2;5r" + "\x1b[?2004l" + "\x1b[?1049l\x1b[?25h"
        )
        there.wait(lambda: there.got.endswith(b"\x1b[?25h"), "the end")
        marks = [b"\x1b[?1049h", b"\x1b[?25l", b"\x1b]52;c;aGk=\x07", b"SECOND", b"\x1b[2;5r",
                 b"\x1b[?2004l", b"\x1b[?1049l", b"\x1b[?25h"]  # fmt: skip
        places = [there.got.index(mark) for mark in marks]
        assert places == sorted(places)
        # No colour is left behind, and no picture comes after the shell's screen.
        left = there.got.index(b"\x1b[?1049l")
        assert there.got[:left].endswith(b"\x1b[0m")
        assert there.got[left:] == b"\x1b[?1049l\x1b[?25h"


def test_after_an_unknown_sequence_all_is_sent_again() -> None:
    with opened() as there:
        there.read()
        there.line.feed(frame(7))
        there.shows("#000000007")
        there.line.feed("\x1b[3L")
        there.wait(lambda: there.got.count(b"#000000007") == 2 * HEIGHT, "a whole picture")


def test_a_resize_and_a_repaint_send_all_again() -> None:
    with opened() as there:
        there.read()
        there.line.feed(frame(7))
        there.shows("#000000007")
        there.line.repaint()
        there.wait(lambda: there.got.count(b"#000000007") == 2 * HEIGHT, "a whole picture")
        there.line.resize(WIDTH, 3)
        there.line.feed("\x1b[1;1H")
        there.wait(lambda: there.got.count(b"#000000007") == 2 * HEIGHT + 3, "three rows")
        there.line.resize(WIDTH, HEIGHT)
        there.wait(lambda: there.got.count(b"#000000007") == 3 * HEIGHT + 3, "what was there")


def test_frames_are_shown_at_once_where_the_terminal_can() -> None:
    with opened() as there:
        there.read()
        there.line.feed("\x1b[?2026h" + frame(1) + "\x1b[?2026l")
        there.wait(lambda: there.got.endswith(b"\x1b[?2026l"), "the end of a frame")
        assert there.got.startswith(b"\x1b[?2026h")
        assert there.got.count(b"\x1b[?2026h") == there.got.count(b"\x1b[?2026l")


def test_a_terminal_that_cannot_be_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "writable", lambda fileno: (fileno, False))
    with opened(own=False) as there:
        there.read(512 * KIB)
        for number in range(30):
            there.line.feed(frame(number))
        there.shows("#000000029")


def test_a_terminal_that_goes_away_ends_the_line_quietly() -> None:
    main, other = pty.openpty()
    line = Line(other, Canvas(WIDTH, HEIGHT), Abilities())
    os.close(main)
    end = time.monotonic() + DEADLINE
    while line._thread.is_alive():
        assert time.monotonic() < end
        line.feed(frame(int(time.monotonic() * 100)))
        time.sleep(0.01)
    line.feed(frame(1))
    assert not line._taken
    line.close()
    os.close(other)


def test_closing_waits_for_no_terminal_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "_LAST_WORDS", 0.2)
    main, other = pty.openpty()
    line = Line(other, Canvas(WIDTH, HEIGHT), Abilities())
    for number in range(50):
        line.feed(frame(number) + "\x1b]52;c;" + "a" * 4000 + "\x07")
    line.close()
    assert not line._thread.is_alive()
    os.close(main)
    os.close(other)


def test_the_flags_of_the_shells_terminal_stay_as_they_are() -> None:
    main, other = pty.openpty()
    line = Line(other, Canvas(WIDTH, HEIGHT), Abilities())
    assert os.get_blocking(other)
    assert not os.get_blocking(line._fileno)
    line.close()
    os.close(main)
    os.close(other)
