"""What an operator does in a day, in a real terminal and on real processes, from end to end.

Run it with `-s` to read the screens as they came.
"""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.waiting import alive, until
from tests.tmux.place import Place, digests
from tests.tmux.terminal import Terminal, descendants

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
OBJECTS = 120
LARGE, SMALL = (120, 40), (80, 24)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """So slow that it would take more than a minute, had the operator not let it go faster."""
    made = Place(tmp_path, objects=OBJECTS, limit="256KiB", jobs=2)
    yield made
    if isinstance(pid := made.status().get("pid"), int):
        os.kill(pid, signal.SIGKILL)


class Day:
    """Tells each step with the screen that it led to."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def tell(self, step: str, screen: str) -> None:
        self.steps.append(step)
        lines = [line.rstrip() for line in screen.splitlines() if line.strip()]
        text = "\n".join((f"\n──── {len(self.steps)} {step} ".ljust(100, "─"), *lines))
        sys.stdout.write(text + "\n")


async def test_plan_approve_detach_kill_attach_pause_resume_quit(place: Place) -> None:
    day = Day()
    async with place.console(LARGE) as terminal:
        await terminal.shows(f"{OBJECTS} objects", "Empty.")
        await terminal.press("*", f"{OBJECTS} marked")
        await terminal.press("m", "To which place?")
        await terminal.press("2", "1 ")
        day.tell("plan", await terminal.press("1", f"Move {OBJECTS} objects", "payback"))
        day.tell("approve?", await terminal.press("A", "y yes"))
        day.tell("approve", await terminal.press("y", "running", "queued"))
        engine = place.pid
        await terminal.press("q", "Leave while jobs run?", "astra")
        day.tell("detach", await terminal.press("1", "left with 0", "unfinished in the engine"))
    await goes_on(place, engine, "nobody looks, and it goes on")

    async with place.console(SMALL) as terminal:
        day.tell("attach", await terminal.shows("running", "objects"))
        assert place.pid == engine
        await kill_the_console(terminal, engine)
        day.tell("kill -9 of the console", await terminal.shows("left with 137"))
    await goes_on(place, engine, "a console was killed, and it goes on")

    async with place.console(SMALL) as terminal:
        await terminal.shows("running", "objects")
        assert place.pid == engine
        day.tell("attach and pause", await terminal.press("p", "paused"))
        await until(lambda: set(place.jobs) == {"completed", "paused"}, "all stand still")
        still = place.moved
        day.tell("quit while paused", await terminal.press("q", "left with 0"))
    assert alive(engine)
    assert 0 < still == place.moved < OBJECTS

    async with place.console(LARGE) as terminal:
        await terminal.shows("paused")
        day.tell("attach and resume", await terminal.press("p", "running"))
        await faster(terminal)
        day.tell("all done", await terminal.shows("idle", "Empty.", f"{OBJECTS} objects"))
        day.tell("quit", await terminal.press("q", "left with 0"))
    assert place.jobs == {"completed": OBJECTS}
    assert digests(place.two) == place.before, "every byte is what it was"
    assert digests(place.one) == {}
    assert place.pid == engine, "it was one engine all day"


async def goes_on(place: Place, engine: int, what: str) -> None:
    """The engine moves more, though no console is there."""
    await until(lambda: place.status()["consoles"] == 0, "no console is attached")
    before = place.moved
    await until(lambda: place.moved > before, what)
    assert place.pid == engine


async def kill_the_console(terminal: Terminal, engine: int) -> None:
    """Kill -9 whatever runs in that terminal, but for the engine."""
    for process in descendants(terminal.pid) - {engine}:
        os.kill(process, signal.SIGKILL)


async def faster(terminal: Terminal) -> None:
    """Raise the limits: more objects at once, and no bound of bytes."""
    await terminal.press("b", "How many at once")
    await terminal.keys("C-u", "1", "6")
    await terminal.press("Enter", "Bytes a second")
    await terminal.keys("C-u", "o", "f", "f")
    await terminal.press("Enter", "16 objects at once")
