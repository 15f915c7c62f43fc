"""The virtual list: movement, what it asks its provider for, and what it draws again."""

import tracemalloc
from collections.abc import Sequence
from typing import ClassVar

from textual.widget import Widget

from tests.widgets.samples import FakeView, ManyNames
from tests.widgets.stage import Stage, lines_of, settle
from widgets.cells import Cell, Name
from widgets.cloud_pane import CloudPane
from widgets.columns import Column
from widgets.virtual_list import VirtualList


class Numbers(VirtualList[int]):
    """Rows are numbers; `rows` may be replaced."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("name", "name", 6, flex=1),
        Column("twice", "twice", 6, right=True),
    )

    def __init__(self, rows: Sequence[int]) -> None:
        super().__init__()
        self.rows = rows
        self.fetched: list[tuple[int, int]] = []

    def count(self) -> int:
        return len(self.rows)

    def fetch(self, start: int, stop: int) -> Sequence[int]:
        self.fetched.append((start, stop))
        return self.rows[start:stop]

    def cell(self, row: int, key: str, width: int) -> Cell:
        return Name(f"row {row}") if key == "name" else str(row * 2)

    def is_marked(self, row: int) -> bool:
        return row == 3

    def placeholder(self, width: int) -> Sequence[Cell]:
        return ["nothing", "at all"]


def stage(rows: Sequence[int]) -> tuple[Stage, Numbers]:
    numbers = Numbers(rows)

    def make() -> list[Widget]:
        return [numbers]

    return Stage(make), numbers


async def test_rows_header_cursor_and_mark() -> None:
    app, numbers = stage(range(100))
    async with app.run_test(size=(30, 6)) as pilot:
        await settle(pilot)
        assert lines_of(numbers) == [
            "   name                 twice",
            "▸  row 0                    0",
            "   row 1                    2",
            "   row 2                    4",
            " ● row 3                    6",
            "   row 4                    8",
        ]


async def test_movement() -> None:
    app, numbers = stage(range(100))
    async with app.run_test(size=(30, 11)) as pilot:
        await settle(pilot)
        seen = []
        for keys in ("down", "j", "k", "up", "pagedown", "pageup", "G", "up", "end", "home", "g"):
            await pilot.press(keys)
            seen.append((numbers.cursor, numbers.top))
        assert seen == [
            (1, 0), (2, 0), (1, 0), (0, 0), (9, 0), (0, 0),
            (99, 90), (98, 90), (99, 90), (0, 0), (0, 0),
        ]  # fmt: skip
        numbers.move_cursor(1000)
        assert numbers.cursor == 99
        numbers.move_cursor(-5)
        assert numbers.cursor == 0


async def test_the_cursor_stays_in_view_when_the_widget_shrinks() -> None:
    app, numbers = stage(range(100))
    async with app.run_test(size=(30, 20)) as pilot:
        await settle(pilot)
        numbers.move_cursor(18)
        await pilot.resize_terminal(30, 6)
        await settle(pilot)
        assert numbers.top <= 18 < numbers.top + numbers.visible_count
        assert any(line.startswith("▸  row 18") for line in lines_of(numbers))


async def test_mouse() -> None:
    app, numbers = stage(range(100))
    async with app.run_test(size=(30, 11)) as pilot:
        await settle(pilot)
        await pilot.click(numbers, offset=(8, 4))
        assert numbers.cursor == 3
        await pilot.click(numbers, offset=(1, 6))
        await pilot.click(numbers, offset=(8, 2), times=2)
        marks = app.heard(VirtualList.MarkClicked)
        chosen = app.heard(VirtualList.Chosen)
        assert [message.index for message in marks] == [5]
        assert [message.index for message in chosen] == [1]
        await pilot.click(numbers, offset=(8, 0))  # the header moves nothing
        assert numbers.cursor == 1


async def test_a_short_list_and_none_at_all() -> None:
    app, numbers = stage(range(2))
    async with app.run_test(size=(30, 6)) as pilot:
        await settle(pilot)
        await pilot.press("G", "pagedown", "down")
        assert numbers.cursor == 1
        await pilot.click(numbers, offset=(8, 5))  # below the last row
        assert numbers.cursor == 1
        numbers.rows = []
        numbers.rows_changed()
        await settle(pilot)
        assert lines_of(numbers)[1:3] == ["nothing", "at all"]
        assert numbers.cursor_row is None
        await pilot.press("up", "down", "G", "g")


async def test_changed_rows_draw_only_their_lines() -> None:
    app, numbers = stage(list(range(100)))
    async with app.run_test(size=(30, 11)) as pilot:
        await settle(pilot)
        whole = app.sent
        app.sent = 0
        numbers.rows_changed()
        await settle(pilot)
        assert app.sent == 0
        rows = list(range(100))
        rows[4] = 4444
        numbers.rows = rows
        numbers.rows_changed()
        await settle(pilot)
        assert 0 < app.sent < whole / 4
        assert "row 4444" in lines_of(numbers)[5]
        app.sent = 0
        numbers.rows = [*rows, 100, 101]  # more rows below what shows
        numbers.rows_changed()
        await settle(pilot)
        assert app.sent < whole / 2  # the scrollbar at most


async def test_fewer_rows_pull_the_view_back() -> None:
    app, numbers = stage(list(range(100)))
    async with app.run_test(size=(30, 11)) as pilot:
        await settle(pilot)
        await pilot.press("G")
        numbers.rows = list(range(5))
        numbers.rows_changed()
        await settle(pilot)
        assert (numbers.cursor, numbers.top) == (4, 0)
        assert lines_of(numbers)[5].startswith("▸  row 4")


async def test_a_million_rows_cost_what_shows() -> None:
    view = FakeView(ManyNames(1_000_000))
    pane = CloudPane("aws")
    app = Stage(lambda: [pane])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        tracemalloc.start()
        pane.show_view(view)
        await settle(pilot)
        pane.focus()
        await settle(pilot)
        assert view.calls <= 4
        assert view.asked <= 4 * 24
        before = view.calls, view.asked
        await pilot.press("down")
        await settle(pilot)
        assert view.calls - before[0] <= 1  # at most the row itself, mostly none
        for keys in ("pagedown", "G", "pageup", "g"):
            await pilot.press(keys)
        await settle(pilot)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert view.asked <= 12 * 24
        assert peak < 4 << 20
        await pilot.press("G")
        assert pane.cursor_key == "logs/2026/part-0999999.parquet"
