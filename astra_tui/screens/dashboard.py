"""The figures on one page: clouds by tier and cost, the policy, migrations, events."""

from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult

from astra_tui.job_flows import limits_text
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.title import TitleLine
from engine.model import CloudStatus, ListingState, MigrationStatistics, Snapshot, Tier
from widgets.cells import Cell, Name, Part
from widgets.glyphs import current
from widgets.lines import Lines, field, heading
from widgets.object_list import TIER_SHORT, TIER_STYLE
from widgets.text import (
    bytes_text,
    count_text,
    counted,
    duration_text,
    money_text,
    rate_text,
    size_text,
)

_NAME = 12
_BAR_AT_MOST = 72
_TIERS = 9 * len(Tier)
_WITH_THEN = _NAME + 9 + 7 + 9 + 9 + 2 + _TIERS  # below this `then` is left out
_BESIDE = _WITH_THEN - 9  # and below this the tiers stand under the figures


class Figures(Lines):
    """The page. Built from a snapshot; equal lines are not drawn again."""

    def __init__(self) -> None:
        super().__init__(id="figures")
        self._snapshot: Snapshot | None = None
        self.ask_key = ""  # asks the policy

    def show(self, snapshot: Snapshot) -> None:
        """Show the figures of this snapshot."""
        self._snapshot = snapshot
        self.lines_changed()

    def build(self, width: int) -> list[Cell]:
        snapshot = self._snapshot
        if snapshot is None:
            return []
        lines: list[Cell] = [heading("clouds"), *_head(width)]
        asked = _asked(snapshot)
        for cloud in snapshot.clouds:
            lines += _cloud(cloud if asked else replace(cloud, projected_month=None), width)
        if len(snapshot.clouds) > 1:
            lines.append(_all(snapshot, width))
        lines += ["", heading("tiers"), *_policy(snapshot, self.ask_key)]
        lines += ["", heading("migrations"), *_migrations(snapshot)]
        return [*lines, "", heading("events"), *_events(snapshot)]


def _right(text: str, width: int) -> str:
    return text.rjust(width)


def _then(width: int) -> bool:
    """Whether the projected cost has room."""
    return width >= _WITH_THEN or width < _BESIDE


def _head(width: int) -> list[Cell]:
    words = f"{'':<{_NAME}}{'objects':>9}{'size':>7}{'$/mo':>9}"
    words += f"{'then':>9}  " if _then(width) else "  "
    tiers: list[Part] = [(f"{TIER_SHORT[tier]:<9}", TIER_STYLE[tier]) for tier in Tier]
    return _rows([(words, "dim")], tiers, width)


def _rows(figures: list[Part], tiers: list[Part], width: int) -> list[Cell]:
    """Figures and tiers in one line, or in two where it is narrow."""
    return [[*figures, *tiers]] if width >= _BESIDE else [figures, ["  ", *tiers]]


def _figures(
    objects: int, size: int, cost: float | None, projected: float | None, width: int
) -> list[Part]:
    later = money_text(projected) if projected is not None else current().dot
    good = projected is not None and cost is not None and projected < cost
    parts: list[Part] = [f"{count_text(objects):>9}{size_text(size):>7}{money_text(cost):>9}"]
    if _then(width):
        parts.append((f"{later:>9}", "good" if good else "dim"))
    return parts


def _cloud(cloud: CloudStatus, width: int) -> list[Cell]:
    name = Name(cloud.name, "strong", "right")
    pad = " " * max(_NAME - len(cloud.name), 1)
    if cloud.state is ListingState.FAILED:
        return [[name, pad, ("  FAILED  ", "bad"), Name(cloud.error, "bad", "right")], ""]
    figures = _figures(cloud.objects, cloud.bytes, cloud.cost_month, cloud.projected_month, width)
    by_tier = {tier: (objects, size) for tier, objects, size in cloud.by_tier}
    tiers: list[Part] = []
    for tier in Tier:
        objects, size = by_tier.get(tier, (0, 0))
        text = f"{count_text(objects)} {size_text(size)}" if objects else current().dot
        tiers.append((f"{text:<9} "[:9], "" if objects else "dim"))
    lines = _rows([name, pad, *figures, "  "], tiers, width)
    bar = _bar({tier: size for tier, (_, size) in by_tier.items()}, min(width, _BAR_AT_MOST))
    lines += [[" " * _NAME, *bar], ""] if bar else [""]
    return lines


def _bar(sizes: dict[Tier, int], width: int) -> list[Part]:
    """Shares of the bytes by tier, each at least one cell, the rest by largest remainder."""
    total, room = sum(sizes.values()), width - _NAME
    shown = [tier for tier in Tier if sizes.get(tier, 0) > 0]
    if not total or room < len(shown):
        return []
    exact = {tier: sizes[tier] / total * (room - len(shown)) for tier in shown}
    cells = {tier: 1 + int(exact[tier]) for tier in shown}
    by_rest = sorted(shown, key=lambda tier: exact[tier] % 1, reverse=True)
    for tier in by_rest[: room - sum(cells.values())]:
        cells[tier] += 1
    glyphs = current()
    # Without colour the blocks still differ: hot is full, the colder the emptier.
    blocks = dict(zip(Tier, (glyphs.bar_full, "▓", "▒", glyphs.bar_empty), strict=True))
    if not glyphs.controls:
        blocks = dict(zip(Tier, "HWCA", strict=True))
    return [(blocks[tier] * cells[tier], TIER_STYLE[tier]) for tier in shown]


