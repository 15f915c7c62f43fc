"""A plan as a file: text for people, CSV for spreadsheets, JSON lines that `astra plan run` takes.

CSV follows the rules of job reports (`job_report.cell`); text shows names made visible.
"""

import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from astra_tui.job_report import Written, report_path, row, write_pieces
from astra_tui.plan_summary import (
    group_lines,
    options_words,
    payback_words,
    risk_lines,
    summary_json,
    totals_line,
)
from widgets.plan_words import expected_text, saving_words
from widgets.text import bytes_text, date_text, money_text, visible

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Move, Plan, PlanView

FORMATS = {"text": "txt", "csv": "csv", "json": "jsonl"}
CSV_COLUMNS = (
    *("source", "destination", "kind", "bytes", "from_class", "to_class", "from_tier", "to_tier"),
    *("saving_per_month", "one_time_cost", "payback_days", "reason", "losses", "risks"),
    "expected_saving_per_month",
)
Pages = AsyncIterator[Sequence["Move"]]


async def lines(plan: "Plan", view: "PlanView", pages: Pages, form: str) -> AsyncIterator[str]:
    """The plan in one of `FORMATS`, as pieces of some hundred lines. `plan` needs no moves: they
    come by `pages`, those that are taken."""
    if form == "json":
        from engine.plan_files import head_json, moves_json

        yield head_json(plan, view.totals.moves, {"summary": summary_json(view)})
        async for page in pages:
            yield "".join(moves_json(page))
        return
    yield row(CSV_COLUMNS) if form == "csv" else _head_text(plan, view)
    write = _move_row if form == "csv" else _move_text
    async for page in pages:
        yield "".join(write(move) for move in page)


async def write_plan(engine: "Engine", view: "PlanView", form: str) -> Written:
    """Write what is taken of a review into the folder `reports` of the state directory."""
    plan = await engine.plan_header(view.review)
    path = await report_path(engine, f"plan-{view.plan_id}", FORMATS[form], time.time())
    pages = engine.plan_moves(view.review)
    path = await write_pieces(lines(plan, view, pages, form), path)
    return Written(path, view.totals.moves, 0)


def _head_text(plan: "Plan", view: "PlanView") -> str:
    found = [
        f"Plan {visible(plan.plan_id)}: {visible(plan.title)}",
        f"made {date_text(plan.created)}, {', '.join(options_words(plan.options, plan.priority))}",
        totals_line(view),
        "",
        "Groups",
        *(f"  {line}" for line in group_lines(view)),
        "",
        "Risks",
        *(f"  {line}" for line in risk_lines(view) or ["none is known"]),
        *("" for _ in view.warnings[:1]),
        *(f"Warning: {visible(warning)}" for warning in view.warnings),
        "",
        "Moves",
    ]
    return "\n".join(found) + "\n"


def _move_text(move: "Move") -> str:
    tiers = f"{move.from_class or '?'} → {move.to_class or '?'}"
    saving, once = move.saving_per_month, move.one_time_cost
    ends = [visible(str(move.source))]
    if move.source != move.destination:
        ends.append(visible(str(move.destination)))
    found = [
        f"{move.kind.value}  {' → '.join(ends)}",
        f"{bytes_text(move.size)} ({move.size:,}), {visible(tiers)}, "
        f"{saving_words(saving)}, "
        f"{money_text(once, currency=True)} once, payback {payback_words(saving, once)}",
    ]
    if move.reason:
        found.append(visible(move.reason))
    expected = expected_text(saving, move.expected_saving)
    if expected:
        found.append(f"its {expected}: {visible(move.assumption)}")
    found += [f"lost: {visible(text)}" for text in move.losses]
    found += [f"risk: {visible(text)}" for text in move.risks]
    return "\n    ".join(found) + "\n"


def _move_row(move: "Move") -> str:
    from engine.model import MONTH_DAYS

    saving, once = move.saving_per_month, move.one_time_cost
    days: float | str = ""
    if saving is not None and once is not None and saving > 0:
        days = round(once / saving * MONTH_DAYS, 3)
    return row(
        (
            str(move.source),
            str(move.destination),
            move.kind.value,
            move.size,
            move.from_class,
            move.to_class,
            move.from_tier.value,
            move.to_tier.value,
            "" if saving is None else saving,
            "" if once is None else once,
            days,
            move.reason,
            "\n".join(move.losses),
            "\n".join(move.risks),
            "" if move.expected_saving is None else move.expected_saving,
        )
    )
