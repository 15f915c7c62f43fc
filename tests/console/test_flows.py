"""What a policy's answer and small terminals show."""

from dataclasses import replace
from typing import Any

import pytest
from textual.containers import VerticalScroll
from textual.widgets import Button

from astra_tui import flows
from astra_tui.screens.dashboard import DashboardScreen, Figures
from astra_tui.screens.dialogs import Confirm, Tell
from engine.model import Decision, ListingState, Tier
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import on, settled, shows, until, words
from widgets.lines import plain_cell


def routes(number: int) -> list[Decision]:
    """One decision for each of so many clouds, the last one with the largest saving."""
    first = world.decisions()[0]
    return [
        replace(
            first,
            address=replace(first.address, cloud=f"c{i:02}"),
            from_tier=Tier.HOT,
            to_tier=Tier.COLD,
            saving_per_month=float(i),
        )
        for i in range(number)
    ]


def test_the_largest_saving_stands_first_and_the_rest_is_summed() -> None:
    lines = [str(line) for line in flows.decision_lines(routes(43), "azure (not listed)")]
    assert lines[0] == "43 objects should be in another tier: +$903.00/mo"
    assert lines[2] == "Left out: azure (not listed)."
    assert "c42" in lines[4]
    assert lines[-1] == "and 3 more: +$3.00/mo"


def test_one_object_is_singular() -> None:
    assert str(flows.decision_lines(routes(2)[1:])[0]).startswith("1 object should be")


def test_nothing_to_do_counts_only_what_was_judged() -> None:
    clouds = (
        world.cloud("aws"),
        world.cloud("gcp", state=ListingState.FAILED),
        world.cloud("lab", cost_month=None),
    )
    assert flows.nothing_to_do("rules", clouds) == (
        "Policy rules: 10 objects looked at, none should move."
        " Left out: gcp (not listed), lab (prices unknown)."
    )
    assert flows.nothing_to_do("rules", clouds[1:2]).startswith("Policy rules: nothing could")
    assert "Left out" not in flows.nothing_to_do("rules", clouds[:1])


async def test_a_long_answer_scrolls(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.push_screen(Tell("Policy", flows.decision_lines(routes(30))))
        await until(pilot, on(pilot, Tell))
        lines = app.screen.query_one(VerticalScroll)
        await until(pilot, lambda: lines.max_scroll_y > 0)
        await shows(pilot, "c29")
        assert "c00" not in words(pilot)
        await pilot.press("down")
        await until(pilot, lambda: lines.scroll_offset.y == 1)
        for _ in range(3):
            await pilot.press("pagedown")
        await until(pilot, lambda: "c00" in words(pilot))


@pytest.mark.parametrize("size", [(40, 10), (30, 8), (80, 24)])
async def test_the_answers_always_show(size: tuple[int, int], make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        lines = [f"line {number} " + "word " * 12 for number in range(9)]
        app.push_screen(Confirm("Approve the plan", lines, yes="Start"))
        await until(pilot, on(pilot, Confirm))
        await until(pilot, lambda: "Start" in words(pilot), "the buttons show")
        await shows(pilot, "No")
        whole = app.screen.region
        assert all(whole.contains_region(button.region) for button in app.screen.query(Button))


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 24), (40, 10)])
async def test_the_dashboard_has_every_tier(size: tuple[int, int], make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("d")
        await until(pilot, on(pilot, DashboardScreen))
        figures = app.screen.query_one(Figures)
        await until(pilot, lambda: "objects" in figures.plain)
        width = figures.line_width
        head = [plain_cell(cell) for cell in figures.build(width)][1:5]
        assert any("ARCH" in line[:width] for line in head)
        assert any(("then" in line) == (size != (80, 24)) for line in head[:1])
