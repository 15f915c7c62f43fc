"""The catalog: states of a listing, views of it, and changes in place."""

import asyncio
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.access import AccessColumns
from engine.catalog import Catalog, View
from engine.errors import Unavailable, UsageError
from engine.frame import Totals
from engine.listing import Listing
from engine.model import ListEntry, ListingQuery, ListingState, ListingView, Provider, SortKey, Tier
from engine.pricing.book import PriceBook
from engine.pricing.columns import ClassTable
from engine.pricing.cost import month_cost

BOOK = PriceBook.load()
NOW = 1_800_000_000.0
DAY = 86_400.0
CLASSES = ["STANDARD", "STANDARD_IA", "GLACIER_IR", "DEEP_ARCHIVE", "SNOW"]


def entry(key: str, size: int = 1000, age: float = 10.0, name: str = "STANDARD") -> ListEntry:
    return ListEntry(key, size, NOW - age * DAY, f"{abs(hash(key)) % 16**32:032x}", name)


def catalog_with(entries: list[ListEntry], page: int = 3) -> tuple[Catalog, Listing]:
    catalog = Catalog(BOOK)
    listing = catalog.add("aws", Provider.AWS, "us-east-1")
    scan = listing.begin("photos")
    for start in range(0, len(entries), page):
        listing.append(scan, entries[start : start + page])
    listing.finish(scan)
    return catalog, listing


def access(**columns: list[float]) -> AccessColumns:
    size = len(next(iter(columns.values())))
    names = ("reads_1h", "reads_1d", "reads_7d", "reads_30d", "last_access", "shift_days")
    return AccessColumns(*(np.array(columns.get(name, [0.0] * size)) for name in names))


async def view(catalog: Catalog, **query: object) -> View:
    return await catalog.view("aws", ListingQuery(**query), now=NOW)  # type: ignore[arg-type]


def names(listing: ListingView) -> list[str]:
    return [row.key for row in listing.rows(0, len(listing))]


async def test_picking_searches_the_view_that_is_there() -> None:
    keys = [f"{i % 3}/{i:02}.{'csv' if i % 2 else 'log'}" for i in range(20)]
    catalog, _ = catalog_with([entry(key, size=i) for i, key in enumerate(keys)])
    found = await view(catalog, text="1/", sort=SortKey.SIZE, descending=True)
    rows = [row for row in found.rows(0, 20) if row.key.endswith(".csv")]
    picked = await found.pick("*.CSV", 0, 20)
    assert picked.keys == tuple(row.key for row in rows)
    assert picked.sizes == tuple(row.size for row in rows)
    assert len(rows) == 4
    assert (await found.pick("*.csv", 2, 20)).keys == tuple(
        row.key for row in found.rows(2, 20) if row.key.endswith(".csv")
    )
    assert (await found.pick("", 0, 2)).keys == tuple(row.key for row in found.rows(0, 2))
    assert (await found.pick("nothing", 0, 20)).keys == ()


# -- states ---------------------------------------------------------------------------------


async def test_rows_show_while_they_arrive() -> None:
    catalog = Catalog(BOOK)
    listing = catalog.add("aws", Provider.AWS, "us-east-1")
    assert listing.state is ListingState.IDLE
    assert len(await view(catalog)) == 0
    scan = listing.begin("photos")
    assert listing.state is ListingState.LOADING
    before = listing.generation
    listing.append(scan, [entry("a"), entry("b")])
    assert listing.generation > before
    early = await view(catalog)
    assert names(early) == ["a", "b"]
    listing.append(scan, [entry("c")])
    assert names(early) == ["a", "b"]  # a view never changes
    assert names(await view(catalog)) == ["a", "b", "c"]
    listing.finish(scan)
    assert listing.state is ListingState.READY


async def test_empty_is_not_failed() -> None:
    _, empty = catalog_with([])
    assert empty.state is ListingState.EMPTY

    catalog = Catalog(BOOK)
    listing = catalog.add("aws", Provider.AWS, "us-east-1")
    scan = listing.begin("photos")
    listing.append(scan, [entry("a")])
    listing.fail(scan, Unavailable("The store hung up.", todo="Press r."))
    assert listing.state is ListingState.FAILED
    assert (listing.error, listing.error_todo) == ("The store hung up.", "Press r.")
    assert names(await view(catalog)) == ["a"]
    listing.finish(scan)  # too late: it stays failed
    assert listing.state is ListingState.FAILED


