"""Small worlds for the lab's tests."""

import datetime as dt
from collections.abc import Sequence

import numpy as np

from engine.lab.history import AccessHistory, Inventory
from engine.lab.world import World
from engine.model import Provider
from engine.pricing.book import PriceBook
from engine.pricing.columns import ClassTable

GB = 1024**3
FIRST = dt.date(2023, 1, 1)


def table(provider: Provider = Provider.AWS, region: str = "us-east-1") -> ClassTable:
    return ClassTable.of(PriceBook.load(), provider, region)


def world(
    sizes: Sequence[float],
    reads: Sequence[Sequence[float]],
    *,
    counts: Sequence[float] | None = None,
    born: Sequence[int] | None = None,
    classes: Sequence[str] = ("STANDARD", "STANDARD_IA", "GLACIER_IR"),
    start: str = "STANDARD",
    first: int = 0,
    provider: Provider = Provider.AWS,
    region: str = "us-east-1",
    prices: ClassTable | None = None,
) -> World:
    """Objects with whole reads on each day of a history from 1 January 2023 on; the days from
    `first` on are replayed."""
    read = np.array(reads, np.float64)
    size = np.array(sizes, np.float64)
    days = np.array(born or [0] * len(sizes), np.int64)
    inventory = Inventory(
        tuple(f"object-{i}" for i in range(len(sizes))),
        size,
        np.array(counts or [1] * len(sizes), np.float64),
        days + FIRST.toordinal(),
    )
    history = AccessHistory(FIRST.toordinal(), read.astype(np.float32), read * size[:, None])
    return World.of(
        inventory,
        history,
        prices or table(provider, region),
        start,
        FIRST + dt.timedelta(first),
        FIRST + dt.timedelta(read.shape[1] - 1),
        classes,
        {"autoclass": 0.0025},
    )
