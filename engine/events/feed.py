"""The live feed: raw messages in a ring, decoded only when somebody looks at them."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import quote_plus

from engine.model import EventOutcome, EventRow

MAX_MESSAGES = 100_000
MAX_BYTES = 32 * 1024**2
KEPT_OF_ONE = 64 * 1024  # of a larger message the feed shows the beginning
_OVERHEAD = 200  # of a small message in the ring, about
_SCAN = 20_000  # new messages that a search follows; after more it starts over
_SCAN_BYTES = 8 * 1024**2  # that one call searches, about 20,000 small messages
_LOOK = 256  # of those bytes are spent on looking at a message at all


class Message(NamedTuple):
    """A message as it came. `time` is when it came here (epoch seconds), `stamp` Kafka's own
    time; `reason` is "" if it was accepted."""

    topic: str
    partition: int
    offset: int
    stamp: float
    time: float
    value: bytes
    reason: str


class Summary(NamedTuple):
    """What a message says, in the columns of the feed."""

    time: float
    operation: str
    subject: str
    detail: str


class EventFeed:
    """The newest messages, bounded in number and bytes; a `FeedSource`.

    `first` and `last` are the numbers of the oldest and newest message kept. `summarise` reads
    an accepted message; it is called for the rows of a window only.
    """

    def __init__(
        self,
        summarise: Callable[[Message], Summary],
        *,
        max_messages: int = MAX_MESSAGES,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.first = 1
        self.on_rows: Callable[[], None] | None = None  # all messages are here
        self.last = 0
        self._summarise = summarise
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._bytes = 0
        self._ring: list[Message | None] = [None] * max_messages
        self._search = _Search("")

    def append(self, message: Message) -> None:
        """Add the newest message; the oldest make room for it."""
        if len(message.value) > KEPT_OF_ONE:
            message = message._replace(value=message.value[:KEPT_OF_ONE])
        self._bytes += len(message.value) + _OVERHEAD
        while self.first <= self.last and (
            self._bytes > self._max_bytes or self.last - self.first + 1 >= self._max_messages
        ):
            self._drop()
        self.last += 1
        self._ring[self.last % self._max_messages] = message

    def _drop(self) -> None:
        at = self.first % self._max_messages
        oldest = self._ring[at]
        if oldest is not None:
            self._bytes -= len(oldest.value) + _OVERHEAD
        self._ring[at] = None
        self.first += 1

    def __len__(self) -> int:
        return self.last - self.first + 1

    def window(self, count: int, *, end: int | None = None, text: str = "") -> Sequence[EventRow]:
        """Up to `count` rows with number ≤ `end` (None: the newest), oldest first, that contain
        `text` (case-insensitive) anywhere in their value, or in `rejected` and the reason.

        One call searches a bounded number of messages and remembers what it found, so a filter
        over a full ring fills up within a few calls.
        """
        last = self.last if end is None else min(end, self.last)
        if not text:
            numbers: Sequence[int] = range(max(self.first, last - count + 1), last + 1)
        else:
            if self._search.text != text:
                self._search = _Search(text)
            numbers = self._search.numbers(self._ring, self.first, self.last, last, count)
        return [self._row(number) for number in numbers]

    def row(self, number: int) -> EventRow | None:
        """One message, None if it has left the ring."""
        return self._row(number) if self.first <= number <= self.last else None

    def _row(self, number: int) -> EventRow:
        message = self._ring[number % self._max_messages]
        if message is None:
            raise IndexError(f"message {number} is not in the feed")
        if message.reason:
            outcome = EventOutcome.REJECTED
            summary = Summary(message.time, "rejected", "", message.reason)
        else:
            outcome = EventOutcome.ACCEPTED
            summary = self._summarise(message)
        return EventRow(
            number,
            summary.time,
            message.topic,
            message.partition,
            message.offset,
            outcome,
            summary.operation,
            summary.subject,
            summary.detail,
            message.value,
        )


class _Search:
    """What is known of one filter: the matches in the range searched so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._reason = text.lower()
        self._needles = _needles(text)
        self._found: list[int] = []  # rising
        self._low = 0  # searched: low ≤ number < high
        self._high = 0

    def numbers(
        self, ring: list[Message | None], first: int, newest: int, last: int, count: int
    ) -> list[int]:
        """Up to `count` matches ≤ `last`, rising."""
        if not self._low or self._high < first or newest - self._high > _SCAN:
            self._found = []
            self._low = self._high = newest + 1
        budget = _SCAN_BYTES
        for number in range(self._high, newest + 1):
            hit, cost = self._matches(ring[number % len(ring)])
            if hit:
                self._found.append(number)
            budget -= cost
        self._high = newest + 1
        del self._found[: bisect_left(self._found, first)]
        missing = count - bisect_right(self._found, last)
        older: list[int] = []
        number = max(self._low, first)
        while number > first and missing > 0 and budget > 0:
            number -= 1
            hit, cost = self._matches(ring[number % len(ring)])
            if hit:
                older.append(number)
                missing -= number <= last
            budget -= cost
        self._low = number
        self._found[:0] = reversed(older)
        upto = bisect_right(self._found, last)
        return self._found[max(0, upto - count) : upto]

    def _matches(self, message: Message | None) -> tuple[bool, int]:
        if message is None:
            return False, 0
        value = message.value.lower()
        hit = any(needle in value for needle in self._needles)
        if not hit and message.reason:
            hit = self._reason in f"rejected {message.reason}".lower()
        return hit, len(value) + _LOOK


def _needles(text: str) -> tuple[bytes, ...]:
    """How the text may be written in a message: plainly, escaped in JSON, or URL-encoded."""
    forms: dict[bytes, None] = {}
    for form in (text, text.lower(), text.upper()):
        forms[form.encode("utf-8", "surrogatepass").lower()] = None
        forms[json.dumps(form)[1:-1].encode().lower()] = None
        forms[quote_plus(form, errors="surrogatepass").encode().lower()] = None
    return tuple(forms)
