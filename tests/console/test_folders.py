"""Folders in the console's panes, over a real engine, and where it was left."""

import os
from pathlib import Path
from typing import Any

from astra_tui.app import AstraApp
from astra_tui.config import ConsoleSettings
from astra_tui.screens.dialogs import Choice
from astra_tui.screens.object import ObjectScreen
from astra_tui.screens.plan import PlanScreen
from astra_tui.screens.usage import UsageScreen
from engine.engine import Engine
from engine.model import (
    Address,
    ConsolePlaces,
    Filters,
    ListingState,
    PanePlace,
    PlanRequest,
    Provider,
    SortKey,
    StoreKind,
)
from engine.replanner import by_folder
from engine.settings import CloudSettings, EngineSettings, KafkaSettings
from tests.console.conftest import AppMaker
from tests.console.waiting import on, settled, shows, until, words

SIZE = (120, 40)
KEYS = (
    "a",
    "a.csv",
    "logs[/]x/esc\x1b[31m.txt",
    "photos/2025/a.jpg",
    "photos/2026/08/b.jpg",
    "photos/2026/08/c.jpg",
    "photos/readme.txt",
)


def settings(tmp_path: Path, keys: tuple[str, ...] = KEYS) -> EngineSettings:
    clouds = []
    for name in ("here", "there"):
        root = tmp_path / name
        (root / "data").mkdir(parents=True, exist_ok=True)
        clouds.append(
            CloudSettings(name, StoreKind.LOCAL, Provider.ONPREM, bucket="data", root=root)
        )
    for number, key in enumerate(keys):
        path = os.path.join(tmp_path, "here", "data", key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"x" * (1000 + number))
    return EngineSettings(tuple(clouds), tmp_path / "state", kafka=KafkaSettings(bootstrap="off"))


def console(found: EngineSettings, **changes: Any) -> Any:
    return AstraApp(Engine(found), ConsoleSettings(**changes))


def listed(app: Any) -> Any:
    def condition() -> bool:
        states = [cloud.state for cloud in app.snapshot.clouds]
        return app.started and states == [ListingState.READY, ListingState.EMPTY]

    return condition


def lines(pane: Any) -> list[str]:
    view = pane.objects.view
    return [] if view is None else [row.key for row in view.rows(0, len(view)) if row is not None]


async def test_a_filter_keeps_folders_from_being_moved_whole(tmp_path: Path) -> None:
    """The line shows what the filter leaves of a folder; a plan would take all of it."""
    app = console(settings(tmp_path))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        pane = app.screen.panes[0]
        await pilot.press("right", "F")
        await until(pilot, lambda: "photos/" in lines(pane))
        await pilot.press("/", *"readme", "enter")
        await until(pilot, lambda: lines(pane) == ["photos/"])
        await until(pilot, lambda: pane.cursor_folder == "photos/")
        for key in ("m", "t"):
            await pilot.press(key)
            await until(
                pilot, lambda: any("clear the filter" in n.message for n in app._notifications)
            )
            assert not isinstance(app.screen, Choice)
            app.clear_notifications()


