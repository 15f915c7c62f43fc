"""What a verb prints: data on stdout, narration on stderr.

With `--json` stdout carries one JSON object a line, ASCII only, names exactly as they are.
Without it names are shown as the console shows them: harmless in any terminal.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from astra_tui.cli.exits import ReaderGone, say
from engine.errors import StateError

if TYPE_CHECKING:
    from engine.model import Address

_SAMPLE = 500  # rows that decide how wide a table's columns are


class Output:
    """stdout of one command.

    When its reader goes away a command ends (`ReaderGone`), except one that carries out work
    (`keep_going`): that finishes and tells the ledger.
    """

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self.keep_going = False
        self.failed = ""  # why output was lost, "" if none was or nobody wanted it
        self._closed = False

    def emit(self, value: dict[str, Any]) -> None:
        """One JSON object on a line of its own, if JSON is wanted."""
        if self.json:
            self._write(json.dumps(value) + "\n")

    def emit_all(self, values: Iterable[dict[str, Any]]) -> None:
        """Many JSON objects that are at hand, in as few writes as may be."""
        if self.json:
            rest = iter(values)
            while some := [json.dumps(value) for value in islice(rest, _SAMPLE)]:
                self._write("\n".join(some) + "\n")

    def emit_lines(self, windows: Iterable[Sequence[str]]) -> None:
        """JSON objects that are encoded already, a window of them with each write."""
        if self.json:
            for lines in windows:
                self._write("\n".join(lines) + "\n")

    def line(self, text: str = "") -> None:
        """One line for a human; the caller has made names visible."""
        if not self.json:
            self._write(text + "\n")

    def raw(self, text: str) -> None:
        """Text in a form of its own, as it is; the caller has made it harmless."""
        if text:
            self._write(text)

    def say(self, text: str) -> None:
        """Narration, on stderr."""
        say(text)

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, err: bool = False
    ) -> None:
        """Aligned columns, streamed; a heading that begins with `>` aligns right. The last
        column is never padded, so names go there."""
        for text in table_lines(columns, rows):
            if err:
                say(text)
            else:
                self.line(text)

    def _write(self, text: str) -> None:
        if self._closed:
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            self._close()
            if not self.keep_going:
                raise ReaderGone from None
        except OSError as error:
            self._close()
            if not self.keep_going:
                raise StateError(
                    f"The output cannot be written: {error.strerror}.",
                    subject="stdout",
                    safe="Nothing else was changed by that.",
                    todo="Free space where the output goes and run it again.",
                ) from error
            self.failed = f"the output could not be written ({error.strerror})"
            say(f"Warning: {self.failed}; the work goes on and is in the ledger.")

    def _close(self) -> None:
        """Let later flushes of stdout, also the interpreter's own, find a place to go."""
        self._closed = True
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, sys.stdout.fileno())
        os.close(sink)


def table_lines(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    """A heading and one line a row, columns two blanks apart; nothing for no rows."""
    from rich.cells import cell_len

    rest = iter(rows)
    sample = list(islice(rest, _SAMPLE))
    if not sample:
        return
    heads = [name.removeprefix(">") for name in columns]
    widths = [max(cell_len(row[i]) for row in [heads, *sample]) for i in range(len(columns))]
    for row in chain([heads], sample, rest):
        cells = []
        for column, width, cell in zip(columns, widths, row, strict=True):
            gap = " " * max(width - cell_len(cell), 0)
            cells.append(gap + cell if column.startswith(">") else cell + gap)
        yield "  ".join(cells).rstrip()


def hanging(text: str, indent: int, *, err: bool = False) -> list[str]:
    """A line as a terminal shows it whole: broken between words, what follows `indent` cells in.
    Elsewhere it stays one line, for `grep`."""
    stream = sys.stderr if err else sys.stdout
    if not stream.isatty():
        return [text]
    from widgets.text import wrap

    body = text.lstrip(" ")
    width = max(shutil.get_terminal_size().columns - 1, indent + 20)
    first, *rest = wrap(body, width - indent) or [""]
    return [" " * (len(text) - len(body)) + first, *(" " * indent + line for line in rest)]


def address_text(address: "Address") -> str:
    """An address in visible characters; blanks that begin or end its key are marked."""
    from widgets.text import visible

    return visible(f"{address.cloud}:{address.bucket}/") + visible(address.key)


def counted(count: int, what: str) -> str:
    """`1 object`, `2 objects`."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def usd(value: float | None, *, currency: bool = False, signed: bool = False) -> str:
    """USD for a human; a figure that nobody knows says so."""
    from widgets.text import money_text

    return "unknown" if value is None else money_text(value, currency=currency, signed=signed)


def prepare_streams() -> None:
    """Let no name that the locale cannot spell end the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
