"""A look into one object: which keys do what, and what the engine is asked for."""

from typing import Any

from textual.pilot import Pilot

from astra_tui.screens.object import ObjectScreen
from astra_tui.screens.preview import PreviewScreen
from astra_tui.screens.versions import VersionsScreen
from engine.errors import Unavailable
from engine.model import PREVIEW_BYTES, Address
from tests.console import object_samples, world
from tests.console.conftest import AppMaker
from tests.console.waiting import on, quiet, settled, shows, until, words


async def test_a_preview_from_the_pane_reads_once(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("down", "down", "v")
        await until(pilot, on(pilot, PreviewScreen), "the preview")
        await shows(pilot, "customer-1")
        place = Address("aws", "aws-data", "customer_transactions.csv")
        assert app.engine.asked("preview") == [(place, None, PREVIEW_BYTES, False)]
        await pilot.press("v")  # there is no price to accept
        await quiet(pilot)
        assert len(app.engine.asked("preview")) == 1
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.screen_stack[0], "the console again")


async def test_a_price_is_accepted_by_a_second_key_only(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        app.push_screen(PreviewScreen(Address("aws", "b", "financial.csv")))
        await until(pilot, on(pilot, PreviewScreen), "the preview")
        await shows(pilot, "Press v to read")
        await pilot.press("r")
        await until(pilot, lambda: len(app.engine.asked("preview")) == 2, "asked again")
        await shows(pilot, "Press v to read")
        await pilot.press("v")
        await shows(pilot, "nothing special")
        assert [paid for *_, paid in app.engine.asked("preview")] == [False, False, True]


async def test_a_failed_read_can_be_tried_again(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    app.engine.fail["preview"] = Unavailable("The store does not answer.")
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        app.push_screen(PreviewScreen(Address("aws", "b", "docs/readme.md")))
        await until(pilot, on(pilot, PreviewScreen), "the preview")
        await shows(pilot, "FAILED: The store does not answer.")
        app.engine.fail.clear()
        await pilot.press("r")
        await shows(pilot, "What this bucket holds.")


async def test_a_version_is_previewed_by_its_pin(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await until(pilot, on(pilot, ObjectScreen), "the object")
        await pilot.press("h")
        await until(pilot, on(pilot, VersionsScreen), "the versions")
        await shows(pilot, "delete marker")
        await pilot.press("down", "v")
        await quiet(pilot)
        assert not app.engine.asked("preview")  # a delete marker has no bytes
        await pilot.press("down", "enter")
        await until(pilot, on(pilot, PreviewScreen), "the preview")
        await until(pilot, lambda: app.engine.asked("preview"), "the version is read")
        address, pin, *_ = app.engine.asked("preview")[0]
        assert pin == object_samples.versions(address).versions[2].pin


async def test_hostile_bytes_reach_no_terminal(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    async with app.run_test(size=(100, 40)) as pilot:
        await settled(pilot)
        app.push_screen(PreviewScreen(Address("aws", "b", "hostile.txt")))
        await until(pilot, on(pilot, PreviewScreen), "the preview")
        await shows(pilot, "[red]no markup[/]")
        drawn = words(pilot)
        assert all(char == "\n" or char.isprintable() for char in drawn)
        assert "\u202e" not in drawn


async def wide(pilot: Pilot[Any]) -> str:
    return words(pilot).split("columns ")[1].split("\n")[0].strip()


async def test_a_wide_table_pans(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    async with app.run_test(size=(60, 24)) as pilot:
        await settled(pilot)
        app.push_screen(PreviewScreen(Address("aws", "b", "customer_transactions.csv")))
        await until(pilot, on(pilot, PreviewScreen), "the preview")
        await shows(pilot, "columns 1 to")
        await pilot.press("right", "right")
        await shows(pilot, "columns 3 to")
        await pilot.press(*["right"] * 20)
        await shows(pilot, "columns 8 to 8 of 8")
        await pilot.press(*["left"] * 20)
        await shows(pilot, "columns 1 to")


async def test_a_job_of_the_object_is_opened_by_its_cursor(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    app.engine.detail = object_samples.busy
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.push_screen(ObjectScreen(Address("aws", "b", "k")))
        await until(pilot, on(pilot, ObjectScreen), "the object")
        await shows(pilot, "reads by day")
        card = app.screen.query_one("#card")
        await pilot.press("tab", "tab")
        await shows(pilot, "jobs so far")
        assert card.cursor_job == "job-1"
        await pilot.press("shift+tab", "shift+tab")  # around the end, to the last that shows
        assert card.cursor_job == "job-4"
        await pilot.press("f", "tab")
        assert card.cursor_job == "job-5"
        await pilot.press("f")  # folded again, the cursor is on one that shows
        assert card.cursor_job == "job-4"
        opened = []
        app.screen._open = opened.append
        await pilot.press("enter")
        await until(pilot, lambda: opened == ["job-4"], "the job is opened")


async def test_a_click_on_a_job_opens_it(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    app.engine.detail = object_samples.busy
    async with app.run_test(size=(100, 40)) as pilot:
        await settled(pilot)
        app.push_screen(ObjectScreen(Address("aws", "b", "k")))
        await until(pilot, on(pilot, ObjectScreen), "the object")
        await pilot.press("tab")
        await shows(pilot, "corrupt.bin")
        opened = []
        app.screen._open = opened.append
        row = next(n for n, line in enumerate(words(pilot).split("\n")) if "corrupt.bin" in line)
        await pilot.click(offset=(20, row))
        await until(pilot, lambda: opened == ["job-4"], "the job is opened")
        await pilot.click(offset=(20, 1))  # the top of the page is no job
        await quiet(pilot)
        assert opened == ["job-4"]


async def test_keys_say_why_nothing_is_there(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    async with app.run_test(size=(100, 40)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await until(pilot, on(pilot, ObjectScreen), "the object")
        await shows(pilot, "reads by day")
        await pilot.press("enter")
        why = "No job was about this object so far."
        await until(pilot, lambda: why in [n.text for n in app.notice_board], why)
