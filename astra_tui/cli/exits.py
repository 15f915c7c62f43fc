"""Exit codes, and errors as an operator reads them. Never a traceback on the screen."""

import re
import shlex
import sys
from collections.abc import Sequence
from enum import IntEnum

from engine.errors import AstraError, ConfigError, Refused, StateBusy, UsageError

_HINT = re.compile("`astra (?!-|demo)")
_repeat = ""  # options that a command line told to the operator repeats


class Exit(IntEnum):
    """What the shell learns."""

    DONE = 0
    FAILED = 1  # some work failed
    USAGE = 2  # usage or configuration
    REFUSED = 3  # not confirmed, read-only, state in use, nothing of the plan allowed
    INTERRUPTED = 4  # resumable


class Interrupted(Exception):
    """A signal ended the work; what was begun is in the ledger."""


class ReaderGone(Exception):
    """Whoever read our output has gone away; there is nobody to work for."""


def exit_code(error: BaseException) -> Exit:
    """The exit code that an error stands for."""
    if isinstance(error, (UsageError, ConfigError)):
        return Exit.USAGE
    if isinstance(error, (Refused, StateBusy)):
        return Exit.REFUSED
    return Exit.FAILED


def leaves(error: BaseException) -> list[BaseException]:
    """The errors inside of (nested) exception groups."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for item in error.exceptions for leaf in leaves(item)]
    return [error]


def explain(error: AstraError) -> str:
    """What happened, to what, what is safe, what to do: a few lines without control codes."""
    from widgets.text import visible

    def clean(text: str) -> str:
        lines = text.strip().split("\n")
        return "\n".join(
            f"{'  ' if line[:1] == ' ' else ''}{visible(line.strip())}" for line in lines
        )

    head = f"{visible(error.subject)}: " if error.subject else ""
    lines = [f"Error: {head}{clean(error.what)}"]
    if error.safe:
        lines.append(f"  Safe: {clean(error.safe)}")
    if error.todo:
        lines.append(f"  Next: {clean(error.todo)}")
    return "\n".join(lines)


def repeat(options: Sequence[str]) -> None:
    """Let every `astra …` that is told from now on have these options."""
    global _repeat
    _repeat = f" {shlex.join(options)}" if options else ""


def with_options(text: str) -> str:
    """The text with the options of this run in the command lines that it names."""
    return _HINT.sub(lambda _: f"`astra{_repeat} ", text)


def say(text: str) -> None:
    """One line of narration on stderr; a closed or full stderr stops no work."""
    try:
        sys.stderr.write(f"{with_options(text)}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return
