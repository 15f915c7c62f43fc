"""A door made of plain values: for frozen pictures and for questions about keys.

What an engine does is tested with a real one (test_with_engine.py); this one only keeps what
it was told and gives back what it was made with.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from engine import replanner
from engine.errors import AstraError
from engine.migration import replan
from engine.model import (
    FINAL_STATES,
    ActivePolicy,
    Address,
    Approved,
    Bookmark,
    Check,
    ConsolePlaces,
    EventStatistics,
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
    MessageDetail,
    Move,
    MovePick,
    Notice,
    ObjectDetail,
    ObjectVersions,
    PanelLayout,
    Plan,
    PlanEdit,
    PlanLine,
    PlanQuery,
    PlanRequest,
    PlanView,
    Preview,
    ReplayRequest,
    ReplayStep,
    SavedPlan,
    Snapshot,
    StoreKind,
    Throughput,
    job_fits,
    parse_job_filter,
)
from engine.model.jobfilter import bucket
from engine.reviews import Reviews
from engine.settings import CloudSettings, EngineSettings, KafkaSettings
from tests import lab_samples
from tests.console import object_samples, world


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

    async def delete_plan(self, plan_id: str) -> bool:
        before = len(self.saved)
        self.saved[:] = [plan for plan in self.saved if plan.plan_id != plan_id]
        return len(self.saved) < before


def settings_of(snapshot: Snapshot, state: Path, bootstrap: str = "embedded") -> EngineSettings:
    clouds = tuple(
        CloudSettings(c.name, c.kind, c.provider, bucket=c.bucket, region=c.region)
        for c in snapshot.clouds
    )
    return EngineSettings(
        clouds, state, KafkaSettings(bootstrap=bootstrap), read_only=snapshot.read_only
    )


class AnyPlace(dict[str, Any]):
    """Knows every cloud; no two names are one object there."""

    def get(self, cloud: str, default: Any = None) -> Any:
        store = SimpleNamespace(
            kind=StoreKind.S3, locate=lambda bucket, key: f"{cloud}:{bucket}/{key}"
        )
        return SimpleNamespace(store=store, folds=False)


class FakePlanner:
    """What a wish asks of the planner; every plan is the door's own."""

    places = AnyPlace()

    def __init__(self, door: "FakeDoor") -> None:
        self._door = door

    async def plan_decisions(self, *_: Any) -> Plan:
        return await self._door._do("plan_decisions", None, self._door.plan)

    async def plan_tier(self, addresses: Any, tier: Any, name: str, *_: Any) -> Plan:
        return await self._door._do("plan_tier", (addresses, tier or name), self._door.plan)

    async def plan_migration(
        self, sources: Any, destination: Address, *, kind: Any, **_: Any
    ) -> Plan:
        what = (sources, destination, kind)
        return await self._door._do("plan_migration", what, self._door.plan)

    async def preflight(self, plan: Plan) -> Plan:
        return plan


