"""How a job reads: its track of five steps, its words, its percent and its proof."""

from engine.model import (
    STEPS,
    Evidence,
    JobsetSummary,
    JobState,
    JobView,
    MoveKind,
    SourceProof,
    Step,
)
from widgets.cells import Cell, Name, Part
from widgets.glyphs import current
from widgets.text import clock_text, counted, duration_text

STEP_WORD = {
    Step.NONE: "",
    Step.DOWNLOAD: "download",
    Step.CHECKSUM: "checksum",
    Step.UPLOAD: "upload",
    Step.VERIFY: "verify",
    Step.DELETE: "delete",
}


def unpriced_text(summary: JobsetSummary) -> str:
    """`without 3 jobs whose prices are not known`, "" where all are."""
    if not summary.unpriced:
        return ""
    whose = "whose price is" if summary.unpriced == 1 else "whose prices are"
    return f"without {counted(summary.unpriced, 'job')} {whose} not known"


def track(job: JobView) -> list[Part]:
    """Five signs, one a step.

    Download, checksum and upload are one pass over the bytes, so the three move together. A
    step that this kind of job does not take (the delete of a copy) is a dot.
    """
    return [_sign(job, step) for step in STEPS]


def _sign(job: JobView, step: Step) -> tuple[str, str]:
    glyphs = current()
    if step is Step.DELETE and job.spec.kind is not MoveKind.MOVE:
        return (glyphs.dot, "dim")
    match job.state:
        case JobState.COMPLETED:
            return (glyphs.step_done, "good")
        case JobState.COPYING:
            now = step <= Step.UPLOAD
            return (glyphs.step_now, "active") if now else (glyphs.step_todo, "dim")
        case JobState.VERIFYING | JobState.SWITCHING:
            at = Step.VERIFY if job.state is JobState.VERIFYING else Step.DELETE
            if step < at:
                return (glyphs.step_done, "good")
            return (glyphs.step_now, "active") if step == at else (glyphs.step_todo, "dim")
        case JobState.FAILED if job.step is not Step.NONE:
            if step < job.step:
                return (glyphs.step_done, "dim")
            return (glyphs.step_bad, "bad") if step == job.step else (glyphs.step_todo, "dim")
        case _:
            return (glyphs.step_todo, "dim")


def state_word(job: JobView) -> tuple[str, str]:
    """The one word for what the job does now, with its style."""
    if job.paused and job.state not in (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED):
        return ("paused", "warn")
    match job.state:
        case JobState.QUEUED:
            return ("retrying", "warn") if job.retry_at else ("queued", "dim")
        case JobState.RESTORING:
            return ("restoring", "warn")
        case JobState.COPYING:
            in_pass = Step.DOWNLOAD <= job.step <= Step.UPLOAD
            return (STEP_WORD[job.step] if in_pass else "copying", "active")
        case JobState.VERIFYING:
            return ("verify", "active")
        case JobState.SWITCHING:
            return ("delete" if job.spec.kind is MoveKind.MOVE else "switch", "active")
        case JobState.COMPLETED:
            return ("completed", "good")
        case JobState.FAILED:
            return ("failed", "bad")
        case JobState.CANCELLED:
            return ("cancelled", "dim")


def percent_text(job: JobView) -> str:
    """Whole percent, rounded down; 100 only when the job is completed."""
    if job.state is JobState.COMPLETED:
        return "100%"
    if job.state in (JobState.FAILED, JobState.CANCELLED):
        return ""
    if job.state in (JobState.QUEUED, JobState.RESTORING):
        return ""
    return f"{min(int(job.progress * 100), 99)}%"


def eta_text(job: JobView, now: float) -> str:
    """`3m 05s (12:05)`: how long still, and the time of day when it ends."""
    if job.eta <= 0 or job.paused:
        return ""
    return f"{duration_text(job.eta)} ({clock_text(now + job.eta, seconds=False)})"


def proof_text(job: JobView) -> str:
    """`reread guarded`: how equality was proved and whether the delete was conditional; what
    matters most comes first, for a narrow board cuts the rest."""
    words: list[str] = []
    if job.evidence is not Evidence.NONE:
        words.append(job.evidence.value)
    if job.guarded is not None:
        words.append("guarded" if job.guarded else "unguarded")
    if job.source_proof is SourceProof.UNATTESTED:
        words.append("no source sum")
    if job.state is JobState.COMPLETED and job.checksum_destination:
        digest = job.checksum_destination[:8]
        words.append(f"{job.spec.options.checksum} {digest}{current().ellipsis}")
    return " ".join(words)


def note_cell(job: JobView, now: float) -> Cell:
    """The last column of a board's line: error, countdown, or proof."""
    if job.retry_at and job.state is JobState.QUEUED and not job.paused:
        left = duration_text(max(job.retry_at - now, 0))
        return [(f"in {left}, attempt {job.attempt + 1} ", "warn"), Name(job.error, "dim", "right")]
    if job.error and job.state in (JobState.FAILED, JobState.CANCELLED):
        return Name(job.error, "bad" if job.state is JobState.FAILED else "dim", "right")
    return (proof_text(job), "warn" if job.guarded is False else "good")
