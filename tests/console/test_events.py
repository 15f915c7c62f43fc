"""The screens around the feed: topics, rejected messages, one message, replays."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from astra_tui.app import AstraApp
from astra_tui.config import ConsoleSettings
from astra_tui.event_flows import read_start
from astra_tui.screens.console import ConsoleScreen
from astra_tui.screens.message import MessageCard, MessageScreen
from astra_tui.screens.object import ObjectScreen
from astra_tui.screens.rejected import RejectedScreen
from astra_tui.screens.replay import ReplayScreen
from astra_tui.screens.topics import TopicsScreen
from engine.engine import Engine
from engine.model import KafkaState
from engine.service.remote import RemoteEngine
from engine.service.server import Server
from engine.settings import KafkaSettings
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.test_with_engine import KEYS, local, settings
from tests.console.waiting import on, settled, shows, until, words

SIZE = (120, 40)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("oldest", (None, None, False)),
        ("1200", (None, 1200, False)),
        ("3@1200", (3, 1200, False)),
        ("10m", (None, None, True)),
        ("12:30", (None, None, True)),
        ("2026-11-21T12:30", (None, None, True)),
    ],
)
def test_where_a_replay_begins(text: str, where: tuple[Any, Any, bool]) -> None:
    found = read_start(text, "t")
    assert (found.partition, found.offset, found.since is not None) == where


@pytest.mark.parametrize("text", ["", "soon", "3:", "-1", '"', "99:99", "1@x"])
def test_where_no_replay_begins(text: str) -> None:
    with pytest.raises(ValueError, match="oldest, an offset"):
        read_start(text, "t")


async def test_a_key_of_the_panel_with_the_focus_is_meant(make_app: AppMaker) -> None:
    """`R` tries jobs again on the board, and replays in the feed."""
    app: Any = make_app(world.snapshot())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("5", "down", "down", "down", "down", "R")
        await until(pilot, lambda: app.engine.asked("retry"))
        await pilot.press("4", "R")
        await shows(pilot, "From where?")
        await pilot.press("escape", "1", "R")
        await shows(pilot, "first.")
        assert len(app.engine.asked("retry")) == 1


async def test_topics_choose_what_the_feed_shows(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        feed = app.screen.feed
        await pilot.press("4", "i")
        await until(pilot, on(pilot, TopicsScreen))
        await shows(pilot, "150 behind")
        await pilot.press("down", "space")
        await until(pilot, lambda: feed.hidden == {"migration_jobs"})
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))
        await shows(pilot, "1 topics hidden")
        await pilot.press("i")
        await until(pilot, on(pilot, TopicsScreen))
        await shows(pilot, "150 behind")
        await pilot.press("*")
        await until(pilot, lambda: not feed.hidden)


async def test_a_message_leads_to_its_neighbours_and_its_object(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("4", "up", "enter")
        await until(pilot, on(pilot, MessageScreen))
        await shows(pilot, "counted as 3 reads")
        assert "gateway-7" in words(pilot)
        assert "\x1b" not in words(pilot)
        await pilot.press("N")
        await shows(pilot, "no. 29")
        await pilot.press("n")
        await shows(pilot, "no. 39")
        await pilot.press("n")  # 49 is not there
        await shows(pilot, "no longer kept")
        await pilot.press("y")
        await until(pilot, lambda: "specversion" in (app.clipboard or ""))
        await pilot.press("o")
        await until(pilot, on(pilot, ObjectScreen))


async def test_a_message_that_left_the_feed_still_shows_what_is_known(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("4", "up")
        await until(pilot, lambda: not app.screen.feed.following)
        app.engine._feed.first, app.engine._feed.last = 1000, 2000
        await pilot.press("enter")
        await until(pilot, on(pilot, MessageScreen))
        await shows(pilot, "It has left the feed")
        assert "specversion" in words(pilot)


async def test_screens_of_events_ask_for_nothing_when_left(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("4", "R")
        await shows(pilot, "From where?")
        await pilot.press("enter")
        await until(pilot, on(pilot, ReplayScreen))
        await shows(pilot, "more left out")
        (request,) = app.engine.asked("replay")
        assert (request.topic, request.partition, request.offset) == ("access_events", 0, 40)
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))
        await until(pilot, lambda: not [w for w in app.workers if w.name == "replay"])


async def test_all_of_it_over_the_socket(tmp_path: Path) -> None:
    """Real events through a real broker and the engine's socket, seen on every screen."""
    found = settings(
        tmp_path, local("here", tmp_path / "here", KEYS), kafka=KafkaSettings(bootstrap="embedded")
    )
    async with Engine(found) as engine:
        server = Server(engine)
        path = tmp_path / "engine.sock"
        async with server.listening(path):
            app: Any = AstraApp(RemoteEngine(found, path), ConsoleSettings())
            async with app.run_test(size=SIZE, notifications=True) as pilot:
                await until(pilot, lambda: app.snapshot.kafka.state is KafkaState.CONNECTED)
                await until(pilot, lambda: app.snapshot.clouds[0].objects == len(KEYS))
                await _send(app.snapshot.kafka.bootstrap)
                await until(pilot, lambda: app.snapshot.kafka.events_total == 3000)
                await _look_around(app, pilot)
            await asyncio.sleep(0)


