"""The event feed: follow, hold, filter, inspect; and what it costs."""

import pytest

from engine.model import KafkaState
from tests.widgets.samples import FakeFeed, event_row, kafka_status
from tests.widgets.stage import Stage, lines_of, settle
from widgets.event_feed import EventFeed
from widgets.event_rows import EventRows


def stage(source: FakeFeed) -> tuple[Stage, EventFeed, EventRows]:
    feed = EventFeed()

    def prepare(_: Stage) -> None:
        feed.show(kafka_status(), source)
        feed.focus()

    rows = feed.pane_list()
    assert isinstance(rows, EventRows)
    return Stage(lambda: [feed], prepare), feed, rows


def numbers(rows: EventRows) -> list[int]:
    return [row.number for row in rows.fetch(rows.top, rows.top + rows.visible_count)]


async def test_it_follows_and_decodes_only_what_shows() -> None:
    source = FakeFeed(1, 50_000)
    app, feed, rows = stage(source)
    async with app.run_test(size=(100, 20)) as pilot:
        await settle(pilot)
        assert feed.following
        for burst in range(1, 11):
            source.decoded = 0
            source.first += 2500
            source.last += 2500
            feed.show(kafka_status(events_total=source.last), source)
            await settle(pilot)
            assert source.decoded <= 4 * 20
            assert rows.cursor_row == event_row(50_000 + burst * 2500)
        assert "12:04:31" not in lines_of(rows)[0]


async def test_equal_shows_ask_for_nothing() -> None:
    source = FakeFeed(1, 500)
    app, feed, _ = stage(source)
    async with app.run_test(size=(100, 20)) as pilot:
        await settle(pilot)
        source.decoded = app.sent = 0
        for _ in range(5):
            feed.show(kafka_status(), source)
            await settle(pilot)
        assert (source.decoded, app.sent) == (0, 0)


async def test_going_up_holds_it_and_going_to_the_end_follows() -> None:
    source = FakeFeed(1, 500)
    app, feed, rows = stage(source)
    async with app.run_test(size=(100, 20)) as pilot:
        await settle(pilot)
        await pilot.press("up")
        assert not feed.following
        held = numbers(rows)
        source.last += 312
        feed.show(kafka_status(), source)
        await settle(pilot)
        assert numbers(rows) == held
        assert rows.cursor_row == event_row(499)
        assert "312 new" in str(feed.border_subtitle)
        assert "paused" in str(feed.border_title)
        await pilot.press("G")
        await settle(pilot)
        assert feed.following
        assert rows.cursor_row == event_row(812)
        assert [message.following for message in app.heard(EventFeed.Followed)] == [False, True]


async def test_pause_and_inspect() -> None:
    source = FakeFeed(1, 500)
    app, feed, rows = stage(source)
    async with app.run_test(size=(100, 20)) as pilot:
        await settle(pilot)
        feed.action_pause()
        source.last += 10
        feed.show(kafka_status(), source)
        feed.action_inspect()
        await settle(pilot)
        assert [message.row.number for message in app.heard(EventFeed.Inspect)] == [500]
        await pilot.click(rows, offset=(20, 3), times=2)
        assert len(app.heard(EventFeed.Inspect)) == 2
        feed.action_pause()
        await settle(pilot)
        assert rows.cursor_row == event_row(510)


async def test_the_wheel_holds_it() -> None:
    source = FakeFeed(1, 500)
    app, feed, rows = stage(source)
    async with app.run_test(size=(100, 20)) as pilot:
        await settle(pilot)
        await pilot._post_mouse_events([__import__("textual.events").events.MouseScrollUp], rows)
        await settle(pilot)
        assert not feed.following
        assert rows.top < 500 - rows.visible_count


async def test_rows_that_left_the_ring_while_held() -> None:
    source = FakeFeed(1, 500)
    app, feed, rows = stage(source)
    async with app.run_test(size=(100, 20)) as pilot:
        await settle(pilot)
        await pilot.press("up")
        source.first, source.last = 2000, 3000
        feed.show(kafka_status(), source)
        await pilot.press("pageup", "pageup")
        await settle(pilot)
        assert "no longer kept" not in "\n".join(lines_of(rows))  # what was near stays
        await pilot.press("g")
        await settle(pilot)
        assert "no longer kept" in "\n".join(lines_of(rows))
        feed.action_inspect()
        await settle(pilot)
        assert not app.heard(EventFeed.Inspect)


