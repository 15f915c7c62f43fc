"""The page of one object as lines: what it is, how it is read, what it costs where and what a
change would take, what was decided and done, and its metadata."""

import unicodedata
from typing import NamedTuple

from rich.cells import cell_len

from engine.model import (
    FINAL_STATES,
    Checksum,
    ClassChange,
    Decision,
    JobState,
    JobView,
    MoveKind,
    ObjectDetail,
    RestoreState,
)
from widgets.access_chart import access_lines, next_unit
from widgets.cells import Cell, Name, Part
from widgets.glyphs import current
from widgets.job_steps import pin_text
from widgets.job_text import proof_text, state_word, track
from widgets.lines import field, heading, long_field, paragraph
from widgets.object_list import TIER_STYLE
from widgets.plan_words import expected_text, payback_text
from widgets.text import age_text, bytes_text, count_text, counted, date_text, money_text, visible

FOLDED = 5  # decisions and jobs that show before the rest is unfolded
_BAR = 12
_CLASS = 20  # cells of a class's name


class Shape(NamedTuple):
    """How the page is shown: all decisions, jobs and costs, or some; reads by day, week or month;
    the job under the cursor by its number, -1 none; the keys to name."""

    unfolded: bool = False
    unit: str = "day"
    job: int = -1
    fold_key: str = "f"
    weeks_key: str = "w"


class Page(NamedTuple):
    """The lines, where each job that shows begins, and where the last of them ends."""

    lines: list[Cell]
    jobs: list[int]
    end: int


def shown_jobs(detail: ObjectDetail, shape: Shape) -> tuple[JobView, ...]:
    """The jobs that the page shows, the newest first."""
    return detail.jobs if shape.unfolded else detail.jobs[:FOLDED]


def object_page(detail: ObjectDetail, width: int, shape: Shape) -> Page:
    """All of it."""
    lines = paragraph(str(detail.address), width, style="strong")
    if not unicodedata.is_normalized("NFC", detail.address.key):
        warning = f"{current().warn} decomposed letters: another object may look the same"
        lines.append((warning, "warn"))
    lines += _facts(detail)
    lines += ["", *_reads(detail, width, shape)]
    lines += _costs(detail, width, shape)
    lines += _decisions(detail, width, shape)
    starts: list[int] = []
    end = 0
    if detail.jobs:
        shown = shown_jobs(detail, shape)
        lines += ["", heading(_head("jobs so far, latest first", len(detail.jobs)))]
        for number, job in enumerate(shown):
            starts.append(len(lines))
            lines += _job(job, width, here=number == shape.job)
        end = len(lines)
        lines += _rest(len(detail.jobs) - len(shown), "job", shape)
    lines += ["", heading("metadata"), *_metadata(detail, width)]
    return Page(lines, starts, end)


def _head(text: str, number: int) -> str:
    return f"{text} ({count_text(number)})" if number > FOLDED else text


def _rest(number: int, noun: str, shape: Shape) -> list[Cell]:
    if number <= 0:
        return []
    return [(f"  {counted(number, noun)} more: {shape.fold_key} shows all", "dim")]


# -- what it is, how it is read ---------------------------------------------------------


def _facts(detail: ObjectDetail) -> list[Cell]:
    head = detail.head
    tier: list[Part] = [(detail.tier.value, TIER_STYLE[detail.tier]), "  "]
    tier.append(Name(head.storage_class, "dim"))
    state: list[Cell] = []
    if head.restore is RestoreState.ONGOING:
        state = [field("", ("restore under way", "warn"))]
    elif head.restore is RestoreState.AVAILABLE:
        state = [field("", (f"restored until {date_text(head.restored_until)}", "good"))]
    elif head.archived:
        state = [field("", ("archived: must be restored before it can be read", "warn"))]
    cost = f"{money_text(detail.cost_month, currency=True)} a month"
    age: list[Part] = [date_text(head.pin.modified), (f"  {age_text(detail.age_days)} old", "dim")]
    if detail.simulated_days:
        age.append((f", {detail.simulated_days:g} days of it simulated", "warn"))
    return [
        field("size", bytes_text(head.size), (f"  {head.size:,} bytes", "dim")),
        field("tier", *tier),
        *state,
        field("cost", cost),
        field("modified", *age),
    ]


