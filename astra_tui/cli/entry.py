"""`astra` itself: the list of verbs, each imported when it is called, and the exit code."""

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click.exceptions
import rich_click as click_rich

from astra_tui.cli.aliases import ALIASES
from astra_tui.cli.context import NEAR, Command, Globals, global_options, take_globals
from astra_tui.cli.exits import (
    Exit,
    Interrupted,
    ReaderGone,
    exit_code,
    explain,
    leaves,
    repeat,
    say,
)
from astra_tui.cli.output import Output, prepare_streams
from engine.errors import AstraError

# Verb → module of this package and the command in it, in the groups that help shows.
GROUPS: dict[str, dict[str, str]] = {
    "See": {
        "ls": "listing:ls",
        "du": "usage:du",
        "show": "look:show",
        "cat": "look:cat",
        "dashboard": "listing:dashboard",
        "jobs": "jobs:jobs",
        "report": "report:report",
        "check": "check:check",
        "decisions": "decisions:decisions",
        "prices": "prices:prices",
        "doctor": "doctor:doctor",
    },
    "Decide and move": {
        "migrate": "migrate:migrate",
        "tier": "tier:tier",
        "place": "place:place",
        "lab": "lab:lab",
        "plan": "plans:plan",
        "export": "export:export",
        "resume": "jobs:resume",
        "retry": "jobs:retry",
        "cancel": "jobs:cancel",
        "ingest": "ingest:ingest",
        "fetch": "fetch:fetch",
    },
    "Events and access": {
        "events": "events:events",
        "access": "access:access",
        "age": "events:age",
        "train": "forecast:train",
        "predict": "forecast:predict",
    },
    "Begin": {
        "engine": "engine:engine",
        "demo": "console:demo",
        "init": "init:init",
        "aliases": "init:aliases",
    },
}
VERBS = {name: place for verbs in GROUPS.values() for name, place in verbs.items()}
HELP = """Move objects across clouds by five verified steps, and see what every object costs.

Without a verb the console opens. Addresses look like `cloud:bucket/key`; one that ends in
`/` stands for everything below it. stdout is data, stderr is narration.

Exit codes: 0 done, 1 some work failed, 2 usage or configuration, 3 refused,
4 interrupted (go on with `astra resume`).
"""


class Verbs(click_rich.RichGroup):
    """Verbs that are imported when they are asked for, and the prototypes' names for them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = VERBS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(f"astra_tui.cli.{module}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in ALIASES:
            args = [*ALIASES[args[0]], *args[1:]]
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            near = get_close_matches(args[0], VERBS, n=1, cutoff=NEAR)
            raise click.exceptions.NoSuchCommand(args[0], possibilities=near or None, ctx=ctx)
        return super().resolve_command(ctx, args)


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"astra {version('astra-tui')}")
        ctx.exit()


@click.group(
    cls=Verbs,
    help=HELP,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    *("--version", "-V"),
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version.",
)
@click.option("--no-mouse", is_flag=True, help="Console without the mouse (for thin lines).")
@global_options
@click.pass_context
def astra(ctx: click.Context, /, no_mouse: bool, **values: Any) -> int:
    ctx.obj = take_globals(values, None)
    repeat(ctx.obj.words())
    if ctx.invoked_subcommand is not None:
        return Exit.DONE
    from astra_tui.cli.console import open_console

    return open_console(Command(ctx.obj, Output()), mouse=not no_mouse)


def run(arguments: Sequence[str]) -> int:
    """Carry out a command line and return the exit code; every error is told, none escapes."""
    prepare_streams()
    repeat(())
    click_rich.rich_click.COMMAND_GROUPS = {
        "astra": [{"name": name, "commands": list(verbs)} for name, verbs in GROUPS.items()]
    }
    try:
        result = astra.main(list(arguments), prog_name="astra", standalone_mode=False)
        return int(result or 0)
    except click.exceptions.UsageError as error:
        error.show(file=sys.stderr)
        return Exit.USAGE
    except click.ClickException as error:
        say(f"Error: {error.format_message()}")
        return Exit.USAGE
    except (KeyboardInterrupt, Interrupted, click.exceptions.Abort):
        say("Interrupted. What was begun is in the ledger; `astra resume` goes on with it.")
        return Exit.INTERRUPTED
    except ReaderGone:
        return Exit.DONE
    except SystemExit as error:  # a group without its verb has shown its help
        return error.code if isinstance(error.code, int) else Exit.USAGE
    except Exception as error:  # noqa: BLE001 - the last place where it can be told
        return _tell(error)


def _tell(error: Exception) -> int:
    found = leaves(error)
    known = [leaf for leaf in found if isinstance(leaf, AstraError)]
    if len(known) == len(found):
        for leaf in known[:5]:
            say(explain(leaf))
        if len(known) > 5:
            say(f"… and {len(known) - 5} errors more.")
        return max(exit_code(leaf) for leaf in known)
    from astra_tui.cli.logs import log_unexpected, open_log
    from astra_tui.config import state_directory

    open_log(state_directory(None, os.environ), "info")  # unless a log is open already
    unknown = next(leaf for leaf in found if not isinstance(leaf, AstraError))
    path = log_unexpected(error)
    say(f"Error: something Astra did not expect: {type(unknown).__name__}.")
    say("  Safe: no source is deleted without a verified copy; the ledger holds what was begun.")
    if path is not None:
        say(f"  Next: the details are in {path}; please report them. `astra resume` goes on.")
    else:
        say("  Next: run it again with --state DIR, so that details can be logged.")
    return Exit.FAILED


__all__ = ["GROUPS", "VERBS", "Globals", "astra", "run"]
