"""What views remember of one another never shows: each is the one that is made anew."""

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import folders, keytext, order, ranking, views
from engine.access import AccessColumns
from engine.catalog import Catalog, View
from engine.folders import FolderIndex
from engine.globs import text_fits
from engine.keytext import KeyText
from engine.listing import Listing
from engine.model import ListEntry, ListingQuery, Provider, SortKey
from engine.order import stable_order
from engine.pricing.book import PriceBook
from engine.ranking import Ranked

BOOK = PriceBook.load()
NOW = 1_800_000_000.0
CLASSES = ["STANDARD", "STANDARD_IA", "GLACIER_IR", "SNOW"]


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """What is done for many rows is done for a few, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "_FEW", 1)
        patch.setattr(folders, "_BLOCK", 2)
        patch.setattr(folders, "_CHUNK", 7)
        patch.setattr(ranking, "_PART", 3)
        patch.setattr(keytext, "_MASKS", 2)
        patch.setattr(keytext, "_HITS", 12)
        patch.setattr(keytext, "_PART", 5)
        yield


def listed(rows: list[tuple[str, int, int, str, int]]) -> tuple[Catalog, Listing]:
    catalog = Catalog(BOOK)
    listing = catalog.add("aws", Provider.AWS, "us-east-1")
    scan = listing.begin("photos")
    listing.append(scan, [ListEntry(k, s, NOW - 9e5 * a, "e", c) for k, s, a, c, _ in rows])
    listing.finish(scan)
    reads = np.array([float(row[4]) for row in rows])
    columns = {"reads_30d": reads, "last_access": np.where(reads > 1, NOW - 5e5 * reads, 0.0)}
    zeros = np.zeros(len(rows))
    names = ("reads_1h", "reads_1d", "reads_7d", "reads_30d", "last_access", "shift_days")
    accesses = AccessColumns(*(columns.get(name, zeros) for name in names))
    asyncio.run(catalog.set_access("aws", scan, accesses))
    return catalog, listing


def seen(view: View) -> tuple[list[str], int, int]:
    """Its keys, a few at a time, and sums. Each is where it is said to be."""
    keys = [row.key for start in range(0, len(view), 2) for row in view.rows(start, start + 2)]
    assert keys == [row.key for row in view.rows(0, len(view))]
    assert asyncio.run(view.find(keys)) == list(range(len(keys)))
    for place, key in enumerate(keys):
        assert asyncio.run(view.find([key, "no"])) == [place, None]
    return keys, view.total_bytes, view.total_objects


ROWS = st.lists(
    st.tuples(
        st.text("abAB/.é\n", min_size=1, max_size=6),
        st.integers(0, 3) | st.integers(0, 2**54),
        st.integers(0, 3),
        st.sampled_from(CLASSES),
        st.integers(0, 3),
    ),
    max_size=30,
    unique_by=lambda row: row[0],
)
QUERIES = st.lists(
    st.builds(
        ListingQuery,
        st.sampled_from(SortKey),
        st.booleans(),
        st.sampled_from(["", "a", "ab", "aba", "b", "*b", "a*b", "a?", "A/", "é"]),
    ),
    min_size=2,
    max_size=8,
)


@settings(max_examples=80, deadline=None)
@given(ROWS, QUERIES, st.booleans(), st.sampled_from([0, 3, 1000]), st.data())
def test_a_view_after_others_is_the_one_made_anew(
    rows: list[tuple[str, int, int, str, int]],
    queries: list[ListingQuery],
    ordered: bool,
    small: int,
    data: st.DataObject,
) -> None:
    rows = sorted(rows) if ordered else rows
    catalog, listing = listed(rows)
    changing = data.draw(st.integers(0, len(queries)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "_SMALL", small)
        for number, query in enumerate(queries):
            if number == changing and rows:
                gone = rows.pop(len(rows) // 2)
                listing.apply(removed=[gone[0]])
            found = asyncio.run(catalog.view("aws", query, now=NOW))
            anew = asyncio.run(listed(rows)[0].view("aws", query, now=NOW))
            assert isinstance(found, View)
            assert isinstance(anew, View)
            assert seen(found) == seen(anew)
            assert found.totals.tiers == anew.totals.tiers
            assert found.total_cost_month == pytest.approx(anew.total_cost_month)
            passing = {row[0] for row in rows if text_fits(row[0], query.text)}
            assert set(seen(found)[0]) == passing


def test_an_order_is_made_once_while_its_rows_and_accesses_stay() -> None:
    catalog, listing = listed([(f"k{i}", i * 7 % 5, 1, "STANDARD", 0) for i in range(40)])

    def look(after: float, text: str = "") -> View:
        query = ListingQuery(SortKey.AGE, True, text)
        view = asyncio.run(catalog.view("aws", query, now=NOW + after))
        assert isinstance(view, View)
        return view

    first = look(0)
    look(0, "k1")
    again = look(60)
    assert again.ranks is first.ranks
    listing.set_busy(frozenset({"k1"}))
    marked = look(120)
    assert marked.ranks is first.ranks
    later = look(2 * 86_400)
    assert later.ranks is not first.ranks
    zeros = np.zeros(40)
    listing.set_access(listing.scan, AccessColumns(zeros, zeros, zeros, zeros, zeros, zeros + 3))
    told = look(2 * 86_400)
    assert told.ranks is not later.ranks


@given(
    st.lists(st.text("aAb/.é😀", max_size=10), max_size=30),
    st.lists(st.text("aAb/.*?é", max_size=5), min_size=1, max_size=8),
)
def test_searching_for_one_text_after_the_other_finds_the_same(
    keys: list[str], queries: list[str]
) -> None:
    text = KeyText(keys)
    for query in queries:
        for size in range(len(query) + 1):  # as it is typed
            expected = [text_fits(key, query[:size]) for key in keys]
            assert text.match(query[:size]).tolist() == expected
    assert len(text._masks) <= 2
    assert sum(len(hits) for hits, _ in text._known.values()) <= 12


@given(st.lists(st.text("ab/", max_size=9), max_size=60, unique=True))
def test_folders_are_found_a_block_at_a_time(keys: list[str]) -> None:
    keys = sorted(keys)
    index = FolderIndex.of(keys, len(keys), True)
    assert index.depth.tolist() == [key.count("/") for key in keys]
    for number, (one, two) in enumerate(zip(["", *keys], keys, strict=False)):
        at = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), None)
        common = two[: min(len(one), len(two)) if at is None else at]
        assert index.shared[number] == common.count("/")


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3), max_size=50),
    st.booleans(),
)
def test_the_order_of_whole_numbers(values: list[int], descending: bool) -> None:
    found = stable_order(np.array(values, np.int64), descending=descending).tolist()
    sign = -1 if descending else 1
    assert found == sorted(range(len(values)), key=lambda i: sign * values[i])


@given(
    st.lists(st.floats() | st.sampled_from([0.0, 1.0, 1.0 + 2**-52]), max_size=50), st.booleans()
)
def test_the_order_of_any_numbers(values: list[float], descending: bool) -> None:
    found = stable_order(np.array(values, np.float64), descending=descending).tolist()
    sign = -1 if descending else 1
    numbers = range(len(values))
    assert found == sorted(
        numbers, key=lambda i: (np.isnan(values[i]), 0 if np.isnan(values[i]) else sign * values[i])
    )


NUMBERS = st.floats() | st.sampled_from([0.0, 1.0, 1.0 + 2**-52]) | st.floats(1e9, 1e9 + 1e-3)


@given(
    st.one_of(
        st.lists(NUMBERS, max_size=60).map(lambda found: np.array(found, np.float64)),
        st.lists(st.integers(-(2**63), 2**63 - 1), max_size=60).map(
            lambda found: np.array(found, np.int64)
        ),
        st.lists(st.integers(-(2**15), 2**15 - 1) | st.integers(0, 2), max_size=60).map(
            lambda found: np.array(found, np.int16)
        ),
        st.lists(st.integers(-128, 127), max_size=60).map(lambda found: np.array(found, np.int8)),
        st.lists(st.just(7.0), max_size=60).map(lambda found: np.array(found, np.float64)),
    ),
    st.booleans(),
    st.booleans(),
    st.integers(0, 60),
    st.integers(0, 60),
)
def test_a_window_is_cut_out_of_the_whole_order(
    column: npt.NDArray[Any], some: bool, descending: bool, start: int, size: int
) -> None:
    rows = np.arange(0, 3 * len(column), 3, dtype=np.int32) if some else None
    ranked = Ranked(lambda at: column[at], len(column), rows, descending=descending)
    order = stable_order(column, descending=descending)
    expected = (order if rows is None else rows[order]).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "_WHOLE", 0)
        assert ranked.window(start, start + size).tolist() == expected[start : start + size]
        for place, row in enumerate(expected):
            assert ranked.place(row) == place
        assert ranked._whole is None
    assert ranked.place(3 * len(column) + 1) is None if some else True
    assert ranked.whole().tolist() == expected
