"""Running sums over all jobs of the ledger, kept in memory so that looking is free."""

from collections.abc import Iterable

from engine.migration.records import JobRecord, route_of
from engine.migration.reports import Sum
from engine.model import JobState, MigrationStatistics, RouteStatistics


class _Cell:
    __slots__ = ("bytes", "jobs", "saving")

    def __init__(self) -> None:
        self.jobs = 0
        self.bytes = 0
        self.saving = 0.0


class Totals:
    """Jobs, bytes and savings by route and bucket (a state, or `paused`)."""

    def __init__(self, sums: Iterable[Sum] = ()) -> None:
        self._cells: dict[tuple[str, str], _Cell] = {}
        self._steps = [0.0] * 5
        for item in sums:
            self.add(item.route, item.bucket, item.bytes, item.saving, item.jobs)
            for index, seconds in enumerate(item.step_seconds):
                self._steps[index] += seconds

    def add(self, route: str, bucket: str, size: int, saving: float, jobs: int = 1) -> None:
        """Count jobs of `size` bytes (all together); `jobs` may be negative to take away."""
        cell = self._cells.get((route, bucket))
        if cell is None:
            cell = self._cells[route, bucket] = _Cell()
        sign = 1 if jobs > 0 else -1
        cell.jobs += jobs
        cell.bytes += sign * size
        cell.saving += sign * saving

    def move(self, record: JobRecord, bucket: str, size: int) -> None:
        """A job was in `bucket` with `size` bytes and is now what its record says."""
        route = route_of(record.spec)
        self.add(route, bucket, size, record.saving, -1)
        self.add(route, record.bucket, record.size, record.saving)

    def spent(self, step_seconds: Iterable[float]) -> None:
        """Add the time of one more job's steps."""
        for index, seconds in enumerate(step_seconds):
            self._steps[index] += seconds

    def counts(self) -> tuple[tuple[str, int], ...]:
        """Jobs by state; paused ones are counted as `paused` and under no state."""
        found: dict[str, int] = {}
        for (_, bucket), cell in self._cells.items():
            found[bucket] = found.get(bucket, 0) + cell.jobs
        return tuple((name, number) for name, number in found.items() if number)

    def bytes_in(self, bucket: str) -> int:
        """Bytes of all jobs in a bucket."""
        return sum(cell.bytes for (_, name), cell in self._cells.items() if name == bucket)

    def statistics(self) -> MigrationStatistics:
        """Sums over finished jobs, also by route."""
        routes: dict[str, list[int]] = {}
        cancelled, saving = 0, 0.0
        for (route, bucket), cell in self._cells.items():
            if bucket == JobState.CANCELLED:
                cancelled += cell.jobs
            elif bucket == JobState.COMPLETED and cell.jobs:
                row = routes.setdefault(route, [0, 0, 0])
                row[0] += cell.jobs
                row[2] += cell.bytes
                saving += cell.saving
            elif bucket == JobState.FAILED and cell.jobs:
                routes.setdefault(route, [0, 0, 0])[1] += cell.jobs
        rows = tuple(
            RouteStatistics(route, good + bad, good, bad, size)
            for route, (good, bad, size) in sorted(routes.items())
        )
        return MigrationStatistics(
            attempted=sum(row.attempted for row in rows),
            successful=sum(row.successful for row in rows),
            failed=sum(row.failed for row in rows),
            cancelled=cancelled,
            bytes=sum(row.bytes for row in rows),
            seconds=sum(self._steps),
            saving_per_month=saving,
            routes=rows,
            step_seconds=(
                self._steps[0],
                self._steps[1],
                self._steps[2],
                self._steps[3],
                self._steps[4],
            ),
        )
