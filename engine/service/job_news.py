"""The jobs of a state on their way to a console: whole once, then only what moved.

A board of hundreds of running jobs changes four times a second, but of each job only how far it
is. Both ends remember what was sent last; frames come in order and none is lost, so they agree.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.model import JobView, Step


@dataclass(frozen=True, slots=True)
class JobNews:
    """What became of the jobs since the last news of this connection.

    `order` are the numbers of all jobs that show, in their order; `whole` the jobs that are new
    or that changed altogether, `steps` how far the others are: number, step, bytes done, bytes a
    second and seconds left.
    """

    order: tuple[int, ...] = ()
    whole: tuple[tuple[int, JobView], ...] = ()
    steps: tuple[tuple[int, Step, int, float, float], ...] = ()


class JobSender:
    """The engine's end."""

    def __init__(self) -> None:
        self._sent: dict[str, tuple[int, JobView]] = {}
        self._number = 0

    def news(self, jobs: Iterable[JobView]) -> JobNews:
        """What the other end has to be told, so that it has these jobs."""
        sent, kept = self._sent, dict[str, tuple[int, JobView]]()
        whole: list[tuple[int, JobView]] = []
        steps: list[tuple[int, Step, int, float, float]] = []
        for job in jobs:
            number, before = sent.get(job.job_id, (0, None))
            if before is None:
                number = self._number = self._number + 1
            if before is None or not (before is job or _moved(before, job) == job):
                whole.append((number, job))
            elif _place(before) != _place(job):
                steps.append((number, *_place(job)))
            kept[job.job_id] = number, job
        self._sent = kept
        return JobNews(tuple(number for number, _ in kept.values()), tuple(whole), tuple(steps))


class JobReceiver:
    """The console's end."""

    def __init__(self) -> None:
        self._known: dict[int, JobView] = {}

    def take(self, news: JobNews) -> tuple[JobView, ...]:
        """The jobs as they are now. Raises KeyError if news was missed."""
        known = self._known
        known.update(news.whole)
        for number, step, done, rate, eta in news.steps:
            known[number] = replace(known[number], step=step, bytes_done=done, rate=rate, eta=eta)
        self._known = {number: known[number] for number in news.order}
        return tuple(self._known.values())


def _place(job: JobView) -> tuple[Step, int, float, float]:
    return job.step, job.bytes_done, job.rate, job.eta


def _moved(before: JobView, job: JobView) -> JobView:
    """A job as it was, as far as it is now."""
    if before.state is not job.state:
        return before
    return replace(before, step=job.step, bytes_done=job.bytes_done, rate=job.rate, eta=job.eta)
