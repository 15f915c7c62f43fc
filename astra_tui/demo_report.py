"""How the script talks: phases, plain tables, and checks that are `ok` or `FAILED`."""

import os
import time
from collections.abc import Sequence
from typing import TextIO

from widgets.text import visible


class Report:
    """Writes to `out` line by line; colour only on a terminal that has not refused it."""

    def __init__(self, out: TextIO) -> None:
        self.checks = 0
        self.failed: list[str] = []
        self._out = out
        self._colour = out.isatty() and "NO_COLOR" not in os.environ
        self._phase = ""
        self._since = time.monotonic()
        self._before = (0, 0)
        self._began = self._since

    def begin(self, number: int, of: int, title: str, words: str) -> None:
        """Begin a phase, with a sentence about what happens in it."""
        self._phase = f"Phase {number}"
        self._since = time.monotonic()
        self._before = (self.checks, len(self.failed))
        self._write("")
        self._write(self._styled("1", f"Phase {number} of {of} · {title}"))
        self._write(f"  {words}")

    def end(self) -> None:
        """End the phase with its own result."""
        checks = self.checks - self._before[0]
        failed = len(self.failed) - self._before[1]
        result = f"{failed} of {checks} checks FAILED" if failed else f"all {checks} checks held"
        if not checks:
            self.check(False, "this phase checked nothing")
            result = "1 of 1 checks FAILED"
        self._write(f"  {self._phase}: {result}, {time.monotonic() - self._since:.1f} s")

    def line(self, text: str = "") -> None:
        """A line of the phase; outside strings in it were made visible by the caller."""
        self._write(f"  {text}" if text else "")

    def table(self, rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
        """Aligned columns; those numbered in `right` to the right, the last one unpadded."""
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            cells = [
                cell.rjust(width) if column in right else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            self.line("  ".join(cells).rstrip())

    def check(self, held: bool, text: str) -> bool:
        """Write one check; a failed one decides the exit code."""
        self.checks += 1
        if held:
            self._write(f"  {self._styled('32', 'ok')}      {text}")
        else:
            self.failed.append(f"{self._phase}: {text}")
            self._write(f"  {self._styled('1;31', 'FAILED')}  {text}")
        return held

    def finish(self, complete: bool) -> int:
        """The last lines; 0 if every check of every phase held, else 1."""
        self._write("")
        seconds = time.monotonic() - self._began
        if complete and not self.failed:
            self._write(f"All ten phases held: {self.checks} checks in {seconds:.0f} s.")
            return 0
        for text in self.failed:
            self._write(f"FAILED  {text}")
        self._write(f"{len(self.failed)} of {self.checks} checks FAILED in {seconds:.0f} s.")
        return 1

    def _styled(self, style: str, text: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._colour else text

    def _write(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()


def name(raw: str, width: int = 44) -> str:
    """A name from outside as one harmless, short text."""
    return visible(raw, width=width)


def usd(value: float | None) -> str:
    """USD to a millionth: the demo's objects are small, and so are their bills."""
    return "unknown" if value is None else f"{value:.6f}"
