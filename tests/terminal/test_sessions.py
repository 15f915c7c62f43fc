"""Sessions of the real console, shown twice: as Textual writes them, and as we send them."""

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from rich.color import ColorSystem
from rich.style import Style
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widgets import Input

from astra_tui.terminal.parser import Effect
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import settled, until
from tests.terminal.recorder import Item, Recorder, Suspended, play

LARGE, SMALL = (120, 40), (80, 24)
WIDE_NAMES = (
    *world.HOSTILE, "漢字テスト" * 8, "한국어.txt", "👩‍💻 at work.png", "flag 🇩🇪.svg",
    "e\u0301te\u0301.txt", "⚠\ufe0f warning.log", "🙂" * 40, "مرحبا.txt", "ก็.bin", "ｆｕｌｌ",
)  # fmt: skip


@pytest.fixture
def _codes_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A style keeps what it was first written as; here terminals of many colours follow."""
    write = Strip.render_style

    def anew(style: Style, text: str, color_system: ColorSystem) -> str:
        style._ansi = None
        try:
            return write(style, text, color_system)
        finally:
            style._ansi = None

    monkeypatch.setattr(Strip, "render_style", staticmethod(anew))


async def record(app: Any, size: tuple[int, int], play_keys: Any) -> list[Item]:
    failed: list[BaseException] = []

    async def pilot_it(pilot: Pilot[Any]) -> None:
        try:
            await settled(pilot)
            await play_keys(pilot)
            await pilot.pause()
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            app.exit()

    app.driver_class = Recorder
    await app.run_async(size=size, auto_pilot=pilot_it)
    assert not failed
    return Recorder.tape


async def about(pilot: Pilot[Any]) -> None:
    """Keys, scrolling, dialogs, other screens, work that goes on, and windows of other sizes."""
    door: Any = pilot.app.engine  # type: ignore[attr-defined]
    for key in ("down", "down", "space", "end", "home", "pagedown", "s", "S", "tab", "down"):
        await pilot.press(key)
    app: Any = pilot.app

    def over() -> bool:
        """Does a screen, a dialog or a filter line lie over the console?"""
        return len(app.screen_stack) > 1 or isinstance(app.focused, Input)

    # The help, the commands, a filter, a question about the marked object, the totals.
    for opens in ("question_mark", "colon", "slash", "t", "d"):
        await pilot.press(opens)
        await until(pilot, over, f"{opens} opens something")
        await pilot.press(*(["a"] if isinstance(app.focused, Input) else []), "escape")
        await until(pilot, lambda: not over(), f"escape closes what {opens} opened")
    for number in range(6):
        snapshot = replace(
            door.now,
            kafka=world.kafka(events_per_second=100.0 * number),
            jobs=world.jobs()[number % 3 :],
        )
        door._feed.last += 7
        door.show(snapshot)
        await until(pilot, lambda: pilot.app.snapshot.revision == door.now.revision)  # type: ignore[attr-defined]
        await pilot.pause()
    await pilot.resize_terminal(*SMALL)
    await pilot.pause()
    await pilot.press("4", "up", "up", "1", "down")
    await pilot.resize_terminal(*LARGE)
    await pilot.pause()
    Recorder.tape.append(Suspended())
    pilot.app.refresh(layout=True)  # what Textual does when a suspended app goes on
    await pilot.pause()
    await pilot.press("up", "2", "end")
    pilot.app.bell()
    pilot.app.copy_to_clipboard("aws:aws-data/a.txt")
    await pilot.press("down")


ALL, CUBE, FIRST, NONE = "38;2;", "38;5;", "3N", ""
"""How the colour of a text is written: each shade, one of 256, one of 16, not at all."""


def colours(tape: list[Item]) -> Counter[str]:
    """The ways in which colours of texts are written on it, and how often."""
    found: Counter[str] = Counter()
    for item in tape:
        for text in re.findall(r"\x1b\[([0-9;]+)m", item) if isinstance(item, str) else ():
            codes = iter(text.split(";"))
            for code in codes:
                if code in ("38", "48"):
                    how = next(codes)
                    for _ in range(3 if how == "2" else 1):
                        next(codes)
                    found.update([f"38;{how};"] if code == "38" else [])
                elif re.fullmatch("[39][0-7]", code):
                    found[FIRST] += 1
    return found


@pytest.mark.parametrize(
    ("size", "environ", "names", "written"),
    [
        (LARGE, {"COLORTERM": "truecolor"}, (), ALL),
        (SMALL, {"NO_COLOR": "1"}, (), NONE),
        (LARGE, {"TERM": "xterm"}, WIDE_NAMES, FIRST),
        (SMALL, {"TERM": "xterm-256color"}, WIDE_NAMES, CUBE),
    ],
    ids=["true colour", "no colour", "wide names in 16 colours", "wide names in 256 colours"],
)
@pytest.mark.usefixtures("_codes_made_anew")
async def test_the_console(
    size: tuple[int, int],
    environ: dict[str, str],
    names: tuple[str, ...],
    written: str,
    make_app: AppMaker,
    monkeypatch: Any,
) -> None:
    monkeypatch.delenv("COLORTERM", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    feed = world.Feed(hostile=bool(names))
    tape = await record(make_app(world.snapshot(), names=names, feed=feed), size, about)
    assert set(colours(tape)) == ({written} if written else set())
    whole, busy = play(tape), play(tape, every=3, limit=700)
    for played in (whole, busy):
        assert played.ours.cells() == played.stock.cells()
        assert played.ours.screen.cursor.x == played.stock.screen.cursor.x
    assert whole.looks
    assert busy.our_bytes < whole.our_bytes < whole.stock_bytes / 2
    assert not names or "漢字テスト" in whole.stock.text

    passed = [sequence for sequence, _ in whole.passed]
    assert passed.index("\a") < next(i for i, s in enumerate(passed) if s.startswith("\x1b]52;c;"))
    assert all(effect is Effect.NONE for _, effect in whole.passed)
