"""`astra` alone opens the console; `astra demo` the demo world."""

import asyncio
import gc
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from astra_tui.cli.context import Command, Globals, verb
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.engine import Engine


def open_console(command: Command, *, mouse: bool) -> int:
    """Open the console on the configured clouds; returns its exit code."""
    from astra_tui.config import NoConfig

    try:
        console = command.loaded[1]
    except NoConfig:
        if not _may_set_up():
            raise
        return _first_run(command, mouse=mouse)
    need_terminal()
    engine, warnings = _engine(command), command.warnings
    from astra_tui.app import AstraApp
    from astra_tui.cli.running import loop_factory

    resume = resume_command(command.options)
    app = AstraApp(engine, console, resume_command=resume, warnings=warnings)
    app.on_started = gc.freeze  # a search through all that was imported would hold up a key
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        result = runner.run(app.run_async(mouse=mouse and console.mouse))
    return int(result or app.return_code or 0)


def _may_set_up() -> bool:
    """Whether somebody sits there who can answer: all three streams are one's terminal, no CI."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(stream.isatty() for stream in streams) and not os.environ.get("CI")


def _first_run(command: Command, *, mouse: bool) -> int:
    """Set up, then go on with what was chosen; returns the exit code."""
    from astra_tui.setup.app import run_setup

    outcome, code = run_setup(mouse=mouse)
    if outcome.demo:
        from astra_tui import demo_cli

        return demo_cli.run_demo_console(mouse=mouse)
    if outcome.written is None:
        command.out.say("No config was written. `astra` sets up again; `astra demo` needs none.")
        return code
    command.out.say(f"Wrote {outcome.written}.")
    if not outcome.opens:
        return code
    return open_console(Command(command.options, command.out), mouse=mouse)


def _engine(command: Command) -> "Engine":
    """The engine in a process of its own, or inside this one where the config says so."""
    settings, console = command.loaded
    if not console.engine.own:
        from engine.engine import Engine

        return Engine(settings)
    from astra_tui.engine_process import Launcher
    from engine.service.place import socket_path

    launcher = Launcher(settings.state_dir, command.options.process_words(settings))
    launcher.begin()  # before the console is imported: both starts happen side by side
    from engine.service.remote import RemoteEngine

    return RemoteEngine(settings, socket_path(settings.state_dir), launcher)


def resume_command(options: Globals) -> str:
    """What goes on with unfinished jobs of a console that was started with these options."""
    words = ["astra"]
    for name, path in (("--config", options.config), ("--state", options.state)):
        if path is not None:
            words += [name, str(path)]
    return shlex.join([*words, "resume"])


@verb("demo")
@click.option("--script", is_flag=True, help="Ten phases without a screen, each with its check.")
@click.option("--tour", is_flag=True, help="Let the console play by itself, with captions.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Leave state and objects in DIR; a later demo goes on from there.",
)
@click.option("--no-mouse", is_flag=True, help="Without the mouse (for thin lines).")
def demo(command: Command, script: bool, tour: bool, keep: Path | None, no_mouse: bool) -> int:
    """Show Astra at work: three clouds and Kafka on this machine, no account, no network.

    With --script it exits 0 only if every check of its ten phases held. With
    --json the phases go to stderr, and stdout says whether all held.
    """
    if script and tour:
        raise UsageError("Choose --script or --tour.")
    if command.out.json and not script:
        raise UsageError("The console prints no data.", todo="--json goes with --script.")
    if not script:
        need_terminal()
    from astra_tui import demo_cli

    if script:
        code = demo_cli.run_demo_script(keep, out=sys.stderr if command.out.json else None)
        command.out.emit({"demo": {"held": code == 0}})
        return code
    if tour:
        return demo_cli.run_demo_tour(keep, mouse=not no_mouse)
    return demo_cli.run_demo_console(keep, mouse=not no_mouse)


def need_terminal() -> None:
    """Raises UsageError where there is no terminal to draw on."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "The console needs a terminal.",
            todo="Run it in one, or use a verb: `astra --help`.",
        )
    if not sys.stderr.isatty():  # a blank screen that takes keys would be all there is
        raise UsageError(
            "The console draws on stderr, and that does not go to the terminal.",
            todo="Leave out the redirection (2>…); what Astra has to say is in astra.log.",
        )
