"""The first run as a small application of its own: no engine, no state, no log is touched."""

import asyncio
import logging
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.screen import Screen

from astra_tui import themes
from astra_tui.driver import driver_class
from astra_tui.report import describe
from astra_tui.screens.dialogs import Tell
from astra_tui.setup.finish import home
from astra_tui.setup.screen import SetupScreen
from astra_tui.setup.tester import environment
from engine.discovery.ports import PORTS
from widgets import glyphs
from widgets.text import visible

log = logging.getLogger("astra.setup")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the first run ended: a file that was written, the demo, or neither."""

    written: Path | None = None
    opens: bool = False
    demo: bool = False


class SetupApp(App[Outcome], inherit_bindings=False):
    """Finds, tests and writes. Ends with an `Outcome`."""

    TITLE = "Astra"
    CSS_PATH = "../astra.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q,ctrl+c", "leave", show=False, priority=True),
    ]

    def __init__(
        self,
        *,
        environ: Mapping[str, str] | None = None,
        home_dir: Path | None = None,
        here: Path | None = None,
        ports: Sequence[int] = PORTS,
    ) -> None:
        no_color = "NO_COLOR" in os.environ
        super().__init__(ansi_color=True if no_color else None)
        self.environ = dict(environ) if environ is not None else environment()
        self.home_dir = home_dir or home()
        self.here = here or Path.cwd()
        self.ports = tuple(ports)
        self.outcome = Outcome()
        glyphs.use(glyphs.detect())
        self.set_class(glyphs.current() is glyphs.ASCII, "-ascii")
        for theme in themes.THEMES:
            self.register_theme(theme)
        self.theme, _ = themes.choose("", no_color=no_color)
        self._watched: list[signal.Signals] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(themes.DEFAULT_VARIABLES)

    def get_driver_class(self) -> type[Driver]:
        return driver_class(super().get_driver_class())

    def get_default_screen(self) -> Screen[Any]:
        return SetupScreen(self.environ, self.home_dir, self.here)

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            with suppress(NotImplementedError, RuntimeError, ValueError):  # not the main thread
                loop.add_signal_handler(number, self.finish)
                self._watched.append(number)

    def on_unmount(self) -> None:
        for number in self._watched:
            asyncio.get_running_loop().remove_signal_handler(number)

    def action_leave(self) -> None:
        """Leave from wherever one is; nothing is written."""
        self.finish()

    def finish(
        self, *, written: Path | None = None, opens: bool = False, demo: bool = False
    ) -> None:
        """End with this outcome."""
        self.outcome = Outcome(written, opens, demo)
        self.exit(self.outcome)

    def say(self, text: str) -> None:
        """A short message in the corner; outside strings in it are made visible."""
        self.notify(visible(text, width=400), markup=False)

    def tell_error(self, error: BaseException) -> None:
        """A dialog with what went wrong, what is safe and what to do."""
        if isinstance(error, ValueError):
            self.push_screen(Tell("That cannot be written", [visible(str(error))], bad=True))
            return
        self.push_screen(Tell("That did not work", describe(error).lines(), bad=True))

    def _handle_exception(self, error: Exception) -> None:
        # Textual would print a traceback with every local value, keys of other tools among them.
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        text = describe(error)
        self._exit_renderables[:] = [visible(text.what), "Nothing was written to any cloud."]
        self._close_messages_no_wait()


def run_setup(*, mouse: bool = True) -> tuple[Outcome, int]:
    """Run it in this terminal; the outcome, and the exit code (0 unless it failed)."""
    from astra_tui.cli.running import loop_factory

    app = SetupApp()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(app.run_async(mouse=mouse))
    return app.outcome, int(app.return_code or 0)
