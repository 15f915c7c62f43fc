"""Reads what Textual writes to a terminal: drawing goes to the canvas, all else is passed on.

Whatever Textual's compositor does, it can only say it in these sequences, so nothing of
Textual's inside is needed here.
"""

import re
from collections.abc import Callable
from enum import Enum, auto

from astra_tui.terminal.screen import Canvas
from astra_tui.terminal.style import linked, selected

SYNC_BEGIN, SYNC_END = "\x1b[?2026h", "\x1b[?2026l"
_CARRY_AT_MOST = 1 << 20  # characters of a sequence that comes in parts


class Effect(Enum):
    """What a sequence that is passed on does to the cells."""

    NONE = auto()  # they stay, and so do cursor and style
    ENTER = auto()  # the app's own screen comes, with nothing on it that is of interest
    LEAVE = auto()  # the shell's screen comes back, which is none of ours
    UNKNOWN = auto()  # nobody knows


Pass = Callable[[str, Effect], None]

_TOKEN = re.compile(
    r"\x1b\[(?P<sgr>[\d;:]*)m"
    r"|(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|\x1b\[(?P<row>\d*)(?:;(?P<column>\d*))?[Hf]"
    r"|\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|\x1b\[(?P<parameters>[0-?]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    r"|(?P<string>\x1b[PX^_](?:[^\x1b]|\x1b[^\\])*\x1b\\)"
    r"|(?P<escape>\x1b[ -/]*[0-OQ-WYZ\\`-~])"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f-\x9f])"
)
# The beginning of a sequence whose end has not come yet.
_BEGUN = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?|[PX^_](?:[^\x1b]|\x1b[^\\])*\x1b?)?"
)
_SCREENS = frozenset(("47", "1047", "1049"))
# Private modes that move the cursor or change what coordinates mean.
_DISTURBING = frozenset(("3", "6", "40", "69", "95", "1048"))
# Reports of state, device and modes; orders to the window; the cursor's shape. Those of
# keyboard protocols have a private mark before their parameters.
_NEUTRAL = frozenset(("n", "c", "t", "$p", " q"))


class Parser:
    """Feeds a canvas; `on_pass` gets the other sequences, whole and in their order."""

    def __init__(self, canvas: Canvas, on_pass: Pass) -> None:
        self._canvas = canvas
        self._pass = on_pass
        self._carry = ""
        self.synchronized = False  # the app has found that the terminal can hold back a frame

    def feed(self, data: str) -> None:
        if self._carry:
            data, self._carry = self._carry + data, ""
        canvas = self._canvas
        match = _TOKEN.match
        at, end = 0, len(data)
        while at < end:
            token = match(data, at)
            if token is None:
                begun = _BEGUN.fullmatch(data, at)
                if begun is not None and end - at <= _CARRY_AT_MOST:
                    self._carry = data[at:]
                    return
                at += 1  # an escape that begins nothing
                continue
            at = token.end()
            kind = token.lastgroup
            if kind == "sgr":
                canvas.pen = selected(canvas.pen, token["sgr"])
            elif kind == "text":
                canvas.put(token["text"])
            elif kind in ("row", "column"):
                canvas.move(_number(token["row"]) - 1, _number(token["column"]) - 1)
            elif kind == "final":
                self._control(token.group(), token["parameters"], token["between"], token["final"])
            elif kind == "osc":
                body = token["osc"]
                if body.startswith("8;"):
                    canvas.pen = linked(canvas.pen, body[2:])
                else:
                    self._pass(token.group(), Effect.NONE)
            elif kind == "control":
                self._single(token["control"])
            elif token.group() in ("\x1b=", "\x1b>"):  # keypad modes
                self._pass(token.group(), Effect.NONE)
            else:
                self._pass(token.group(), Effect.UNKNOWN)

    def _single(self, control: str) -> None:
        canvas = self._canvas
        if control == "\n":
            canvas.new_line()
        elif control == "\r":
            canvas.x = 0
        elif control == "\b":
            canvas.move(canvas.y, canvas.x - 1)
        elif control == "\t":
            canvas.move(canvas.y, (canvas.x // 8 + 1) * 8)
        elif control == "\a":
            self._pass(control, Effect.NONE)
        # Others draw nothing; in a text they come from outside and are not meant for a terminal.

    def _control(self, whole: str, parameters: str, between: str, final: str) -> None:
        if parameters.startswith("?") and final in "hl" and not between:
            self._mode(whole, parameters[1:].split(";"))
        elif between + final in _NEUTRAL or (
            parameters[:1] in ("<", "=", ">", "?") and final in "mqu" and not between
        ):
            self._pass(whole, Effect.NONE)
        elif (
            between
            or (parameters and not parameters.isdecimal())
            or not self._drawn(parameters, final)
        ):
            self._pass(whole, Effect.UNKNOWN)

    def _drawn(self, parameters: str, final: str) -> bool:
        """Move the cursor, or erase; False if the sequence is neither."""
        canvas, count = self._canvas, _number(parameters)
        y, x = canvas.y, canvas.x
        columns, rows = canvas.picture.columns, len(canvas.picture.texts)
        match final:
            case "A":
                canvas.move(y - count, x)
            case "B":
                canvas.move(y + count, x)
            case "C":
                canvas.move(y, x + count)
            case "D":
                canvas.move(y, x - count)
            case "G":
                canvas.move(y, count - 1)
            case "d":
                canvas.move(count - 1, x)
            case "J" | "K" if parameters in ("", "0", "1", "2"):
                before = parameters in ("1", "2")
                after = parameters != "1"
                canvas.erase(y, 0 if before else x, columns if after else x + 1)
                if final == "J":
                    above = range(y if before else 0)
                    for other in (*above, *range(y + 1, rows if after else 0)):
                        canvas.erase(other, 0, columns)
            case "X":
                canvas.erase(y, x, min(x + count, columns))
            case _:
                return False
        return True

    def _mode(self, whole: str, modes: list[str]) -> None:
        if whole in (SYNC_BEGIN, SYNC_END):
            # The line knows itself where a frame ends.
            self.synchronized = True
        elif _SCREENS.intersection(modes):
            self._pass(whole, Effect.ENTER if whole.endswith("h") else Effect.LEAVE)
        elif _DISTURBING.intersection(modes):
            self._pass(whole, Effect.UNKNOWN)
        else:
            self._pass(whole, Effect.NONE)


def _number(digits: str | None) -> int:
    """A parameter of a cursor sequence: 1 if it is left out or 0."""
    return min(int(digits[:6]), 100_000) or 1 if digits else 1
