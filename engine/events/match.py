"""Which messages of the feed a filter means, with as little reading as that takes.

Topic, place, time and size are known; a text is looked for in the bytes; only what passed all
that, and has the bytes of a wanted key in it, is decoded.
"""

import json
import re
from collections.abc import Callable
from fnmatch import translate
from urllib.parse import quote_plus

from engine.events.messages import Message, Summary
from engine.model import EventFilter, FilterTerm

LOOK = 256  # what looking at a message costs, in bytes searched
_DECODE = 4096  # what decoding one costs

Summarise = Callable[[Message], Summary]
Fits = Callable[[Message], bool]
_ORDER: dict[str, Callable[[float, float], bool]] = {
    "=": lambda given, wanted: given == wanted,
    ">": lambda given, wanted: given > wanted,
    ">=": lambda given, wanted: given >= wanted,
    "<": lambda given, wanted: given < wanted,
    "<=": lambda given, wanted: given <= wanted,
}
_NUMBERS: dict[str, Callable[[Message], float]] = {
    "partition": lambda message: message.partition,
    "offset": lambda message: message.offset,
    "size": lambda message: message.size,
    "time": lambda message: message.stamp,
}


class Matcher:
    """A filter at work. `fits` tells whether a message is meant and what it cost to look."""

    def __init__(self, wanted: EventFilter, summarise: Summarise) -> None:
        self._summarise = summarise
        self._known: list[tuple[Fits, bool]] = []
        self._texts: list[tuple[tuple[bytes, ...], str, bool]] = []
        self._read: list[tuple[Callable[[Message, Summary], bool], bool]] = []
        self._hints: list[tuple[bytes, ...]] = []
        for term in wanted.terms:
            self._take(term)

    def _take(self, term: FilterTerm) -> None:
        negated = term.negated
        if term.field in _NUMBERS:
            self._known.append((_number(term), negated))
        elif term.field in ("topic", "outcome", "reason"):
            self._known.append((_word(term), negated))
        elif not term.field:
            text = term.values[0]
            self._texts.append((needles(text), text.lower(), negated))
        else:
            test = tests(term)
            self._read.append((_reading(term.field, test), negated))
            if not negated and term.field in ("key", "object"):
                self._hints += [hint] if (hint := _hint(term)) else []

    def fits(self, message: Message) -> tuple[bool, int]:
        """Whether the filter means it, and the cost in bytes searched."""
        for known, negated in self._known:
            if known(message) == negated:
                return False, LOOK
        cost = LOOK
        if self._texts or self._hints:
            value = message.value.lower()
            key = message.key.lower()
            cost += len(value)
            for found, text, negated in self._texts:
                hit = any(needle in value or needle in key for needle in found)
                if not hit and message.reason:
                    hit = text in f"rejected {message.reason}".lower()
                if hit == negated:
                    return False, cost
            for hint in self._hints:
                if not any(needle in value or needle in key for needle in hint):
                    return False, cost
        if self._read:
            cost += _DECODE
            summary = summary_of(message, self._summarise)
            for reads, negated in self._read:
                if reads(message, summary) == negated:
                    return False, cost
        return True, cost


def _number(term: FilterTerm) -> Fits:
    of, order, numbers = _NUMBERS[term.field], _ORDER[term.compare], term.numbers
    return lambda message: any(order(of(message), number) for number in numbers)


def _word(term: FilterTerm) -> Fits:
    test = tests(term)
    match term.field:
        case "topic":
            answers: dict[str, bool] = {}  # there are few topics

            def topic(message: Message) -> bool:
                answer = answers.get(message.topic)
                if answer is None:
                    answer = answers[message.topic] = test(message.topic)
                return answer

            return topic
        case "outcome":
            rejected = "rejected" in term.values
            accepted = "accepted" in term.values
            return lambda message: rejected if message.reason else accepted
        case _:
            return lambda message: bool(message.reason) and test(message.reason)


def _reading(field: str, test: Callable[[str], bool]) -> Callable[[Message, Summary], bool]:
    match field:
        case "op":
            return lambda message, summary: test(summary.operation)
        case "object":
            return lambda message, summary: test(summary.subject)
        case _:
            return lambda message, summary: (
                test(_object_key(summary.subject))
                or bool(message.key and test(message.key.decode("utf-8", "replace")))
            )


def _object_key(subject: str) -> str:
    return subject.partition(":")[2].partition("/")[2]


def summary_of(message: Message, summarise: Summarise) -> Summary:
    """What a message says; of a rejected one, why it was."""
    if message.reason:
        return Summary(message.time, "rejected", "", message.reason)
    return summarise(message)


def tests(term: FilterTerm) -> Callable[[str], bool]:
    """Whether a text fits one of a term's values: contains it, is it (`=`), or fits its glob.
    Case counts for `=` only."""
    found = [_test(value, exact=term.compare == "=") for value in term.values]
    return found[0] if len(found) == 1 else lambda text: any(one(text) for one in found)


def _test(value: str, *, exact: bool) -> Callable[[str], bool]:
    if exact:
        return lambda text: text == value
    if "*" in value or "?" in value:
        pattern = re.compile(_glob(value), re.IGNORECASE)
        return lambda text: pattern.match(text) is not None
    part = value.lower()
    return lambda text: part in text.lower()


def _glob(value: str) -> str:
    """`*` and `?` as ever, but `[` is itself: names have brackets more often than globs do."""
    return translate(value.replace("[", "[[]"))


def _hint(term: FilterTerm) -> tuple[bytes, ...]:
    """Bytes of which one stands in every message that the term may mean, () if unknown.

    Letters and digits only, for all else may be escaped in one way or another."""
    hints: list[bytes] = []
    for value in term.values:
        longest = max(re.split(r"[^A-Za-z0-9]+", value), key=len)
        if len(longest) < 2:
            return ()
        hints.append(longest.lower().encode())
    return tuple(hints)


def needles(text: str) -> tuple[bytes, ...]:
    """How a text may be written in a message: plainly, escaped in JSON, or URL-encoded."""
    forms: dict[bytes, None] = {}
    for form in (text, text.lower(), text.upper()):
        forms[form.encode("utf-8", "surrogatepass").lower()] = None
        forms[json.dumps(form)[1:-1].encode().lower()] = None
        forms[quote_plus(form, errors="surrogatepass").encode().lower()] = None
    return tuple(forms)