async def test_filter_follows_matches_and_looks_back() -> None:
    source = FakeFeed(1, 5000)
    app, feed, rows = stage(source)
    async with app.run_test(size=(100, 20)) as pilot:
        await settle(pilot)
        feed.set_filter("HARBOUR")
        await settle(pilot)
        assert 0 <= rows.count() - rows.visible_count <= 1  # the filter line took one
        assert all("harbour" in row.subject for row in rows.fetch(0, 99))
        newest = rows.cursor_row
        source.last += 10
        feed.show(kafka_status(), source)
        await settle(pilot)
        assert rows.cursor_row != newest
        shown = numbers(rows)
        await pilot.press("up")
        assert rows.cursor_row is not None
        assert rows.cursor_row.number == shown[-2]
        for _ in range(3):
            await pilot.press("pageup")
        await settle(pilot)
        assert rows.cursor_row.number < shown[0]
        await pilot.press("g", "g", "g", "g")
        oldest = source.window(10_000, text="harbour")[0]
        assert rows.count() == len(source.window(10_000, end=5010, text="harbour"))
        assert rows.cursor_row == oldest
        feed.set_filter("no such thing")
        await settle(pilot)
        assert "No message fits" in "\n".join(lines_of(rows))
        feed.action_clear_filter()
        await settle(pilot)
        assert rows.count() == 5010


async def test_a_filter_that_cannot_be_read_is_explained_and_loses_nothing() -> None:
    source = FakeFeed(1, 500)
    app, feed, rows = stage(source)
    async with app.run_test(size=(60, 20)) as pilot:
        await settle(pilot)
        feed.set_filter("harbour")
        await settle(pilot)
        shown = numbers(rows)
        feed.set_filter("harbour offset>ten")
        await settle(pilot)
        (problem,) = app.query("Problem")
        assert "whole number, such as offset>100" in problem.text
        assert problem.size.height >= 1
        assert all(number in shown for number in numbers(rows))
        assert rows.text == "harbour"
        feed.set_filter("harbour")
        await settle(pilot)
        assert problem.size.height == 0


async def test_topics_can_be_hidden() -> None:
    app, feed, rows = stage(FakeFeed(1, 500))
    async with app.run_test(size=(100, 20)) as pilot:
        await settle(pilot)
        feed.hide_topics(["b", "a x"])
        assert rows.text == '-topic="a x",b'
        feed.set_filter("harbour")
        await settle(pilot)
        assert rows.text == 'harbour -topic="a x",b'
        feed.hide_topics([])
        assert rows.text == "harbour"


async def test_it_says_how_many_it_did_not_draw() -> None:
    source = FakeFeed(1, 500)
    app, feed, rows = stage(source)
    async with app.run_test(size=(100, 20)) as pilot:
        await settle(pilot)
        assert feed.undrawn == 0
        source.last += 1000
        feed.show(kafka_status(), source)
        assert feed.undrawn == 1000 - rows.visible_count
        source.last += 3
        feed.show(kafka_status(), source)
        assert feed.undrawn == 1000 - rows.visible_count
        await settle(pilot)
        assert f"{feed.undrawn} not drawn" in str(feed.border_subtitle)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (KafkaState.OFF, "Kafka is off."),
        (KafkaState.CONNECTING, "Connecting…"),
        (KafkaState.AWAY, "AWAY: the broker does not answer."),
        (KafkaState.CONNECTED, "Waiting for the first event."),
    ],
)
async def test_each_state_has_words_of_its_own(state: KafkaState, words: str) -> None:
    feed = EventFeed()
    status = kafka_status(state=state, error="refused\x1b by 127.0.0.1:9092")

    def prepare(_: Stage) -> None:
        feed.show(kafka_status(state=KafkaState.CONNECTING), FakeFeed(1, 0))
        feed.show(status, FakeFeed(1, 0))

    async with Stage(lambda: [feed], prepare).run_test(size=(60, 12)) as pilot:
        await settle(pilot)
        shown = "\n".join(lines_of(feed.pane_list()))
        assert words in shown
        assert ("refused␛ by" in shown) == (state is KafkaState.AWAY)


async def test_a_broker_that_goes_away_leaves_the_rows() -> None:
    source = FakeFeed(1, 50)
    app, feed, rows = stage(source)
    async with app.run_test(size=(60, 12)) as pilot:
        await settle(pilot)
        feed.show(kafka_status(state=KafkaState.AWAY, error="refused"), source)
        await settle(pilot)
        assert "AWAY, trying again: refused" in feed.query_one("Banner").render_line(0).text
        assert rows.count() == 50


async def test_rejected_messages_say_so_in_letters() -> None:
    app, _, rows = stage(FakeFeed(1, 9))
    async with app.run_test(size=(140, 12)) as pilot:
        await settle(pilot)
        line = next(line for line in lines_of(rows) if "rejected" in line)
        assert "bad JSON at byte 0: ␛[2Jnot json" in line
        await pilot.resize_terminal(34, 12)
        await settle(pilot)
        assert "rejected bad" in "\n".join(lines_of(rows))
