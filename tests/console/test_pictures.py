"""What the console looks like, frozen: look at the difference before accepting a new picture."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from astra_tui.config import ConsoleSettings
from astra_tui.screens.dashboard import DashboardScreen
from astra_tui.screens.dialogs import Choice, Confirm, Prompt, Tell
from astra_tui.screens.help import HelpScreen
from astra_tui.screens.job import JobScreen
from astra_tui.screens.lab import LabScreen
from astra_tui.screens.message import MessageScreen
from astra_tui.screens.object import ObjectScreen
from astra_tui.screens.plan import PlanScreen
from engine.errors import StateBusy, UsageError
from engine.model import KafkaState, ListingState
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import on, quiet, settled, until, words
from widgets import glyphs

SMALL, USUAL, LARGE = (80, 24), (120, 40), (190, 50)
Before = Callable[[Pilot[Any]], Awaitable[None]]


def press(*keys: str, then: type | None = None) -> Before:
    """Wait until all shows, press keys, wait for a screen of that kind."""

    async def run(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await quiet(pilot)
        if then is not None:
            await until(pilot, on(pilot, then), then.__name__)
        await quiet(pilot)

    return run


@pytest.mark.parametrize("size", [SMALL, USUAL, LARGE])
def test_ready(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.snapshot())
    assert snap_compare(app, terminal_size=size, run_before=press("down", "space", "space"))


def test_two_clouds(make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.snapshot(clouds=(world.cloud("aws"), world.cloud("gcp"))))
    assert snap_compare(app, terminal_size=USUAL, run_before=press())


def test_five_clouds(make_app: AppMaker, snap_compare: Any) -> None:
    names = ("aws", "gcp", "azure", "onprem", "backup")
    app = make_app(world.snapshot(clouds=tuple(world.cloud(name) for name in names)))
    assert snap_compare(app, terminal_size=USUAL, run_before=press("4"))


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_loading_empty_and_failed(
    size: tuple[int, int], make_app: AppMaker, snap_compare: Any
) -> None:
    nothing: dict[str, Any] = {"objects": 0, "bytes": 0, "cost_month": 0.0, "by_tier": ()}
    clouds = (
        world.cloud(
            "aws",
            state=ListingState.FAILED,
            error="403 Forbidden: the key AKIA… may not list aws-data.",
            error_todo="Give it s3:ListBucket, or name another bucket.",
            **nothing,
        ),
        world.cloud("gcp", state=ListingState.EMPTY, **nothing),
        world.cloud("azure", state=ListingState.LOADING, **nothing),
    )
    app = make_app(world.quiet(clouds=clouds, cost_month=None, projected_month=None))
    assert snap_compare(app, terminal_size=size, run_before=press())


def test_before_the_engine_started(make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app()

    async def held(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: app.engine.asked("start"), "the engine is asked to start")
        await quiet(pilot)

    app.engine.hold["start"] = asyncio.Event()
    assert snap_compare(app, terminal_size=USUAL, run_before=held)


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_hostile_names(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), names=world.HOSTILE, feed=world.Feed(hostile=True))
    assert snap_compare(app, terminal_size=size, run_before=press("space"))


def test_hostile_feed(make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), feed=world.Feed(hostile=True))
    assert snap_compare(app, terminal_size=SMALL, run_before=press("4"))


def test_no_broker(make_app: AppMaker, snap_compare: Any) -> None:
    away = world.kafka(
        state=KafkaState.AWAY, error="Connection refused by 10.0.0.9:9092.", outbox=12,
        events_per_second=0.0,
    )  # fmt: skip
    feed = world.Feed(first=1, last=0)
    app = make_app(world.quiet(kafka=away), feed=feed)
    assert snap_compare(app, terminal_size=USUAL, run_before=press())


@pytest.mark.parametrize("theme", ["light", "contrast", "terminal", "terminal-light"])
def test_themes(theme: str, make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.snapshot(), console=ConsoleSettings(theme=theme))
    assert snap_compare(app, terminal_size=USUAL, run_before=press("down", "space"))


def test_no_color(make_app: AppMaker, snap_compare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(world.snapshot())
    assert snap_compare(app, terminal_size=USUAL, run_before=press("down", "space"))


def test_ascii(make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.snapshot(), console=ConsoleSettings(ascii=True))
    assert glyphs.current() is glyphs.ASCII
    assert snap_compare(app, terminal_size=USUAL, run_before=press("down", "space"))


def test_read_only(make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.snapshot(read_only=True))
    assert snap_compare(app, terminal_size=USUAL, run_before=press("5"))


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_plan(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet())
    keys = ("P", "down", "down", "space")
    assert snap_compare(app, terminal_size=size, run_before=press(*keys, then=PlanScreen))


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_approval(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet())

    async def ask(pilot: Pilot[Any]) -> None:
        await press("P", then=PlanScreen)(pilot)
        await pilot.press("A")
        await until(pilot, on(pilot, Confirm), "the confirmation")
        await quiet(pilot)

    assert snap_compare(app, terminal_size=size, run_before=ask)


@pytest.mark.parametrize("size", [SMALL, USUAL])
@pytest.mark.parametrize("row", [0, 3, 4])
def test_job(size: tuple[int, int], row: int, make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.snapshot())
    keys = ("5", *["down"] * row, "enter")
    assert snap_compare(app, terminal_size=size, run_before=press(*keys, then=JobScreen))


def test_object(make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet())

    async def inspect(pilot: Pilot[Any]) -> None:
        await press("enter", then=ObjectScreen)(pilot)
        card = pilot.app.screen.query_one("#card")
        await until(pilot, lambda: card.detail is not None, "the object is read")
        await quiet(pilot)

    assert snap_compare(app, terminal_size=USUAL, run_before=inspect)


def test_rejected_message(make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), feed=world.Feed(last=31))
    assert snap_compare(
        app, terminal_size=SMALL, run_before=press("4", "enter", then=MessageScreen)
    )


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_dashboard(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.snapshot())
    assert snap_compare(app, terminal_size=size, run_before=press("d", then=DashboardScreen))


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_help(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet())
    assert snap_compare(app, terminal_size=size, run_before=press("question_mark", then=HelpScreen))


def lab(*keys: str, until_shown: str) -> Before:
    """Open the lab, wait until it knows what it can do, press keys, wait for these words."""

    async def run(pilot: Pilot[Any]) -> None:
        await press("l", then=LabScreen)(pilot)
        screen: Any = pilot.app.screen
        await until(pilot, lambda: screen.choices is not None, "its choices")
        for key in keys:
            await pilot.press(key)
            await quiet(pilot)
        await until(pilot, lambda: until_shown in words(pilot), until_shown)
        await quiet(pilot)

    return run


LAB_RESULT = lab("r", until_shown="would have cost")


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_lab_result(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    assert snap_compare(make_app(world.quiet()), terminal_size=size, run_before=LAB_RESULT)


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_lab_running(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())
    app.engine.hold["lab"] = asyncio.Event()
    assert snap_compare(app, terminal_size=size, run_before=lab("r", until_shown="43 %"))


@pytest.mark.parametrize("size", [SMALL, USUAL])
def test_lab_failed(size: tuple[int, int], make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())
    app.engine.fail["lab"] = UsageError(
        "'yester\x1b[31mday' is no date.",
        subject="/data/[red]daily.csv line 7",
        todo="Write dates as 2026-01-31.",
    )
    assert snap_compare(app, terminal_size=size, run_before=lab("r", until_shown="FAILED"))


def test_lab_empty(make_app: AppMaker, snap_compare: Any) -> None:
    before = lab(until_shown="Nothing was replayed yet")
    assert snap_compare(make_app(world.quiet()), terminal_size=SMALL, run_before=before)


def test_lab_hostile_names(make_app: AppMaker, snap_compare: Any) -> None:
    policies = {name: (100.0 + number, 1.0) for number, name in enumerate(world.HOSTILE)}
    app = make_app(world.quiet(), lab_policies=policies)
    assert snap_compare(app, terminal_size=USUAL, run_before=LAB_RESULT)


def test_lab_without_colour(
    make_app: AppMaker, snap_compare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(make_app(world.quiet()), terminal_size=USUAL, run_before=LAB_RESULT)


def test_lab_ascii(make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet(), console=ConsoleSettings(ascii=True))
    assert snap_compare(app, terminal_size=SMALL, run_before=LAB_RESULT)


def test_adopting(make_app: AppMaker, snap_compare: Any) -> None:
    async def ask(pilot: Pilot[Any]) -> None:
        await LAB_RESULT(pilot)
        screen: Any = pilot.app.screen
        screen.table.go_to("cost")
        await pilot.press("a")
        await until(pilot, on(pilot, Confirm), "the confirmation")
        await quiet(pilot)

    assert snap_compare(make_app(world.quiet()), terminal_size=SMALL, run_before=ask)


def test_where_to_migrate(make_app: AppMaker, snap_compare: Any) -> None:
    clouds = (world.cloud("aws"), world.cloud("gcp"), world.cloud("azure", read_only=True))
    app = make_app(world.quiet(clouds=clouds))
    keys = ("space", "space", "m")
    assert snap_compare(app, terminal_size=SMALL, run_before=press(*keys, then=Choice))


def test_a_number_that_is_none(make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet())
    keys = ("a", "backspace", "n", "o")
    assert snap_compare(app, terminal_size=SMALL, run_before=press(*keys, then=Prompt))


def test_what_the_policy_says(make_app: AppMaker, snap_compare: Any) -> None:
    app = make_app(world.quiet())
    assert snap_compare(app, terminal_size=SMALL, run_before=press("e", then=Tell))


def test_an_error(make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.quiet())
    app.engine.fail["start"] = StateBusy(
        "Another Astra works here (process 4711).",
        subject="/home/op/.local/state/astra",
        safe="Nothing was changed.",
        todo="Close it, or choose another directory with --state.",
    )

    async def failed(pilot: Pilot[Any]) -> None:
        await until(pilot, on(pilot, Tell), "the error")
        await quiet(pilot)

    assert snap_compare(app, terminal_size=SMALL, run_before=failed)


def test_caption_and_zoom(make_app: AppMaker, snap_compare: Any) -> None:
    app: Any = make_app(world.snapshot())

    async def narrate(pilot: Pilot[Any]) -> None:
        await press("5", "z")(pilot)
        app.caption("Every copy is read back and hashed anew before its source is deleted.")
        await quiet(pilot)

    assert snap_compare(app, terminal_size=USUAL, run_before=narrate)


def test_idle_pane_of_a_paused_world(make_app: AppMaker, snap_compare: Any) -> None:
    jobs = tuple(replace(job, paused=True) for job in world.jobs()[2:3])
    paused = world.quiet(jobs=jobs, job_counts=(("paused", 1),), paused=True)
    app = make_app(paused)
    assert snap_compare(app, terminal_size=SMALL, run_before=press("5"))