async def test_walking_through_folders(tmp_path: Path) -> None:
    app = console(settings(tmp_path))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        pane = app.screen.panes[0]
        await until(pilot, lambda: len(lines(pane)) == len(KEYS))
        await pilot.press("right")
        await shows(pilot, "F shows folders")
        await pilot.press("F")
        await until(pilot, lambda: lines(pane) == ["logs[/", "photos/", "a", "a.csv"])
        assert pane.cursor_key == "a"  # the line stays
        await pilot.press("home", "down", "enter")
        await until(pilot, lambda: pane.folder == "photos/")
        await until(
            pilot, lambda: lines(pane) == ["photos/2025/", "photos/2026/", "photos/readme.txt"]
        )
        await shows(pilot, "data / photos")
        assert "2 folders, 1 object" in words(pilot)
        await pilot.press("down", "right", "right")
        await until(pilot, lambda: lines(pane) == ["photos/2026/08/b.jpg", "photos/2026/08/c.jpg"])
        await shows(pilot, "data / photos / 2026 / 08")
        await pilot.press("left")
        await until(pilot, lambda: lines(pane) == ["photos/2026/08/"])
        await pilot.press("backspace")
        await until(pilot, lambda: pane.cursor_key == "photos/2026/")  # where one came from
        await pilot.press("[", "[")
        await until(pilot, lambda: pane.folder == "photos/2026/08/")
        await pilot.press("]")
        await until(pilot, lambda: pane.folder == "photos/2026/")
        await pilot.press("left", "left", "left")
        await shows(pilot, "This is the top of what is listed")
        await until(pilot, lambda: pane.cursor_key == "photos/")
        await pilot.press("end", "enter")
        await until(pilot, on(pilot, ObjectScreen))
        await pilot.press("escape")
        await pilot.press("F")
        await until(pilot, lambda: len(lines(pane)) == len(KEYS))
        assert pane.cursor_key == "a.csv"
        assert "\x1b" not in words(pilot)


async def test_marking_a_folder_means_what_is_in_it(tmp_path: Path) -> None:
    app = console(settings(tmp_path))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        pane = app.screen.panes[0]
        await pilot.press("F", "home", "down")
        await until(pilot, lambda: pane.cursor_folder == "photos/")
        await pilot.press("space")
        await shows(pilot, "4 marked, 1 folder")
        await pilot.press("up", "right")
        await until(pilot, lambda: pane.folder == "photos/")
        await until(pilot, lambda: len(lines(pane)) == 3)
        await pilot.press("space")
        await shows(pilot, "It is marked with its folder photos/")
        assert pane.marked_folders == {"photos/"}
        await pilot.press("x")
        await shows(pilot, "object by object")
        await pilot.press("m")
        await until(pilot, on(pilot, Choice))
        await shows(pilot, "4 objects in photos/")
        await pilot.press("2")
        await shows(pilot, "the source is kept")
        await pilot.press("2")
        await until(pilot, on(pilot, PlanScreen))
        view = app.screen.view
        found = await app.engine.plan_lines(view.review, 0, view.lines)
        moves = [line.move for line in found if line.move is not None]
        assert sorted(move.destination.key for move in moves) == sorted(KEYS[3:])
        assert {move.destination.cloud for move in moves} == {"there"}


def test_an_object_named_like_a_folder_is_planned_alone() -> None:
    sources = tuple(Address("aws", "b", key) for key in ("a/", "a/x", "a/y"))
    to = Address("gcp", "d", "in/")
    request = PlanRequest(sources, to, folders=(Address("aws", "b", "c/"),))
    asked = [([s.key for s in group], below, f) for group, below, f in by_folder(request, to)]
    assert asked == [
        (["a/x", "a/y"], "a/", Filters()),
        (["c/"], "c/", Filters()),
        (["a/"], "a/", Filters(keys=frozenset({""}))),
    ]


async def test_the_console_opens_where_it_was_left(tmp_path: Path) -> None:
    found = settings(tmp_path)
    app = console(found)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, listed(app))
        pane = app.screen.panes[0]
        await pilot.press("F", "s")
        await until(pilot, lambda: pane.objects.view.query.sort is SortKey.SIZE)
        pane.visit("photos/2026/")
        await until(pilot, lambda: lines(pane) == ["photos/2026/08/"])
        await pilot.press("2", "q")
        await until(pilot, lambda: app._exit)
    again = console(found)
    async with again.run_test(size=SIZE) as pilot:
        await until(pilot, listed(again))
        pane = again.screen.panes[0]
        await until(pilot, lambda: lines(pane) == ["photos/2026/08/"])
        assert (pane.listing_query.sort, pane.listing_query.descending) == (SortKey.SIZE, True)
        assert again.screen.panels.current == 1
        assert again.screen.panes[1].folder is None
    fresh = console(found, restore=False)
    async with fresh.run_test(size=SIZE) as pilot:
        await until(pilot, listed(fresh))
        assert fresh.screen.panes[0].folder is None