def _reads(detail: ObjectDetail, width: int, shape: Shape) -> list[Cell]:
    chart = access_lines(detail.daily_reads, detail.as_of, width, unit=shape.unit)
    if not any(detail.daily_reads):
        head = heading("reads")
    else:
        other = next_unit(shape.unit, detail.daily_reads)
        head = [(f"reads by {shape.unit}", "group"), (f"   {shape.weeks_key}: {other}s", "dim")]
        chart = chart or [("  none in the time that shows", "dim")]
    idle = f", last used {age_text(detail.idle_days)} ago"
    return [head, f"  {count_text(detail.reads_30d)} in 30 days{idle}", *chart]


# -- what it costs ----------------------------------------------------------------------


def _costs(detail: ObjectDetail, width: int, shape: Shape) -> list[Cell]:
    if not detail.changes:
        return []
    roomy = width >= 90
    titles = f"{'$/month':>9} {'saves/mo':>9} {'once':>9}  pays back"
    lines: list[Cell] = [
        "",
        heading("cost in each class, and what going there takes"),
        (f"    {'tier':<8}{'class':<{_CLASS}} {titles}", "header"),
    ]
    known = [change.cost_month for change in detail.changes if change.cost_month is not None]
    most, least = max(known, default=0.0), min(known, default=0.0)
    for change in detail.changes:
        lines.append(_change(change, most, least, roomy=roomy))
        if change.here:
            continue
        if change.refused:
            lines += paragraph(f"not possible: {change.refused}", width, style="dim", indent=12)
        elif shape.unfolded:
            for label, cost in change.lines:
                once = f"{money_text(cost, currency=True):>9}  once, "
                lines += paragraph(label, width, style="dim", first=[" " * 12, (once, "dim")],
                                   indent=29)  # fmt: skip
    return lines


def _change(change: ClassChange, most: float, least: float, *, roomy: bool) -> Cell:
    cost = change.cost_month
    name = visible(change.storage_class, width=_CLASS, cut="right")
    row: list[Part] = [
        (f"  {current().cursor if change.here else ' '} ", "marked"),
        (f"{change.tier.value:<8}", TIER_STYLE[change.tier]),
        (name, "strong" if change.here else ""),
        " " * (_CLASS + 1 - cell_len(name)),
        (f"{money_text(cost):>9} ", "good" if cost is not None and cost == least else ""),
    ]
    if change.here:
        row.append((f"{'here':>9} {'':>9}  {'':<9}", "dim"))
    elif change.refused:
        row.append((f"{'':>9} {'':>9}  {'':<9}", "dim"))
    else:
        saving = money_text(change.saving, signed=True)
        good = "good" if (change.saving or 0) > 0 else "warn"
        row += [
            (f"{saving:>9} ", good),
            f"{money_text(change.once):>9}  ",
            f"{_payback(change):<9}",
        ]
    if roomy and cost and most > 0:
        length = max(round(cost / most * _BAR), 1)
        row += [" ", (current().bar_full * length, "good" if cost == least else "dim")]
    return row


def _payback(change: ClassChange) -> str:
    """`at once`, `97 d`, `never`, `unknown`: as a plan tells it."""
    text = payback_text(change.saving, change.once)
    return "unknown" if text == "?" else text


# -- what was decided and done ----------------------------------------------------------


def _decisions(detail: ObjectDetail, width: int, shape: Shape) -> list[Cell]:
    if not detail.decisions:
        return []
    shown = detail.decisions if shape.unfolded else detail.decisions[:FOLDED]
    text = _head("decisions so far, latest first", len(detail.decisions))
    lines: list[Cell] = ["", heading(text)]
    for decision in shown:
        lines += _decision(decision, width)
    return lines + _rest(len(detail.decisions) - len(shown), "decision", shape)


