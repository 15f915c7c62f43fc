"""The bytes of a preview as lines for the screen: text, JSON, a table, a hex dump.

All of it is hostile: controls and bidi characters show as marks, lines of any length are folded,
and no more than `MOST_LINES` are laid out.
"""

import csv
import json
import re
from collections.abc import Iterator

from rich.cells import cell_len

from engine.model import Preview, PreviewKind
from widgets.cells import Cell, Part
from widgets.glyphs import current
from widgets.text import fold, visible

MOST_LINES = 4000
_TAB = 8
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*(e[+-]?[0-9]+)?%?", re.IGNORECASE)
_WIDEST = 30  # cells of a table's column
_MEASURED = 200  # rows that decide how wide the columns are
_INDENT = 2
_DEEPEST = 40  # cells of indentation


def body_lines(
    preview: Preview, width: int, *, as_bytes: bool = False, column: int = 0
) -> list[Cell]:
    """What was read, at most `MOST_LINES` lines; a table begins with its `column`."""
    lines: Iterator[Cell]
    if as_bytes or preview.kind in (PreviewKind.BINARY, PreviewKind.PICTURE):
        lines = hex_lines(preview.data)
    elif preview.kind is PreviewKind.TABLE:
        lines = table_lines(preview.text, preview.delimiter, width, column, whole=preview.whole)
    elif preview.kind is PreviewKind.JSON:
        lines = (line for text in indented(preview.text) for line in _folded(text, width))
    else:
        lines = text_lines(preview.text, width)
    found: list[Cell] = []
    for line in lines:
        if len(found) == MOST_LINES:
            found.append((f"{current().ellipsis} further lines are not laid out", "dim"))
            break
        found.append(line)
    return found


# -- text -------------------------------------------------------------------------------


def text_lines(text: str, width: int) -> Iterator[Cell]:
    """Lines with their numbers, folded where they are too long."""
    lines = text.removeprefix("\ufeff").split("\n")
    if lines[-1] == "":
        del lines[-1]
    digits = max(len(str(len(lines))), 3)
    blank = " " * (digits + 1)
    for number, line in enumerate(lines, 1):
        lead: Part = (f"{number:>{digits}} ", "dim")
        for folded in _folded(line.removesuffix("\r").expandtabs(_TAB), width - digits - 1):
            rest = folded if isinstance(folded, list) else [folded]
            yield [lead, *rest]
            lead = blank


def _folded(line: str, width: int) -> Iterator[Cell]:
    """A line, its indentation kept on the lines that it is folded into."""
    bare = line.lstrip(" ")
    deep = min(len(line) - len(bare), max(width - 20, 0))
    for runs in fold(bare, width - deep):
        marks: list[Part] = [(text, "mark" if marked else "") for text, marked in runs]
        yield [" " * deep, *marks]


# -- JSON -------------------------------------------------------------------------------


def indented(text: str) -> Iterator[str]:
    """JSON with a line for each member, by its signs alone: numbers and names stay as they are
    written, no nesting is too deep, and a text that ends early is shown as far as it goes."""
    deep, line = 0, ""
    at, end = 0, len(text)
    while at < end:
        sign = text[at]
        if sign == '"':
            close = _string_end(text, at)
            line += _readable(text[at:close])
            at = close
            continue
        at += 1
        if sign in " \t\r\n":
            continue
        if sign in "{[":
            deep += 1
            after = _skipped(text, at)
            if text[after : after + 1] == ("}" if sign == "{" else "]"):
                line, at, deep = line + sign + text[after], after + 1, deep - 1
                continue
            yield _at(deep - 1, line + sign)
            line = ""
        elif sign in "}]":
            if line:
                yield _at(deep, line)
            deep, line = max(deep - 1, 0), sign
        elif sign == ",":
            yield _at(deep, line + sign)
            line = ""
        else:
            line += ": " if sign == ":" else sign
    if line:
        yield _at(deep, line)


def _at(deep: int, line: str) -> str:
    return " " * min(deep * _INDENT, _DEEPEST) + line


def _skipped(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _string_end(text: str, at: int) -> int:
    """Where the string that begins there ends, its closing quote included."""
    at += 1
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == '"':
            return at + 1
        else:
            at += 1
    return len(text)


def _readable(string: str) -> str:
    r"""The string with its `\u00fc` as letters; quotes and backslashes stay escaped."""
    if "\\u" not in string:
        return string
    try:
        return json.dumps(json.loads(string), ensure_ascii=False)
    except ValueError:
        return string


# -- tables -----------------------------------------------------------------------------


def table_lines(
    text: str, delimiter: str, width: int, first: int, *, whole: bool
) -> Iterator[Cell]:
    """Rows with aligned columns from the one with number `first` on; numbers stand at the right.

    A last row that the end of the bytes may have cut is left out.
    """
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    if not whole and len(lines) > 1:
        del lines[-1]
    rows: list[list[str]] = []
    broken = ""
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            rows.append(row)
            if len(rows) > MOST_LINES:
                break
    except csv.Error as error:
        broken = f"row {len(rows) + 1} cannot be read: {error}"
    shown, right, count = _columns(rows, width, first)
    if not shown:
        return
    more = f"columns {first + 1} to {first + len(shown)} of {count}" if len(shown) < count else ""
    if more:
        yield (more, "dim")
    for number, row in enumerate(rows):
        parts: list[Part] = []
        for index, cells in enumerate(shown, first):
            parts += ["  "] if parts else []
            value = row[index] if index < len(row) else ""
            seen = visible(value.strip(), width=cells, cut="right")
            gap = " " * (cells - cell_len(seen))
            at_right = right[index] and (number == 0 or _NUMBER.fullmatch(value.strip()))
            text = f"{gap}{seen}" if at_right else f"{seen}{gap}"
            parts.append((text, "" if number else "group"))
        yield parts
    if broken:
        yield (visible(broken), "warn")


def column_count(preview: Preview) -> int:
    """How many columns a table has, by its first line; 0 for what is none."""
    if preview.kind is not PreviewKind.TABLE:
        return 0
    line = preview.text.removeprefix("\ufeff").splitlines()[:1]
    return max((len(row) for row in csv.reader(line, delimiter=preview.delimiter)), default=0)


def _columns(
    rows: list[list[str]], width: int, first: int
) -> tuple[list[int], dict[int, bool], int]:
    """Widths of the columns that fit, which of them hold numbers, and how many there are."""
    count = max((len(row) for row in rows[:_MEASURED]), default=0)
    widths: list[int] = []
    right: dict[int, bool] = {}
    left = width
    for index in range(first, count):
        values = [row[index].strip() for row in rows[:_MEASURED] if index < len(row)]
        cells = max((cell_len(visible(value[:_WIDEST])) for value in values), default=1)
        cells = min(max(cells, 1), _WIDEST, max(width, 1))
        if widths and cells > left:
            break
        widths.append(cells)
        numbers = [bool(_NUMBER.fullmatch(value)) for value in values[1:] if value]
        right[index] = bool(numbers) and all(numbers)
        left -= cells + 2
    return widths, right, count


# -- bytes ------------------------------------------------------------------------------


def hex_lines(data: bytes) -> Iterator[Cell]:
    """Sixteen bytes a line: offset, hex, and the signs of ASCII."""
    for at in range(0, len(data), 16):
        part = data[at : at + 16]
        signs = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        yield [(f"{at:06x}  ", "dim"), f"{part[:8].hex(' '):<23}  {part[8:].hex(' '):<23}  ",
               (signs, "accent")]  # fmt: skip
