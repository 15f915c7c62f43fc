"""What folders and usage look like, frozen."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from astra_tui.config import ConsoleSettings
from astra_tui.screens.usage import UsageScreen
from engine.model import ListingState
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import on, quiet, settled, until

SIZES = [(80, 24), (120, 40)]
HOSTILE = (
    "/abs/x.csv",
    "a//b",
    "a[red]b/c.txt",
    "clip\x1b]52;c;cm0gLXJm\x07/x",
    "rtl \u202egnp/exe",
    "two\nlines/x",
    "漢字/テスト.csv",
    " /spaces",
    "x" * 200 + "/y",
    "[@click=app.bell]click[/]",
    "plain.txt",
)


def folders(folder: str = "", *keys: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def run(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        await pilot.press("F", "home")
        app: Any = pilot.app
        pane = app.screen.panes[0]
        if folder:
            pane.visit(folder)
        await until(pilot, lambda: pane.objects.query_shown.folder == folder)
        for key in keys:
            await pilot.press(key)
            await quiet(pilot)

    return run


def usage(folder: str | None = None, *keys: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def run(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        await pilot.press("U")
        await until(pilot, on(pilot, UsageScreen))
        screen: Any = pilot.app.screen
        await until(pilot, lambda: screen.table.view is not None)
        if folder is not None:
            screen._visit(folder)
            await until(pilot, lambda: screen.table.shown.folder == folder)
        for key in keys:
            await pilot.press(key)
            await quiet(pilot)
        await quiet(pilot)

    return run


@pytest.mark.parametrize("size", SIZES)
def test_folders(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet())
    assert snap_compare(app, terminal_size=size, run_before=folders("", "space"))


@pytest.mark.parametrize("size", SIZES)
def test_a_deep_folder(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet())
    assert snap_compare(app, terminal_size=size, run_before=folders("photos/2026/08/"))


@pytest.mark.parametrize("size", SIZES)
def test_hostile_folders(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), names=HOSTILE)
    assert snap_compare(app, terminal_size=size, run_before=folders("", "z"))


def test_a_folder_without_a_name(make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), names=HOSTILE)
    assert snap_compare(app, terminal_size=(80, 24), run_before=folders("a//"))


def test_an_empty_folder(make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet())
    assert snap_compare(app, terminal_size=(80, 24), run_before=folders("gone/"))


@pytest.mark.parametrize("size", SIZES)
def test_usage(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    assert snap_compare(make_app(world.quiet()), terminal_size=size, run_before=usage())


@pytest.mark.parametrize("size", SIZES)
def test_hostile_usage(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), names=HOSTILE)
    assert snap_compare(app, terminal_size=size, run_before=usage(None, "s"))


def test_usage_ascii(make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), console=ConsoleSettings(ascii=True))
    assert snap_compare(app, terminal_size=(80, 24), run_before=usage("photos/"))


def test_usage_without_colour(
    make_app: AppMaker, snap_compare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(make_app(world.quiet()), terminal_size=(80, 24), run_before=usage())


def test_usage_of_a_failed_listing(make_app: AppMaker, snap_compare: Any) -> None:
    clouds = (
        world.cloud(
            "aws", state=ListingState.FAILED, error="403 Forbidden [red]no", objects=0, bytes=0
        ),
        world.cloud("gcp"),
    )
    app = make_app(world.quiet(clouds=clouds))
    assert snap_compare(app, terminal_size=(80, 24), run_before=usage())
