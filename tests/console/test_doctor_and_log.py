"""The doctor's screen and the log's: what they find, and what never shows."""

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from astra_tui.app import AstraApp
from astra_tui.config import ConsoleSettings
from astra_tui.logfile import LogFile
from astra_tui.logtail import FIRST_READ, LogTail
from astra_tui.redact import known_secrets, redact
from astra_tui.screens.console import ConsoleScreen
from astra_tui.screens.dialogs import Confirm, Tell
from astra_tui.screens.doctor import DoctorScreen
from astra_tui.screens.log import LogEntryScreen, LogScreen
from engine.engine import Engine
from engine.errors import StateError
from engine.model import Check, CheckState, Notice, NoticeLevel, Provider, StoreKind
from engine.service.link import OtherConfig, WrongVersion
from engine.settings import CloudSettings, EngineSettings, KafkaSettings, Secret
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.test_with_engine import local, settings
from tests.console.waiting import on, settled, shows, until, words

SIZE = (120, 40)
BAD = Check("aws", "write", CheckState.FAILED, "403 [red]no[/] \x1b[31m.", "Give it s3:PutObject.")


async def test_what_is_wrong_stands_first_with_what_to_do(make_app: AppMaker) -> None:
    app: Any = make_app()
    app.engine.checks = world.checks(BAD)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("D")
        await until(pilot, on(pilot, DoctorScreen))
        await shows(pilot, "1 failed")
        await shows(pilot, "Give it s3:PutObject.")
        shown = words(pilot)
        assert "[red]no[/]" in shown
        assert "\x1b" not in shown
        assert app.screen.query_one("#checks").cursor_row == BAD
        assert app.engine.asked("doctor")[-1] == (False, ())  # nothing was written
        await pilot.press("enter")
        await until(pilot, on(pilot, Tell))
        await pilot.press("escape")
        await until(pilot, on(pilot, DoctorScreen))
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))
        await shows(pilot, "doctor ✗ 1")  # the sign stays
        app.engine.checks = world.checks()
        await pilot.press("D")
        await until(pilot, on(pilot, DoctorScreen))
        await until(pilot, lambda: not app.screen.running)
        await pilot.press("escape")
        await until(pilot, lambda: on(pilot, ConsoleScreen)() and "doctor" not in words(pilot))


async def test_writing_is_asked_for(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("D")
        await until(pilot, on(pilot, DoctorScreen))
        await until(pilot, lambda: not app.screen.running)
        await pilot.press("w")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("enter")  # the default is No
        await until(pilot, on(pilot, DoctorScreen))
        assert (True, ()) not in app.engine.asked("doctor")
        await pilot.press("w")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: (True, ()) in app.engine.asked("doctor"))


async def test_results_show_as_they_come(make_app: AppMaker) -> None:
    app: Any = make_app()
    app.engine.hold["doctor"] = asyncio.Event()
    app.engine.checks = world.checks(BAD)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("D")
        await until(pilot, on(pilot, DoctorScreen))
        await shows(pilot, "1 failed")
        await shows(pilot, "looking")
        await pilot.press("escape")  # and it may be left in the middle
        await until(pilot, on(pilot, ConsoleScreen))
        app.engine.hold["doctor"].set()


async def test_config_warnings_and_a_dead_engine_are_checks(make_app: AppMaker) -> None:
    app: Any = make_app(console=ConsoleSettings(theme="mauve"))

    def gone(**_: Any) -> Any:
        raise StateError("The engine's process does not answer.", todo="Start it again.")

    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await shows(pilot, "doctor ! 1")
        app.engine.doctor = gone
        await pilot.press("D")
        await until(pilot, on(pilot, DoctorScreen))
        await shows(pilot, "mauve")
        await shows(pilot, "does not answer")
        await shows(pilot, "Start it again.")


