"""The live feed: raw messages in a ring, decoded only when somebody looks at them."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence

from engine.events.match import LOOK, Matcher, summary_of
from engine.events.messages import Message, Summary
from engine.model import EventOutcome, EventRow, parse_filter

__all__ = ["EventFeed", "Message", "Summary"]

MAX_MESSAGES = 100_000
MAX_BYTES = 32 * 1024**2
KEPT_OF_ONE = 64 * 1024  # of a larger message the feed shows the beginning
KEPT_REJECTED = 5000
_REJECTED_BYTES = 8 * 1024**2
_KEY_AND_HEADERS = 8 * 1024  # of one message; what has more is kept without them
_OVERHEAD = 200  # of a small message in the ring, about
_SCAN = 20_000  # new messages that a search follows; after more it starts over
_SCAN_BYTES = 8 * 1024**2  # that one call searches, about 20,000 small messages
_SEARCHES = 6  # filters that are remembered, of several consoles
_NEAR = 20_000  # messages looked through for the next one of a key


class EventFeed:
    """The newest messages, bounded in number and bytes; a `FeedSource`.

    `first` and `last` are the numbers of the oldest and newest message kept. `summarise` reads
    an accepted message; it is called for the rows of a window only. `rejected` keeps the
    rejected ones longer, as a feed of their own.
    """

    def __init__(
        self,
        summarise: Callable[[Message], Summary],
        *,
        max_messages: int = MAX_MESSAGES,
        max_bytes: int = MAX_BYTES,
        apart: bool = False,
    ) -> None:
        self.first = 1
        self.on_rows: Callable[[], None] | None = None  # all messages are here
        self.last = 0
        self.rejected: EventFeed | None = None
        if apart:
            self.rejected = EventFeed(
                summarise, max_messages=KEPT_REJECTED, max_bytes=_REJECTED_BYTES
            )
        self._summarise = summarise
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._bytes = 0
        self._ring: list[Message | None] = [None] * max_messages
        self._searches: dict[str, _Search] = {}

    def append(self, message: Message) -> None:
        """Add the newest message; the oldest make room for it."""
        if len(message.value) > KEPT_OF_ONE:
            value = message.value
            message = message._replace(value=value[:KEPT_OF_ONE], whole=len(value))
        if message.headers or len(message.key) > _KEY_AND_HEADERS:
            message = _bounded(message)
        self._bytes += message.weight + _OVERHEAD
        while self.first <= self.last and (
            self._bytes > self._max_bytes or self.last - self.first + 1 >= self._max_messages
        ):
            self._drop()
        self.last += 1
        self._ring[self.last % self._max_messages] = message
        if message.reason and self.rejected is not None:
            self.rejected.append(message)

    def _drop(self) -> None:
        at = self.first % self._max_messages
        oldest = self._ring[at]
        if oldest is not None:
            self._bytes -= oldest.weight + _OVERHEAD
        self._ring[at] = None
        self.first += 1

    def __len__(self) -> int:
        return self.last - self.first + 1

    def window(self, count: int, *, end: int | None = None, text: str = "") -> Sequence[EventRow]:
        """Up to `count` rows with number ≤ `end` (None: the newest), oldest first, that fit the
        filter `text`. Raises FilterError if that is none.

        One call searches a bounded number of messages and remembers what it found, so a filter
        over a full ring fills up within a few calls.
        """
        last = self.last if end is None else min(end, self.last)
        if not text.strip():
            numbers: Sequence[int] = range(max(self.first, last - count + 1), last + 1)
        else:
            numbers = self._search(text).numbers(self._ring, self.first, self.last, last, count)
        return [self._row(number) for number in numbers]

    def newer(self, text: str, after: int) -> int:
        """How many messages with a greater number fit the filter, left the ring or not; with a
        filter, as far as it followed."""
        if not text.strip():
            return max(self.last - max(after, 0), 0)
        search = self._search(text)
        floor = max(self.first, after + 1)
        search.numbers(self._ring, self.first, self.last, self.last, self._max_messages, floor)
        return search.newer(after)

    def fitting(self, text: str) -> Iterator[EventRow | None]:
        """Every message that is kept, oldest first, None in place of one that does not fit the
        filter. Raises FilterError if that is none."""
        fits = Matcher(parse_filter(text), self._summarise).fits
        for number in range(self.first, self.last + 1):
            message = self.message(number)
            yield self._row(number) if message is not None and fits(message)[0] else None

    def row(self, number: int) -> EventRow | None:
        """One message, None if it has left the ring."""
        return self._row(number) if self.first <= number <= self.last else None

    def message(self, number: int) -> Message | None:
        """The same as it came."""
        inside = self.first <= number <= self.last
        return self._ring[number % self._max_messages] if inside else None

    def of_same_key(self, number: int, step: int) -> int:
        """The number of the next (`step` 1) or previous (-1) message of this one's topic and
        key, 0 if none is near."""
        message = self.message(number)
        if message is None or not message.key:
            return 0
        wanted = (message.topic, message.key)
        for other in range(number + step, number + step * _NEAR, step):
            found = self.message(other)
            if found is None:
                return 0
            if (found.topic, found.key) == wanted:
                return other
        return 0

    def _search(self, text: str) -> "_Search":
        search = self._searches.pop(text, None)
        if search is None:
            search = _Search(Matcher(parse_filter(text), self._summarise))
        self._searches[text] = search  # the one asked for last stands last
        while len(self._searches) > _SEARCHES:
            del self._searches[next(iter(self._searches))]
        return search

    def _row(self, number: int) -> EventRow:
        message = self._ring[number % self._max_messages]
        if message is None:
            raise IndexError(f"message {number} is not in the feed")
        summary = summary_of(message, self._summarise)
        return EventRow(
            number,
            summary.time,
            message.topic,
            message.partition,
            message.offset,
            EventOutcome.REJECTED if message.reason else EventOutcome.ACCEPTED,
            summary.operation,
            summary.subject,
            summary.detail,
            message.value,
            message.key,
        )


def _bounded(message: Message) -> Message:
    """Headers and keys are as hostile as values are: what is too much is left out."""
    if message.weight - len(message.value) <= _KEY_AND_HEADERS:
        return message
    return message._replace(key=message.key[:_KEY_AND_HEADERS], headers=())


class _Search:
    """What is known of one filter: the matches in the range searched so far."""

    def __init__(self, matcher: Matcher) -> None:
        self._fits = matcher.fits
        self._found: list[int] = []  # rising
        self._low = 0  # searched: low ≤ number < high
        self._high = 0

    def numbers(
        self,
        ring: list[Message | None],
        first: int,
        newest: int,
        last: int,
        count: int,
        floor: int = 0,
    ) -> list[int]:
        """Up to `count` matches ≤ `last`, rising; nothing before `floor` is searched for them."""
        budget = self._forward(ring, first, newest)
        missing = count - bisect_right(self._found, last)
        older: list[int] = []
        number = max(self._low, first)
        floor = max(first, floor)
        while number > floor and missing > 0 and budget > 0:
            number -= 1
            hit, cost = self._look(ring[number % len(ring)])
            if hit:
                older.append(number)
                missing -= number <= last
            budget -= cost
        self._low = number
        self._found[:0] = reversed(older)
        upto = bisect_right(self._found, last)
        return self._found[max(0, upto - count) : upto]

    def _forward(self, ring: list[Message | None], first: int, newest: int) -> int:
        """Take up what is new; returns how many bytes may still be searched."""
        budget = _SCAN_BYTES
        if self._low and self._high >= first and newest - self._high <= _SCAN:
            for number in range(self._high, newest + 1):
                hit, cost = self._look(ring[number % len(ring)])
                if hit:
                    self._found.append(number)
                budget -= cost
                if budget <= 0:
                    break
            else:
                self._high = newest + 1
                del self._found[: bisect_left(self._found, first)]
                return max(budget, _SCAN_BYTES // 2)
        # Too much came at once, or nothing is known yet: from the newest backwards.
        self._found = []
        self._low = self._high = newest + 1
        return _SCAN_BYTES // 2 if budget <= 0 else budget

    def newer(self, after: int) -> int:
        """Matches with a greater number."""
        return len(self._found) - bisect_right(self._found, after)

    def _look(self, message: Message | None) -> tuple[bool, int]:
        return self._fits(message) if message is not None else (False, LOOK)