def _decision(decision: Decision, width: int) -> list[Cell]:
    saving = f"{money_text(decision.saving_per_month, currency=True, signed=True)}/mo"
    good = "good" if (decision.saving_per_month or 0.0) > 0 else "warn"
    first: Cell = [
        "  ",
        (decision.from_tier.value, TIER_STYLE[decision.from_tier]),
        f" {current().arrow} ",
        (decision.to_tier.value, TIER_STYLE[decision.to_tier]),
        "  ",
        (saving, good),
        "  ",
        Name(f"{decision.policy} {decision.policy_version}", "dim"),
        (f"  {date_text(decision.decided_at)}" if decision.decided_at else "", "dim"),
    ]
    arrow = f" {current().arrow} "
    second: list[Part] = ["    ", Name(decision.from_class), arrow, Name(decision.to_class)]
    if decision.to_cloud:
        second += [" in ", Name(decision.to_cloud)]
    second.append((f"  {decision.confidence:.0%} sure", "dim"))
    if decision.model_version:
        second += [("  model ", "dim"), Name(decision.model_version, "dim")]
    lines = [first, second, *paragraph(decision.reason, width, indent=4)]
    ground = decision.assumption
    expected = expected_text(decision.saving_per_month, decision.expected_saving)
    if expected:
        ground = f"{_at(decision.reads_30d)}; its {expected}. {ground}"
    if ground:
        lines += paragraph(ground, width, style="dim", indent=4)
    return lines


def _at(reads: float | None) -> str:
    """At which reads a decision's saving is told."""
    if reads is None:
        return "That saving is at the reads of 30 days"
    return f"That saving is at {counted(round(reads), 'read')} in 30 days"


def _job(job: JobView, width: int, *, here: bool) -> list[Cell]:
    """Two lines: state and when, and where to; then the proof, or what went wrong."""
    word, style = state_word(job)
    arrow = f" {current().arrow} "
    when = job.finished if job.state in FINAL_STATES else job.started or job.created
    verb = job.spec.kind.value
    first: Cell = [
        (f"{current().cursor if here else ' '} ", "marked"),
        *track(job),
        " ",
        (f"{word:<10}", style),
        f"{verb:<5} ",
        (f"{date_text(when)}  ", "dim"),
        *((Name(job.spec.from_class), arrow, Name(job.spec.to_class))),
    ]
    indent = 8
    if job.spec.kind is MoveKind.TIER:
        where: list[Cell] = []
    else:
        route = f"{job.spec.source.cloud}{arrow}{job.spec.destination}"
        where = paragraph(route, width, indent=indent)
    proof = proof_text(job)
    if job.error and job.state is not JobState.COMPLETED:
        note = paragraph(job.error, width, style="bad", indent=indent)
    elif proof:
        unsafe = job.guarded is False
        note = paragraph(proof, width, style="warn" if unsafe else "good", indent=indent)
    else:
        note = []
    return [first, *where, *note]


# -- what belongs to it -----------------------------------------------------------------


def _metadata(detail: ObjectDetail, width: int) -> list[Cell]:
    meta, head = detail.head.meta, detail.head
    pairs: list[tuple[str, str]] = [
        ("type", meta.content_type),
        ("encoding", meta.content_encoding),
        ("language", meta.content_language),
        ("disposition", meta.content_disposition),
        ("cache", meta.cache_control),
    ]
    pairs += [("tag", f"{name} = {value}") for name, value in meta.tags]
    pairs += [("meta", f"{name} = {value}") for name, value in meta.user]
    pairs += [("special", f"{name} = {value}") for name, value in meta.special]
    pairs += [("checksum", _checksum(checksum)) for checksum in head.checksums]
    pairs.append(("pin", pin_text(head.pin)))
    lines: list[Cell] = []
    for label, text in pairs:
        if text:
            lines += long_field(f"  {label}", text, width)
    return lines


def _checksum(checksum: Checksum) -> str:
    parts = f", {checksum.parts} parts" if checksum.parts else ""
    by = "by the store" if checksum.computed_by_provider else "written by a client: no proof"
    return f"{checksum.algorithm} {checksum.value}  ({by}{parts})"
