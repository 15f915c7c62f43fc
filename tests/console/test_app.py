"""The application: its start, its errors, its end, and what an idle one does."""

import asyncio
import os
import re
import signal
import time
from typing import Any

import pytest
from textual.widgets import Button

from astra_tui.app import AstraApp
from astra_tui.config import ConsoleSettings
from astra_tui.screens.console import ConsoleScreen
from astra_tui.screens.dialogs import Confirm, Prompt, Tell
from astra_tui.screens.log import LogScreen
from engine.errors import AccessDenied, StateBusy
from engine.model import Notice, NoticeLevel
from tests.console import world
from tests.console.conftest import AppMaker
from tests.console.waiting import DEADLINE, on, quiet, settled, shows, until, words

SIZE = (120, 40)


async def test_the_first_frame_waits_for_no_engine(make_app: AppMaker) -> None:
    app: Any = make_app()
    app.engine.hold["start"] = asyncio.Event()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, lambda: app.engine.asked("start"))
        shown = words(pilot)
        assert "aws-data" in shown
        assert "connecting" in shown
        assert not app.engine.asked("scan")
        await pilot.press("e")  # says why, and does nothing
        await until(pilot, lambda: "still starting" in words(pilot))
        assert any("still starting" in one.text and one.time for one in app.notice_board)
        app.engine.hold["start"].set()
        await settled(pilot)
        assert [cloud for cloud, _, _ in app.engine.asked("scan")] == ["aws", "gcp", "azure"]
        assert "customer" in words(pilot) or "custo" in words(pilot)


async def test_an_engine_that_cannot_start_says_why_and_may_try_again(make_app: AppMaker) -> None:
    app: Any = make_app()
    app.engine.fail["start"] = StateBusy("Another Astra works here.", todo="Close it.")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, on(pilot, Tell))
        await shows(pilot, "Another Astra works here.")
        await shows(pilot, "Close it.")
        del app.engine.fail["start"]
        await pilot.press("enter")
        await settled(pilot)
        assert len(app.engine.asked("start")) == 2


async def test_an_engine_that_cannot_start_may_be_left(make_app: AppMaker) -> None:
    app: Any = make_app()
    app.engine.fail["start"] = StateBusy("Another Astra works here.")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, on(pilot, Tell))
        await pilot.press("escape")
        await until(pilot, lambda: app._exit)
    assert app.return_code == 2


async def test_an_error_of_the_engine_is_told_in_four_answers(make_app: AppMaker) -> None:
    app: Any = make_app()
    app.engine.fail["decide"] = AccessDenied(
        "The key may not read [red]this[/].", subject="aws:aws-data/a\x1b[31mb",
        safe="Nothing was changed.", todo="Ask for s3:GetObject.",
    )  # fmt: skip
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("e")
        await until(pilot, on(pilot, Tell))
        shown = words(pilot)
        for answer in ("[red]this[/]", "aws:aws-data/a", "Nothing was changed.", "s3:GetObject"):
            assert answer in shown
        assert "\x1b" not in shown
        await pilot.press("escape")
        await until(pilot, on(pilot, ConsoleScreen))


async def test_an_unforeseen_error_is_told_calmly_and_logged_whole(make_app: AppMaker) -> None:
    app: Any = make_app()
    app.engine.fail["decide"] = ZeroDivisionError("secret detail")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("e")
        await until(pilot, on(pilot, Tell))
        shown = words(pilot)
        assert "Traceback" not in shown
        assert "secret detail" not in shown
        assert "ZeroDivisionError" in shown
        assert "astra.log" in re.sub(r"[│\s]+", "", shown)  # a long path is wrapped
    text = (app.engine.settings.state_dir / "astra.log").read_text()
    assert "Traceback" in text
    assert "secret detail" in text


async def test_an_error_in_a_key_itself_leaves_the_console_alive(
    make_app: AppMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: Any = make_app()

    def broken(self: ConsoleScreen) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ConsoleScreen, "do_zoom", broken)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("z")
        await until(pilot, on(pilot, Tell))
        await pilot.press("escape", "2")
        await until(pilot, lambda: app.screen.panels.current == 1)


