"""The filter language of the feed: words and `field:value` terms, all of which must fit.

    topic:access outcome:rejected key:logs/* partition:3 offset>100 since:10m "two words" -text

A text is looked for in the message and in the reason of a rejection, whatever its case. `:` means
"contains", or a whole glob where the value has `*` or `?`; `=` means exactly; numbers and times
also know `>`, `>=`, `<`, `<=`. Commas separate alternatives, `-` in front negates, double quotes
keep blanks, colons and commas in a text. docs/events.md has the table.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import NoReturn

FIELDS: dict[str, str] = {
    "topic": "the topic's name",
    "outcome": "accepted or rejected",
    "key": "the object's key, or the message's",
    "object": "the whole address or job",
    "op": "the operation, such as GET, or a job's state",
    "reason": "why a message was rejected",
    "partition": "a number",
    "offset": "a number",
    "size": "bytes of the value, such as 10KiB",
    "since": "a time, or how long ago: 10m, 2h, 12:30, 2026-11-21T12:30",
    "until": "a time, as for since",
}
"""Every field and what its values are; what is no field before a colon is text."""

OUTCOMES = ("accepted", "rejected")
_NUMBERS = frozenset({"partition", "offset", "size"})
_TIMES = frozenset({"since", "until"})
_LONGEST = 2000
_TERMS = 50
_TERM = re.compile(r"(?P<name>[A-Za-z][A-Za-z_-]*)(?P<compare>:|>=|<=|=|>|<)")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_SIZES = {"": 1, "b": 1, "kb": 1000, "kib": 1024, "mb": 10**6, "mib": 1024**2}


class FilterError(ValueError):
    """A filter that cannot be read: one sentence, and where (start ≤ character < end)."""

    def __init__(self, what: str, start: int, end: int) -> None:
        super().__init__(what)
        self.start = start
        self.end = end


@dataclass(frozen=True, slots=True)
class FilterTerm:
    """One condition. `field` "" is text; `compare` is `:`, `=` or an order; a message fits if
    one of the `values` (texts) or `numbers` (for numbers, and times in epoch seconds) does."""

    field: str
    compare: str
    values: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Terms that must all fit; none fit everything."""

    terms: tuple[FilterTerm, ...] = ()


@lru_cache(maxsize=64)
def checked_filter(text: str) -> str:
    """Why that is no filter, "" if it is one."""
    try:
        parse_filter(text)
    except FilterError as error:
        return str(error)
    return ""


def parse_filter(text: str, now: float | None = None) -> EventFilter:
    """Read a filter; times that are "ago" count from `now` (epoch seconds). Raises FilterError."""
    if len(text) > _LONGEST:
        raise FilterError(f"A filter has at most {_LONGEST} characters.", _LONGEST, len(text))
    reader = _Reader(text, time.time() if now is None else now)
    terms: list[FilterTerm] = []
    while (term := reader.term()) is not None:
        terms.append(term)
        if len(terms) > _TERMS:
            raise FilterError(f"A filter has at most {_TERMS} terms.", 0, len(text))
    return EventFilter(tuple(terms))


def exactly(field: str, values: Sequence[str], *, negated: bool = False) -> str:
    """A term that means these values and no others, as it is written."""
    return f"{'-' if negated else ''}{field}=" + ",".join(map(quoted, values))


