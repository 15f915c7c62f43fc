"""Outside strings made safe to show, and values made short to read.

`name_text()` is the only way an outside string (object name, metadata, message, error of a
server) reaches the screen. It returns a Rich `Text`, which no widget reads as markup. Where
a `str` must be handed over (a notice, a log line), `visible()` gives the same characters.
"""

import time
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import Literal

from rich.cells import cell_len
from rich.text import Text

from widgets.glyphs import Glyphs, current

Cut = Literal["middle", "left", "right"]

# Characters that have no ink or change their neighbours, beyond what `str.isprintable` tells:
# joiners, fillers, variation selectors, regional indicators and skin tones (whose width no two
# terminals agree on), blank braille, tags.
_INVISIBLE = frozenset(
    chain(
        (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
        range(0x180B, 0x1810),
        range(0xFE00, 0xFE10),
        range(0x1F1E6, 0x1F200),
        range(0x1F3FB, 0x1F400),
        range(0xE0000, 0xE1000),
    )
)
_COMBINING_AT_MOST = 3  # marks on one letter; more would paint over the lines around
_MARK_STYLE = "reverse"

# A piece is what is never cut in two: (text, cells, is it a mark).
_Piece = tuple[str, int, bool]


def _mark(code: int) -> str:
    glyphs = current()
    if glyphs.controls:
        if code < 0x20:
            return chr(0x2400 + code)
        if code == 0x7F:
            return "␡"
    return f"{glyphs.open_mark}{code:02X}{glyphs.close_mark}"


def _pieces(raw: str) -> Iterator[_Piece]:
    """Visible pieces of a string, from left to right."""
    base, stacked = "", 0
    last = len(raw) - 1
    for index, char in enumerate(raw):
        if char.isascii():
            if base:
                yield base, cell_len(base), False
                base = ""
            if not char.isprintable():
                mark = _mark(ord(char))
                yield mark, len(mark), True
            elif char == " " and index in (0, last):
                yield current().space, 1, True
            else:
                base, stacked = char, 0
            continue
        combining = unicodedata.category(char) in ("Mn", "Me")
        if not char.isprintable() or ord(char) in _INVISIBLE:
            fits = False
        elif combining:
            fits = bool(base) and base != " " and stacked < _COMBINING_AT_MOST
        else:
            fits = cell_len(char) > 0
        if fits and combining:
            base += char
            stacked += 1
            continue
        if base:
            yield base, cell_len(base), False
            base = ""
        if fits:
            base, stacked = char, 0
        else:
            mark = _mark(ord(char))
            yield mark, len(mark), True
    if base:
        yield base, cell_len(base), False


def _plain(raw: str) -> bool:
    """True where every character shows as it is, one cell each (most names)."""
    return raw.isascii() and raw.isprintable() and raw[:1] != " " and raw[-1:] != " "


def _cut_pieces(pieces: list[_Piece], width: int, cut: Cut) -> list[_Piece]:
    if sum(piece[1] for piece in pieces) <= width:
        return pieces
    if width <= 0:
        return []
    room = width - 1
    head_room = {"right": room, "left": 0, "middle": room // 3}[cut]
    head: list[_Piece] = []
    for piece in pieces:
        if piece[1] > head_room:
            break
        head.append(piece)
        head_room -= piece[1]
    used = sum(piece[1] for piece in head)
    tail: list[_Piece] = []
    if cut != "right":
        tail_room = room - used
        for piece in reversed(pieces[len(head) :]):
            if piece[1] > tail_room:
                break
            tail.append(piece)
            tail_room -= piece[1]
    return [*head, (current().ellipsis, 1, False), *reversed(tail)]


def _shortened(raw: str, width: int | None) -> str:
    """Drop what cannot be seen anyway, so that a megabyte costs no more than a line."""
    if width is None:
        return raw
    keep = (max(width, 0) + 2) * (_COMBINING_AT_MOST + 1)
    return raw if len(raw) <= 2 * keep else raw[:keep] + raw[-keep:]


def name_text(raw: str, *, width: int | None = None, style: str = "", cut: Cut = "middle") -> Text:
    """An outside string as text that can do no harm.

    Control characters of both sets, bidi controls, zero-width and format characters, odd
    spaces, lone surrogates, newlines and tabs become visible marks, drawn reversed so that
    no name can imitate one. Markup stays letters. With `width` the text is at most that many
    cells wide: cut in the middle (more of the end is kept), on the left or on the right.
    """
    raw = _shortened(raw, width)
    if _plain(raw) and (width is None or len(raw) <= width):
        return Text(raw, style=style, no_wrap=True, end="")
    pieces = list(_pieces(raw))
    if width is not None:
        pieces = _cut_pieces(pieces, width, cut)
    text = Text(style=style, no_wrap=True, end="")
    for piece, _, marked in pieces:
        text.append(piece, _MARK_STYLE if marked else None)
    return text


Runs = tuple[tuple[str, bool], ...]


def cell_name(raw: str, width: int, cut: Cut = "middle") -> Runs:
    """The same as `name_text`, as runs of (text, is it a mark): what lists draw from.

    At most `width` cells wide.
    """
    raw = _shortened(raw, width)
    if _plain(raw) and len(raw) <= width:
        return ((raw, False),)
    return _cell_name(raw, width, cut, current())


@lru_cache(maxsize=2048)
def _cell_name(raw: str, width: int, cut: Cut, _glyphs: Glyphs) -> Runs:
    runs: list[tuple[str, bool]] = []
    for piece, _, marked in _cut_pieces(list(_pieces(raw)), width, cut):
        if runs and runs[-1][1] == marked:
            runs[-1] = (runs[-1][0] + piece, marked)
        else:
            runs.append((piece, marked))
    return tuple(runs)


def visible(raw: str, *, width: int | None = None, cut: Cut = "middle") -> str:
    """The characters of `name_text` as a plain string, for what takes a `str` and no markup."""
    return name_text(raw, width=width, cut=cut).plain


def fold(raw: str, width: int) -> list[Runs]:
    """An outside string, all of it, as runs of (text, is it a mark) in lines of `width` cells.

    Nothing is left out or moved: lines break where they are full, as a preview of a file needs.
    """
    width = max(width, 2)
    if _plain(raw):
        return [((raw[at : at + width], False),) for at in range(0, len(raw), width)] or [()]
    lines: list[Runs] = []
    runs: list[tuple[str, bool]] = []
    used = 0
    for piece, cells, marked in _pieces(raw):
        if used + cells > width and runs:
            lines.append(tuple(runs))
            runs, used = [], 0
        if runs and runs[-1][1] == marked:
            runs[-1] = (runs[-1][0] + piece, marked)
        else:
            runs.append((piece, marked))
        used += cells
    return [*lines, tuple(runs)]


def wrap(raw: str, width: int, *, lines: int = 0) -> list[str]:
    """An outside string as visible lines of at most `width` cells, broken between words where
    that is possible. With `lines` at most so many, the last one cut."""
    width = max(width, 1)
    out: list[str] = []
    line, used = "", 0
    word, word_cells = "", 0

    def put_word() -> None:
        nonlocal line, used, word, word_cells
        if used and used + word_cells > width:
            out.append(line.rstrip())
            line, used = "", 0
        line += word
        used += word_cells
        word, word_cells = "", 0

    limit = (width + 2) * (_COMBINING_AT_MOST + 1) * lines if lines else len(raw)
    for piece, cells, _ in _pieces(raw[:limit]):
        if piece == " ":
            put_word()
            if used and used < width:
                line, used = line + " ", used + 1
            continue
        if word_cells + cells > width:
            put_word()
            out.append(line)
            line, used = "", 0
        word += piece
        word_cells += cells
    put_word()
    if line.strip():
        out.append(line.rstrip())
    if lines and (len(out) > lines or limit < len(raw)) and out:
        end = current().ellipsis
        out = out[:lines]
        out[-1] = visible(out[-1], width=width - 1, cut="right").removesuffix(end) + end
    return out


def size_text(size: int | None) -> str:
    """Bytes in at most five characters: `0`, `512`, `2.5K`, `10M`, `1.2G`; None is `?`."""
    if size is None or size < 0:
        return "?"
    if size < 1000:
        return str(size)
    value = float(size)
    for unit in "KMGTPE":
        value /= 1024
        if value < 9.95:
            return f"{value:.1f}{unit}"
        if value < 999.5:
            return f"{value:.0f}{unit}"
    return f"{value:.0f}E"


def bytes_text(size: int | None) -> str:
    """Bytes with the unit's full name: `512 B`, `2.5 KiB`, `10 MiB`; None is `?`."""
    short = size_text(size)
    if short == "?":
        return short
    if short[-1].isdigit():
        return f"{short} B"
    return f"{short[:-1]} {short[-1]}iB"


def rate_text(rate: float) -> str:
    """Bytes a second: `48 MiB/s`; nothing while unknown (0)."""
    return f"{bytes_text(int(rate))}/s" if rate >= 1 else ""


def count_text(number: int) -> str:
    """`1,204`; from a million on `1.2M`, so that a line keeps its width."""
    if abs(number) < 1_000_000:
        return f"{number:,}"
    value, unit = number / 1e6, "M"
    if abs(value) >= 1000:
        value, unit = value / 1000, "G"
    return f"{value:.1f}{unit}" if abs(value) < 100 else f"{value:.0f}{unit}"


def amount_text(number: int) -> str:
    """A count in at most four characters: `7`, `999`, `1.2k`, `12k`, `3.4M`."""
    if number < 1000:
        return str(number)
    value = float(number)
    for unit in "kMG":
        value /= 1000
        if value < 9.95:
            return f"{value:.1f}{unit}"
        if value < 999.5:
            return f"{value:.0f}{unit}"
    return f"{value:.0f}G"


def counted(number: int, noun: str) -> str:
    """`1 object`, `1,204 objects`."""
    return f"{count_text(number)} {noun}" if number == 1 else f"{count_text(number)} {noun}s"


def age_text(days: float) -> str:
    """Days in at most four characters: `12m`, `5h`, `45d`, `400d`, `2.7y`."""
    minutes = max(days, 0.0) * 1440
    if minutes < 60:
        return f"{int(minutes)}m"
    if minutes < 1440:
        return f"{int(minutes // 60)}h"
    if days < 1000:
        return f"{int(days)}d"
    years = days / 365.25
    return f"{years:.1f}y" if years < 99.95 else f"{years:.0f}y"


def money_text(value: float | None, *, currency: bool = False, signed: bool = False) -> str:
    """USD in a few characters; None is `?` (`unknown` with the currency), never 0.

    Cents from one cent on (`1.15`, `1,204.00`), whole dollars from 10,000 on, below a cent
    four places (`0.0058`), below those `<0.0001`.
    """
    if value is None:
        return "unknown" if currency else "?"
    size = abs(value)
    if size == 0:
        text = "0.00"
    elif size < 0.0001:
        text = "<0.0001"
    elif size < 0.00995:
        text = f"{size:.4f}"
    elif size < 9999.995:
        text = f"{size:,.2f}"
    elif size < 999_999.5:
        text = f"{size:,.0f}"
    else:
        text = f"{size / 1e6:,.2f}M"
    if currency:
        text = f"<${text[1:]}" if text.startswith("<") else f"${text}"
    more = signed and value > 0 and "<" not in text  # `+<$0.0001` reads like noise
    sign = current().minus if value < 0 else "+" if more else ""
    return sign + text


def duration_text(seconds: float) -> str:
    """Two units: `<1s`, `12s`, `3m 05s`, `2h 05m`, `4d 03h`."""
    if seconds < 1:
        return "<1s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02}h"


def clock_text(when: float, *, now: float | None = None, seconds: bool = True) -> str:
    """Local time of day, `12:04:31`; with the date before it on another day than `now`."""
    if when <= 0:
        return ""
    local = time.localtime(when)
    text = time.strftime("%H:%M:%S" if seconds else "%H:%M", local)
    if now is not None and now > 0 and time.localtime(now)[:3] != local[:3]:
        text = time.strftime("%Y-%m-%d ", local) + text
    return text


def date_text(when: float) -> str:
    """Local date and time, `2026-11-21 12:04:31`; `?` while unknown."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when)) if when > 0 else "?"
