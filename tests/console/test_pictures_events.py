"""What the screens around the feed look like, frozen."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from astra_tui.config import ConsoleSettings
from astra_tui.screens.message import MessageScreen
from astra_tui.screens.rejected import RejectedScreen
from astra_tui.screens.replay import ReplayScreen
from astra_tui.screens.topics import TopicsScreen
from engine.errors import BrokerUnavailable
from engine.model import KafkaState
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import on, quiet, settled, shows, until
from widgets.pane import FilterInput

SMALL, USUAL = (80, 24), (120, 40)
SIZES = pytest.mark.parametrize("size", [SMALL, USUAL])
Before = Callable[[Pilot[Any]], Awaitable[None]]


def feed(*keys: str, typed: str = "", then: type | None = None, shown: str = "") -> Before:
    """Go to the feed, zoom it, press keys, type into the filter, wait for what comes of it."""

    async def run(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        await pilot.press("4")
        app: Any = pilot.app
        rows = app.screen.feed.pane_list()
        full = app.screen.feed.following and app.engine._feed.last > 0
        await until(pilot, lambda: not full or 0 < rows.count() == rows.cursor + 1, "its rows")
        for key in keys:
            await pilot.press(key)
            await quiet(pilot)
        if typed:
            await pilot.press("/")
            await until(pilot, lambda: isinstance(app.focused, FilterInput), "the filter line")
            await pilot.press(*typed)
        if then is not None:
            await until(pilot, on(pilot, then), then.__name__)
        if shown:
            await shows(pilot, shown)
        await quiet(pilot)

    return run


@SIZES
def test_following_filtered(size: Any, make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet())
    assert snap_compare(app, terminal_size=size, run_before=feed("z", typed="report"))


@SIZES
def test_a_filter_that_cannot_be_read(size: Any, make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet())
    before = feed(typed="topc:x", shown="no field topc")
    assert snap_compare(app, terminal_size=size, run_before=before)


@SIZES
def test_no_match(size: Any, make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet())
    before = feed("z", typed="nothing-like-it", shown="No message fits")
    assert snap_compare(app, terminal_size=size, run_before=before)


@SIZES
def test_held_with_pending(size: Any, make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())

    async def held(pilot: Pilot[Any]) -> None:
        await feed("f")(pilot)
        app.engine._feed.last += 312
        app.engine.show(world.quiet())
        await shows(pilot, "312 new")
        await quiet(pilot)

    assert snap_compare(app, terminal_size=size, run_before=held)


@SIZES
def test_following_under_load(size: Any, make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())

    async def loaded(pilot: Pilot[Any]) -> None:
        await feed("z")(pilot)
        source = app.engine._feed
        source.first, source.last = 20_000, 120_040
        app.engine.show(world.quiet(kafka=world.kafka(events_per_second=50_123.0)))
        await shows(pilot, "not drawn")
        await quiet(pilot)

    assert snap_compare(app, terminal_size=size, run_before=loaded)


@SIZES
def test_no_broker(size: Any, make_app: AppMaker, snap_compare: Any) -> None:
    away = world.kafka(
        state=KafkaState.AWAY, error="Connection refused by 10.0.0.9:9092.", events_per_second=0.0
    )
    app = make_app(world.quiet(kafka=away))
    assert snap_compare(app, terminal_size=size, run_before=feed(shown="AWAY"))


@SIZES
def test_message(size: Any, make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet())
    before = feed("up", "enter", then=MessageScreen, shown="counted as 3 reads")
    assert snap_compare(app, terminal_size=size, run_before=before)


@SIZES
def test_hostile_message(size: Any, make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), feed=world.Feed(last=31, hostile=True))
    before = feed("enter", then=MessageScreen, shown="nothing: it was rejected")
    assert snap_compare(app, terminal_size=size, run_before=before)


@SIZES
def test_topics(size: Any, make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet())
    before = feed("i", then=TopicsScreen, shown="150 behind")
    assert snap_compare(app, terminal_size=size, run_before=before)


def test_topics_without_colour_and_glyphs(
    make_app: AppMaker, snap_compare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(world.quiet(), console=ConsoleSettings(ascii=True))
    before = feed("i", "down", "space", then=TopicsScreen, shown="migration_jobs")
    assert snap_compare(app, terminal_size=USUAL, run_before=before)


@SIZES
def test_rejected(size: Any, make_app: AppMaker, snap_compare: Any) -> None:
    rejected = world.Feed(first=1, last=9, hostile=True, every=1)
    app = make_app(world.quiet(), feeds={"rejected": rejected})
    before = feed("!", then=RejectedScreen, shown="no cloud is named")
    assert snap_compare(app, terminal_size=size, run_before=before)


@SIZES
def test_replay(size: Any, make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet())

    async def replay(pilot: Pilot[Any]) -> None:
        await feed("R", shown="From where?")(pilot)
        await pilot.press("enter")
        await until(pilot, on(pilot, ReplayScreen), "the replay")
        await shows(pilot, "more left out")
        screen: Any = pilot.app.screen
        await until(pilot, lambda: not screen.feed.following, "its beginning shows")
        await quiet(pilot)

    assert snap_compare(app, terminal_size=size, run_before=replay)


def test_replay_that_fails(make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())
    app.engine.fail["replay"] = BrokerUnavailable(
        "There is no connection to the broker: refused\x1b[31m.",
        subject="10.0.0.9:9092",
        safe="What the feed shows stays.",
        todo="Astra keeps trying; try again then.",
    )

    async def replay(pilot: Pilot[Any]) -> None:
        await feed("R", shown="From where?")(pilot)
        await pilot.press("enter")
        await shows(pilot, "Could not replay")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2, "the replay's page is left")
        await quiet(pilot)

    assert snap_compare(app, terminal_size=SMALL, run_before=replay)
