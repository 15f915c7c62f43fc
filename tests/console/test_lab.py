"""The lab on the screen: set up, run, ended half-way, failed, adopted, written."""

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from astra_tui.app import AstraApp
from astra_tui.config import ConsoleSettings
from astra_tui.lab_flows import days
from astra_tui.lab_report import as_csv
from astra_tui.screens.console import ConsoleScreen
from astra_tui.screens.dialogs import Choice, Confirm, Prompt
from astra_tui.screens.lab import LabScreen
from engine.engine import Engine
from engine.errors import UsageError
from engine.model import Decision
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.test_with_engine import listed, local, settings
from tests.console.waiting import on, settled, shows, until, words
from tests.lab_samples import lab_result

SIZE = (120, 40)


async def opened(pilot: Pilot[Any]) -> LabScreen:
    await settled(pilot)
    await pilot.press("l")
    await until(pilot, on(pilot, LabScreen), "the lab")
    screen: Any = pilot.app.screen
    await until(pilot, lambda: screen.choices is not None, "its choices")
    return screen


async def shown(pilot: Pilot[Any], text: str) -> None:
    await until(pilot, lambda: text in words(pilot), text)


async def test_a_run_is_followed_and_its_result_shown_sorted_and_adopted(
    make_app: AppMaker,
) -> None:
    app: Any = make_app(world.quiet())
    door = app.engine
    door.hold["lab"] = asyncio.Event()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await opened(pilot)
        await shown(pilot, "Nothing was replayed yet")
        await pilot.press("end", "space", "home")  # the last one is left out
        left_out = screen.table.lines[-1].policy
        await pilot.press("r")
        await shown(pilot, "43 %")
        await shows(pilot, "end run")
        await pilot.press("o")
        await shown(pilot, "a run is under way")
        assert isinstance(app.screen, LabScreen)
        door.hold["lab"].set()
        await shown(pilot, "Over these 120 days rules would have cost $1,610.75")
        assert left_out not in door.asked("lab")[0].policies
        assert len(door.asked("lab")[0].policies) == 6
        screen.table.go_to("age:30/90/180")
        await shown(pilot, "Over these 120 days age:30/90/180 would")
        await pilot.press("a")
        await shown(pilot, "can only be replayed")
        assert not door.asked("adopt_policy")
        screen.table.go_to("cost")
        await pilot.press("a")
        await until(pilot, on(pilot, Confirm))
        await shown(pilot, "/home/op/state/workspace.json")
        await shows(pilot, "the configuration stays as it is")
        await pilot.press("n")
        await until(pilot, on(pilot, LabScreen))
        assert not door.asked("adopt_policy")
        await pilot.press("a")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: door.asked("adopt_policy") == ["cost"], "it is adopted")
        door.show(world.quiet(policy="cost"))
        await shown(pilot, "active cost")
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))


async def test_esc_ends_the_run_and_only_then_leaves(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    app.engine.hold["lab"] = asyncio.Event()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen = await opened(pilot)
        await pilot.press("r")
        await shown(pilot, "43 %")
        await pilot.press("escape")
        await shown(pilot, "The run was ended before its end")
        assert not screen.running
        app.engine.hold["lab"].set()
        await pilot.press("r")
        await shown(pilot, "would have cost")
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))


