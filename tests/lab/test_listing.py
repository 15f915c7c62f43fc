"""The operator's own listing as what the lab replays; in a large one unread objects are grouped."""

from collections.abc import Sequence

import numpy as np
import pytest

from engine.catalog import Catalog
from engine.frame import Frame
from engine.lab import listing
from engine.model import Address, ListEntry, Provider
from engine.pricing.book import PriceBook

NOW = 1_700_000_000.0
TODAY = int(NOW // 86_400)


def frame_of(sizes: Sequence[int], ages: Sequence[int]) -> Frame:
    catalog = Catalog(PriceBook.load())
    place = catalog.add("aws", Provider.AWS, "us-east-1")
    number = place.begin("box", "")
    place.append(
        number,
        [
            ListEntry(f"k{i}", size, NOW - age * 86_400, "", "STANDARD")
            for i, (size, age) in enumerate(zip(sizes, ages, strict=True))
        ],
    )
    place.finish(number)
    return place.frame(NOW)


def row(key: str, ago: int, reads: int, nbytes: int = 0) -> tuple[Address, int, int, int]:
    return Address("aws", "box", key), TODAY - ago, reads, nbytes


ROWS = [row("k0", 3, 2), row("k0", 3, 1, 7), row("k1", 1, 4, 40), row("gone", 2, 9)]


def test_reads_and_days_are_those_of_the_history() -> None:
    inventory, history, note = listing.of_listing(frame_of([10, 20, 30], [2, 9, 9]), ROWS)
    assert (inventory.names, note) == (("k0", "k1", "k2"), "")
    assert history.reads.tolist() == [[3, 0, 0], [0, 0, 4], [0, 0, 0]]
    assert history.bytes_read.tolist() == [[27, 0, 0], [0, 0, 40], [0, 0, 0]]
    # Read before it was written for the last time: at least as old as that.
    assert (history.first_day - inventory.created).tolist() == [0, 6, 6]


def test_unread_objects_of_a_large_listing_become_groups_of_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listing, "LARGE", 8)
    frame = frame_of([10, 20, 1000, 1001, 1002, 5000, 0], [9, 9, 9, 9, 5, 5, 5])
    inventory, history, note = listing.of_listing(frame, ROWS)
    assert note == "5 objects that were never read are 4 groups here."
    assert inventory.names[:2] == ("k0", "k1")
    assert history.reads.tolist()[:2] == [[3, 0, 0], [0, 0, 4]]
    assert not history.reads[2:].any()
    assert inventory.counts.sum() == 7
    volumes = inventory.sizes * inventory.counts
    assert volumes.sum() == 10 + 20 + 1000 + 1001 + 1002 + 5000
    assert sorted(zip(inventory.counts[2:], inventory.sizes[2:], strict=True)) == [
        (1, 0),
        (1, 1002),
        (1, 5000),
        (2, 1000.5),
    ]
    ages = TODAY + 719_163 - inventory.created
    assert np.array_equal(np.sort(ages[2:]), [5, 5, 5, 9])
