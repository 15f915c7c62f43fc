"""Which job set is meant, what it adds up to, and its jobs."""

from collections.abc import AsyncIterator, Sequence

from engine.errors import UsageError
from engine.model import JobsetSummary, JobView
from engine.parts import Parts
from engine.workspace import Workspace


async def summary(parts: Parts, workspace: Workspace, jobset: str) -> JobsetSummary:
    """A job set added up; "" or `latest`: the one that was made last. Raises UsageError."""
    name = jobset
    if jobset in ("", "latest"):
        name = await parts.ledger.latest_jobset()
        if not name:
            raise UsageError("There is no job set yet.", todo="Jobs come from `astra migrate`.")
    found = await parts.ledger.summary(name)
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
