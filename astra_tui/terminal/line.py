"""Sends to the terminal what it can take, when it can take it.

There is no queue of frames. A thread of its own reads what Textual writes into a picture, and
waits until the terminal takes bytes; only then is the difference between what it shows and what
the app wants by now made and sent. Frames in between were never written down, so nothing stale
is sent and the memory is that of two pictures. What is no picture (modes, clipboard, bell) is
kept in order, up to a bound.
"""

import contextlib
import os
import select
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread

from astra_tui.terminal.encoder import Abilities, Encoder
from astra_tui.terminal.parser import SYNC_BEGIN, SYNC_END, Effect, Parser
from astra_tui.terminal.screen import Canvas

_PASSED_AT_MOST = 1 << 20  # bytes that wait and are no picture
_TAKEN_AT_MOST = 1000  # writes of the app that were not yet looked at
_PIECE = 4_096  # characters made at once; then the terminal is asked again
_SMALL_PIECE = 1_024  # the same for one that was busy: a key's effect waits behind it
_WRITE_AT_MOST = 256  # bytes where a write might wait, because the terminal cannot be opened
_SETTLE = 0.06  # seconds after a resize in which the app makes its new frame
_SYNC_FROM = 256  # characters from which a frame is worth being shown at once
_LAST_WORDS = 3.0  # seconds without progress after which a closing line gives up


@dataclass(frozen=True, slots=True)
class _Resize:
    width: int
    height: int


class _Order:
    """What is no text and needs no values."""


_REPAINT, _END = _Order(), _Order()


