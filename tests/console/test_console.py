"""The console's keys: what they ask of the engine, and what they refuse and why."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from textual import events
from textual.command import CommandPalette
from textual.widgets import Input

from astra_tui.commands import commands_of
from astra_tui.config import ConsoleSettings
from astra_tui.screens.console import ConsoleScreen
from astra_tui.screens.dialogs import Choice, Confirm, Prompt, Tell
from astra_tui.screens.job import JobScreen
from astra_tui.screens.message import MessageScreen
from astra_tui.screens.object import ObjectScreen
from astra_tui.screens.plan import PlanScreen
from engine.model import Address, JobState, KafkaState, ListingQuery, MoveKind, SortKey, Tier
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import on, settled, shows, until, words

SIZE, SMALL = (120, 40), (80, 24)


def running(app: Any, size: tuple[int, int] = SIZE) -> Any:
    return app.run_test(size=size, notifications=True)


def said(app: Any) -> str:
    return "\n".join(notification.message for notification in app._notifications)


# -- moving about -----------------------------------------------------------------------


async def test_tab_goes_round_the_panels(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        seen = []
        for _ in range(6):
            seen.append(app.screen.panels.current)
            await pilot.press("tab")
            await until(pilot, lambda: app.screen.panel.has_focus_within)
        assert seen == [0, 1, 2, 3, 4, 0]
        await pilot.press("shift+tab")
        await until(pilot, lambda: app.screen.panels.current == 0)


@pytest.mark.parametrize("size", [SIZE, SMALL])
async def test_numbers_jump_to_panels(size: tuple[int, int], make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app, size) as pilot:
        await settled(pilot)
        for number in (3, 5, 4, 1):
            await pilot.press(str(number))
            panel = app.screen.panels.panels[number - 1]
            await until(pilot, lambda panel=panel: panel.has_focus_within)
            assert panel.region.area
        await pilot.press("9")
        assert "only 5 panels" in said(app)


async def test_one_panel_at_a_time_on_a_small_terminal(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app, SMALL) as pilot:
        await settled(pilot)
        assert app.screen.panels.shown == (0,)
        await shows(pilot, "1 aws")
        await shows(pilot, "5 migrations")
        await pilot.press("4")
        await until(pilot, lambda: app.screen.panels.shown == (3,))


async def test_zoom_and_back(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("z")
        await until(pilot, lambda: app.screen.panels.shown == (0,))
        await until(pilot, lambda: "leave zoom" in words(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen.panels.shown) == 5)


async def test_a_resize_keeps_focus_and_cursor(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("2", "j", "j", "j")
        pane = app.screen.panes[1]
        await until(pilot, lambda: pane.objects.cursor == 3)
        key = pane.cursor_key
        for width, height in ((80, 24), (200, 60), (60, 15), (120, 40)):
            await pilot.resize_terminal(width, height)
            await until(pilot, lambda: pane.region.area > 0)
            assert pane.has_focus_within
            assert pane.cursor_key == key


async def test_vim_keys_move_in_lists(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        rows = app.screen.panes[0].objects
        await pilot.press("G")
        assert rows.cursor == len(world.CALM) - 1
        await pilot.press("k")
        assert rows.cursor == len(world.CALM) - 2
        await pilot.press("g")
        assert rows.cursor == 0


# -- what panes show --------------------------------------------------------------------


async def test_the_filter_asks_the_engine(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("slash", *"photos", "enter")
        await until(pilot, lambda: len(app.screen.panes[0].objects.view) == 2)
        assert app.engine.views[-1].text == "photos"
        await pilot.press("a")  # the list has the focus again: this is a key, not text
        await until(pilot, on(pilot, Prompt))
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen.panes[0].objects.view) == len(world.CALM))


async def test_sorting_asks_the_engine(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("s")
        await until(pilot, lambda: app.engine.views[-1].sort is SortKey.SIZE)
        before = app.engine.views[-1].descending
        await pilot.press("S")
        await until(pilot, lambda: app.engine.views[-1].descending is not before)


async def test_a_grown_listing_is_asked_for_again(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        asked = len(app.engine.views)
        app.engine.show(replace(app.engine.now, clouds=(world.cloud("aws", generation=2),
                                                        *app.engine.now.clouds[1:])))  # fmt: skip
        await until(pilot, lambda: app.screen.panes[0].objects.view.generation == 2)
        assert len(app.engine.views) == asked + 1


async def test_reload_lists_again(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("3", "r")
        await until(pilot, lambda: ("azure", None, None) in app.engine.asked("scan")[3:])


async def test_open_lists_another_place(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("o")
        await until(pilot, on(pilot, Prompt))
        app.screen.query_one(Input).value = "logs/2026/"
        await pilot.press("enter")
        await until(pilot, lambda: ("aws", "logs", "2026/") in app.engine.asked("scan"))


# -- plans ------------------------------------------------------------------------------


async def test_migrating_asks_where_and_how_and_keeps_paths(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("space")  # archived_logs_2022.log
        await pilot.press("G", "k", "space")  # photos/2026/08/harbour.jpg
        await pilot.press("m")
        await until(pilot, on(pilot, Choice))
        await shows(pilot, "they are there already")
        await pilot.press("2")
        await until(pilot, lambda: "the source is kept" in words(pilot))
        await pilot.press("1")
        await until(pilot, on(pilot, PlanScreen))
        assert len(app.screen_stack[0].panes[0].marked) == 2
        await pilot.press("A")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, on(pilot, ConsoleScreen))
        await until(pilot, lambda: not app.screen.panes[0].marked)
    places = [(str(to), kind) for _, to, kind in app.engine.asked("plan_migration")]
    assert places == [
        ("gcp:gcp-data/", MoveKind.MOVE),
        ("gcp:gcp-data/photos/2026/08/", MoveKind.MOVE),
    ]


async def test_migrating_to_a_place_written_by_hand(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("m", "4")
        await until(pilot, on(pilot, Prompt))
        field = app.screen.query_one(Input)
        for wrong, why in (("nonsense", "is no address"), ("mars:b/", "There is no cloud 'mars'")):
            field.value = wrong
            await pilot.press("enter")
            await until(pilot, lambda why=why: why in words(pilot))
        field.value = "azure:azure-data/new/"
        await pilot.press("enter")
        await until(pilot, on(pilot, Choice))
        await pilot.press("2")
        await until(pilot, on(pilot, PlanScreen))
    ((_, place, kind),) = app.engine.asked("plan_migration")
    assert place == Address("azure", "azure-data", "new/")
    assert kind is MoveKind.COPY


async def test_a_read_only_cloud_is_no_destination_and_no_source_of_a_move(
    make_app: AppMaker,
) -> None:
    clouds = (world.cloud("aws", read_only=True), world.cloud("gcp", read_only=True),
              world.cloud("azure"))  # fmt: skip
    app: Any = make_app(world.quiet(clouds=clouds))
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await until(pilot, lambda: "aws is read-only" in said(app))
        await pilot.press("m")
        await until(pilot, on(pilot, Choice))
        await pilot.press("2")  # gcp: disabled, so nothing happens
        await pilot.press("3")
        await until(pilot, lambda: "the source is kept" in words(pilot))
        await shows(pilot, "aws is read-only")
        await pilot.press("1")  # move: disabled
        await pilot.press("enter")
        await until(pilot, on(pilot, PlanScreen))
    assert app.engine.asked("plan_migration")[0][2] is MoveKind.COPY


async def test_changing_the_tier(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await until(pilot, on(pilot, Choice))
        await pilot.press("3")
        await until(pilot, on(pilot, PlanScreen))
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))
        await pilot.press("t")
        await until(pilot, on(pilot, Choice))
        await pilot.press("5")
        await until(pilot, lambda: "DEEP_ARCHIVE" in words(pilot) and "0.0025" in words(pilot))
        await pilot.press("4")
        await until(pilot, on(pilot, PlanScreen))
    assert [what for _, what in app.engine.asked("plan_tier")] == [Tier.COLD, "DEEP_ARCHIVE"]


@pytest.mark.parametrize("key", ["P", "enter"])
async def test_the_engine_decides_and_then_plans(key: str, make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("e")
        await until(pilot, on(pilot, Tell))
        await shows(pilot, "7 objects should be in another tier")
        assert not app.engine.asked("plan_decisions")
        await pilot.press(key)
        await until(pilot, on(pilot, PlanScreen))
    assert app.engine.asked("decide") == [""]


async def test_another_policy_may_decide(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("E")
        await until(pilot, on(pilot, Choice))
        await pilot.press("j", "j", "enter")
        await until(pilot, on(pilot, Tell))
    assert app.engine.asked("decide") == ["reactive"]


async def test_a_plan_starts_only_after_a_yes_and_with_what_is_taken(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("P")
        await until(pilot, on(pilot, PlanScreen))
        await pilot.press("space")  # the first move is left out
        await pilot.press("A")
        await until(pilot, on(pilot, Confirm))
        shown = words(pilot)
        assert "4 objects" in shown
        assert "2 sources" in shown
        assert "aws → gcp" in shown
        await pilot.press("enter")
        await until(pilot, on(pilot, PlanScreen))
        assert not app.engine.asked("submit")
        await pilot.press("A")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, on(pilot, ConsoleScreen))
    (plan,) = app.engine.asked("submit")
    assert [move.source.key for move in plan.moves] == [
        "backup_database_Q2.zip",
        "customer_transactions.csv",
        "financial_records_2023.csv",
        "photos/2026/08/beach-at-dawn.jpg",
    ]


async def test_a_plan_with_nothing_taken_cannot_be_approved(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("P")
        await until(pilot, on(pilot, PlanScreen))
        await pilot.press("*", "A")
        await until(pilot, lambda: "No move is taken" in said(app))
        await pilot.press("*", "A")
        await until(pilot, on(pilot, Confirm))


async def test_a_key_after_a_filter_means_the_rows_that_it_leaves(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        answer, see = asyncio.Event(), app.engine.view

        async def slow(cloud: str, query: ListingQuery) -> Any:
            if query.text == "financial":
                await answer.wait()
            return await see(cloud, query)

        app.engine.view = slow
        pane = app.screen.panes[0]
        assert "financial" not in pane.cursor_key
        await pilot.press("/", *"financial", "enter")
        pilot.app.post_message(events.Key("m", "m"))
        await until(pilot, lambda: pane.pane_list().has_focus)
        await pilot.pause()
        assert isinstance(app.screen, ConsoleScreen)
        answer.set()
        await until(pilot, on(pilot, Choice))
        await shows(pilot, "financial_records_2023.csv")


async def test_one_key_means_what_its_screen_says(make_app: AppMaker) -> None:
    """`f` follows the feed on the console, and folds a route on the plan."""
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("P")
        await until(pilot, on(pilot, PlanScreen))
        await until(pilot, lambda: "backup_database_Q2.zip" in words(pilot))
        await pilot.press("f")
        await until(pilot, lambda: "backup_database_Q2.zip" not in words(pilot))


async def test_a_plan_can_be_saved(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("P")
        await until(pilot, on(pilot, PlanScreen))
        await pilot.press("w")
        await until(pilot, lambda: app.engine.workspace.saved)
        assert "Plan saved" in said(app)
        await pilot.press("space", "w")  # what is saved is replaced after a question only
        await until(pilot, on(pilot, Confirm))
        await shows(pilot, "Replace the saved plan?")
        await pilot.press("n")
        await until(pilot, on(pilot, PlanScreen))
        assert len(app.engine.asked("keep_plan")) == 1
        await pilot.press("w")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: len(app.engine.asked("keep_plan")) == 2)


async def test_read_only_plans_but_does_not_start(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet(read_only=True))
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("P")
        await until(pilot, on(pilot, PlanScreen))
        await pilot.press("A")
        await until(pilot, lambda: "read-only" in said(app))
        assert isinstance(app.screen, PlanScreen)


# -- objects, events, jobs --------------------------------------------------------------


async def test_age_and_access_ask_for_a_number(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("space", "space", "a")
        await until(pilot, on(pilot, Prompt))
        await pilot.press("9", "0", "enter")
        await until(pilot, lambda: len(app.engine.asked("age")) == 2)
        await pilot.press("x")
        await until(pilot, on(pilot, Prompt))
        await pilot.press("0", "enter")  # not a number from 1: refused
        await until(pilot, lambda: "from 1 to 10000" in words(pilot))
        await pilot.press("backspace", "7", "enter")
        await until(pilot, lambda: len(app.engine.asked("send_access")) == 2)
    assert [days for _, days in app.engine.asked("age")] == [90.0, 90.0]
    assert [count for _, count in app.engine.asked("send_access")] == [7, 7]


async def test_enter_inspects_what_is_at_the_cursor(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    async with running(app) as pilot:
        await settled(pilot)
        for panel, kind in (("1", ObjectScreen), ("4", MessageScreen), ("5", JobScreen)):
            await pilot.press(panel)
            await until(pilot, lambda: app.screen.panel.has_focus_within)
            await pilot.press("enter")
            await until(pilot, on(pilot, kind), kind.__name__)
            await pilot.press("escape")
            await until(pilot, on(pilot, ConsoleScreen))


async def test_the_feed_is_held_and_follows(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("f")
        assert not app.screen.feed.following
        await until(pilot, lambda: "f follow" in words(pilot))
        await pilot.press("f")
        assert app.screen.feed.following


async def test_pause_and_go_on(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("p")
        await until(pilot, lambda: app.engine.asked("pause") == [[]])
        jobs = tuple(replace(job, paused=True) for job in world.jobs()[2:3])
        app.engine.show(world.quiet(jobs=jobs, job_counts=(("paused", 1),), paused=True))
        await until(pilot, lambda: "p resume" in words(pilot))
        await pilot.press("p")
        await until(pilot, lambda: app.engine.asked("resume") == [[]])


async def test_only_marked_jobs_are_paused(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("5")
        await until(pilot, lambda: app.screen.board.has_focus_within)
        await pilot.press("space", "p")
        await until(pilot, lambda: app.engine.asked("pause") == [["job-backup_d"]])


async def test_cancelling_asks_and_retrying_knows_what_failed(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("5")
        await until(pilot, lambda: app.screen.board.has_focus_within)
        await pilot.press("R")
        await until(pilot, lambda: "Only failed and cancelled" in said(app))
        await pilot.press("c")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("enter")
        await until(pilot, on(pilot, ConsoleScreen))
        assert not app.engine.asked("cancel")
        await pilot.press("G", "c")
        await until(pilot, lambda: "Only unfinished" in said(app))
        await pilot.press("R")
        await until(pilot, lambda: app.engine.asked("retry") == [["job-corrupt."]])


async def test_a_job_page_follows_its_job(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("5")
        await until(pilot, lambda: app.screen.board.has_focus_within)
        await pilot.press("enter")
        await until(pilot, on(pilot, JobScreen))
        await shows(pilot, "36%")
        first, *rest = world.jobs()
        app.engine.show(world.snapshot(jobs=(replace(first, bytes_done=9 * world.MIB), *rest)))
        await until(pilot, lambda: "54%" in words(pilot))
        done = replace(first, state=JobState.COMPLETED)
        app.engine.show(world.snapshot(jobs=(done, *rest)))
        await until(pilot, lambda: "completed" in words(pilot))
        await pilot.press("p")
        await until(pilot, lambda: "there is nothing to pause" in said(app))


async def test_a_job_that_the_snapshot_forgot_comes_from_the_ledger(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet())
    async with running(app) as pilot:
        await settled(pilot)
        app.push_screen(JobScreen("job-archived"))
        await until(pilot, lambda: "reread" in words(pilot))
        assert app.engine.asked("job") == ["job-archived"]


async def test_copying_sends_the_address_and_shows_it(make_app: AppMaker) -> None:
    app: Any = make_app(names=world.HOSTILE)
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("space", "space", "y")
        copied = app.clipboard.split("\n")
        assert copied[0] == "aws:aws-data/ spaces "
        assert len(copied) == 2
        assert "Copied: aws:aws-data/" in said(app)


# -- keys that cannot be used say why ---------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (("4", "m"), "go to a cloud (1 to 3) first"),
        (("4", "space"), "go to a cloud (1 to 3) or the migrations (5) first"),
        (("5", "enter"), "nothing is listed here"),
        (("p",), "No job is running or waiting"),
    ],
)
async def test_a_key_that_does_nothing_says_why(
    keys: tuple[str, ...], why: str, make_app: AppMaker
) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await until(pilot, lambda: app.screen.panel.has_focus_within)
        assert why in said(app)


async def test_without_kafka_all_the_rest_works(make_app: AppMaker) -> None:
    off = world.kafka(state=KafkaState.OFF)
    app: Any = make_app(world.quiet(kafka=off, decisions=0))
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("x", "f", "P")
        for why in ("Kafka is off", "no events to follow", "Nothing is decided yet; press e"):
            assert why in said(app)
        await pilot.press("e")
        await until(pilot, on(pilot, Tell))


# -- overrides, palette, help, tour -----------------------------------------------------


async def test_keys_can_be_changed(make_app: AppMaker) -> None:
    console = ConsoleSettings(keys=(("migrate", "I,f5"), ("down", "ctrl+n"), ("filter", "comma")))
    app: Any = make_app(console=console)
    async with running(app) as pilot:
        await settled(pilot)
        await pilot.press("m")
        assert isinstance(app.screen, ConsoleScreen)
        rows = app.screen.panes[0].objects
        await pilot.press("j")
        assert rows.cursor == 0
        await pilot.press("ctrl+n")
        assert rows.cursor == 1
        await pilot.press("comma", "d", "o", "c")
        await until(pilot, lambda: app.engine.views[-1].text == "doc")
        await pilot.press("enter")
        for key in ("I", "f5"):
            await pilot.press(key)
            await until(pilot, on(pilot, Choice))
            await pilot.press("escape")
            await until(pilot, on(pilot, ConsoleScreen))
        await shows(pilot, "I migrate")


async def test_the_palette_lists_only_what_can_be_done_now(make_app: AppMaker) -> None:
    app: Any = make_app(world.quiet(decisions=0))
    async with running(app) as pilot:
        await settled(pilot)
        screen = app.screen
        listed = {action.id for action, _, _ in commands_of(app, screen)}
        for action in app.keymap.valid_in(screen.contexts()):
            if action.palette:
                assert (action.id in listed) == (not app.why_not_on(screen, action)), action.id
        assert {"migrate", "filter", "dashboard"} <= listed
        assert not {"plan", "approve", "cancel", "pause", "down"} & listed
        await pilot.press("colon")
        await until(pilot, on(pilot, CommandPalette))
        await shows(pilot, "Mark or unmark")
        app.screen.query_one(Input).insert_text_at_cursor("what the tier policy decided")
        await shows(pilot, "No matches found")
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))
        await pilot.press("colon")
        await until(pilot, on(pilot, CommandPalette))
        await pilot.press(*"dashb")
        await until(pilot, lambda: "Show totals" in words(pilot) and "Plan to" not in words(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: type(app.screen).__name__ == "DashboardScreen")


async def test_help_tells_every_key_that_works_here(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app, (120, 200)) as pilot:
        await settled(pilot)
        screen = app.screen
        await pilot.press("?")
        await until(pilot, lambda: type(app.screen).__name__ == "HelpScreen")
        await shows(pilot, "Leave Astra")
        shown = words(pilot)
        for action in app.keymap.valid_in(screen.contexts()):
            if not action.id.startswith("panel-"):
                assert app.keymap.keys_of(action.id) in shown
                assert action.help.split(".")[0][:40] in shown, action.id


async def test_a_tour_can_press_keys_and_speak(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        app.caption("First the \x1b[31mengine decides.")
        await until(pilot, lambda: "engine decides." in words(pilot))
        app.simulate_key("e")
        await until(pilot, on(pilot, Tell))
        app.simulate_key("P")
        await until(pilot, on(pilot, PlanScreen))
        await until(pilot, lambda: "engine decides." in words(pilot))
        app.action_perform("approve")
        await until(pilot, on(pilot, Confirm))
        app.caption(None)
        app.simulate_key("y")
        await until(pilot, on(pilot, ConsoleScreen))
        await until(pilot, lambda: "engine decides." not in words(pilot))
        await app.run_action("perform('dashboard')")
        await until(pilot, lambda: type(app.screen).__name__ == "DashboardScreen")


def type_ahead(app: Any, *keys: str) -> None:
    """Keys that arrive all at once, as over a slow line."""
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else None))


async def test_keys_typed_ahead_meet_the_questions_they_answer(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        type_ahead(app, "j", "m", "2", "1", "A", "y", "d")
        await until(pilot, lambda: type(app.screen).__name__ == "DashboardScreen")
        ((sources, place, kind),) = app.engine.asked("plan_migration")
        assert [source.key for source in sources] == ["backup_database_Q2.zip"]
        assert (place.cloud, kind) == ("gcp", MoveKind.MOVE)
        assert len(app.engine.asked("submit")) == 1
        assert app.screen_stack[0].panels.current == 0


async def test_a_filter_typed_ahead_is_text_and_no_keys(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app, SMALL) as pilot:
        await settled(pilot)
        type_ahead(app, "2", "slash", *"mete", "enter", "3", "slash", *"Rc", "enter")
        await until(pilot, lambda: app.screen.panes[2].filter_text == "Rc")
        assert app.screen.panes[1].filter_text == "mete"
        assert isinstance(app.screen, ConsoleScreen)
        assert {name for name, _ in app.engine.calls} <= {"start", "scan", "view", "doctor"}
        assert app.engine.prepared == [pane.cloud for pane in app.screen.panes[1:3]]


async def test_work_that_takes_long_does_not_hold_keys_for_long(make_app: AppMaker) -> None:
    app: Any = make_app()
    app.engine.hold["decide"] = asyncio.Event()
    async with running(app) as pilot:
        await settled(pilot)
        type_ahead(app, "e", "3")
        await until(pilot, lambda: app.screen.panels.current == 2)
        app.engine.hold["decide"].set()
        await until(pilot, on(pilot, Tell))


async def test_a_slow_answer_to_an_old_question_is_dropped(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with running(app) as pilot:
        await settled(pilot)
        pane = app.screen.panes[0]
        app.engine.hold["view"] = asyncio.Event()
        await pilot.press("slash", "x")
        await until(pilot, lambda: app.engine.views[-1].text == "x")
        await pilot.press("backspace", *"doc")
        assert pane.objects.view.query.text == ""
        app.engine.hold.pop("view").set()
        await until(pilot, lambda: pane.objects.view.query.text == "doc")
        # x was asked for, then only the newest of what was typed meanwhile
        assert [query.text for query in app.engine.views[-2:]] == ["x", "doc"]
