"""A console that comes and goes in a real terminal, over an engine that stays."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.waiting import until
from tests.tmux.place import Place
from tests.tmux.terminal import Terminal

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
OBJECTS = 60


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path, objects=OBJECTS)
    yield made
    status = made.status()
    if isinstance(pid := status.get("pid"), int):
        os.kill(pid, signal.SIGKILL)


async def begin(terminal: Terminal) -> None:
    """Mark all, plan the move to the other disk, approve."""
    await terminal.shows(f"{OBJECTS} objects", "Empty.")
    await terminal.press("*", f"{OBJECTS} marked")
    await terminal.press("m", "To which place?")
    await terminal.press("2", "1 ")
    await terminal.press("1", f"Move {OBJECTS} objects")
    await terminal.press("A", "y yes")
    await terminal.press("y", "running", "queued")


async def test_a_line_that_drops_leaves_the_engine_alone(place: Place) -> None:
    async with place.console() as terminal:
        await begin(terminal)
        pid = place.status()["pid"]
        await terminal.hang_up()
    before = place.moved
    await until(lambda: place.moved > before, "the engine goes on")
    await until(lambda: place.status()["consoles"] == 0, "the console is gone")
    assert place.status()["pid"] == pid


async def test_an_engine_that_dies_is_told_and_started_again_by_a_key(place: Place) -> None:
    async with place.console() as terminal:
        await begin(terminal)
        pid = place.status()["pid"]
        assert isinstance(pid, int)
        os.kill(pid, signal.SIGKILL)
        await terminal.shows("The engine has ended", "Start it again")
        await terminal.keys("Enter")
        await terminal.shows("paused")
        assert place.status()["pid"] != pid
        await terminal.press("p", "running")
        await terminal.press("q", "Leave while jobs run?")
        await terminal.press("2", "left with 0", "go on with")
    assert place.status() == {"state": "stopped"}
    kept = {path.name for path in place.one.iterdir()} | {path.name for path in place.two.iterdir()}
    assert set(place.before) <= kept
