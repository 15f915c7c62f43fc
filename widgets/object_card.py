"""One object, whole: what it is, how it is read, what it costs where, what happened to it."""

import unicodedata

from engine.model import Checksum, Decision, JobView, ObjectDetail, RestoreState
from widgets.cells import Cell, Name, Part
from widgets.glyphs import current
from widgets.job_steps import pin_text
from widgets.job_text import state_word, track
from widgets.lines import Lines, field, heading, long_field, paragraph
from widgets.object_list import TIER_STYLE
from widgets.sparkline import bars
from widgets.text import age_text, bytes_text, count_text, date_text, money_text

_CHART_HEIGHT = 4


class ObjectCard(Lines):
    """The page of one object."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.detail: ObjectDetail | None = None

    def show(self, detail: ObjectDetail) -> None:
        """Show this object; the chart is drawn again only when its values changed."""
        if detail == self.detail:
            return
        self.detail = detail
        self.lines_changed()

    def build(self, width: int) -> list[Cell]:
        detail = self.detail
        if detail is None:
            return [("No object.", "dim")]
        lines = paragraph(str(detail.address), width, style="strong")
        if not unicodedata.is_normalized("NFC", detail.address.key):
            warning = f"{current().warn} decomposed letters: another object may look the same"
            lines.append((warning, "warn"))
        lines += _facts(detail)
        lines += ["", heading("reads"), *_reads(detail, width)]
        if detail.class_costs:
            lines += ["", heading("cost in each class, $ a month"), *_costs(detail)]
        if detail.decisions:
            lines += ["", heading("decisions so far, latest first")]
            for decision in detail.decisions:
                lines += _decision(decision, width)
        if detail.jobs:
            lines += ["", heading("jobs"), *[_job(job) for job in detail.jobs]]
        lines += ["", heading("metadata"), *_metadata(detail, width)]
        return lines


def _facts(detail: ObjectDetail) -> list[Cell]:
    head = detail.head
    tier: list[Part] = [(detail.tier.value, TIER_STYLE[detail.tier]), "  "]
    tier.append(Name(head.storage_class, "dim"))
    if head.restore is RestoreState.ONGOING:
        tier.append(("  restore under way", "warn"))
    elif head.restore is RestoreState.AVAILABLE:
        tier.append((f"  restored until {date_text(head.restored_until)}", "good"))
    elif head.archived:
        tier.append(("  archived: must be restored before it can be read", "warn"))
    cost = f"{money_text(detail.cost_month, currency=True)} a month"
    return [
        field("size", bytes_text(head.size), (f"  {head.size:,} bytes", "dim")),
        field("tier", *tier),
        field("cost", cost),
        field(
            "modified", date_text(head.pin.modified), (f"  {age_text(detail.age_days)} old", "dim")
        ),
    ]


def _reads(detail: ObjectDetail, width: int) -> list[Cell]:
    idle = f", last used {age_text(detail.idle_days)} ago"
    lines: list[Cell] = [f"  {count_text(detail.reads_30d)} in 30 days{idle}"]
    days = detail.daily_reads
    if not days or not any(days):
        return lines
    room = max(width - 12, 10)
    chart = bars(days, width=room, height=_CHART_HEIGHT)
    span = f"{len(days)} days ago"
    top = count_text(max(days)) if len(days) <= room else ""
    for number, line in enumerate(chart):
        label = top if number == 0 else "0" if number == _CHART_HEIGHT - 1 else ""
        lines.append([(f"{label:>7} ", "dim"), (line, "accent")])
    columns = len(chart[0])
    lines.append([" " * 8, (f"{span}{'today':>{max(columns - len(span), 6)}}", "dim")])
    return lines


def _costs(detail: ObjectDetail) -> list[Cell]:
    known = [cost for _, _, cost in detail.class_costs if cost is not None]
    most, least = max(known, default=0.0), min(known, default=0.0)
    lines: list[Cell] = []
    for storage_class, tier, cost in detail.class_costs:
        here = storage_class == detail.head.storage_class
        length = round((cost or 0) / most * 20) if most > 0 else 0
        bar = current().bar_full * max(length, 1 if cost else 0)
        row: list[Part] = [
            (f"{current().cursor if here else ' '} ", "marked"),
            (f"{tier.value:<8}", TIER_STYLE[tier]),
            Name(storage_class[:24].ljust(24).rstrip() or "?", "", "right"),
            " " * max(25 - len(storage_class[:24]), 1),
            f"{money_text(cost):>8} ",
            (bar, "good" if cost == least else "dim"),
        ]
        lines.append(row)
    return lines


def _decision(decision: Decision, width: int) -> list[Cell]:
    saving = f"{money_text(decision.saving_per_month, currency=True, signed=True)}/mo"
    good = "good" if decision.saving_per_month > 0 else "warn"
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
    if decision.assumption:
        lines += paragraph(decision.assumption, width, style="dim", indent=4)
    return lines


def _job(job: JobView) -> Cell:
    word, style = state_word(job)
    arrow = f" {current().arrow} "
    return ["  ", *track(job), " ", (f"{word:<10}", style), Name(job.spec.source.cloud),
            arrow, Name(str(job.spec.destination), "", "left")]  # fmt: skip


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
