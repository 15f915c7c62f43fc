"""What hands do that come from other programs: q, escape, counts, ranges, unknown keys."""

import asyncio
from typing import Any

import pytest
from textual.widgets import Input

from astra_tui.config import ConsoleSettings
from astra_tui.screens.console import ConsoleScreen
from astra_tui.screens.dashboard import DashboardScreen
from astra_tui.screens.dialogs import Choice, Confirm, Prompt
from astra_tui.screens.doctor import DoctorScreen
from astra_tui.screens.help import HelpScreen
from astra_tui.screens.job import JobScreen
from astra_tui.screens.jobs import JobsScreen
from astra_tui.screens.lab import LabScreen
from astra_tui.screens.log import LogScreen
from astra_tui.screens.object import ObjectScreen
from astra_tui.screens.plan import PlanScreen
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import on, quiet, settled, shows, until, words
from widgets.key_help import KeyLine

SIZE = (120, 40)
PAGES = (
    (("P",), PlanScreen),
    (("enter",), ObjectScreen),
    (("5", "enter"), JobScreen),
    (("J",), JobsScreen),
    (("l",), LabScreen),
    (("d",), DashboardScreen),
    (("?",), HelpScreen),
    (("D",), DoctorScreen),
    (("L",), LogScreen),
)


def said(app: Any) -> str:
    return "\n".join(notification.message for notification in app._notifications)


def footer(pilot: Any) -> str:
    return words(pilot).splitlines()[-1]


# -- q ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("flavour", "key"), [("astra", "q"), ("arrows", "f10")])
async def test_q_closes_a_page_and_leaves_only_from_the_console(
    flavour: str, key: str, make_app: AppMaker
) -> None:
    app: Any = make_app(world.quiet(), console=ConsoleSettings(flavour=flavour))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        if flavour == "astra":
            await shows(pilot, "q quit")
        for keys, kind in PAGES:
            if keys == ("5", "enter"):
                continue  # no job runs here
            await pilot.press("1", *keys)
            await until(pilot, on(pilot, kind))
            await quiet(pilot)
            if kind in (DashboardScreen, LogScreen):  # others have more to tell
                await shows(pilot, f"{key} close")
            await pilot.press(key)
            await until(pilot, on(pilot, ConsoleScreen), f"{key} closes {kind.__name__}")
            assert not app.leaving
        await pilot.press(key)
        await until(pilot, lambda: app._exit)


async def test_q_closes_a_filtered_page_at_once_and_escape_one_thing_at_a_time(
    make_app: AppMaker,
) -> None:
    app: Any = make_app(world.snapshot())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("J")
        await until(pilot, on(pilot, JobsScreen))
        await pilot.press("/", *"state:failed", "enter")
        await until(pilot, lambda: app.screen.pane.filter_text == "state:failed")
        await pilot.press("escape")
        await until(pilot, lambda: not app.screen.pane.filter_text)
        assert isinstance(app.screen, JobsScreen)
        await pilot.press("/", *"state:failed", "enter", "q")
        await until(pilot, on(pilot, ConsoleScreen))


