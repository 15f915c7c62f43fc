"""Money on the screens: one figure from the policy's answer to the report, and what says why no
figure is there."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from astra_tui.decision_words import decision_lines
from astra_tui.screens.dashboard import DashboardScreen, Figures
from astra_tui.screens.dialogs import Confirm, Tell, bullet, field
from astra_tui.screens.job_set import JobSetScreen
from astra_tui.screens.lab import LabScreen
from astra_tui.screens.object import ObjectScreen
from astra_tui.screens.plan import PlanScreen
from astra_tui.screens.usage import UsageScreen
from engine.model import ListingState
from tests import money
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.test_with_engine import console, listed
from tests.console.waiting import on, settled, shows, until, words
from tests.lab_samples import lab_choices
from tests.servers import S3Server
from widgets.text import money_text

SIZE = (120, 40)


@pytest.mark.parametrize("policy", ["rules", "cost"])
async def test_from_the_answer_to_the_report_one_figure_is_told(
    policy: str, moto_s3: S3Server, bucket_name: str, tmp_path: Path
) -> None:
    app: Any = console(money.settings(moto_s3, bucket_name, tmp_path, policy))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, listed(app))
        await money.grow_old(app.engine, bucket_name)
        await app.engine.decide()  # the model is solved once, however long that takes here
        await pilot.press("e")
        await until(pilot, on(pilot, Tell))
        made = await app.engine.decisions()
        whole = sum(item.saving_per_month or 0.0 for item in made)
        expected = sum(item.expected_saving or 0.0 for item in made)
        saving = money_text(whole, currency=True)
        assert whole > 0.05, "it reads otherwise than nothing"
        beside = f"policy {policy} expects +{money_text(expected, currency=True)}/mo"
        differs = money_text(expected) != money_text(whole)
        assert differs == (policy == "cost")
        await shows(pilot, f"+{saving}/mo")
        assert (beside in words(pilot)) == differs
        await pilot.press("P")
        await until(pilot, on(pilot, PlanScreen))
        await shows(pilot, f"+{saving}/mo saving")
        assert (beside in words(pilot)) == differs
        await until(pilot, lambda: app.screen.table.current_move is not None)
        move = app.screen.table.current_move
        each = f"{money_text(move.saving_per_month, currency=True, signed=True)}/mo"
        await shows(pilot, f"{each}, once")
        await pilot.press("A")
        await until(pilot, on(pilot, Confirm))
        await shows(pilot, f"saves {saving} a month")
        assert (beside in words(pilot)) == differs
        await pilot.press("escape", "escape")
        app.push_screen(ObjectScreen(move.source))
        await until(pilot, on(pilot, ObjectScreen))
        await shows(pilot, f"{each}  {policy} 1")
        row = money_text(move.saving_per_month, signed=True)
        assert any(move.to_class in line and row in line for line in words(pilot).splitlines())
        await pilot.press("escape", "d")
        await until(pilot, on(pilot, DashboardScreen))
        await shows(pilot, f"saving        +{saving}/mo")
        await pilot.press("escape", "P")
        await until(pilot, on(pilot, PlanScreen))
        await shows(pilot, f"+{saving}/mo saving")
        await pilot.press("A")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: app.snapshot.count("completed") == len(made))
        await pilot.press("O")
        await until(pilot, on(pilot, JobSetScreen))
        await shows(pilot, f"{saving} a month")


async def test_before_a_policy_was_asked_the_dashboard_says_so(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet(decisions=0, decided_by=""))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("d")
        await until(pilot, on(pilot, DashboardScreen))
        await shows(pilot, "no policy was asked yet  e in the panes asks what should move")
        figures = app.screen.query_one(Figures)
        assert "should be in another" not in figures.plain
        assert "/mo" not in figures.plain.partition("tiers")[2].partition("migrations")[0]
        app.engine.show(world.quiet(decisions=0, decided_by="rules"))
        await shows(pilot, "no object should be in another tier, by rules")


async def test_a_failed_listing_can_be_listed_again_from_usage(make_app: AppMaker) -> None:
    failed = world.cloud(
        "aws", state=ListingState.FAILED, error="403 Forbidden", error_todo="Give it ListBucket.",
        objects=0, bytes=0, cost_month=None, by_tier=(),
    )  # fmt: skip
    fine = world.cloud("gcp")
    app: Any = make_app(world.quiet(clouds=(fine, failed)))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("U")
        await until(pilot, on(pilot, UsageScreen))
        await pilot.press("tab")
        for text in ("403 Forbidden", "Give it ListBucket.", "Press r to list it again."):
            await shows(pilot, text)
        await pilot.press("r")
        await until(pilot, lambda: app.engine.asked("scan")[-1:] == [("aws", None, None)])
        app.engine.show(world.quiet(clouds=(fine, replace(failed, state=ListingState.LOADING))))
        await until(pilot, lambda: app.screen.status.state is ListingState.LOADING)
        before = len(app.engine.asked("scan"))
        await pilot.press("r")
        await shows(pilot, "It is being listed already.")
        assert len(app.engine.asked("scan")) == before


async def test_a_lab_without_prices_says_why_there_is_no_money(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())

    async def choices(_: object) -> object:
        return replace(lab_choices(), provider="onprem", region="", allowed=(), start_class="")

    app.engine.lab_choices = choices
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("l")
        await until(pilot, on(pilot, LabScreen))
        await shows(pilot, "No cost can be told: no price is known for any class of onprem.")
        await shows(pilot, "classes none with known prices")
        assert "start " not in words(pilot).splitlines()[2]
        await pilot.press("r")
        await shows(pilot, "No price is known for onprem; o chooses another.")
        assert not app.engine.asked("lab")


async def test_the_rest_of_a_dialogs_line_stands_under_its_value(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        long = "word " * 30 + "end"
        app.push_screen(Tell("Lines", [field("money", long), bullet(long), field("short", "one")]))
        await until(pilot, on(pilot, Tell))
        await shows(pilot, "short    one")
        parts = [part for line in words(pilot).splitlines() for part in line.split("│")]
        inner = [part for part in parts if "word" in part]
        starts = [line[: line.index("word")] for line in inner]
        assert starts[0].strip() == "money"
        rest = [start for start in starts if not start.strip()]
        assert {len(start) for start in rest} == {len(" money    "), len(" · ")}
        assert sum(line.count("word") for line in inner) == 60
        heights = [found.region.height for found in app.screen.query(".lines Static")]
        assert heights == [starts.index(next(s for s in starts[1:] if s.strip())), 3, 1]


def test_an_unknown_saving_is_not_told_as_nothing() -> None:
    known = world.decisions()
    blank = replace(known[0], saving_per_month=None, expected_saving=None)
    lines = [str(line) for line in decision_lines([blank, *known[1:]])]
    assert lines[0].endswith(": unknown/mo")
    assert any(line.endswith("unknown/mo") for line in lines[3:])


@pytest.mark.parametrize(
    ("width", "said"),
    [(120, "policy cost expects +$0.60/mo"), (80, "cost expects +$0.60/mo"), (60, "payback")],
)
async def test_what_a_policy_expects_is_told_in_the_words_that_fit(
    width: int, said: str, make_app: AppMaker
) -> None:
    plan = world.plan()
    moves = tuple(replace(move, expected_saving=0.12) for move in plan.moves)
    app: Any = make_app()
    app.engine.plan = replace(plan, policy="cost", moves=moves)
    async with app.run_test(size=(width, 30)) as pilot:
        await settled(pilot)
        await pilot.press("P")
        await until(pilot, on(pilot, PlanScreen))
        await shows(pilot, "/mo saving")
        assert words(pilot).splitlines()[1].rstrip().endswith(said)
