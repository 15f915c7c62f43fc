"""A line of progress is drawn on a terminal only, and is gone before anything else is printed."""

import io

import pytest

from astra_tui.cli.progress import ProgressLine
from tests.cli.conftest import Astra


class Screen(io.StringIO):
    """stderr as a terminal, or as a file."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def test_a_line_is_drawn_seldom_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, asked = Screen(True), list[int]()
    monkeypatch.setattr("sys.stderr", screen)
    with ProgressLine() as line:
        for number in range(100):  # far less than a quarter of a second
            line.show(lambda number=number: asked.append(number) or f"{number} done")
        line.clear()
        line.clear()
    assert asked == [0], "what is not drawn is not even made"
    assert screen.getvalue() == "\r\x1b[K0 done\r\x1b[K"


def test_elsewhere_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(False)
    monkeypatch.setattr("sys.stderr", screen)
    with ProgressLine() as line:
        line.show(lambda: "never")
    assert screen.getvalue() == ""


def test_a_check_into_a_file_draws_nothing(astra: Astra) -> None:
    astra.config()
    for side in ("one", "two"):
        astra.file(f"{side}/a", b"same")
        astra.file(f"{side}/b", side.encode())
    done = astra("check", "disk:box/one/", "disk:box/two/", code=1)
    assert "differ" in done.out
    assert "\r" not in done.out + done.err
