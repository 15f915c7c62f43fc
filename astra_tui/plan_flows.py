"""What the keys do with a plan: approve, edit, save it, write it to a file, open a saved one."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text

from astra_tui.plan_summary import totals_line
from astra_tui.screens.dialogs import Choice, Choosable, Confirm, Line, Prompt, field
from engine.model import (
    Address,
    Evidence,
    MoveKind,
    PlanEdit,
    PlanRequest,
    PlanTotals,
    PlanView,
    RiskKind,
    SavedPlan,
    Tier,
    parse_compress,
    parse_priority,
    priority_text,
)
from engine.refusals import refuse_deletes
from widgets.glyphs import current
from widgets.plan_words import (
    GRAVE,
    expected_text,
    risk_count,
    risk_detail,
    risk_title,
    saving_words,
)
from widgets.text import (
    bytes_text,
    count_text,
    counted,
    date_text,
    money_text,
    name_text,
    visible,
    wrap,
)

if TYPE_CHECKING:
    from astra_tui.app import AstraApp
    from astra_tui.screens.plan import PlanScreen

_FORMS = (
    ("text", "text", "totals, groups, risks and every move, in words"),
    ("csv", "CSV", "one row a move, for spreadsheets"),
    ("json", "JSON", "exact: `astra plan run FILE` carries it out"),
)
_SOON = 0.5  # seconds, after which an edit tells how far it is
_RISKS_AT_MOST = 6  # kinds told beside the grave ones
_RISK_WIDTH = 56  # cells of a line in a dialog, its first word apart


def approval_lines(view: PlanView, width: int = _RISK_WIDTH) -> list[Line]:
    """What an approval does, in numbers: moves, bytes, routes, deletes, money, every risk.

    Grave risks are told whole, in lines of `width` cells."""
    totals, routes = view.totals, view.routes
    shown = ", ".join(routes[:3]) + (f" and {len(routes) - 3} more" if len(routes) > 3 else "")
    lines: list[Line] = [
        field("moves", f"{counted(totals.moves, 'object')}, {bytes_text(totals.size)}"),
        field("route", shown),
    ]
    if view.deletes:
        each = "each after its copy" if view.deletes > 1 else "after its copy"
        lines.append(field("deletes", f"{counted(view.deletes, 'source')}, {each} is proved equal"))
    if MoveKind.TIER in view.kinds:
        one = len(view.kinds) == 1
        changes = f"of {counted(totals.moves, 'object')}" if one else "of some objects"
        lines.append(field("changes", f"the storage class {changes}"))
    if not view.deletes:
        lines.append(field("deletes", "nothing"))
    lines.append(field("money", approval_money(view.totals)))
    expected = expected_text(totals.saving_per_month, totals.expected_saving, view.policy)
    if expected:
        lines.append(field("", f"at the last 30 days' reads; {expected}"))
    if totals.refused:
        lines.append(field("refused", f"{counted(totals.refused, 'move')} will not be tried"))
    lines += _risk_lines(view, width)
    if view.options.overwrite:
        lines += ["", Text("Objects at the destination will be overwritten.", "bold")]
    lines += ["", "Start this job?" if totals.moves == 1 else "Start these jobs?"]
    return lines


def _risk_lines(view: PlanView, width: int) -> list[Line]:
    left_out = (RiskKind.REFUSED, RiskKind.DELETES)  # told above
    risks = [risk for risk in view.risks if risk.moves and risk.kind not in left_out]
    grave = [risk for risk in risks if risk.kind in GRAVE]
    others = [risk for risk in risks if risk.kind not in GRAVE]
    shown = others[: max(_RISKS_AT_MOST - len(grave), 0)]
    lines: list[Line] = []
    for risk in (*grave, *shown):
        text = f"{risk_count(risk)} {risk_title(risk.kind)}: {risk_detail(risk)}"
        if risk.kind in GRAVE:  # whole: this is the last question before deletes
            told = [Text(line, "bold") for line in wrap(text, width)]
        else:
            told = [Text(visible(text, width=width, cut="right"))]
        lines += [field("" if lines or row else "risks", line) for row, line in enumerate(told)]
    if len(others) > len(shown):
        more = counted(len(others) - len(shown), "more kind")
        lines.append(field("" if lines else "risks", f"and {more}; see the plan"))
    return lines


def approval_money(totals: PlanTotals) -> str:
    """`costs $0.0042 once, saves $0.0048 a month`."""
    once, saving = totals.one_time_cost, totals.saving_per_month
    price = "unknown" if once is None else money_text(once, currency=True)
    costs = f"costs {price} once" if once != 0 else "costs nothing once"
    return f"{costs}, {saving_words(saving)}"


async def approve(app: "AstraApp", view: PlanView) -> bool:
    """Ask once more, then start the jobs. True if they started."""
    refuse_deletes(app.engine.settings, view.deletes)
    room = app.size.width * 94 // 100 - 13  # a dialog's border, its padding and the first word
    lines = approval_lines(view, min(max(room, 16), _RISK_WIDTH))
    yes = await app.ask(Confirm("Approve the plan", lines, yes="Start"))
    if not yes:
        return False
    done = await app.engine.approve_plan(view.review, view.revision)
    told = [f"{counted(done.queued, 'job')} queued."] if done.queued or not done.at_work else []
    if done.at_work:
        told.append(f"{counted(done.at_work, 'job')} already queued or running.")
    app.say(" ".join(told))
    return True


# -- files and the workspace ------------------------------------------------------------------


async def save(app: "AstraApp", view: PlanView) -> None:
    """Keep what is taken in the workspace; what is saved under its id is replaced after a
    question only."""
    saved = (plan for plan in await app.engine.saved_plans() if plan.plan_id == view.plan_id)
    if (before := next(saved, None)) is not None:
        lines: list[Line] = [
            *_about(before),
            "",
            field("now", totals_line(view)),
            "",
            "What is saved is replaced by what is taken now.",
        ]
        if not await app.ask(Confirm("Replace the saved plan?", lines, yes="Replace")):
            return
    plan_id = await app.engine.keep_plan(view.review)
    app.say(f"Plan saved as {plan_id}: {view.title}")


async def export(app: "AstraApp", view: PlanView) -> None:
    """Ask for the form, write what is taken to a file, and say where it is."""
    from astra_tui.plan_report import write_plan

    lines: list[Line] = [field("moves", totals_line(view)), "", "In which form?"]
    choices = [Choosable(form, label, detail) for form, label, detail in _FORMS]
    chosen = await app.ask(Choice("Write the plan to a file", choices, lines=lines))
    if chosen is not None:
        done = await write_plan(app.engine, view, chosen.value)
        app.say(f"Plan of {counted(done.jobs, 'move')}: {done.path}")


async def saved_plans(app: "AstraApp", show: Callable[[PlanRequest], Awaitable[bool]]) -> bool:
    """List the saved plans; open one, which is checked again, or delete it. True if one was
    started."""
    while True:
        plans = await app.engine.saved_plans()
        found: list[Choosable[SavedPlan | None]] = [_saved_line(plan) for plan in plans[::-1]]
        found.append(Choosable(None, f"a plan in a file {current().ellipsis}", "exported as JSON"))
        lines: list[Line] = ["Which one? It is checked again when it is opened."]
        if not plans:
            lines = ["No plan is saved."]
        chosen = await app.ask(Choice("Saved plans", found, lines=lines))
        if chosen is None:
            return False
        plan = chosen.value
        if plan is None:
            path = await app.ask(Prompt("Open a plan in a file", _path, lines=["Which file?"]))
            if path is not None:
                return await show(PlanRequest(file=path))
            continue
        what = await app.ask(
            Choice(
                f"Plan {plan.plan_id}",
                [
                    Choosable("open", "open it", "checked again: what is gone or changed shows"),
                    Choosable("delete", "delete it", "its jobs, if it was started, stay"),
                ],
                lines=[*_about(plan), ""],
            )
        )
        if what is None:
            continue
        if what.value == "open":
            return await show(PlanRequest(saved=plan.plan_id))
        if await app.ask(Confirm("Delete the saved plan?", _about(plan), yes="Delete")):
            await app.engine.workspace.delete_plan(plan.plan_id)
            app.say(f"Plan {plan.plan_id} is forgotten.")


def _saved_line(plan: SavedPlan) -> "Choosable[SavedPlan | None]":
    saving = money_text(plan.totals.saving_per_month, currency=True, signed=True)
    detail = f"{count_text(plan.totals.moves)} moves, {saving}/mo, {date_text(plan.created)[:16]}"
    return Choosable(plan, name_text(plan.title, width=34), detail)


def _about(plan: SavedPlan) -> list[Line]:
    return [
        field("plan", name_text(plan.title, width=60)),
        field("moves", f"{counted(plan.totals.moves, 'object')}, {bytes_text(plan.totals.size)}"),
        field("made", date_text(plan.created)),
    ]


def _path(text: str) -> str:
    from pathlib import Path

    if not text.strip():
        raise ValueError("Write the name of a file.")
    return str(Path(text.strip()).expanduser().absolute())


# -- edits ------------------------------------------------------------------------------------


async def edit(app: "AstraApp", screen: "PlanScreen") -> None:
    """Offer what can be changed, again and again, with the totals as they become; what is chosen
    is planned anew by the engine."""
    at = 0
    while True:
        view = screen.view
        choices = _edits(app, view)
        chosen = await app.ask(Choice("Edit the plan", choices, lines=_totals(view), start=at))
        if chosen is None:
            return
        at = choices.index(chosen)
        change = await _change(app, view, chosen.value)
        if change is not None:
            screen.show_busy(True)
            try:
                edited = await _edited(app, view, change)
                if edited is not None:
                    await screen.show_view(edited)
            finally:
                screen.show_busy(False)


async def _edited(app: "AstraApp", view: PlanView, change: PlanEdit) -> PlanView | None:
    """Let the engine plan anew; where that takes a while, it can be left. None if it was."""
    from astra_tui.screens.working import Working

    work = asyncio.ensure_future(app.engine.edit_plan(view.review, change))
    try:
        await asyncio.wait([work], timeout=_SOON)
        if not work.done():
            title = f"Planning {counted(view.moves, 'move')} again"
            await app.ask(Working(title, work, lambda: app.engine.plan_progress(view.review)))
        if not work.cancelled():
            return await work
    except BaseException:
        work.cancel()
        raise
    app.say("The plan stays as it was.")
    return None


def _totals(view: PlanView) -> list[Line]:
    lines: list[Line] = [field("now", totals_line(view))]
    if view.totals.refused:
        lines.append(field("", f"{counted(view.totals.refused, 'move')} refused"))
    return [*lines, ""]


def _edits(app: "AstraApp", view: PlanView) -> list[Choosable[str]]:
    options, tiers = view.options, MoveKind.TIER in view.kinds
    nothing = "" if view.totals.moves else "no move is taken"
    one_place = "" if view.place is not None and not tiers else "it has no one destination"
    in_place = "a class changes in place" if tiers else ""
    place = str(view.place) if view.place is not None else "several places"
    kinds = {MoveKind.MOVE: "deleted once proved", MoveKind.COPY: "kept (copy)"}
    kind = kinds.get(view.kinds[0], "") if len(view.kinds) == 1 else "both"
    proof = "read back" if options.verify is Evidence.REREAD else "attested"

    def line(key: str, word: str, value: str, why: str = "") -> Choosable[str]:
        return Choosable(key, Text(f"{word:<14}", "bold"), value if not why else "", why or nothing)

    return [
        line("place", "destination", visible(place, width=44), one_place),
        line("kind", "source", f"{kind}", in_place),
        line("class", "class, tier", "choose another"),
        line("verify", "verify", f"{proof}"),
        line("overwrite", "if there", "replaced" if options.overwrite else "kept (create only)",
             in_place),
        line("compress", "compress", options.compress or "off", in_place),
        line("priority", "priority", priority_text(view.priority)),
        line("server", "server copy", "where it is exact" if options.server_copy else "never",
             in_place),
        line("strict", "strict", "yes" if options.strict else "no"),
    ]  # fmt: skip


async def _change(app: "AstraApp", view: PlanView, what: str) -> PlanEdit | None:
    """Ask for the new value where turning it is not enough; None leaves it."""
    options = view.options
    match what:
        case "place":
            place = await app.ask(
                Prompt(
                    "Destination",
                    lambda text: _place(app, text),
                    lines=["Where the copies go: cloud:bucket/ or cloud:bucket/folder/"],
                    value=str(view.place or ""),
                )
            )
            return None if place is None or place == view.place else PlanEdit(destination=place)
        case "kind":
            copying = MoveKind.COPY in view.kinds
            return PlanEdit(kind=MoveKind.MOVE if copying else MoveKind.COPY)
        case "class":
            return await app.ask(
                Prompt(
                    "Tier or storage class",
                    _class,
                    lines=["HOT, WARM, COLD, ARCHIVE, or the provider's own name of a class"],
                )
            )
        case "verify":
            reread = options.verify is Evidence.REREAD
            proof = Evidence.ATTESTED if reread else Evidence.REREAD
            return PlanEdit(options=replace(options, verify=proof))
        case "overwrite":
            return PlanEdit(options=replace(options, overwrite=not options.overwrite))
        case "compress":
            level = await app.ask(
                Prompt(
                    "Compress on the way",
                    lambda text: "" if text.strip() == "off" else parse_compress(text.strip()),
                    lines=["zstd, zstd:LEVEL (1 to 19), or off; keys get the ending .zst"],
                    value=options.compress or "zstd",
                )
            )
            same = level is None or level == options.compress
            return None if same else PlanEdit(options=replace(options, compress=level or ""))
        case "priority":
            priority = await app.ask(
                Prompt(
                    "Priority",
                    parse_priority,
                    lines=["low, normal, high, or a number from -100 to 100; higher runs first."],
                    value=priority_text(view.priority),
                )
            )
            return None if priority is None else PlanEdit(priority=priority)
        case "server":
            return PlanEdit(options=replace(options, server_copy=not options.server_copy))
    return PlanEdit(options=replace(options, strict=not options.strict))


def _place(app: "AstraApp", text: str) -> Address:
    address = Address.parse(text.strip())
    clouds = {cloud.name: cloud for cloud in app.snapshot.clouds}
    cloud = clouds.get(address.cloud)
    if cloud is None:
        raise ValueError(f"There is no cloud {address.cloud!r}; known: {', '.join(clouds)}.")
    if cloud.read_only:
        raise ValueError(f"{address.cloud} is read-only.")
    if not address.is_prefix:
        raise ValueError("Write a bucket or a folder that ends in /.")
    return address


def _class(text: str) -> PlanEdit:
    name = text.strip()
    if not name:
        raise ValueError("Write a tier or a storage class.")
    if name.upper() in Tier.__members__:
        return PlanEdit(tier=Tier(name.upper()))
    return PlanEdit(storage_class=name)
