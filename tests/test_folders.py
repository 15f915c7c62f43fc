"""Folders over a listing: what they hold, whatever the keys are called."""

import asyncio
import math
import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.catalog import Catalog
from engine.engine import Engine
from engine.errors import UsageError
from engine.folders import FolderIndex
from engine.globs import text_fits
from engine.listing import Listing
from engine.model import (
    ConsolePlaces,
    FolderUsage,
    ListEntry,
    ListingQuery,
    ListingState,
    ObjectRow,
    PanePlace,
    Provider,
    SortKey,
    StoreKind,
)
from engine.model.folders import base_of, folder_of, parent_of, path_to
from engine.pricing.book import PriceBook
from engine.settings import CloudSettings, EngineSettings, KafkaSettings
from engine.usage import levels
from engine.views import FolderView
from engine.workspace import Workspace

BOOK = PriceBook.load()
NOW = 1_800_000_000.0
CLASSES = ("STANDARD", "STANDARD_IA", "SNOW")  # of the last the price is unknown

HOSTILE = (
    "/abs/x",
    "//",
    "a",
    "a!",
    "a/",
    "a//b",
    "a/b",
    "a/b/",
    "a/b/c",
    "a/b0",
    "a[red]/x",
    "b/\x1b[31m/y",
    "b/\udcff/z",
    "ü/\U0010ffff/q",
    "\U0010ffff/q",
)


def listed(keys: list[str], prefix: str = "") -> tuple[Catalog, Listing]:
    catalog = Catalog(BOOK)
    listing = catalog.add("aws", Provider.AWS, "us-east-1")
    scan = listing.begin("photos", prefix)
    entries = [
        ListEntry(key, 1000 + n, NOW - n * 86_400, f"{n:032x}", CLASSES[n % 3 if n % 5 else 0])
        for n, key in enumerate(keys)
    ]
    for start in range(0, len(entries), 4):
        listing.append(scan, entries[start : start + 4])
    listing.finish(scan)
    return catalog, listing


def look(catalog: Catalog, **query: object) -> FolderView:
    wanted = ListingQuery(**query)  # type: ignore[arg-type]
    view = asyncio.run(catalog.view("aws", wanted, now=NOW))
    assert isinstance(view, FolderView)
    return view


def lines(view: FolderView) -> list[ObjectRow]:
    return list(view.rows(0, len(view)))


keys_found = st.lists(
    st.one_of(st.sampled_from(HOSTILE), st.text("ab/.é!0\n", min_size=1, max_size=7)),
    max_size=40,
    unique=True,
)


@settings(max_examples=150, deadline=None)
@given(
    keys_found,
    st.sampled_from(SortKey),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "a", "b*"]),
)
def test_every_object_is_in_exactly_one_folder_and_every_sum_is_right(
    keys: list[str], sort: SortKey, descending: bool, mixed: bool, ordered: bool, text: str
) -> None:
    keys = sorted(keys)
    if not ordered:
        random.Random(7).shuffle(keys)
    catalog, _ = listed(keys)
    flat = asyncio.run(catalog.view("aws", ListingQuery(), now=NOW))
    by_key = {row.key: row for row in flat.rows(0, len(flat))}
    seen: list[str] = []
    to_open = [""]
    while to_open:
        folder = to_open.pop()
        view = look(
            catalog, folder=folder, sort=sort, descending=descending, mixed=mixed, text=text
        )
        rows = lines(view)
        cut = len(base_of(folder))
        passing = {
            key: row
            for key, row in by_key.items()
            if key.startswith(folder) and (not text or text_fits(key[cut:], text))
        }
        below = list(passing.values())
        assert (view.total_objects, view.total_bytes) == (len(below), sum(r.size for r in below))
        known = all(row.cost_month is not None for row in below)
        assert (view.total_cost_month is None) == (not known)
        inner = [row for row in rows if row.objects is not None]
        assert view.folders == len(inner)
        if not mixed:
            assert rows[: len(inner)] == inner  # folders stand first
        for row in inner:
            within = [r for key, r in passing.items() if key.startswith(row.key)]
            assert (row.objects, row.size) == (len(within), sum(r.size for r in within))
            costs = [r.cost_month for r in within]
            if None in costs:
                assert row.cost_month is None
            else:
                assert math.isclose(row.cost_month or 0, math.fsum(c or 0 for c in costs))
            assert row.age_days == min(r.age_days for r in within)
            assert math.isclose(row.idle_days, min(r.idle_days for r in within))
            assert row.key.endswith("/")
            assert parent_of(row.key) == folder
        names = [row.key for row in rows]
        assert asyncio.run(view.find(names)) == list(range(len(rows)))
        assert asyncio.run(view.find(names[:3])) == list(range(len(rows)))[:3]
        seen += [row.key for row in rows if row.objects is None]
        to_open += [row.key for row in inner]
    if not text:
        assert sorted(seen) == sorted(by_key)