async def test_pages_of_an_older_scan_are_ignored() -> None:
    catalog = Catalog(BOOK)
    listing = catalog.add("aws", Provider.AWS, "us-east-1")
    old = listing.begin("photos")
    listing.append(old, [entry("old")])
    new = listing.begin("photos", "x/")
    listing.append(old, [entry("older")])
    listing.fail(old, Unavailable("late"))
    listing.append(new, [entry("x/new")])
    listing.finish(new)
    assert listing.state is ListingState.READY
    assert names(await view(catalog)) == ["x/new"]


def test_an_unknown_cloud_is_named() -> None:
    catalog, _ = catalog_with([])
    with pytest.raises(UsageError, match="azure"):
        catalog["azure"]


# -- views ----------------------------------------------------------------------------------

rows = st.lists(
    st.tuples(
        st.text("abAB/.é😀\n", min_size=1, max_size=6),
        st.integers(0, 10**12),
        st.floats(0, 3000),
        st.sampled_from(CLASSES),
        st.integers(0, 100),
    ),
    max_size=30,
    unique_by=lambda row: row[0],
)


@settings(max_examples=60)
@given(rows, st.sampled_from(SortKey), st.booleans(), st.sampled_from(["", "a", "*b", "A/"]))
def test_every_order_agrees_with_sorted(
    data: list[tuple[str, int, float, str, int]], sort: SortKey, descending: bool, text: str
) -> None:
    data = sorted(data)
    catalog, listing = catalog_with([entry(*row[:4]) for row in data])
    listing.set_access(listing.scan, access(reads_30d=[float(row[4]) for row in data] or []))
    plain = asyncio.run(view(catalog, text=text))
    found = asyncio.run(view(catalog, sort=sort, descending=descending, text=text))
    everything = list(plain.rows(0, len(data)))
    tiers = list(Tier)
    keys = {
        SortKey.SIZE: lambda row: row.size,
        SortKey.AGE: lambda row: row.age_days,
        SortKey.TIER: lambda row: tiers.index(row.tier),
        SortKey.ACCESSES: lambda row: row.reads_30d,
        SortKey.IDLE: lambda row: row.idle_days,
        SortKey.OBJECTS: lambda row: 1,
        SortKey.CLASS: lambda row: (
            tiers.index(row.tier) * 100 + sorted(CLASSES).index(row.storage_class)
        ),
    }
    if sort is SortKey.NAME:
        expected = everything[::-1] if descending else everything
    elif sort is SortKey.COST:  # unknown goes last, either way
        known = [row for row in everything if row.cost_month is not None]
        sign = -1 if descending else 1
        expected = sorted(known, key=lambda row: sign * (row.cost_month or 0.0))
        expected += [row for row in everything if row.cost_month is None]
    else:
        sign = -1 if descending else 1
        expected = sorted(everything, key=lambda row: sign * keys[sort](row))
    assert list(found.rows(0, len(found))) == expected
    assert found.total_bytes == sum(row.size for row in everything)
    for place, row in enumerate(expected):
        assert found.position(row.key) == place
    assert found.position("not there") is None


