"""The palette takes what hands type that come from elsewhere: words, panels, kept places."""

from typing import Any

import pytest
from textual.command import CommandPalette

from astra_tui.commands import WORDS
from astra_tui.keymap import BY_ID
from astra_tui.screens.console import ConsoleScreen
from astra_tui.screens.dialogs import Choice
from engine.model import Address, Bookmark, ListingQuery
from tests.console.conftest import AppMaker
from tests.console.waiting import on, settled, shows, until


async def typed(pilot: Any, text: str, help_text: str) -> None:
    """Type into the palette and take the first answer, once it is the expected one."""
    await pilot.press("colon")
    await until(pilot, on(pilot, CommandPalette))
    await pilot.press(*text)
    await shows(pilot, help_text)
    await pilot.press("enter")


def test_words_mean_actions_that_there_are() -> None:
    assert set(WORDS) <= set(BY_ID)
    words = " ".join(WORDS.values()).split()
    assert len(words) == len(set(words)), "a word means one thing"


@pytest.mark.parametrize("word", ["mv", "move", "cp"])
async def test_words_of_the_shell(word: str, make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await typed(pilot, word, "Plan to move or copy")
        await until(pilot, on(pilot, Choice))


async def test_q_leaves(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await typed(pilot, "q", "Leave Astra")
        await until(pilot, lambda: app.leaving or not app.is_running)


async def test_panels_and_places_by_name(make_app: AppMaker) -> None:
    app: Any = make_app()
    mark = Bookmark("weekly", Address("aws", "aws-data"), ListingQuery(text="csv"))
    gone = Bookmark("weekly elsewhere", Address("ibm", "b"))
    app.engine.workspace.marks = {mark.name: mark, gone.name: gone}
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        console = app.screen
        await typed(pilot, "gcp", "Go to this panel.")
        await until(pilot, on(pilot, ConsoleScreen))
        await until(pilot, lambda: console.panes[1].has_focus_within)
        await typed(pilot, "weekly", "Go to aws:aws-data/.")
        await until(pilot, on(pilot, ConsoleScreen))
        await until(pilot, lambda: console.panes[0].has_focus_within)
        await until(pilot, lambda: console.panes[0].filter_text == "csv")