def _all(snapshot: Snapshot, width: int) -> Cell:
    objects = sum(cloud.objects for cloud in snapshot.clouds)
    size = sum(cloud.bytes for cloud in snapshot.clouds)
    later = snapshot.projected_month if _asked(snapshot) else None
    figures = _figures(objects, size, snapshot.cost_month, later, width)
    return [(f"{'together':<{_NAME}}", "strong"), *figures]


def _asked(snapshot: Snapshot) -> bool:
    """Whether a policy said what should be where: before, no cost of later is known."""
    return bool(snapshot.decided_by or snapshot.decisions)


def _policy(snapshot: Snapshot, ask_key: str) -> list[Cell]:
    configured = snapshot.policy_configured
    why = f"  adopted; the configuration says {configured}"
    adopted = configured and configured != snapshot.policy
    lines = [field("policy", snapshot.policy or "none yet", (why if adopted else "", "dim"))]
    if not _asked(snapshot):
        todo = f"  {ask_key} in the panes asks what should move" if ask_key else ""
        lines.append(field("decisions", "no policy was asked yet", (todo, "dim")))
        return lines
    number = counted(snapshot.decisions, "object") if snapshot.decisions else "no object"
    by = f", by {snapshot.decided_by}" if snapshot.decided_by else ""
    lines.append(field("decisions", f"{number} should be in another tier{by}"))
    now, later = snapshot.cost_month, snapshot.projected_month
    if now is not None and later is not None and snapshot.decisions:
        saving = money_text(now - later, currency=True, signed=True)
        lines.append(field("saving", (f"{saving}/mo", "good" if later < now else "warn")))
    return lines


def _migrations(snapshot: Snapshot) -> list[Cell]:
    sums = snapshot.statistics
    lines = [field("jobs", *_jobs(sums))]
    if sums.attempted:
        lines.append(field("moved", *_moved(sums)))
    if sums.saving_per_month:
        saving = money_text(sums.saving_per_month, currency=True, signed=True)
        style = "good" if sums.saving_per_month > 0 else "warn"
        lines.append(field("saving", (f"{saving}/mo by what was moved", style)))
    if snapshot.rate >= 1:
        lines.append(field("now", rate_text(snapshot.rate)))
    if snapshot.limits.jobs:
        lines.append(field("limits", limits_text(snapshot.limits)))
    for store in snapshot.stores:
        if store.text:
            lines.append(field("  store", (store.text, "warn"), Name(f"  {store.reason}", "dim")))
    for route in sums.routes:
        failed = f", {count_text(route.failed)} failed" if route.failed else ""
        count = f"  {count_text(route.successful)} of {count_text(route.attempted)}{failed}"
        lines.append(field("  route", Name(route.route), count, f"  {bytes_text(route.bytes)}"))
    return lines


def _jobs(sums: MigrationStatistics) -> list[Part]:
    rate = sums.success_rate
    parts: list[Part] = [f"{count_text(sums.attempted)} attempted"]
    parts.append((f"  {count_text(sums.successful)} successful", "good" if sums.successful else ""))
    parts.append((f"  {count_text(sums.failed)} failed", "bad" if sums.failed else "dim"))
    if sums.cancelled:
        parts.append((f"  {count_text(sums.cancelled)} cancelled", "dim"))
    if rate is not None:
        # Never rounded up to 100 % while something failed.
        shown = min(round(rate * 100, 1), 99.9) if sums.failed else 100.0
        parts.append(f"  {shown:g} % success")
    return parts


def _moved(sums: MigrationStatistics) -> list[Part]:
    parts: list[Part] = [bytes_text(sums.bytes)]
    if sums.seconds >= 1:
        parts.append((f"  {duration_text(sums.seconds)} of work", "dim"))
    return parts


def _events(snapshot: Snapshot) -> list[Cell]:
    kafka = snapshot.kafka
    state = kafka.state.value + (" (embedded broker)" if kafka.embedded else "")
    lines = [
        field("kafka", state, (f"  {kafka.bootstrap}" if kafka.bootstrap else "", "dim")),
        field("messages", f"{count_text(kafka.events_total)}", *_rejected(kafka.rejected_total)),
        field("rate", f"{kafka.events_per_second:,.1f} a second, {count_text(kafka.lag)} behind"),
    ]
    if kafka.outbox:
        lines.append(field("outbox", (f"{count_text(kafka.outbox)} wait to be sent", "warn")))
    return lines


def _rejected(number: int) -> list[Part]:
    return [(f"  {count_text(number)} rejected", "warn")] if number else []


class DashboardScreen(AstraScreen[None]):
    """Totals; follows the snapshot."""

    SCOPE: ClassVar[str] = "reader"

    DEFAULT_CSS = "DashboardScreen Figures { padding: 1 2; }"

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Dashboard")
        yield Figures()

    def on_mount(self) -> None:
        figures = self.query_one(Figures)
        figures.ask_key = self.astra.keymap.key_of("engine")
        figures.focus()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        self.query_one(Figures).show(snapshot)
