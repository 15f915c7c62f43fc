"""Whatever can be clicked has a key: a list of all that listens to the mouse, kept complete."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from textual.dom import DOMNode
from textual.widget import Widget

import astra_tui
import widgets
from astra_tui.keymap import BY_ID
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import settled, until
from widgets.key_help import KeyLine
from widgets.virtual_list import VirtualList

MOUSE = ("click", "mouse_down", "mouse_up", "mouse_move", "mouse_scroll_up", "mouse_scroll_down")
KEYS: dict[str, tuple[str, ...]] = {
    # what listens: the actions that do the same by a key
    "KeyLine.on_click": (),  # names its own key, and does what that does
    "Tabs.on_click": ("panel-1", "next-panel"),
    "Sign.on_click": ("jump",),
    "Crumbs.on_click": ("up-folder",),
    "ObjectCard.on_click": ("next-job", "inspect"),
    "EventRows.on_mouse_scroll_up": ("up", "page-up"),
    "VirtualList._on_click": ("up", "down", "mark", "inspect", "sort", "reverse"),
}
POSTED: dict[str, tuple[str, ...]] = {
    # what a list posts on a click: the actions that mean the same
    "HeaderClicked": ("sort", "reverse"),
    "MarkClicked": ("mark",),
    "Chosen": ("inspect", "fold", "open-jobs", "open-folder"),
}


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def ours() -> set[type[DOMNode]]:
    """Every widget and screen of the console."""
    return {
        item
        for package in (widgets, astra_tui)
        for module in modules(package)
        for item in vars(module).values()
        if isinstance(item, type)
        and issubclass(item, DOMNode)
        and item.__module__ == module.__name__
    }


def test_all_that_can_be_clicked_has_a_key() -> None:
    listening = {
        f"{kind.__name__}.{name}"
        for kind in ours()
        for event in MOUSE
        for name in (f"on_{event}", f"_on_{event}")
        if name in vars(kind)
    }
    assert listening == set(KEYS), "say which key does what a click does"
    for what, actions in (KEYS | POSTED).items():
        assert all(action in BY_ID for action in actions), what


def test_what_lists_tell_of_a_click_is_known() -> None:
    posted = {
        name
        for name, item in vars(VirtualList).items()
        if isinstance(item, type) and name not in ("CursorMoved",)
    }
    assert posted == set(POSTED)
    assert issubclass(VirtualList, Widget)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_every_key_in_the_footer_can_be_clicked(
    size: tuple[int, int], make_app: AppMaker
) -> None:
    app: Any = make_app(world.snapshot())
    async with app.run_test(size=size, notifications=True) as pilot:
        await settled(pilot)
        line = app.screen.query_one(KeyLine)
        done: list[str] = []
        app.action_perform = done.append
        shown = line._shown()
        assert len(shown) > 5
        for at, hint in shown:
            await pilot.click(line, offset=(at, 0))
            await until(pilot, lambda hint=hint: done[-1:] == [hint.action])
            assert hint.key == app.keymap.key_of(hint.action, short=True)
