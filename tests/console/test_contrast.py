"""Every theme can be read: the contrast of all text that is really drawn, screen by screen."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from rich.color import Color, ColorType
from rich.segment import Segment
from textual.geometry import Region

from astra_tui import themes
from astra_tui.config import ConsoleSettings
from astra_tui.screens.bookmarks import BookmarkList
from astra_tui.screens.dashboard import DashboardScreen
from astra_tui.screens.dialogs import Choice, Confirm, Prompt, Tell
from astra_tui.screens.help import HelpScreen
from astra_tui.screens.jump import Jump
from astra_tui.screens.lab import LabScreen
from astra_tui.screens.object import ObjectScreen
from astra_tui.screens.plan import PlanScreen
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import on, quiet, settled, until

ENOUGH = {themes.DARK: 4.5, themes.LIGHT: 4.5, themes.CONTRAST: 7.0}
"""WCAG 2.2: 4.5 for text (AA), 7 for the theme of high contrast (AAA)."""
LINES = {chr(code) for code in (*range(0x2500, 0x25A0), *range(0x2800, 0x2900))} | {" "}
"""Borders, bars and charts: they repeat what is written, and are no text."""


def luminance(color: tuple[int, int, int]) -> float:
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (value / 255 for value in color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def rgb(color: Color | None) -> tuple[int, int, int] | None:
    if color is None or color.type is not ColorType.TRUECOLOR or color.triplet is None:
        return None
    return tuple(color.triplet)  # type: ignore[return-value]


def segments(app: Any, region: Region | None) -> Iterator[Segment]:
    """What is drawn now, as it is drawn; only that in the region, if one is given."""
    for y, strip in enumerate(app.screen._compositor.render_strips()):
        if region is None:
            yield from strip
        elif region.y <= y < region.bottom:
            yield from strip.crop(region.x, region.right)


def too_faint(app: Any, enough: float, region: Region | None = None) -> list[str]:
    """The texts whose contrast is too low, with it and their colours."""
    found: dict[str, str] = {}
    for text, style, _ in segments(app, region):
        if style is None or not set(text) - LINES:
            continue
        front, back = rgb(style.color), rgb(style.bgcolor)
        if front is None or back is None:
            continue
        if style.reverse:
            front, back = back, front
        value = contrast(front, back)
        if style.dim:
            value /= 2
        if value < enough:
            colors = f"{style.color.name} on {style.bgcolor.name}"  # type: ignore[union-attr]
            found.setdefault(colors, f"{text.strip()[:24]!r} {value:.2f} {colors}")
    return sorted(found.values())


SCREENS: Sequence[tuple[tuple[str, ...], type | None]] = (
    ((), None),
    (("5", "space"), None),
    (("1", "/", "x"), None),
    (("enter",), ObjectScreen),
    (("P",), PlanScreen),
    (("P", "A"), Confirm),
    (("d",), DashboardScreen),
    (("l",), LabScreen),
    (("?",), HelpScreen),
    (("e",), Tell),
    (("m",), Choice),
    (("o",), Prompt),
    (("B",), BookmarkList),
    (("'",), Jump),
)


@pytest.mark.parametrize("theme", ENOUGH)
async def test_all_text_can_be_read(theme: str, make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot(), console=ConsoleSettings(theme=theme))
    faint: dict[str, list[str]] = {}
    checked = 0
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settled(pilot)
        for keys, kind in SCREENS:
            for key in keys:
                await pilot.press(key)
                await quiet(pilot)
            if kind is not None:
                await until(pilot, on(pilot, kind), kind.__name__)
            await quiet(pilot)
            boxes = list(app.screen.query(".box"))
            region = boxes[0].region if boxes else None
            checked += sum(1 for _ in segments(app, region))
            if found := too_faint(app, ENOUGH[theme], region):
                faint[kind.__name__ if kind else " ".join(keys)] = found
            while len(app.screen_stack) > 1:
                app.pop_screen()
                await quiet(pilot)
            await pilot.press("escape", "escape")
            await quiet(pilot)
    assert checked > 2000
    assert not faint, "\n".join(
        f"{where}: {text}" for where, many in faint.items() for text in many
    )


def test_the_arithmetic_is_that_of_wcag() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)