class FakeDoor:
    """Answers with what it was given; `calls` holds what it was asked to do."""

    def __init__(self, state: Path, snapshot: Snapshot | None = None, **given: Any) -> None:
        self.now = snapshot or world.quiet()
        self.settings = settings_of(self.now, state)
        self.workspace = FakeWorkspace()
        self.feed = world.Feed(first=1, last=0)
        self._feed = given.get("feed") or world.Feed()
        self.feeds: dict[str, world.Feed] = given.get("feeds", {})
        self.names: Sequence[str] = given.get("names", ())
        self.fail: dict[str, AstraError | Exception] = {}
        self.hold: dict[str, asyncio.Event] = {}
        self.prepared: list[str] = []
        self.calls: list[tuple[str, Any]] = []
        self.noted: list[tuple[int, Notice]] = []
        self.views: list[ListingQuery] = []
        self.stopped = 0
        self.rates = world.rates()
        self.checks: Sequence[Check] = world.checks()
        self.plan: Plan = given.get("plan") or world.plan()
        self.changes: tuple[str, ...] = given.get("changes", ())
        self.at_work = 0
        self._reviews = Reviews()
        self.detail = world.detail
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

    async def prepare_filter(self, cloud: str) -> None:
        self.prepared.append(cloud)

    async def inspect(self, address: Address) -> ObjectDetail:
        return await self._do("inspect", address, self.detail(address))

    async def preview(
        self, address: Address, *, pin: Any = None, limit: int = 0, paid: bool = False
    ) -> Preview:
        found = object_samples.preview(address, pin, paid=paid)
        return await self._do("preview", (address, pin, limit, paid), found)

    async def versions(self, address: Address) -> ObjectVersions:
        return await self._do("versions", address, object_samples.versions(address))

    def feed_named(self, name: str) -> world.Feed:
        return self.feeds.get(name, world.Feed(first=1, last=0))

    async def message(self, number: int, feed: str = "live") -> MessageDetail | None:
        source = self._feed if feed == "live" else self.feed_named(feed)
        return await self._do("message", (number, feed), world.message_detail(source, number))

    async def event_statistics(self, seconds: int = 0) -> EventStatistics:
        return await self._do("event_statistics", seconds, world.event_statistics(seconds))

    async def replay(self, request: ReplayRequest) -> AsyncGenerator[ReplayStep, None]:
        yield ReplayStep("replay-1", 0, 25)
        await self._do("replay", request)
        self.feeds["replay-1"] = world.Feed(first=1, last=25)
        yield ReplayStep("replay-1", 25, 25, 1_975, done=True)
        await asyncio.Event().wait()

    async def decide(self, policy: str = "", clouds: Sequence[str] = ()) -> Any:
        return await self._do("decide", policy, world.decisions())

    async def open_plan(self, request: PlanRequest) -> PlanView:
        planner: Any = FakePlanner(self)
        changes: tuple[str, ...] = ()
        if request.saved or request.file:
            plan = await self._do("open_saved", request.saved or request.file, self.plan)
            changes = self.changes
        else:
            plan = await replanner.planned(planner, request)
        return await self._reviews.open(plan, self.settings.max_deletes, changes)

    async def show_plan(self, review: str, query: PlanQuery) -> PlanView:
        return await self._reviews.ask(review, lambda it: it.show(query).view())

    async def fold_plan(self, review: str, group: int) -> PlanView:
        return await self._reviews.ask(review, lambda it: it.fold(group).view())

    async def take_moves(self, review: str, pick: MovePick, taken: bool | None = None) -> PlanView:
        return await self._reviews.change(review, lambda it: it.take(pick, taken))

    async def plan_lines(self, review: str, start: int, stop: int) -> list[PlanLine]:
        await self._do("plan_lines", (start, stop))
        return await self._reviews.ask(review, lambda it: it.lines(start, stop))

    async def find_line(self, review: str, group: int, number: int) -> int:
        return await self._reviews.ask(review, lambda it: it.place_of(group=group, number=number))

    async def edit_plan(self, review: str, edit: PlanEdit) -> PlanView:
        await self._do("edit_plan", edit)
        plan = await self._reviews.ask(review, lambda it: it.plan)
        made = replan.edited(plan, edit, {}, {}, None)  # type: ignore[arg-type]
        return await self._reviews.put(review, made, plan, self.settings.max_deletes)

    async def plan_progress(self, review: str) -> float:
        return 0.42

    async def keep_plan(self, review: str) -> str:
        plan = await self._reviews.ask(review, lambda it: it.selected())
        await self.workspace.save_plan(plan)
        return await self._do("keep_plan", plan.plan_id, plan.plan_id)

    async def approve_plan(self, review: str, revision: int) -> Approved:
        plan = await self._reviews.ask(review, lambda it: it.selected())
        return await self._do("submit", plan, Approved("set-1", len(plan.moves), self.at_work))

    async def plan_moves(self, review: str) -> AsyncGenerator[Sequence[Move], None]:
        for page in await self._reviews.ask(review, lambda it: it.pages(2)):
            yield page

    async def plan_header(self, review: str) -> Plan:
        return await self._reviews.ask(review, lambda it: replace(it.plan, moves=()))

    async def close_plan(self, review: str) -> None:
        await self._do("close_plan", review)
        self._reviews.close(review)

    async def saved_plans(self) -> list[SavedPlan]:
        return [
            SavedPlan(plan.plan_id, plan.title, plan.created, plan.totals())
            for plan in self.workspace.saved
        ]

    async def prioritise(self, priority: int, *, job_ids: Sequence[str] = ()) -> int:
        return await self._do("prioritise", (priority, list(job_ids)), len(job_ids))

    def set_limits(self, *, jobs: int | None = None, bwlimit: Any = None) -> None:
        self.calls.append(("set_limits", (jobs, bwlimit)))

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

    async def change_jobs(
        self,
        change: JobChange,
        text: str = "",
        *,
        priority: int = 0,
        but: Sequence[str] = (),
    ) -> int:
        number = len([job for job in self._all(JobQuery(text)) if job.job_id not in but])
        asked = (change, text, priority, *([tuple(but)] if but else []))
        return await self._do("change_jobs", asked, number)

    async def count_jobs(self, change: JobChange, text: str = "", but: Sequence[str] = ()) -> int:
        states = ("failed", "cancelled") if change is JobChange.RETRY else ()
        found = [job for job in self._all(JobQuery(text)) if job.job_id not in but]
        if states:
            return sum(job.state.value in states for job in found)
        return sum(job.state not in FINAL_STATES for job in found)

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
