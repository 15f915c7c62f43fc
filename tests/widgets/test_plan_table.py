"""The plan table: what a line says, and lines that are still on their way."""

from collections.abc import Sequence

from engine.migration.review import Review
from engine.model import MoveOrder, MovePick, Plan, PlanLine, PlanQuery
from tests.widgets.samples import CALM, Lines, move, plan, reviewed
from tests.widgets.stage import Stage, lines_of, settle
from widgets.plan_risks import RiskList
from widgets.plan_table import PlanTable
from widgets.plan_words import payback_text


def stage(shown: Plan) -> tuple[Stage, PlanTable, Review]:
    table = PlanTable()
    lines = reviewed(shown)

    def prepare(_: Stage) -> None:
        table.show(lines)
        table.focus()

    return Stage(lambda: [table], prepare), table, lines.review


async def test_heads_and_moves() -> None:
    app, table, review = stage(plan())
    async with app.run_test(size=(120, 20)) as pilot:
        await settle(pilot)
        head, first = lines_of(table)[1:3]
        assert head.startswith("▸● aws → gcp  move  4 of 4, 1 refused")
        assert first.startswith(" ●   archived_logs_2022.log")
        assert table.current_move is None
        table.move_cursor(1)
        assert table.current_move == plan().moves[0]
        review.take(MovePick(group=0))
        table.show(Lines(review))
        await settle(pilot)
        assert "0 of 4" in lines_of(table)[1]
        assert lines_of(table)[2].startswith("▸    archived_logs")
        review.fold(0)
        table.show(Lines(review), cursor=0)
        await settle(pilot)
        assert table.count() == 1 + 4
        assert "…" in lines_of(table)[1]


async def test_a_click_on_the_mark_and_on_a_head() -> None:
    app, table, _ = stage(plan())
    async with app.run_test(size=(120, 20)) as pilot:
        await settle(pilot)
        await pilot.click(table, offset=(1, 2))
        await settle(pilot)
        (clicked,) = app.heard(PlanTable.MarkClicked)
        row = table.row(clicked.index)
        assert row is not None
        assert row.move is not None
        assert row.move.source.key == CALM[0]


async def test_what_a_line_says() -> None:
    app, table, _ = stage(plan())
    async with app.run_test(size=(200, 20)) as pilot:
        await settle(pilot)
        text = "\n".join(lines_of(table))
        assert "gcp cannot hold this key: it has a segment '..'" in text
        assert "no conditional delete here" in text
        assert "! 2" in text
        assert "✗ no" in text
        assert "−0.02" in text
        assert "STANDARD → DEEP_ARCHIVE" in text


async def test_the_order_shows_in_the_head() -> None:
    app, table, review = stage(plan())
    async with app.run_test(size=(120, 20)) as pilot:
        await settle(pilot)
        assert "▲" not in lines_of(table)[0]
        review.show(PlanQuery(order=MoveOrder.SAVING, descending=True))
        table.show(Lines(review), order=MoveOrder.SAVING, descending=True)
        await settle(pilot)
        assert "▼saving/m" in lines_of(table)[0]
        assert "backup_database_Q2.zip" in lines_of(table)[2]


class Late:
    """Lines that come when they are let."""

    def __init__(self, review: Review) -> None:
        self.review = review
        self.here = False

    def __len__(self) -> int:
        return self.review.view().lines

    def rows(self, start: int, stop: int) -> Sequence[PlanLine | None]:
        found: Sequence[PlanLine | None] = self.review.lines(start, stop)
        return found if self.here else [None] * len(found)


async def test_lines_on_their_way_and_none() -> None:
    many = Review(Plan("p", "many", 0.0, "rules", tuple(move(f"k{n}") for n in range(20_000))))
    app, table, _ = stage(plan())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        late = Late(many)
        table.show(late)
        await pilot.press("G")
        assert table.cursor == 20_000
        assert table.cursor_row is None
        assert lines_of(table)[-1].endswith("…")
        late.here = True
        table.rows_changed()
        await settle(pilot)
        assert "k19999" in lines_of(table)[-1]
        table.show(reviewed(Plan("q", "none", 0.0, "rules", ())), nothing="No move fits.")
        await settle(pilot)
        assert "No move fits." in lines_of(table)[1]


async def test_risks_are_told_with_how_many_are_left() -> None:
    risks = RiskList()
    review = Review(plan(), max_deletes=3)
    review.take(MovePick(number=2))

    def prepare(_: Stage) -> None:
        risks.show(review.risks())

    async with Stage(lambda: [risks], prepare).run_test(size=(100, 12)) as pilot:
        await settle(pilot)
        text = lines_of(risks)
        assert "refused" in text[0]
        assert "3 of 4" in text[1]
        assert "3 are allowed" in text[1]
        assert "unguarded deletes" in text[2]
        assert "0 of 1" in text[2]


def test_payback() -> None:
    assert payback_text(None, 1.0) == "?"
    assert payback_text(1.0, None) == "?"
    assert payback_text(1.0, 0.0) == "at once"
    assert payback_text(-1.0, 0.5) == "never"
    assert payback_text(1.0, 0.01) == "<1 d"
    assert payback_text(1.0, 3.2) == "97 d"
    assert payback_text(0.001, 3.2) == ">10 yr"
    assert payback_text(0.03, 3.3) == "3,348 d"
