"""The door over a socket: the same answers, errors and streams as the door itself."""

import asyncio
import inspect
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from engine.engine import Engine
from engine.errors import UsageError
from engine.model import (
    Address,
    Bookmark,
    JobState,
    LabRequest,
    ListingQuery,
    ListingState,
    MoveKind,
    Outcome,
    Provider,
    SortKey,
    StoreKind,
)
from engine.service.link import EngineGone, OtherConfig, WrongVersion, connect
from engine.service.methods import DOOR, WORKSPACE, method
from engine.service.remote import RemoteEngine
from engine.service.server import Server
from engine.service.wire import Hello, Kind, fingerprint, pack, receive
from engine.settings import CloudSettings, EngineSettings, KafkaSettings, Secret
from engine.workspace import Workspace


def settings_in(folder: Path) -> EngineSettings:
    clouds = tuple(
        CloudSettings(name, StoreKind.LOCAL, Provider.ONPREM, bucket="b", root=folder / name)
        for name in ("one", "two")
    )
    for name in ("one", "two"):
        (folder / name / "b").mkdir(parents=True, exist_ok=True)
    return EngineSettings(clouds, folder / "state", kafka=KafkaSettings(bootstrap="off"))


@dataclass
class Ends:
    """Both ends of a served engine."""

    engine: Engine
    server: Server
    path: Path
    settings: EngineSettings

    def door(self) -> RemoteEngine:
        return RemoteEngine(self.settings, self.path)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Ends]:
    settings = settings_in(folder)
    async with Engine(settings) as engine:
        server = Server(engine)
        path = folder / "engine.sock"
        async with server.listening(path):
            yield Ends(engine, server, path, settings)


@pytest.fixture
async def ends(tmp_path: Path) -> AsyncIterator[Ends]:
    async with serving(tmp_path) as served:
        yield served


