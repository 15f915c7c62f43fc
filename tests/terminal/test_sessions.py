"""Sessions of the real console, shown twice: as Textual writes them, and as we send them."""

from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from astra_tui.terminal.parser import Effect
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import settled, until
from tests.terminal.recorder import Recorder, Size, play

LARGE, SMALL = (120, 40), (80, 24)
WIDE_NAMES = (
    *world.HOSTILE, "漢字テスト" * 8, "한국어.txt", "👩‍💻 at work.png", "flag 🇩🇪.svg",
    "e\u0301te\u0301.txt", "⚠\ufe0f warning.log", "🙂" * 40, "مرحبا.txt", "ก็.bin", "ｆｕｌｌ",
)  # fmt: skip


async def record(app: Any, size: tuple[int, int], play_keys: Any) -> list[str | Size]:
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
    for opens, closes in (("question_mark", "escape"), ("colon", "escape"), ("slash", "escape")):
        await pilot.press(opens)
        await pilot.pause(0.05)
        await pilot.press("a", closes)
        await pilot.pause(0.05)
    await pilot.press("t")  # asks something about the marked object
    await pilot.pause(0.05)
    await pilot.press("escape")
    await pilot.press("d")
    await pilot.pause(0.05)
    await pilot.press("escape")
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
    await pilot.pause(0.1)
    await pilot.press("4", "up", "up", "1", "down")
    await pilot.resize_terminal(*LARGE)
    await pilot.pause(0.1)
    pilot.app.bell()
    pilot.app.copy_to_clipboard("aws:aws-data/a.txt")
    await pilot.press("down")


@pytest.mark.parametrize(
    ("size", "environ", "names"),
    [
        (LARGE, {"COLORTERM": "truecolor"}, ()),
        (SMALL, {"NO_COLOR": "1"}, ()),
        (LARGE, {"TERM": "xterm"}, WIDE_NAMES),
    ],
    ids=["true colour", "no colour", "wide names"],
)
async def test_the_console(
    size: tuple[int, int],
    environ: dict[str, str],
    names: tuple[str, ...],
    make_app: AppMaker,
    monkeypatch: Any,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    feed = world.Feed(hostile=bool(names))
    tape = await record(make_app(world.snapshot(), names=names, feed=feed), size, about)
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
