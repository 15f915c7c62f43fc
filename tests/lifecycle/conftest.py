"""Policies as lifecycles of each provider, derived once."""

from collections.abc import Callable
from functools import lru_cache

import pytest

from engine.lifecycle.derive import Wanted, derive
from engine.lifecycle.model import Clock, Lifecycle
from engine.model import Provider
from engine.pricing.book import PriceBook
from engine.pricing.columns import ClassTable
from engine.tiering.policy import policy_named

BOOK = PriceBook.load()
Make = Callable[..., Lifecycle]


@lru_cache
def made(
    provider: Provider,
    policy: str = "rules",
    *,
    bucket: str = "photos",
    prefix: str = "",
    clock: Clock | None = None,
    archive: bool = True,
    region: str = "",
) -> Lifecycle:
    table = ClassTable.of(BOOK, provider, region or BOOK.reference_region(provider))
    wanted = Wanted(provider, region, bucket, prefix, clock, archive)
    return derive(policy_named(policy), table, wanted)


@pytest.fixture(scope="session")
def lifecycle() -> Make:
    return made
