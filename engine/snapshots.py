"""The snapshot that the console draws, made of the parts' present state."""

import time
from dataclasses import replace

from engine.migration.board import RECENT
from engine.model import JobView, Snapshot
from engine.parts import Parts
from engine.settings import EngineSettings


def take(parts: Parts, settings: EngineSettings, active_policy: str, last: Snapshot) -> Snapshot:
    """A snapshot of now; the very `last` one if nothing changed since.

    Runs on the loop four times a second: it copies a few hundred values at most.
    """
    runner = parts.runner
    active = runner.active()
    parts.clouds.note_active(active)
    clouds = tuple(parts.clouds.status(cloud.name) for cloud in settings.shown)
    listed = [cloud for cloud in clouds if cloud.objects]
    counts = runner.counts()
    now = replace(
        last,
        clouds=clouds,
        kafka=parts.bus.status(),
        # Of what ended the fewer the more runs: a state with 200 jobs at work is large enough.
        jobs=_once([*active, *runner.queued(), *runner.recent(max(RECENT - len(active), 30))]),
        job_counts=counts,
        rate=runner.rate(),
        bytes_left=runner.bytes_left(),
        eta=runner.eta(),
        paused=not active and dict(counts).get("paused", 0) > 0,
        cost_month=_sum([cloud.cost_month for cloud in listed]),
        projected_month=_sum([cloud.projected_month for cloud in listed]),
        decisions=parts.decisions.count(),
        policy=active_policy,
        policy_configured=settings.policy,
        decided_by=parts.planner.policy,
        statistics=runner.statistics(),
        read_only=settings.read_only,
        limits=runner.limits(),
        stores=runner.flows(),
        ended=tuple(parts.ends.latest),
    )
    if now == last:
        return last
    return replace(now, revision=last.revision + 1, time=time.time())


def _once(jobs: list[JobView]) -> tuple[JobView, ...]:
    # A job that ended before and runs again is shown as it is now.
    return tuple({job.job_id: job for job in reversed(jobs)}.values())[::-1]


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
