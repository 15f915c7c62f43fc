"""The console over a real engine: real stores, the embedded broker, a real ledger."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from astra_tui.app import AstraApp
from astra_tui.config import ConsoleSettings
from astra_tui.screens.console import ConsoleScreen
from astra_tui.screens.dialogs import Choice, Confirm, Prompt, Tell
from astra_tui.screens.job import JobScreen
from astra_tui.screens.object import ObjectScreen
from astra_tui.screens.plan import PlanScreen
from engine.engine import Engine
from engine.model import JobState, KafkaState, ListingState, Provider, SortKey, StoreKind
from engine.settings import CloudSettings, EngineSettings, KafkaSettings, Secret
from tests.console import world
from tests.console.waiting import on, shows, until, words

SIZE = (120, 40)
KEYS = ("a/deep/report.csv", "a/other.csv", "logs[/]x", "esc\x1b[31mred.csv", "two words.txt")


def local(name: str, root: Path, keys: tuple[str, ...] = ()) -> CloudSettings:
    (root / "data").mkdir(parents=True)
    for number, key in enumerate(keys):
        path = root / "data" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number % 256]) * (1000 + number))
    return CloudSettings(name, StoreKind.LOCAL, Provider.ONPREM, bucket="data", root=root)


def settings(tmp_path: Path, *clouds: CloudSettings, **changes: Any) -> EngineSettings:
    changes.setdefault("kafka", KafkaSettings(bootstrap="off"))
    return EngineSettings(clouds, tmp_path / "state", **changes)


def console(found: EngineSettings) -> AstraApp:
    return AstraApp(Engine(found), ConsoleSettings())


def states(app: AstraApp) -> list[ListingState]:
    return [cloud.state for cloud in app.snapshot.clouds]


def listed(app: AstraApp) -> Callable[[], bool]:
    """A condition: no cloud is being listed any more, and the panes show what was found."""

    def condition() -> bool:
        screen: Any = app.our_screen
        if ListingState.LOADING in states(app) or not app.started:
            return False
        return all(
            pane.status.state is not ListingState.READY or pane.objects.count() > 0
            for pane in screen.panes
        )

    return condition


async def test_objects_move_from_cloud_to_cloud(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    app: Any = console(settings(tmp_path, local("here", here, KEYS), local("there", there)))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        assert states(app) == [ListingState.READY, ListingState.EMPTY]
        assert "\x1b" not in words(pilot)
        await pilot.press("*")
        pane = app.screen.panes[0]
        await until(pilot, lambda: len(pane.marked) == len(KEYS))
        await pilot.press("m")
        await until(pilot, on(pilot, Choice))
        await pilot.press("2")
        await until(pilot, lambda: "the source is kept" in words(pilot))
        await pilot.press("1")
        await until(pilot, on(pilot, PlanScreen))
        await shows(pilot, "5 of 5 moves")
        await pilot.press("A")
        await until(pilot, on(pilot, Confirm))
        await shows(pilot, "5 sources")
        assert (here / "data" / KEYS[0]).exists()
        await pilot.press("y")
        await until(pilot, on(pilot, ConsoleScreen))
        await until(pilot, lambda: app.snapshot.count("completed") == 5, "five jobs completed")
        await until(pilot, lambda: states(app) == [ListingState.EMPTY, ListingState.READY])
        for number, key in enumerate(KEYS):
            assert (there / "data" / key).read_bytes() == bytes([number]) * (1000 + number)
            assert not (here / "data" / key).exists()
        await pilot.press("4")
        await until(pilot, lambda: app.screen.board.has_focus_within)
        await pilot.press("enter")
        await until(pilot, on(pilot, JobScreen))
        await until(pilot, lambda: "reread" in words(pilot) and "equal" in words(pilot))
        await pilot.press("w")
        await until(pilot, on(pilot, Choice))
        await pilot.press("2")
        await until(pilot, lambda: list((tmp_path / "state" / "reports").glob("*.csv")))
        await until(pilot, lambda: "Report of 5 jobs" in words(pilot), "it says where")
        (report,) = (tmp_path / "state" / "reports").iterdir()
        assert report.read_text().count('"completed"') == 5
        await pilot.press("escape", "w")
        await until(pilot, on(pilot, Choice))
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))
        await pilot.press("q")
        await until(pilot, lambda: app._exit)
    assert app.return_code == 0


async def test_accesses_go_through_kafka_and_are_counted(tmp_path: Path) -> None:
    found = settings(
        tmp_path, local("here", tmp_path / "here", KEYS), kafka=KafkaSettings(bootstrap="embedded")
    )
    app: Any = console(found)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        await until(pilot, lambda: app.snapshot.kafka.state is KafkaState.CONNECTED)
        await pilot.press("x")
        await until(pilot, on(pilot, Prompt))
        await pilot.press("1", "2", "enter")
        feed = app.screen_stack[0].feed
        await until(pilot, lambda: feed.pane_list().count() > 0, "the event comes back")
        await until(pilot, lambda: "report.csv" in words(pilot) and "GET" in words(pilot))
        await pilot.press("enter")
        await until(pilot, on(pilot, ObjectScreen))
        await until(pilot, lambda: "12 in 30 days" in words(pilot), "the reads are counted")


async def test_an_aged_object_is_decided_upon_and_its_class_changed(
    tmp_path: Path, moto_endpoint: str, bucket_name: str
) -> None:
    client = boto3.client(
        "s3", endpoint_url=moto_endpoint, region_name="us-east-1",
        aws_access_key_id="k", aws_secret_access_key="s",
    )  # fmt: skip
    client.create_bucket(Bucket=bucket_name)
    client.put_object(Bucket=bucket_name, Key="photos/a.jpg", Body=b"x" * 300_000)
    aws = CloudSettings(
        "aws", StoreKind.S3, Provider.AWS, bucket=bucket_name, region="us-east-1",
        endpoint=moto_endpoint, path_style=True, access_key=Secret("k"), secret_key=Secret("s"),
    )  # fmt: skip
    app: Any = console(settings(tmp_path, aws))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        await pilot.press("a")
        await until(pilot, on(pilot, Prompt))
        await pilot.press("1", "2", "0", "enter")
        await until(pilot, lambda: "120d" in words(pilot), "the object looks older")
        await pilot.press("e")
        await until(pilot, on(pilot, Tell))
        await shows(pilot, "COLD")
        await pilot.press("P")
        await until(pilot, on(pilot, PlanScreen))
        await pilot.press("A")
        await until(pilot, on(pilot, Confirm))
        await shows(pilot, "deletes  nothing")
        await pilot.press("y")
        await until(pilot, lambda: app.snapshot.count("completed") == 1, "the class is changed")
    head = client.head_object(Bucket=bucket_name, Key="photos/a.jpg")
    assert head["StorageClass"] == "GLACIER_IR"


async def test_a_failed_cloud_says_why_and_is_tried_again(tmp_path: Path) -> None:
    root = tmp_path / "late"
    late = CloudSettings("late", StoreKind.LOCAL, Provider.ONPREM, bucket="data", root=root)
    fine = local("fine", tmp_path / "fine", KEYS)
    app: Any = console(settings(tmp_path, late, fine))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        assert states(app) == [ListingState.FAILED, ListingState.READY]
        await shows(pilot, "FAILED: not listed")
        await shows(pilot, "Press r to try again.")
        (root / "data").mkdir(parents=True)
        (root / "data" / "now.txt").write_text("here")
        await pilot.press("r")
        await until(pilot, lambda: "now.txt" in words(pilot))


async def test_without_a_broker_the_rest_works(tmp_path: Path) -> None:
    away = KafkaSettings(bootstrap="127.0.0.1:9")
    app: Any = console(settings(tmp_path, local("here", tmp_path / "here", KEYS), kafka=away))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        await until(pilot, lambda: app.snapshot.kafka.state is KafkaState.AWAY)
        await until(pilot, lambda: "AWAY" in words(pilot))
        await pilot.press("enter")
        await until(pilot, on(pilot, ObjectScreen))
        await until(pilot, lambda: "metadata" in words(pilot))


async def test_two_consoles_do_not_share_a_state_directory(tmp_path: Path) -> None:
    found = settings(tmp_path, local("here", tmp_path / "here", KEYS))
    async with Engine(found):
        app: Any = console(found)
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, on(pilot, Tell))
            await shows(pilot, "Astra cannot start")
            await pilot.press("tab", "enter")
            await until(pilot, lambda: app._exit)
            app._exit_renderables.clear()
        assert app.return_code == 2


async def test_a_terminated_console_leaves_jobs_that_resume_finishes(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    clouds = (local("here", here), local("there", there))
    body = os.urandom(3 * world.MIB)
    for number in range(4):
        (here / "data" / f"{number}.bin").write_bytes(body)
    app: Any = console(settings(tmp_path, *clouds, jobs=1, bwlimit=world.MIB))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        await pilot.press("*")
        await until(pilot, lambda: len(app.screen.panes[0].marked) == 4)
        await pilot.press("m")
        await until(pilot, on(pilot, Choice))
        await pilot.press("2")
        await until(pilot, lambda: "the source is kept" in words(pilot))
        await pilot.press("1")
        await until(pilot, on(pilot, PlanScreen))
        await pilot.press("A")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: app.snapshot.count("copying") > 0, "a copy runs")
        os.kill(os.getpid(), signal.SIGTERM)
        await until(pilot, lambda: app._exit)
    assert app.return_code == 128 + signal.SIGTERM
    for number in range(4):  # every object is whole on one side at least
        copies = [place / "data" / f"{number}.bin" for place in (here, there)]
        assert any(path.exists() and path.read_bytes() == body for path in copies)

    # The next console finds the jobs paused, says so, and p lets them go on.
    app = console(settings(tmp_path, *clouds))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        await until(pilot, lambda: "p resume" in words(pilot))
        assert any("earlier run" in notice.text for notice in app.notice_board)
        await pilot.press("p")
        await until(pilot, lambda: app.snapshot.count("completed") == 4, "all jobs are done")
    assert len(list((there / "data").glob("*.bin"))) == 4
    assert not list((here / "data").glob("*.bin"))


async def test_read_only_is_really_read_only(tmp_path: Path) -> None:
    clouds = (local("here", tmp_path / "here", KEYS), local("there", tmp_path / "there"))
    app: Any = console(settings(tmp_path, *clouds, read_only=True))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        await pilot.press("a")
        await until(pilot, lambda: any("read-only" in n.message for n in app._notifications))
        assert isinstance(app.screen, ConsoleScreen)


async def test_many_objects_are_sorted_and_filtered(tmp_path: Path) -> None:
    keys = tuple(f"day-{number % 30:02}/object-{number:05}.log" for number in range(2000))
    app: Any = console(settings(tmp_path, local("here", tmp_path / "here", keys)))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        pane = app.screen.panes[0]
        await until(pilot, lambda: pane.objects.count() == 2000)
        await pilot.press("slash", *"day-07/", "enter")
        await until(pilot, lambda: pane.objects.count() == 67)
        await pilot.press("s")
        await until(pilot, lambda: pane.objects.view.query.sort is SortKey.SIZE)
        await pilot.press("G")
        await until(pilot, lambda: pane.objects.cursor == 66)
        await pilot.press("escape")
        await until(pilot, lambda: pane.objects.count() == 2000)
        assert pane.cursor_key is not None
        jobs = await app.engine.jobs(states=[JobState.FAILED])
        assert jobs == []


async def test_jobs_can_be_paused_and_go_on(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    clouds = (local("here", here), local("there", there))
    (here / "data" / "big.bin").write_bytes(bytes(2 * world.MIB))
    app: Any = console(settings(tmp_path, *clouds, bwlimit=world.MIB // 2))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        await pilot.press("m", "2")
        await until(pilot, lambda: "the source is kept" in words(pilot))
        await pilot.press("2")  # a copy
        await until(pilot, on(pilot, PlanScreen))
        await pilot.press("A")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: app.snapshot.count("copying") > 0)
        await pilot.press("p")
        await until(pilot, lambda: app.snapshot.count("paused") == 1)
        await until(pilot, lambda: "p resume" in words(pilot))
        app.engine.set_limits(bwlimit=0)
        await pilot.press("p")
        await until(pilot, lambda: app.snapshot.count("completed") == 1)
    assert (here / "data" / "big.bin").exists()
    assert (there / "data" / "big.bin").exists()
    await asyncio.sleep(0)