async def test_what_is_gone_falls_back_and_says_so(tmp_path: Path) -> None:
    found = settings(tmp_path)
    engine = Engine(found)
    async with engine:
        await engine.workspace.save_places(
            ConsolePlaces(
                (
                    PanePlace("here", "data", "", "gone/away/", "cost", True),
                    PanePlace("there", "no-such-bucket", "", ""),
                    PanePlace("forgotten", "data"),
                )
            )
        )
    app = console(found)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app), "both clouds are listed in the end")
        here, there = app.screen.panes
        await until(pilot, lambda: here.folder == "" and len(lines(here)) == 4)
        assert here.listing_query.sort is SortKey.COST
        assert (there.status.bucket, there.status.state) == ("data", ListingState.EMPTY)
        texts = [notice.text for notice in app.notice_board]
        assert sum("is gone" in text for text in texts) == 2


async def test_another_place_is_gone_to_and_back(tmp_path: Path) -> None:
    app = console(settings(tmp_path))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        pane = app.screen.panes[0]
        await pilot.press("F", "home", "down", "right")
        await until(pilot, lambda: pane.folder == "photos/" and len(lines(pane)) == 3)
        app.engine.scan("here", bucket="data", prefix="photos/2026/")
        await until(pilot, lambda: lines(pane) == ["photos/2026/08/"])
        assert pane.folder == pane.top == "photos/2026/"
        await pilot.press("[")
        await until(pilot, lambda: pane.folder == "photos/" and len(lines(pane)) == 3)
        await pilot.press("]")
        await until(pilot, lambda: lines(pane) == ["photos/2026/08/"])


async def test_the_column_sorted_by_is_shown_however_narrow(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        pane = app.screen.panes[0]
        for title in ("size", "age", "tier", "$/mo", "r/30d", "idle", "class"):
            await pilot.press("s")
            by = pane.listing_query.sort
            await until(pilot, lambda by=by: pane.objects.query_shown.sort is by)
            head = "".join(s.text for s in pane.objects.render_line(0))
            assert title[:3] in head, by
            assert {"▼", "▲"}.intersection(head), by


async def test_usage_goes_down_up_and_to_the_pane(tmp_path: Path) -> None:
    app = console(settings(tmp_path))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        await pilot.press("U")
        await until(pilot, on(pilot, UsageScreen))
        screen: Any = app.screen
        await until(pilot, lambda: screen.table.count() == 4)
        await shows(pilot, "7 objects")
        row = screen.table.cursor_row
        assert row.key == "photos/"
        assert screen.table.share(row) == row.size / sum(1000 + n for n in range(7))
        await pilot.press("enter")
        await until(pilot, lambda: screen.table.shown.folder == "photos/")
        await shows(pilot, "data / photos")
        await pilot.press("left")
        await until(pilot, lambda: screen.table.shown.folder == "")
        await until(pilot, lambda: screen.table.cursor_row.key == "photos/")
        assert screen.table.shown.sort is SortKey.SIZE  # what the disk costs is not known
        assert "cost unknown" in words(pilot)
        await pilot.press("s")
        await until(pilot, lambda: screen.table.shown.sort is SortKey.OBJECTS)
        await pilot.press("tab")
        await shows(pilot, "it holds no object")
        await pilot.press("tab")
        await until(pilot, lambda: screen.table.count() == 4)
        await pilot.press("home", "right", "o")
        await until(pilot, lambda: app.screen is not screen)
        pane = app.screen.panes[0]
        await until(pilot, lambda: pane.folder == "photos/" and len(lines(pane)) == 3)
