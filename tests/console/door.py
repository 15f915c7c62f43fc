"""A door made of plain values: for frozen pictures and for questions about keys.

What an engine does is tested with a real one (test_with_engine.py); this one only keeps what
it was told and gives back what it was made with.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.errors import AstraError
from engine.model import (
    ActivePolicy,
    Address,
    Bookmark,
    Check,
    ConsolePlaces,
    Filters,
    JobChange,
    JobQuery,
    JobsetLine,
    JobsetSummary,
    JobSort,
    JobStory,
    JobView,
    JobWindow,
    LabChoices,
    LabRequest,
    LabStep,
    ListingQuery,
    ListingState,
    Notice,
    ObjectDetail,
    PanelLayout,
    Plan,
    Snapshot,
    Throughput,
    job_fits,
    parse_job_filter,
)
from engine.model.jobfilter import bucket
from engine.settings import CloudSettings, EngineSettings, KafkaSettings
from tests import lab_samples
from tests.console import world


@dataclass
class FakeWorkspace:
    saved: list[Plan] = field(default_factory=list)
    left: ConsolePlaces | None = None
    panels: PanelLayout = field(default_factory=PanelLayout)
    marks: dict[str, Bookmark] = field(default_factory=dict)

    async def save_plan(self, plan: Plan) -> None:
        self.saved.append(plan)

    async def bookmarks(self) -> list[Bookmark]:
        return sorted(self.marks.values(), key=lambda mark: mark.name)

    async def save_bookmark(self, bookmark: Bookmark) -> None:
        self.marks[bookmark.name] = bookmark

    async def delete_bookmark(self, name: str) -> bool:
        return self.marks.pop(name, None) is not None

    async def places(self) -> ConsolePlaces | None:
        return self.left

    async def save_places(self, places: ConsolePlaces) -> None:
        self.left = places

    async def layout(self) -> PanelLayout:
        return self.panels

    async def save_layout(self, layout: PanelLayout) -> None:
        self.panels = layout


def settings_of(snapshot: Snapshot, state: Path, bootstrap: str = "embedded") -> EngineSettings:
    clouds = tuple(
        CloudSettings(c.name, c.kind, c.provider, bucket=c.bucket, region=c.region)
        for c in snapshot.clouds
    )
    return EngineSettings(
        clouds, state, KafkaSettings(bootstrap=bootstrap), read_only=snapshot.read_only
    )


class FakeDoor:
    """Answers with what it was given; `calls` holds what it was asked to do."""

    def __init__(self, state: Path, snapshot: Snapshot | None = None, **given: Any) -> None:
        self.now = snapshot or world.quiet()
        self.settings = settings_of(self.now, state)
        self.workspace = FakeWorkspace()
        self.feed = world.Feed(first=1, last=0)
        self._feed = given.get("feed") or world.Feed()
        self.names: Sequence[str] = given.get("names", ())
        self.fail: dict[str, AstraError | Exception] = {}
        self.hold: dict[str, asyncio.Event] = {}
        self.calls: list[tuple[str, Any]] = []
        self.noted: list[tuple[int, Notice]] = []
        self.views: list[ListingQuery] = []
        self.stopped = 0
        self.rates = world.rates()
        self.checks: Sequence[Check] = world.checks()
        self.lab_policies = given.get("lab_policies", lab_samples.CALM)

    def show(self, snapshot: Snapshot) -> None:
        """Let the console see another snapshot at its next look."""
        self.now = replace(snapshot, revision=self.now.revision + 1)

    def asked(self, name: str) -> list[Any]:
        return [value for called, value in self.calls if called == name]

    async def _do(self, name: str, value: Any, answer: Any = None) -> Any:
        self.calls.append((name, value))
        if name in self.hold:
            await self.hold[name].wait()
        if name in self.fail:
            raise self.fail[name]
        return answer

    async def start(self) -> None:
        await self._do("start", None)
        self.feed = self._feed

    async def stop(self) -> None:
        self.stopped += 1

    def snapshot(self) -> Snapshot:
        if self.asked("scan"):
            return self.now
        clouds = (replace(cloud, state=ListingState.IDLE) for cloud in self.now.clouds)
        return replace(self.now, clouds=tuple(clouds), revision=-1)

    def notices(self, after: int = 0) -> Sequence[tuple[int, Notice]]:
        return [(number, notice) for number, notice in self.noted if number > after]

    def scan(self, cloud: str, *, bucket: str | None = None, prefix: str | None = None) -> None:
        self.calls.append(("scan", (cloud, bucket, prefix)))

    async def view(self, cloud: str, query: ListingQuery) -> world.View:
        self.views.append(query)
        await self._do("view", query)
        status = next(status for status in self.now.clouds if status.name == cloud)
        rows = world.object_rows(self.names) if status.objects else []
        return world.View(rows, query, status.generation)

    async def inspect(self, address: Address) -> ObjectDetail:
        return await self._do("inspect", address, world.detail(address))

    async def decide(self, policy: str = "", clouds: Sequence[str] = ()) -> Any:
        return await self._do("decide", policy, world.decisions())

    async def plan_decisions(self, clouds: Sequence[str] = (), options: Any = None) -> Plan:
        return await self._do("plan_decisions", None, world.plan())

    async def plan_tier(
        self,
        addresses: Sequence[Address],
        *,
        tier: Any = None,
        storage_class: str = "",
        filters: Filters = Filters(),
    ) -> Plan:
        return await self._do("plan_tier", (addresses, tier or storage_class), world.plan())

    async def plan_migration(
        self,
        sources: Sequence[Address],
        destination: Address,
        *,
        kind: Any,
        filters: Filters = Filters(),
    ) -> Plan:
        return await self._do("plan_migration", (sources, destination, kind), world.plan())

    def check_deletes(self, plan: Plan) -> None:
        self.calls.append(("check_deletes", plan))
        if "check_deletes" in self.fail:
            raise self.fail["check_deletes"]

    async def prioritise(self, priority: int, *, job_ids: Sequence[str] = ()) -> int:
        return await self._do("prioritise", (priority, list(job_ids)), len(job_ids))

    def set_limits(self, *, jobs: int | None = None, bwlimit: Any = None) -> None:
        self.calls.append(("set_limits", (jobs, bwlimit)))

    async def submit(self, plan: Plan) -> str:
        return await self._do("submit", plan, "set-1")

    async def pause(self, job_ids: Sequence[str] = ()) -> int:
        return await self._do("pause", list(job_ids), 1)

    async def resume(self, job_ids: Sequence[str] = ()) -> int:
        return await self._do("resume", list(job_ids), 1)

    async def cancel(self, job_ids: Sequence[str] = ()) -> int:
        return await self._do("cancel", list(job_ids), 1)

    async def retry(self, job_ids: Sequence[str] = ()) -> int:
        return await self._do("retry", list(job_ids), 1)

    async def jobs(self, *, states: Sequence[Any] = ()) -> list[JobView]:
        found = [job for job in self.now.jobs if job.state in states]
        return await self._do("jobs", tuple(states), found)

    async def job(self, job_id: str) -> JobView:
        found = next(job for job in world.jobs() if job.job_id == job_id)
        return await self._do("job", job_id, found)

    def _all(self, query: JobQuery) -> list[JobView]:
        terms = parse_job_filter(query.text)
        return [job for job in self.now.jobs if job_fits(terms, job)]

    async def job_window(self, query: JobQuery, start: int = 0, stop: int = 100) -> JobWindow:
        found = self._all(query)
        keys: dict[JobSort, Any] = {
            JobSort.SIZE: lambda job: -job.spec.size,
            JobSort.NAME: lambda job: job.spec.source.key,
            JobSort.SPEED: lambda job: -job.rate,
        }
        found.sort(key=keys.get(query.sort, lambda job: 0), reverse=query.reverse)
        states = Counter(bucket(job) for job in found)
        size = sum(job.spec.size for job in found)
        shown = tuple(found[start:stop])
        window = JobWindow(self.now.time, len(found), size, tuple(states.items()), start, shown)
        return await self._do("job_window", (query, start, stop), window)

    async def jobsets(self) -> list[JobsetLine]:
        return await self._do("jobsets", None, world.jobsets(self.now))

    async def summary(self, jobset: str = "") -> JobsetSummary:
        return await self._do("summary", jobset, world.summary(self.now, jobset))

    async def change_jobs(self, change: JobChange, text: str = "", *, priority: int = 0) -> int:
        number = len(self._all(JobQuery(text)))
        return await self._do("change_jobs", (change, text, priority), number)

    async def throughput(self) -> Throughput:
        return await self._do("throughput", None, self.rates)

    async def job_story(self, job_id: str) -> JobStory:
        job = next(job for job in (*self.now.jobs, *world.jobs()) if job.job_id == job_id)
        return await self._do("job_story", job_id, world.story(job))

    async def lab_choices(self, request: LabRequest) -> LabChoices:
        return await self._do("lab_choices", request, lab_samples.lab_choices(self.lab_policies))

    async def lab_steps(self, request: LabRequest) -> AsyncGenerator[LabStep, None]:
        yield LabStep("rules", 0.43)
        await self._do("lab", request)
        asked = {name: self.lab_policies[name] for name in request.policies}
        yield LabStep("", 1.0, lab_samples.lab_result(asked))

    async def active_policy(self) -> ActivePolicy:
        return ActivePolicy(self.now.policy, "rules", path="/home/op/state/workspace.json")

    async def adopt_policy(self, name: str) -> ActivePolicy:
        now = ActivePolicy(
            name or "rules", "rules", bool(name), 0.0, "/home/op/state/workspace.json"
        )
        return await self._do("adopt_policy", name, now)

    async def doctor(
        self, *, write: bool = True, together: bool = False, subjects: Sequence[str] = ()
    ) -> AsyncGenerator[Check, None]:
        for check in self.checks:
            if not subjects or check.subject in subjects:
                yield check
        await self._do("doctor", (write, tuple(subjects)))

    async def age(self, address: Address, days: float) -> None:
        await self._do("age", (address, days))

    async def send_access(
        self, address: Address, *, operation: str = "GET", count: int = 1, when: float = 0.0
    ) -> None:
        await self._do("send_access", (address, count))
