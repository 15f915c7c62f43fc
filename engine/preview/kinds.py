"""What bytes look like: text and in which encoding, JSON, a table, a picture, or just bytes."""

import codecs
import csv
import json
import re
from typing import NamedTuple

from engine.model import PreviewKind
from engine.model.preview import decoded
from engine.preview.pictures import picture_facts

_MARKS = (  # the longer ones first: UTF-32 begins as UTF-16 does
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ODD = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # controls that texts do without
_ODD_SHARE = 0.1  # of the characters, at most, of what is still text
_ODD_GUESSED = 0.0  # the same where the encoding is a guess: any byte would fit it
_TABLES = (".csv", ".tsv", ".tab", ".psv")
_DELIMITERS = ",;\t|"
_SAMPLE = 50  # lines that decide on the delimiter
_JSON_NAMES = (".json", ".geojson", ".ipynb", ".har")


class Look(NamedTuple):
    """What the bytes are, and how to read them."""

    kind: PreviewKind
    encoding: str = ""
    guessed: bool = False
    delimiter: str = ""
    facts: tuple[tuple[str, str], ...] = ()


def look_at(data: bytes, key: str, content_type: str, *, whole: bool) -> Look:
    """Decide by the bytes; the key and the content type only help where they may be right."""
    if not data:
        return Look(PreviewKind.EMPTY)
    if facts := picture_facts(data):
        return Look(PreviewKind.PICTURE, facts=facts)
    encoding, guessed, text = _decode(data, whole=whole)
    if not encoding:
        return Look(PreviewKind.BINARY)
    name = key.lower().removesuffix(".gz").removesuffix(".zst")
    if text.lstrip()[:1] in ("{", "[") and _is_json(text, name, content_type, whole=whole):
        return Look(PreviewKind.JSON, encoding, guessed)
    if name.endswith(_TABLES) or "csv" in content_type or "tab-separated" in content_type:
        delimiter = _delimiter(text)
        if delimiter:
            return Look(PreviewKind.TABLE, encoding, guessed, delimiter)
    return Look(PreviewKind.TEXT, encoding, guessed)


def _decode(data: bytes, *, whole: bool) -> tuple[str, bool, str]:
    """(encoding, is it a guess, text), "" for the encoding of what is no text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = decoded(data, encoding, whole=whole)
            bad = text.count("\ufffd") * 10 > len(text)
            return ("", False, "") if bad else (encoding, False, text)
    try:
        text = codecs.getincrementaldecoder("utf-8")("strict").decode(data, final=whole)
    except UnicodeDecodeError:
        return _guess(data)
    if "\0" in text or _odd(text) > _ODD_SHARE:
        return "", False, ""
    return "utf-8", False, text


def _guess(data: bytes) -> tuple[str, bool, str]:
    """An encoding of one byte a character, if there are no controls at all."""
    for encoding in ("cp1252", "latin-1"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        letters = sum(char.isalpha() or char.isspace() for char in text)
        if _odd(text) <= _ODD_GUESSED and letters * 2 >= len(text):
            return encoding, True, text
    return "", True, ""


def _odd(text: str) -> float:
    return len(_ODD.findall(text)) / max(len(text), 1)


def _is_json(text: str, name: str, content_type: str, *, whole: bool) -> bool:
    if not whole:
        return name.endswith(_JSON_NAMES) or "json" in content_type
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _delimiter(text: str) -> str:
    """The delimiter that gives most of the first lines one number of fields, "" if none does."""
    lines = [line for line in text.splitlines()[:_SAMPLE] if line.strip()]
    best, chosen = 0.0, ""
    for delimiter in _DELIMITERS:
        try:
            counts = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            continue
        usual = max(set(counts), key=counts.count, default=0)
        share = counts.count(usual) / len(counts) if counts else 0.0
        if usual > 1 and share > best:
            best, chosen = share, delimiter
    return chosen