async def test_a_dead_part_of_the_screen_ends_calmly(
    make_app: AppMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    app: Any = make_app(world.snapshot())

    def broken() -> Any:
        raise ZeroDivisionError("secret detail")

    running = asyncio.create_task(app.run_async(headless=True, size=SIZE))
    async with asyncio.timeout(DEADLINE):
        while not app.started:
            await asyncio.sleep(0.01)
        app.engine.snapshot = broken
        await running
    told = capsys.readouterr().err
    assert app.return_code == 1
    assert app.engine.stopped
    assert "Traceback" not in told
    assert "ZeroDivisionError" in told
    assert "secret detail" in (app.engine.settings.state_dir / "astra.log").read_text()


async def test_quitting_an_idle_console_does_not_ask(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("q")
        await until(pilot, lambda: app._exit)
        assert app.engine.stopped
    assert app.return_code == 0


@pytest.mark.parametrize("key", ["q", "ctrl+q", "ctrl+c"])
async def test_quitting_asks_while_jobs_run(key: str, make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press(key)
        await until(pilot, on(pilot, Confirm))
        await shows(pilot, "astra resume")
        await pilot.press("enter")  # the default is No
        await until(pilot, on(pilot, ConsoleScreen))
        assert not app.engine.stopped
        await pilot.press(key)
        await until(pilot, on(pilot, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: app._exit)
        assert app.engine.stopped
        assert app._exit_renderables == ["3 jobs unfinished; go on with them by: astra resume"]
        app._exit_renderables.clear()


async def test_quitting_twice_asks_once(make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+c")
        await until(pilot, on(pilot, Confirm))
        await pilot.press("ctrl+c", "ctrl+q")
        await pilot.pause()
        assert len(app.screen_stack) == 2


async def test_a_demonstration_promises_no_resume(tmp_path: Any) -> None:
    from tests.console.door import FakeDoor

    door: Any = FakeDoor(tmp_path, world.snapshot())
    app = AstraApp(door, ConsoleSettings(), resume_command="")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("q")
        await until(pilot, on(pilot, Confirm))
        assert "resume" not in words(pilot)
        await shows(pilot, "The demo world is removed")
        await pilot.press("y")
        await until(pilot, lambda: app._exit)
        assert not app._exit_renderables


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_cleanly(number: signal.Signals, make_app: AppMaker) -> None:
    app: Any = make_app(world.snapshot())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        os.kill(os.getpid(), number)
        await until(pilot, lambda: app._exit)
        assert app.engine.stopped
    assert app.return_code == 128 + number
    assert signal.getsignal(number) is signal.SIG_DFL


async def test_an_idle_console_draws_nothing(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        looked: list[int] = []
        drawn: list[Any] = []
        see, draw = app.engine.snapshot, app._display

        def counted() -> Any:
            looked.append(1)
            return see()

        def watched(screen: Any, renderable: Any) -> None:
            drawn.append(renderable)
            draw(screen, renderable)

        app.engine.snapshot, app._display = counted, watched
        await until(pilot, lambda: len(looked) >= 4, "four looks at the snapshot")
        assert not drawn
        app.engine.show(world.snapshot())
        await until(pilot, lambda: "backu" in words(pilot), "the job shows")
        await until(pilot, lambda: drawn, "it is drawn")


async def test_a_question_that_waits_for_a_text_draws_nothing(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("o")
        await until(pilot, on(pilot, Prompt))
        await quiet(pilot)
        looked = 0
        drawn: list[Any] = []
        see, draw = app.engine.snapshot, app._display

        def counted() -> Any:
            nonlocal looked
            looked += 1
            return see()

        def watched(screen: Any, renderable: Any) -> None:
            drawn.append(renderable)
            draw(screen, renderable)

        app.engine.snapshot, app._display = counted, watched
        # Four looks a second: a cursor of Textual's would have blinked twice.
        await until(pilot, lambda: looked >= 5, "five looks at the snapshot")
        assert not drawn
        await pilot.press("x")
        await until(pilot, lambda: drawn, "a letter is drawn")


async def test_notices_are_shown_once_and_kept(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        app.engine.noted = [
            (n, Notice(NoticeLevel.WARNING, f"[b]odd[/b] \x1b thing {n}", "Look.", time.time()))
            for n in range(1, 6)
        ]
        await until(pilot, lambda: len(app.notice_board) == 5)
        # Three of them, and how many more; a toast is a message that arrives a moment later.
        await until(pilot, lambda: len(app._notifications) == 4, "four toasts")
        assert all(not notification.markup for notification in app._notifications)
        await pilot.press("L")
        await until(pilot, on(pilot, LogScreen))
        await until(pilot, lambda: "thing 5" in words(pilot), "the last notice")
        shown = words(pilot)
        assert "[b]odd[/b]" in shown
        assert "\x1b" not in shown


async def test_bad_settings_warn_and_do_not_stop(make_app: AppMaker) -> None:
    console = ConsoleSettings(theme="mauve", keys=(("migrat", "M"), ("migrate", "t")))
    app: Any = make_app(console=console)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        said = " ".join(notice.text for notice in app.notice_board)
        assert "mauve" in said
        assert all(notice.time for notice in app.notice_board)
        assert "did you mean 'migrate'" in said
        assert "is the key of tier" in said
        assert app.theme == "astra-dark"


async def test_themes_go_round(make_app: AppMaker) -> None:
    app: Any = make_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        seen = [app.theme]
        for _ in range(5):
            await pilot.press("T")
            seen.append(app.theme)
        assert len(set(seen)) == 5
        assert seen[0] == seen[-1]


async def test_confirming_is_no_by_default(make_app: AppMaker) -> None:
    app: Any = make_app()
    answers: list[bool | None] = []
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        for keys in (("enter",), ("escape",), ("n",), ("tab", "enter"), ("right", "enter"), ("y",)):
            app.push_screen(Confirm("Really?", ["It is final."]), answers.append)
            await until(pilot, on(pilot, Confirm))
            assert app.screen.focused is app.screen.query(Button).first()
            await pilot.press(*keys)
            await until(pilot, on(pilot, ConsoleScreen))
    assert answers == [False, False, False, True, True, True]


async def test_no_color_sends_none(make_app: AppMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app: Any = make_app(world.snapshot())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        strips = app.screen._compositor.render_strips()
        styles = [s.style for strip in strips for s in strip if s.style is not None]
        assert all(style.color is None or style.color.is_default for style in styles)
        assert all(style.bgcolor is None or style.bgcolor.is_default for style in styles)
        assert any(style.reverse for style in styles)  # the cursor can still be seen
