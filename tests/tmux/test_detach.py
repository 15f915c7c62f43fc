"""A console that comes and goes in a real terminal, over an engine that stays."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.waiting import alive, until
from tests.tmux.terminal import Terminal, descendants

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
ROOT = Path(__file__).resolve().parents[2]
OBJECTS = 60


class Place:
    """Two disks, a config, a state directory, and the engine that may run there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.one, self.two = folder / "one" / "b", folder / "two" / "b"
        for bucket in (self.one, self.two):
            bucket.mkdir(parents=True)
        for number in range(OBJECTS):
            (self.one / f"k{number:02}").write_bytes(os.urandom(150_000))
        (folder / "astra.toml").write_text(
            f'[kafka]\nbootstrap = "off"\n[engine]\nbwlimit = "1MiB"\nidle_stop = "10m"\n'
            f'[clouds.one]\nkind = "local"\nroot = "{folder}/one"\nbucket = "b"\n'
            f'[clouds.two]\nkind = "local"\nroot = "{folder}/two"\nbucket = "b"\n'
        )
        self.environ = {"PYTHONPATH": str(ROOT), "ASTRA_STATE": str(folder / "state")}

    def console(self, size: tuple[int, int] = (120, 40)) -> Terminal:
        command = f"{sys.executable} -m astra_tui; echo left with $?; exec cat"
        return Terminal(command, *size, env=self.environ, cwd=self.folder)

    def status(self) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-m", "astra_tui", "engine", "status", "--json"],
            capture_output=True,
            check=False,
            cwd=self.folder,
            env={**os.environ, **self.environ},
            timeout=60,
        )
        found: dict[str, object] = json.loads(done.stdout)
        return found

    @property
    def jobs(self) -> dict[str, int]:
        found = self.status()["jobs"]
        assert isinstance(found, dict)
        return found

    @property
    def moved(self) -> int:
        return sum(not path.name.startswith(".") for path in self.two.iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
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


async def test_a_console_that_is_killed_changes_nothing(place: Place) -> None:
    async with place.console() as terminal:
        await begin(terminal)
        pid = place.status()["pid"]
        assert isinstance(pid, int)
        for process in descendants(terminal.pid) - {pid}:
            os.kill(process, signal.SIGKILL)
        await terminal.shows("left with 137")
        before = place.moved
        await until(lambda: place.moved > before, "the engine goes on")
        assert place.status()["consoles"] == 0
    async with place.console((80, 24)) as terminal:
        await terminal.shows("running", "objects")
        assert place.status()["pid"] == pid
        await terminal.press("p", "paused")
        await until(lambda: set(place.jobs) <= {"completed", "paused"}, "all stand still")
        await terminal.press("q", "left with 0")
        assert alive(pid)
    async with place.console() as terminal:
        await terminal.shows("paused")
        await terminal.press("p", "running")
        await terminal.press("q", "Leave while jobs run?", "astra")
        await terminal.press("1", "left with 0", "unfinished in the engine")
    await until(lambda: place.jobs == {"completed": OBJECTS}, "all are moved, and none looks", 120)
    assert place.moved == OBJECTS
    assert not [path for path in place.one.iterdir() if not path.name.startswith(".")]


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
    assert {f"k{number:02}" for number in range(OBJECTS)} <= kept
