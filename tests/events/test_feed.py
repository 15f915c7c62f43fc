"""The feed: bounded, decoded only where looked at, searched a bounded piece at a time."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events.feed import EventFeed, Message, Summary
from engine.model import EventOutcome, FeedSource


class Reader:
    """Reads a message and remembers how many it read."""

    def __init__(self) -> None:
        self.read = 0

    def __call__(self, message: Message) -> Summary:
        self.read += 1
        return Summary(message.stamp, "GET", json.loads(message.value)["address"], "×1")


def message(number: int, value: bytes = b"", reason: str = "") -> Message:
    body = value or json.dumps({"address": f"aws:b/Object-{number}"}).encode()
    return Message("access_events", 0, number, 100.0 + number, 200.0 + number, body, reason)


def feed(reader: Reader | None = None, **options: int) -> EventFeed:
    return EventFeed(reader or Reader(), **options)


def numbers(source: FeedSource, count: int, *, end: int | None = None, text: str = "") -> list[int]:
    return [row.number for row in source.window(count, end=end, text=text)]


def test_an_empty_feed() -> None:
    empty = feed()
    assert (empty.first, empty.last, len(empty)) == (1, 0, 0)
    assert empty.window(10) == []
    assert empty.window(10, text="x") == []
    assert empty.row(1) is None


def test_windows_decode_only_what_is_looked_at() -> None:
    reader = Reader()
    source = feed(reader)
    for number in range(1, 1001):
        source.append(message(number))
    assert reader.read == 0
    rows = source.window(3)
    assert reader.read == 3
    assert [row.subject for row in rows] == [f"aws:b/Object-{n}" for n in (998, 999, 1000)]
    assert rows[0].time == 1098.0
    assert rows[0].offset == 998
    assert rows[0].outcome is EventOutcome.ACCEPTED
    assert numbers(source, 3, end=10) == [8, 9, 10]
    assert numbers(source, 5, end=2) == [1, 2]
    assert numbers(source, 2, end=99_999) == [999, 1000]
    assert numbers(source, 2, end=-4) == []


def test_rejected_messages_carry_their_reason_and_are_not_decoded() -> None:
    source = feed()
    source.append(message(1, b"\x00\xffgarbage", "not JSON: the bytes are not UTF-8"))
    (row,) = source.window(1)
    assert row.outcome is EventOutcome.REJECTED
    assert row.detail == "not JSON: the bytes are not UTF-8"
    assert row.raw == b"\x00\xffgarbage"
    assert row.time == 201.0


def test_the_ring_is_bounded_in_number() -> None:
    source = feed(max_messages=100)
    for number in range(1, 251):
        source.append(message(number))
    assert (source.first, source.last, len(source)) == (151, 250, 100)
    assert numbers(source, 1000) == list(range(151, 251))
    assert source.row(150) is None
    row = source.row(151)
    assert row is not None
    assert row.number == 151


def test_the_ring_is_bounded_in_bytes() -> None:
    source = feed(max_bytes=100_000)
    for number in range(1, 51):
        source.append(message(number, b"x" * 10_000, "large"))
    assert len(source) == 9
    assert source.last == 50
    source.append(message(51, b"x" * 10_000_000, "huge"))
    assert len(source) == 4
    assert len(source.window(1)[0].raw) == 64 * 1024
    source.append(message(52))
    assert numbers(source, 2) == [51, 52]


@pytest.mark.parametrize(
    ("value", "reason", "text"),
    [
        (b'{"address":"aws:b/Report"}', "", "report"),
        (b'{"address":"aws:b/Report"}', "", "B/REP"),
        (b"{", "not JSON: Expecting", "json: expect"),
        ('{"key":"déjà"}'.encode(), "", "DÉJÀ"),
        (json.dumps({"key": "déjà"}).encode(), "", "déjà"),
        (b'{"key":"a%2Fb+c"}', "", "A/b c"),
        (b'{"key":"say \\"x\\""}', "", 'y "X"'),
    ],
)
def test_a_filter_finds_text_however_it_is_written(value: bytes, reason: str, text: str) -> None:
    source = feed()
    source.append(message(1, b'{"address":"other"}', reason and "another reason"))
    source.append(message(2, value, reason or "shown as rejected"))
    assert numbers(source, 5, text=text) == [2]
    assert numbers(source, 5, text=text, end=1) == []
    assert numbers(source, 5, text="no such text") == []


def test_a_filter_follows_what_arrives_and_looks_further_back_when_asked() -> None:
    source = feed()
    for number in range(1, 101):
        source.append(message(number, reason="odd" if number % 2 else "even"))
    assert numbers(source, 3, text="odd") == [95, 97, 99]
    for number in range(101, 111):
        source.append(message(number, reason="odd" if number % 2 else "even"))
    assert numbers(source, 3, text="ODD") == [105, 107, 109]
    assert numbers(source, 3, text="odd", end=50) == [45, 47, 49]
    assert numbers(source, 2, text="even", end=1) == []
    assert numbers(source, 500, text="odd") == list(range(1, 111, 2))


def test_one_call_searches_a_bounded_piece_and_later_ones_go_on() -> None:
    source = feed()
    source.append(message(1, reason="needle"))
    for number in range(2, 70_000):
        source.append(message(number))
    calls = 0
    while not numbers(source, 1, text="needle"):
        calls += 1
        assert calls < 20
    assert calls >= 2


@given(
    actions=st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(1, 9), st.booleans()),
            st.tuples(st.just("look"), st.integers(1, 6), st.none() | st.integers(0, 60)),
        ),
        max_size=40,
    )
)
def test_a_filter_agrees_with_looking_at_all(actions: list[tuple[str, int, bool | None]]) -> None:
    source = feed(max_messages=20)
    kept: list[int] = []
    for action, amount, flag in actions:
        if action == "add":
            for _ in range(amount):
                source.append(message(source.last + 1, reason="yes" if flag else "no"))
                if flag:
                    kept.append(source.last)
        else:
            expected = [
                number
                for number in kept
                if number >= source.first and (flag is None or number <= flag)
            ]
            assert numbers(source, amount, end=flag, text="YES") == expected[-amount:]


def test_a_filter_finds_what_a_rejected_message_shows() -> None:
    source = feed()
    source.append(message(1))
    source.append(message(2, b"\xff", "bad JSON at byte 0"))
    for text in ("rejected", "REJECTED bad", "json at"):
        assert numbers(source, 5, text=text) == [2]


def test_what_is_pending_is_counted_though_it_left_the_ring() -> None:
    source = feed(max_messages=100)
    for number in range(1, 1001):
        source.append(message(number, reason="odd" if number % 2 else "even"))
    assert source.newer("", 400) == 600
    assert source.newer("", 2000) == 0
    assert source.newer("odd", 960) == 20
    for number in range(1001, 1011):
        source.append(message(number, reason="odd" if number % 2 else "even"))
    assert source.newer("odd", 960) == 25


def test_rejected_messages_are_kept_longer_apart() -> None:
    source = EventFeed(Reader(), max_messages=10, apart=True)
    for number in range(1, 1001):
        source.append(message(number, reason="" if number % 10 else "odd"))
    assert source.rejected is not None
    assert len(source) == 10
    assert [row.offset for row in source.rejected.window(3)] == [980, 990, 1000]
    assert source.rejected.last == 100


def test_neighbours_of_a_key_are_found() -> None:
    source = feed()
    for number in range(1, 100):
        source.append(message(number)._replace(key=b"a" if number % 7 == 0 else b"b"))
    assert (source.of_same_key(49, 1), source.of_same_key(49, -1)) == (56, 42)
    assert (source.of_same_key(98, 1), source.of_same_key(7, -1)) == (0, 0)
    assert source.of_same_key(1000, 1) == 0
    source.append(message(100))
    assert source.of_same_key(100, -1) == 0  # without a key there are no neighbours


def test_huge_keys_and_headers_are_cut() -> None:
    source = feed(max_bytes=1_000_000)
    for number in range(1, 200):
        huge = (("h" * 100_000, b"v" * 100_000),)
        source.append(message(number)._replace(key=b"k" * 1_000_000, headers=huge))
    kept = source.message(source.last)
    assert kept is not None
    assert (len(kept.key), kept.headers) == (8192, ())
    assert len(source) > 50
