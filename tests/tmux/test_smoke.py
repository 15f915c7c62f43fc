"""`astra demo` in a real terminal: it draws, obeys its keys, and leaves nothing behind."""

import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.demo.waiting import alive, until
from tests.tmux.terminal import Terminal, descendants

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
ROOT = Path(__file__).resolve().parents[2]
SMALL, LARGE = (80, 24), (120, 40)


@pytest.fixture
async def temporary(short_path: Path) -> AsyncIterator[Path]:
    """Where the demo puts its folder; at the end of the test nothing may be left in it."""
    yield short_path
    await until(lambda: not list(short_path.iterdir()), "no temporary folder is left")


def demo(size: tuple[int, int], temporary: Path, arguments: str = "") -> Terminal:
    command = f"{sys.executable} -m astra_tui demo {arguments}; echo left with $?; exec cat"
    return Terminal(command, *size, env={"TMPDIR": str(temporary)}, cwd=ROOT)


async def running(terminal: Terminal) -> set[int]:
    """The program, its storage and its engine, once all run."""
    await until(lambda: len(descendants(terminal.pid)) >= 3, "the program and its two others run")
    return descendants(terminal.pid)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_it_draws_obeys_and_leaves_nothing(size: tuple[int, int], temporary: Path):
    async with demo(size, temporary) as terminal:
        screen = await terminal.shows("us-east-1 ▸ prod-data", "101 objects", "ev/s")
        assert "Traceback" not in screen
        assert len(screen.splitlines()) <= size[1]
        assert all(len(line) <= size[0] for line in screen.splitlines())
        processes = await running(terminal)
        assert len(list(temporary.iterdir())) == 1

        await terminal.press("?", "cloud pane", "Mark or unmark")
        await terminal.press("Escape", "_SUCCESS")
        await terminal.press("/", "filter: part of a name")
        await terminal.keys("-l", "backup_d")
        await terminal.shows("3 of 101 objects", "backup_d")
        await terminal.keys("Enter")  # back to the list
        await terminal.press("Enter", "backup_database_Q2.zip", "STANDARD", "DEEP_ARCHIVE")
        await terminal.press("Escape", "3 of 101 objects")
        await terminal.keys("Escape")
        await terminal.until(
            lambda text: "101 objects" in text and "of 101" not in text, "the filter is gone"
        )

        await terminal.press("4", "GET")
        await terminal.press("d", "clouds", "aws", "gcp", "azure", "back")
        await terminal.press("Escape", "4 events" if size == SMALL else "prod-data")

        await terminal.keys("q")
        await terminal.shows("left with 0")
        await until(lambda: not any(map(alive, processes)), "every process has ended")


async def test_an_object_moves_by_keys_alone(temporary: Path):
    async with demo(LARGE, temporary) as terminal:
        await terminal.shows("101 objects", "37 objects")
        await terminal.press("Down", "▸  arch")
        await terminal.press("m", "To which place?")
        await terminal.press("2", "the source is deleted once the copy is proved equal")
        await terminal.press("1", "saving", "payback", "egress")
        await terminal.press("A", "y yes")
        await terminal.keys("y")
        await terminal.shows("completed", "reread", "100 objects", "38 objects")
        await terminal.keys("q")
        await terminal.shows("left with 0")


async def test_resizing_while_it_runs(temporary: Path):
    async with demo(SMALL, temporary) as terminal:
        await terminal.shows("1 aws", "4 events", "101 objects")
        await terminal.resize(*LARGE)
        await terminal.shows("cold-data", "partner-share", "33 objects")
        await terminal.resize(*SMALL)
        await terminal.shows("1 aws", "4 events", "101 objects")
        await terminal.keys("q")
        await terminal.shows("left with 0")


async def test_a_dropped_line_leaves_nothing_running(temporary: Path):
    async with demo(LARGE, temporary) as terminal:
        await terminal.shows("101 objects")
        processes = await running(terminal)
        await terminal.hang_up()
        await until(lambda: not any(map(alive, processes)), "every process has ended")


async def test_a_console_that_is_killed_leaves_nothing_running(temporary: Path):
    async with demo(LARGE, temporary) as terminal:
        await terminal.shows("101 objects")
        processes = await running(terminal)
        (console,) = processes - {other for process in processes for other in descendants(process)}
        os.kill(console, signal.SIGKILL)
        await terminal.shows("left with 137")
        await until(lambda: not any(map(alive, processes)), "every process has ended")


async def test_the_tour_begins_and_escape_ends_it(temporary: Path):
    async with demo(LARGE, temporary, "--tour") as terminal:
        await terminal.shows("Three clouds on one screen")
        await terminal.keys("Escape")
        await terminal.shows("The tour has ended")
        await terminal.keys("q")
        await terminal.shows("left with 0")


async def test_no_colour_sends_none(temporary: Path):
    terminal = demo(SMALL, temporary)
    terminal._env["NO_COLOR"] = "1"
    async with terminal:
        await terminal.shows("101 objects")
        coloured = await terminal._tmux("capture-pane", "-p", "-e", "-t", "astra")
        assert "[38;" not in coloured
        assert "[48;" not in coloured
        await terminal.keys("q")
        await terminal.shows("left with 0")
