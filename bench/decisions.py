"""Tier decisions for a million objects, against deciding them one by one.

    python -m bench.decisions [objects]

The peer applies the age rule with the scalar arithmetic of `engine.pricing.cost` to each object
in a loop (100,000 of them, scaled up), as a policy without columns would.
"""

import resource
import sys
import time

import numpy as np

from engine.keytext import KeyText
from engine.model import MoveKind, Provider
from engine.pricing.book import PriceBook
from engine.pricing.columns import ClassTable
from engine.pricing.cost import month_cost, move_cost
from engine.tiering.cost import Cost
from engine.tiering.longrun import prior, solved
from engine.tiering.policy import POLICIES, Features
from engine.tiering.settings import ModelSettings

KINDS = ("report", "backup_", "temp_", "monthly_report_", "img")
CLASSES = ("STANDARD", "STANDARD_IA", "GLACIER_IR", "DEEP_ARCHIVE")


def features(count: int) -> Features:
    """Objects with mixed names, sizes, ages and reads; always the same."""
    table = ClassTable.of(PriceBook.load(), Provider.AWS, "us-east-1")
    random = np.random.default_rng(1)
    keys = [f"data/{i:08d}/{KINDS[i % 5]}{i % 1000:03d}.csv" for i in range(count)]
    month = np.where(random.random(count) < 0.7, 0, random.poisson(6, count)).astype(np.float64)
    day = np.minimum(month, random.poisson(1, count)).astype(np.float64)
    codes = random.choice([table.code(name) for name in CLASSES], count).astype(np.int16)
    age = random.random(count) * 400
    return Features(
        cloud="aws",
        bucket="bucket",
        now=1.8e9,
        table=table,
        keys=keys,
        text=KeyText(keys),
        codes=codes,
        sizes=random.lognormal(13, 3, count),
        age_days=age,
        idle_days=age * random.random(count),
        reads_1h=day / 4,
        reads_1d=day,
        reads_7d=month / 2,
        reads_30d=month,
    )


def one_by_one(data: Features, count: int) -> float:
    """Seconds of the age rule for so many objects, one at a time."""
    prices, wanted = data.table.prices, data.table.tier_class.tolist()
    start = time.perf_counter()
    for row in range(count):
        age, size, reads = data.age_days[row], int(data.sizes[row]), data.reads_30d[row]
        tier = 0 if reads >= 10 else 0 if age < 30 else 1 if age < 90 else 2 if age < 180 else 3
        source, target = prices[data.codes[row]], prices[wanted[tier]]
        before, after = month_cost(source, size, reads), month_cost(target, size, reads)
        if before is not None and after is not None and after < before:
            move_cost(source, target, size, kind=MoveKind.TIER, days_in_class=age)
    return time.perf_counter() - start


def main(count: int) -> None:
    start = time.perf_counter()
    data = features(count)
    print(f"{count:,} objects, made in {time.perf_counter() - start:.1f} s")
    sample = min(count, 100_000)
    peer = one_by_one(data, sample) * count / sample
    print(f"  {'one by one':<12}{peer:8.2f} s")
    start = time.perf_counter()
    solved(prior(), data.table, (0.0, Cost().max_delay_hours), ModelSettings())
    print(f"  value iteration of cost {time.perf_counter() - start:.1f} s, once a day")
    for name, policy in POLICIES.items():
        start = time.perf_counter()
        columns = policy.decide(data)
        seconds = time.perf_counter() - start
        changed = len(columns.changed())
        print(f"  {name:<12}{seconds:8.2f} s{peer / seconds:8.1f}×  {changed:,} of them change")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  peak memory of the process {peak:,.0f} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
