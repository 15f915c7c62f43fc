"""The way to every full screen of the console, for what all of them are asked."""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from typing import Any

from textual.pilot import Pilot

import astra_tui.screens
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.console import ConsoleScreen
from astra_tui.screens.dashboard import DashboardScreen
from astra_tui.screens.doctor import DoctorScreen
from astra_tui.screens.help import HelpScreen
from astra_tui.screens.job import JobScreen
from astra_tui.screens.job_set import JobSetScreen
from astra_tui.screens.jobs import JobsScreen
from astra_tui.screens.lab import LabScreen
from astra_tui.screens.log import LogEntryScreen, LogScreen
from astra_tui.screens.message import MessageScreen
from astra_tui.screens.object import ObjectScreen
from astra_tui.screens.plan import PlanScreen
from astra_tui.screens.preview import PreviewScreen
from astra_tui.screens.rejected import RejectedScreen
from astra_tui.screens.replay import ReplayScreen
from astra_tui.screens.topics import TopicsScreen
from astra_tui.screens.usage import UsageScreen
from astra_tui.screens.versions import VersionsScreen
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import on, quiet, shows, until

Way = Sequence[tuple[str, str]]
"""Keys, each with a text that it brings onto the screen."""

WAYS: Mapping[type[AstraScreen[Any]], Way] = {
    PlanScreen: [("P", "payback")],
    ObjectScreen: [("enter", "DEEP_ARCHIVE")],
    PreviewScreen: [("v", "stored")],
    VersionsScreen: [("enter", "DEEP_ARCHIVE"), ("h", "delete marker")],
    UsageScreen: [("U", "share")],
    JobsScreen: [("J", "corrupt.bin")],
    JobSetScreen: [("J", "corrupt.bin"), ("tab", "night-of"), ("enter", "at work")],
    JobScreen: [("5", "corrupt"), ("enter", "attempts")],
    MessageScreen: [("4", "GET"), ("enter", "partition")],
    TopicsScreen: [("4", "GET"), ("i", "150 behind")],
    RejectedScreen: [("4", "GET"), ("!", "no cloud is named")],
    ReplayScreen: [("4", "GET"), ("R", "From where?"), ("enter", "nothing is counted again")],
    LabScreen: [("l", "Nothing was replayed yet")],
    DashboardScreen: [("d", "success")],
    DoctorScreen: [("D", "The broker at kafka-1:9092 answers.")],
    LogScreen: [("L", "error of an engine")],
    LogEntryScreen: [("L", "error of an engine"), ("enter", "level")],
    HelpScreen: [("?", "cloud pane")],
}


def screens() -> list[type[AstraScreen[Any]]]:
    """Every full screen that there is, and what they have in common, by name."""
    for module in pkgutil.iter_modules(astra_tui.screens.__path__):
        importlib.import_module(f"astra_tui.screens.{module.name}")
    found: set[type[AstraScreen[Any]]] = set()
    waiting: list[type[AstraScreen[Any]]] = [AstraScreen]
    while waiting:
        below = waiting.pop().__subclasses__()
        waiting += below
        found.update(below)
    return sorted(found, key=lambda kind: kind.__name__)


def full_world(make_app: AppMaker, **given: Any) -> Any:
    """A console over a world in which every screen has something to show."""
    rejected = world.Feed(first=1, last=9, hostile=True, every=1)
    app: Any = make_app(world.snapshot(), feeds={"rejected": rejected}, **given)
    state = app.engine.settings.state_dir
    state.mkdir(parents=True, exist_ok=True)
    lines = (
        f"2026-11-21 12:00:0{number},000 {level:7} engine.x: {level.lower()} of an engine\n"
        for number, level in enumerate(("INFO", "WARNING", "ERROR"))
    )
    (state / "engine.log").write_text("".join(lines))
    return app


async def go(pilot: Pilot[Any], kind: type[AstraScreen[Any]]) -> AstraScreen[Any]:
    """From the first pane of the console to a screen, by its keys."""
    console = pilot.app.screen
    assert isinstance(console, ConsoleScreen)
    console.go_to(0)
    for key, shown in WAYS[kind]:
        await pilot.press(key)
        await shows(pilot, shown)
    await until(pilot, on(pilot, kind), kind.__name__)
    await quiet(pilot)
    found = pilot.app.screen
    assert isinstance(found, kind)
    return found
