"""What this terminal can show, as far as the environment tells. Asks the terminal nothing."""

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

from engine.model import Check, CheckState

_SUBJECT = "terminal"
# Multiplexers hold OSC 52 back unless they are told to pass it on.
_CLIPBOARD = (
    ("TMUX", "tmux", "set -g set-clipboard on"),
    ("STY", "screen", "nothing helps: screen has no OSC 52; use tmux, or select with the mouse"),
)


def terminal_checks(*streams: TextIO | None) -> Iterator[Check]:
    """Is it a terminal, how large, which colours, UTF-8, and does copying work.

    `streams`: where to look; a full-screen program has put others in the place of sys.stdout.
    """
    yield from _checks([s for s in streams or (sys.stdout, sys.stderr) if s is not None])


def _checks(streams: Sequence[TextIO]) -> Iterator[Check]:
    if not any(stream.isatty() for stream in streams):
        detail = "no terminal here; the verbs need none, the console does"
        yield Check(_SUBJECT, "present", CheckState.SKIPPED, detail)
        return
    stream = next(stream for stream in streams if stream.isatty())
    term = os.environ.get("TERM", "")
    if term in ("", "dumb"):
        todo = "Set TERM to what the terminal is, such as xterm-256color."
        yield Check(_SUBJECT, "TERM", CheckState.FAILED, term or "not set", todo)
    else:
        yield Check(_SUBJECT, "TERM", CheckState.OK, term)
    columns, lines = os.get_terminal_size(stream.fileno())
    if not columns or not lines:
        yield Check(_SUBJECT, "size", CheckState.SKIPPED, "the terminal does not tell")
    elif columns < 80 or lines < 24:
        todo = "Make the window at least 80x24 for the console."
        yield Check(_SUBJECT, "size", CheckState.WARNING, f"{columns}x{lines}", todo)
    else:
        yield Check(_SUBJECT, "size", CheckState.OK, f"{columns}x{lines}")
    yield _colours(term)
    if "utf" in (stream.encoding or "").lower():
        yield Check(_SUBJECT, "UTF-8", CheckState.OK, stream.encoding)
    else:
        todo = "Set LANG to a UTF-8 locale such as C.UTF-8, or ascii = true in [console]."
        yield Check(_SUBJECT, "UTF-8", CheckState.WARNING, stream.encoding or "unknown", todo)
    for variable, name, todo in _CLIPBOARD:
        if os.environ.get(variable):
            yield Check(_SUBJECT, "copying (OSC 52)", CheckState.WARNING, f"inside {name}", todo)
            return
    detail = "most terminals take it; what is copied is also shown"
    yield Check(_SUBJECT, "copying (OSC 52)", CheckState.OK, detail)


def _colours(term: str) -> Check:
    if os.environ.get("NO_COLOR"):
        return Check(_SUBJECT, "colours", CheckState.OK, "none, as NO_COLOR asks")
    if os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit") or "direct" in term:
        return Check(_SUBJECT, "colours", CheckState.OK, "16 million")
    if "256color" in term:
        return Check(_SUBJECT, "colours", CheckState.OK, "256")
    todo = "If the terminal can show more, set COLORTERM=truecolor."
    return Check(_SUBJECT, "colours", CheckState.WARNING, "16 at most are announced", todo)
