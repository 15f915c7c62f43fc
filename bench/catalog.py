"""The catalog against plain Python: load, sort and filter listings of 100,000 and 1,000,000 rows.

    python -m bench.catalog [rows …]

The peer makes an `ObjectRow` of every row when it loads, and uses `sorted()` and list
comprehensions over the same rows. Every figure is the median of several runs in one process;
the ratio is the peer's time over ours, so that above 1 is faster. `lag` is the longest time
that an event loop was kept waiting meanwhile, with the work in a thread.
"""

import asyncio
import fnmatch
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import islice
from operator import attrgetter
from typing import Any

from engine.catalog import Catalog
from engine.model import ListEntry, ListingQuery, ObjectRow, Provider, SortKey, Tier
from engine.pricing.book import PriceBook

RUNS = 5
KINDS = ("report", "backup", "temp", "customer_transactions", "img")
CLASSES = ("STANDARD", "STANDARD_IA", "GLACIER_IR", "DEEP_ARCHIVE")


def entries(count: int) -> Iterator[ListEntry]:
    """Rows in key order, as a store lists them; always the same."""
    for i in range(count):
        mixed = (i * 2_654_435_761) % 2**32
        kind, storage_class = KINDS[mixed % 5], CLASSES[(mixed >> 8) % 4]
        key = f"data/{i:09d}/{kind}_{mixed % 1000:03d}.csv"
        yield ListEntry(key, mixed % 10**9, 1.7e9 + mixed % 10**8, f"{mixed:032x}", storage_class)


def pages(rows: list[ListEntry]) -> Iterator[list[ListEntry]]:
    source = iter(rows)
    while page := list(islice(source, 1000)):
        yield page


def median(work: Callable[[], object]) -> float:
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def load(catalog: Catalog, rows: list[ListEntry]) -> None:
    listing = catalog.add("aws", Provider.AWS, "us-east-1")
    scan = listing.begin("bucket")
    for page in pages(rows):
        listing.append(scan, page)
    listing.finish(scan)


async def lag(work: Callable[[], Any]) -> float:
    """The longest pause of the loop while `work` runs in a thread."""
    worst, running = 0.0, asyncio.create_task(asyncio.to_thread(work))
    while not running.done():
        start = time.perf_counter()
        await asyncio.sleep(0.001)
        worst = max(worst, time.perf_counter() - start - 0.001)
    await running
    return worst


async def ours_lag(catalog: Catalog, query: ListingQuery) -> tuple[float, float]:
    """Seconds of one view that nothing was kept for, and the loop's longest pause."""
    catalog["aws"].apply(removed=["data/000000000/none"])
    catalog._views.clear()
    worst, running = 0.0, asyncio.create_task(catalog.view("aws", query))
    begun = time.perf_counter()
    while not running.done():
        start = time.perf_counter()
        await asyncio.sleep(0.001)
        worst = max(worst, time.perf_counter() - start - 0.001)
    await running
    return time.perf_counter() - begun, worst


def show(name: str, mine: float, peer: float, extra: str = "") -> None:
    print(f"  {name:<34}{mine * 1000:9.1f} ms{peer * 1000:10.1f} ms{peer / mine:8.1f}×  {extra}")


def bench(count: int) -> None:
    rows = list(entries(count))
    catalog = Catalog(PriceBook.load())
    print(f"{count:,} rows{'catalog':>33}{'plain':>13}{'ratio':>9}")
    tracemalloc.start()
    load(catalog, rows)
    mine = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    show(
        "load in pages of 1,000",
        median(lambda: load(catalog, rows)),
        median(lambda: [_row(row) for page in pages(rows) for row in page]),
        f"catalog keeps {mine / 2**20:.0f} MiB beside the keys themselves",
    )
    sorts = [
        (SortKey.SIZE, attrgetter("size")),
        (SortKey.AGE, attrgetter("modified")),
        (SortKey.TIER, attrgetter("storage_class")),
        (SortKey.NAME, attrgetter("key")),
    ]
    for sort, key in sorts:
        query = ListingQuery(sort, descending=sort is not SortKey.NAME)
        timed = [asyncio.run(ours_lag(catalog, query)) for _ in range(RUNS)]
        plain = median(lambda key=key: sorted(rows, key=key, reverse=True))  # type: ignore[misc]
        held = asyncio.run(lag(lambda key=key: sorted(rows, key=key)))  # type: ignore[misc]
        show(
            f"sort by {sort}",
            statistics.median(seconds for seconds, _ in timed),
            plain,
            f"lag {max(worst for _, worst in timed) * 1000:.0f} ms, plain {held * 1000:.0f} ms",
        )
    asyncio.run(catalog.view("aws", ListingQuery(text="x")))  # the text is made once
    for text in ("a", "customer_transactions_99", "*_99?.csv", "backup_*.csv", "nowhere"):
        query = ListingQuery(text=text)
        timed = [asyncio.run(ours_lag(catalog, query)) for _ in range(RUNS)]
        show(
            f"filter {text!r}",
            statistics.median(seconds for seconds, _ in timed),
            median(lambda text=text: [row for row in rows if _plain(text, row.key)]),  # type: ignore[misc]
            f"lag {max(worst for _, worst in timed) * 1000:.0f} ms",
        )
    view = asyncio.run(catalog.view("aws", ListingQuery(SortKey.SIZE)))
    window = median(lambda: view.rows(count // 2, count // 2 + 60))
    print(f"  {'a window of 60 rows':<34}{window * 1000:9.2f} ms")
    key = rows[count // 3].key
    print(f"  {'position of a key':<34}{median(lambda: view.position(key)) * 1000:9.2f} ms")


def _row(entry: ListEntry) -> ObjectRow:
    """What a pane that keeps its rows as objects makes of each."""
    tier = Tier.HOT if entry.storage_class == "STANDARD" else Tier.COLD
    age = (1.8e9 - entry.modified) / 86_400
    cost = entry.size / 2**30 * 0.023
    return ObjectRow(
        entry.key, entry.size, entry.modified, age, entry.storage_class, tier, cost, 0, age
    )


def _plain(text: str, key: str) -> bool:
    if "*" in text or "?" in text:
        return fnmatch.fnmatchcase(key.lower().rpartition("/")[2], text)
    return text in key.lower()


if __name__ == "__main__":
    for number in [int(argument) for argument in sys.argv[1:]] or [100_000, 1_000_000]:
        bench(number)
