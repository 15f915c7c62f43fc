"""The flavours at work: two strokes, arrows and function keys, half pages, matches."""

from typing import Any

import pytest

from astra_tui.config import ConsoleSettings
from astra_tui.screens.console import ConsoleScreen
from astra_tui.screens.dialogs import Choice
from astra_tui.screens.help import HelpScreen
from astra_tui.screens.lab import LabScreen
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import on, settled, shows, until

SIZE = (120, 40)
LAST = len(world.CALM) - 1


def said(app: Any) -> str:
    return "\n".join(notification.message for notification in app._notifications)


def flavoured(make_app: AppMaker, flavour: str) -> Any:
    return make_app(console=ConsoleSettings(flavour=flavour))


async def test_vim_moves_by_strokes(make_app: AppMaker) -> None:
    app: Any = flavoured(make_app, "vim")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        rows = app.screen.panes[0].objects
        await pilot.press("G")
        assert rows.cursor == LAST
        await pilot.press("g")
        assert rows.cursor == LAST, "one g waits"
        await pilot.press("g")
        await until(pilot, lambda: rows.cursor == 0)
        await pilot.press("g", "escape", "g", "j")
        await until(pilot, lambda: rows.cursor == 1, "another key stands for itself")
        await pilot.press("g", "t")
        await until(pilot, lambda: app.screen.panels.current == 1)
        await pilot.press("ctrl+w", "W")
        await until(pilot, lambda: app.screen.panels.current == 0)
        await pilot.press("g", "l")
        await until(pilot, on(pilot, LabScreen))
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))
        await pilot.press("d", "d")  # d opens the totals; nothing is deleted by two of them
        assert not {name for name, _ in app.engine.calls} & {"submit", "cancel"}


async def test_vim_walks_through_folders(make_app: AppMaker) -> None:
    app: Any = flavoured(make_app, "vim")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        screen = app.screen
        assert app.keymap["open-folder"].keys[0] == "l"
        asked: list[str] = []
        screen.do_open_folder = lambda: asked.append("in")
        screen.do_up_folder = lambda: asked.append("out")
        screen.why_not = lambda action: ""
        await pilot.press("l", "h")
        await until(pilot, lambda: asked == ["in", "out"])


async def test_strokes_are_text_in_a_filter(make_app: AppMaker) -> None:
    app: Any = flavoured(make_app, "vim")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        pane = app.screen.panes[0]
        await pilot.press("g", "&", "g", "g", "backspace", "enter")
        await until(pilot, lambda: pane.filter_text == "g")


async def test_matches_are_gone_through(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        pane = app.screen.panes[0]
        await pilot.press("n")
        await until(pilot, lambda: "Nothing is searched for; ^f searches, / filters." in said(app))
        await pilot.press("/", *"photos", "enter", "n")
        await until(pilot, lambda: len(pane.objects.view) == 2 and pane.objects.cursor == 1)
        await pilot.press("N")
        await until(pilot, lambda: pane.objects.cursor == 0)


async def test_half_pages(make_app: AppMaker) -> None:
    app: Any = make_app(names=[f"k{number:03}" for number in range(200)])
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        rows = app.screen.panes[0].objects
        half = rows.visible_count // 2
        await pilot.press("ctrl+d", "ctrl+d")
        assert rows.cursor == 2 * half > 10
        await pilot.press("ctrl+u")
        assert rows.cursor == half
        await pilot.press("?")
        await until(pilot, on(pilot, HelpScreen))
        page = app.screen.query_one("#help")
        await until(pilot, lambda: page.max_scroll_y > 0)
        await pilot.press("ctrl+d")
        await until(pilot, lambda: page.scroll_offset.y > 0)


async def test_arrows_need_no_letters(make_app: AppMaker) -> None:
    app: Any = flavoured(make_app, "arrows")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        pane = app.screen.panes[0]
        await pilot.press("j", "G")
        assert pane.objects.cursor == 0, "letters do not move"
        await pilot.press("down", "insert")
        await until(pilot, lambda: len(pane.marked) == 1 and pane.objects.cursor == 2)
        await shows(pilot, "f5 migrate")
        await pilot.press("f5")
        await until(pilot, on(pilot, Choice))
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))
        await pilot.press("f10")
        await until(pilot, lambda: app.return_code == 0 or not app.is_running, "F10 leaves")


@pytest.mark.parametrize(
    ("flavour", "words"), [("vim", "gg"), ("arrows", "f10"), ("astra", "home g")]
)
async def test_the_help_shows_the_keys_in_force(
    flavour: str, words: str, make_app: AppMaker
) -> None:
    app: Any = flavoured(make_app, flavour)
    async with app.run_test(size=(100, 200)) as pilot:
        await settled(pilot)
        await pilot.press("?")
        await until(pilot, on(pilot, HelpScreen))
        await shows(pilot, words)


@pytest.mark.parametrize("flavour", ["astra", "vim", "arrows"])
@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c"])
async def test_the_way_out_is_always_open(flavour: str, key: str, make_app: AppMaker) -> None:
    app: Any = flavoured(make_app, flavour)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("g", key)
        await until(pilot, lambda: not app.is_running or app.leaving)
