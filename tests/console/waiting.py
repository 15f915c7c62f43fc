"""Waiting for what shows, with a deadline; never for a while."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot

DEADLINE = 20.0


async def until(pilot: Pilot[Any], condition: Callable[[], object], what: str = "") -> None:
    """Let the app work until the condition holds; fails after a generous deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what or condition}"
        await pilot.pause(0.02)


async def settled(pilot: Pilot[Any]) -> None:
    """Until the engine is started and every pane shows its view."""
    app: Any = pilot.app
    await until(pilot, lambda: app.started, "the engine starts")

    def shown() -> bool:
        return all(pane.objects.view is not None for pane in app.our_screen.panes)

    await until(pilot, shown, "all panes show their views")
    await quiet(pilot)


async def quiet(pilot: Pilot[Any]) -> None:
    """Until no worker is left that is not waiting for an answer of the operator."""
    await pilot.pause()
    await asyncio.sleep(0)
    await pilot.pause()


async def shows(pilot: Pilot[Any], text: str) -> None:
    """Until the text is on the screen: a screen is mounted before it is drawn."""
    await until(pilot, lambda: text in words(pilot), f"the screen shows {text!r}")


def on(pilot: Pilot[Any], kind: type) -> Callable[[], bool]:
    """A condition: the screen on top is of that kind."""
    return lambda: isinstance(pilot.app.screen, kind) and pilot.app.screen.is_mounted


def words(pilot: Pilot[Any]) -> str:
    """Everything on the screen as text, line by line."""
    screen = pilot.app.screen
    lines = screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in lines)
