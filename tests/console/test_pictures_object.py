"""What a look into one object looks like, frozen."""

from typing import Any

import pytest
from textual.pilot import Pilot

from astra_tui.config import ConsoleSettings
from astra_tui.screens.object import ObjectScreen
from astra_tui.screens.preview import PreviewScreen
from astra_tui.screens.versions import VersionsScreen
from engine.errors import AccessDenied
from engine.model import Address
from tests.console import object_samples, world
from tests.console.conftest import AppMaker
from tests.console.test_pictures import SMALL, USUAL, Before
from tests.console.waiting import on, quiet, settled, until

KEYS = {
    "table": "customer_transactions.csv",
    "json": "data.json",
    "hostile": "hostile.txt",
    "bytes": "backup_database_Q2.zip",
    "packed": "app.log.gz",
    "picture": "photos/2026/08/harbour.jpg",
    "archived": "archived_logs_2022.log",
    "priced": "financial_records_2023.csv",
}


def look(key: str, *keys: str) -> Before:
    """Open the preview of a key, wait until it shows, press keys."""

    async def run(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        pilot.app.push_screen(PreviewScreen(Address("aws", "aws-data", key)))
        await until(pilot, on(pilot, PreviewScreen), "the preview")
        screen: Any = pilot.app.screen
        await until(pilot, lambda: not screen.reading, "what was read")
        for name in keys:
            await pilot.press(name)
            await quiet(pilot)
        await quiet(pilot)

    return run


@pytest.mark.parametrize("size", [SMALL, USUAL])
@pytest.mark.parametrize("what", KEYS)
def test_preview(what: str, size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    assert snap_compare(make_app(world.quiet()), terminal_size=size, run_before=look(KEYS[what]))


def test_preview_further_right(make_app: AppMaker, snap_compare: Any) -> None:
    before = look(KEYS["table"], "right", "right", "right")
    assert snap_compare(make_app(world.quiet()), terminal_size=SMALL, run_before=before)


def test_preview_as_bytes(make_app: AppMaker, snap_compare: Any) -> None:
    before = look("hostile.txt", "x")
    assert snap_compare(make_app(world.quiet()), terminal_size=SMALL, run_before=before)


def test_preview_that_is_paid_for(make_app: AppMaker, snap_compare: Any) -> None:
    before = look("financial_records_2023.csv", "v")
    assert snap_compare(make_app(world.quiet()), terminal_size=SMALL, run_before=before)


def test_preview_in_ascii(make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), console=ConsoleSettings(ascii=True))
    assert snap_compare(app, terminal_size=SMALL, run_before=look("hostile.txt"))


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_preview_failed(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())
    app.engine.fail["preview"] = AccessDenied(
        "The credentials may not read this object (403).",
        subject="aws:aws-data/[red]\x1b[31mx",
        todo="Give them s3:GetObject.",
    )
    assert snap_compare(app, terminal_size=size, run_before=look("x"))


def versions(key: str, *keys: str) -> Before:
    async def run(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        pilot.app.push_screen(VersionsScreen(Address("aws", "aws-data", key)))
        await until(pilot, on(pilot, VersionsScreen), "the versions")
        screen: Any = pilot.app.screen
        await until(pilot, lambda: not screen.asking, "the store's answer")
        for name in keys:
            await pilot.press(name)
            await quiet(pilot)
        await quiet(pilot)

    return run


@pytest.mark.parametrize("size", [SMALL, USUAL])
@pytest.mark.parametrize(
    "key", ["customer_transactions.csv", "docs/readme.md"], ids=["several", "one"]
)
def test_versions(key: str, size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    before = versions(key, "down")
    assert snap_compare(make_app(world.quiet()), terminal_size=size, run_before=before)


def test_versions_failed(make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())
    app.engine.fail["versions"] = AccessDenied(
        "The credentials may not list versions (403).", todo="Give them s3:ListBucketVersions."
    )
    assert snap_compare(app, terminal_size=SMALL, run_before=versions("x"))


def card(key: str, *keys: str) -> Before:
    async def run(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        pilot.app.push_screen(ObjectScreen(Address("aws", "aws-data", key)))
        await until(pilot, on(pilot, ObjectScreen), "the object")
        page: Any = pilot.app.screen.query_one("#card")
        await until(pilot, lambda: page.detail is not None, "the object is read")
        for name in keys:
            await pilot.press(name)
            await quiet(pilot)
        await quiet(pilot)

    return run


STATES = {"top": (), "weeks": ("w",), "jobs": ("tab", "tab"), "unfolded": ("f", "pagedown")}


@pytest.mark.parametrize("size", [SMALL, USUAL])
@pytest.mark.parametrize("state", STATES)
def test_card(state: str, size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())
    app.engine.detail = object_samples.busy
    before = card("logs/[red]\x1b[31mx.log", *STATES[state])
    assert snap_compare(app, terminal_size=size, run_before=before)


def test_card_in_ascii(make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet(), console=ConsoleSettings(ascii=True))
    app.engine.detail = object_samples.busy
    assert snap_compare(app, terminal_size=USUAL, run_before=card("k"))
