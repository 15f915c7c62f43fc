"""Rates, bars and times of job lists, in characters."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from engine.model import JobsetLine, Throughput
from tests.console.job_world import ended_set
from widgets import glyphs
from widgets.job_table import step_text
from widgets.job_text import unpriced_text
from widgets.jobset_card import _amounts
from widgets.jobset_table import bar, left_text, set_word
from widgets.lines import plain_cell
from widgets.rate_chart import chart


@pytest.fixture(autouse=True)
def _signs() -> Iterator[None]:
    before = glyphs.current()
    glyphs.use(glyphs.UNICODE)
    yield
    glyphs.use(before)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "·"), (0.0001, "1ms"), (0.082, "82ms"), (0.9999, "1.0s"), (1.23, "1.2s"), (61, "61s"),
     (599.4, "599s"), (600, "10m"), (35_999, "600m"), (36_000, "10h")],
)  # fmt: skip
def test_times_of_steps_fit_their_column(seconds: float, text: str) -> None:
    assert step_text(seconds) == text
    assert len(text) <= 5


@pytest.mark.parametrize("height", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("width", [20, 80, 118])
def test_a_chart_fills_its_lines_and_no_more(width: int, height: int) -> None:
    seen = Throughput(1000.0, 5, tuple(range(120)), tuple([0] * 119 + [1]))
    lines = chart(seen, width, height)
    assert len(lines) == max(height, 2)
    assert all(len(plain_cell(line)) <= width for line in lines)
    assert plain_cell(lines[1]).rstrip().endswith("█")


def test_a_chart_without_work_says_so() -> None:
    (line,) = chart(Throughput(), 80, 6)
    assert plain_cell(line) == "Nothing moved in the last minutes."
    short = chart(Throughput(1000.0, 5, (50,), (1,)), 80, 6)
    assert plain_cell(short[0]).startswith("bytes 10 B/s")
    assert "objects 0.2/s" in plain_cell(short[0])


def line(done: int, **states: int) -> JobsetLine:
    jobs = sum(states.values())
    return JobsetLine("s", jobs, 100, tuple(states.items()), (), done, 0, 0, 1, 1, 0, 0)


def test_a_set_is_whole_only_when_every_job_is_completed() -> None:
    assert line(100, completed=9, failed=1).progress < 1
    assert line(0, completed=2).progress == 1
    assert line(50, completed=1, copying=1).progress == 0.5
    assert plain_cell(list(bar(0.999))) == "█████████░"
    assert plain_cell(list(bar(1))) == "██████████"
    words = [
        set_word(line(0, **states))[0]
        for states in (
            {"copying": 1, "failed": 1}, {"queued": 1, "paused": 1}, {"paused": 1},
            {"failed": 1, "completed": 1}, {"completed": 1, "cancelled": 1}, {"cancelled": 1},
        )
    ]  # fmt: skip
    assert words == ["running", "queued", "paused", "failed some", "done", "cancelled"]


def test_time_left_is_never_negative() -> None:
    assert left_text(-1, 1000) == left_text(0, 1000) == ""
    assert left_text(185, 1000).startswith("3m 05s (")


def test_the_end_of_sets_in_words() -> None:
    from astra_tui.run_ends import ended_text

    one = ended_text([ended_set("a\x1b[31m")], "O")
    assert "\x1b" not in one
    assert "40 completed, 2 failed and kept; 2.0 GiB in 2m 05s, saves $1.42 a month. O" in one
    assert unpriced_text(ended_set("a")) == ""
    blank = replace(ended_set("a"), unpriced=1)
    assert unpriced_text(blank) == "without 1 job whose price is not known"
    card = "\n".join(plain_cell(cell) for cell in _amounts(blank, None))
    assert "$1.42 a month  without 1 job" in card
    none = replace(blank, statistics=replace(blank.statistics, saving_per_month=0.0), unpriced=40)
    card = "\n".join(plain_cell(cell) for cell in _amounts(none, None))
    assert "unknown  without 40 jobs whose prices are not known" in card
    dear = ended_set("c")
    dear = replace(dear, statistics=replace(dear.statistics, saving_per_month=-0.5))
    assert "in 2m 05s, costs $0.50 more a month. O" in ended_text([dear], "O")
    two = ended_text([ended_set("a"), ended_set("b", 0)], "O")
    assert two.startswith("2 job sets ended: 80 completed, 2 failed and kept; 4.0 GiB, saves $2.84")