class Line:
    """A terminal's output, from `feed()` on the app's side to the file descriptor.

    No method but `close()` waits for the terminal, and none takes a lock: they may be called by
    a handler of signals that came in the middle of another call.
    """

    def __init__(
        self,
        fileno: int,
        canvas: Canvas,
        abilities: Abilities,
        *,
        encoding: str = "utf-8",
        rewrite: Callable[[str], str] | None = None,
    ) -> None:
        self._canvas = canvas
        self._encoder = Encoder(canvas, abilities)
        self._parser = Parser(self._canvas, self._passed)
        self._encoding = encoding
        self._rewrite = rewrite
        self._taken: deque[str | _Resize | _Order] = deque()
        self._out = bytearray()  # promised: `_encoder` counts it as shown
        self._hold_until = self._patience = 0.0
        self._entered = True  # is the app's screen the one that shows?
        self._ending = False
        self._busy = self._frame_open = False
        self._fileno, self._own = writable(fileno)
        self._wake_end, self._wake = os.pipe()
        os.set_blocking(self._wake_end, False)
        os.set_blocking(self._wake, False)
        self._thread = Thread(target=self._run, name="astra-line", daemon=True)
        self._thread.start()

    # -- the app's side -----------------------------------------------------------------

    def feed(self, data: str) -> None:
        """Take what Textual writes."""
        self._take(data)

    def resize(self, width: int, height: int) -> None:
        """The terminal has this size now, and nobody knows what it made of its cells."""
        self._take(_Resize(width, height))

    def repaint(self) -> None:
        """Send everything once more."""
        self._take(_REPAINT)

    def close(self) -> None:
        """Send what was promised, and end; waits only while the terminal takes something."""
        self._take(_END)
        self._thread.join()
        for fileno in (self._wake, self._wake_end, *([self._fileno] if self._own else [])):
            os.close(fileno)

    def _take(self, item: str | _Resize | _Order) -> None:
        # The thread looks at once at what came, unless it had to use a descriptor that waits.
        while len(self._taken) > _TAKEN_AT_MOST and self._thread.is_alive():
            time.sleep(0.005)
        if self._thread.is_alive():
            self._taken.append(item)
            with contextlib.suppress(BlockingIOError):  # full: it is being woken
                os.write(self._wake, b"\0")

    # -- the thread ---------------------------------------------------------------------

    def _run(self) -> None:
        # When the terminal is gone the thread ends; who needs to know is told by SIGHUP.
        with contextlib.suppress(OSError):
            while True:
                self._look()
                if self._ending and not self._out:
                    break
                now = time.monotonic()
                if self._wait(now) and self._send():
                    self._patience = now + _LAST_WORDS
                elif self._ending and now > self._patience:
                    break
        self._taken.clear()

    def _look(self) -> None:
        """Draw what came from the app."""
        while self._taken and not self._ending:
            item = self._taken.popleft()
            if isinstance(item, str):
                self._parser.feed(item)
            elif isinstance(item, _Resize):
                self._canvas.resize(item.width, item.height)
                self._encoder.forget()
                # A frame for the new size is being made; the old one is not worth sending.
                self._hold_until = time.monotonic() + _SETTLE
            elif item is _REPAINT:
                self._encoder.forget()
            else:
                self._ending = True
                self._patience = time.monotonic() + _LAST_WORDS

    @property
    def _due(self) -> bool:
        """Is there a picture to send?"""
        return self._entered and not self._ending and not self._encoder.idle

    def _wait(self, now: float) -> bool:
        """Wait for the app, or for the terminal if there is something for it.

        Returns whether the terminal takes something.
        """
        held = self._hold_until - now
        wanting = bool(self._out) or (self._due and held <= 0)
        timeout: float | None = None
        if self._ending:
            timeout = 0.1
        elif self._due and not wanting:
            timeout = held + 0.001
        woken, takes = _ready(self._wake_end, self._fileno if wanting else None, timeout)
        if woken:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_end, 4096)
        if wanting and not takes:
            self._busy = True
        return takes

    def _send(self) -> bool:
        """Send what is wanted by now; returns whether the terminal took some of it."""
        self._look()
        if not self._out and self._due and time.monotonic() >= self._hold_until:
            self._make_frame()
        data = bytes(self._out if self._own else self._out[:_WRITE_AT_MOST])
        try:
            sent = os.write(self._fileno, data)
        except BlockingIOError:
            sent = 0
        self._busy = sent < len(data)
        del self._out[:sent]
        return sent > 0

    def _make_frame(self) -> None:
        text = self._encoder.encode(_SMALL_PIECE if self._busy else _PIECE)
        if self._parser.synchronized:
            more = not self._encoder.idle
            if not self._frame_open and (more or len(text) >= _SYNC_FROM):
                text = SYNC_BEGIN + text
                self._frame_open = True
            if self._frame_open and (self._busy or not more):
                text += SYNC_END
                self._frame_open = False
        self._promise(text)

    def _passed(self, sequence: str, effect: Effect) -> None:
        """A sequence that is no picture, found by the parser."""
        if self._rewrite is not None:
            sequence = self._rewrite(sequence)
        encoder = self._encoder
        if effect is Effect.UNKNOWN and self._entered and not encoder.idle:
            self._promise(encoder.encode(1 << 30))  # it may be about what is on the screen
        if effect is not Effect.NONE:
            sequence = encoder.plain() + sequence
            if self._frame_open:
                sequence = SYNC_END + sequence
                self._frame_open = False
        if len(self._out) + len(sequence) < _PASSED_AT_MOST:
            self._promise(sequence)
        if effect in (Effect.ENTER, Effect.LEAVE):
            self._entered = effect is Effect.ENTER
        if effect is not Effect.NONE:
            encoder.forget()

    def _promise(self, text: str) -> None:
        self._out += text.encode(self._encoding, "replace")


def _ready(read: int, write: int | None, timeout: float | None) -> tuple[bool, bool]:
    """Wait until one can be read from, or the other (if given) written to or found broken."""
    if sys.platform != "linux":  # poll() knows no terminals on macOS
        can_read, can_write, _ = select.select(
            [read], [] if write is None else [write], [], timeout
        )
        return bool(can_read), bool(can_write)
    poll = select.poll()
    poll.register(read, select.POLLIN)
    if write is not None:
        poll.register(write, select.POLLOUT)
    found = {fileno for fileno, _ in poll.poll(None if timeout is None else timeout * 1000)}
    return read in found, write in found


def writable(fileno: int) -> tuple[int, bool]:
    """A descriptor of the same terminal whose writes do not wait, and whether it is our own.

    The flag belongs to the open file, which the shell and every other program on the terminal
    share; so the terminal is opened once more, by its name or as the controlling one. Where
    neither is allowed the given descriptor is used, in small pieces.
    """
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    with contextlib.suppress(OSError):
        own = os.open(os.ttyname(fileno), flags)
        if os.fstat(own).st_rdev == os.fstat(fileno).st_rdev:
            return own, True
        os.close(own)
    with contextlib.suppress(OSError):
        os.tcgetpgrp(fileno)  # an error, unless it is the controlling terminal
        return os.open("/dev/tty", flags), True
    return fileno, False
