"""The totals, groups and risks of a plan, as text and as JSON: what the console shows, `astra plan`
prints and an export begins with is made here, of the same view."""

from typing import TYPE_CHECKING, Any

from engine.model import Evidence, PlanView, priority_text
from widgets.plan_words import (
    GRAVE,
    expected_text,
    payback_text,
    risk_count,
    risk_detail,
    risk_title,
    saving_words,
)
from widgets.text import bytes_text, counted, money_text, visible

if TYPE_CHECKING:
    from engine.model import MoveOptions


def summary_json(view: PlanView) -> dict[str, Any]:
    """Totals, groups and risks over what is taken. Money in USD, null where unknown."""
    totals = view.totals
    return {
        "moves": totals.moves,
        "refused": totals.refused,
        "bytes": totals.size,
        "saving_per_month": totals.saving_per_month,
        "expected_saving_per_month": totals.expected_saving,
        "one_time_cost": totals.one_time_cost,
        "payback_months": totals.payback_months,
        "payback_days": totals.payback_days,
        "deletes": view.deletes,
        "max_deletes": view.max_deletes,
        "groups": [
            {
                "group": group.title,
                "moves": group.taken,
                "of": group.possible,
                "refused": group.refused,
                "bytes": group.size,
                "saving_per_month": group.saving_per_month,
                "one_time_cost": group.one_time_cost,
                "payback_days": group.payback_days,
            }
            for group in view.groups
        ],
        "risks": [
            {
                "risk": risk.kind.value,
                "moves": risk.moves,
                "of": risk.all,
                "amount": risk.amount,
                "hours": risk.hours or None,
                "limit": risk.limit,
                "detail": risk_detail(risk),
            }
            for risk in view.risks
        ],
    }


def totals_line(view: PlanView) -> str:
    """`5 objects, 12 MiB: saves $1.42 a month, $0.61 once, payback 13 d`."""
    totals = view.totals
    saving, once = totals.saving_per_month, totals.one_time_cost
    expected = expected_text(saving, totals.expected_saving, view.policy)
    return (
        f"{counted(totals.moves, 'object')}, {bytes_text(totals.size)}: "
        f"{saving_words(saving)}, "
        f"{money_text(once, currency=True)} once, payback {payback_words(saving, once)}"
        f"{'; ' if expected else ''}{expected}"
    )


def payback_words(saving: float | None, once: float | None) -> str:
    """`97 d`, `never`, `unknown`."""
    text = payback_text(saving, once)
    return "unknown" if text == "?" else text


def group_lines(view: PlanView) -> list[str]:
    """A line for each group; a sum with an unknown part is unknown."""
    found = []
    for group in view.groups:
        refused = f", {group.refused:,} refused" if group.refused else ""
        saving, once = group.saving_per_month, group.one_time_cost
        found.append(
            f"{visible(group.title)}: {group.taken:,} of {group.possible:,}{refused}, "
            f"{bytes_text(group.size)}, "
            f"{saving_words(saving)}, "
            f"{money_text(once, currency=True)} once, payback {payback_words(saving, once)}"
        )
    rest = view.group_count - len(view.groups)
    if rest > 0:
        found.append(f"and {counted(rest, 'more group')}")
    return found


def risk_lines(view: PlanView) -> list[str]:
    """A line for each kind of risk that a move has, the gravest first; grave ones whole."""
    found = []
    for risk in view.risks:
        detail = visible(risk_detail(risk), width=None if risk.kind in GRAVE else 160)
        found.append(f"{risk_title(risk.kind)} ({risk_count(risk)}): {detail}")
    return found


def options_words(options: "MoveOptions", priority: int = 0) -> list[str]:
    """How moves are carried out, a word or two each."""
    words = [
        "read back" if options.verify is Evidence.REREAD else "attested",
        "overwrites" if options.overwrite else "create only",
    ]
    if options.compress:
        words.append(options.compress)
    if not options.server_copy:
        words.append("no server copy")
    if options.strict:
        words.append("strict")
    if priority:
        words.append(f"priority {priority_text(priority)}")
    return words
