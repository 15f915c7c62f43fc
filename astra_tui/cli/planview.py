"""A plan as text and as JSON."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from astra_tui.cli.output import Output, address_text, counted, hanging, usd

if TYPE_CHECKING:
    from engine.model import Move, Plan, PlanTotals

_SHOWN = 20  # moves that a question shows; --dry-run shows all
_NUMBER = re.compile(r"(?<![\w.-])<?\$?\d[\d,]*(?:\.\d+)?(?![\w-])")


def plan_json(plan: "Plan", most: int | None = None) -> Iterator[dict[str, Any]]:
    """One object a move, then `{"plan": totals, groups, risks}` as the console shows them. Money in
    USD, null unknown. `most` deletes are allowed, null any number."""
    from astra_tui.plan_summary import summary_json
    from engine.migration.review import Review

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
            "expected_saving_per_month": move.expected_saving,
            "one_time_cost": move.one_time_cost,
            "cost": dict(move.cost_lines),
            "losses": list(move.losses),
            "risks": list(move.risks),
            "refused": move.refused or None,
        }
    yield {
        "plan": {
            "plan_id": plan.plan_id,
            "title": plan.title,
            "policy": plan.policy,
            "compress": plan.options.compress or None,
            "priority": plan.priority,
            **summary_json(Review(plan, max_deletes=most).view()),
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

    def put(text: str, indent: int = 0) -> None:
        for line in hanging(text, indent, err=err):
            if err:
                out.say(line)
            else:
                out.line(line)

    from astra_tui.plan_summary import group_lines, risk_lines
    from engine.migration.plan_checks import RESTORED_FIRST
    from engine.migration.review import Review

    moves = plan.moves if every else plan.moves[:_SHOWN]
    columns = ("kind", ">size", "tier", ">saves/mo", ">once $")
    rows = (
        (
            "refused" if move.refused else move.kind.value,
            bytes_text(move.size),
            _tiers(move),
            usd(move.saving_per_month, signed=True),
            usd(move.one_time_cost),
            _route(move),
        )
        for move in moves
    )
    out.table((*columns, "object"), rows, err=err)
    if len(plan.moves) > len(moves):
        put(f"… and {len(plan.moves) - len(moves):,} more (--dry-run shows all).")
    totals = plan.totals()
    put("")
    put(
        f"{visible(plan.title)}: {counted(totals.moves, 'object')}, "
        f"{bytes_text(totals.size)}; {_money(totals, plan.policy)}."
    )
    view = Review(plan, max_deletes=most).view()
    if plan.moves:
        put("Groups")
        for line in group_lines(view):
            put(f"  {line}", 4)
        put("Risks")
        for line in risk_lines(view) or ["none is known"]:
            put(f"  {line}", 4)
    if most is not None and plan.deletes() > most:
        put(
            f"  Refused as it is: it deletes {plan.deletes():,} sources, and at most {most:,} are"
            " allowed (--max-deletes)."
        )
    if totals.moves:
        if plan.seconds is None:
            put("Time: unknown; nothing has gone this way yet.")
        else:
            later = any(
                item.startswith(RESTORED_FIRST) for move in plan.moves for item in move.risks
            )
            put(
                f"Time: about {duration_text(plan.seconds)} by earlier jobs and your limits"
                f"{', after the restores' if later else ''}."
            )
    for warning in plan.warnings:
        put(f"  Warning: {visible(warning)}", 11)
    accepted = [move for move in plan.moves if not move.refused]
    for text, count in grouped(item for move in accepted for item in move.losses):
        put(f"  Lost on the way: {visible(text)} ({counted(count, 'object')})", 4)
    for text, count in grouped(item for move in accepted for item in move.risks):
        put(f"  Risk: {visible(text)} ({counted(count, 'object')})", 8)
    for text, count in Counter(move.refused for move in plan.moves if move.refused).most_common():
        example = _example(plan, text)
        put(f"  Refused: {visible(text)} ({counted(count, 'object')}, e.g. {example})", 11)


def grouped(texts: Iterable[str]) -> list[tuple[str, int]]:
    """Each text and how often it is there, the most frequent first. Texts that differ only in
    their figures become one, with the least and the greatest: `pays back in 20 to 582 months`."""
    kinds: dict[str, Counter[str]] = {}
    for text, count in Counter(texts).items():
        kinds.setdefault(_NUMBER.sub("0", text), Counter())[text] += count
    found = [(_merged(list(kind)), kind.total()) for kind in kinds.values()]
    return sorted(found, key=lambda item: -item[1])


def _merged(texts: list[str]) -> str:
    columns = zip(*(_NUMBER.findall(text) for text in texts), strict=True)
    spans = iter([_span(column) for column in columns])
    return _NUMBER.sub(lambda _: next(spans), texts[0])


def _span(figures: Iterable[str]) -> str:
    ordered = sorted(set(figures), key=lambda one: float(re.sub(r"[<$,]", "", one)))
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


def _money(totals: "PlanTotals", policy: str) -> str:
    from widgets.plan_words import expected_text, payback_text, saving_words

    saving, payback = totals.saving_per_month, totals.payback_months
    once = totals.one_time_cost
    text = f"{saving_words(saving)}, " + (
        "cost of moving unknown" if once is None else f"costs {usd(once, currency=True)} once"
    )
    if payback is not None:
        text = f"{text}, payback {payback_text(saving, once)}"
    expected = expected_text(saving, totals.expected_saving, policy)
    return f"{text}; {expected}" if expected else text


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
