"""The jobs in memory that could be started: by route, the most urgent first."""

import functools
import heapq
from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterator

from engine.migration.job import Ask, Job
from engine.migration.records import route_of

Rank = tuple[int, int, int]  # asked for now or not, priority downwards, age
_CANCELS = ""  # the route of jobs that are to be cancelled: no lane holds them up


class Queue:
    """A sorted list for each route, so that a route that cannot go on blocks no other."""

    def __init__(self) -> None:
        self._routes: dict[str, list[tuple[Rank, str]]] = {}
        self._clouds: dict[str, frozenset[str]] = {}
        self._jobs: dict[str, Job] = {}
        self._where: dict[str, tuple[str, Rank]] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, job: Job) -> bool:
        return job.record.job_id in self._jobs

    def count(self, route: str) -> int:
        """Jobs of one route."""
        return len(self._routes.get(route, ()))

    def add(self, job: Job, *, first: bool = False) -> None:
        """Take a job in, at the place of its priority and age; `first` before all others."""
        self.discard(job)
        record = job.record
        route = _CANCELS if job.asked is Ask.CANCEL else route_of(record.spec)
        rank = (0 if first else 1, -record.priority, record.seq)
        if route not in self._routes:
            self._routes[route] = []
            self._clouds[route] = clouds_of(job) if route else frozenset()
        insort(self._routes[route], (rank, record.job_id))
        self._jobs[record.job_id] = job
        self._where[record.job_id] = (route, rank)

    def discard(self, job: Job) -> None:
        """Take a job out, if it is in."""
        job_id = job.record.job_id
        if self._jobs.pop(job_id, None) is None:
            return
        route, rank = self._where.pop(job_id)
        line = self._routes[route]
        del line[bisect_left(line, (rank, job_id))]
        if not line:
            del self._routes[route], self._clouds[route]

    def take(
        self, free: Callable[[Collection[str]], bool], fits: Callable[[Job], bool]
    ) -> Job | None:
        """The most urgent job whose clouds are `free` and that `fits`, taken out; else None."""
        best: tuple[Rank, str] | None = None
        for route, line in self._routes.items():
            if best is not None and line[0] > best:
                continue
            if route != _CANCELS and not free(self._clouds[route]):
                continue
            found = next((item for item in line if fits(self._jobs[item[1]])), None)
            if found is not None and (best is None or found < best):
                best = found
        if best is None:
            return None
        job = self._jobs[best[1]]
        self.discard(job)
        return job

    def clear(self) -> None:
        """Forget all jobs."""
        for known in (self._routes, self._clouds, self._jobs, self._where):
            known.clear()

    def jobs(self) -> Iterator[Job]:
        """The jobs in the order of their urgency. Nothing may change meanwhile."""
        return (self._jobs[job_id] for _, job_id in heapq.merge(*self._routes.values()))


def clouds_of(job: Job) -> frozenset[str]:
    """The clouds that a job touches."""
    spec = job.record.spec
    return _clouds(spec.source.cloud, spec.destination.cloud)


@functools.lru_cache(maxsize=256)
def _clouds(source: str, destination: str) -> frozenset[str]:
    return frozenset((source, destination))