async def test_a_real_engine_is_examined(tmp_path: Path) -> None:
    clouds = local("here", tmp_path / "here", ("a",)), local("there", tmp_path / "gone")
    (tmp_path / "gone" / "data").rmdir()
    (tmp_path / "gone").rmdir()
    app = AstraApp(Engine(settings(tmp_path, *clouds)), ConsoleSettings())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, lambda: app.started)
        await pilot.press("D")
        await until(pilot, on(pilot, DoctorScreen))
        screen: Any = app.screen
        await until(pilot, lambda: not screen.running, "it has looked")
        by = {(check.subject, check.name): check.state for check in screen.found}
        assert by["here", "read"] is CheckState.OK
        assert by["here", "write"] is CheckState.SKIPPED
        assert by["there", "reachable"] is CheckState.FAILED
        assert by["state", "directory"] is CheckState.OK
        await pilot.press("w")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: any(c.name == "delete" and c.state is CheckState.OK
                                       for c in screen.found))  # fmt: skip
    assert [path.name for path in (tmp_path / "here" / "data").iterdir()] == ["a"]


@pytest.mark.parametrize("kind", [OtherConfig, WrongVersion])
async def test_an_engine_in_the_way_is_ended_with_one_key(
    kind: type[StateError], make_app: AppMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: Any = make_app()
    ended: list[Path] = []

    async def end(path: Path) -> int:
        ended.append(path)
        app.engine.fail.clear()
        return 1

    monkeypatch.setattr("astra_tui.engine_life.end_engine", end)
    app.engine.fail["start"] = kind("The engine that runs is another one.", safe="Its jobs go on.")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, on(pilot, Tell))
        await shows(pilot, "its jobs wait until you resume")
        assert not ended
        await pilot.press("s")
        await settled(pilot)
        assert [path.parent for path in ended] == [app.engine.settings.state_dir]


async def test_an_engine_that_cannot_be_ended_is_told_of_and_may_be_tried_again(
    make_app: AppMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: Any = make_app()

    async def end(path: Path) -> int:
        raise StateError("It did not end.", todo="Kill it.")

    monkeypatch.setattr("astra_tui.engine_life.end_engine", end)
    app.engine.fail["start"] = OtherConfig("The engine that runs is another one.")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, on(pilot, Tell))
        await shows(pilot, "its jobs wait until you resume")
        await pilot.press("s")
        await shows(pilot, "Kill it.")
        await pilot.press("escape")
        await shows(pilot, "its jobs wait until you resume")
        app.engine.fail.clear()
        await pilot.press("enter")  # try again
        await settled(pilot)


# -- the log ----------------------------------------------------------------------------

LINE = "2026-11-21 12:00:0{0},000 {1:7} astra.x: {2}\n"


