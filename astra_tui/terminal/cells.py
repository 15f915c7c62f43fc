"""Which cells a text takes, and which of its characters every terminal counts alike.

Widths are Rich's, as Textual lays out with them. Terminals agree about ASCII, about most
letters and about ideographs. About emoji, marks, joiners and variation selectors they do not:
after such a text the place of the cursor is unknown.
"""

import unicodedata
from collections.abc import Iterator

from rich.cells import cell_len

ZERO_WIDTH_JOINER = "\u200d"

# Blocks whose wide characters were wide in every version of Unicode that a terminal may know.
_SURELY_WIDE = (
    (0x1100, 0x115F), (0x2E80, 0x303E), (0x3041, 0x3247), (0x3250, 0x4DBF), (0x4E00, 0xA4CF),
    (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFE30, 0xFE6F), (0xFF01, 0xFF60), (0xFFE0, 0xFFE6),
    (0x20000, 0x2FFFD), (0x30000, 0x3FFFD),
)  # fmt: skip

_narrow: set[str] = {chr(code) for code in range(0x20, 0x7F)}
_widths: dict[str, int] = {}  # -1: not the same everywhere


def all_narrow(text: str) -> bool:
    """Is each character of it one cell, on every terminal?"""
    if _narrow.issuperset(text):
        return True
    return all(_sure_width(char) == 1 for char in set(text) - _narrow)


def is_sure(piece: str) -> bool:
    """Do all terminals give this piece the same cells?"""
    return piece in _narrow or (len(piece) == 1 and _sure_width(piece) > 0)


def pieces(text: str) -> Iterator[tuple[str, int]]:
    """What stays together in a text, with its cells: a character and all that joins it.

    Only the first piece may have no cells: marks that belong to what stands before the text.
    """
    start, joining = 0, False
    for index, char in enumerate(text):
        if index and not joining and char != ZERO_WIDTH_JOINER and cell_len(char) > 0:
            yield text[start:index], cell_len(text[start:index])
            start = index
        joining = char == ZERO_WIDTH_JOINER
    if start < len(text):
        yield text[start:], cell_len(text[start:])


def _sure_width(char: str) -> int:
    width = _widths.get(char)
    if width is None:
        width = _widths[char] = _find_width(char)
        if width == 1:
            _narrow.add(char)
    return width


def _find_width(char: str) -> int:
    width = cell_len(char)
    category = unicodedata.category(char)
    if category[0] in "MC" or not width:  # marks, controls, formats, surrogates, unassigned
        return -1
    code = ord(char)
    wide = unicodedata.east_asian_width(char) in "WF"
    if width == 1 and not wide and code < 0x1F000:
        return 1
    if width == 2 and wide and any(first <= code <= last for first, last in _SURELY_WIDE):
        return 2
    return -1
