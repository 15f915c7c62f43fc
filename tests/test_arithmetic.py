"""The printed sum is the sum."""

import numpy as np
import pytest

from engine.access import AccessColumns
from engine.arithmetic import Holding, holdings, total_lines
from engine.catalog import Catalog
from engine.listing import Listing
from engine.model import ListEntry, Provider
from engine.pricing.book import PriceBook
from engine.pricing.cost import GB

BOOK = PriceBook.load()
NOW = 1.8e9


def listing_of(*rows: tuple[str, int, str, float]) -> Listing:
    listing = Catalog(BOOK).add("aws", Provider.AWS, "us-east-1")
    scan = listing.begin("photos")
    listing.append(scan, [ListEntry(key, size, NOW, "", name) for key, size, name, _ in rows])
    listing.finish(scan)
    zero = np.zeros(len(rows))
    reads = np.array([row[3] for row in rows])
    listing.set_access(scan, AccessColumns(zero, zero, zero, reads, zero, zero))
    return listing


def test_holdings_add_up_to_what_the_objects_cost() -> None:
    listing = listing_of(
        ("a", 3 * GB, "STANDARD", 0),
        ("b", 10, "STANDARD_IA", 2),
        ("c", GB, "DEEP_ARCHIVE", 0),
        ("d", 2 * GB, "STANDARD", 5),
        ("e", GB, "INTELLIGENT_TIERING", 0),
    )
    frame = listing.frame(NOW)
    found = holdings(frame)
    names = [item.storage_class for item in found]
    assert names == ["INTELLIGENT_TIERING", "STANDARD", "STANDARD_IA", "DEEP_ARCHIVE"]
    assert sum(item.cost or 0 for item in found) == pytest.approx(frame.costs().sum())
    for item in found:
        assert item.price is not None
        assert item.fees is not None
        assert item.storage == pytest.approx(item.billed / GB * item.price + item.fees)
    small = found[2]
    assert (small.size, small.billed, small.reads) == (10, 131_072, 2)


def test_the_sum_in_lines() -> None:
    before = holdings(listing_of(("a", 100 * GB, "STANDARD", 3)).frame(NOW))
    after = holdings(listing_of(("a", 100 * GB, "GLACIER_IR", 0)).frame(NOW))
    assert total_lines(before, after) == [
        "Before",
        "  aws STANDARD: 1 object, 100.0000 GB × $0.023 + 3 reads $0.0000012 = $2.30",
        "  total $2.30 a month",
        "After",
        "  aws GLACIER_IR: 1 object, 100.0000 GB × $0.004 = $0.40",
        "  total $0.40 a month",
        "Saving: $2.30 − $0.40 = $1.90 a month (83%)",
    ]


def test_an_unknown_price_is_told() -> None:
    strange = holdings(listing_of(("a", GB, "SNOW", 0)).frame(NOW))
    assert strange == [Holding("aws", "SNOW", 1, GB, GB, None, None, None, 0.0, 0.0)]
    lines = total_lines(strange, [])
    assert lines[1].endswith("× unknown = unknown")
    assert lines[-1] == "Saving: unknown, since a price is."
    nothing = total_lines([], [])
    assert nothing[-1] == "Saving: $0 − $0 = $0 a month"
