"""Stores that ask to slow down, or are away: their jobs wait, others go on, none fails for it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from engine.errors import NotFound, StoreTimeout, Throttled, TruncatedBody, Unavailable
from engine.migration.lanes import LaneRules, Lanes
from engine.migration.limits import Backoff
from engine.model import FlowState, JobSpec, JobState, MoveKind, StoreFlow, VersionPin
from engine.stores import open_store
from tests.fake_s3 import FakeS3, Fault, send
from tests.fake_s3_wire import Request, error
from tests.migration.world import DEADLINE, World, at, fake_stores, pattern, two_clouds, world

PATIENT = Backoff(base=0.02, cap=0.2)
EAGER = LaneRules(first_look=0.05, last_look=0.2)  # looks again quickly


# -- the arithmetic, with a clock of its own -------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def slow(after: float = 0.0) -> Throttled:
    found = Throttled("Slow down.", subject="aws:b/k", status=503)
    found.retry_after = after
    return found


def lanes_of(clock: Clock, jobs: int = 8, **rules: float) -> Lanes:
    return Lanes(("aws", "gcp"), jobs, LaneRules(**rules), clock=clock)  # type: ignore[arg-type]


def flow(lanes: Lanes, cloud: str = "aws") -> StoreFlow:
    return next(item for item in lanes.view() if item.cloud == cloud)


def start(lanes: Lanes, count: int, *clouds: str) -> list[tuple[str, float]]:
    where = clouds or ("aws",)
    return [(f"j{n}", lanes.begin(f"j{n}", where)) for n in range(count)]


def test_a_round_that_is_throttled_halves_once_and_work_raises_slowly() -> None:
    clock = Clock()
    lanes = lanes_of(clock)
    round_one = start(lanes, 8)
    clock.now += 1
    for job_id, began in round_one:
        lanes.end(job_id, ["aws"], began, slow(), worked=False)
    assert (flow(lanes).state, flow(lanes).allowed) == (FlowState.THROTTLED, 4)
    assert flow(lanes).text == "aws: throttled, 4 of 8"
    assert "Slow down" in flow(lanes).reason
    assert flow(lanes, "gcp").state is FlowState.OPEN
    needed = 0
    while flow(lanes).allowed < 8:
        assert lanes.free(["aws"])
        began = lanes.begin("one", ["aws"])
        clock.now += 1
        lanes.end("one", ["aws"], began, None, worked=True)
        needed += 1
    assert 30 < needed < 60, "half a job a round: 2 x (4 + 5 + 6 + 7)"
    assert (flow(lanes).state, flow(lanes).reason) == (FlowState.OPEN, "")


def test_a_lane_that_opens_between_two_looks_is_not_slept_through() -> None:
    clock = Clock()
    lanes = lanes_of(clock)
    began = lanes.begin("one", ["aws"])
    lanes.end("one", ["aws"], began, slow(after=1.0), worked=False)
    opens = clock.now + lanes.pause()  # type: ignore[operator]
    clock.now = looked = opens - 0.001
    assert not lanes.free(["aws"])
    clock.now = opens + 0.001  # the moment has passed before anybody went to sleep
    assert lanes.pause(looked) == 0.0
    assert lanes.free(["aws"])
    assert lanes.pause(clock.now) is None


def test_jobs_go_down_to_one_and_then_its_parts() -> None:
    clock = Clock()
    lanes = lanes_of(clock, jobs=2, floor=100)
    seen = []
    for _ in range(5):
        seen.append((flow(lanes).allowed, lanes.parts("aws")))
        began = lanes.begin("j", ["aws"])
        clock.now += 1
        lanes.end("j", ["aws"], began, slow(), worked=False)
    assert seen == [(2, 4), (1, 2), (1, 1), (1, 1), (1, 1)]
    assert lanes.parts("gcp") == 4
    lanes.set_jobs(4)
    assert (flow(lanes).allowed, flow(lanes, "gcp").allowed) == (1, 4)


def test_retry_after_holds_the_whole_store() -> None:
    clock = Clock()
    lanes = lanes_of(clock)
    job_id, began = start(lanes, 1)[0]
    lanes.end(job_id, ["aws"], began, slow(30.0), worked=False)
    assert not lanes.free(["aws"])
    assert not lanes.free(["aws", "gcp"])
    assert lanes.free(["gcp"])
    assert lanes.pause() == pytest.approx(30.0)
    assert flow(lanes).until == pytest.approx(time.time() + 30, abs=5)
    clock.now += 30
    assert lanes.free(["aws"])
    assert lanes.pause() is None


def test_the_budget_ends_then_one_at_a_time_tries_until_one_works() -> None:
    clock = Clock()
    lanes = lanes_of(clock, jobs=2, floor=5, row=100, first_look=4.0, last_look=16.0)
    gone = Unavailable("Refused.", subject="aws:b/k")
    tries = 0
    while flow(lanes).state is FlowState.OPEN:
        job_id, began = start(lanes, 1)[0]
        lanes.end(job_id, ["aws"], began, gone, worked=False)
        tries += 1
    assert tries == 6
    away = flow(lanes)
    assert away.state is FlowState.AWAY
    assert "Refused" in away.reason
    assert "by themselves" in away.todo
    waits = []
    for _ in range(4):
        assert not lanes.free(["aws"])
        wait = lanes.pause()
        assert wait is not None
        waits.append(wait)
        clock.now += wait
        assert lanes.free(["aws"])
        began = lanes.begin("try", ["aws"])
        assert not lanes.free(["aws"]), "one at a time"
        assert flow(lanes).state is FlowState.TRYING
        clock.now += 1
        lanes.end("try", ["aws"], began, gone, worked=False)
    for wait, longest in zip(waits, (4.0, 8.0, 16.0, 16.0), strict=True):
        assert longest / 2 <= wait <= longest
    clock.now += 16
    began = lanes.begin("try", ["aws"])
    lanes.end("try", ["aws"], began, None, worked=True)
    assert flow(lanes).state is FlowState.OPEN
    start(lanes, 2)
    assert not lanes.free(["aws"]), "all that are allowed"


def test_a_few_jobs_that_find_nobody_there_are_enough() -> None:
    clock = Clock()
    lanes = lanes_of(clock)  # eight might run: the floor is sixteen tries
    gone = Unavailable("Refused.", subject="aws:b/k")

    def fail(error: Unavailable, rounds: int) -> None:
        for _ in range(rounds):
            for job_id, began in start(lanes, 2):
                lanes.end(job_id, ["aws"], began, error, worked=False)

    fail(gone, 2)
    job_id, began = start(lanes, 1)[0]
    lanes.end(job_id, ["aws"], began, None, worked=True)  # it is there after all
    fail(gone, 2)
    assert flow(lanes).state is FlowState.OPEN
    fail(gone, 1)
    assert flow(lanes).state is FlowState.AWAY
    assert flow(lanes, "gcp").state is FlowState.OPEN


def test_a_long_job_that_looks_does_not_hold_up_the_others_for_hours() -> None:
    clock = Clock()
    lanes = lanes_of(clock, last_look=300.0)
    for job_id, began in start(lanes, 40):
        lanes.end(job_id, ["aws"], began, Unavailable("x", subject="aws:b/k"), worked=False)
    assert flow(lanes).state is FlowState.AWAY
    clock.now += 1000
    assert lanes.free(["aws"])
    lanes.begin("long", ["aws"])
    assert not lanes.free(["aws"])
    assert lanes.pause() == pytest.approx(300)
    clock.now += 300
    assert lanes.free(["aws"])
    began = lanes.begin("short", ["aws"])
    assert not lanes.free(["aws"])
    lanes.end("short", ["aws"], began, None, worked=True)
    assert flow(lanes).state is FlowState.OPEN
    assert lanes.free(["aws"])


def test_while_nothing_happens_the_view_stays_the_same() -> None:
    """A screen that is drawn when something changes stays quiet meanwhile."""
    lanes = Lanes(("aws",), 1, LaneRules(floor=0, first_look=60.0))
    for _ in range(3):
        job_id, began = start(lanes, 1)[0]
        lanes.end(job_id, ["aws"], began, Unavailable("x", subject="aws:b/k"), worked=False)
    first = lanes.view()
    assert (first[0].state, first[0].until > time.time()) == (FlowState.AWAY, True)
    assert all(lanes.view() == first for _ in range(10_000))


def test_the_operator_can_have_it_tried_at_once() -> None:
    clock = Clock()
    lanes = lanes_of(clock, jobs=1, floor=0, first_look=60.0)
    for _ in range(3):
        job_id, began = start(lanes, 1)[0]
        lanes.end(job_id, ["aws"], began, Unavailable("x", subject="aws:b/k"), worked=False)
    assert not lanes.free(["aws"])
    lanes.hurry()
    assert lanes.free(["aws"])
    lanes.begin("try", ["aws"])
    assert not lanes.free(["aws"]), "still one at a time"


def test_an_answer_of_any_kind_ends_the_wait() -> None:
    clock = Clock()
    lanes = lanes_of(clock, jobs=1, floor=0)
    for _ in range(3):
        job_id, began = start(lanes, 1)[0]
        lanes.end(job_id, ["aws"], began, StoreTimeout("x", subject="aws:b/"), worked=False)
    assert flow(lanes).state is FlowState.AWAY
    clock.now += 10
    job_id, began = start(lanes, 1)[0]
    lanes.end(job_id, ["aws"], began, NotFound("x", subject="aws:b/k"), worked=False)
    assert flow(lanes).state is FlowState.OPEN


def test_the_floor_comes_back_with_time_and_work_adds_a_share() -> None:
    clock = Clock()
    lanes = lanes_of(clock, jobs=1, floor=4, row=100, window=60.0)
    gone = Unavailable("x", subject="aws:b/k")
    for _ in range(200):  # one in eleven is spoilt: never too many
        for number in range(11):
            began = lanes.begin("j", ["aws"])
            failed = gone if number == 0 else None
            lanes.end("j", ["aws"], began, failed, worked=not failed)
    assert flow(lanes).state is FlowState.OPEN
    for _ in range(50):  # nor are four a minute
        clock.now += 15
        began = lanes.begin("j", ["aws"])
        lanes.end("j", ["aws"], began, gone, worked=False)
    assert flow(lanes).state is FlowState.OPEN


def test_who_is_to_blame_and_what_excuses_a_try() -> None:
    clock = Clock()
    lanes = lanes_of(clock, jobs=4)
    both = ("aws", "gcp")
    job_id, began = start(lanes, 1, *both)[0]
    assert lanes.excuses(both, slow(), began)
    assert lanes.excuses(both, Unavailable("x", subject="gcp:b/k"), began)
    assert not lanes.excuses(both, TruncatedBody("x", subject="gcp:b/k"), began)
    assert not lanes.excuses(both, Unavailable("BadDigest", status=400, subject="gcp:"), began)
    other = lanes.begin("other", ["gcp"])
    clock.now += 1
    lanes.end("other", ["gcp"], other, None, worked=True)
    assert not lanes.excuses(both, Unavailable("x", subject="gcp:b/k"), began), "it served others"
    assert lanes.excuses(both, Unavailable("x", subject="aws:b/k"), began)
    lanes.end(job_id, both, began, StoreTimeout("x", subject="gcp:b/k"), worked=False)
    assert (flow(lanes).allowed, flow(lanes, "gcp").allowed) == (4, 1)
    job_id, began = start(lanes, 1, *both)[0]
    lanes.end(job_id, both, began, StoreTimeout("x", subject=""), worked=False)
    assert flow(lanes).allowed == 1, "an error that names no store is everybody's"


# -- with servers ----------------------------------------------------------------------------


class Narrow(FakeS3):
    """A server with room for so many requests at once; it refuses the others."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.at_once = 0
        self.refused = 0
        self.headers: dict[str, str] = {}

    async def _respond(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        self.at_once += 1
        try:
            if self.at_once > self.room:
                self.refused += 1
                answer = error(503, "SlowDown")
                answer.headers |= self.headers
                await send(writer, request, answer)
                return True
            await asyncio.sleep(0.01)  # how long a request takes here
            return await super()._respond(request, writer)
        finally:
            self.at_once -= 1


@contextmanager
def narrow(room: int) -> Iterator[tuple[FakeS3, Narrow]]:
    with FakeS3() as one, Narrow(room) as two:
        one.state.buckets["b"] = {}
        two.state.buckets["b"] = {}
        yield one, two


async def fill(there: World, fake: FakeS3, count: int, to: str = "dst") -> None:
    """Jobs that move so many objects to a cloud."""
    specs = []
    for number in range(count):
        key = f"{to}{number:04}"
        body = pattern(100)
        fake.state.put("b", key, body)
        places = at(f"src:b/{key}"), at(f"{to}:b/{key}")
        specs.append(JobSpec(*places, MoveKind.MOVE, len(body), VersionPin()))
    await there.runner.submit("set", specs)


@asynccontextmanager
async def moving(tmp_path, fakes, **how: object) -> AsyncIterator[World]:
    async with world(tmp_path, fake_stores(*fakes), **how) as there:
        yield there


async def all_moved(tmp_path, rules: LaneRules) -> tuple[int, int]:
    """Move 80 objects, 16 at once, to a server with room for three requests; gives how many
    requests it refused, and how many there were."""
    with narrow(3) as fakes:
        async with moving(tmp_path, fakes, jobs=16, backoff=PATIENT, rules=rules) as there:
            await fill(there, fakes[0], 80)
            async with asyncio.timeout(DEADLINE):
                await there.runner.wait()
            assert dict(there.runner.counts()) == {"completed": 80}
            assert len(fakes[1].state.buckets["b"]) == 80
            assert max(view.attempt for view in await there.ledger.views()) >= 1
        return fakes[1].refused, fakes[1].refused + len(fakes[0].seen) + len(fakes[1].seen)


async def test_throttling_is_learnt_so_that_no_job_fails_and_fewer_requests_are_sent(
    tmp_path,
) -> None:
    learnt = await all_moved(tmp_path / "with", LaneRules(floor=1000))
    stubborn = await all_moved(tmp_path / "without", LaneRules(floor=1000, cut=1.0))
    assert learnt[0] < stubborn[0] / 2
    assert learnt[1] < stubborn[1]


async def test_a_throttled_store_is_seen_and_the_limit_stays_near_what_it_takes(tmp_path) -> None:
    with narrow(3) as fakes:
        async with moving(tmp_path, fakes, jobs=16, backoff=PATIENT) as there:
            await fill(there, fakes[0], 120)
            seen: list[int] = []

            def settled() -> bool:
                seen.append(next(f for f in there.runner.flows() if f.cloud == "dst").allowed)
                return dict(there.runner.counts()) == {"completed": 120}

            await there.until(settled, "all moved")
            assert min(seen) <= 4
            late = seen[len(seen) // 2 :]
            assert sum(late) / len(late) < 8, "it does not go back to what was too much"


async def test_retry_after_is_waited_for_by_all_jobs_of_the_store(tmp_path) -> None:
    with two_clouds() as fakes:
        refused: list[float] = []
        sent: list[float] = []

        def hook(seen):
            if seen.method != "PUT" or "canary" in seen.key:
                return None
            sent.append(time.monotonic())
            if len(refused) < 2:
                refused.append(sent[-1])
                return Fault(status=503, code="SlowDown", headers={"retry-after": "1"})
            return None

        fakes[1].on_request = hook
        async with moving(tmp_path, fakes, jobs=2) as there:
            await fill(there, fakes[0], 6)
            async with asyncio.timeout(DEADLINE):
                await there.runner.wait()
            assert dict(there.runner.counts()) == {"completed": 6}
        assert len(refused) == 2
        # The first two were on their way together; no other was sent before the time was over.
        assert min(sent[2:]) - refused[0] >= 0.99


def dead(fake: FakeS3) -> None:
    fake.on_request = lambda seen: Fault(reset=True)


async def test_a_dead_cloud_costs_few_requests_holds_up_nobody_and_comes_back(tmp_path) -> None:
    """Three hundred jobs for it wait in front of five for another cloud."""
    with two_clouds() as fakes, FakeS3() as third:
        third.state.buckets["b"] = {}
        stores = fake_stores(*fakes) | {"far": open_store(third.cloud("far"))}
        async with world(tmp_path, stores, jobs=4, rules=EAGER) as there:
            dead(fakes[1])
            await fill(there, fakes[0], 300)
            await there.until(lambda: flow_of(there).state is not FlowState.OPEN, "found away")
            await fill(there, fakes[0], 5, to="far")
            await there.until(lambda: len(third.state.buckets["b"]) == 5, "the others moved")
            await there.until(lambda: there.runner._services.lanes._lanes["dst"]._looks >= 4)
            assert flow_of(there).state in (FlowState.AWAY, FlowState.TRYING)
            tried = len(fakes[1].seen)
            assert tried < 60, "a few for the budget, then one at a time"
            assert dict(there.runner.counts()).get("failed", 0) == 0
            fakes[1].on_request = None
            async with asyncio.timeout(DEADLINE * 2):
                await there.runner.wait()
            assert dict(there.runner.counts()) == {"completed": 305}
            assert flow_of(there).state is FlowState.OPEN


def flow_of(there: World, cloud: str = "dst") -> StoreFlow:
    return next(item for item in there.runner.flows() if item.cloud == cloud)


async def test_no_job_fails_because_its_only_cloud_is_away_for_long(tmp_path) -> None:
    with two_clouds() as fakes:
        async with moving(tmp_path, fakes, rules=EAGER) as there:
            fakes[0].state.put("b", "k", b"x")
            job_id = await there.submit("src:b/k", "dst:b/k")
            dead(fakes[1])
            dead(fakes[0])
            # Far more tries than any object would get for its own trouble.
            await there.until(lambda: len(fakes[0].seen) > 15, "tried again and again")

            def waits() -> bool:
                view = next(iter(there.runner.active() + there.runner.queued()))
                assert view.job_id == job_id
                return view.state is JobState.QUEUED and "lost" in view.error

            await there.until(waits, "it waits, and says why")
            fakes[0].on_request = fakes[1].on_request = None
            assert (await there.done(job_id)).state is JobState.COMPLETED


async def test_one_bad_object_fails_while_the_others_move(tmp_path) -> None:
    with two_clouds() as fakes:
        fakes[1].on_request = lambda seen: (
            Fault(status=500, code="InternalError")
            if seen.method == "PUT" and seen.key == "dst0003"
            else None
        )
        slow_enough = Backoff(base=0.05, cap=0.05)
        async with moving(tmp_path, fakes, jobs=2, backoff=slow_enough) as there:
            await fill(there, fakes[0], 150)
            async with asyncio.timeout(DEADLINE):
                await there.runner.wait()
            counts = dict(there.runner.counts())
            assert counts == {"completed": 149, "failed": 1}
            (bad,) = await there.ledger.views(states=[JobState.FAILED])
            assert bad.spec.source.key == "dst0003"
            assert "astra retry" in bad.error_todo


@pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (503, "SlowDown")])
async def test_an_object_that_alone_is_in_trouble_ends_as_failed(
    tmp_path, status: int, code: str
) -> None:
    """Once nothing else works there it looks like a store that is away; a listing tells."""
    with two_clouds() as (one, two):
        for key in ("good", "bad"):
            one.state.put("b", key, key.encode())
        one.on_request = lambda seen: (
            Fault(status=status, code=code) if (seen.method, seen.key) == ("GET", "bad") else None
        )
        how = {"backoff": Backoff(base=0.001, cap=0.01), "rules": EAGER}
        async with world(tmp_path / "state", fake_stores(one, two), **how) as there:
            good = await there.move("src:b/good", "dst:b/good")
            bad = await there.move("src:b/bad", "dst:b/bad")
            assert (good.state, bad.state) == (JobState.COMPLETED, JobState.FAILED)
            assert code in bad.error
            assert one.state.get("b", "bad") is not None


