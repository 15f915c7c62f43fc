"""Which job set is meant, what it adds up to, and its jobs."""

from collections.abc import AsyncIterator, Sequence

from engine.errors import UsageError
from engine.migration.records import Effect
from engine.migration.reports import IntentEntry
from engine.model import JobsetSummary, JobStory, JobView, StoreRequest
from engine.parts import Parts
from engine.workspace import Workspace


async def summary(parts: Parts, workspace: Workspace, jobset: str) -> JobsetSummary:
    """A job set added up; "" or `latest`: the one that was made last. Raises UsageError."""
    name = jobset
    if jobset in ("", "latest"):
        name = await parts.ledger.latest_jobset()
        if not name:
            raise UsageError("There is no job set yet.", todo="Jobs come from `astra migrate`.")
    found = await parts.jobs.summary(name)  # beside the thread that commits
    if found is not None:
        return found
    if any(plan.plan_id == name for plan in await workspace.plans()):
        raise UsageError(
            f"Plan {name!r} is saved, but was never carried out.",
            todo=f"Carry it out with `astra plan submit {name}`.",
        )
    raise UsageError(f"There is no job set {name!r}.", todo="List jobs with `astra jobs --json`.")


async def report(
    parts: Parts, jobset: str, *, failed: bool | None, until: float
) -> AsyncIterator[Sequence[JobView]]:
    """The jobs of a set page by page, as they are now."""
    async for page in parts.ledger.pages(jobset, failed=failed, until=until):
        yield [parts.runner.live(view.job_id) or view for view in page]


async def job(parts: Parts, job_id: str) -> JobView:
    """One job as it is now. Raises UsageError if there is none."""
    view = parts.runner.live(job_id) or await parts.ledger.view(job_id)
    if view is None:
        raise UsageError(f"There is no job {job_id!r}.", todo="List them with `astra jobs`.")
    return view


_EFFECTS = {
    Effect.WRITE: "write the copy",
    Effect.BEGIN_UPLOAD: "begin an upload in parts",
    Effect.COMPLETE: "complete the upload",
    Effect.DELETE: "delete the source",
    Effect.SET_CLASS: "change the class",
    Effect.RESTORE: "ask for a restore",
    Effect.PROBE: "see whether both ends are one object",
    Effect.ROLLBACK: "remove what was written",
}


async def story(parts: Parts, job_id: str) -> JobStory:
    """One job with all that is on record of it. Raises UsageError if there is none."""
    view = await job(parts, job_id)
    history = await parts.ledger.history(job_id)
    finished = await parts.ledger.parts(job_id)
    return JobStory(
        view,
        tuple(_request(entry) for entry in history),
        tuple(await parts.ledger.tries(job_id)),
        len(finished),
        sum(part.size for part in finished),
        max((part.size for part in finished), default=0),
    )


def _request(entry: IntentEntry) -> StoreRequest:
    what = _EFFECTS.get(Effect(entry.effect), entry.effect)
    if entry.details.get("server"):
        what = "let the provider copy it"
    if entry.details.get("replaces"):
        what += ", over what is there"
    return StoreRequest(entry.effect, what, entry.at, entry.outcome, entry.done)
