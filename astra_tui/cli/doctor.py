"""`astra doctor`: check clouds, Kafka, state files and terminal, with one thing to do each."""

from collections import Counter
from typing import TYPE_CHECKING

import rich_click as click

from astra_tui.cli.context import Command, verb
from astra_tui.cli.exits import Exit, with_options
from engine.errors import StateError

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Check

_MARKS = {"ok": "ok", "warning": "WARNING", "failed": "FAILED", "skipped": "skipped"}


@verb("doctor")
@click.option("--only", default="", metavar="SUBJECT", help="One cloud, kafka, state or terminal.")
def doctor(command: Command, only: str) -> int:
    """Check each cloud (reach, list, read, write, delete, conditions), Kafka, state, terminal.

    Canary objects are written where that is allowed, and removed again.
    """
    counts: Counter[str] = Counter()

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
            tell(check)
        return Exit.DONE

    from engine.model import Check, CheckState

    if only != "terminal":
        try:
            command.run(work, events=True)
        except StateError as error:
            tell(Check("state", "open", CheckState.FAILED, error.what, error.todo))
    from astra_tui.cli.terminal import terminal_checks

    for check in terminal_checks():
        tell(check)
    command.out.say(
        ", ".join(f"{count} {name}" for name, count in counts.items()) or "no check fits"
    )
    return Exit.FAILED if counts["failed"] or not counts else Exit.DONE


def _print(command: Command, check: "Check") -> None:
    from widgets.text import visible

    mark = _MARKS[check.state.value]
    head = f"{mark:>8}  {visible(check.subject)}: {visible(check.name)}"
    command.out.line(head + (f": {visible(check.detail)}" if check.detail else ""))
    if check.todo:
        command.out.line(f"{'':10}→ {visible(with_options(check.todo))}")
