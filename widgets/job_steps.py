"""One job, whole: its five steps, digests, proof, error and notes."""

from engine.model import (
    STEPS,
    Evidence,
    JobState,
    JobStory,
    JobView,
    MoveKind,
    SourceProof,
    Step,
    VersionPin,
)
from widgets.cells import Cell, Name, Part
from widgets.glyphs import current
from widgets.job_text import STEP_WORD, eta_text, percent_text, state_word, track
from widgets.lines import Lines, field, heading, long_field, paragraph
from widgets.text import bytes_text, clock_text, date_text, duration_text, rate_text

_WHAT = {
    MoveKind.MOVE: "move, the source is deleted at the end",
    MoveKind.COPY: "copy, the source is kept",
    MoveKind.TIER: "change of class",
}
_STEP_TELLS = {
    1: "bytes come from the source, pinned to one version",
    2: "digests are computed on the way",
    3: "bytes go to the destination",
    4: "the copy is proved equal",
    5: "the source is deleted, if it is still that version",
}
_EVIDENCE = {
    Evidence.NONE: "none yet",
    Evidence.REREAD: "reread: the copy was read back and hashed anew",
    Evidence.ATTESTED: "attested: the destination computed this checksum itself",
}
_SOURCE = {
    SourceProof.NONE: "",
    SourceProof.ATTESTED: "agrees with the source's own checksum",
    SourceProof.REREAD: "read twice, both times equal",
    SourceProof.UNATTESTED: "source unattested: it has no checksum of its own",
}
_GUARD = {
    None: "no delete was tried",
    True: "guarded: the store deletes only this version",
    False: "unguarded: the pin was read again just before",
}


