"""What policies cost on a real access history, as a ratio to the offline optimum.

    python -m bench.tiering DIR [--windows] [--policy NAME]...

DIR holds `nested-objects.csv`, `nested-daily.csv.gz`, `whole-objects.csv` and
`whole-daily.csv.gz` (see docs/cli.md for the form). Prices are those of S3 in us-east-1; all
objects are in STANDARD when a window begins, and what is before it is history. `--windows` prints
half-years besides 2023: choose settings by all of them, not by one.
"""

import argparse
import datetime as dt
import time
from collections.abc import Sequence
from pathlib import Path

from engine.lab.history import AccessHistory, Inventory, read_history, read_inventory
from engine.lab.optimum import optimum
from engine.lab.registry import OPTIMUM, POLICIES, lab_policy
from engine.lab.simulate import simulate
from engine.lab.world import World
from engine.model import Provider
from engine.pricing.book import PriceBook
from engine.pricing.columns import ClassTable

BASE = ("STANDARD", "STANDARD_IA", "GLACIER_IR", "INTELLIGENT_TIERING")
ARCHIVES = (*BASE, "GLACIER", "DEEP_ARCHIVE")
CASES = (("nested", "nested", BASE), ("whole", "whole", BASE), ("archives", "nested", ARCHIVES))
HALVES = {
    "2022H1": ("2022-01-01", "2022-06-30"),
    "2022H2": ("2022-07-01", "2022-12-31"),
    "2023H1": ("2023-01-01", "2023-06-30"),
    "2023H2": ("2023-07-01", "2023-12-31"),
}
YEAR = {"2023": ("2023-01-01", "2023-12-31")}
RIVALS = (
    "age:30/90/180",
    "last-access",
    "ski-rental",
    "s3-intelligent-tiering",
    "s3-intelligent-tiering:warm",
    "always:STANDARD",
    "always:STANDARD_IA",
    "always:GLACIER_IR",
    "always:DEEP_ARCHIVE",
)
OURS = ("cost", "proactive", "reactive", "rules", "recency")


def ratios(
    inventory: Inventory,
    history: AccessHistory,
    classes: Sequence[str],
    days: tuple[str, str],
    names: Sequence[str],
) -> tuple[float, dict[str, float]]:
    """The optimum in USD, and what each policy costs by it; NaN where its class is not allowed."""
    table = ClassTable.of(PriceBook.load(), Provider.AWS, "us-east-1")
    first, last = (dt.date.fromisoformat(day) for day in days)
    world = World.of(inventory, history, table, "STANDARD", first, last, classes)
    best = optimum(world).cost
    found = {}
    for name in names:
        family, _, storage_class = name.partition(":")
        if family == "always" and storage_class not in classes:
            found[name] = float("nan")
            continue
        found[name] = simulate(world, lab_policy(name)).cost / best
    return best, found


def main() -> None:
    parser = argparse.ArgumentParser(description="Policies on a real history, by the optimum.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--windows", action="store_true", help="half-years too")
    parser.add_argument("--policy", action="append", help="only these")
    given = parser.parse_args()
    names = given.policy or [*(name for name in OURS if name in POLICIES), *RIVALS]
    windows = (HALVES if given.windows else {}) | YEAR
    start = time.perf_counter()
    data = {}
    for kind in ("nested", "whole"):
        inventory = read_inventory(given.directory / f"{kind}-objects.csv")
        data[kind] = (
            inventory,
            read_history(given.directory / f"{kind}-daily.csv.gz", inventory),
        )
    columns: dict[str, dict[str, float]] = {}
    bests: dict[str, float] = {}
    for case, kind, classes in CASES:
        for window, days in windows.items():
            title = f"{case} {window}" if len(windows) > 1 else case
            bests[title], columns[title] = ratios(*data[kind], classes, days, names)
    width = max(len(name) for name in (*names, OPTIMUM)) + 2
    widths = {title: max(len(title), 9) + 2 for title in columns}
    print(" " * width + "".join(f"{title:>{widths[title]}}" for title in columns))
    for name in names:
        cells = (f"{column[name]:.3f}" for column in columns.values())
        print(
            f"{name:<{width}}"
            + "".join(
                f"{'-' if cell == 'nan' else cell:>{widths[title]}}"
                for title, cell in zip(columns, cells, strict=True)
            )
        )
    amounts = "".join(f"{f'${best:,.0f}':>{widths[title]}}" for title, best in bests.items())
    print(f"{OPTIMUM:<{width}}{amounts}")
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
