"""The smallest terminals: every screen shows the list that its keys mean, and the help."""

import asyncio
from typing import Any

import pytest
from textual import events

from tests.console import plans, world
from tests.console.conftest import AppMaker
from tests.console.waiting import settled, until, words

SIZE = (40, 10)


@pytest.mark.parametrize("key", ["J", "D", "L", "l", "U", "P"])
async def test_the_list_and_the_footer_show(key: str, make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot(), plan=plans.risky())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        console = app.screen
        await pilot.press(key)
        await until(pilot, lambda: app.screen is not console and app.screen.is_mounted, key)
        screen = app.screen

        def fits() -> bool:
            focused = screen.focused
            shown = focused is not None and focused.region.height >= 3
            return shown and focused.region.bottom < SIZE[1] and "help" in last_line()

        def last_line() -> str:
            return words(pilot).splitlines()[-1]

        await until(pilot, fits, f"{screen}: its list and the footer")


async def test_marks_of_a_key_that_came_before_are_meant(make_app: AppMaker) -> None:
    """`*` and `m` in one go: what is moved is what `*` marked, never the line at the cursor."""
    app: Any = make_app(world.quiet())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        pane, gate, mark = app.screen.panes[0], asyncio.Event(), app.screen.panes[0].mark_matching

        async def slowly(*args: Any, **more: Any) -> Any:  # a million rows take a while
            await gate.wait()
            return await mark(*args, **more)

        pane.mark_matching = slowly
        for key, char in (("asterisk", "*"), ("m", "m")):
            app.post_message(events.Key(key, char))
        for _ in range(5):
            await pilot.pause()
        gate.set()
        await until(pilot, lambda: "To which place?" in words(pilot), "the question")
        assert len(pane.marked) > 1
        asked = app.screen._title
        assert asked == f"Migrate {len(pane.marked)} objects from aws"
