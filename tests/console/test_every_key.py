"""Every action on every screen: it works, or says why not; escape always leads back."""

import asyncio
from typing import Any

import pytest
from textual.widgets import Input

from astra_tui.app import AstraApp
from astra_tui.keymap import SCOPES, Action, Context, Keymap
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.console import ConsoleScreen
from astra_tui.screens.dialogs import Tell
from astra_tui.screens.help import HelpScreen
from astra_tui.screens.plan import PlanScreen
from engine.model import KafkaState, ListingState, Snapshot
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.everywhere import WAYS, full_world, go, screens
from tests.console.waiting import on, quiet, settled, until, words

SIZE = (120, 40)
NOTHING: dict[str, Any] = {"objects": 0, "bytes": 0, "cost_month": 0.0, "by_tier": ()}
STATES: dict[str, Snapshot] = {
    "busy": world.snapshot(),
    "quiet": world.quiet(decisions=0),
    "no kafka": world.quiet(kafka=world.kafka(state=KafkaState.OFF)),
    "read-only": world.snapshot(read_only=True),
    "empty": world.quiet(clouds=(world.cloud("aws", state=ListingState.EMPTY, **NOTHING),)),
    "failed": world.quiet(
        clouds=(world.cloud("aws", state=ListingState.FAILED, error="403", **NOTHING),)
    ),
    "loading": world.quiet(
        clouds=(world.cloud("aws", state=ListingState.LOADING, **NOTHING),), decisions=0
    ),
}
SILENT = {"redraw", "quit", "close", "back"}  # draws the same again; end; has nothing to leave
LEAVE = {"show-there"}  # goes back to the console with what was found


def own(action: Action) -> bool:
    """Whether a screen carries it out; lists move by themselves, panels are numbered."""
    return Context.LIST not in action.contexts and not action.id.startswith("panel-")


@pytest.mark.parametrize("screen", screens(), ids=lambda screen: screen.__name__)
def test_every_key_of_a_screen_is_carried_out_by_somebody(screen: type[AstraScreen[Any]]) -> None:
    assert screen.SCOPE in SCOPES
    for action in Keymap().valid_in(SCOPES[screen.SCOPE]):
        name = "do_" + action.id.replace("-", "_")
        if own(action):
            assert hasattr(screen, name) or hasattr(AstraApp, name), f"{action.id} does nothing"


@pytest.mark.parametrize("state", STATES)
async def test_every_action_is_possible_or_says_why_not(state: str, make_app: AppMaker) -> None:
    app: Any = make_app(STATES[state])
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        screen = app.screen
        seen = set()
        for number in range(len(screen.panels.panels)):
            screen.go_to(number)
            for action in app.keymap.valid_in(screen.contexts()):
                reason = app.why_not_on(screen, action)
                if reason:
                    seen.add(action.id)
                    assert reason[0].isupper() or reason.startswith(action.label), reason
                    assert reason.rstrip().endswith((".", ")")), f"{action.id}: {reason}"
                    assert len(reason) < 160, "one sentence"
        assert "cancel" in seen, "something is not possible anywhere"


def state_of(app: Any, pilot: Any) -> tuple[object, ...]:
    """All that an operator or the engine could notice."""
    console = app.screen_stack[0]
    return (
        words(pilot),
        len(app.engine.calls),
        len(app.engine.workspace.saved),
        len(app._notifications),
        len(app.screen_stack),
        app.clipboard,
        app.theme,
        [len(pane.marked) for pane in console.panes],
        [pane.listing_query for pane in console.panes],
        console.panels.as_left,
    )


async def leads_back(pilot: Any, to: Any, what: str) -> None:
    """Press escape until that screen is there again, with no question and no open filter."""
    app = pilot.app
    for _ in range(8):
        if app.screen is to and not isinstance(app.focused, Input):
            return
        screen = app.screen
        assert not (isinstance(screen, Tell) and screen.has_class("bad")), f"{what} fails"
        await pilot.press("escape")
        await quiet(pilot)
    raise AssertionError(f"escape does not lead back from {what}")


async def does_something(pilot: Any, action: Action) -> None:
    before = state_of(pilot.app, pilot)
    pilot.app.action_perform(action.id)
    await until(pilot, lambda: state_of(pilot.app, pilot) != before, f"{action.id} does something")
    await quiet(pilot)


@pytest.mark.parametrize(
    ("context", "others"),
    [(Context.PANE, (Context.GLOBAL, Context.CONSOLE)), (Context.FEED, ()), (Context.BOARD, ())],
)
async def test_every_action_of_the_console_does_something_and_escape_leads_back(
    context: Context, others: tuple[Context, ...], make_app: AppMaker
) -> None:
    app: Any = make_app(world.snapshot())
    tried = set()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        console = app.screen
        for action in app.keymap.valid_in((*others, context)):
            if not own(action) or action.id in SILENT:
                continue
            places = [console.context_of(n) for n in range(len(console.panels.panels))]
            console.do_show_panels()
            console.go_to(places.index(context))
            await quiet(pilot)
            if not app.why_not_on(console, action):
                tried.add(action.id)
                await does_something(pilot, action)
                await leads_back(pilot, console, action.id)
    assert len(tried) >= 3


def test_the_way_to_every_screen_is_known() -> None:
    common = {kind for kind in screens() if kind.__subclasses__()}
    assert set(screens()) - common == {ConsoleScreen, *WAYS}


@pytest.mark.parametrize("kind", WAYS, ids=lambda kind: kind.__name__)
async def test_every_action_of_a_screen_does_something_and_escape_leads_back(
    kind: type[AstraScreen[Any]], make_app: AppMaker
) -> None:
    app = full_world(make_app)
    everywhere = kind in (PlanScreen, HelpScreen)  # the others are asked for what is their own
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        screen = await go(pilot, kind)
        for action in app.keymap.valid_in(screen.contexts()):
            common = Context.GLOBAL in action.contexts and action.id != "help"
            if not own(action) or action.id in SILENT or (common and not everywhere):
                continue
            if action.id == "help" and kind is HelpScreen:
                continue  # closes it
            if app.why_not_on(screen, action):
                continue
            await does_something(pilot, action)
            if action.id in LEAVE:
                await until(pilot, on(pilot, ConsoleScreen), f"{action.id} leaves")
                screen = await go(pilot, kind)
            await leads_back(pilot, screen, action.id)
        for _ in range(4):  # a filter, a page of risks, the screen: one thing at a time
            if app.screen is screen:
                await pilot.press("escape")
                await quiet(pilot)
        for _ in range(3):
            if not isinstance(app.screen, ConsoleScreen):
                await pilot.press("escape")
                await quiet(pilot)
        await until(pilot, on(pilot, ConsoleScreen), "escape leaves the screen itself")


async def test_before_the_engine_is_there_every_key_says_so_or_works(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    app.engine.hold["start"] = asyncio.Event()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, lambda: app.engine.asked("start"))
        console = app.screen
        for action in app.keymap.valid_in(console.contexts()):
            if not own(action) or action.id in ("quit", "close"):
                continue
            if not action.offline:
                assert app.why_not_on(console, action) == "The engine is still starting."
            elif not app.why_not_on(console, action):
                app.action_perform(action.id)
                await quiet(pilot)
                await leads_back(pilot, console, action.id)
        app.engine.hold["start"].set()
        await settled(pilot)
