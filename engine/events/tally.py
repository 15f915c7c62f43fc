"""How many messages came, topic by topic and second by second, and why some were rejected.

A few additions for each batch of messages, none for a single one.
"""

import re
import time
from collections.abc import Callable, Sequence

SECONDS = 900  # of the past that are kept
_RATE_SECONDS = 5
_REASONS = 100  # kinds of reasons kept apart
_OTHERS = "for other reasons"
_SPECIFIC = re.compile(r"'(?:[^'\\]|\\.)*'?|\"(?:[^\"\\]|\\.)*\"?|\d[\d,]*")


class Tally:
    """Of one topic since the start; `last` is the newest of Kafka's times (epoch seconds)."""

    def __init__(self, second: int) -> None:
        self.messages = 0
        self.rejected = 0
        self.last = 0.0
        self._all = [0] * SECONDS
        self._bad = [0] * SECONDS
        self._second = second

    def add(self, second: int, messages: int, rejected: int, stamp: float) -> None:
        """Count messages of that second (of a clock that never goes back)."""
        self._move(second)
        self._all[second % SECONDS] += messages
        self._bad[second % SECONDS] += rejected
        self.messages += messages
        self.rejected += rejected
        self.last = max(self.last, stamp)

    def past(self, second: int, count: int) -> tuple[list[int], list[int]]:
        """Messages, and rejected ones, of the `count` whole seconds before `second`."""
        self._move(second)
        span = [at % SECONDS for at in range(second - count, second)]
        return [self._all[at] for at in span], [self._bad[at] for at in span]

    def rate(self, second: int) -> float:
        """Messages a second, over the last few seconds."""
        return sum(self.past(second, _RATE_SECONDS)[0]) / _RATE_SECONDS

    def _move(self, second: int) -> None:
        for at in range(max(self._second + 1, second - SECONDS + 1), second + 1):
            self._all[at % SECONDS] = self._bad[at % SECONDS] = 0
        self._second = max(self._second, second)


class Tallies:
    """All topics, and the reasons."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.topics: dict[str, Tally] = {}
        self._clock = clock
        self._reasons: dict[str, int] = {}

    @property
    def second(self) -> int:
        """The second that is not over yet."""
        return int(self._clock())

    def add(self, topic: str, messages: int, stamp: float, reasons: Sequence[str] = ()) -> None:
        """Count messages of a topic, and why some of them were rejected."""
        second = self.second
        tally = self.topics.get(topic)
        if tally is None:
            tally = self.topics[topic] = Tally(second)
        tally.add(second, messages, len(reasons), stamp)
        for reason in reasons:
            kind = kind_of(reason)
            if kind not in self._reasons and len(self._reasons) >= _REASONS:
                kind = _OTHERS
            self._reasons[kind] = self._reasons.get(kind, 0) + 1

    def reasons(self) -> tuple[tuple[str, int], ...]:
        """(kind, messages), the most frequent first."""
        return tuple(sorted(self._reasons.items(), key=lambda item: -item[1]))


def kind_of(reason: str) -> str:
    """A reason without what differs from message to message: quoted values and numbers."""
    return _SPECIFIC.sub("…", reason)[:200]
