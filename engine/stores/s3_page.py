"""Pages of ListObjectsV2 read in the shape that a server repeats.

A server writes every entry in one way. That way is taken from the first entry of a page, with all
its blanks; where every other one is written byte for byte so, in plain ASCII without entities,
columns are cut out of the text at a fraction of a parser's cost. Whatever is otherwise, if only
in one entry, is left to the parser: then nothing is read here.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

MARK = b"<Contents/>"  # stands for the entries in `Columns.rest`
_OPEN, _CLOSE = "<Contents>", "</Contents>"
_FIELD = re.compile(r"\s*<([A-Za-z]{1,40})>((?:&#34;|&quot;)?)[^<>&]*\2</\1>")
_BLANK = re.compile(r"\s*")
_PLAIN = bytes(range(0x20, 0x7F)) + b"\t\n"
_VALUE = "([^<>&]*)"


class Columns(NamedTuple):
    """The texts of all entries by name, and the page with one `MARK` for its entries."""

    fields: Mapping[str, Sequence[str]]
    rest: bytes


def columns(data: bytes) -> Columns | None:
    """The entries of a page, None where they are not all of one plain shape.

    What is around the entries is not looked at: `rest` is for the parser.
    """
    # Not as much as a comment may be there, nor what a parser would refuse or write anew.
    if data.translate(None, _PLAIN) or b"<!" in data or data.find(b"<?", 1) > 0:
        return None
    text = data.decode("ascii")
    begin, end = text.find(_OPEN), text.rfind(_CLOSE) + len(_CLOSE)
    if begin < 0 or end < begin:
        return None
    second = text.find(_OPEN, begin + 1, end)
    found = _shape(text[begin : second if second > 0 else end])
    if found is None:
        return None
    names, around = found
    gap = around[-1].removeprefix(_close(around[-1]))
    entries = text[begin:end] + gap  # the last one, too, is followed by what is between two
    rows = re.findall(_VALUE.join(map(re.escape, around)), entries)
    fields = dict(zip(names, zip(*rows, strict=True), strict=True))
    length = len(rows) * sum(map(len, around)) + sum(sum(map(len, c)) for c in fields.values())
    if length != len(entries):
        return None
    return Columns(fields, data[:begin] + MARK + data[end:])


def _close(text: str) -> str:
    """Up to the end of the entry."""
    return text[: text.index(_CLOSE) + len(_CLOSE)]


def _shape(entry: str) -> tuple[list[str], list[str]] | None:
    """The names of an entry's fields, and the texts before, between and after their values."""
    names, around, before, at = list[str](), list[str](), _OPEN, len(_OPEN)
    while field := _FIELD.match(entry, at):
        name, quote = field[1], field[2]
        if name in names or (quote and name != "ETag"):
            return None
        opening, closing = f"<{name}>{quote}", f"{quote}</{name}>"
        blank = _BLANK.match(entry, at)
        around.append(before + (blank[0] if blank else "") + opening)
        names.append(name)
        before, at = closing, field.end()
    after = entry[at:]
    if after.strip() != _CLOSE or not names:
        return None
    return names, [*around, before + after]