async def test_a_row_tells_what_it_costs_and_where_it_belongs() -> None:
    catalog, listing = catalog_with(
        [entry("cold.zip", 1 << 30, 200, "GLACIER_IR"), entry("odd", 5, 1, "SNOW")]
    )
    await catalog.set_access(
        "aws",
        listing.scan,
        access(
            reads_30d=[3, 0], last_access=[NOW - 2 * DAY, 0], shift_days=[0, 7], reads_1d=[0, 0]
        ),
    )
    table = ClassTable.of(BOOK, Provider.AWS, "us-east-1")
    targets = np.array([table.code("STANDARD"), -1], np.int16)
    assert listing.set_targets(listing.frame(NOW), targets, np.array([0.5, np.nan]))
    catalog.set_busy({("aws", "photos"): frozenset({"odd"}), ("aws", "other"): frozenset({"x"})})
    found = await view(catalog)
    cold, odd = found.rows(0, 2)
    price = BOOK.get(Provider.AWS, "us-east-1", "GLACIER_IR")
    assert price is not None
    assert cold.cost_month == pytest.approx(month_cost(price, 1 << 30, 3))
    assert (cold.tier, cold.reads_30d, cold.idle_days) == (Tier.COLD, 3, pytest.approx(2.0))
    assert (cold.target_class, cold.target_tier, cold.busy) == ("STANDARD", Tier.HOT, False)
    assert (odd.storage_class, odd.cost_month, odd.busy) == ("SNOW", None, True)
    assert (odd.target_class, odd.target_tier) == ("", None)
    assert odd.age_days == pytest.approx(8.0)
    assert odd.idle_days == pytest.approx(8.0)
    assert found.total_cost_month is None  # one price is unknown
    assert listing.saving == 0.5
    assert listing.totals.by_tier == ((Tier.HOT, 1, 5), (Tier.COLD, 1, 1 << 30))


async def test_costs_that_were_kept_are_not_those_of_what_changed_since() -> None:
    catalog, listing = catalog_with([entry("a", 1 << 30), entry("b", 1 << 33)])

    def costs() -> list[float]:
        found: list[float] = listing.frame(NOW).costs().tolist()
        return found

    before = costs()
    await catalog.set_access("aws", listing.scan, access(reads_30d=[1000, 0], last_access=[NOW, 0]))
    read = costs()
    assert read[0] > before[0]
    assert read[1] == before[1]
    listing.apply([entry("a", 1 << 31), entry("c", 1 << 30)], ["b"])
    assert costs()[0] > read[0]
    assert costs()[1] == before[0]


async def test_windows_end_where_the_rows_end() -> None:
    catalog, _ = catalog_with([entry(f"k{i}") for i in range(5)])
    found = await view(catalog)
    assert [row.key for row in found.rows(3, 100)] == ["k3", "k4"]
    assert list(found.rows(5, 9)) == []
    assert [row.key for row in found.rows(-2, 1)] == ["k0"]


async def test_a_new_mark_does_not_sort_again() -> None:
    catalog, listing = catalog_with([entry(f"k{i}", size=i) for i in range(5)])
    first = await view(catalog, sort=SortKey.SIZE, descending=True, text="k")
    listing.set_busy(frozenset({"k1"}))
    second = await view(catalog, sort=SortKey.SIZE, descending=True, text="k")
    assert second.generation > first.generation
    assert second.ranks is first.ranks
    assert [row.busy for row in second.rows(0, 5)] == [False, False, False, True, False]
    listing.apply(removed=["k4"])
    third = await view(catalog, sort=SortKey.SIZE, descending=True, text="k")
    assert names(third) == ["k3", "k2", "k1", "k0"]


async def test_a_filter_waits_for_the_keys_that_are_being_prepared() -> None:
    catalog, listing = catalog_with([entry(f"k{i}") for i in range(50)])
    preparing = asyncio.create_task(catalog.prepare("aws"))
    await asyncio.sleep(0)
    found = await view(catalog, text="k4")
    assert preparing.done()
    text = listing.text
    assert len(found) == 11
    await catalog.prepare("aws")
    assert listing.text is text
    listing.apply(removed=["k4"])
    await catalog.prepare("aws")
    assert len(await view(catalog, text="k4")) == 10


async def test_targets_of_rows_that_changed_are_refused() -> None:
    _, listing = catalog_with([entry("a"), entry("b")])
    frame = listing.frame(NOW)
    listing.apply(removed=["a"])
    assert not listing.set_targets(frame, np.array([0, 0], np.int16), np.zeros(2))
    assert listing.targets.view().tolist() == [-1]


async def test_a_listing_out_of_order_is_sorted() -> None:
    catalog, listing = catalog_with([entry("b"), entry("a"), entry("c")])
    assert not listing.ordered
    assert names(await view(catalog)) == ["a", "b", "c"]
    assert names(await view(catalog, descending=True)) == ["c", "b", "a"]
    assert listing.frame().find("c") == 2
    assert (await view(catalog)).position("a") == 0