def put(ends: Ends, name: str, body: bytes = b"body", cloud: str = "one") -> None:
    path = os.fsencode(ends.settings.state_dir.parent / cloud / "b") + b"/" + os.fsencode(name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(body)


async def until(condition: "object", seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def listed(door: RemoteEngine, cloud: str = "one") -> None:
    door.scan(cloud)
    assert (await door.scanned(cloud)).state in (ListingState.READY, ListingState.EMPTY)


async def test_folders_come_by_window_and_sums_as_a_stream(ends: Ends) -> None:
    for number in range(30):
        put(ends, f"a/{number:02}/x", b"x" * number)
    put(ends, "a/top")
    async with ends.door() as door:
        await listed(door)
        view = await door.view("one", ListingQuery(SortKey.SIZE, True, folder="a/"))
        assert (len(view), view.folders, view.total_objects) == (31, 30, 31)
        rows = await view.load(0, 2)
        assert [(row.key, row.objects, row.size) for row in rows] == [
            ("a/29/", 1, 29),
            ("a/28/", 1, 28),
        ]
        assert await view.find(["a/00/", "a/top", "a/00/x"]) == [29, 30, None]
        picked = await view.pick("2", 0, 31)
        assert ("a/29/", 29, 1) in zip(picked.keys, picked.sizes, picked.counts, strict=True)
        found = [line async for page in door.usage("one", "a/", 1) for line in page]
        assert (found[0].objects, len(found), found[-1].folder) == (31, 31, "a/29/")


async def test_the_socket_is_for_this_user_alone_and_goes_with_the_server(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        assert stat.S_IMODE(served.path.stat().st_mode) == 0o600
    assert not served.path.exists()
    served.path.touch()  # what an engine that was killed leaves behind
    async with serving(tmp_path) as served:
        async with served.door() as door:
            assert door.attached
    with pytest.raises(EngineGone):
        await served.door().start()


async def test_views_come_by_window(ends: Ends) -> None:
    names = [f"d/{number:04}" for number in range(3000)]
    for name in names:
        put(ends, name, b"x" * (int(name[2:]) % 7))
    async with ends.door() as door:
        await listed(door)
        view = await door.view("one", ListingQuery())
        assert (len(view), view.total_bytes) == (3000, sum(int(n[2:]) % 7 for n in names))
        arrived = asyncio.Event()
        view.on_rows = arrived.set
        assert view.rows(1000, 1003) == [None] * 3
        await asyncio.wait_for(arrived.wait(), 20)
        assert [row.key for row in view.rows(1000, 1003) if row] == names[1000:1003]
        assert [row.key for row in await view.load(0, 3000)] == names
        assert await view.find([names[7], "not there", names[2999]]) == [7, None, 2999]
        picked = await view.pick("*7?9", 0, 3000)
        assert picked.keys == tuple(name for name in names if name[-3] == "7" and name[-1] == "9")
        assert picked.sizes == tuple(int(key[2:]) % 7 for key in picked.keys)
        sizes = await door.view("one", ListingQuery(SortKey.SIZE, True, "0*"))
        assert [row.size for row in await sizes.load(0, 5)] == [6] * 5


async def test_what_one_pane_asks_for_takes_nothing_from_the_others(ends: Ends) -> None:
    put(ends, "k")
    async with ends.door() as door:
        await listed(door)
        other = await door.view("two", ListingQuery())
        used, idle = [await door.view("one", ListingQuery(text="k")) for _ in range(2)]
        for number in range(40):
            await door.view("one", ListingQuery(descending=bool(number % 2)))
            assert await used.find(["k"]) == [0]
        assert await other.find(["k"]) == [None]
        with pytest.raises(UsageError, match="gone"):
            await idle.find(["k"])


async def test_names_that_are_no_text_come_through(ends: Ends) -> None:
    names = ["caf\udce9", "\ufdd0\ufdd0x", "plain", "🚀", "a\x1b]0;x\x07"]
    for name in names:
        put(ends, name)
    async with ends.door() as door:
        await listed(door)
        view = await door.view("one", ListingQuery())
        rows = await view.load(0, len(view))
        assert {row.key for row in rows} == set(names)
        assert None not in await view.find(names)
        detail = await door.inspect(Address("one", "b", "caf\udce9"))
        assert detail.address.key == "caf\udce9"


async def test_a_move_is_planned_carried_out_reported_and_checked(ends: Ends) -> None:
    for number in range(20):
        put(ends, f"in/{number}", bytes([number]) * 1000)
    async with ends.door() as door:
        source, target = Address.parse("one:b/in/"), Address.parse("two:b/out/")
        plan = await door.plan_migration([source], target, kind=MoveKind.COPY)
        assert len(plan.moves) == 20
        await door.workspace.save_plan(plan)
        assert (await door.workspace.plan(plan.plan_id)).moves == plan.moves
        jobset = await door.submit(plan)
        await door.wait(jobset)
        jobs = await door.jobs(jobset=jobset, states=[JobState.COMPLETED])
        assert len(jobs) == 20
        assert jobs == await ends.engine.jobs(jobset=jobset)
        reported = [job async for page in door.report(jobset) for job in page]
        assert len(reported) == 20
        found = [finding async for finding in door.check(source, target)]
        assert {finding.outcome for finding in found} == {Outcome.SAME}
        await until(lambda: door.snapshot().count("completed") == 20)
        assert door.snapshot().statistics == ends.engine.snapshot().statistics


async def test_errors_keep_their_class_and_words(ends: Ends) -> None:
    async with ends.door() as door:
        with pytest.raises(UsageError) as remote:
            await door.view("three", ListingQuery())
        with pytest.raises(UsageError) as here:
            await ends.engine.view("three", ListingQuery())
        assert str(remote.value) == str(here.value)
        with pytest.raises(UsageError, match="job"):
            await door.job("nothing")
        with pytest.raises(TypeError):
            await door.job()  # type: ignore[call-arg]
        assert await door.jobs() == []  # and the connection is none the worse


async def test_a_stream_is_taken_as_fast_as_it_is_wanted(ends: Ends) -> None:
    for number in range(200):
        put(ends, f"x/{number}")
        put(ends, f"x/{number}", cloud="two")
    async with ends.door() as door:
        places = Address.parse("one:b/x/"), Address.parse("two:b/x/")
        stream = door.check(*places)
        assert (await anext(stream)).outcome is Outcome.SAME
        await stream.aclose()
        await until(lambda: ends.server.busy == 1)  # the watching alone
        checks = [check.name async for check in door.doctor()]
        assert "reachable" in checks


async def test_a_caller_that_gives_up_ends_the_call(ends: Ends) -> None:
    for number in range(50):
        put(ends, f"in/{number}")
    async with ends.door() as door:
        await door.link.call("set_limits", jobs=1, bwlimit=1024)
        plan = await door.plan_migration([Address.parse("one:b/in/")], Address.parse("two:b/"))
        jobset = await door.submit(plan)
        waiting = asyncio.create_task(door.wait(jobset))
        await until(lambda: ends.server.busy == 2)
        waiting.cancel()
        await until(lambda: ends.server.busy == 1)
        assert await door.cancel() > 0


async def test_consoles_come_and_go_and_the_engine_stays(ends: Ends) -> None:
    first, second = ends.door(), ends.door()
    await first.start()
    await second.start()
    await until(lambda: ends.server.attached == 2)
    put(ends, "a")
    await listed(first)
    await until(lambda: second.snapshot().clouds and second.snapshot().clouds[0].objects == 1)
    assert first.snapshot().clouds == second.snapshot().clouds
    await first.stop()
    await until(lambda: ends.server.attached == 1)
    await first.start()
    assert (await first.view("one", ListingQuery())).total_bytes == 4
    await first.stop()
    await second.stop()
    await until(lambda: ends.server.attached == 0 and ends.server.busy == 0)
    await ends.engine.workspace.save_bookmark(Bookmark("x", Address.parse("one:b/")))


async def test_an_engine_that_goes_away_is_told_at_once(tmp_path: Path) -> None:
    told = asyncio.Event()
    async with serving(tmp_path) as served:
        door = served.door()
        door.on_end = told.set
        await door.start()
        hanging = asyncio.create_task(door.link.call("wait"))
    await asyncio.wait_for(told.wait(), 20)
    assert not door.attached
    with pytest.raises(EngineGone):
        await door.jobs()
    (result,) = await asyncio.gather(hanging, return_exceptions=True)
    assert result is None or isinstance(result, EngineGone)
    async with serving(tmp_path):
        await door.start()
        assert await door.jobs() == []
        await door.stop()


async def test_an_engine_of_another_configuration_is_not_used(ends: Ends) -> None:
    """Its cloud of the same name may be another place: nothing may be moved or deleted there."""
    one, two = ends.settings.clouds
    moved = replace(ends.settings, clouds=(replace(one, root=two.root), two))
    with pytest.raises(OtherConfig, match="other clouds"):
        await RemoteEngine(moved, ends.path).start()
    secret = replace(ends.settings, clouds=(replace(one, secret_key=Secret("s")), two))
    assert fingerprint(ends.settings) != fingerprint(moved)
    assert "s'" not in repr(secret.clouds[0].secret_key)
    async with RemoteEngine(replace(ends.settings, jobs=3), ends.path) as door:
        assert await door.jobs() == []


async def test_another_version_is_refused_in_words(tmp_path: Path) -> None:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await receive(reader)
        writer.write(pack(Kind.HELLO, 0, "", Hello(999, "9.9", 42)))
        await writer.drain()
        writer.close()

    path = tmp_path / "engine.sock"
    async with await asyncio.start_unix_server(meet, str(path)):
        with pytest.raises(WrongVersion, match=r"Astra 9\.9"):
            await connect(path)


@pytest.mark.parametrize("garbage", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02\xc1\xc1", b"GET /"])
async def test_what_is_no_frame_ends_that_connection_alone(ends: Ends, garbage: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(str(ends.path))
    writer.write(garbage)
    writer.write_eof()
    async with asyncio.timeout(20):
        await reader.read()
    writer.close()
    async with ends.door() as door:
        assert await door.jobs() == []


async def test_the_lab_runs_in_the_engines_process(ends: Ends) -> None:
    folder = ends.settings.state_dir.parent
    (folder / "objects.csv").write_text(
        "object,size_bytes,count,created\na,5000000000,1,2023-01-01\n"
    )
    days = "".join(f"a,2023-01-{day:02d},1,5000000000\n" for day in range(1, 31))
    (folder / "daily.csv").write_text(f"object,date,reads,bytes_read\n{days}")
    request = LabRequest(
        str(folder / "objects.csv"), str(folder / "daily.csv"), policies=("always:STANDARD_IA",)
    )
    async with ends.door() as door:
        result = await door.lab(request)
        assert result == await ends.engine.lab(request)
        assert result.policies[0].total > result.optimum
        with pytest.raises(UsageError, match="no policy 'wish'"):
            await door.lab(replace(request, policies=("wish",)))


def test_every_command_of_the_door_goes_over_the_socket() -> None:
    """A new one that is forgotten in `DOOR` would work on the console's own, empty engine."""
    commands = {
        name
        for name, _ in inspect.getmembers(Engine, inspect.isfunction)
        if not name.startswith("_")
    }
    here = {
        "start",
        "stop",
        "snapshot",
        "notices",
        "view",
        "lab",
        "feed_named",
        "feed_ends",
    }  # made of what is sent
    assert commands == {*DOOR, *here}
    saved = {
        name
        for name, function in inspect.getmembers(Workspace, inspect.iscoroutinefunction)
        if not name.startswith("_")
    }
    assert saved == {*WORKSPACE, "open", "close"}
    names = [*DOOR, *(f"workspace.{name}" for name in WORKSPACE), "desk.rows", "desk.status"]
    for found in map(method, names):
        msgspec.msgpack.Decoder(found.arguments, dec_hook=lambda kind, value: kind(value))
        msgspec.msgpack.Decoder(found.result, dec_hook=lambda kind, value: kind(value))


def test_a_console_needs_no_sdk_no_kafka_and_no_numpy() -> None:
    program = """
import sys
import astra_tui.app, engine.service.remote
from engine.service.methods import method
[method(name) for name in "scan plan_migration submit jobs desk.view workspace.plans".split()]
heavy = "numpy boto3 botocore aiokafka confluent_kafka aiohttp tinydb google azure zstandard moto"
print([name for name in heavy.split() if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


async def test_a_policy_is_adopted_over_the_socket(ends: Ends) -> None:
    async with ends.door() as door:
        choices = await door.lab_choices(LabRequest(provider="aws"))
        assert choices == await ends.engine.lab_choices(LabRequest(provider="aws"))
        assert "recency" in choices.adoptable
        active = await door.adopt_policy("recency")
        assert (active.name, active.adopted, active.configured) == ("recency", True, "rules")
        await until(lambda: door.snapshot().policy == "recency")
        with pytest.raises(UsageError, match="cannot decide by it"):
            await door.adopt_policy("age:30/90/180")
        assert (await door.active_policy()).name == "recency"
        assert not (await door.adopt_policy("")).adopted
