"""The console as an application: its keys, looks, notices, workers, and a calm end.

No business rules here: screens ask the engine's door, and draw its snapshots.
"""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ClassVar, Literal, TypeVar

from textual import events
from textual.app import App
from textual.binding import Binding, BindingsMap, BindingType
from textual.command import CommandPalette
from textual.css.query import NoMatches
from textual.driver import Driver
from textual.filter import DimFilter, LineFilter
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input

from astra_tui import engine_life, health, job_flows, themes
from astra_tui.commands import KeymapCommands
from astra_tui.config import ConsoleSettings
from astra_tui.driver import driver_class, repaint
from astra_tui.keymap import Action, Context, Keymap, display
from astra_tui.logfile import LogFile
from astra_tui.notices import NoticeBoard
from astra_tui.redact import known_secrets
from astra_tui.report import describe
from astra_tui.run_ends import RunEnds
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.console import ConsoleScreen
from astra_tui.screens.dialogs import Tell
from astra_tui.screens.doctor import DoctorScreen
from astra_tui.screens.help import HelpScreen
from astra_tui.screens.log import LogScreen
from astra_tui.screens.question import Question
from astra_tui.starting import first_snapshot
from astra_tui.strokes import Strokes
from astra_tui.typeahead import TypeAhead
from engine.engine import Engine
from engine.errors import AstraError
from engine.model import Check, Notice, NoticeLevel
from engine.service.link import EngineGone
from engine.service.remote import RemoteEngine
from widgets import glyphs, key_names
from widgets.lines import Lines
from widgets.text import visible
from widgets.virtual_list import VirtualList

log = logging.getLogger("astra.console")

ResultT = TypeVar("ResultT")

REFRESH_SECONDS = 0.25
_SETTLING = 2.0  # seconds that an action waits for the rows it is about
_FAINTLY = DimFilter(0.85)
Severity = Literal["information", "warning", "error"]
_SEVERITY: dict[NoticeLevel, Severity] = {
    NoticeLevel.INFO: "information",
    NoticeLevel.WARNING: "warning",
    NoticeLevel.ERROR: "error",
}
_LEVEL = {severity: level for level, severity in _SEVERITY.items()}


def _stopping() -> str:
    return f"Stopping: running requests end or roll back {glyphs.current().ellipsis}"


