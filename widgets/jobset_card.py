"""One job set on a page: how far or how it ended, time, proof, money, routes, failures."""

from collections.abc import Iterable, Sequence

from engine.model import STEPS, JobsetLine, JobsetSummary, JobState, JobView
from widgets.cells import Cell, Name, Part
from widgets.glyphs import current
from widgets.job_text import STEP_WORD, unpriced_text
from widgets.jobset_table import bar, left_text
from widgets.lines import Lines, field, heading, paragraph
from widgets.text import (
    bytes_text,
    count_text,
    counted,
    date_text,
    duration_text,
    money_text,
    rate_text,
)

_STATE_STYLE = {"completed": "good", "failed": "bad", "cancelled": "dim", "paused": "warn"}


class JobsetCard(Lines):
    """The page of one job set."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._summary: JobsetSummary | None = None
        self._line: JobsetLine | None = None
        self._failed: Sequence[JobView] = ()

    def show(
        self, summary: JobsetSummary, line: JobsetLine | None, failed: Sequence[JobView]
    ) -> None:
        """Show this set; `line` has the progress of one that is not at its end, `failed` the
        first of its failures."""
        self._summary, self._line, self._failed = summary, line, failed
        self.lines_changed()

    def build(self, width: int) -> list[Cell]:
        summary = self._summary
        if summary is None:
            return [(f"Reading the job set{current().ellipsis}", "dim")]
        lines = [_state(summary, self._line), *_amounts(summary, self._line)]
        lines += ["", heading("proof"), *_proof(summary)]
        lines += ["", heading("time in the steps"), *_steps(summary)]
        if len(summary.statistics.routes) > 1:
            lines += ["", heading("routes")]
            for route in summary.statistics.routes:
                failed = f", {count_text(route.failed)} failed" if route.failed else ""
                text = f"{count_text(route.successful)} moved{failed}, {bytes_text(route.bytes)}"
                pad = " " * max(16 - len(route.route), 2)
                lines.append(["  ", Name(route.route), pad, text])
        if self._failed:
            total = summary.count(JobState.FAILED)
            lines += ["", (f"{current().bad} {counted(total, 'job')} failed", "bad")]
            for job in self._failed:
                lines.append(["  ", Name(str(job.spec.source), "strong")])
                lines += paragraph(job.error, width, style="dim", indent=4)
            if total > len(self._failed):
                lines.append((f"  and {count_text(total - len(self._failed))} more", "dim"))
        return lines


def _state(summary: JobsetSummary, line: JobsetLine | None) -> Cell:
    if summary.finished:
        failed = summary.count(JobState.FAILED)
        word = ("ended, some failed", "bad") if failed else ("ended", "good")
        return field("state", word, (f"  {date_text(summary.finished)}", "dim"))
    paused = summary.count("paused")
    unfinished = sum(n for s, n in summary.states if s not in ("completed", "failed", "cancelled"))
    word = ("paused", "warn") if paused == unfinished else ("at work", "active")
    parts: list[Part] = [word]
    if line is not None:
        parts += ["  ", *bar(line.progress, 20), f" {int(line.progress * 100)}%"]
        if line.rate >= 1:
            parts += ["  ", rate_text(line.rate)]
        if left := left_text(line.eta, summary.at):
            parts += ["  ", left]
    return field("state", *parts)


def _amounts(summary: JobsetSummary, line: JobsetLine | None) -> list[Cell]:
    sums = summary.statistics
    jobs: list[Part] = []
    for state, number in summary.states:
        jobs += [", "] if jobs else []
        jobs.append((f"{count_text(number)} {state}", _STATE_STYLE.get(state, "")))
    kept = summary.count(JobState.FAILED) + summary.count(JobState.CANCELLED)
    kept += dict(summary.guards).get("no delete", 0)
    lines = [
        field("jobs", f"{count_text(summary.jobs)}: ", *jobs),
        field("sources kept", count_text(kept)),
        field("bytes", f"{bytes_text(sums.bytes)} of {bytes_text(summary.size)} moved"),
        field("made", date_text(summary.created)),
    ]
    if summary.started:
        until = summary.finished or summary.at
        took = max(until - summary.started, 0.0)
        parts: list[Part] = [duration_text(took)]
        if sums.bytes and took >= 1:
            parts.append((f"  {rate_text(sums.bytes / took)} in the mean", "dim"))
        lines.append(field("took" if summary.finished else "so far", *parts))
    saving, unpriced = sums.saving_per_month, unpriced_text(summary)
    if saving:
        style = "good" if saving > 0 else "warn"
        word = "saves" if saving > 0 else "costs more"
        amount = (f"{money_text(abs(saving), currency=True)} a month", style)
        without: list[Part] = [(f"  {unpriced}", "dim")] if unpriced else []
        lines.append(field(word, amount, *without))
    elif unpriced:
        lines.append(field("saves", ("unknown", "warn"), (f"  {unpriced}", "dim")))
    return lines


def _proof(summary: JobsetSummary) -> list[Cell]:
    if not summary.count(JobState.COMPLETED):
        return [("  nothing is proved yet", "dim")]
    return [
        field("  copies", _counts(summary.evidence)),
        field("  sources", _counts(summary.source_proofs)),
        field("  deletes", _counts(summary.guards)),
    ]


def _counts(items: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count_text(number)} {name}" for name, number in items) or "none"


def _steps(summary: JobsetSummary) -> list[Cell]:
    spent = summary.statistics.step_seconds
    total, lines = sum(spent), list[Cell]()
    for step in STEPS:
        seconds = spent[step - 1]
        share = seconds / total if total > 0 else 0.0
        time = duration_text(seconds) if seconds > 0 else current().dot
        filled = min(round(share * 20), 20)
        marks = current().bar_full * filled + current().bar_empty * (20 - filled)
        lines.append([f"  {STEP_WORD[step]:<12}", f"{time:>8}  ", (marks, "active"),
                      (f" {share:4.0%}", "dim")])  # fmt: skip
    return lines
