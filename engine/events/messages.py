"""A message as the feed keeps it, and what it says in a few words."""

from typing import NamedTuple


class Message(NamedTuple):
    """A message as it came. `time` is when it came here (epoch seconds), `stamp` Kafka's own
    time; `reason` is "" if it was accepted. `size` are the bytes of its value, of which a feed
    may keep the beginning only."""

    topic: str
    partition: int
    offset: int
    stamp: float
    time: float
    value: bytes
    reason: str
    key: bytes = b""
    headers: tuple[tuple[str, bytes], ...] = ()
    whole: int = -1

    @property
    def size(self) -> int:
        """Bytes of the value as it was sent."""
        return len(self.value) if self.whole < 0 else self.whole

    @property
    def weight(self) -> int:
        """Bytes of it that are kept, its own few apart."""
        size = len(self.value) + len(self.key)
        if self.headers:
            size += sum(len(name) + len(value) for name, value in self.headers)
        return size


class Summary(NamedTuple):
    """What a message says, in the columns of the feed."""

    time: float
    operation: str
    subject: str
    detail: str
