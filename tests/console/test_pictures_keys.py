"""Frozen pictures of panels that moved and hide, kept places, jumping and marking by pattern."""

from typing import Any

import pytest

from astra_tui.config import ConsoleSettings
from astra_tui.screens.bookmarks import BookmarkList
from astra_tui.screens.dialogs import Prompt
from astra_tui.screens.jump import Jump
from engine.model import Address, Bookmark, ListingQuery, SortKey
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.test_pictures import SMALL, USUAL, press

HOSTILE = "esc\x1b[31m[red]x\u202e[/]" + "y" * 80
PLACES = {
    mark.name: mark
    for mark in (
        Bookmark(
            *("big logs", Address("gcp", "gcp-data", "logs/")),
            *(ListingQuery(SortKey.SIZE, True, "*.log"), "b"),
        ),
        Bookmark("customers", Address("aws", "aws-data"), ListingQuery(text="customer"), "c"),
        Bookmark("old backups", Address("azure", "azure-data", "backup/2019/")),
        Bookmark("not here any more", Address("ibm", "bucket"), letter="i"),
        Bookmark(HOSTILE, Address("aws", HOSTILE, HOSTILE), ListingQuery(text=HOSTILE), "["),
    )
}


@pytest.mark.parametrize("size", [SMALL, USUAL])
@pytest.mark.parametrize(
    ("keys", "then"),
    [
        (("B",), BookmarkList),
        (("'",), Jump),
        (("3", "H", "<", "<"), None),
        (("+",), Prompt),
    ],
    ids=["bookmarks", "jump", "panels", "pattern"],
)
def test_keys(
    keys: tuple[str, ...],
    then: type | None,
    size: tuple[int, int],
    make_app: AppMaker,
    snap_compare: Any,
) -> None:
    app: Any = make_app(world.quiet())
    app.engine.workspace.marks = PLACES
    assert snap_compare(app, terminal_size=size, run_before=press(*keys, then=then))


@pytest.mark.parametrize(("keys", "then"), [(("B",), BookmarkList), (("'",), Jump)])
def test_without_colour(
    keys: tuple[str, ...],
    then: type,
    make_app: AppMaker,
    snap_compare: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app: Any = make_app(world.quiet())
    app.engine.workspace.marks = PLACES
    assert snap_compare(app, terminal_size=SMALL, run_before=press(*keys, then=then))


@pytest.mark.parametrize("flavour", ["vim", "arrows"])
def test_the_footer_of_a_flavour(flavour: str, make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet(), console=ConsoleSettings(flavour=flavour))
    assert snap_compare(app, terminal_size=SMALL, run_before=press())


@pytest.mark.parametrize(
    ("keys", "size"),
    [
        (("V", "down", "down"), SMALL),
        (("V", "down", "down"), USUAL),
        (("X",), SMALL),
        (("X",), USUAL),
        (("}", "}"), USUAL),  # in a small one only one panel shows
    ],
    ids=["range-size0", "range-size1", "meaningless-size0", "meaningless-size1", "larger-size1"],
)
def test_hands(
    keys: tuple[str, ...],
    size: tuple[int, int],
    make_app: AppMaker,
    snap_compare: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("widgets.key_help.NOTE_SECONDS", 600.0)
    app: Any = make_app(world.quiet())
    assert snap_compare(app, terminal_size=size, run_before=press(*keys))
