"""Objects for the policies: a table of rows becomes `Features`."""

from collections.abc import Callable

import numpy as np
import pytest

from engine.keytext import KeyText
from engine.model import Provider
from engine.pricing.book import PriceBook
from engine.pricing.columns import ClassTable
from engine.tiering.shape import Features

BOOK = PriceBook.load()
MakeFeatures = Callable[..., Features]


def features_of(*rows: dict[str, object], provider: Provider = Provider.AWS) -> Features:
    """Each row: key, name (class), size, age, idle, h, d, w, m (reads); all have defaults."""
    table = ClassTable.of(BOOK, provider, BOOK.reference_region(provider))
    default = BOOK.default_class(provider)
    keys = [str(row.get("key", f"object-{i}")) for i, row in enumerate(rows)]

    def column(name: str, fallback: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        return np.array([row.get(name, fallback) for row in rows], np.float64)

    age = column("age", 1.0)
    month = column("m", 0.0)
    return Features(
        cloud="aws",
        bucket="photos",
        now=1.8e9,
        table=table,
        keys=keys,
        text=KeyText(keys),
        codes=np.array([table.code(str(row.get("name", default))) for row in rows], np.int16),
        sizes=column("size", 1 << 30),
        age_days=age,
        idle_days=np.array([row.get("idle", age[i]) for i, row in enumerate(rows)], np.float64),
        reads_1h=column("h", 0.0),
        reads_1d=column("d", 0.0),
        reads_7d=column("w", 0.0),
        reads_30d=month,
    )


@pytest.fixture
def features() -> MakeFeatures:
    return features_of
