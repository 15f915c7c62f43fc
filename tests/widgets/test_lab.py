"""The lab's table and chart: order, marks, one scale, lines that can be told apart."""

from dataclasses import replace

import pytest

from tests.lab_samples import CALM, lab_result
from tests.widgets.scenes import lab_lines
from tests.widgets.stage import Stage, lines_of, settle
from widgets import glyphs
from widgets.lab_note import LabNote
from widgets.lab_table import SORTS, LabLine, LabTable
from widgets.line_chart import LineChart, Series, plot, scale
from widgets.lines import plain_cell

SERIES = [
    Series("a", (0.0, 1.0, 2.0), "good"),
    Series("b", (0.0, 2.0, 4.0), "warn"),
    Series("c", (0.0, 50.0, 100.0), "bad"),
]


def drawn(series: list[Series], width: int = 60, height: int = 12, front: str = "") -> list[str]:
    cells = plot(series, ("first", "last"), width, height, front=front)
    return [plain_cell(cell) for cell in cells]


def test_every_line_has_its_letter_and_one_leaves_at_the_top() -> None:
    assert scale(SERIES) == 4.0
    lines = drawn(SERIES)
    assert len(lines) == 12
    assert lines[0].startswith("$4.00│")
    assert lines[-2].startswith("$0.00│")
    first, rule, last = lines[-1].split()
    assert (first, rule.strip("─"), last) == ("first", "", "last")
    assert lines[0].rstrip().endswith("b"), "its letter stands at its end"
    assert "c" in lines[0][:12], "far too high: it leaves at the top, soon"
    ends = [line.rstrip()[-1:] for line in lines[:-1]]
    assert ends.index("b") < ends.index("a")
    for sign in "abc":
        assert any(sign in line for line in lines[:-1])


def test_the_line_in_front_has_more_letters() -> None:
    behind = sum(line.count("a") for line in drawn(SERIES)[:-1])
    front = sum(line.count("a") for line in drawn(SERIES, front="a")[:-1])
    assert front > behind


def test_lines_that_say_the_same_stand_behind_one_another() -> None:
    twins = [Series(sign, (0.0, 3.0), "good") for sign in "abcdefgh"]
    lines = drawn(twins)
    assert lines[0].rstrip().endswith("abcde+")


@pytest.mark.parametrize("values", [(0.0, 0.0), (5.0,), ()])
def test_nothing_breaks_it(values: tuple[float, ...]) -> None:
    for width, height in ((80, 20), (20, 3), (1, 1)):
        plot([Series("a", values)], ("", ""), width, height)


def test_plain_terminals_get_letters_only() -> None:
    glyphs.use(glyphs.ASCII)
    text = "\n".join(drawn(SERIES))
    assert text.isascii()
    assert text.count("b") > 20


async def test_the_table_sorts_by_every_column_and_what_has_no_figure_is_last() -> None:
    table = LabTable()
    lines = lab_lines(lab_result())
    app = Stage(lambda: [table], lambda _: table.show(lines))
    async with app.run_test(size=(120, 20)) as pilot:
        await settle(pilot)
        seen = []
        for _ in SORTS:
            order = [line.policy for line in table.lines]
            seen.append(tuple(order))
            assert sorted(order) == sorted([*CALM, "recency"])
            if table.sort_key != "policy":
                assert order[-1] == "recency"
            table.action_sort()
        assert table.sort_key == "cost"
        assert seen[0][:2] == ("optimum", "cost")
        assert seen[1] == tuple(sorted(seen[1]))
        table.action_reverse()
        assert [line.policy for line in table.lines][::-1][:3] == ["recency", "optimum", "cost"]
        table.sort_by("moves")
        assert table.lines[0].policy == "cost"
        await settle(pilot)
        assert "▲moves" in lines_of(table)[0]


async def test_the_cursor_stays_on_its_policy_and_marks_are_kept() -> None:
    table = LabTable()
    lines = [LabLine("a"), LabLine("b", cost=lab_result().policies[0]), LabLine("c")]
    app = Stage(lambda: [table], lambda _: table.show(lines))
    async with app.run_test(size=(80, 12)) as pilot:
        await settle(pilot)
        assert [line.policy for line in table.lines] == ["b", "a", "c"]
        table.go_to("c")
        assert table.policy == "c"
        dear, cheap = lab_result().policies[5], lab_result().policies[0]
        table.show([replace(lines[0], cost=dear), lines[1], replace(lines[2], cost=cheap)])
        assert table.policy == "c"
        table.go_to("a")
        table.action_mark()
        assert table.taken == ("b", "c")
        table.action_mark_all()
        assert len(table.taken) == 3
        table.action_mark_all()
        assert table.taken == ()


async def test_progress_is_never_whole_and_is_drawn_where_it_differs() -> None:
    note, chart = LabNote(), LineChart()
    app = Stage(lambda: [chart, note], lambda _: note.progress("rules", 1.0))
    async with app.run_test(size=(80, 12)) as pilot:
        await settle(pilot)
        assert "99 %" in lines_of(note)[0]
        note.progress("rules", 0.5001)
        await settle(pilot)
        app.sent = 0
        note.progress("rules", 0.5002)
        await settle(pilot)
        assert app.sent == 0
        note.say("done")
        await settle(pilot)
        assert lines_of(note)[0].strip() == "done"
