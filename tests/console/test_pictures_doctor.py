"""What the doctor and the log look like, frozen."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from astra_tui import health
from astra_tui.screens.doctor import DoctorScreen
from astra_tui.screens.log import LogEntryScreen, LogScreen
from engine.model import Check, CheckState
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.test_pictures import SMALL, USUAL, Before, press
from tests.console.waiting import on, quiet, shows, until

WRONG = (
    Check("gcp", "reachable", CheckState.FAILED, "The store cannot be reached at "
          "storage.googleapis.com:443: Name or service not known. Nothing was sent.",
          "Check the endpoint and the network."),
    Check("aws", "clock", CheckState.WARNING, "It differs from this machine's by 45 s.",
          "Set this machine's clock (NTP)."),
    Check("azure", "write", CheckState.SKIPPED, "The cloud is configured read-only."),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _same_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Check("terminal", "colours", CheckState.OK, "16 million")]
    monkeypatch.setattr(health, "terminal", lambda: iter(found))


def doctor(*, running: bool) -> Before:
    async def run(pilot: Pilot[Any]) -> None:
        await press("D", then=DoctorScreen)(pilot)
        screen: Any = pilot.app.screen
        await until(pilot, lambda: len(screen.found) >= 6 and screen.running is running, "checks")
        await quiet(pilot)

    return run


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_doctor(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())
    app.engine.checks = world.checks(*WRONG)
    assert snap_compare(app, terminal_size=size, run_before=doctor(running=False))


def test_doctor_looking(make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())
    app.engine.hold["doctor"] = asyncio.Event()
    app.engine.checks = world.checks()
    assert snap_compare(app, terminal_size=SMALL, run_before=doctor(running=True))


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_doctor_hostile(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())
    app.engine.checks = tuple(
        Check(name, name, CheckState.FAILED, f"{name} failed", f"Do {name}.")
        for name in world.HOSTILE
    )
    assert snap_compare(app, terminal_size=size, run_before=doctor(running=False))


def test_doctor_without_colour(
    make_app: AppMaker, snap_compare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app: Any = make_app(world.quiet())
    app.engine.checks = world.checks(*WRONG)
    assert snap_compare(app, terminal_size=SMALL, run_before=doctor(running=False))


def test_sign_of_trouble(make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())
    low = Check("state", "room", CheckState.WARNING, "20 MiB left.", "Free some space.")
    app.engine.checks = world.checks(low)

    async def run(pilot: Pilot[Any]) -> None:
        await press()(pilot)
        await shows(pilot, "doctor ! 1")

    assert snap_compare(app, terminal_size=USUAL, run_before=run)


def fill(state: Path) -> None:
    state.mkdir(parents=True, exist_ok=True)
    lines = [
        f"2026-11-2{number // 10} 12:00:0{number % 10},000 "
        f"{('INFO', 'WARNING', 'ERROR')[number % 3]:7} engine.x: {name}"
        for number, name in enumerate(world.HOSTILE)
    ]
    lines += ["Traceback (most recent call last):", '  File "x.py", line 1', "ValueError: \x1b[2J"]
    (state / "engine.log").write_bytes("\n".join(lines).encode("utf-8", "replace") + b"\n")


def log(*keys: str, then: type = LogScreen) -> Before:
    async def run(pilot: Pilot[Any]) -> None:
        await press("L", then=LogScreen)(pilot)
        screen: Any = pilot.app.screen
        screen._where = "/home/op/.local/state/astra"
        wanted = min(len(world.HOSTILE), 8)
        await until(pilot, lambda: len(screen._entries) >= wanted, "the log")
        screen._entries = [e for e in screen._entries if e.origin == "engine"]
        screen._show()
        for key in keys:
            await pilot.press(key)
            await quiet(pilot)
        await until(pilot, on(pilot, then), then.__name__)
        await quiet(pilot)

    return run


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_log(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())
    fill(app.engine.settings.state_dir)
    assert snap_compare(app, terminal_size=size, run_before=log())


def test_log_of_errors(make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())
    fill(app.engine.settings.state_dir)
    assert snap_compare(app, terminal_size=SMALL, run_before=log("v", "v"))


def test_log_entry(make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())
    fill(app.engine.settings.state_dir)
    assert snap_compare(app, terminal_size=SMALL, run_before=log("enter", then=LogEntryScreen))
