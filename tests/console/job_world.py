"""Job sets, rates and stories for frozen pictures."""

from collections import Counter
from dataclasses import replace

from engine.model import (
    JobsetLine,
    JobsetSummary,
    JobState,
    JobStory,
    JobView,
    MigrationStatistics,
    RouteStatistics,
    Snapshot,
    StoreRequest,
    Throughput,
    Try,
)
from engine.model.jobfilter import bucket

NOW = 1_795_262_671.0  # as `world.NOW`
MIB = 1 << 20


def rates() -> Throughput:
    """Two minutes that rise, fall, and rise again."""
    sizes = [abs((n * 37) % 23 - 11) * 60 * MIB for n in range(24)]
    return Throughput(NOW - NOW % 5 + 5, 5, tuple(sizes), tuple(n % 7 * 4 for n in range(24)))


def jobsets(now: Snapshot) -> list[JobsetLine]:
    """One line for each job set of the snapshot's jobs, and one that is long done."""
    lines = []
    for name in dict.fromkeys(job.jobset for job in now.jobs):
        jobs = [job for job in now.jobs if job.jobset == name]
        states = Counter(bucket(job) for job in jobs)
        ended = all(state in ("completed", "failed", "cancelled") for state in states)
        done = sum(int(job.progress * job.spec.size) for job in jobs)
        rate = sum(job.rate for job in jobs)
        lines.append(
            JobsetLine(
                name, len(jobs), sum(job.spec.size for job in jobs), tuple(states.items()),
                ("aws → gcp",), done, rate, 185.0 if rate else 0.0, NOW - 65, NOW - 60,
                NOW - 3 if ended else 0.0, 0.12,
            )
        )  # fmt: skip
    if lines:
        old = (("completed", 4812),)
        lines.append(
            JobsetLine(
                "night-of-the-20th", 4812, 90 << 30, old, ("aws → gcp", "aws → azure"), 90 << 30,
                0.0, 0.0, NOW - 90_000, NOW - 89_990, NOW - 86_000, 41.3,
            )
        )  # fmt: skip
    return lines


def summary(now: Snapshot, jobset: str) -> JobsetSummary:
    """The set as the jobs of the snapshot are."""
    for one in now.ended:
        if one.jobset == jobset:
            return one
    jobs = [job for job in now.jobs if job.jobset == jobset]
    states = Counter(bucket(job) for job in jobs)
    ended = all(state in ("completed", "failed", "cancelled") for state in states)
    return replace(ended_set(jobset), jobs=len(jobs), size=sum(job.spec.size for job in jobs),
                   states=tuple(states.items()), finished=NOW - 3 if ended else 0.0)  # fmt: skip


def ended_set(jobset: str, failed: int = 2) -> JobsetSummary:
    """A set that ended three seconds ago."""
    states = (("completed", 40), *((("failed", failed),) if failed else ()))
    return JobsetSummary(
        jobset, NOW, 40 + failed, 3 << 30, NOW - 130, NOW - 128, NOW - 3, states,
        (("reread", 38), ("attested", 2)), (("attested", 30), ("unattested", 10)),
        (("guarded", 40),),
        MigrationStatistics(
            40 + failed, 40, failed, 0, 2 << 30, 480.0, 1.42,
            (RouteStatistics("aws → gcp", 30 + failed, 30, failed, 1 << 30),
             RouteStatistics("aws → azure", 10, 10, 0, 1 << 30)),
            (120.0, 12.0, 200.0, 140.0, 8.0),
        ),
    )  # fmt: skip


def story(job: JobView) -> JobStory:
    """What is on record of a job of the pictures."""
    at = job.started or job.created
    if job.state is JobState.QUEUED:
        return JobStory(job)
    copied = job.state is JobState.COMPLETED
    requests = [
        StoreRequest("begin_upload", "begin an upload in parts", at + 1, "done", at + 1.08),
        StoreRequest("complete", "complete the upload", at + 3, "done" if copied else "",
                     at + 3.4 if copied else 0.0),
    ]  # fmt: skip
    if copied:
        requests.append(StoreRequest("delete", "delete the source", at + 4, "done", at + 4.09))
    tries = ()
    if job.attempt > 1:
        tries = (
            Try(1, at + 2, "gcp: The connection was reset by peer. The source is kept."),
            Try(2, at + 9, "gcp: 503 Slow down\x1b[31m. The source is kept."),
        )
    parts = (0, 0, 0) if copied else (3, 3 * 8 * MIB, 8 * MIB)
    return JobStory(job, tuple(requests), tries, *parts)