async def test_stopping_while_a_store_is_away_is_quick_and_the_jobs_go_on_later(tmp_path) -> None:
    with two_clouds() as fakes:
        rules = LaneRules(first_look=3600.0, last_look=3600.0)
        async with moving(tmp_path, fakes, jobs=2, grace=30.0, rules=rules) as there:
            dead(fakes[1])
            await fill(there, fakes[0], 40)
            await there.until(lambda: flow_of(there).state is FlowState.AWAY, "away")
            await there.until(lambda: not there.runner._running, "nothing runs")
            async with asyncio.timeout(5):
                await there.runner.stop()
        fakes[1].on_request = None
        async with moving(tmp_path, fakes) as there:
            assert await there.runner.resume() == 40
            async with asyncio.timeout(DEADLINE):
                await there.runner.wait()
            assert dict(there.runner.counts()) == {"completed": 40}


async def test_a_low_limit_does_not_hold_up_the_stop(tmp_path) -> None:
    with two_clouds() as fakes:
        async with moving(tmp_path, fakes, grace=60.0, bwlimit=1000) as there:
            fakes[0].state.put("b", "k", pattern(3_000_000))
            job_id = await there.submit("src:b/k", "dst:b/k")
            await there.until(lambda: fakes[0].count("GET", "b", "k"), "the download began")
            async with asyncio.timeout(15):
                await there.runner.stop()
            assert (await there.job(job_id)).paused
            assert fakes[1].state.get("b", "k") is None


async def test_cancelling_does_not_wait_for_a_store_that_is_away(tmp_path) -> None:
    with two_clouds() as fakes:
        rules = LaneRules(first_look=3600.0, last_look=3600.0)
        async with moving(tmp_path, fakes, jobs=2, rules=rules) as there:
            dead(fakes[1])
            await fill(there, fakes[0], 10)
            await there.until(lambda: flow_of(there).state is FlowState.AWAY, "away")
            fakes[1].on_request = None
            assert await there.runner.cancel() == 10
            async with asyncio.timeout(DEADLINE):
                await there.runner.wait()
            assert dict(there.runner.counts()) == {"cancelled": 10}
            assert len(fakes[0].state.buckets["b"]) == 10