class AstraApp(App[int], inherit_bindings=False):
    """The console over an engine that is not started yet; it starts and stops the engine.

    `resume_command` is what the operator is told to type to go on with unfinished jobs later;
    empty in a demonstration that is removed on leaving, jobs and all.
    """

    TITLE = "Astra"
    CSS_PATH = "astra.tcss"
    ENABLE_COMMAND_PALETTE = False  # opened by our own action, with our own commands
    BINDINGS: ClassVar[list[BindingType]] = [
        # Always there, whatever the overrides say and whatever has the focus.
        Binding("ctrl+q,ctrl+c", "perform('quit')", show=False, priority=True),
    ]

    def __init__(
        self,
        engine: Engine,
        console: ConsoleSettings,
        *,
        resume_command: str = "astra resume",
        demo: bool = False,
        warnings: Sequence[str] = (),
    ) -> None:
        # Without colour Textual's terminal-colour mode is used: it sends no colour codes at
        # all, where the other would send shades of grey.
        no_color = "NO_COLOR" in os.environ
        super().__init__(ansi_color=True if no_color else None)
        self.engine = engine
        self.console_settings = console
        self.resume_command = resume_command
        self.is_demo = demo
        self.keymap = Keymap(dict(console.keys), console.flavour)
        self._strokes = Strokes(self.keymap.actions, counts=self.keymap.counts)
        self.snapshot = first_snapshot(engine.settings)
        self.started = False
        self.caption_text = ""
        self.notice_board = NoticeBoard(self._show_notice)
        self.log_file = LogFile(
            engine.settings.state_dir, console.log_level, secrets=known_secrets(engine.settings)
        )
        self.leaving = False
        self.asking_to_quit = False
        key_names.use({action.id: self.keymap.key_of(action.id) for action in self.keymap.actions})
        glyphs.use(glyphs.ASCII if console.ascii else glyphs.detect())
        self.set_class(glyphs.current() is glyphs.ASCII, "-ascii")
        for theme in themes.THEMES:
            self.register_theme(theme)
        self.theme, warning = themes.choose(console.theme, no_color=no_color)
        self.on_started: Callable[[], None] = lambda: None  # the console can be used
        self._typeahead = TypeAhead(self, self._deliver)
        self._last_key: events.Key | None = None
        self._watched: list[signal.Signals] = []
        self._ticking: Timer | None = None
        self._since = time.time()
        self._ends = RunEnds(self._tell_end, self._since)
        if isinstance(engine, RemoteEngine):
            engine.on_end = self.engine_ended
        self.config_warnings = [*warnings, *([warning] if warning else []), *self.keymap.warnings]
        self.trouble = (0, 0)  # checks that failed, and that are to be looked at
        self._bind_keys()

    @property
    def attach_command(self) -> str:
        """What opens the console on this engine again."""
        return self.resume_command.removesuffix(" resume") or "astra"

    async def stop_engine(self) -> None:
        """Let the engine's process end: running requests end or roll back."""
        engine = self.engine
        if isinstance(engine, RemoteEngine):
            self.leaving = True  # its end is wanted
            self.caption(_stopping())
            try:
                await engine.end()
            finally:
                self.leaving = False

    @property
    def detachable(self) -> bool:
        """Whether jobs go on when the console is left; those of a demo world do not."""
        return isinstance(self.engine, RemoteEngine) and not self.is_demo

    def _bind_keys(self) -> None:
        """One binding for each key; which action it means depends on the screen."""
        by_key: dict[str, list[str]] = {}
        moves: dict[str, str] = {}
        for action in self.keymap.actions:
            plain = [key for key in action.keys if " " not in key]  # others: `_strokes`
            names = ["comma" if key == "," else key for key in plain]
            if Context.LIST in action.contexts:
                # Lists and pages bind these themselves, under the action's id.
                if action.id in self.keymap.changed:
                    moves[action.id] = ",".join(names)
                continue
            if action.id == "close" and action.id in self.keymap.changed:
                moves[action.id] = ",".join(names)  # questions bind it themselves
            for name in names:
                by_key.setdefault(name, []).append(action.id)
        for key, ids in by_key.items():
            command = f"perform({' '.join(ids)!r})"
            for name, _ in BindingsMap([Binding(key, command)]):
                self.bind(name, command, show=False)
        self.set_keymap(moves)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(themes.DEFAULT_VARIABLES)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's, but what is dim stays readable where the theme is one of high contrast."""
        filters = super().get_line_filters()
        if self.theme != themes.CONTRAST:
            return filters
        return [_FAINTLY, *filters]

    def get_driver_class(self) -> type[Driver]:
        return driver_class(super().get_driver_class())

    def get_default_screen(self) -> Screen[Any]:
        return ConsoleScreen()

    # -- start and end ------------------------------------------------------------------

    def on_mount(self) -> None:
        self.log_file.open()
        self._watch_signals()
        for warning in self.config_warnings:
            self.notice_board.add(Notice(NoticeLevel.WARNING, warning, time=time.time()))
        # The first frame is on the screen before the engine imports and opens anything.
        self.call_after_refresh(self.begin)

    def begin(self) -> None:
        """Start the engine, or attach to it, beside the screen."""
        self.launch(engine_life.start(self), "start the engine")

    async def engine_started(self) -> None:
        """The engine answers: show what it knows from now on."""
        self.started = True
        if (console := self._console) is not None:
            await console.restore_places()
        self._tick()
        if console is not None and self._ticking is None:
            self.launch(console.restore(), "read how the panels stood")
        if self._ticking is None:
            self._ticking = self.set_interval(REFRESH_SECONDS, self._tick)
            self.on_started()
        self.launch(self._look_after_itself(), "check the state directory")

    @property
    def _console(self) -> ConsoleScreen | None:
        """The first screen, whatever lies over it."""
        return next((s for s in self.screen_stack if isinstance(s, ConsoleScreen)), None)

    def engine_ended(self) -> None:
        """The engine's process is gone: say so, and offer to start it again."""
        if not self.leaving:
            self.started = False
            self.launch(engine_life.ended(self), "start the engine again")

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            try:
                loop.add_signal_handler(number, self._ended_by, number)
            except (NotImplementedError, RuntimeError, ValueError) as error:
                # Not the main thread, or a loop without signals: others look after them there.
                log.info("no handler for signal %s: %s", number, error)
            else:
                self._watched.append(number)

    def _ended_by(self, number: signal.Signals) -> None:
        log.info("ended by %s", number.name)
        self.launch(self.stop_and_exit(return_code=128 + number), "stop")

    async def stop_and_exit(self, *, return_code: int = 0, message: str = "") -> None:
        """Let the engine end what runs, then leave with a clean terminal."""
        if self.leaving:
            return
        self.leaving = True
        if not self.detachable:
            self.caption(_stopping())
        try:
            if self.started and (console := self._console) is not None:
                await console.keep_places_at_last()
            await self.engine.stop()
        finally:
            self.exit(return_code, return_code=return_code, message=message or None)

    async def on_unmount(self) -> None:
        for number in self._watched:
            asyncio.get_running_loop().remove_signal_handler(number)
        # Whatever ended the app: nothing of the engine outlives it. Stopping twice is allowed.
        try:
            await self.engine.stop()
        except AstraError as error:
            log.warning("engine not stopped cleanly: %s", error)
        finally:
            self.log_file.close()

    # -- what is shown ------------------------------------------------------------------

    def _tick(self) -> None:
        """Draw what changed since the last look; nothing is sent while nothing changes."""
        notices = self.engine.notices(self.notice_board.last)
        self.notice_board.take(notices, since=self._since)
        snapshot = self.engine.snapshot()
        if snapshot.revision == self.snapshot.revision:
            return
        self.snapshot = snapshot
        self._ends.take(snapshot, self.keymap.key_of("last-run"))
        screen = self.our_screen
        if screen is not None and screen.is_mounted:
            screen.show_snapshot(snapshot)
            screen.refresh_footer()

    @property
    def our_screen(self) -> AstraScreen[Any] | None:
        """The full screen that shows, perhaps under a dialog."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, AstraScreen):
                return screen
        return None

    def caption(self, text: str | None) -> None:
        """Show one line of narration above the footer of whatever screen is there."""
        self.caption_text = text or ""
        if (screen := self.our_screen) is not None:
            screen.show_caption(self.caption_text)

    def _show_notice(self, notice: Notice) -> None:
        text = " ".join(part for part in (notice.text, notice.todo) if part)
        self._toast(text, _SEVERITY[notice.level])

    def say(self, text: str, severity: Severity = "information") -> None:
        """A short message in the corner, kept for the log screen; outside strings in it are
        made visible."""
        self.notice_board.keep(Notice(_LEVEL[severity], text, time=time.time()))
        self._toast(text, severity)

    def _tell_end(self, text: str, failed: bool) -> None:
        self.say(text, "warning" if failed else "information")

    def _toast(self, text: str, severity: Severity) -> None:
        shown = visible(text, width=400)
        if all(toast.message != shown for toast in self._notifications):  # said once is enough
            self.notify(shown, severity=severity, markup=False)

    # -- what is done -------------------------------------------------------------------

    def action_perform(self, ids: str) -> None:
        """Carry out an action of the keymap by its id, or say why that is not possible.

        Of several ids, with blanks between (a binding passes on one parameter only), the first
        is taken whose keys work on the screen that is there.
        """
        action = self._action_of(tuple(ids.split()))
        if action is None:
            self._say_meaningless()
            return
        screen = self.screen
        settling = screen.settling(action) if isinstance(screen, AstraScreen) else None
        if settling is None:
            work = self._begun(screen, action)
        else:
            work = self._once_settled(settling, screen, action)
        if work is not None:
            self.hold_keys(work, action.label)

    async def _once_settled(
        self, settling: Coroutine[Any, Any, object], screen: Screen[Any], action: Action
    ) -> None:
        with contextlib.suppress(TimeoutError):  # a listing that grows is never quite settled
            async with asyncio.timeout(_SETTLING):
                await settling
        if self.screen is screen:
            work = self._begun(screen, action)
            if work is not None:
                await work

    def _begun(self, screen: Screen[Any], action: Action) -> Coroutine[Any, Any, object] | None:
        """Begin the action, or say why not; what is still to be done of it, if it is work."""
        reason = self.why_not_on(screen, action)
        if reason:
            self.say(reason, "warning")
            return None
        try:
            result = self._carry_out(screen, action)
        except Exception as error:
            log.exception("%s", action.label)
            self.show_error(error, action.label)
            return None
        return result if asyncio.iscoroutine(result) else None

    def _carry_out(self, screen: Screen[Any], action: Action) -> object:
        """Call the screen's method for the action, or the app's; what it returns may be work."""
        if action.id.startswith("panel-"):
            jump = getattr(screen, "do_panel", None)
            return jump(int(action.id.removeprefix("panel-"))) if jump is not None else None
        name = "do_" + action.id.replace("-", "_")
        handler = getattr(screen, name, None) or getattr(self, name, None)
        return handler() if handler is not None else None

    def _action_of(self, ids: tuple[str, ...]) -> Action | None:
        screen = self.screen
        if not isinstance(screen, AstraScreen):
            # A dialog has keys of its own; leaving is possible from everywhere.
            return self.keymap["quit"] if ids == ("quit",) else None
        actions = [self.keymap[action_id] for action_id in ids]
        # Panels may share a key: the one with the focus is meant.
        for contexts in (frozenset(screen.footer_contexts()), frozenset(screen.contexts())):
            for action in actions:
                if contexts.intersection(action.contexts):
                    return action
        return None

    def why_not_on(self, screen: Screen[Any], action: Action) -> str:
        """Why an action cannot be taken on that screen now, "" if it can."""
        if self.leaving:
            return "Astra is stopping."
        if not self.started and not action.offline:
            gone_since = self._ticking is not None
            return "The engine has ended." if gone_since else "The engine is still starting."
        if action.changes and self.snapshot.read_only:
            return f"{action.label}: Astra runs read-only, so nothing is changed."
        if action.id == "suspend":
            return self._why_not_suspend()
        return screen.why_not(action) if isinstance(screen, AstraScreen) else ""

    def _why_not_suspend(self) -> str:
        if self._driver is None or not self._driver.can_suspend:
            return "suspend: there is no shell to go back to."
        if not self.detachable and job_flows.running(self.snapshot):
            return "suspend: jobs run in this process and would stand still."
        return ""

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            await self._typeahead.take(event)
        else:
            await super().on_event(event)

    async def on_key(self, event: events.Key) -> None:
        """A key that no widget took: what it is bound to, or that it means nothing here."""
        event.prevent_default()  # of Textual's own, which says nothing
        if not await self._check_bindings(event.key):
            self._say_meaningless()

    def _say_meaningless(self) -> None:
        screen, key = self.screen, self._last_key
        if key is None or not isinstance(screen, AstraScreen) or isinstance(self.focused, Input):
            return  # a question says which keys it takes, and a field takes text
        text = key.character if key.is_printable and key.character else display(key.key)
        screen.note_key(f"{text} has no meaning here; {self.keymap.key_of('help')} shows the keys.")

    async def _deliver(self, key: events.Key) -> None:
        """Pass a key on; of keys with two strokes only the second does something."""
        self._last_key = key
        if isinstance(self.screen, AstraScreen):
            self.screen.note_key("")
        screen = self.screen
        if not isinstance(screen, AstraScreen) or isinstance(self.focused, Input):
            self._strokes.forget()  # a dialog has keys of its own, and a field takes text
            ids = None
        else:
            ids = self._strokes.take(key)
            screen.show_strokes(self._strokes.pending)
        if self._strokes.count and self._moved(key, ids, self._strokes.count):
            return
        if ids is None:
            await super().on_event(key)
        elif ids:
            lists = [self.keymap[i] for i in ids if Context.LIST in self.keymap[i].contexts]
            if lists:  # the list that has the focus knows it by another key
                key = events.Key(next(k for k in lists[0].keys if " " not in k), None)
                await super().on_event(key)
            else:
                self.action_perform(" ".join(ids))

    def _moved(self, key: events.Key, ids: list[str] | None, count: int) -> bool:
        """Move in the list or page that has the focus by so many steps, if the key moves."""
        names = {key.key, key.character}
        actions = self.keymap.valid_in([Context.LIST])
        move = next((a.id for a in actions if a.id in (ids or ()) or names & {*a.keys}), "")
        focused = self.focused
        if move and isinstance(focused, VirtualList | Lines):
            focused.move_by(move, count)
            return True
        return False

    def hold_keys(self, work: Coroutine[Any, Any, object], doing: str) -> None:
        """Let keys wait for work that changes what they are about; never for long."""
        self._typeahead.hold()
        self.launch(self._released(work), doing)

    async def _released(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        finally:
            self._typeahead.release()

    async def ask(self, question: Question[ResultT]) -> ResultT | None:
        """Show a dialog or screen and wait for its answer, None if it was left without one.

        Keys typed ahead wait until it is there. Only for work that a key started.
        """
        question.when_ready = self._typeahead.release
        question.when_answered = self._typeahead.hold
        answer: ResultT | None = await self.push_screen_wait(question)
        return answer

    def launch(
        self, work: Coroutine[Any, Any, object], doing: str, screen: Screen[Any] | None = None
    ) -> None:
        """Run work beside the screen; what goes wrong is told in a dialog, and logged.

        With `screen`, the answer is for that one: it may find nothing to be shown on when the
        screen was left meanwhile, and that is no error.
        """
        self.run_worker(self._guarded(work, doing, screen), name=doing, exit_on_error=False)

    async def _guarded(
        self, work: Coroutine[Any, Any, object], doing: str, screen: Screen[Any] | None = None
    ) -> None:
        try:
            await work
        except EngineGone as error:
            log.warning("%s: %s", doing, error)  # told by `engine_ended`
        except AstraError as error:
            log.warning("%s: %s", doing, error)
            self.show_error(error, doing)
        except Exception as error:
            if isinstance(error, NoMatches) and screen not in (None, *self.screen_stack):
                return
            # The last guard: logged whole, told calmly, and the screen lives on.
            log.exception("%s", doing)
            self.show_error(error, doing)

    def show_error(self, error: BaseException, doing: str) -> None:
        """A dialog with the four answers of an error."""
        text = describe(error, self.log_file.path)
        self.notice_board.keep(Notice(NoticeLevel.ERROR, text.what, text.todo, time.time()))
        self.push_screen(Tell(f"Could not {doing}", text.lines(), bad=True))

    def _handle_exception(self, error: Exception) -> None:
        # Textual would print a traceback over the terminal. A part of the screen is dead now,
        # so the console ends, but calmly: jobs are in the ledger and the engine is stopped.
        log.error("the console failed", exc_info=error)
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        text = describe(error, self.log_file.path)
        resume = job_flows.resume_hint(self.snapshot, self.resume_command)
        lines = (text.what, text.safe, resume, text.log)
        self._exit_renderables[:] = ["\n".join(visible(line) for line in lines if line)]
        self._close_messages_no_wait()

    # -- actions of every screen --------------------------------------------------------

    async def do_quit(self) -> None:
        await job_flows.quit_console(self)

    def do_theme(self) -> None:
        self.theme = themes.following(self.theme)
        self.say(f"Theme: {self.theme.removeprefix('astra-')}")

    def do_redraw(self) -> None:
        repaint(self._driver)
        self.screen.refresh()

    def do_help(self) -> None:
        if isinstance(self.screen, AstraScreen):
            self.push_screen(HelpScreen(self.screen))

    def do_doctor(self) -> None:
        if not isinstance(self.screen, DoctorScreen):
            self.push_screen(DoctorScreen())

    def know_health(self, checks: Sequence[Check]) -> None:
        """Show a sign of what these checks found."""
        self.trouble = health.sign(checks)
        if (screen := self.our_screen) is not None and screen.is_mounted:
            screen.show_snapshot(self.snapshot)

    async def _look_after_itself(self) -> None:
        try:
            self.know_health(await health.at_start(self))
        except AstraError as error:  # nobody asked; the doctor's screen tells it
            log.warning("not looked after itself: %s", error)

    def do_notices(self) -> None:
        self.push_screen(LogScreen())

    def do_suspend(self) -> None:
        self.action_suspend_process()

    def do_palette(self) -> None:
        self.push_screen(CommandPalette(providers=[KeymapCommands], id="commands"))
