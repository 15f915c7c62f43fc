"""`astra doctor`: check clouds, Kafka, state files and terminal, with one thing to do each."""

from collections import Counter
from typing import TYPE_CHECKING

import rich_click as click

from astra_tui.cli.context import Command, verb
from astra_tui.cli.exits import Exit, with_options
from engine.errors import AstraError, UsageError

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Check

_SUBJECTS = ["kafka", "state", "prices", "terminal"]
_MARKS = {"ok": "ok", "warning": "WARNING", "failed": "FAILED", "skipped": "skipped"}


@verb("doctor")
@click.option(
    "--only", default="", metavar="SUBJECT", help="One cloud, or " + ", ".join(_SUBJECTS) + "."
)
def doctor(command: Command, only: str) -> int:
    """Check each cloud (reach, list, read, write, delete, conditions), Kafka, state, terminal.

    Canary objects are written where that is allowed, and removed again.
    """
    subjects = [cloud.name for cloud in command.settings.clouds] + _SUBJECTS
    if only and only not in subjects:
        raise UsageError(f"Nothing to check is named {only!r}; there are: {', '.join(subjects)}.")
    counts: Counter[str] = Counter()
    unusable = False

    def tell(check: "Check") -> None:
        if only and check.subject != only:
            return
        counts[check.state.value] += 1
        command.out.emit(
            {
                "subject": check.subject,
                "check": check.name,
                "state": check.state.value,
                "detail": check.detail or None,
                "todo": check.todo or None,
            }
        )
        if not command.out.json:
            _print(command, check)

    async def work(engine: "Engine") -> int:
        async for check in engine.doctor():
            if not (unusable and check.subject == "state"):  # a spare one is no news
                tell(check)
        return Exit.DONE

    def without_state(error: AstraError) -> None:
        nonlocal unusable
        unusable = True
        tell(Check("state", "open", CheckState.FAILED, error.what, error.todo))

    from engine.model import Check, CheckState

    if only != "terminal":
        command.run(work, events=True, spare=without_state)
    from astra_tui.cli.terminal import terminal_checks

    for check in terminal_checks():
        tell(check)
    command.out.say(
        ", ".join(f"{count} {name}" for name, count in counts.items()) or "no check fits"
    )
    return Exit.FAILED if counts["failed"] else Exit.DONE


def _print(command: Command, check: "Check") -> None:
    from widgets.text import visible

    mark = _MARKS[check.state.value]
    head = f"{mark:>8}  {visible(check.subject)}: {visible(check.name)}"
    command.out.line(head + (f": {visible(check.detail)}" if check.detail else ""))
    if check.todo:
        command.out.line(f"{'':10}→ {visible(with_options(check.todo))}")
