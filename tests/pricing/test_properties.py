"""What must hold for any prices, known or not: sums, bounds, and scalar = columns = the lab."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.lab.bill import Bill
from engine.lab.history import AccessHistory, Inventory
from engine.lab.world import World
from engine.model import MoveKind, Provider, Tier
from engine.pricing.classes import ClassPrice, RestoreSpeed
from engine.pricing.columns import (
    ClassTable,
    change_costs,
    month_costs,
    read_costs,
    storage_months,
)
from engine.pricing.cost import (
    DAYS_PER_MONTH,
    GB,
    early_deletion,
    month_cost,
    move_cost,
    read_cost,
    storage_month,
)

_KIB = 1024
money = st.one_of(st.none(), st.just(0.0), st.floats(1e-6, 1.0))
known = st.one_of(st.just(0.0), st.floats(1e-6, 1.0))
sizes = st.one_of(st.just(0), st.integers(0, 256 * _KIB), st.integers(0, 5 * 1024**4))
days = st.floats(0, 2000)
reads = st.floats(0, 1e5)


@st.composite
def prices(draw: Any, figures: st.SearchStrategy[float | None] = money) -> ClassPrice:
    """A class with any prices and rules; with `known`, nothing of it is unknown."""
    readable = draw(st.booleans())
    speeds = () if readable else (RestoreSpeed("standard", 12.0, draw(figures), draw(figures)),)
    tiering = readable and draw(st.booleans())
    rate = draw(figures)
    steps = ((30.0, (rate or 0.02) / 2), (90.0, (rate or 0.02) / 5)) if tiering else ()
    return ClassPrice(
        provider=Provider.AWS,
        region="somewhere",
        name=draw(st.text("ABC", min_size=1, max_size=3)),
        tier=draw(st.sampled_from(Tier)),
        storage=rate,
        put=draw(figures),
        get=draw(figures),
        retrieval=draw(figures),
        transition=draw(figures),
        monitoring=draw(figures) if tiering else 0.0,
        min_days=draw(st.sampled_from([0.0, 30.0, 180.0])),
        min_size=draw(st.sampled_from([0, 128 * _KIB])),
        overhead=draw(st.sampled_from([0, 32 * _KIB])),
        overhead_default=draw(st.sampled_from([0, 8 * _KIB])),
        default_storage=draw(figures),
        readable=readable,
        cooling_retrieval=draw(st.booleans()),
        restore_moves=draw(st.booleans()),
        automatic=steps,
        automatic_size=128 * _KIB if tiering else 0,
        restore=speeds,
    )


certain = prices(known)


def table_of(*classes: ClassPrice) -> ClassTable:
    cooling = classes[0].cooling_retrieval  # one provider, one rule
    named = (replace(it, name=f"C{i}", cooling_retrieval=cooling) for i, it in enumerate(classes))
    return ClassTable.made_of(Provider.AWS, "somewhere", tuple(named), {})


def same(got: float, wanted: float | None) -> bool:
    if wanted is None:
        return math.isnan(got)
    return got == pytest.approx(wanted, rel=1e-9, abs=1e-15)


# -- one arithmetic -------------------------------------------------------------------------


@given(st.lists(prices(), min_size=2, max_size=4), sizes, reads, days)
@settings(max_examples=60)
def test_columns_say_what_single_objects_say(
    classes: list[ClassPrice], size: int, count: float, age: float
) -> None:
    table = table_of(*classes)
    pairs = [(i, j) for i in range(len(classes)) for j in range(len(classes))]
    codes = np.array([i for i, _ in pairs], np.int16)
    targets = np.array([j for _, j in pairs], np.int16)
    one = np.ones(len(pairs))
    stored = storage_months(table, codes, size * one, age * one)
    monthly = month_costs(table, codes, size * one, count * one, age * one)
    once = read_costs(table, codes, size * one)
    changes = {
        reread: change_costs(table, codes, targets, size * one, age * one, reread=reread)
        for reread in (False, True)
    }
    for row, (i, j) in enumerate(pairs):
        source, target = table.prices[i], table.prices[j]
        assert same(stored[row], storage_month(source, size, idle_days=age))
        assert same(monthly[row], month_cost(source, size, count, idle_days=age))
        assert same(once[row], read_cost(source, size))
        for reread, change in changes.items():
            moved = move_cost(
                source, target, size, kind=MoveKind.TIER, days_in_class=age, reread=reread
            )
            assert same(change[row], moved.total)


@given(st.lists(certain, min_size=1, max_size=3), sizes, days, st.integers(0, 400))
def test_the_lab_bills_by_the_same_arithmetic(
    classes: list[ClassPrice], size: int, idle: float, served: int
) -> None:
    table = table_of(*classes)
    ones = np.ones(1)
    inventory = Inventory(("object",), ones * size, ones, np.zeros(1, np.int64))
    history = AccessHistory(0, np.zeros((1, 2), np.float32), np.zeros((1, 2)))
    born, seen = np.zeros(1, np.int64), np.zeros((1, 2), np.int64)
    bill = Bill.of(World(inventory, history, table, 0, 1, 1, born, seen))
    quiet, row = int(idle), np.zeros(1, np.int64)
    for code, price in enumerate(table.prices):
        codes = np.array([code], np.int16)
        day = bill.store(codes, np.array([10_000]), np.array([quiet]))[0]
        assert same(day * DAYS_PER_MONTH, storage_month(price, size, idle_days=quiet))
        requests, retrieval = bill.read(codes, ones, ones * size)
        if price.readable:
            assert same(requests[0] + retrieval[0], read_cost(price, size))
        for other, target in enumerate(table.prices):
            there = np.array([other], np.int16)
            parts = [part[0] for part in bill.change(row, codes, there, np.array([served]))]
            assert same(parts[2], early_deletion(price, size, served))
            dearer = (target.storage or 0.0) >= (price.storage or 0.0)
            if price.readable and price.cooling_retrieval:
                moved = move_cost(
                    price, target, size, kind=MoveKind.TIER, days_in_class=served, reread=False
                )
                assert moved.total is not None
                # Into a cheaper class the lab's change is a lifecycle rule's, which reads nothing.
                read = 0.0 if dearer else moved.line("retrieval")
                assert same(sum(parts), moved.total - read)


# -- bounds ---------------------------------------------------------------------------------


@given(certain, certain, sizes, reads, days)
def test_nothing_is_cheaper_than_free(
    one: ClassPrice, other: ClassPrice, size: int, count: float, age: float
) -> None:
    amounts = (
        storage_month(one, size, idle_days=age),
        read_cost(one, size),
        month_cost(one, size, count, idle_days=age),
        early_deletion(one, size, age),
        *(move_cost(one, other, size, kind=kind, days_in_class=age).total for kind in MoveKind),
    )
    assert all(amount is not None and amount >= 0 for amount in amounts)


@given(certain, sizes, sizes, reads, reads, days)
def test_more_bytes_and_more_reads_never_cost_less(
    it: ClassPrice, one: int, other: int, few: float, many: float, idle: float
) -> None:
    small, large = sorted((one, other))
    few, many = sorted((few, many))
    steady = replace(it, automatic=())  # where monitoring begins, a larger object may pay less
    costs = [month_cost(steady, size, few, idle_days=idle) for size in (small, large)]
    assert costs[0] is not None
    assert costs[1] is not None
    assert costs[0] <= costs[1] * (1 + 1e-12)
    costs = [month_cost(it, large, count, idle_days=idle) for count in (few, many)]
    assert costs[0] is not None
    assert costs[1] is not None
    assert costs[0] <= costs[1] * (1 + 1e-12)


@given(certain, sizes, days, days)
def test_staying_longer_costs_more_in_all_and_leaves_less_to_pay(
    it: ClassPrice, size: int, one: float, other: float
) -> None:
    early, late = sorted((one, other))
    month = storage_month(replace(it, automatic=()), size)
    fees = [early_deletion(it, size, served) for served in (early, late)]
    assert month is not None
    assert fees[0] is not None
    assert fees[1] is not None
    assert fees[0] >= fees[1]
    whole = [month * served / DAYS_PER_MONTH + fee for served, fee in zip((early, late), fees)]  # noqa: B905
    assert whole[0] <= whole[1] * (1 + 1e-9) + 1e-15


@given(certain, sizes, st.floats(0, 1))
def test_the_minimum_is_paid_whenever_an_object_leaves(
    it: ClassPrice, size: int, share: float
) -> None:
    """Storage until it leaves, and the fee, are the storage of the minimum days: the class's
    own price on what it bills, minimum size and overhead included."""
    served = it.min_days * share
    fee = early_deletion(it, size, served)
    assert fee is not None
    assert it.storage is not None
    billed = (max(size, it.min_size) + it.overhead) / GB
    stored = it.storage * billed * served / DAYS_PER_MONTH
    assert stored + fee == pytest.approx(
        it.storage * billed * it.min_days / DAYS_PER_MONTH, rel=1e-9, abs=1e-15
    )
    assert early_deletion(it, size, it.min_days + share) == 0.0


@given(certain, st.integers(0, 128 * _KIB), st.integers(0, 128 * _KIB))
def test_below_the_minimum_size_all_cost_the_same(it: ClassPrice, one: int, other: int) -> None:
    it = replace(it, min_size=128 * _KIB, automatic=())
    assert storage_month(it, one) == storage_month(it, other)
    assert early_deletion(it, one, 0) == early_deletion(it, other, 0)


# -- unknown --------------------------------------------------------------------------------


@given(certain, certain, st.integers(1, 1024**4), st.floats(0.5, 100), st.data())
def test_one_unknown_figure_makes_unknown_what_needs_it(
    source: ClassPrice, target: ClassPrice, size: int, count: float, data: st.DataObject
) -> None:
    source = replace(source, automatic=())
    field = data.draw(st.sampled_from(["storage", "get", "retrieval", "default_storage"]))
    blind = replace(source, **{field: None})
    needs = {
        "storage": True,
        "default_storage": source.overhead_default > 0,
        "get": False,
        "retrieval": False,
    }
    stored = storage_month(blind, size)
    assert (stored is None) == needs[field]
    if not needs[field]:
        assert stored == storage_month(source, size)
    read = read_cost(blind, size)
    assert (read is None) == (field in ("get", "retrieval"))
    monthly = month_cost(blind, size, count)
    assert (monthly is None) == (stored is None or read is None)
    moved = move_cost(replace(source, transition=None), target, size, kind=MoveKind.TIER)
    assert moved.total is not None  # nothing enters the source
    into = move_cost(source, replace(target, transition=None), size, kind=MoveKind.TIER)
    assert into.total is None
    assert any("class change" in name for name in into.unknown)
