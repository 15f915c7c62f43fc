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


def show(columns: dict[str, tuple[float, dict[str, float]]], names: Sequence[str]) -> None:
    """A table: a policy a line, the optimum in USD below."""
    width = max(len(name) for name in (*names, OPTIMUM)) + 2
    print(" " * width + "".join(f"{title:>10}" for title in columns))
    for name in names:
        cells = (found[name] for _, found in columns.values())
        line = "".join(f"{'-' if cell != cell else f'{cell:.3f}':>10}" for cell in cells)
        print(f"{name:<{width}}{line}")
    amounts = "".join(f"{f'${best:,.0f}':>10}" for best, _ in columns.values())
    print(f"{OPTIMUM:<{width}}{amounts}")


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
    found = {
        (case, window): ratios(*data[kind], classes, days, names)
        for case, kind, classes in CASES
        for window, days in windows.items()
    }
    if len(windows) == 1:
        show({case: answer for (case, _), answer in found.items()}, names)
    else:
        for case, _, classes in CASES:
            print(f"{case}: {', '.join(classes)}")
            show({window: answer for (it, window), answer in found.items() if it == case}, names)
            print()
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
