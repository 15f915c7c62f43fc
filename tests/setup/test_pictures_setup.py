"""What the first run looks like, frozen."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from astra_tui.screens.dialogs import Choice
from astra_tui.setup import finish, screen
from astra_tui.setup.app import SetupApp
from astra_tui.setup.form import Form
from astra_tui.setup.tester import Step
from engine.discovery.candidate import Candidate, candidate
from engine.discovery.search import Found
from engine.model import Check, CheckState, Provider, StoreKind
from engine.settings import Secret
from tests.console import world
from tests.console.contrast import ENOUGH, box, segments, too_faint
from tests.console.waiting import on, quiet, until

SMALL, USUAL = (80, 24), (120, 40)
S3, AZURE, LOCAL = StoreKind.S3, StoreKind.AZURE, StoreKind.LOCAL

CLOUDS = (
    candidate("aws", S3, Provider.AWS, "~/.aws/credentials", profile="default", region="eu-west-1"),
    candidate(
        "minio", S3, Provider.ONPREM, "mc alias minio (~/.mc/config.json)",
        endpoint="http://127.0.0.1:9000", access_key="env:MC_MINIO_ACCESS_KEY",
        secret_key="env:MC_MINIO_SECRET_KEY", path_style=True,
        secrets=(("MC_MINIO_ACCESS_KEY", Secret("u")), ("MC_MINIO_SECRET_KEY", Secret("p"))),
    ),
    candidate("azure", AZURE, Provider.AZURE, "az login (~/.azure)", likely=False,
              note="subscription Pay, name the storage account (e)"),
    candidate("data", LOCAL, Provider.ONPREM, "a folder of this machine", root="/home/op/data",
              note="3 folders, the buckets", likely=False),
)  # fmt: skip
TROUBLES = ("~/.config/rclone/rclone.conf: it is encrypted, so its remotes are not shown",)


@pytest.fixture
def make(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SetupApp]:
    def made(clouds: tuple[Candidate, ...] = CLOUDS, *, done: bool = True) -> SetupApp:
        async def search(*_: Any, **__: Any) -> Any:
            yield Found(clouds, TROUBLES if clouds else (), done=done)

        monkeypatch.setattr(screen, "search", search)
        monkeypatch.setattr(finish, "user_config", lambda: tmp_path / "none" / "astra.toml")
        return SetupApp(environ={}, home_dir=tmp_path, here=tmp_path, ports=())

    return made


def having_tested(*, then: str = "") -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Give the first two a result, then press a key."""

    async def run(pilot: Pilot[Any]) -> None:
        shown: Any = pilot.app.screen
        await until(pilot, lambda: shown.entries, "the clouds")
        well = Check("aws", "list", CheckState.OK, "prod-data: 1000 or more objects.")
        bad = Check("minio", "reachable", CheckState.FAILED, "403 [red]Forbidden[/] \x1b[31m.",
                    "Correct its keys, or name others (e).")  # fmt: skip
        for number, check in enumerate((well, bad)):
            entry = shown.entries[number].learnt(check).ended()
            shown.entries[number] = replace(entry, buckets=("prod-data", "logs"))
        shown.show_all()
        await pilot.press("down")
        if then:
            await pilot.press(then)
        kinds = {"e": Form, "w": Choice}
        if then in kinds:
            await until(pilot, on(pilot, kinds[then]), then)
        await quiet(pilot)

    return run


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_found(size: tuple[int, int], make: Any, snap_compare: Any) -> None:
    assert snap_compare(make(), terminal_size=size, run_before=having_tested())


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_editing(size: tuple[int, int], make: Any, snap_compare: Any) -> None:
    assert snap_compare(make(), terminal_size=size, run_before=having_tested(then="e"))


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_writing(
    size: tuple[int, int], make: Any, snap_compare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: Any = make()
    # The folder of a test has another name each time.
    monkeypatch.setattr(finish, "user_config", lambda: Path("/home/op/.config/astra/astra.toml"))
    app.here = Path("/home/op/work")
    assert snap_compare(app, terminal_size=size, run_before=having_tested(then="w"))


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_testing(
    size: tuple[int, int], make: Any, snap_compare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any, **__: Any) -> Any:
        yield Step("aws", Check("aws", "reachable", CheckState.OK, "aws eu-west-1"))
        await asyncio.Event().wait()

    monkeypatch.setattr(screen, "try_clouds", never)

    async def run(pilot: Pilot[Any]) -> None:
        shown: Any = pilot.app.screen
        await until(pilot, lambda: shown.entries, "the clouds")
        await pilot.press("t")
        await until(pilot, lambda: shown.entries[0].checks, "the first check")
        await quiet(pilot)

    assert snap_compare(make(), terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_keys(size: tuple[int, int], make: Any, snap_compare: Any) -> None:
    assert snap_compare(make(), terminal_size=size, run_before=having_tested(then="question_mark"))


@pytest.mark.parametrize("done", [False, True])
def test_nothing(done: bool, make: Any, snap_compare: Any) -> None:
    async def wait(pilot: Pilot[Any]) -> None:
        shown: Any = pilot.app.screen
        await until(pilot, lambda: shown.found.done is done and shown.query_one("#entries"), "it")
        await quiet(pilot)

    assert snap_compare(make((), done=done), terminal_size=SMALL, run_before=wait)


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_hostile(size: tuple[int, int], make: Any, snap_compare: Any) -> None:
    clouds = tuple(
        candidate(name, S3, Provider.AWS, f"profile {name}", profile=name, region=name)
        for name in world.HOSTILE
    )
    assert snap_compare(make(clouds), terminal_size=size, run_before=having_tested())


def test_without_colour(make: Any, snap_compare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(make(), terminal_size=SMALL, run_before=having_tested())


@pytest.mark.parametrize("then", ["", "e", "w", "question_mark"])
async def test_all_text_can_be_read(then: str, make: Any) -> None:
    app = make()
    async with app.run_test(size=USUAL) as pilot:
        await having_tested(then=then)(pilot)
        assert too_faint(app, ENOUGH[app.theme], box(app)) == []
        assert sum(1 for _ in segments(app, box(app))) > 10