def quoted(text: str) -> str:
    """A text as the language wants it: in quotes where it has a meaning otherwise."""
    plain = text and not re.search(r'[\s",:=<>\\]', text) and not text.startswith("-")
    return text if plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class _Reader:
    """Walks through the text once."""

    def __init__(self, text: str, now: float) -> None:
        self.text = text
        self.now = now
        self.at = 0

    def term(self) -> FilterTerm | None:
        text = self.text
        while self.at < len(text) and text[self.at].isspace():
            self.at += 1
        if self.at >= len(text):
            return None
        start = self.at
        negated = text[start] == "-" and start + 1 < len(text) and not text[start + 1].isspace()
        self.at += negated
        name = _TERM.match(text, self.at)
        if name is not None and self._is_field(name["name"].lower(), name):
            self.at = name.end()
            return self._field(name["name"].lower(), name["compare"], negated, start)
        value = self._value(commas=False)
        return FilterTerm("", ":", tuple(value), (), negated)

    def _is_field(self, name: str, found: re.Match[str]) -> bool:
        if name in FIELDS:
            return True
        if near := get_close_matches(name, FIELDS, n=1, cutoff=0.75):
            self._fail(
                f"There is no field {name}; did you mean {near[0]}? In quotes it is text.",
                found.start(),
                found.end(),
            )
        return False

    def _field(self, name: str, compare: str, negated: bool, start: int) -> FilterTerm:
        values = self._value(commas=True)
        end = self.at
        if not any(values):
            self._fail(f"{name} wants a value: {FIELDS[name]}.", start, end)
        ordered = compare in (">", ">=", "<", "<=")
        if name in _TIMES:
            if ordered or len(values) > 1:
                self._fail(f"Write {name}:10m or {name}:12:30, one time only.", start, end)
            moment = self._moment(name, values[0], start, end)
            return FilterTerm("time", ">=" if name == "since" else "<=", (), (moment,), negated)
        if name in _NUMBERS:
            if ordered and len(values) > 1:
                self._fail(f"{name}{compare} wants one number.", start, end)
            numbers = tuple(self._number(name, value, start, end) for value in values)
            return FilterTerm(name, "=" if compare == ":" else compare, (), numbers, negated)
        if ordered:
            self._fail(f"{name} knows : and =, not {compare}.", start, end)
        if name == "outcome":
            values = [self._outcome(value, start, end) for value in values]
            compare = "="
        return FilterTerm(name, compare, tuple(values), (), negated)

    def _value(self, *, commas: bool) -> list[str]:
        """What follows up to the next blank; quotes keep blanks, `commas` separate."""
        text, parts = self.text, [""]
        while self.at < len(text) and not text[self.at].isspace():
            character = text[self.at]
            if character == '"':
                parts[-1] += self._quote()
                continue
            if character == "," and commas:
                parts.append("")
            else:
                parts[-1] += character
            self.at += 1
        return [part for part in parts if part] or [""]

    def _quote(self) -> str:
        start, found = self.at, ""
        self.at += 1
        while self.at < len(self.text):
            character = self.text[self.at]
            self.at += 1
            if character == '"':
                return found
            if character == "\\" and self.at < len(self.text) and self.text[self.at] in '"\\':
                character = self.text[self.at]
                self.at += 1
            found += character
        raise FilterError("The quote is not closed.", start, len(self.text))

    def _outcome(self, value: str, start: int, end: int) -> str:
        found = [outcome for outcome in OUTCOMES if outcome.startswith(value.lower())]
        if not value or len(found) != 1:
            self._fail("outcome is accepted or rejected.", start, end)
        return found[0]

    def _number(self, name: str, value: str, start: int, end: int) -> float:
        units = _SIZES if name == "size" else {"": 1}
        found = re.fullmatch(r"(\d{1,18})\s*([A-Za-z]*)", value)
        if found is None or found[2].lower() not in units:
            example = f"{name}>{'10KiB' if name == 'size' else '100'}"
            self._fail(f"{name} wants a whole number, such as {example}.", start, end)
        return float(int(found[1]) * units[found[2].lower()])

    def _moment(self, name: str, value: str, start: int, end: int) -> float:
        ago = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)([smhd])", value.lower())
        if ago is not None:
            return self.now - float(ago[1]) * _UNITS[ago[2]]
        try:
            clock = re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", value)
            if clock is not None:
                today = datetime.fromtimestamp(self.now)
                hours, minutes, seconds = (int(part or 0) for part in clock.groups())
                moment = today.replace(hour=hours, minute=minutes, second=seconds, microsecond=0)
                # In the evening of yesterday, seen after midnight.
                past = moment.timestamp()
                return past - 86_400.0 if past > self.now else past
            return datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError, OSError):
            self._fail(f"{name} wants {FIELDS['since'].removeprefix('a time, or ')}.", start, end)

    def _fail(self, what: str, start: int, end: int) -> NoReturn:
        raise FilterError(what, start, max(end, start + 1))
