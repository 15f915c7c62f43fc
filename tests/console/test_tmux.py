"""Keys that all come at once, as over a slow line, to the real console in a real terminal."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.tmux.terminal import Terminal

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
ROOT = Path(__file__).resolve().parents[2]


async def test_typing_ahead_and_a_clean_terminal_afterwards(short_path: Path) -> None:
    command = f"{sys.executable} -m astra_tui demo; echo left with $?; exec cat"
    async with Terminal(command, 80, 24, {"TMPDIR": str(short_path)}, ROOT) as terminal:

        async def mode(name: str) -> str:
            return await terminal._tmux("display-message", "-p", f"#{{{name}}}")

        await terminal.shows("1 aws", "101 objects")
        assert await mode("alternate_on") == "1"
        # The word holds keys that would cancel, migrate, age and quit.
        await terminal.keys("/", *"monthly_rep", "Enter")
        await terminal.shows("of 101 objects")
        await terminal.keys("m", "2", "2")
        await terminal.shows("Plan", "monthly_report", "payback")
        await terminal.keys("A")
        await terminal.shows("Start th")
        await terminal.keys("n", "Escape")
        await terminal.shows("of 101 objects")
        await terminal.keys("q")
        await terminal.shows("left with 0")
        assert await mode("alternate_on") == "0"
        assert await mode("mouse_any_flag") == "0"
        assert await mode("cursor_flag") == "1"
