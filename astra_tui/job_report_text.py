"""A job set in words. Names and errors are made visible, so that a terminal may show them."""

from collections.abc import Iterable

from astra_tui.job_report import digests, guard
from engine.model import STEPS, Address, JobsetSummary, JobState, JobView
from widgets.job_text import unpriced_text
from widgets.text import bytes_text, counted, date_text, duration_text, money_text, visible


def head_text(summary: JobsetSummary) -> str:
    """Which job set, how much, when."""
    ended = f"finished {date_text(summary.finished)}" if summary.finished else "not finished"
    return (
        f"Job set {visible(summary.jobset)}: {counted(summary.jobs, 'job')}, "
        f"{bytes_text(summary.size)}\n"
        f"created {date_text(summary.created)}, started {date_text(summary.started)}, {ended}; "
        f"as of {date_text(summary.at)}\n\n"
    )


def job_text(job: JobView) -> str:
    """All that is known of one job, in a few lines."""
    spec = job.spec
    algorithm, source, destination = digests(job)
    state = f"{job.state.value}, paused" if job.paused else job.state.value
    found = [f"{state}  {_address(spec.source)} → {_address(spec.destination)}"]
    if job.error:
        found.append(f"error: {visible(job.error)}")
    if job.error_todo:
        found.append(f"next: {visible(job.error_todo)}")
    proof = (
        job.evidence.value or "no evidence",
        f"source {job.source_proof.value or 'not proved'}",
        guard(job) or "not deleted",
    )
    found.append(
        f"{bytes_text(spec.size)} ({spec.size:,})  {', '.join(proof)}  "
        f"{spec.kind.value}, step {int(job.step)}/5, {counted(job.attempt, 'attempt')}, "
        f"job {job.job_id}"
    )
    if source or destination:
        found.append(f"{algorithm}  {source or '?'} source")
        found.append(f"{' ' * len(algorithm)}  {destination or '?'} destination")
    steps = (f"{step.name.lower()} {job.step_seconds[step - 1]:.3f} s" for step in STEPS)
    found.append(
        f"created {date_text(job.created)}, started {date_text(job.started)}, "
        f"finished {date_text(job.finished)}; {', '.join(steps)}"
    )
    found += [f"note: {visible(note)}" for note in job.notes]
    return "\n    ".join(found) + "\n\n"


def _address(address: Address) -> str:
    return visible(f"{address.cloud}:{address.bucket}/") + visible(address.key)


def totals_text(summary: JobsetSummary) -> str:
    """Sums, routes, and what to do next."""
    sums = summary.statistics

    def counts(items: Iterable[tuple[str, int]]) -> str:
        return ", ".join(f"{number:,} {name}" for name, number in items) or "none"

    found = [
        ("jobs", counts(summary.states)),
        ("moved", f"{bytes_text(sums.bytes)} ({sums.bytes:,} bytes)"),
        ("evidence", counts(summary.evidence)),
        ("source", counts(summary.source_proofs)),
        ("deletes", counts(summary.guards)),
    ]
    saving, unpriced = sums.saving_per_month, unpriced_text(summary)
    if saving or unpriced:
        told = f"{money_text(saving, currency=True)} a month" if saving else "unknown"
        found.append(("saving", f"{told} ({unpriced})" if unpriced else told))
    spent = (f"{s.name.lower()} {duration_text(sums.step_seconds[s - 1])}" for s in STEPS)
    found.append(("steps", ", ".join(spent)))
    for route in sums.routes:
        failed = f", {route.failed:,} failed" if route.failed else ""
        text = f"{route.successful:,} of {route.attempted:,}{failed}, {bytes_text(route.bytes)}"
        found.append((visible(route.route), text))
    width = max(len(name) for name, _ in found)
    body = "".join(f"  {name:<{width}}  {text}\n" for name, text in found)
    return f"Totals\n{body}\nNext\n" + "".join(f"  {text}\n" for text in _next(summary))


def _next(summary: JobsetSummary) -> list[str]:
    found = []
    if failed := summary.count(JobState.FAILED):
        found.append(
            f"{counted(failed, 'job')} failed and kept the source: mend what the errors name, then"
            " `astra retry`."
        )
    if cancelled := summary.count(JobState.CANCELLED):
        found.append(
            f"{counted(cancelled, 'job')} cancelled; the sources are kept. `astra retry JOB` takes"
            " one up again."
        )
    if not summary.finished:
        waiting = summary.count("paused")
        found.append(
            f"{counted(waiting, 'job')} paused: `astra resume` goes on."
            if waiting
            else "Jobs are still at work; ask again when they ended."
        )
    if not found:
        found.append("Nothing is left to do: every job is completed and proved.")
    if summary.count(JobState.COMPLETED):
        name = summary.jobset
        word = name if name.isalnum() else "latest"
        found.append(f"`astra check {word}` reads the copies again and compares the digests.")
    return found
