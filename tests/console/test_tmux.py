"""The real console in a real terminal: `astra demo` inside tmux, keys in, screen out."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
DEADLINE = 90.0


class Terminal:
    """One tmux session on a server of its own."""

    def __init__(self, folder: Path, width: int, height: int, command: str) -> None:
        self._socket = f"astra-{uuid4().hex[:8]}"
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", str(width), "-y",
                   str(height), "-c", str(folder), command)  # fmt: skip

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-L", self._socket, *arguments],
            capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
        return done.stdout

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", "-t", "t", *keys)

    def resize(self, width: int, height: int) -> None:
        self._tmux("resize-window", "-t", "t", "-x", str(width), "-y", str(height))

    def screen(self) -> str:
        return self._tmux("capture-pane", "-t", "t", "-p")

    def mode(self, name: str) -> str:
        return self._tmux("display-message", "-t", "t", "-p", f"#{{{name}}}").strip()

    def until(self, condition: Callable[[str], object]) -> str:
        """Look at the screen until the condition holds; fails after a generous deadline."""
        end = time.monotonic() + DEADLINE
        while not condition(shown := self.screen()):
            assert time.monotonic() < end, f"waited in vain; the screen shows:\n{shown}"
            time.sleep(0.05)
        return shown

    def shows(self, *texts: str) -> str:
        """Wait until all of these texts are on the screen."""
        return self.until(lambda shown: all(text in shown for text in texts))

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], capture_output=True, timeout=30)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Callable[[int, int], Terminal]]:
    """Opens `astra demo` in a terminal of that size."""
    opened: list[Terminal] = []

    def start(width: int, height: int) -> Terminal:
        clean = "env -u COLUMNS -u LINES -u NO_COLOR"
        command = f"{clean} {sys.executable} -m astra_tui demo; echo ENDED $?; exec cat"
        opened.append(Terminal(tmp_path, width, height, command))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


def test_a_whole_visit(demo: Callable[[int, int], Terminal]) -> None:
    terminal = demo(120, 40)
    shown = terminal.until(
        lambda shown: len(re.findall(r"\d objects ·", shown)) == 3
    )  # all are listed
    for word in ("prod-data", "cold-data", "partner-share", "migrations"):
        assert word in shown
    assert "events" in shown
    terminal.shows("ev/s", "GET")  # Kafka is connected and the traffic arrives
    assert terminal.mode("alternate_on") == "1"
    terminal.press("e")
    terminal.shows("Policy rules", "objects should be elsewhere", "Plan it")
    terminal.press("P")
    terminal.shows("payback", "A approve")
    terminal.press("A")
    terminal.shows("Start these jobs?", "No")
    terminal.press("y")
    terminal.shows("completed", "reread")
    terminal.press("m")
    terminal.shows("To which place?")
    terminal.press("Escape")
    terminal.until(lambda shown: "To which place?" not in shown)
    terminal.resize(80, 24)
    terminal.shows("1 aws", "5 migrations", "name")
    terminal.press("5")
    terminal.shows("steps", "completed")
    terminal.press("q")
    shown = terminal.until(lambda shown: "ENDED" in shown or "Leave while jobs run?" in shown)
    if "ENDED" not in shown:
        terminal.press("y")
    terminal.shows("ENDED 0")
    assert terminal.mode("alternate_on") == "0"
    assert terminal.mode("mouse_any_flag") == "0"
    assert terminal.mode("cursor_flag") == "1"


def test_a_small_terminal(demo: Callable[[int, int], Terminal]) -> None:
    terminal = demo(80, 24)
    terminal.shows("1 aws", "4 events", "customer_transactions.csv")
    terminal.press("/")
    terminal.press("-l", "monthly_report")
    terminal.until(lambda shown: "monthly_report" in shown and "customer_trans" not in shown)
    terminal.press("Enter")
    terminal.press("Enter")
    terminal.shows("Object", "reads", "cost in each class")
    terminal.press("?")
    terminal.shows("Keys", "everywhere")
    terminal.press("C-c")
    terminal.shows("ENDED 0")
