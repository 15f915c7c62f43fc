"""Rows of a listing as JSON: many at once read as one by one."""

import json

import numpy as np
import pytest

from astra_tui.cli.listing import json_lines, row_json
from engine.catalog import Catalog, View
from engine.listing import Listing
from engine.model import Address, ListEntry, ListingQuery, Provider, SortKey
from engine.pricing.book import PriceBook

KEYS = ["a", 'quote"\\b', "é/😀", "tab\tnl\n", "\udcff", "\x1b[31m", "z" * 900]
PLACE = Address("clöud", 'buck"et', "")


def filled() -> tuple[Catalog, Listing]:
    catalog = Catalog(PriceBook.load())
    listing = catalog.add(PLACE.cloud, Provider.AWS, "us-east-1")
    scan = listing.begin(PLACE.bucket)
    classes = ["STANDARD", "SNOW", "DEEP_ARCHIVE"]
    entries = [
        ListEntry(key, 10**i, 1.7e9 + i / 7, "e", classes[i % 3]) for i, key in enumerate(KEYS)
    ]
    listing.append(scan, entries)
    listing.finish(scan)
    return catalog, listing


@pytest.mark.parametrize("limit", [None, 1, 3, 99])
async def test_lines_are_what_the_encoder_makes_of_each_row(limit: int | None) -> None:
    catalog, listing = filled()
    targets = np.array([listing.table.code("GLACIER_IR"), *[-1] * (len(KEYS) - 1)], np.int16)
    assert listing.set_targets(listing.frame(1.8e9), targets, np.ones(len(KEYS)))
    view: View = await catalog.view(PLACE.cloud, ListingQuery(SortKey.SIZE, True), now=1.8e9)
    windows = list(json_lines(PLACE, view, limit))
    rows = view.rows(0, len(KEYS) if limit is None else limit)
    assert [line for lines in windows for line in lines] == [
        json.dumps(row_json(PLACE, row)) for row in rows
    ]
    assert len(rows) == min(limit or len(KEYS), len(KEYS))
