"""From the tier a policy wishes to the class that pays, and the words for it.

A wish is carried out only where the arithmetic agrees: the move must save money every month at
the expected reads, and pay back its one-time cost in time. A wish for a colder tier that is
refused is tried one tier less cold, until nothing is left but to stay. Objects that are read, or
must open at once, are not sent to classes that need hours of restore.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.model import MoveKind, Tier
from engine.pricing.classes import ClassPrice
from engine.pricing.columns import Bools, Codes, Floats, change_costs, month_costs
from engine.pricing.cost import month_cost, move_cost, usd
from engine.tiering.shape import DecisionColumns, Features, Tiers, Verdict, times

_TIERS = tuple(Tier)
_MINIMUM_SHOWN = 1024


@dataclass(frozen=True, slots=True)
class Wish:
    """What a policy wants of N objects. Each array has shape (N,).

    `tiers` is the tier that would suit. Where that is warmer than the object's, `promote` tells
    whether to go there; else the object may stay. `at_once`: it must open without a restore.
    `held`: it stays whatever the tier.
    """

    tiers: Tiers
    promote: Bools
    at_once: Bools
    held: Bools


def settle(
    features: Features, wish: Wish, reads: Floats, max_payback_months: float
) -> DecisionColumns:
    """Decide each object by its wish and by what it costs; `reads` are expected a month."""
    table, codes = features.table, features.codes
    current = table.tier[codes]
    automatic, strange = table.automatic[codes], codes < 0
    warmer = wish.tiers < current
    verdicts = np.full(len(codes), Verdict.STAY, np.int8)
    verdicts[warmer & ~wish.promote] = Verdict.COLDER
    verdicts[wish.held & (wish.tiers != current)] = Verdict.HELD
    verdicts[automatic] = Verdict.AUTOMATIC
    verdicts[strange] = Verdict.UNKNOWN_PRICE
    targets, savings = codes.copy(), np.zeros(len(codes))

    wanted = (wish.tiers > current) | (warmer & wish.promote)
    rows = np.flatnonzero(wanted & ~wish.held & ~automatic & ~strange)
    level = wish.tiers[rows]
    refusal = np.full(len(rows), Verdict.STAY, np.int8)
    waits = wish.at_once | (features.reads_30d > 0)
    while len(rows):
        offered = table.tier_class[level]
        outcome, saving = _offer(features, rows, offered, reads, waits, max_payback_months)
        moved = outcome == Verdict.MOVE
        refusal = np.where((refusal == Verdict.STAY) & ~moved, outcome, refusal)
        there, why = rows[moved], refusal[moved]
        targets[there], savings[there] = offered[moved], saving[moved]
        limited = np.where(why == Verdict.READERS, Verdict.AT_ONCE, Verdict.FALLBACK)
        verdicts[there] = np.where(why == Verdict.STAY, Verdict.MOVE, limited)
        level = level - 1
        again = ~moved & (level > current[rows])
        stays = ~moved & ~again
        verdicts[rows[stays]] = refusal[stays]
        rows, level, refusal = rows[again], level[again], refusal[again]
    return DecisionColumns(targets, verdicts, wish.tiers, savings, reads, np.ones(len(codes)))


def _offer(
    features: Features,
    rows: npt.NDArray[np.intp],
    offered: Codes,
    reads: Floats,
    waits: Bools,
    max_payback_months: float,
) -> tuple[Tiers, Floats]:
    """Whether each row should take the offered class: MOVE or the refusal, and the saving."""
    table = features.table
    codes, sizes = features.codes[rows], features.sizes[rows]
    before = month_costs(table, codes, sizes, reads[rows], features.idle_days[rows])
    after = month_costs(table, offered, sizes, reads[rows], features.idle_days[rows])
    once = change_costs(table, codes, offered, sizes, features.age_days[rows])
    saving = before - after
    outcome = np.full(len(rows), Verdict.MOVE, np.int8)
    outcome[~(once <= max_payback_months * saving)] = Verdict.PAYBACK
    outcome[~(saving > 0)] = Verdict.COSTS_MORE
    outcome[~np.isfinite(saving + once)] = Verdict.UNKNOWN_PRICE
    outcome[~table.readable[offered] & waits[rows]] = Verdict.READERS
    outcome[offered < 0] = Verdict.NO_CLASS
    return outcome, saving


def sentence(features: Features, columns: DecisionColumns, row: int, because: str) -> str:
    """Why a row goes or stays: the policy's own ground, then what the arithmetic made of it.

    `because` is a clause that ends with the wish: "Written 95 days ago, which asks for COLD".
    """
    table = features.table
    code, verdict = int(features.codes[row]), Verdict(columns.verdicts[row])
    here, there = table.name(code), table.name(int(columns.targets[row]))
    saves = f"{there} saves {usd(float(columns.savings[row]))} a month."
    wished = table.tier_class[columns.wished[row]]
    match verdict:
        case Verdict.MOVE:
            return f"{because}; {saves}"
        case Verdict.STAY:
            return f"{because}; {here} is that."
        case Verdict.COLDER:
            return f"{because}; it stays in {here}, since going back would only cost."
        case Verdict.HELD:
            return f"{because}; it stays in {here}."
        case Verdict.AUTOMATIC:
            return f"{here} moves objects between its tiers by itself; it stays there."
        case Verdict.UNKNOWN_PRICE if code < 0:
            return "The price book does not know its storage class; it stays where it is."
        case Verdict.NO_CLASS:
            tier = _TIERS[columns.wished[row]]
            return f"{because}, but {table.provider} has no {tier} class; it stays in {here}."
        case Verdict.UNKNOWN_PRICE:
            return f"{because}, but what it would cost is not known; it stays in {here}."
    price = table.prices[wished]
    refusal = _refusal(features, columns, row, price)
    if verdict in (Verdict.AT_ONCE, Verdict.READERS):
        count = float(features.reads_30d[row])
        read = f"read {times(count)} in 30 days" if count else "expected to open at once"
        refusal = f"it is {read} and {price.name} needs {price.first_byte} to open"
    if verdict in (Verdict.AT_ONCE, Verdict.FALLBACK):
        return f"{because}, but {refusal}; {saves}"
    return f"{because}, but {refusal}; it stays in {here}."


def _refusal(features: Features, columns: DecisionColumns, row: int, target: ClassPrice) -> str:
    """Why the wished class does not pay for this object, with the figures."""
    source = features.table.prices[features.codes[row]]
    size, reads = int(features.sizes[row]), float(columns.expected_reads[row])
    idle = float(features.idle_days[row])
    before = month_cost(source, size, reads, idle_days=idle)
    after = month_cost(target, size, reads, idle_days=idle)
    if before is None or after is None:
        return f"the price of {target.name} is not known"
    if after >= before:
        text = f"{target.name} would cost {usd(after - before)} more a month"
        if size < target.min_size:
            return f"{text} (it bills at least {target.min_size // _MINIMUM_SHOWN} KiB)"
        if reads > 0:
            return f"{text} while it is read {times(reads)}"
        return text
    age = float(features.age_days[row])
    once = move_cost(source, target, size, kind=MoveKind.TIER, days_in_class=age).total
    if once is None:
        return f"what a change into {target.name} costs is not known"
    months = once / (before - after)
    return f"{target.name} would take {months:,.0f} months to pay back {usd(once)}"


def reads_stay(columns: DecisionColumns, row: int) -> str:
    """The common assumption behind a saving."""
    reads = float(columns.expected_reads[row])
    if not reads:
        return "It is not read."
    return f"It goes on being read {times(reads)} a month, whole each time."