# -- changes in place -----------------------------------------------------------------------

changes = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 9)), max_size=4),
        st.lists(st.sampled_from("abcdefgh"), max_size=4),
    ),
    max_size=4,
)


@given(st.sets(st.sampled_from("abcdefgh")), changes)
def test_changes_leave_what_a_new_listing_would_show(
    start: set[str], steps: list[tuple[list[tuple[str, int]], list[str]]]
) -> None:
    names_cycle = itertools.cycle(CLASSES)
    now = {key: entry(key, size=1, name=next(names_cycle)) for key in start}
    catalog, listing = catalog_with([now[key] for key in sorted(now)])
    reads = {key: float(ord(key)) for key in now}
    listing.set_access(listing.scan, access(reads_30d=[reads[key] for key in sorted(now)]))
    frame = listing.frame(NOW)
    listing.set_totals(frame, Totals.of(frame))
    for changed, removed in steps:
        fresh = {key: entry(key, size, name=next(names_cycle)) for key, size in changed}
        gone = [key for key in removed if key not in fresh]
        listing.apply(list(fresh.values()), gone)
        for key in gone:
            now.pop(key, None)
            reads.pop(key, None)
        now |= fresh
    shown = listing.frame(NOW)
    assert [shown.entry(row) for row in range(shown.count)] == [now[key] for key in sorted(now)]
    known = dict(zip(sorted(now), shown.access("reads_30d").tolist(), strict=True))
    assert known == {key: reads.get(key, 0.0) for key in now}
    counted = Totals.of(shown)
    assert (listing.totals.objects, listing.totals.size) == (counted.objects, counted.size)
    assert (listing.totals.tiers, listing.totals.unknown) == (counted.tiers, counted.unknown)
    assert listing.totals.cost == pytest.approx(counted.cost, abs=1e-12)
    assert listing.ordered
    assert names(asyncio.run(view(catalog))) == sorted(now)


def test_changes_outside_the_prefix_are_not_taken() -> None:
    catalog = Catalog(BOOK)
    listing = catalog.add("aws", Provider.AWS, "us-east-1")
    scan = listing.begin("photos", "2024/")
    listing.finish(scan)
    listing.apply([entry("2023/x"), entry("2024/y")])
    assert listing.keys == ["2024/y"]
    assert listing.state is ListingState.READY
    listing.apply(removed=["2024/y"])
    assert listing.state is ListingState.EMPTY


def test_pins_keep_every_kind_of_etag() -> None:
    etags = ["0" * 32, "d41d8cd98f00b204e9800998ecf8427e-3", "", "D41D8CD98F00B204E9800998ECF8427E"]
    entries = [ListEntry(f"k{i}", 1, NOW, etag, "") for i, etag in enumerate(etags)]
    entries += [ListEntry(f"m{i}", 1, NOW, f"{i:032x}", "") for i in range(5)]
    for page in (1, 2, 9):
        _, listing = catalog_with(entries, page)
        frame = listing.frame()
        assert [frame.pin(row).etag for row in range(frame.count)] == [e.etag for e in entries]
        assert frame.entry(0).storage_class == "STANDARD"  # "" is the default class


def test_a_reload_keeps_the_rows_until_the_first_page_and_after_a_failure() -> None:
    listing = Listing("aws", Provider.AWS, "us-east-1", PriceBook.load())
    scan = listing.begin("b")
    listing.append(scan, [ListEntry("old", 1, 0.0, "e", "STANDARD")])
    listing.finish(scan)
    scan = listing.begin("b")
    assert (listing.state, listing.keys) == (ListingState.LOADING, ["old"])
    listing.fail(scan, Unavailable("gone"))
    assert (listing.state, listing.keys) == (ListingState.FAILED, ["old"])
    scan = listing.begin("b")
    listing.append(scan, [ListEntry("new", 1, 0.0, "e", "STANDARD")])
    assert listing.keys == ["new"]
    assert listing.totals.objects == 1
    scan = listing.begin("b")
    listing.finish(scan)
    assert (listing.state, listing.keys) == (ListingState.EMPTY, [])
    scan = listing.begin("other")
    assert listing.keys == []
