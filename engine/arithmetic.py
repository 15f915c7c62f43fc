"""The total cost as a sum that can be checked with a pocket calculator.

    total = Σ billed GB × price + overheads and fees + reads × price of a read

by cloud and class, before and after; for the demonstration, the dashboard and anyone who
doubts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.frame import Frame
from engine.model import Plan
from engine.pricing.columns import read_costs, storage_months
from engine.pricing.cost import GB, gigabytes, total, usd


@dataclass(frozen=True, slots=True)
class Holding:
    """The objects of one class in one cloud. Sizes in bytes, money in USD a month.

    `billed` counts what the class bills: minimum sizes and overheads included. `price` is USD a
    GB-month (the average of a class that tiers by itself), None unknown. `storage` covers
    `billed` at `price` and the `fees` beside it; `reading` the reads of the last 30 days.
    """

    cloud: str
    storage_class: str
    objects: int
    size: int
    billed: int
    price: float | None
    fees: float | None
    storage: float | None
    reads: float
    reading: float | None

    @property
    def cost(self) -> float | None:
        return total([self.storage, self.reading])


def holdings(frame: Frame) -> list[Holding]:
    """What a listing holds, class by class, hottest first; off the loop for big ones."""
    table, codes = frame.table, frame.codes
    found = []
    for name, rows in frame.by_class():
        code = table.code(name)
        sizes = frame.sizes[rows].astype(np.float64)
        billed = np.maximum(sizes, table.min_size[code]) + table.overhead[code]
        stored = storage_months(table, codes[rows], sizes, frame.idle(rows))
        price, storage = _known(table.storage[code]), _known(stored.sum())
        reads = frame.access("reads_30d", rows)
        read = np.flatnonzero(reads > 0)
        each = read_costs(table, codes[rows[read]], sizes[read])
        fees, size = None, float(billed.sum()) / GB
        if price is not None and storage is not None:
            if table.automatic[code] and size:  # what its tiers cost on average
                price = storage / size
            fees = storage - size * price
            fees = 0.0 if abs(fees) < 1e-9 * storage else fees
        found.append(
            Holding(
                frame.cloud,
                name,
                len(rows),
                int(sizes.sum()),
                int(billed.sum()),
                price,
                fees,
                storage,
                float(reads.sum()),
                _known((reads[read] * each).sum()),
            )
        )
    return found


def total_lines(before: Iterable[Holding], after: Iterable[Holding]) -> list[str]:
    """The sum before and after, line by line, and what is saved."""
    then, now = list(before), list(after)
    lines = ["Before", *_sum_lines(then), "After", *_sum_lines(now)]
    cost_then, cost_now = total([h.cost for h in then]), total([h.cost for h in now])
    if cost_then is None or cost_now is None:
        return [*lines, "Saving: unknown, since a price is."]
    saving = cost_then - cost_now
    share = f" ({saving / cost_then:.0%})" if cost_then > 0 else ""
    formula = f"{usd(cost_then)} − {usd(cost_now)} = {usd(saving)}"
    return [*lines, f"Saving: {formula} a month{share}"]


def plan_lines(plan: Plan) -> list[str]:
    """What a plan costs once by kind of cost, what it saves, and when it has paid back."""
    totals = plan.totals()
    kinds: dict[str, float] = {}
    for move in plan.moves:
        if not move.refused:
            for text, amount in move.cost_lines:
                kind = text.partition(":")[0]
                kinds[kind] = kinds.get(kind, 0.0) + amount
    parts = " + ".join(f"{kind} {usd(amount)}" for kind, amount in kinds.items())
    lines = [
        f"{totals.moves:,} moves, {gigabytes(totals.size):.3f} GB"
        + (f"; {totals.refused:,} refused" if totals.refused else ""),
        f"Once: {parts or 'nothing'} = {usd(totals.one_time_cost)}",
        f"Saving: {usd(totals.saving_per_month)} a month",
    ]
    if totals.payback_months is not None and totals.saving_per_month is not None:
        formula = f"{usd(totals.one_time_cost)} / {usd(totals.saving_per_month)}"
        lines.append(f"Pays back in {formula} = {totals.payback_months:.2g} months")
    elif totals.saving_per_month is not None and totals.one_time_cost is not None:
        lines.append("It never pays back." if totals.one_time_cost else "It costs nothing.")
    return lines


def _sum_lines(parts: Sequence[Holding]) -> list[str]:
    lines = []
    for part in parts:
        size, billed = part.size / GB, part.billed / GB
        text = f"  {part.cloud} {part.storage_class}: {_count(part.objects)}, {size:.4f} GB"
        if part.billed != part.size:
            text += f", billed as {billed:.4f} GB,"
        text += f" × {usd(part.price)}"
        if part.fees:
            text += f" + {usd(part.fees)} overhead and fees"
        if part.reads:
            text += f" + {part.reads:,.0f} reads {usd(part.reading)}"
        lines.append(f"{text} = {usd(part.cost)}")
    lines.append(f"  total {usd(total([part.cost for part in parts]))} a month")
    return lines


def _count(number: int) -> str:
    return f"{number:,} object{'' if number == 1 else 's'}"


def _known(value: "np.floating | float") -> float | None:
    return None if np.isnan(value) else float(value)