def test_a_tail_reads_what_is_added_and_whole_tracebacks(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    tail = LogTail(path, "engine")
    assert tail.read() == ([], False)
    path.write_text("half a record\n" + LINE.format(1, "INFO", "one"))
    entries, again = tail.read()
    assert ([e.text for e in entries], again) == (["one"], False)
    with path.open("a") as stream:
        stream.write(LINE.format(2, "ERROR", "two") + "Traceback (most recent call last):\n  Fi")
    entries, again = tail.read()
    assert ([(e.level, e.text) for e in entries], again) == ([("error", "two")], False)
    with path.open("a") as stream:
        stream.write("le x\nValueError: y\n")
    entries, again = tail.read()
    assert again
    assert entries[0].more.splitlines()[1:] == ["  File x", "ValueError: y"]
    path.rename(tmp_path / "engine.log.1")
    path.write_text(LINE.format(3, "WARNING", "after the turn"))
    entries, again = tail.read()
    assert ([e.text for e in entries], again) == (["after the turn"], False)


def test_a_large_log_is_read_from_its_end(tmp_path: Path) -> None:
    path = tmp_path / "astra.log"
    line = LINE.format(1, "INFO", "x" * 200)
    path.write_text(line * (4 * FIRST_READ // len(line)) + LINE.format(9, "INFO", "last"))
    entries, _ = LogTail(path, "console").read()
    assert entries[-1].text == "last"
    assert len(entries) <= FIRST_READ // len(line) + 1


SECRETS = (
    "Authorization: AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=hush-hush",
    "GET https://h/b?X-Amz-Signature=hush-hush&x=1",
    "GET https://acc.blob.core.windows.net/c?sv=1&sig=hush-hush",
    "{'aws_secret_access_key': 'hush-hush'}",
    "AccountName=a;AccountKey=hush-hush;EndpointSuffix=x",
    "sasl.plain.password=hush-hush failed",
    "https://user:hush-hush@proxy:3128 refused",
    "Bearer hush-hush.token",
    '"private_key": "-----BEGIN PRIVATE KEY-----\nhush-hush\n-----END PRIVATE KEY-----"',
)


@pytest.mark.parametrize("text", SECRETS)
def test_what_looks_like_a_secret_is_not_written(text: str, tmp_path: Path) -> None:
    assert "hush" not in redact(text)
    file = LogFile(tmp_path).open()
    try:
        logging.getLogger("astra.test").warning("failed: %s", text)
        try:
            raise ValueError(text)
        except ValueError:
            logging.getLogger("astra.test").exception("again")
    finally:
        file.close()
    written = (tmp_path / "astra.log").read_text()
    assert "hush" not in written
    assert "again" in written


def test_known_secrets_are_found_wherever_they_stand(tmp_path: Path) -> None:
    cloud = CloudSettings("a", StoreKind.S3, Provider.AWS, secret_key=Secret("xyzzy-plugh"))
    kafka = KafkaSettings(password=Secret("kafka-word"))
    known = known_secrets(EngineSettings((cloud,), tmp_path, kafka))
    assert redact("say xyzzy-plugh to kafka-word", known) == "say *** to ***"
    assert redact("job 12 of the key a/b?c=d: 3 tokens left", known).endswith("3 tokens left")


async def test_the_log_shows_all_sides_by_level_and_text(make_app: AppMaker) -> None:
    app: Any = make_app()
    state = app.engine.settings.state_dir
    state.mkdir(exist_ok=True)
    (state / "engine.log").write_text(
        LINE.format(1, "INFO", "calm") + LINE.format(2, "ERROR", "bad \x1b[31m[b]x[/b]")
        + "Traceback (most recent call last):\n  deep inside\n"
    )  # fmt: skip
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        app.engine.noted = [(1, Notice(NoticeLevel.WARNING, "odd", "Look.", time.time()))]
        await until(pilot, lambda: len(app.notice_board) == 1)
        await pilot.press("L")
        await until(pilot, on(pilot, LogScreen))
        for text in ("calm", "[b]x[/b]", "odd", "(+2 lines)", "following"):
            await shows(pilot, text)
        assert "deep inside" not in words(pilot)
        assert "\x1b" not in words(pilot)
        await pilot.press("v")
        await until(pilot, lambda: "calm" not in words(pilot) and "odd" in words(pilot))
        await pilot.press("v")
        await until(pilot, lambda: "odd" not in words(pilot) and "[b]x[/b]" in words(pilot))
        await pilot.press("enter")
        await until(pilot, on(pilot, LogEntryScreen))
        await shows(pilot, "deep inside")
        await pilot.press("escape")
        await until(pilot, on(pilot, LogScreen))
        await pilot.press("v", "slash", *"calm", "enter")
        await shows(pilot, "calm")
        await until(pilot, lambda: "[b]x" not in words(pilot))
        await pilot.press("escape")
        await shows(pilot, "[b]x")
        screen: Any = app.screen
        await pilot.press("g")
        await shows(pilot, "held")
        with (state / "engine.log").open("a") as stream:
            stream.write(LINE.format(3, "INFO", "news"))
        await until(pilot, lambda: any(e.text == "news" for e in screen.pane.list.entries))
        assert screen.pane.list.cursor == 0
        await pilot.press("f")
        await until(pilot, lambda: screen.pane.list.following)
        assert screen.pane.list.cursor == screen.pane.list.count() - 1
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))