async def _send(bootstrap: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for number in range(3000):
            key = KEYS[number % len(KEYS)]
            value = {"address": f"here:data/{key}", "operation": "GET", "bytes": number + 1}
            await producer.send("access_events", json.dumps(value).encode(), key=key.encode())
        for _ in range(7):
            await producer.send("access_events", b"\x1b[2Jno json")
    finally:
        await producer.stop()


async def _look_around(app: Any, pilot: Any) -> None:
    feed = app.screen.feed
    await pilot.press("2")
    await until(pilot, lambda: feed.pane_list().count() >= 3007)
    await pilot.press("f")
    held = feed.pane_list().newest
    await _more(app, 500)
    await until(pilot, lambda: "500 new" in str(feed.border_subtitle), "the pending count")
    assert feed.pane_list().newest == held
    await pilot.press("f", "z", "/", *"key:a/deep/* -rejected")
    rows = feed.pane_list()
    await until(pilot, lambda: rows.text and rows.count(), "matches come")
    await until(
        pilot,
        lambda: all("a/deep" in row.subject for row in rows.fetch(0, rows.count())),
        "only what fits",
    )
    await pilot.press("enter")
    await until(pilot, lambda: rows.has_focus and rows.cursor_row is not None)
    await pilot.press("enter")
    await until(pilot, on(pilot, MessageScreen))
    await shows(pilot, "counted as 1 read")
    await shows(pilot, "reads in 30 days")
    card = pilot.app.screen.query_one(MessageCard)
    assert card.detail.previous > 0
    assert card.detail.effects[0].listed
    await pilot.press("escape")
    await until(pilot, on(pilot, ConsoleScreen))
    await pilot.press("!")
    await until(pilot, on(pilot, RejectedScreen))
    await shows(pilot, "not JSON")
    await shows(pilot, "7 kept")
    await pilot.press("enter")
    await until(pilot, on(pilot, MessageScreen))
    await shows(pilot, "nothing: it was rejected")
    await pilot.press("escape")
    await until(pilot, on(pilot, RejectedScreen))
    await pilot.press("escape")
    await until(pilot, on(pilot, ConsoleScreen))
    await pilot.press("i")
    await until(pilot, on(pilot, TopicsScreen))
    await shows(pilot, "access_events")
    await until(pilot, lambda: pilot.app.screen.topic is not None)
    counted = app.snapshot.kafka.events_total
    await pilot.press("R")
    await shows(pilot, "From where?")
    await pilot.press(*["backspace"] * 20, *"oldest", "enter")
    await until(pilot, on(pilot, ReplayScreen))
    screen = pilot.app.screen
    await until(pilot, lambda: screen.feed.pane_list().count() == 3507, "all is read again")
    await until(pilot, lambda: not screen.feed.following, "it shows its beginning")
    assert app.snapshot.kafka.events_total == counted
    await until(pilot, lambda: getattr(screen.feed.pane_list().cursor_row, "topic", ""), "its row")
    await pilot.press("enter")
    await until(pilot, on(pilot, MessageScreen))
    await shows(pilot, "when it was first read")


async def _more(app: Any, count: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=app.snapshot.kafka.bootstrap)
    await producer.start()
    value = json.dumps({"address": f"here:data/{KEYS[0]}", "operation": "GET"}).encode()
    try:
        for _ in range(count):
            await producer.send("access_events", value, key=KEYS[0].encode())
    finally:
        await producer.stop()
