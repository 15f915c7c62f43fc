"""The first run in a real terminal and a fresh home: found, tested, written, and a console."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tmux.terminal import Terminal

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
ROOT = Path(__file__).resolve().parents[2]
ASTRA = f"{sys.executable} -m astra_tui"


def environ(home: Path) -> dict[str, str]:
    """A home and nothing else that knows of clouds."""
    return {"HOME": str(home), "PYTHONPATH": str(ROOT), "ASTRA_STATE": str(home / "state")}


def command(then: str = "exec cat") -> str:
    unset = "env -u CI -u XDG_CONFIG_HOME -u AWS_PROFILE -u AWS_ACCESS_KEY_ID -u ASTRA_CONFIG"
    return f"{unset} {ASTRA}; echo left with $?; {then}"


async def go_to(terminal: Terminal, name: str) -> None:
    """Move down to that cloud, whatever else this machine has above it."""

    def here(screen: str) -> str:
        return next(line for line in screen.splitlines() if "▸" in line)

    at = here(await terminal.screen())
    while f"] {name} " not in at:
        await terminal.keys("Down")
        before = at
        at = here(
            await terminal.until(lambda screen, old=before: here(screen) != old, f"below {before}")
        )


async def test_from_a_fresh_home_to_a_working_console(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    box = tmp_path / "data" / "box"
    box.mkdir(parents=True)
    (box / "report.csv").write_text("a,b\n")
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = AKIAFAKE\naws_secret_access_key = not-shown\n"
    )
    async with Terminal(command(), 80, 24, environ(tmp_path), here) as terminal:
        screen = await terminal.shows("choose clouds", "profile default", "[ ] data")
        assert "not-shown" not in screen
        await terminal.resize(120, 40)
        await terminal.shows("look again")
        await terminal.resize(80, 24)
        # The profile out; down to the folder, and that one in.
        await terminal.press("Space", "[ ] aws")
        await go_to(terminal, "data")
        await terminal.press("Space", "[x] data")
        await terminal.press("t", "ok", "The first object can be read.")
        await terminal.press("w", "Write astra.toml", "1 ", "2 ")
        await terminal.press("1", "Written", "Open the console")
        await terminal.keys("Enter")
        await terminal.shows("report.csv", "1 data")
        await terminal.keys("q")
        await terminal.shows("left with 0")
    config = tmp_path / ".config" / "astra" / "astra.toml"
    assert 'kind = "local"' in config.read_text()
    done = subprocess.run(
        [sys.executable, "-m", "astra_tui", "engine", "status", "--json"],
        capture_output=True, check=False, cwd=here, timeout=60,
        env={**os.environ, **environ(tmp_path)},
    )  # fmt: skip
    os.kill(json.loads(done.stdout)["pid"], signal.SIGKILL)


async def test_leaving_writes_nothing_and_leaves_a_clean_terminal(tmp_path: Path) -> None:
    async with Terminal(command(), 80, 24, environ(tmp_path), tmp_path) as terminal:
        await terminal.shows("first run")
        await terminal.keys("C-c")
        await terminal.shows("No config was written", "left with 0")
        assert await terminal._tmux("display-message", "-p", "#{alternate_on}") == "0"
    assert list(tmp_path.iterdir()) == []
