"""The driver in a real terminal, beside Textual's own."""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from textual.drivers.headless_driver import HeadlessDriver
from textual.drivers.linux_driver import LinuxDriver

from astra_tui.driver import HangUpDriver, driver_class
from astra_tui.terminal.driver import ThinDriver
from tests.terminal.emulator import Cell
from tests.terminal.emulator import Terminal as Emulated
from tests.tmux.terminal import PATIENCE, Terminal, descendants

ROOT = Path(__file__).resolve().parents[2]
tmux = [
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


def test_which_driver_is_used() -> None:
    assert driver_class(LinuxDriver, {}) is ThinDriver
    assert driver_class(LinuxDriver, {"ASTRA_DRIVER": "stock"}) is HangUpDriver
    assert driver_class(HeadlessDriver, {}) is HeadlessDriver


def little(term: str, driver: str = "", size: tuple[int, int] = (70, 24)) -> Terminal:
    """The small app; `term` may be followed by more of the environment."""
    command = f"TERM={term} {sys.executable} -m tests.terminal.little; echo left with $?; exec cat"
    return Terminal(command, *size, env={"ASTRA_DRIVER": driver}, cwd=ROOT)


async def cells(terminal: Terminal, width: int, height: int) -> list[list[Cell]]:
    """What tmux shows, cell by cell; of erased cells at the end of a row it tells no colour."""
    shown = Emulated(width, height)
    text = await terminal._tmux("capture-pane", "-p", "-e", "-N", "-t", "astra")
    shown.feed(text.replace("\n", "\r\n"))
    return [_without_end(row) for row in shown.cells()]


def _without_end(row: list[Cell]) -> list[Cell]:
    last = max((x for x, cell in enumerate(row) if cell[0] != " "), default=-1)
    return row[: last + 1]


async def mode(terminal: Terminal, name: str) -> str:
    return await terminal._tmux("display-message", "-p", f"#{{{name}}}")


@pytest.mark.parametrize(
    "term",
    ["xterm-256color", "xterm-256color COLORTERM=", "screen COLORTERM=", "vt100 NO_COLOR=1"],
    ids=["true colour", "256 colours", "16 colours", "no colour"],
)
@pytest.mark.usefixtures("_terminal")
class TestInTmux:
    pytestmark = tmux

    async def test_it_shows_what_textuals_own_shows(self, term: str) -> None:
        async with little(term, "stock") as stock, little(term) as ours:
            for terminal in (stock, ours):
                await used(terminal)
            await suspended(ours)  # Textual's own draws nothing anew when it comes back
            # A picture may be looked at while it is drawn: the same must come at last.
            end = time.monotonic() + PATIENCE
            while (wanted := await cells(stock, 70, 24)) != (shown := await cells(ours, 70, 24)):
                assert time.monotonic() < end, different(wanted, shown)
            for terminal in (stock, ours):
                await terminal.keys("F2")
                await terminal.shows("left with 0")


async def used(terminal: Terminal) -> None:
    """Some keys and two changes of size."""
    await terminal.shows("ready", "OptionList", "a[red]b.txt", "type here")
    await terminal.keys("Down", "Down", "Tab")
    await terminal.shows("Input")
    await terminal.keys("x", "y", "z")
    await terminal.shows("typed: xyz")
    await terminal.resize(40, 12)
    await terminal.until(lambda text: "typed" in text and "▔" * 40 not in text, "small")
    await terminal.resize(70, 24)
    await terminal.until(lambda text: text.count("xyz") == 2, "a large one")


async def suspended(terminal: Terminal) -> None:
    """Give the shell the terminal for a while, and come back."""
    (program,) = descendants(terminal.pid)
    os.kill(program, signal.SIGTSTP)
    await terminal.until(lambda text: "xyz" not in text, "the shell's screen")
    os.kill(program, signal.SIGCONT)
    await terminal.until(lambda text: text.count("xyz") == 2, "what was there")


def different(one: list[list[Cell]], other: list[list[Cell]]) -> str:
    rows = enumerate(zip(one, other, strict=True))
    return "\n".join(f"{y}: {wanted}\n   {shown}" for y, (wanted, shown) in rows if wanted != shown)


@pytest.mark.usefixtures("_terminal")
class TestOneTerminal:
    pytestmark = tmux

    async def test_it_is_suspended_and_comes_back(self) -> None:
        async with little("xterm-256color") as terminal:
            before = await terminal.shows("ready", "OptionList", "a[red]b.txt", "type here")
            (program,) = descendants(terminal.pid)
            os.kill(program, signal.SIGTSTP)
            await terminal.until(lambda text: "type here" not in text, "the shell's screen")
            assert await mode(terminal, "alternate_on") == "0"
            os.kill(program, signal.SIGCONT)
            await terminal.until(lambda text: text == before, "what was there")
            await terminal.keys("Tab")
            await terminal.shows("Input")
            await terminal.keys("a", "b", "c")
            await terminal.shows("typed: abc")
            await terminal.keys("F2")
            await terminal.shows("left with 0")

    async def test_the_mouse_is_reported_while_a_button_is_down_only(self) -> None:
        async with little("xterm-256color") as terminal:
            await terminal.shows("ready", "type here")
            assert await mode(terminal, "mouse_all_flag") == "0"
            assert await mode(terminal, "mouse_button_flag") == "1"
            await terminal.keys("F2")
            await terminal.shows("left with 0")
            assert await mode(terminal, "mouse_any_flag") == "0"
            assert await mode(terminal, "cursor_flag") == "1"
            assert await mode(terminal, "alternate_on") == "0"
