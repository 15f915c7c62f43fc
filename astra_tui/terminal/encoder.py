"""The least that turns what a terminal shows into what the app wants shown.

Only what a VT100 has is used, and erasing where terminfo promises it: moves, SGR and text.
"""

from dataclasses import dataclass

from astra_tui.terminal.cells import is_sure
from astra_tui.terminal.screen import UNSAID, Canvas, Picture
from astra_tui.terminal.style import NO_LINK, Style, change

_BRIDGE = 3  # unchanged cells that are written again rather than jumped over
_ERASE = 9  # blanks that are erased rather than written


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a terminal can do beyond a VT100: erase n characters (ECH), and erase in the
    background colour (bce)."""

    erase: bool = False
    coloured_erase: bool = False


class Encoder:
    """Keeps what the terminal shows once it has read all that was encoded."""

    def __init__(self, canvas: Canvas, abilities: Abilities) -> None:
        self._canvas = canvas
        self._can = abilities
        self.shown = Picture(canvas.picture.columns, len(canvas.picture.texts))
        self._pen: Style | None = None
        self._cursor: tuple[int, int] | None = None
        self._next = 0  # the row to go on with
        self._out: list[str] = []

    @property
    def idle(self) -> bool:
        """Is everything shown that is wanted?"""
        canvas = self._canvas
        if not canvas.begun:
            return True
        return not canvas.changed and self._cursor == self._wanted_cursor

    @property
    def _wanted_cursor(self) -> tuple[int, int]:
        canvas = self._canvas
        return min(canvas.y, canvas.height - 1), min(canvas.x, canvas.width - 1)

    def forget(self) -> None:
        """Nothing is known of the terminal any more, neither cells nor cursor nor style."""
        self.shown.forget()
        self._pen = self._cursor = None
        self._canvas.change_all()

    def plain(self) -> str:
        """Ends colours and links, before something goes out that is not known here."""
        self._pen = None
        return f"{NO_LINK}\x1b[0m"

    def encode(self, limit: int) -> str:
        """What is to be sent next: whole rows, until there are `limit` characters.

        Rows take turns, so that busy ones at the top leave the line to those below.
        """
        canvas = self._canvas
        picture = canvas.picture
        self.shown.grow(picture.columns, len(picture.texts))
        out: list[str] = []
        self._out = out
        size = 0
        waiting = sorted(canvas.changed)
        late = [y for y in waiting if y >= self._next]
        for y in late + waiting[: len(waiting) - len(late)]:
            if size >= limit:
                self._next = y
                break
            canvas.changed.discard(y)
            if y < canvas.height:
                before = len(out)
                self._row(y)
                size += sum(len(part) for part in out[before:])
        else:
            self._next = 0
            self._go(*self._wanted_cursor)
        return "".join(out)

    # -- one row ------------------------------------------------------------------------

    def _row(self, y: int) -> None:
        wanted, shown, width = self._canvas.picture, self.shown, self._canvas.width
        texts, styles = wanted.texts[y], wanted.styles[y]
        old_texts, old_styles = shown.texts[y], shown.styles[y]
        if texts == old_texts and styles == old_styles:
            return
        cells = [
            x for x in range(width)
            if texts[x] != old_texts[x] or styles[x] is not old_styles[x]
        ]  # fmt: skip
        if wanted.odd[y] or shown.odd[y]:
            wanted.odd[y] = any(map(_is_odd, texts))
            if cells:
                # What such a text covers is known to the terminal alone: all after it is new.
                first = min(cells[0], _first_odd(texts), _first_odd(old_texts))
                cells = list(range(first, width))
            shown.odd[y] = wanted.odd[y]
        for first, end in self._runs(cells, texts, styles, old_texts):
            self._write(y, first, end, texts, styles)
        old_texts[:width] = texts[:width]
        old_styles[:width] = styles[:width]

    def _runs(
        self, cells: list[int], texts: list[str], styles: list[Style], old_texts: list[str]
    ) -> list[tuple[int, int]]:
        """Stretches of cells to write, none of which begins or ends within a wide character."""
        runs: list[tuple[int, int]] = []
        width = self._canvas.width
        for x in cells:
            if runs and x < runs[-1][1]:
                continue
            first, end = x, x + 1
            while first > 0 and not (texts[first] and old_texts[first]):
                first -= 1
            while end < width and not (texts[end] and old_texts[end]):
                end += 1
            if runs and first <= runs[-1][1] + _BRIDGE:
                start, last = runs[-1]
                if all(styles[i] is styles[last - 1] for i in range(last, first)):
                    runs[-1] = start, end
                    continue
                first = max(first, last)
            runs.append((first, end))
        return runs

    def _write(self, y: int, first: int, end: int, texts: list[str], styles: list[Style]) -> None:
        """Write the cells [first, end) of a row."""
        x, width = first, self._canvas.width
        while x < end:
            text, look = texts[x], styles[x]
            if text == UNSAID or not text:
                x += 1
                continue
            self._go(y, x)
            if text == " ":
                blanks = self._blanks(x, width, texts, styles)
                erased = self._erase(y, x, blanks, end)
                if erased:
                    x += erased
                    continue
            elif not is_sure(text):
                x = self._odd(y, x, texts, look)
                continue
            x = self._text(y, x, end, texts, styles)

    def _text(self, y: int, x: int, end: int, texts: list[str], styles: list[Style]) -> int:
        """Write cells of one look; returns the cell after them."""
        look = styles[x]
        if self._pen is None or not (self._pen is look or _same_blank(self._pen, texts[x], look)):
            self._out.append(change(self._pen, look))
            self._pen = look
        pen = self._pen
        start, blanks = x, 0
        sure_only = self._canvas.picture.odd[y]
        while x < end:
            text, style = texts[x], styles[x]
            if style is not pen and not (text == " " and pen.blank is style):
                break
            if text == " ":
                blanks += 1
                if blanks >= _ERASE and x + 1 - blanks > start:
                    x -= blanks - 1
                    break
            elif text == UNSAID or (sure_only and text and not is_sure(text)):
                break
            else:
                blanks = 0
            x += 1
        written = "".join(texts[start:x])
        width = self._canvas.width
        if x == width < len(texts) and not texts[width]:  # a wide character without its half
            head = x - 1
            while head > start and not texts[head]:
                head -= 1
            written = "".join(texts[start:head]) + " " * (x - head)
        self._out.append(written)
        self._cursor = (y, x) if x < width else None
        return x

    def _odd(self, y: int, x: int, texts: list[str], look: Style) -> int:
        """Write a text of uncertain cells, on blank ground, and believe nothing after it."""
        end = x + 1
        while end < len(texts) and not texts[end]:
            end += 1
        self._out.append(change(self._pen, look))
        self._pen = look
        self._out.append(" " * (min(end, self._canvas.width) - x))
        self._cursor = None
        if end <= self._canvas.width:
            self._go(y, x)
            self._out.append(texts[x])
            self._cursor = None
        return end

    # -- blanks -------------------------------------------------------------------------

    @staticmethod
    def _blanks(x: int, width: int, texts: list[str], styles: list[Style]) -> int:
        """How many cells from x on are blank and look alike."""
        at, look = x, styles[x]
        while at < width and texts[at] == " " and styles[at] is look:
            at += 1
        return at - x

    def _erase(self, y: int, x: int, blanks: int, end: int) -> int:
        """Erase blanks if that is shorter than to write them; returns how many."""
        look = self._canvas.picture.styles[y][x]
        plain = not (look.attributes or look.extra or look.link)
        if not plain or (look.bg and not self._can.coloured_erase):
            return 0
        to_edge = x + blanks == self._canvas.width
        count = min(blanks, end - x)
        if count < (4 if to_edge else _ERASE) or not (to_edge or self._can.erase):
            return 0
        if self._pen is None or self._pen.blank is not look:
            self._out.append(change(self._pen, look))
            self._pen = look
        self._out.append("\x1b[K" if to_edge else f"\x1b[{count}X")
        return blanks if to_edge else count

    # -- the cursor ---------------------------------------------------------------------

    def _go(self, y: int, x: int) -> None:
        if self._cursor == (y, x):
            return
        row = str(y + 1) if y else ""
        way = f"\x1b[{row};{x + 1}H" if x else f"\x1b[{row}H"
        if self._cursor is not None:
            at_y, at_x = self._cursor
            if at_y == y:
                step = _sideways(x - at_x)
                if x == 0:
                    step = "\r"
            elif at_x == x or x == 0:
                step = _steps(abs(y - at_y), "B" if y > at_y else "A")
                if at_x != x:
                    step = "\r" + step
            else:
                step = way
            way = min(way, step, key=len)
        self._out.append(way)
        self._cursor = (y, x)


def _sideways(count: int) -> str:
    if -3 <= count < 0:
        return "\b" * -count
    return _steps(abs(count), "C" if count > 0 else "D")


def _steps(count: int, final: str) -> str:
    return f"\x1b[{final}" if count == 1 else f"\x1b[{count}{final}"


def _same_blank(pen: Style, text: str, look: Style) -> bool:
    """Does a blank of that look come out right with this pen?"""
    return text == " " and pen.blank is look


def _is_odd(text: str) -> bool:
    return bool(text) and text != UNSAID and not is_sure(text)


def _first_odd(texts: list[str]) -> int:
    return next((x for x, text in enumerate(texts) if _is_odd(text)), len(texts))