class JobSteps(Lines):
    """The page of one job."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.job: JobView | None = None
        self.story: JobStory | None = None
        self._now = 0.0

    def tell(self, story: JobStory) -> None:
        """Show what is on record of the job, too: requests, failed tries, parts."""
        if story != self.story:
            self.story = story
            self.lines_changed()

    def show(self, job: JobView, *, now: float = 0.0) -> None:
        """Show this job as of `now` (epoch seconds, for the time left)."""
        if job == self.job and now == self._now:
            return
        self.job, self._now = job, now
        self.lines_changed()

    def build(self, width: int) -> list[Cell]:
        job = self.job
        if job is None:
            return [("No job.", "dim")]
        lines = [
            *self._head(job, width),
            "",
            heading("steps"),
            *_steps(job),
            "",
            heading("proof"),
            *_proof(job, width),
        ]
        story = (
            self.story if self.story is not None and self.story.job.job_id == job.job_id else None
        )
        if job.error:
            lines += ["", (f"{current().bad} error", "bad")]
            lines += paragraph(job.error, width, indent=2)
            if job.error_todo:
                todo: list[Part] = [("  do: ", "warn")]
                lines += paragraph(job.error_todo, width, first=todo, indent=6)
        if story is not None and story.tries:
            lines += ["", heading("failed tries")]
            for one in story.tries:
                when: list[Part] = [
                    (f"  {one.attempt:>2}  ", "strong"),
                    (f"{clock_text(one.at, now=job.created)}  ", "dim"),
                ]
                indent = 8 + len(clock_text(one.at, now=job.created))
                lines += paragraph(one.reason, width, first=when, indent=indent)
        if job.notes:
            lines += ["", heading("notes")]
            for note in job.notes:
                lines += paragraph(note, width, first=[f"{current().dot} "], indent=2)
        if story is not None and story.requests:
            lines += ["", heading("on record"), *_requests(story, job)]
        return lines

    def _head(self, job: JobView, width: int) -> list[Cell]:
        spec = job.spec
        word, style = state_word(job)
        state: list[Part] = [*track(job), " ", (word, style)]
        percent = percent_text(job)
        if percent:
            state += ["  ", percent]
        if job.rate >= 1 and job.state in (JobState.COPYING, JobState.VERIFYING):
            state += ["  ", rate_text(job.rate)]
        left = eta_text(job, self._now) if self._now else ""
        if left:
            state += ["  ", left]
        change = f"{spec.from_class or '?'} {current().arrow} {spec.to_class}"
        if spec.to_class == spec.from_class:
            change = f"stays {spec.to_class}"
        return [
            *long_field("from", str(spec.source), width, style="strong"),
            *long_field("to", str(spec.destination), width, style="strong"),
            field("kind", _WHAT[spec.kind], "  ", Name(change if spec.to_class else "", "dim")),
            field("size", f"{bytes_text(spec.size)}", (f"  {spec.size:,} bytes", "dim")),
            field("state", *state),
            field("attempts", _attempts(job), *_retry(job)),
            field("times", *_times(job)),
            field("job", Name(job.job_id), ("  key ", "dim"), Name(job.job_key, "dim")),
        ]


def _attempts(job: JobView) -> str:
    most = job.spec.options.max_attempts
    if job.attempt:
        return f"{job.attempt} of {most}" if most else f"{job.attempt}"
    paused = job.paused and job.started
    words = "one that a pause ended is not counted" if paused else "none yet"
    return f"{words}, {most} at most" if most else words


def _retry(job: JobView) -> list[Part]:
    if not job.retry_at or job.state is not JobState.QUEUED:
        return []
    return [(f"  next at {clock_text(job.retry_at)}", "warn")]


def _times(job: JobView) -> list[Part]:
    parts: list[Part] = [f"queued {date_text(job.created)}"]
    if job.started:
        parts.append(f"  started {clock_text(job.started, now=job.created)}")
    if job.finished:
        parts.append(f"  ended {clock_text(job.finished, now=job.created)}")
    return parts


def _steps(job: JobView) -> list[Cell]:
    lines: list[Cell] = []
    for step, sign, seconds in zip(STEPS, track(job), job.step_seconds, strict=True):
        word = STEP_WORD[step]
        tells = _STEP_TELLS[int(step)]
        if step == 5 and job.spec.kind is not MoveKind.MOVE:
            tells = "not taken: the source is kept"
        took = _seconds(seconds)
        moves = step in (Step.DOWNLOAD, Step.UPLOAD) or (
            step is Step.VERIFY and job.evidence is Evidence.REREAD
        )
        whole = job.state is JobState.COMPLETED and not job.server_copied
        rate = rate_text(job.spec.size / seconds) if moves and whole and seconds > 0 else ""
        lines.append(
            [
                "  ",
                sign,
                f" {int(step)} ",
                (f"{word:<10}", "strong"),
                f"{took:>8}",
                f"{rate:>11}  ",
                (tells, "dim"),
            ]
        )
    return lines


def _requests(story: JobStory, job: JobView) -> list[Cell]:
    """What was meant, when, and how it ended; the parts of an upload that is under way."""
    lines: list[Cell] = []
    for one in story.requests:
        at = clock_text(one.at, now=job.created)
        took = f"  after {_seconds(one.done - one.at)}" if one.done > one.at else ""
        style = {"done": "good", "refused": "bad", "": "warn"}.get(one.outcome, "dim")
        ended: list[Part] = [(one.outcome or "open: it may have happened", style), (took, "dim")]
        lines.append([(f"  {at}  ", "dim"), f"{one.what:<38} ", *ended])
    if story.parts:
        size = f"{bytes_text(story.part_bytes)} in parts of {bytes_text(story.part_size)}"
        lines.append(["  parts done  ", f"{story.parts}, ", size])
    return lines


def _seconds(seconds: float) -> str:
    if seconds <= 0:
        return current().dot
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 60 else duration_text(seconds)


def _proof(job: JobView, width: int) -> list[Cell]:
    algorithm = job.spec.options.checksum
    equal = job.checksum_source and job.checksum_source == job.checksum_destination
    differ = job.checksum_source and job.checksum_destination and not equal
    sign: list[Part] = []
    if equal:
        sign = [("  equal", "good")]
    elif job.spec.options.compress and job.evidence:
        sign = [("  of the zstd frame", "dim")]
    elif differ:
        sign = [("  DIFFERENT", "bad")]
    guard_style = "warn" if job.guarded is False else ""
    source_style = "warn" if job.source_proof is SourceProof.UNATTESTED else ""
    lines = [
        field(f"  {algorithm} source"[:14], Name(job.checksum_source or current().dot)),
        field("  destination", Name(job.checksum_destination or current().dot), *sign),
        field("  evidence", (_EVIDENCE[job.evidence], "good" if job.evidence else "dim")),
    ]
    if job.source_proof:
        lines.append(field("  source", (_SOURCE[job.source_proof], source_style)))
    if job.spec.kind is MoveKind.MOVE:
        lines.append(field("  delete", (_GUARD[job.guarded], guard_style)))
    lines += long_field("  pin", pin_text(job.spec.pin), width)
    if job.destination_pin is not None:
        lines += long_field("  written", pin_text(job.destination_pin), width)
    return lines


def pin_text(pin: VersionPin) -> str:
    """A version pin in words."""
    words = []
    if pin.version_id:
        words.append(f"version {pin.version_id}")
    if pin.etag:
        words.append(f"etag {pin.etag}")
    if pin.modified:
        words.append(date_text(pin.modified))
    return "  ".join(words) or "none"
