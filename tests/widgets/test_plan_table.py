"""The plan table: what is included, what it sums up to, what it says."""

import pytest

from engine.model import Plan
from tests.widgets.samples import CALM, move, plan
from tests.widgets.stage import Stage, lines_of, settle
from widgets.plan_table import PlanTable, payback_text


def stage(shown: Plan) -> tuple[Stage, PlanTable]:
    table = PlanTable()

    def prepare(_: Stage) -> None:
        table.show(shown)
        table.focus()

    return Stage(lambda: [table], prepare), table


async def test_all_but_the_refused_are_included_at_first() -> None:
    app, table = stage(plan())
    async with app.run_test(size=(120, 20)) as pilot:
        await settle(pilot)
        assert table.totals == plan().totals()
        assert table.totals.moves == 7
        assert len(app.heard(PlanTable.SelectionChanged)) == 1
        head, first = lines_of(table)[1:3]
        assert head.startswith("▸● aws → gcp  move  4 of 4, 1 refused")
        assert first.startswith(" ●   archived_logs_2022.log")


async def test_leaving_moves_out() -> None:
    app, table = stage(plan())
    async with app.run_test(size=(120, 20)) as pilot:
        await settle(pilot)
        table.move_cursor(4)  # the move whose price is unknown
        table.action_mark()
        await settle(pilot)
        totals = table.totals
        assert totals.moves == 6
        assert totals.saving_per_month == pytest.approx(0.0123 * 4 + 1.42 - 0.02)
        assert table.selected is not None
        assert table.selected.totals().moves == 6
        assert table.cursor == 5
        table.action_mark()  # refused: stays out
        assert table.totals.moves == 6
        table.action_include_none()
        assert (table.totals.moves, table.totals.size) == (0, 0)
        assert table.totals.saving_per_month == 0.0
        table.action_include_all()
        assert table.totals == plan().totals()
        assert len(app.heard(PlanTable.SelectionChanged)) >= 2


async def test_a_group_at_once_and_folded() -> None:
    app, table = stage(plan())
    async with app.run_test(size=(120, 20)) as pilot:
        await settle(pilot)
        table.action_mark()  # the head of the first group
        assert table.totals.moves == 3
        table.move_cursor(0)
        assert "0 of 4" in lines_of(table)[1]
        table.action_mark()
        assert table.totals.moves == 7
        table.move_cursor(2)
        table.action_fold()
        await settle(pilot)
        assert table.cursor == 0
        assert table.count() == 1 + 4
        assert "…" in lines_of(table)[1]
        assert table.totals.moves == 7
        table.action_fold()
        await settle(pilot)
        assert table.count() == 10
        assert table.current_move is None
        table.move_cursor(1)
        assert table.current_move == plan().moves[0]


async def test_a_click_on_the_mark() -> None:
    app, table = stage(plan())
    async with app.run_test(size=(120, 20)) as pilot:
        await settle(pilot)
        await pilot.click(table, offset=(1, 2))
        assert table.totals.moves == 6
        assert table.selected is not None
        assert CALM[0] not in [taken.source.key for taken in table.selected.moves]


async def test_what_a_line_says() -> None:
    app, table = stage(plan())
    async with app.run_test(size=(200, 20)) as pilot:
        await settle(pilot)
        text = "\n".join(lines_of(table))
        assert "gcp cannot hold this key: it has a segment '..'" in text
        assert "no conditional delete here" in text
        assert "! 2" in text
        assert "✗ no" in text
        assert "−0.02" in text
        assert "STANDARD → DEEP_ARCHIVE" in text


async def test_an_equal_plan_keeps_the_choice() -> None:
    app, table = stage(plan())
    async with app.run_test(size=(120, 20)) as pilot:
        await settle(pilot)
        table.move_cursor(1)
        table.action_mark()
        await settle(pilot)
        app.sent = 0
        table.show(plan())
        await settle(pilot)
        assert app.sent == 0
        assert table.totals.moves == 6


async def test_many_moves_and_none() -> None:
    many = Plan("p", "many", 0.0, "rules", tuple(move(f"k{n}") for n in range(20_000)))
    app, table = stage(many)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("G")
        table.action_mark()
        assert table.totals.moves == 19_999
        assert table.totals.saving_per_month == pytest.approx(19_999 * 0.0123)
        table.show(Plan("q", "none", 0.0, "rules", ()))
        await settle(pilot)
        assert "Nothing to move." in lines_of(table)[1]
        table.action_mark()
        table.action_fold()
        assert table.totals.moves == 0


def test_payback() -> None:
    assert payback_text(None, 1.0) == "?"
    assert payback_text(1.0, None) == "?"
    assert payback_text(1.0, 0.0) == "at once"
    assert payback_text(-1.0, 0.5) == "never"
    assert payback_text(1.0, 0.01) == "<0.1 mo"
    assert payback_text(1.0, 3.2) == "3.2 mo"
    assert payback_text(0.001, 3.2) == ">10 yr"
    assert payback_text(0.03, 3.3) == "9 yr"