@settings(max_examples=60, deadline=None)
@given(keys_found, st.data())
def test_an_index_that_follows_changes_is_the_one_made_anew(
    keys: list[str], data: st.DataObject
) -> None:
    keys = sorted(keys)
    catalog, listing = listed(keys)
    look(catalog, folder="")
    gone = data.draw(st.lists(st.sampled_from(keys), unique=True)) if keys else []
    come = data.draw(keys_found)
    listing.apply([ListEntry(key, 5, NOW, "e", "STANDARD") for key in come], gone)
    index = listing.folders
    assert index is not None
    anew = FolderIndex.of(listing.keys, len(listing.keys), listing.ordered)
    assert index.depth.tolist() == anew.depth.tolist()
    assert index.shared.tolist() == anew.shared.tolist()


def test_an_index_grows_with_the_pages() -> None:
    keys = sorted(f"{n % 7}/{n % 3}/{n}" for n in range(50))
    whole = FolderIndex.of(keys, 50, True)
    part = FolderIndex.of(keys, 20, True)
    grown = FolderIndex.of(keys, 50, True, part)
    assert grown.depth.tolist() == whole.depth.tolist()
    assert grown.shared.tolist() == whole.shared.tolist()


def test_folders_are_sorted_by_their_sums_before_the_objects() -> None:
    catalog, _ = listed(["a/1", "b/1", "b/2", "c/1", "x", "y"])
    found = look(catalog, folder="", sort=SortKey.SIZE, descending=True)
    assert [row.key for row in lines(found)] == ["b/", "c/", "a/", "y", "x"]
    found = look(catalog, folder="", sort=SortKey.SIZE, descending=True, mixed=True)
    assert [row.key for row in lines(found)] == ["b/", "y", "x", "c/", "a/"]


def test_an_object_with_the_name_of_a_folder_is_another_line() -> None:
    catalog, _ = listed(["a", "a/", "a/b"])
    assert [(r.key, r.objects) for r in lines(look(catalog, folder=""))] == [("a/", 2), ("a", None)]
    inside = [(row.key, row.objects) for row in lines(look(catalog, folder="a/"))]
    assert inside == [("a/", None), ("a/b", None)]


def test_a_filter_means_what_follows_the_folders_own_name() -> None:
    catalog, listing = listed(["photos/2026/a.jpg", "photos/2026/photos.txt", "photos/x/b"])
    at_top = look(catalog, folder="", text="photo")
    assert [(row.key, row.objects) for row in lines(at_top)] == [("photos/", 3)]
    inside = look(catalog, folder="photos/", text="photo")
    assert [(row.key, row.objects) for row in lines(inside)] == [("photos/2026/", 1)]
    listing.apply([ListEntry("photos/z-photo", 5, NOW, "e", "STANDARD")])
    again = look(catalog, folder="photos/", text="photo")
    assert [row.key for row in lines(again)] == ["photos/2026/", "photos/z-photo"]


def test_a_top_that_ends_within_a_name() -> None:
    catalog, _ = listed(["photos/2024/a", "photos/2025/b", "photos/20x"], "photos/2")
    view = look(catalog, folder="photos/2")
    assert [row.key for row in lines(view)] == ["photos/2024/", "photos/2025/", "photos/20x"]
    assert parent_of("photos/2024/", "photos/2") == "photos/2"
    assert base_of("photos/2") == "photos/"


