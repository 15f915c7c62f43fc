"""Kept places, jumping by a key, and URLs on the clipboard."""

from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, OptionList

from astra_tui.screens.bookmarks import BookmarkList
from astra_tui.screens.console import ConsoleScreen
from astra_tui.screens.dialogs import Confirm, Prompt
from astra_tui.screens.jump import Jump, Sign
from engine.errors import Refused
from engine.model import Address, Bookmark, ListingQuery, Provider, SortKey, StoreKind
from engine.settings import CloudSettings
from engine.urls import url_of
from tests.console.conftest import AppMaker
from tests.console.waiting import on, settled, shows, until, words

SIZE = (120, 40)
LOGS = Bookmark(
    "logs", Address("gcp", "cold", "logs/"), ListingQuery(SortKey.SIZE, True, "*.log"), "g"
)


def said(app: Any) -> str:
    return "\n".join(notification.message for notification in app._notifications)


async def fill(pilot: Any, title: str, text: str | None = None) -> None:
    await until(pilot, on(pilot, Prompt))
    await shows(pilot, title)
    if text is not None:
        pilot.app.screen.query_one(Input).value = text
    await pilot.press("enter")


async def test_a_place_is_kept_and_gone_back_to(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        console, kept = app.screen, app.engine.workspace.marks
        pane = console.panes[0]
        await pilot.press("/", *"csv", "enter", "s")
        await until(pilot, lambda: pane.listing_query.sort is SortKey.SIZE)
        await pilot.press("B")
        await until(pilot, on(pilot, BookmarkList))
        await shows(pilot, "No place is kept yet.")
        await pilot.press("s")
        await fill(pilot, "Keep this place", "money")
        await fill(pilot, "A letter for money", "m")
        await until(pilot, lambda: "money" in kept)
        assert kept["money"].query == ListingQuery(SortKey.SIZE, True, "csv")
        assert kept["money"].letter == "m"
        await until(pilot, on(pilot, BookmarkList))
        await shows(pilot, "by size")
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))
        await pilot.press("escape", "S")
        await until(pilot, lambda: not pane.listing_query.text and len(pane.objects.view) == 10)
        await pilot.press("4", "'", "m")
        await until(pilot, lambda: len(pane.objects.view) == 2 and pane.has_focus_within)
        assert pane.listing_query == kept["money"].query
        scans = [scan for scan in app.engine.asked("scan") if scan[1] is not None]
        assert not scans, "it shows that place already"


async def test_going_to_another_place_lists_it(make_app: AppMaker) -> None:
    app: Any = make_app()
    gone = Bookmark("old", Address("oldcloud", "b"), letter="o")
    app.engine.workspace.marks = {"logs": LOGS, "old": gone}
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        console = app.screen
        await pilot.press("2", "H", "1", "B")
        await until(pilot, on(pilot, BookmarkList))
        await pilot.press("down", "enter")
        await shows(pilot, "There is no cloud oldcloud here.")
        await pilot.press("up", "enter")
        await until(pilot, lambda: ("gcp", "cold", "logs/") in app.engine.asked("scan"))
        await until(pilot, lambda: console.panes[1].has_focus_within, "it is not hidden any more")
        assert console.panes[1].listing_query == LOGS.query


async def test_names_letters_and_deletion(make_app: AppMaker) -> None:
    app: Any = make_app()
    other = Bookmark("other", Address("aws", "aws-data"), letter="o")
    app.engine.workspace.marks = {"logs": LOGS, "other": other}
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        kept = app.engine.workspace.marks
        await pilot.press("B")
        await until(pilot, on(pilot, BookmarkList))
        await pilot.press("r")
        await until(pilot, on(pilot, Prompt))
        app.screen.query_one(Input).value = "other"
        await shows(pilot, "There is one of that name.")
        await fill(pilot, "Rename", "weekly")
        await until(pilot, lambda: set(kept) == {"weekly", "other"})
        await until(pilot, on(pilot, BookmarkList))
        assert app.screen.query_one(OptionList).highlighted == 1, "the cursor stays with it"
        await pilot.press("l")
        await until(pilot, on(pilot, Prompt))
        app.screen.query_one(Input).value = "o"
        await shows(pilot, "o goes to other.")
        await fill(pilot, "A letter for weekly", "")
        await until(pilot, lambda: kept["weekly"].letter == "")
        await until(pilot, on(pilot, BookmarkList))
        await pilot.press("d")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("enter")  # no is the default
        await until(pilot, on(pilot, BookmarkList))
        assert set(kept) == {"weekly", "other"}
        await pilot.press("d")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: len(kept) == 1)


