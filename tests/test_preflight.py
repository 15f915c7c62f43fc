"""What would stop a plan is found out before anything is moved, and nothing is left behind."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from engine.migration.bandwidth import Bandwidth
from engine.migration.plan_sources import Place
from engine.migration.reports import Sum
from engine.model import CheckState, Move, MoveKind, Plan, Tier, VersionPin, parse_bandwidth
from engine.preflight import bounded, clock, expected_seconds, preflight
from engine.stores import open_store
from engine.stores.base import HasRoom, ObjectStore
from tests.fake_s3 import FakeS3, Fault, Quirks, Seen
from tests.migration.world import at, local_store

MIB = 1024**2
GIB = 1024**3


def move(source: str, destination: str, size: int, kind: MoveKind = MoveKind.MOVE) -> Move:
    hot = Tier.HOT
    ends = (at(source), at(destination))
    return Move(*ends, kind, size, VersionPin(), "STANDARD", "STANDARD", hot, hot)


def plan(*moves: Move) -> Plan:
    return Plan("id", "a plan", 0.0, "", moves, warnings=("said before",))


@pytest.fixture
def quirks() -> Quirks:
    return Quirks()


@pytest.fixture
def fake(quirks: Quirks) -> Iterator[FakeS3]:
    with FakeS3(quirks) as server:
        server.state.put("b", "in/k", b"bytes")
        server.state.buckets["c"] = {}
        yield server


def found(made: Plan) -> dict[tuple[str, str], CheckState]:
    return {(check.subject, check.name): check.state for check in made.checks}


async def looked(made: Plan, stores: dict[str, ObjectStore], *, write: bool) -> Plan:
    places = {name: Place(store) for name, store in stores.items()}
    try:
        return await preflight(made, places, [], 8, Bandwidth(), write=write)
    finally:
        for store in stores.values():
            await store.close()


async def test_the_cheap_way_writes_nothing(fake: FakeS3) -> None:
    stores = {"aws": open_store(fake.cloud("aws"))}
    made = await looked(plan(move("aws:b/in/k", "aws:c/k", 5)), stores, write=False)
    assert found(made) == {("aws:b", "source"): CheckState.OK, ("aws", "clock"): CheckState.OK}
    assert {seen.method for seen in fake.seen} == {"HEAD"}
    assert made.warnings == ("said before",)
    assert made.seconds is None


async def test_the_closer_look_reads_writes_and_tidies_up(fake: FakeS3) -> None:
    stores = {"aws": open_store(fake.cloud("aws"))}
    made = await looked(plan(move("aws:b/in/k", "aws:c/out/k", 5)), stores, write=True)
    assert found(made)["aws:c", "destination"] is CheckState.OK
    assert fake.state.buckets["c"] == {}
    written = [
        seen for seen in fake.seen if seen.method == "PUT" and seen.key.startswith("out/.astra-")
    ]
    assert len(written) == 1
    (read,) = [seen for seen in fake.seen if seen.method == "GET" and seen.key == "in/k"]
    assert read.headers["range"] == "bytes=0-0"


@pytest.mark.parametrize("quirks", [Quirks(read_only=True)])
async def test_a_destination_that_may_not_be_written_is_told(fake: FakeS3) -> None:
    stores = {"aws": open_store(fake.cloud("aws"))}
    made = await looked(plan(move("aws:b/in/k", "aws:c/out/k", 5)), stores, write=True)
    assert found(made)["aws:c", "destination"] is CheckState.FAILED
    assert made.warnings[0] == "said before"
    assert any(text.startswith("aws:c: destination: ") for text in made.warnings)


async def test_what_may_be_written_and_not_deleted_is_told(fake: FakeS3) -> None:
    def refuse(seen: Seen) -> Fault | None:
        mine = seen.method == "DELETE" and ".astra-doctor-" in seen.path
        return Fault(status=403, code="AccessDenied") if mine else None

    fake.on_request = refuse
    stores = {"aws": open_store(fake.cloud("aws"))}
    made = await looked(plan(move("aws:b/in/k", "aws:c/k", 5)), stores, write=True)
    assert found(made)["aws:c", "destination"] is CheckState.WARNING
    assert any("by hand" in text for text in made.warnings)


async def test_a_source_that_went_away_or_may_not_be_read(fake: FakeS3) -> None:
    stores = {"aws": open_store(fake.cloud("aws"))}
    gone = await looked(plan(move("aws:b/gone", "aws:c/k", 5)), stores, write=False)
    assert found(gone)["aws:b", "source"] is CheckState.WARNING
    fake.on_request = lambda seen: (
        Fault(status=403, code="AccessDenied") if seen.method == "GET" else None
    )
    stores = {"aws": open_store(fake.cloud("aws"))}
    denied = await looked(plan(move("aws:b/in/k", "aws:c/k", 5)), stores, write=True)
    assert found(denied)["aws:b", "source"] is CheckState.FAILED


async def test_a_disk_that_is_too_small_is_told(tmp_path: Path) -> None:
    (tmp_path / "from" / "bucket").mkdir(parents=True)
    (tmp_path / "from" / "bucket" / "k").write_bytes(b"bytes")
    stores: dict[str, ObjectStore] = {
        "from": local_store("from", tmp_path / "from"),
        "to": local_store("to", tmp_path / "to"),
    }
    disk = stores["to"]
    assert isinstance(disk, HasRoom)
    free = await disk.free_bytes("bucket")
    fits = await preflight(
        plan(move("from:bucket/k", "to:bucket/k", 5)),
        {name: Place(store) for name, store in stores.items()},
        [],
        8,
        Bandwidth(),
        write=True,
    )
    assert found(fits)["to", "space"] is CheckState.OK
    assert found(fits)["to:bucket", "destination"] is CheckState.OK
    spare = move("from:bucket/k", "to:bucket/k", free - 16 * MIB)
    tight = await looked(plan(spare), stores, write=False)
    assert found(tight)["to", "space"] is CheckState.WARNING
    assert any("Less than 64 MiB would be left" in text for text in tight.warnings)
    large = [move("from:bucket/k", f"to:bucket/{number}", free // 2) for number in range(3)]
    made = await looked(plan(*large), stores, write=False)
    assert found(made)["to", "space"] is CheckState.FAILED
    assert any("Free some space" in text for text in made.warnings)
    assert list((tmp_path / "to" / "bucket").iterdir()) == []


async def test_a_second_look_replaces_the_first(fake: FakeS3) -> None:
    places = {"aws": Place(open_store(fake.cloud("aws")))}
    first = await preflight(plan(move("aws:b/gone", "aws:c/k", 5)), places, [], 8, Bandwidth())
    assert len(first.warnings) == 2
    fake.state.put("b", "gone", b"back")
    second = await preflight(first, places, [], 8, Bandwidth())
    assert second.warnings == ("said before",)
    await places["aws"].store.close()


async def test_a_cloud_that_is_not_configured_any_more(fake: FakeS3) -> None:
    moves = (move("aws:b/in/k", "gone:c/k", 5), move("gone:b/k", "aws:c/k", 5))
    stores = {"aws": open_store(fake.cloud("aws"))}
    made = await looked(plan(*moves), stores, write=True)
    assert found(made)["gone", "cloud"] is CheckState.FAILED
    assert found(made)["aws:b", "source"] is CheckState.OK
    assert found(made)["aws:c", "destination"] is CheckState.OK


@pytest.mark.parametrize(
    ("offset", "state"),
    [(0.4, CheckState.OK), (-120.0, CheckState.WARNING), (3600.0, CheckState.FAILED)],
)
async def test_a_wrong_clock_is_told(
    fake: FakeS3, monkeypatch: pytest.MonkeyPatch, offset: float, state: CheckState
) -> None:
    store = open_store(fake.cloud("aws"))
    monkeypatch.setattr(type(store), "clock_offset", offset)
    (check,) = clock(store)
    assert check.state is state
    await store.close()


NOON = datetime(2026, 11, 23, 12, 0).timestamp()  # a Monday


@pytest.mark.parametrize(
    ("limit", "free", "seconds"),
    [
        ("off", 10.0, 10.0),
        ("1000B", 10.0, 100.0),  # the limit is what holds it up
        ("1000B", 400.0, 400.0),  # the stores are
        ("08:00,1000B 12:01,10000B", 1.0, 60.0 + 4.0),  # 60,000 bytes until then
        ("08:00,1000B 12:01,off", 0.0, 60.0),
    ],
)
def test_a_limit_bounds_the_expected_time(limit: str, free: float, seconds: float) -> None:
    bandwidth = Bandwidth(parse_bandwidth(limit), clock=lambda: NOON)
    assert bandwidth.seconds(100_000, free) == pytest.approx(seconds)
    assert bandwidth.seconds(0, free) == free
    assert bounded(free, 100_000, bandwidth) == pytest.approx(seconds)


def test_a_limit_alone_tells_the_least_time() -> None:
    assert bounded(None, 100_000, Bandwidth(1000)) == pytest.approx(100.0)
    assert bounded(None, 100_000, Bandwidth()) is None
    assert bounded(None, 0, Bandwidth(1000)) is None


def test_time_is_that_of_earlier_jobs_of_the_route() -> None:
    seconds = (0.0, 0.0, 0.0, 0.0, 0.0)
    sums = [
        Sum("aws → gcp", "completed", 100, 100 * 1000, 50.0, 0.0, seconds),
        Sum("aws → gcp", "failed", 5, 10, 900.0, 0.0, seconds),
        Sum("aws → disk", "completed", 10, 10 * GIB, 100.0, 0.0, seconds),
    ]
    assert expected_seconds({"aws → gcp": (40, 4000)}, sums, 8) == pytest.approx(40 * 0.5 / 8)
    assert expected_seconds({"aws → disk": (1, 4 * GIB)}, sums, 8) == pytest.approx(40.0)
    mixed = {"aws → disk": (1, 4 * GIB), "aws → azure": (1, 1)}
    assert expected_seconds(mixed, sums, 8) is None
    assert expected_seconds({}, sums, 8) == 0.0