async def test_what_fails_is_told_in_its_place_and_may_be_tried_again(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    door = app.engine
    door.fail["lab"] = UsageError(
        "Line 7: 'x\x1b[31m' is no date.", subject="daily.csv", todo="Repair the file."
    )
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("r")
        await shown(pilot, "FAILED: Line 7")
        assert "\x1b" not in words(pilot)
        await shows(pilot, "Repair the file.")
        await pilot.press("w")
        await shown(pilot, "there is no result yet")
        del door.fail["lab"]
        await pilot.press("r")
        await shown(pilot, "would have cost")
        door.fail["lab"] = RuntimeError("a bug, with \x1b]52;c;cm0=\x07 in it")
        await pilot.press("r")
        await shown(pilot, "FAILED: Astra met an error of its own")


async def test_without_choices_it_says_why_and_looks_again(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    app.engine.fail["lab_choices"] = UsageError("prices.toml is broken.", todo="Repair it.")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("l")
        await shown(pilot, "FAILED: prices.toml is broken.")
        app.engine.fail.clear()
        await pilot.press("r")
        await shown(pilot, "Nothing was replayed yet")


async def test_everything_can_be_set_up(make_app: AppMaker, tmp_path: Path) -> None:
    app: Any = make_app(world.quiet())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await opened(pilot)
        assert screen.setting.request.cloud == "aws"

        async def choose(*keys: str) -> None:
            await pilot.press("o")
            await until(pilot, on(pilot, Choice))
            for key in keys:
                await pilot.press(key)

        async def type_in(text: str) -> None:
            await until(pilot, on(pilot, Prompt))
            prompt: Any = app.screen.query_one("Input")
            prompt.value = text
            await pilot.press("enter")

        await choose("1", "4")
        await until(pilot, lambda: screen.setting.name == "demo history")
        assert screen.setting.request.inventory.endswith("objects.csv")
        await choose("1", "5")
        await type_in("~nobody at all/file")
        await shown(pilot, "This is no path")
        await type_in("no such file")
        await shown(pilot, "There is no file")
        files = [tmp_path / "o.csv", tmp_path / "d.csv"]
        for file in files:
            file.write_text("")
            await type_in(str(file))
        await until(pilot, lambda: screen.setting.request.history == str(files[1]))
        await choose("2", "1", "2")
        await until(pilot, lambda: screen.setting.request.region == "eu-west-1")
        await choose("3")
        await type_in("standard, deep_archive")
        classes = ("STANDARD", "DEEP_ARCHIVE")
        await until(pilot, lambda: screen.setting.request.classes == classes)
        await choose("4", "3")
        await until(pilot, lambda: screen.setting.request.start_class == "GLACIER_IR")
        await choose("5")
        await type_in("2026-02-01 2026-01-01")
        await shown(pilot, "The last day is before the first")
        await type_in("2026-02-01")
        await until(pilot, lambda: str(screen.setting.request.first) == "2026-02-01")
        await choose("6")
        await type_in("age:7/14")
        await shown(pilot, "age:7/14")
        asked = app.engine.asked("lab_choices")[-1]
        assert (asked.provider, asked.region, asked.history) == ("aws", "eu-west-1", str(files[1]))


def test_days_are_two_dates_or_less() -> None:
    assert days("") == (None, None)
    assert [str(day) for day in days("2026-01-01,2026-01-02")] == ["2026-01-01", "2026-01-02"]


def test_the_csv_is_no_formula() -> None:
    table = list(csv.DictReader(as_csv(lab_result({"=cmd|'x'": (1.0, 1.0)})).splitlines()))
    assert table[0]["policy"] == "'=cmd|'x'"
    assert float(table[0]["cost_usd"]) == 1.0


async def test_the_demo_history_in_a_real_engine_until_a_policy_is_adopted(
    tmp_path: Path,
) -> None:
    found = settings(tmp_path, local("here", tmp_path / "here", ("a.log", "b.csv")))
    app: Any = AstraApp(Engine(found), ConsoleSettings())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        await pilot.press("l")
        await until(pilot, on(pilot, LabScreen))
        screen = app.screen
        await until(pilot, lambda: screen.choices is not None)
        await pilot.press("o")
        await until(pilot, on(pilot, Choice))
        await pilot.press("1", "2")
        await until(pilot, lambda: screen.setting.name == "demo history")
        await pilot.press("*")
        for policy in ("rules", "recency"):
            screen.table.go_to(policy)
            await pilot.press("space")
        assert sorted(screen.table.taken) == ["recency", "rules"]
        await pilot.press("r")
        await until(pilot, lambda: screen.result is not None, "the demo history is replayed")
        await shown(pilot, "rules would have cost")
        await pilot.press("w")
        await until(pilot, on(pilot, Choice))
        await pilot.press("1")
        reports = tmp_path / "state" / "reports"
        await until(pilot, lambda: list(reports.glob("lab-*.json")), "it is written")
        written = json.loads(next(reports.glob("lab-*.json")).read_text())
        assert len(written["policies"][0]["cumulative_usd"]) == screen.result.days
        assert written["optimum_usd"] == screen.result.optimum
        screen.table.go_to("recency")
        await pilot.press("a")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: app.snapshot.policy == "recency", "the snapshot tells")
        await pilot.press("escape")
        await shown(pilot, "policy recency")
    async with Engine(found) as again:
        active = await again.active_policy()
        assert (active.name, active.adopted, active.configured) == ("recency", True, "rules")
        assert again.snapshot().policy == "recency"
        again.scan("here")
        await again.scanned("here")
        decided: list[Decision] = await again.decide()
        assert again.snapshot().decided_by == "recency"
        assert not decided  # one class only
        assert (await again.adopt_policy("")).name == "rules"
