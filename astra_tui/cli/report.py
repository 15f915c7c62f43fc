"""`astra report`: what became of every object of a job set."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from astra_tui.cli.context import DONE, Command, verb
from astra_tui.cli.exits import with_options
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.engine import Engine


@verb("report")
@click.argument("jobset", default="latest", metavar="[JOBSET|PLAN|latest]")
@click.option(
    "--format", "form", type=click.Choice(("text", "json", "csv")), help="[default: text]"
)
@click.option(
    *("--output", "-o"),
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write it there, whole or not at all.",
)
def report(command: Command, jobset: str, form: str | None, output: Path | None) -> int:
    """Tell of every object of a job set: digests, evidence, guard, times; failures first.

    Without a name: the set that was made last. It only looks, also beside a running console.
    """
    if command.out.json and form not in (None, "json"):
        raise UsageError("--json and --format name different formats.")
    chosen = "json" if command.out.json else form or "text"

    async def work(engine: "Engine") -> int:
        from astra_tui.job_report import lines, write_file
        from widgets.text import visible

        summary = await engine.summary(jobset)
        if output is not None:
            done = await write_file(engine, summary, chosen, output, hint=with_options)
            failed = f", {done.failed:,} of them failed" if done.failed else ""
            command.out.say(f"{visible(str(done.path))}: {done.jobs:,} jobs{failed}.")
            return DONE
        async for piece in lines(engine, summary, chosen, hint=with_options):
            command.out.raw(piece)
        return DONE

    # The runner marks what a killed process left behind.
    return command.run(work, runner=True, look=True)
