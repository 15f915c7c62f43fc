"""A plan as text and as JSON."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from astra_tui.cli.output import Output, address_text, counted, usd

if TYPE_CHECKING:
    from engine.model import Move, Plan

_SHOWN = 20  # moves that a question shows; --dry-run shows all


def plan_json(plan: "Plan", most: int | None = None) -> Iterator[dict[str, Any]]:
    """One object a move, then `{"plan": totals}`. Money in USD, null unknown. `most` deletes are
    allowed, null any number."""
    for move in plan.moves:
        yield {
            "source": str(move.source),
            "destination": str(move.destination),
            "kind": move.kind.value,
            "size": move.size,
            "from_class": move.from_class,
            "to_class": move.to_class,
            "from_tier": move.from_tier.value,
            "to_tier": move.to_tier.value,
            "reason": move.reason,
            "saving_per_month": move.saving_per_month,
            "one_time_cost": move.one_time_cost,
            "cost": dict(move.cost_lines),
            "losses": list(move.losses),
            "risks": list(move.risks),
            "refused": move.refused or None,
        }
    totals = plan.totals()
    yield {
        "plan": {
            "plan_id": plan.plan_id,
            "title": plan.title,
            "policy": plan.policy,
            "moves": totals.moves,
            "refused": totals.refused,
            "bytes": totals.size,
            "saving_per_month": totals.saving_per_month,
            "one_time_cost": totals.one_time_cost,
            "payback_months": totals.payback_months,
            "deletes": plan.deletes(),
            "max_deletes": most,
            "warnings": list(plan.warnings),
            "seconds": plan.seconds,
            "preflight": [
                {
                    "subject": check.subject,
                    "name": check.name,
                    "state": check.state.value,
                    "detail": check.detail,
                    "todo": check.todo or None,
                }
                for check in plan.checks
            ],
        }
    }


def show_plan(
    out: Output, plan: "Plan", *, err: bool, every: bool = False, most: int | None = None
) -> None:
    """The moves as a table, then totals, losses, risks and refusals; `most` deletes are allowed."""
    from widgets.text import bytes_text, duration_text, visible

    def put(text: str) -> None:
        if err:
            out.say(text)
        else:
            out.line(text)

    moves = plan.moves if every else plan.moves[:_SHOWN]
    columns = ("kind", ">size", "tier", ">$/month", ">once $")
    rows = (
        (
            "refused" if move.refused else move.kind.value,
            bytes_text(move.size),
            _tiers(move),
            usd(None if move.saving_per_month is None else -move.saving_per_month, signed=True),
            usd(move.one_time_cost),
            _route(move),
        )
        for move in moves
    )
    out.table((*columns, "object"), rows, err=err)
    if len(plan.moves) > len(moves):
        put(f"… and {len(plan.moves) - len(moves):,} more (--dry-run shows all).")
    totals = plan.totals()
    payback = totals.payback_months
    put("")
    put(
        f"{visible(plan.title)}: {counted(totals.moves, 'object')}, "
        f"{bytes_text(totals.size)}; saves "
        f"{usd(totals.saving_per_month, currency=True)} a month, costs "
        f"{usd(totals.one_time_cost, currency=True)} once"
        + (f", paid back in {payback:.1f} months." if payback is not None else ".")
    )
    if most is not None and plan.deletes() > most:
        put(
            f"  Refused as it is: it deletes {plan.deletes():,} sources, and at most {most:,} are"
            " allowed (--max-deletes)."
        )
    if totals.moves:
        if plan.seconds is None:
            put("Time: unknown; nothing has gone this way yet.")
        else:
            put(f"Time: about {duration_text(plan.seconds)} at the pace of earlier jobs.")
    for warning in plan.warnings:
        put(f"  Warning: {visible(warning)}")
    accepted = [move for move in plan.moves if not move.refused]
    for text, count in Counter(item for move in accepted for item in move.losses).most_common():
        put(f"  Lost on the way: {visible(text)} ({counted(count, 'object')})")
    for text, count in Counter(item for move in accepted for item in move.risks).most_common():
        put(f"  Risk: {visible(text)} ({counted(count, 'object')})")
    for text, count in Counter(move.refused for move in plan.moves if move.refused).most_common():
        put(f"  Refused: {visible(text)} ({counted(count, 'object')}, e.g. {_example(plan, text)})")


def _tiers(move: "Move") -> str:
    if move.from_class == move.to_class and move.from_tier is move.to_tier:
        return move.to_tier.value
    if move.from_tier is move.to_tier:
        return f"{move.from_class} → {move.to_class}"
    return f"{move.from_tier.value} → {move.to_tier.value}"


def _route(move: "Move") -> str:
    if move.source == move.destination:
        return address_text(move.source)
    return f"{address_text(move.source)} → {address_text(move.destination)}"


def _example(plan: "Plan", reason: str) -> str:
    return address_text(next(move.source for move in plan.moves if move.refused == reason))