def test_the_way_to_a_folder() -> None:
    assert list(path_to("a//b/")) == ["a/", "a//", "a//b/"]
    assert list(path_to("/x/", "")) == ["/", "/x/"]
    assert list(path_to("a/b/", "a/")) == ["a/b/"]
    assert (parent_of("/"), parent_of("a//"), parent_of("")) == ("", "a/", "")
    assert (folder_of("a/b/c"), folder_of("a"), folder_of("a/b", "a/b")) == ("a/b/", "", "a/b")


def test_accesses_and_marks_of_jobs_show_without_another_sum() -> None:
    catalog, listing = listed(["a/1", "a/2", "b/1"])
    first = look(catalog, folder="")
    listing.set_busy(frozenset({"a/2"}))
    second = look(catalog, folder="")
    assert second.sums is first.sums
    assert [row.busy for row in lines(second)] == [True, False]


# -- usage ----------------------------------------------------------------------------------


def local(tmp_path: Path, *keys: str) -> EngineSettings:
    for number, key in enumerate(keys):
        path = os.path.join(os.fsencode(tmp_path / "one" / "b"), os.fsencode(key))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"x" * (number + 1))
    root = tmp_path / "one"
    cloud = CloudSettings("one", StoreKind.LOCAL, Provider.ONPREM, bucket="b", root=root)
    return EngineSettings((cloud,), tmp_path / "state", kafka=KafkaSettings(bootstrap="off"))


async def everything(engine: Engine, folder: str = "", depth: int = 9) -> list[FolderUsage]:
    return [line async for page in engine.usage("one", folder, depth) for line in page]


async def test_usage_goes_down_to_a_depth(tmp_path: Path) -> None:
    settings = local(tmp_path, "a/b/1", "a/b/2", "a/3", "c/4", "5")
    async with Engine(settings) as engine:
        with pytest.raises(UsageError):
            await everything(engine)
        engine.scan("one")
        assert (await engine.scanned("one")).state is ListingState.READY
        found = [(u.folder, u.depth, u.objects, u.size) for u in await everything(engine)]
        assert found == [
            ("", 0, 5, 15),
            ("a/", 1, 3, 6),
            ("a/b/", 2, 2, 3),
            ("c/", 1, 1, 4),
        ]
        assert [u.folder for u in await everything(engine, depth=1)] == ["", "a/", "c/"]
        assert [u.folder for u in await everything(engine, "a/")] == ["a/", "a/b/"]
        assert [u.objects for u in await everything(engine, "nothing/")] == [0]


async def test_a_sum_with_an_unknown_price_is_unknown(tmp_path: Path) -> None:
    catalog, _ = listed(["a/1", "a/2", "b/1"])
    frame, index = await catalog.folders("aws")
    found = [line for page in levels(frame, index, "", 3) for line in page]
    assert [(u.folder, u.cost_month is None) for u in found] == [
        ("", True),
        ("a/", False),
        ("b/", True),
    ]


# -- where the console was left ---------------------------------------------------------------


async def test_where_the_console_was_left_is_kept(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace.json")
    await workspace.open()
    assert await workspace.places() is None
    places = ConsolePlaces(
        (PanePlace("aws", "b", "", "a//\udcff/", "size", True), PanePlace("gcp", "c")), 1
    )
    await workspace.save_places(places)
    await workspace.adopt_policy("cost", 1.0)
    assert await workspace.places() == places
    assert await workspace.adopted_policy() == ("cost", 1.0)
    assert not workspace.notices


async def test_lines_of_a_folder_are_picked_by_their_names() -> None:
    catalog, _ = listed(["logs/a.csv", "logs/b.txt", "logs/deep/x.csv", "logs/more/y.csv"])
    view = await catalog.view("aws", ListingQuery(folder="logs/"), now=NOW)
    every = await view.pick("", 0, 10)
    assert every.keys == ("logs/deep/", "logs/more/", "logs/a.csv", "logs/b.txt")
    assert every.counts == (1, 1, None, None)
    assert (await view.pick("*.csv", 0, 10)).keys == ("logs/a.csv",)
    assert (await view.pick("logs", 0, 10)).keys == ()
    assert (await view.pick("ee", 0, 10)).keys == ("logs/deep/",)