async def test_what_is_no_place_is_not_kept(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("4", "B")
        await until(pilot, on(pilot, BookmarkList))
        await pilot.press("s")
        await shows(pilot, "Only the place of a cloud's panel can be kept.")
        await pilot.press("d")
        await shows(pilot, "There is none; s keeps this place.")


async def test_signs_stand_over_the_panels_and_jump(make_app: AppMaker) -> None:
    app: Any = make_app()
    app.engine.workspace.marks = {"logs": LOGS}
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        console = app.screen
        await pilot.press("3", "H", "1", "'")
        await until(pilot, on(pilot, Jump))
        await shows(pilot, "2 gcp")
        over = {sign.target.key: sign.region for sign in app.screen.query(Sign).filter(".-over")}
        assert set(over) == {"1", "2", "4", "5"}
        for number, key in enumerate("1245"):
            panel = console.panels.panels[int(key) - 1]
            assert panel.region.contains_region(over[key]), number
        await shows(pilot, "azure  hidden")
        await pilot.press("x")
        await shows(pilot, "Nothing is at x")
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))
        await pilot.press("'", "3")
        await until(pilot, lambda: console.panes[2].has_focus_within)
        await pilot.press("'")
        await until(pilot, on(pilot, Jump))
        await pilot.click(next(s for s in app.screen.query(Sign) if s.target.key == "4"))
        await until(pilot, lambda: console.feed.has_focus_within)


async def test_urls_are_copied_and_shown(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("Y")
        await until(pilot, lambda: "Copied: s3://aws-data/archived_logs_2022.log" in said(app))
        assert app.clipboard == "s3://aws-data/archived_logs_2022.log"
        await pilot.press("2", "space", "space", "Y")
        await until(pilot, lambda: app.clipboard.count("://gcp-data/") == 2)
        assert "and 1 more" in said(app)


@pytest.mark.parametrize(
    ("cloud", "key", "url"),
    [
        (CloudSettings("a", StoreKind.S3, Provider.AWS), "x y/é.csv", "s3://b-1/x y/é.csv"),
        (CloudSettings("a", StoreKind.GCS, Provider.GCP), "a#b", "gs://b-1/a#b"),
        (
            CloudSettings("a", StoreKind.AZURE, Provider.AZURE, account="team"),
            "x y/é?.csv",
            "https://team.blob.core.windows.net/b-1/x%20y/%C3%A9%3F.csv",
        ),
        (
            CloudSettings(
                *("a", StoreKind.AZURE, Provider.AZURE),
                account="team",
                endpoint="http://127.0.0.1:10000/team",
            ),
            "k",
            "http://127.0.0.1:10000/team/b-1/k",
        ),
        (
            CloudSettings("a", StoreKind.LOCAL, Provider.ONPREM, root=Path("/srv/d a")),
            "x/100%\udce9",
            "file:///srv/d%20a/b-1/x/100%25%E9",
        ),
    ],
)
def test_the_url_of_an_object(
    cloud: CloudSettings, key: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT", raising=False)
    assert url_of(cloud, Address("a", "b-1", key)) == url


def test_an_unknown_account_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT", raising=False)
    cloud = CloudSettings("a", StoreKind.AZURE, Provider.AZURE)
    with pytest.raises(Refused, match="which storage account"):
        url_of(cloud, Address("a", "b", "k"))


async def test_hostile_bookmarks_are_harmless(make_app: AppMaker) -> None:
    app: Any = make_app()
    name = "esc\x1b[31m[red]x"
    app.engine.workspace.marks = {
        name: Bookmark(name, Address("aws", "b", "\u202egnp/"), letter="[")
    }
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("B")
        await until(pilot, on(pilot, BookmarkList))
        await shows(pilot, "[red]x")
        assert not {"\x1b", "\u202e"} & set(words(pilot))
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))
        await pilot.press("'")
        await until(pilot, on(pilot, Jump))
        await shows(pilot, "[red]x")
        assert not {"\x1b", "\u202e"} & set(words(pilot))
