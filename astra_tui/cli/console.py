"""`astra` alone opens the console; `astra demo` the demo world."""

import sys
from typing import TYPE_CHECKING

from astra_tui.cli.context import Command
from engine.errors import UsageError

if TYPE_CHECKING:
    pass


def open_console(command: Command, *, mouse: bool) -> int:
    """Open the console on the configured clouds; returns its exit code."""
    settings, console = command.loaded
    need_terminal()
    from astra_tui.app import AstraApp
    from engine.engine import Engine

    app = AstraApp(Engine(settings), console)
    return int(app.run(mouse=mouse and console.mouse) or app.return_code or 0)


def need_terminal() -> None:
    """Raises UsageError where there is no terminal to draw on."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "The console needs a terminal.",
            todo="Run it in one, or use a verb: `astra --help`.",
        )