async def test_q_leaves_a_question_and_is_text_in_a_field(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("m")
        await until(pilot, on(pilot, Choice))
        await pilot.press("q")
        await until(pilot, on(pilot, ConsoleScreen))
        await pilot.press("+")
        await until(pilot, on(pilot, Prompt))
        await pilot.press("q")
        await until(pilot, lambda: app.screen.query_one(Input).value == "q")
        await pilot.press("escape", "/", "q", "enter")
        await until(pilot, lambda: app.screen.panes[0].filter_text == "q")
        assert not app.leaving


@pytest.mark.parametrize("flavour", ["astra", "vim", "arrows"])
@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c"])
async def test_control_leaves_from_a_page_too(flavour: str, key: str, make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot(), console=ConsoleSettings(flavour=flavour))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("d")
        await until(pilot, on(pilot, DashboardScreen))
        await pilot.press(key)
        await until(pilot, on(pilot, Confirm))


async def test_vim_closes_with_two_letters_and_a_key_of_ones_own_does(make_app: AppMaker) -> None:
    app: Any = make_app(console=ConsoleSettings(flavour="vim", keys={"close": "I, Z Z"}))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("d")
        await until(pilot, on(pilot, DashboardScreen))
        await pilot.press("Z", "Z")
        await until(pilot, on(pilot, ConsoleScreen))
        await pilot.press("m")
        await until(pilot, on(pilot, Choice))
        await pilot.press("I")
        await until(pilot, on(pilot, ConsoleScreen))


# -- escape and marks ---------------------------------------------------------------------


async def test_escape_drops_marks_last_says_so_and_they_come_back(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        pane = app.screen.panes[0]
        await pilot.press("M")
        await until(pilot, lambda: "No marks were dropped here." in said(app))
        await pilot.press("space", "space", "/", "c", "enter", "z")
        await until(pilot, lambda: app.screen.panels.zoomed and len(pane.marked) == 2)
        marked = pane.marked
        await pilot.press("escape")
        await until(pilot, lambda: not app.screen.panels.zoomed)
        await pilot.press("escape")
        await until(pilot, lambda: not pane.filter_text)
        assert pane.marked == marked
        await shows(pilot, "esc drop marks")
        await pilot.press("escape")
        await until(pilot, lambda: not pane.marked)
        assert "2 marks dropped; M brings them back." in said(app)
        await pilot.press("M")
        await until(pilot, lambda: pane.marked == marked)
        assert "2 marks back." in said(app)
        await pilot.press("escape", "down", "down", "down", "space", "M")
        await until(pilot, lambda: len(pane.marked) == 3, "they come to those of now")


async def test_marks_of_jobs_come_back(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        board = app.screen.board
        await pilot.press("5", "space", "escape")
        await until(pilot, lambda: "1 mark dropped; M brings it back." in said(app))
        await pilot.press("M")
        await until(pilot, lambda: len(board.marked) == 1)


async def test_the_marks_of_another_place_do_not_come_back(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        pane = app.screen.panes[0]
        await pilot.press("space")
        await until(pilot, lambda: pane.mark_count == 1)
        app.engine.show(
            world.quiet(clouds=tuple(
                world.cloud(name, bucket="elsewhere") for name in ("aws", "gcp", "azure")
            ))
        )  # fmt: skip
        await until(pilot, lambda: pane.status.bucket == "elsewhere" and not pane.mark_count)
        assert not pane.dropped


# -- keys without a meaning ---------------------------------------------------------------


async def test_a_key_without_a_meaning_says_so_until_the_next(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        before = footer(pilot)
        await pilot.press("X")
        await until(pilot, lambda: "X has no meaning here; ? shows the keys." in footer(pilot))
        await pilot.press("right_curly_bracket", "ctrl+t")
        await until(pilot, lambda: "^t has no meaning here" in footer(pilot))
        await pilot.press("down")
        await until(pilot, lambda: footer(pilot) == before)
        await pilot.press("d")
        await until(pilot, on(pilot, DashboardScreen))
        await pilot.press("z")  # means something on the console
        await until(pilot, lambda: "z has no meaning here" in footer(pilot))
        assert not said(app), "nothing covers the rows"


async def test_what_is_typed_and_what_a_question_does_not_know_is_no_such_key(
    make_app: AppMaker,
) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("/", "X", "f12", "enter")
        await until(pilot, lambda: app.screen.panes[0].filter_text == "X")
        assert "no meaning" not in words(pilot)
        await pilot.press("escape", "m")
        await until(pilot, on(pilot, Choice))
        await pilot.press("X")
        await quiet(pilot)
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))
        assert "no meaning" not in words(pilot)


async def test_what_was_said_of_a_key_goes_by_itself_and_is_drawn_once(
    make_app: AppMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("widgets.key_help.NOTE_SECONDS", 0.05)
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        line = app.screen.query_one(KeyLine)
        await pilot.press("X")
        await until(pilot, lambda: not line._note)
        assert line._going is None, "no timer is left"


# -- counts -------------------------------------------------------------------------------


async def test_vim_counts_a_movement(make_app: AppMaker) -> None:
    names = [f"k{number:03}" for number in range(200)]
    app: Any = make_app(names=names, console=ConsoleSettings(flavour="vim"))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        rows = app.screen.panes[0].objects
        await pilot.press("1", "2")
        await until(pilot, lambda: footer(pilot).rstrip().endswith("12"), "what waits is shown")
        await pilot.press("j")
        await until(pilot, lambda: rows.cursor == 12)
        await pilot.press("1", "0", "k")
        await until(pilot, lambda: rows.cursor == 2)
        await pilot.press("4", "0", "G")
        await until(pilot, lambda: rows.cursor == 39)
        await pilot.press("7", "g", "g")
        await until(pilot, lambda: rows.cursor == 6)
        await pilot.press("9", "9", "9", "9", "down")
        await until(pilot, lambda: rows.cursor == 199)
        await pilot.press("5", "escape", "k")
        await until(pilot, lambda: rows.cursor == 198, "escape forgets the count")
        await pilot.press("g", "2")
        await until(pilot, lambda: app.screen.panels.current == 1, "g and a number is a panel")
        await pilot.press("?")
        await until(pilot, on(pilot, HelpScreen))
        page = app.screen.query_one("#help")
        await until(pilot, lambda: page.max_scroll_y > 5)
        await pilot.press("5", "j")
        await until(pilot, lambda: page.scroll_offset.y == 5)


async def test_elsewhere_digits_are_panels(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("2", "j")
        await until(pilot, lambda: app.screen.panes[1].objects.cursor == 1)


# -- ranges -------------------------------------------------------------------------------


async def test_a_range_marks_what_the_cursor_goes_over(make_app: AppMaker) -> None:
    names = [f"k{number:03}" for number in range(100)]
    app: Any = make_app(names=names)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        pane = app.screen.panes[0]
        await pilot.press("down", "space", "up", "up", "V")  # k001 was marked before
        await until(pilot, lambda: len(pane.marked) == 2)
        await shows(pilot, "MARKING")
        await pilot.press("down", "down")
        await until(pilot, lambda: pane.marked == {"k000", "k001", "k002"})
        await pilot.press("G")
        await until(pilot, lambda: len(pane.marked) == 100)
        await pilot.press("g")
        await until(pilot, lambda: pane.marked == {"k000", "k001"}, "back unmarks")
        await pilot.press("escape")
        await until(pilot, lambda: not pane.range.on)
        await pilot.press("down", "down", "down", "down")
        await until(pilot, lambda: pane.objects.cursor == 4)
        assert pane.marked == {"k000", "k001"}, "the marks stay"


async def test_shift_and_arrows_mark(make_app: AppMaker) -> None:
    names = [f"k{number:03}" for number in range(100)]
    app: Any = make_app(names=names)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        pane = app.screen.panes[0]
        await pilot.press("shift+down", "shift+down", "shift+up")
        await until(pilot, lambda: pane.marked == {"k000", "k001"})
        await pilot.press("down", "down", "down", "shift+up")
        await until(pilot, lambda: pane.marked == {"k000", "k001", "k003", "k004"})


async def test_a_range_over_lines_that_are_not_loaded(make_app: AppMaker) -> None:
    names = [f"k{number:05}" for number in range(30_000)]
    app: Any = make_app(names=names)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        pane = app.screen.panes[0]
        await pilot.press("V", "G")
        await until(pilot, lambda: len(pane.marked) == 30_000)
        await pilot.press("g", "down")
        await until(pilot, lambda: pane.marked == {"k00000", "k00001"})


async def test_a_range_means_the_lines_that_were_shown_when_the_cursor_went_over_them(
    make_app: AppMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other lines come while those of before are still being asked for."""
    asked, answered = asyncio.Event(), asyncio.Event()
    pick = world.View.pick

    async def slow(view: world.View, text: str, start: int, stop: int) -> Any:
        asked.set()
        await answered.wait()
        return await pick(view, text, start, stop)

    monkeypatch.setattr(world.View, "pick", slow)
    names = [f"k{number:05}" for number in range(2000)]
    app: Any = make_app(names=names)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        pane = app.screen.panes[0]
        rows = pane.pane_list()
        rows.move_cursor(500)
        await pilot.press("V", "G")
        await asyncio.wait_for(asked.wait(), 10)
        fewer = [row for row in rows.view.all_rows if row.key > "k00099"]
        view = world.View(fewer, rows.view.query, rows.view.generation + 1)
        pane.show_view(view, {"k00500": 400, "k01999": 1899})
        rows.move_cursor(1000)  # back over lines that have other objects on them now
        await until(pilot, lambda: len(pane.range._due) == 1)
        answered.set()
        await until(pilot, lambda: not pane.range.busy)
        assert pane.marked == {f"k{number:05}" for number in range(500, 1101)}


# -- sizes of panels ----------------------------------------------------------------------


async def test_panels_grow_and_stand_so_again(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        screen, kept = app.screen, app.engine.workspace
        aws, board = screen.panes[0], screen.board
        wide, high = aws.region.width, board.region.height
        await pilot.press("}")
        await until(pilot, lambda: aws.region.width > wide)
        assert sum(pane.region.width for pane in screen.panes) == SIZE[0]
        await pilot.press("{")
        await until(pilot, lambda: aws.region.width == wide)
        await pilot.press("5", "}", "}")
        await until(pilot, lambda: board.region.height == high + 4)
        await until(pilot, lambda: kept.panels.sizes == (0, 0, 0, 0, 2), "it is kept")
        await pilot.press(*("{",) * 12)
        await until(pilot, lambda: "This panel cannot be smaller here." in said(app))
        assert board.region.height == 5
        await pilot.press("z", "}")
        await until(pilot, lambda: "Only one panel shows" in said(app))


async def test_sizes_are_those_that_were_left(make_app: AppMaker) -> None:
    app: Any = make_app()
    from engine.model import PanelLayout

    order = ("gcp", "aws", "azure", ":events", ":migrations")
    app.engine.workspace.panels = PanelLayout(order, (), (3, 0, 0, 0, 0))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        gcp, aws = app.screen.panes[1], app.screen.panes[0]
        await until(pilot, lambda: gcp.region.x == 0 and gcp.region.width > aws.region.width + 10)


# -- help ---------------------------------------------------------------------------------


async def test_the_help_says_a_reason_once_and_the_same_key_closes_it(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=(120, 240)) as pilot:
        await settled(pilot)
        await pilot.press("4", "?")
        await until(pilot, on(pilot, HelpScreen))
        await shows(pilot, "dim ones, not now: go to a cloud (1 to 3) first.")
        assert words(pilot).count("go to a cloud (1 to 3) first.") == 1
        await pilot.press("?")
        await until(pilot, on(pilot, ConsoleScreen))


# -- search -------------------------------------------------------------------------------


@pytest.mark.parametrize(("flavour", "key"), [("astra", "ctrl+f"), ("vim", "/")])
async def test_a_search_goes_to_rows_and_leaves_all(
    flavour: str, key: str, make_app: AppMaker
) -> None:
    names = [f"k{number:05}{'.needle' if number % 4000 == 7 else ''}" for number in range(10_000)]
    app: Any = make_app(names=names, console=ConsoleSettings(flavour=flavour))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        pane = app.screen.panes[0]
        rows = pane.objects
        await pilot.press("n")
        await until(pilot, lambda: "Nothing is searched for" in said(app))
        await pilot.press(key, *"needle")
        await until(pilot, lambda: rows.cursor == 7, "as it is typed")
        await pilot.press("enter", "n")
        await until(pilot, lambda: rows.cursor == 4007)
        await pilot.press("n", "n")
        await until(pilot, lambda: rows.cursor == 7, "round to the beginning")
        await pilot.press("N")
        await until(pilot, lambda: rows.cursor == 8007)
        assert rows.count() == 10_000
        assert not pane.filter_text


async def test_escape_takes_a_search_back_and_what_is_not_there_is_said(
    make_app: AppMaker,
) -> None:
    app: Any = make_app(names=[f"k{number:03}" for number in range(100)])
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        pane = app.screen.panes[0]
        await pilot.press("/", "k", "enter", "down", "down", "ctrl+f", *"k09")
        await until(pilot, lambda: pane.objects.cursor == 90)
        await pilot.press("z")
        await shows(pilot, "Nothing here has k09z.")
        await pilot.press("escape")
        await until(pilot, lambda: pane.objects.cursor == 2, "back where it began")
        assert pane.filter_text == "k"
        assert pane.search_text == ""
        assert "Nothing here has" not in words(pilot)
        await pilot.press("ctrl+f", *"k05", "enter", "/", *"09", "enter", "n")
        await until(pilot, lambda: "Nothing here has k05." in footer(pilot))


async def test_jobs_and_the_log_are_searched(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        board = app.screen.board
        await pilot.press("5", "ctrl+f", *"failed", "enter")
        await until(pilot, lambda: board.pane_list().cursor_row.word[0] == "failed")
        app.say("a needle")
        for number in range(5):
            app.say(f"hay {number}")
        await pilot.press("L")
        await until(pilot, on(pilot, LogScreen))
        rows = app.screen.pane.list
        await until(pilot, lambda: rows.count() >= 6)
        await pilot.press("ctrl+f", *"needle", "enter")
        await until(pilot, lambda: rows.cursor_row.text == "a needle")


async def test_where_lines_are_not_gone_through_they_are_filtered(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("4", "ctrl+f", *"GET", "enter")
        await until(pilot, lambda: app.screen.feed.filter_text == "GET")
        await pilot.press("J", "ctrl+f", *"failed", "enter")
        await until(pilot, on(pilot, JobsScreen))
        await until(pilot, lambda: app.screen.pane.filter_text == "failed")
