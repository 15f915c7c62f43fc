"""Every theme can be read: the contrast of all text that is really drawn, screen by screen."""

from collections.abc import Sequence
from typing import Any

import pytest
from textual.pilot import Pilot

from astra_tui.screens.bookmarks import BookmarkList
from astra_tui.screens.dialogs import Choice, Confirm, Prompt, Tell
from astra_tui.screens.jump import Jump
from tests.console import plans
from tests.console.conftest import AppMaker
from tests.console.contrast import ENOUGH, box, contrast, segments, too_faint
from tests.console.everywhere import WAYS, full_world, go
from tests.console.waiting import on, quiet, settled, until

PARTS: Sequence[tuple[tuple[str, ...], type | None]] = (
    ((), None),
    (("5", "space"), None),
    (("1", "/", "x"), None),
    (("P", "A"), Confirm),
    (("e",), Tell),
    (("m",), Choice),
    (("o",), Prompt),
    (("B",), BookmarkList),
    (("'",), Jump),
)


async def leave(pilot: Pilot[Any]) -> None:
    """Back to the console, whatever lies over it."""
    while len(pilot.app.screen_stack) > 1:
        pilot.app.pop_screen()
    await pilot.press("escape", "escape")
    await quiet(pilot)


async def test_all_text_can_be_read(make_app: AppMaker) -> None:
    """One walk through all screens and dialogs; each is looked at in every theme."""
    app = full_world(make_app, plan=plans.risky())
    faint: dict[str, list[str]] = {}
    checked: dict[str, int] = {}
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settled(pilot)

        async def look(where: str) -> None:
            for theme, enough in ENOUGH.items():
                app.theme = theme
                await quiet(pilot)
                region = box(app)
                checked[f"{where} {theme}"] = sum(1 for _ in segments(app, region))
                if found := too_faint(app, enough, region):
                    faint[f"{where} {theme}"] = found

        for keys, kind in PARTS:
            for key in keys:
                await pilot.press(key)
                await quiet(pilot)
            if kind is not None:
                await until(pilot, on(pilot, kind), kind.__name__)
                await quiet(pilot)
            await look(kind.__name__ if kind else " ".join(keys))
            await leave(pilot)
        for screen in WAYS:
            await go(pilot, screen)
            await look(screen.__name__)
            await leave(pilot)
    assert len(checked) == len(ENOUGH) * (len(PARTS) + len(WAYS))
    assert min(checked.values()) > 3
    assert sum(checked.values()) > 10_000
    assert not faint, "\n".join(
        f"{where}: {text}" for where, many in faint.items() for text in many
    )


async def test_without_colour_no_screen_has_any(
    make_app: AppMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = full_world(make_app)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settled(pilot)
        for screen in WAYS:
            await go(pilot, screen)
            styles = [segment.style for segment in segments(app, None) if segment.style is not None]
            assert styles, screen.__name__
            for style in styles:
                for color in (style.color, style.bgcolor):
                    assert color is None or color.is_default, f"{screen.__name__}: {style}"
            await leave(pilot)


def test_the_arithmetic_is_that_of_wcag() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)
