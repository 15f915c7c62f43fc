"""The tour plays to its end without a screen, and stops when it is told to."""

import asyncio

import pytest
from textual import events

from astra_tui import demo_tour
from astra_tui.config import ConsoleSettings
from astra_tui.demo_tour import Tour, TourApp
from tests.demo.waiting import until

FAST = 25.0


@pytest.fixture
def tours(monkeypatch: pytest.MonkeyPatch) -> list[Tour]:
    """The tours that a test plays."""
    made: list[Tour] = []
    start = Tour.start

    def note(self: Tour) -> None:
        made.append(self)
        start(self)

    monkeypatch.setattr(Tour, "start", note)
    return made


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_it_plays_to_its_end(tours: list[Tour], size: tuple[int, int]):
    code = await demo_tour.tour(None, ConsoleSettings(), speed=FAST, headless=True, size=size)
    (tour,) = tours
    assert tour.shown[-1].startswith("That was Astra")
    assert tour.complete
    assert code == 0
    assert 40 <= tour.seconds <= 50, "what a spectator is given, whatever this machine needs"


@pytest.mark.parametrize(("key", "leaves"), [("escape", False), ("ctrl+q", True)])
async def test_the_operators_keys_end_it(
    tours: list[Tour], monkeypatch: pytest.MonkeyPatch, key: str, leaves: bool
):
    apps: list[TourApp] = []
    mount = TourApp.on_mount

    def note(self: TourApp) -> None:
        apps.append(self)
        mount(self)

    async def stay(app: TourApp, playing: Tour) -> None:
        """Leave nothing by itself: the operator is there."""

    monkeypatch.setattr(TourApp, "on_mount", note)
    monkeypatch.setattr(demo_tour, "_leave", stay)
    playing = asyncio.create_task(
        demo_tour.tour(None, ConsoleSettings(), speed=1.0, headless=True, size=(80, 24))
    )
    await until(lambda: bool(tours and tours[0].shown), "the tour has begun")
    (app,) = apps
    app.post_message(events.Key(key, None))
    await until(lambda: not tours[0].playing, "the tour ends")
    assert not tours[0].complete
    if not leaves:
        await until(lambda: "console is yours" in app.caption_text, "it says so")
        assert not playing.done()
        app.post_message(events.Key("ctrl+q", None))
    assert await asyncio.wait_for(playing, 60) == 1, "it was not played to its end"
