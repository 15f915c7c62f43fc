"""The arithmetic: examples worked by hand and from a provider's page, and its properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import MoveKind, Provider
from engine.pricing.book import ClassPrice, PriceBook
from engine.pricing.columns import ClassTable, change_costs, month_costs, read_costs, storage_months
from engine.pricing.cost import (
    DAYS_PER_MONTH,
    GB,
    RESTORE_DAYS,
    early_deletion,
    month_cost,
    move_cost,
    payback_months,
    read_cost,
    saving_per_month,
    storage_month,
    total,
    usd,
    write_requests,
)

BOOK = PriceBook.load()
PRICES = [
    price
    for provider in (Provider.AWS, Provider.GCP, Provider.AZURE)
    for price in BOOK.classes(provider, BOOK.reference_region(provider))
    if price.storage is not None
]
TABLES = {
    provider: ClassTable.of(BOOK, provider, BOOK.reference_region(provider))
    for provider in Provider
}
classes = st.sampled_from(PRICES)
sizes = st.integers(0, 5 * 1024**4)
days = st.floats(0, 2000)
reads = st.floats(0, 1e5)


def price(name: str, provider: Provider = Provider.AWS) -> ClassPrice:
    found = BOOK.get(provider, BOOK.reference_region(provider), name)
    assert found is not None
    return found


# -- worked by hand -------------------------------------------------------------------------


def test_a_hundred_gigabytes_a_month() -> None:
    assert storage_month(price("STANDARD"), 100 * GB) == pytest.approx(2.30)
    assert storage_month(price("GLACIER_IR"), 100 * GB) == pytest.approx(0.40)
    assert storage_month(price("Cool", Provider.AZURE), 100 * GB) == pytest.approx(1.52)


def test_minimum_size_of_a_small_object() -> None:
    # 1 KiB in STANDARD_IA is billed as 128 KiB.
    assert storage_month(price("STANDARD_IA"), 1024) == pytest.approx(0.0125 * 128 / 1024**2)
    assert storage_month(price("STANDARD_IA"), 0) == storage_month(price("STANDARD_IA"), 131_072)
    # It costs more there than in STANDARD.
    small, hot = storage_month(price("STANDARD_IA"), 1024), storage_month(price("STANDARD"), 1024)
    assert small is not None
    assert hot is not None
    assert small > hot


def test_overhead_of_an_archived_object() -> None:
    # 32 KiB at the class's price and 8 KiB at STANDARD's, beside the object itself.
    expected = 0.00099 * (1 + 32 / 1024**2) + 0.023 * 8 / 1024**2
    assert storage_month(price("DEEP_ARCHIVE"), GB) == pytest.approx(expected)


def test_reads_a_month() -> None:
    # 10 reads of 2 GB from STANDARD_IA: requests and retrieval.
    expected = 0.0125 * 2 + 10 * (0.001 / 1000 + 0.01 * 2)
    assert month_cost(price("STANDARD_IA"), 2 * GB, 10) == pytest.approx(expected)
    # From DEEP_ARCHIVE every read is a restore.
    assert read_cost(price("DEEP_ARCHIVE"), GB) == pytest.approx(0.0004 / 1000 + 0.1 / 1000 + 0.02)
    # Azure's archive read operation is the request.
    assert read_cost(price("Archive", Provider.AZURE), GB) == pytest.approx(0.0005 + 0.02)


def test_a_class_that_tiers_by_itself() -> None:
    auto = price("INTELLIGENT_TIERING")
    fee = 0.0025 / 1000
    assert storage_month(auto, GB) == pytest.approx(0.023 + fee)
    assert storage_month(auto, GB, idle_days=45) == pytest.approx(0.0125 + fee)
    assert storage_month(auto, GB, idle_days=400) == pytest.approx(0.004 + fee)
    small = storage_month(auto, 100_000, idle_days=400)
    assert small == storage_month(price("STANDARD"), 100_000)


def test_early_deletion_is_what_is_left_of_the_minimum() -> None:
    # Archive for 45 of 180 days: 135 days of storage are still due.
    fee = early_deletion(price("Archive", Provider.AZURE), 10 * GB, 45)
    assert fee == pytest.approx(0.00099 * 10 * 135 / DAYS_PER_MONTH)
    assert early_deletion(price("STANDARD_IA"), GB, 30) == 0.0
    assert early_deletion(price("STANDARD"), GB, 0) == 0.0
    # The minimum size counts here too.
    tiny = early_deletion(price("STANDARD_IA"), 1, 0)
    assert tiny == early_deletion(price("STANDARD_IA"), 131_072, 0)


def test_the_providers_own_retrieval_example() -> None:
    """AWS re:Post, "Manage data retrieval for S3 Glacier": 15,000,000 objects, 100 TB."""
    objects, size = 15_000_000, 102_400 * GB / 15_000_000
    glacier = price("GLACIER")
    for speed, requests, retrieval in (("standard", 750, 1_024), ("expedited", 150_000, 3_072)):
        found = glacier.speed(speed)
        assert found is not None
        assert found.per_1k is not None
        assert found.per_gb is not None
        assert found.per_1k * objects / 1000 == pytest.approx(requests)
        assert found.per_gb * size * objects / GB == pytest.approx(retrieval)
    cost = move_cost(glacier, price("STANDARD"), round(size), kind=MoveKind.TIER, days_in_class=90)
    lines = cost.line("standard restore") * objects
    assert lines == pytest.approx(750 + 1_024, rel=1e-3)


def test_a_move_across_clouds_line_by_line() -> None:
    # 100 GB, 10 days old, STANDARD_IA → COLDLINE, re-read after the upload.
    egress = BOOK.egress(Provider.AWS, "us-east-1", 100)
    cost = move_cost(
        price("STANDARD_IA"),
        price("COLDLINE", Provider.GCP),
        100 * GB,
        days_in_class=10,
        egress=egress,
        puts=402,
    )
    expected = {
        "retrieval": 100 * 0.01,
        "GET and HEAD": 2 * 0.001 / 1000,
        "egress": 9.0,
        "PUT": 402 * 0.02 / 1000,
        "re-read": 2 * 0.01 / 1000 + 100 * 0.02,
        "early deletion": 0.0125 * 100 * 20 / DAYS_PER_MONTH,
    }
    for start, amount in expected.items():
        assert cost.line(start) == pytest.approx(amount), start
    assert cost.total == pytest.approx(sum(expected.values()))
    copy = move_cost(price("STANDARD_IA"), price("STANDARD"), GB, kind=MoveKind.COPY, reread=False)
    assert copy.line("early deletion") == 0
    assert copy.line("re-read") == 0


def test_a_change_in_place() -> None:
    hot, cool = price("Hot", Provider.AZURE), price("Cool", Provider.AZURE)
    archive = price("Archive", Provider.AZURE)
    down = move_cost(cool, archive, GB, kind=MoveKind.TIER, days_in_class=60)
    assert down.total == pytest.approx(0.01 / 1000)  # cooling reads nothing on Azure
    up = move_cost(cool, hot, GB, kind=MoveKind.TIER, days_in_class=60)
    assert up.total == pytest.approx(0.005 / 1000 + 0.01 + 2 * 0.0004 / 1000)
    # S3 changes a class by a copy onto itself, which reads the object; then it is read back.
    ia = move_cost(
        price("STANDARD_IA"), price("GLACIER_IR"), GB, kind=MoveKind.TIER, days_in_class=60
    )
    assert ia.line("class change") == pytest.approx(0.02 / 1000)
    assert ia.line("retrieval") == pytest.approx(0.01)
    assert ia.line("re-read") == pytest.approx(2 * 0.01 / 1000 + 0.03)
    # Where nothing attests what it was before, it is read once more.
    first = move_cost(
        price("STANDARD_IA"),
        price("GLACIER_IR"),
        GB,
        kind=MoveKind.TIER,
        days_in_class=60,
        source_reads=1,
        reread=False,
    )
    assert first.total == pytest.approx(0.02 / 1000 + 2 * 0.01 + 2 * 0.001 / 1000)


def test_restoring_costs_the_restored_copy_too() -> None:
    cost = move_cost(price("DEEP_ARCHIVE"), price("STANDARD"), GB, days_in_class=200)
    restore = 0.1 / 1000 + 0.02
    assert cost.line("standard restore") == pytest.approx(restore)
    assert cost.line("restored copy") == pytest.approx(0.023 * RESTORE_DAYS / DAYS_PER_MONTH)
    done = move_cost(price("DEEP_ARCHIVE"), price("STANDARD"), GB, days_in_class=200, restored=True)
    assert done.line("standard restore") == 0


def test_unknown_prices_make_unknown_totals() -> None:
    disk = BOOK.get(Provider.ONPREM, "", "")
    assert disk is not None
    assert storage_month(disk, GB) is None
    assert month_cost(disk, GB, 3) is None
    assert storage_month(disk, 0) == 0.0  # nothing, at whatever price
    cost = move_cost(price("STANDARD"), disk, GB, egress=0.09)
    assert cost.total is None
    assert cost.line("egress") == 0.09
    assert any("PUT" in name for name in cost.unknown)
    assert move_cost(disk, price("STANDARD"), GB, egress=None).total is None
    assert saving_per_month(None, 1.0) is None
    assert total([1.0, None]) is None
    assert total([1.0, 2.0]) == 3.0


def test_payback() -> None:
    assert payback_months(12.0, 3.0) == 4.0
    assert payback_months(0.0, 3.0) == 0.0
    assert payback_months(1.0, 0.0) is None
    assert payback_months(1.0, -3.0) is None
    assert payback_months(None, 3.0) is None


def test_write_requests() -> None:
    mib = 1024**2
    assert write_requests(0, threshold=16 * mib, part_size=16 * mib) == 1
    assert write_requests(16 * mib - 1, threshold=16 * mib, part_size=16 * mib) == 1
    assert write_requests(33 * mib, threshold=16 * mib, part_size=16 * mib) == 5


def test_amounts_for_people() -> None:
    assert usd(None) == "unknown"
    assert usd(0.0) == "$0"
    assert usd(1234.5) == "$1,234.50"
    assert usd(0.9999) == "$1.00"
    assert usd(0.4) == "$0.40"
    assert usd(-0.0579) == "−$0.0579"
    assert usd(0.000_001_234) == "$0.00000123"
    assert "nan" not in usd(1e-12)


# -- properties -----------------------------------------------------------------------------


@given(classes, sizes, reads, days)
def test_never_negative(it: ClassPrice, size: int, count: float, age: float) -> None:
    for amount in (
        storage_month(it, size, idle_days=age),
        month_cost(it, size, count, idle_days=age),
        early_deletion(it, size, age),
        read_cost(it, size),
    ):
        assert amount is not None
        assert amount >= 0


@given(classes, sizes, sizes, reads)
def test_monotone_in_size(it: ClassPrice, one: int, other: int, count: float) -> None:
    small, large = sorted((one, other))
    less, more = month_cost(it, small, count), month_cost(it, large, count)
    assert less is not None
    assert more is not None
    assert less <= more * (1 + 1e-12)


@given(classes, sizes, days, days)
def test_early_deletion_shrinks_with_time(
    it: ClassPrice, size: int, one: float, other: float
) -> None:
    early, late = sorted((one, other))
    first, last = early_deletion(it, size, early), early_deletion(it, size, late)
    assert first is not None
    assert last is not None
    assert first >= last
    if late >= it.min_days:
        assert last == 0.0


@given(classes, sizes)
def test_minimum_size_rule(it: ClassPrice, size: int) -> None:
    if size <= it.min_size:
        assert storage_month(it, size) == storage_month(it, it.min_size)


@given(classes, classes, sizes, days, st.sampled_from(MoveKind), st.integers(1, 100))
def test_moves_never_cost_less_than_nothing(
    one: ClassPrice, other: ClassPrice, size: int, age: float, kind: MoveKind, puts: int
) -> None:
    cost = move_cost(one, other, size, kind=kind, days_in_class=age, puts=puts)
    assert cost.total is not None
    assert cost.total >= 0
    assert all(amount > 0 for _, amount in cost.lines)
    bigger = move_cost(one, other, size + GB, kind=kind, days_in_class=age, puts=puts)
    assert bigger.total is not None
    assert bigger.total >= cost.total * (1 - 1e-12)


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6))
def test_egress_adds_up(first: float, second: float, used: float) -> None:
    for provider in (Provider.AWS, Provider.GCP, Provider.AZURE):
        at_once = BOOK.egress(provider, "", first + second, used_gb=used)
        one = BOOK.egress(provider, "", first, used_gb=used)
        two = BOOK.egress(provider, "", second, used_gb=used + first)
        assert one is not None
        assert two is not None
        assert at_once == pytest.approx(one + two, rel=1e-9, abs=1e-6)


@given(
    st.sampled_from(sorted(TABLES)),
    st.lists(st.tuples(sizes, reads, days, st.integers(-1, 20), st.integers(-1, 20)), min_size=1),
)
def test_columns_agree_with_single_objects(
    provider: Provider, rows: list[tuple[int, float, float, int, int]]
) -> None:
    table = TABLES[provider]
    count = len(table.prices)
    size = np.array([row[0] for row in rows], np.float64)
    read = np.array([row[1] for row in rows])
    age = np.array([row[2] for row in rows])
    codes = np.array([min(row[3], count - 1) for row in rows], np.int16)
    targets = np.array([min(row[4], count - 1) for row in rows], np.int16)
    stored = storage_months(table, codes, size, age)
    monthly = month_costs(table, codes, size, read, age)
    once = read_costs(table, codes, size)
    change = change_costs(table, codes, targets, size, age)
    for i in range(len(rows)):
        source, target = int(codes[i]), int(targets[i])
        whole = int(size[i])
        if source < 0:
            assert np.isnan(monthly[i]) or whole == 0
            continue
        it = table.prices[source]
        expected = [
            (stored[i], storage_month(it, whole, idle_days=age[i])),
            (monthly[i], month_cost(it, whole, read[i], idle_days=age[i])),
            (once[i], read_cost(it, whole)),
        ]
        if target >= 0:
            moved = move_cost(
                it, table.prices[target], whole, kind=MoveKind.TIER, days_in_class=age[i]
            )
            expected.append((change[i], moved.total))
        for got, wanted in expected:
            if wanted is None or (it.storage is None and whole == 0):
                assert np.isnan(got) or whole == 0
            else:
                assert got == pytest.approx(wanted, rel=1e-9, abs=1e-18)
