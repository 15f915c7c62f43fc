"""The filter language: what it reads, what it means, and what it says of what it cannot read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events.feed import EventFeed
from engine.events.match import Matcher
from engine.events.messages import Message
from engine.events.places import Places
from engine.events.summary import Summariser
from engine.model import FilterError, checked_filter, exactly, parse_filter
from engine.model.event_filter import FIELDS, quoted
from engine.settings import KafkaSettings

NOW = 1_795_262_671.0  # 2026-11-21 12:04:31 UTC
SUMMARISE = Summariser(KafkaSettings(), Places())


def access(name: str, operation: str = "GET", **changes: object) -> Message:
    value = json.dumps({"address": f"aws:data/{name}", "operation": operation, "time": NOW - 5})
    given = {
        "topic": "access_events", "partition": 3, "offset": 100, "stamp": NOW - 5, "time": NOW,
        "value": value.encode(), "reason": "", "key": f"aws:data/{name}".encode(),
    }  # fmt: skip
    return Message(**(given | changes))  # type: ignore[arg-type]


LOG = access("logs/2026/a.log")
PUT = access("reports/two words.csv", "PUT", partition=1, offset=7)
BAD = access("x", value=b"{", key=b"", reason="not JSON: Expecting value at character 0", offset=9)
OLD = access("old.bin", stamp=NOW - 7200)
OTHER = access("s.csv", topic="migration_status", value=b'{"state":"failed","source":"aws:b/s"}')
ALL = {"log": LOG, "put": PUT, "bad": BAD, "old": OLD, "other": OTHER}


def meant(text: str) -> str:
    """The names of the messages that the filter means."""
    fits = Matcher(parse_filter(text, NOW), SUMMARISE).fits
    return " ".join(name for name, message in ALL.items() if fits(message)[0])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "log put bad old other"),
        ("topic:access", "log put bad old"),
        ("topic=access", ""),
        ("topic=access_events,migration_status", "log put bad old other"),
        ("-topic=access_events", "other"),
        ("topic:*status", "other"),
        ("outcome:rejected", "bad"),
        ("outcome:rej", "bad"),
        ("-outcome:rejected topic:access", "log put old"),
        ("key:logs/*", "log"),
        ("key:LOGS/*", "log"),
        ("key:logs", "log"),
        ("-key:logs/* topic:access outcome:accepted", "put old"),
        ('key:"two words"', "put"),
        ("key=old.bin", "old"),
        ("object:aws:data/old*", "old"),
        ("object=aws:data/old.bin", "old"),
        ("op:put", "put"),
        ("op:failed", "other"),
        ("op:get,put topic:access", "log put old"),
        ("reason:json", "bad"),
        ("-reason:json", "log put old other"),
        ("partition:3", "log bad old other"),
        ("partition:1,2", "put"),
        ("offset>9", "log old other"),
        ("offset<=9", "put bad"),
        ("offset>=7 offset<9", "put"),
        ("size<10", "bad"),
        ("size>1KiB", ""),
        ("since:10m", "log put bad other"),
        ("until:1h", "old"),
        ("-since:10m", "old"),
        ("two words", "put"),
        ('"two words"', "put"),
        ("words two", "put"),
        ("rejected", "bad"),
        ("EXPECTING", "bad"),
        ("-failed -logs topic:migration", ""),
        ("aws:data/old.bin", "old"),
        ("a [b", ""),
    ],
)
def test_what_a_filter_means(text: str, names: str) -> None:
    assert meant(text) == names


@pytest.mark.parametrize(
    ("text", "words", "where"),
    [
        ("topc:access", "no field topc; did you mean topic?", (0, 5)),
        ("x topic:", "topic wants a value: the topic's name", (2, 8)),
        ("outcome:maybe", "accepted or rejected", (0, 13)),
        ("offset>ten", "whole number, such as offset>100", (0, 10)),
        ("size:1.5", "size>10KiB", (0, 8)),
        ("topic>a", "topic knows : and =, not >", (0, 7)),
        ("offset>1,2", "one number", (0, 10)),
        ("since:soon", "10m, 2h, 12:30", (0, 10)),
        ("since:25:99", "10m, 2h, 12:30", (0, 11)),
        ("since>10m", "since:10m", (0, 9)),
        ('a "b c', "quote is not closed", (2, 6)),
        ("x" * 3000, "at most 2000 characters", (2000, 3000)),
        ("a " * 60, "at most 50 terms", (0, 120)),
    ],
)
def test_what_it_says_of_a_filter_that_is_none(
    text: str, words: str, where: tuple[int, int]
) -> None:
    with pytest.raises(FilterError, match=r".") as caught:
        parse_filter(text, NOW)
    assert words in str(caught.value)
    assert (caught.value.start, caught.value.end) == where
    assert words in checked_filter(text)


def test_times_without_a_date_are_the_last_ones() -> None:
    def moment(text: str) -> float:
        (term,) = parse_filter(f"since:{text}", NOW).terms
        return term.numbers[0]

    assert moment("90s") == NOW - 90
    assert moment("1.5h") == NOW - 5400
    assert moment("2026-11-21T12:04:31+00:00") == NOW
    for clock in ("00:00", "23:59", "12:04:30"):
        assert NOW - 86_400 <= moment(clock) <= NOW


@given(st.text(max_size=40))
def test_any_text_in_quotes_is_itself(text: str) -> None:
    terms = parse_filter(quoted(text)).terms
    assert [term.values for term in terms] == [(text,)]
    (term,) = parse_filter(exactly("topic", [text or "x"], negated=True)).terms
    assert (term.field, term.values, term.negated) == ("topic", (text or "x",), True)


@given(st.text(alphabet='ab:="-,\\ *?topicse1>', max_size=30))
def test_no_text_breaks_it(text: str) -> None:
    if checked_filter(text):
        with pytest.raises(FilterError) as caught:
            parse_filter(text)
        assert 0 <= caught.value.start < caught.value.end
        assert str(caught.value).endswith(".")
    else:
        fits = Matcher(parse_filter(text, NOW), SUMMARISE).fits
        assert all(isinstance(fits(message)[0], bool) for message in ALL.values())


def test_only_what_is_looked_at_is_decoded() -> None:
    read: list[Message] = []

    def summarise(message: Message):  # type: ignore[no-untyped-def]
        read.append(message)
        return SUMMARISE(message)

    feed = EventFeed(summarise)
    for number in range(1000):
        feed.append(access("logs/a" if number % 100 == 0 else f"other/{number}"))
    assert len(feed.window(50, text="key:logs/* op:GET")) == 10
    assert len(read) == 20  # each once for the filter and once for its row
    read.clear()
    assert feed.window(5, text="partition:0 op:GET") == []
    assert not read


def test_every_field_is_documented(request: pytest.FixtureRequest) -> None:
    text = (request.config.rootpath / "docs" / "events.md").read_text()
    for field in FIELDS:
        assert f"`{field}" in text, field
