"""Examples that the providers worked themselves. Each names the page it is from.

Where a page counts a month as 30 days, Astra's 30.4 days differ by 1.4 %: `MONTH_OF_30` takes
that out. Where it uses prices of its own, a class is given those.
"""

from dataclasses import replace

import pytest

from engine.model import MoveKind, Provider
from engine.pricing.book import PriceBook
from engine.pricing.classes import ClassPrice, RestoreSpeed
from engine.pricing.cost import (
    DAYS_PER_MONTH,
    GB,
    early_deletion,
    month_cost,
    move_cost,
    read_cost,
    storage_month,
)

BOOK = PriceBook.load()
KIB = 1024
MONTH_OF_30 = DAYS_PER_MONTH / 30


def price(name: str, provider: Provider = Provider.AWS, region: str = "") -> ClassPrice:
    found = BOOK.get(provider, region or BOOK.reference_region(provider), name)
    assert found is not None
    return found


def sure(amount: float | None) -> float:
    assert amount is not None
    return amount


# -- Amazon S3 --------------------------------------------------------------------------------


def test_small_objects_in_deep_archive() -> None:
    """AWS Pricing Calculator, S3 Glacier Deep Archive: 100 GB a month of objects of 10 KB."""
    objects = 10_485_760
    each = sure(storage_month(price("DEEP_ARCHIVE"), 10 * KIB))
    overhead = 320 * 0.00099  # 32 KB an object at the price of the class
    names = 80 * 0.023  # 8 KB an object at that of S3 Standard
    assert overhead == pytest.approx(0.3168)
    assert names == pytest.approx(1.84)
    assert each * objects == pytest.approx(0.3168 + 1.84 + 0.099)
    # Ten times what S3 Standard asks for: they are better left there.
    assert sure(storage_month(price("STANDARD"), 10 * KIB)) * objects == pytest.approx(2.30)


