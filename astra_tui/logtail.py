"""The end of a log file that grows: records of one line or many, read a bounded piece at a time."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from astra_tui.redact import redact

LEVELS = ("debug", "info", "warning", "error")
FIRST_READ = 256 * 1024  # bytes of the end of a log that was there before
_READ_AT_ONCE = 1024 * 1024
_LONGEST_RECORD = 64 * 1024  # characters; what is more is only said
_HEAD = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) (DEBUG|INFO|WARNING|ERROR|CRITICAL) +([\w.]+): (.*)"
)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One record. `text` is its first line; `more` the lines below it, such as a traceback."""

    time: float
    level: str  # of LEVELS
    origin: str  # console, engine or notice
    name: str
    text: str
    more: str = ""

    @property
    def whole(self) -> str:
        """All of it."""
        return f"{self.text}\n{self.more}" if self.more else self.text

    def fits(self, level: str, text: str) -> bool:
        """Whether it is of that level or a graver one, and holds the text (in any case)."""
        if LEVELS.index(self.level) < LEVELS.index(level):
            return False
        wanted = text.lower()
        return not wanted or wanted in f"{self.origin} {self.name} {self.whole}".lower()


class LogTail:
    """Follows one file; `read` gives what was added. Nothing of it raises for a file that is
    gone, turned over or cut short: the next call begins where there is something."""

    def __init__(self, path: Path, origin: str, known: Sequence[str] = ()) -> None:
        self.path, self.origin = path, origin
        self._known = tuple(known)
        self._at = -1  # where the next byte is, -1 before the first look
        self._inode = 0
        self._rest = b""  # of a line that is not whole yet
        self._open: LogEntry | None = None  # may get more lines

    def read(self) -> tuple[list[LogEntry], bool]:
        """New records, and whether the first of them is the last one told before, longer now."""
        raw = self._new_bytes()
        if not raw:
            return [], False
        *lines, self._rest = (self._rest + raw).split(b"\n")
        if len(self._rest) > _LONGEST_RECORD:
            lines, self._rest = [*lines, self._rest], b""
        found = [] if self._open is None else [self._open]
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip("\r")
            head = _HEAD.fullmatch(text)
            if head is not None:
                found.append(self._entry(head))
            elif found and len(found[-1].more) < _LONGEST_RECORD:
                more = found[-1].more
                found[-1] = replace(found[-1], more=f"{more}\n{text}" if more else text)
            # else: the middle of a record whose head lies before our piece
        again = self._open is not None and found[0] is not self._open
        if self._open is not None and not again:
            del found[0]
        if found:
            self._open = found[-1]
        return [self._clean(entry) for entry in found], again

    def _clean(self, entry: LogEntry) -> LogEntry:
        # Logs of earlier versions were written as they came.
        text, more = redact(entry.text, self._known), redact(entry.more, self._known)
        return replace(entry, text=text, more=more)

    def _entry(self, head: re.Match[str]) -> LogEntry:
        when = datetime.fromisoformat(head[1]).timestamp() + int(head[2]) / 1000
        level = "error" if head[3] == "CRITICAL" else head[3].lower()
        return LogEntry(when, level, self.origin, head[4], head[5].strip()[:_LONGEST_RECORD])

    def _new_bytes(self) -> bytes:
        try:
            with self.path.open("rb") as stream:
                status = os.fstat(stream.fileno())
                if status.st_ino != self._inode or status.st_size < self._at:
                    fresh = self._at < 0
                    self._inode, self._rest, self._open = status.st_ino, b"", None
                    self._at = max(status.st_size - FIRST_READ, 0) if fresh else 0
                if status.st_size == self._at:
                    return b""
                stream.seek(self._at)
                raw = stream.read(_READ_AT_ONCE)
        except OSError:
            return b""
        self._at += len(raw)
        return raw