def test_a_small_object_in_infrequent_access() -> None:
    """Amazon S3 FAQs, S3 Standard-IA: an object of 6 KB is charged for 6 KB and for 122 KB more
    as the minimum object size, at the price of S3 Standard-IA."""
    expected = 0.0125 * (6 + 122) / KIB**2
    assert storage_month(price("STANDARD_IA"), 6 * KIB) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "least"),
    [("STANDARD_IA", 30), ("ONEZONE_IA", 30), ("GLACIER", 90), ("DEEP_ARCHIVE", 180)],
)
def test_objects_that_leave_early_are_charged_for_the_minimum(name: str, least: int) -> None:
    """Amazon S3 User Guide, Understanding object expiration: objects that expire before are
    charged for 30, 90 or 180 days."""
    it, size = price(name), 40 * GB
    for served in (0, 1, least // 2, least - 1, least):
        stored = sure(it.storage) * (size + it.overhead) / GB * served / DAYS_PER_MONTH
        whole = sure(it.storage) * (size + it.overhead) / GB * least / DAYS_PER_MONTH
        assert stored + sure(early_deletion(it, size, served)) == pytest.approx(whole)


def test_monitoring_a_million_objects() -> None:
    """Amazon S3 pricing, S3 Intelligent-Tiering: $0.0025 per 1,000 objects of 128 KB and more;
    smaller ones are not monitored and pay what the Frequent Access tier costs."""
    tiering, standard = price("INTELLIGENT_TIERING"), price("STANDARD")
    large, small = 128 * KIB, 128 * KIB - 1
    fee = sure(storage_month(tiering, large)) - sure(storage_month(standard, large))
    assert fee * 1_000_000 == pytest.approx(2.50)
    assert storage_month(tiering, small, idle_days=300) == storage_month(standard, small)
    idle = sure(storage_month(tiering, 1000 * GB, idle_days=120))
    assert idle == pytest.approx(1000 * 0.004, rel=1e-5)


@pytest.mark.parametrize(
    ("speed", "requests", "retrieval"),
    [("standard", 750, 1_024), ("expedited", 150_000, 3_072), ("bulk", 0, 0)],
)
def test_restoring_fifteen_million_objects(speed: str, requests: float, retrieval: float) -> None:
    """AWS re:Post, Manage data retrieval and storage costs for S3 Glacier Flexible Retrieval:
    15,000,000 objects, 100 TB (102,400 GB); bulk: Amazon S3 User Guide, Archive retrieval
    options."""
    objects = 15_000_000
    moved = move_cost(
        price("GLACIER"),
        price("STANDARD"),
        102_400 * GB,
        kind=MoveKind.TIER,
        days_in_class=90,
        restore_speed=speed,
    )
    found = price("GLACIER").speed(speed)
    assert found is not None
    assert sure(found.per_1k) * objects / 1000 == pytest.approx(requests)
    assert moved.line(f"{speed} restore") == pytest.approx(retrieval, abs=0.02 + 10 / 1000)


def test_the_first_hundred_gigabytes_out_are_free() -> None:
    """Amazon S3 pricing, Data transfer: 100 GB a month out to the internet are free, then
    $0.09 a GB to 10 TB."""
    assert BOOK.egress(Provider.AWS, "us-east-1", 100, free=True) == 0.0
    assert BOOK.egress(Provider.AWS, "us-east-1", 101, free=True) == pytest.approx(0.09)


# -- Google Cloud Storage ---------------------------------------------------------------------


def test_the_simple_example_of_google() -> None:
    """Cloud Storage pricing examples, Simple example: 50 GB of Standard storage in us-east1,
    10,000 Class A and 50,000 Class B operations, 1 GB out to the Americas: $1.19."""
    standard = price("STANDARD", Provider.GCP, "us-east1")
    stored = sure(month_cost(standard, 50 * GB))
    class_a = sure(standard.put) * 10
    class_b = sure(read_cost(standard, 0)) * 50_000
    out = sure(BOOK.egress(Provider.GCP, "us-east1", 1))
    assert [round(part, 2) for part in (stored, class_a, class_b, out)] == [1.0, 0.05, 0.02, 0.12]
    assert stored + class_a + class_b + out == pytest.approx(1.19)


def test_early_deletion_of_nearline() -> None:
    """Google Cloud Storage pricing (2015): 1,000 GB of Nearline data stored on day 1 and removed
    on day 15 cost $5 for 15 days of storage and $5 for 15 days of early deletion."""
    nearline = price("NEARLINE", Provider.GCP)
    fee = sure(early_deletion(nearline, 1000 * GB, 15)) * MONTH_OF_30
    stored = sure(storage_month(nearline, 1000 * GB)) * 15 / 30
    assert (stored, fee) == (pytest.approx(5.0), pytest.approx(5.0))
    # Read once before, that is $0.01 a GB more.
    operation = 0.001 / 1000
    assert sure(read_cost(nearline, 1000 * GB)) == pytest.approx(10.0 + operation)


# -- Azure ------------------------------------------------------------------------------------


def test_ten_terabytes_in_cool() -> None:
    """Azure docs, Estimate the cost of using Azure Blob Storage: 10 TB in the cool tier at
    $0.0115 a GB. (The page says $117.78; 0.0115 × 10 × 1024 are $117.76.)"""
    cool = replace(price("Cool", Provider.AZURE), storage=0.0115)
    assert storage_month(cool, 10 * 1024 * GB) == pytest.approx(117.76)
    assert storage_month(cool, 4500 * GB) == pytest.approx(51.75)  # the table's February


@pytest.mark.parametrize(
    ("name", "served", "left"), [("Cool", 21, 9), ("Archive", 45, 135), ("Cold", 90, 0)]
)
def test_early_deletion_is_prorated(name: str, served: int, left: int) -> None:
    """Azure docs, Access tiers for blob data: a blob in cool deleted after 21 days pays for 9
    more; one in archive after 45 days for 135 more."""
    tier = price(name, Provider.AZURE)
    month = sure(storage_month(tier, 700 * GB))
    fee = sure(early_deletion(tier, 700 * GB, served))
    assert fee == pytest.approx(month * left / DAYS_PER_MONTH)


def test_taking_a_fifth_out_of_the_archive() -> None:
    """Azure docs, Estimate the cost of moving data out of archive storage: 20 % of 20 TB in 2,000
    blobs after three months, at sample prices: $0.22 + $88 + $24 = $112.22."""
    archive = replace(
        price("Archive", Provider.AZURE),
        storage=0.002,
        get=0.55,
        retrieval=0.022,
        restore=(RestoreSpeed("standard", 15, 0.022, 0.0),),
    )
    blobs, size = 400, 10 * GB
    cost = move_cost(
        archive,
        price("Hot", Provider.AZURE),
        size,
        kind=MoveKind.TIER,
        days_in_class=90,
        reread=False,
    )
    # Set Blob Tier is billed as a read operation of the archive, then the retrieval by the GB.
    assert cost.line("standard restore") * blobs == pytest.approx(0.22 + 88.0)
    early = cost.line("early deletion") * blobs * MONTH_OF_30
    assert early == pytest.approx(24.0)
    assert cost.line("standard restore") * blobs + early == pytest.approx(112.22)
    assert cost.line("restored copy") == 0  # the blob is in Hot now, and stays there
