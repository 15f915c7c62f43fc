"""`astra migrate`: move or copy objects by five verified steps."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli import options
from astra_tui.cli.context import Command, verb
from astra_tui.cli.exits import Exit
from astra_tui.cli.filters import filter_options, take_filters

if TYPE_CHECKING:
    from engine.engine import Engine


@verb("migrate")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.argument("destination")
@options.target_options
@options.proof_options
@options.compress_option
@click.option("--keep-source", is_flag=True, help="Copy; delete nothing.")
@filter_options
@options.run_options
@options.submit_options
@options.dry_run_option
@options.preflight_option
@options.save_option
@options.yes_option
def migrate(command: Command, sources: Sequence[str], destination: str, **values: Any) -> int:
    """Move objects: download, checksum, upload, verify, delete.

    A source is a key or a prefix ending in `/`. Several sources, or a prefix, need a
    destination that ends in `/`. On any mismatch the copy is rolled back and the source kept.
    With --json each job prints one line as it ends, and a last line sums up.
    """
    from engine.model import MoveKind

    from_addresses = [command.address(source) for source in sources]
    to_address = command.address(destination)
    tier = options.target(values["tier"], values["storage_class"])
    move_options = options.move_options(values)
    filters = take_filters(values)
    if not values["dry_run"]:
        command.forbid_read_only("moving objects")

    async def work(engine: "Engine") -> int:
        plan = await engine.plan_migration(
            from_addresses,
            to_address,
            kind=MoveKind.COPY if values["keep_source"] else MoveKind.MOVE,
            tier=tier,
            storage_class=values["storage_class"],
            options=move_options,
            filters=filters,
        )
        return await review(command, engine, plan, values)

    return run_moving(command, work, values)


def run_moving(
    command: Command,
    work: Any,
    values: dict[str, Any],
    *,
    files: bool = False,
    telling: bool = False,
) -> int:
    """Run `work` with an engine that moves objects, unless it is only a dry run.

    With `files` it also knows this machine's own files, as `astra ingest` reads them. `telling`:
    it has something to tell Kafka even in a dry run.
    """
    moving = not values.get("dry_run")
    settings = options.limited(command.settings, values)
    if files:
        from astra_tui.config import with_files

        settings = with_files(settings)
    return command.run(
        work,
        settings=settings,
        runner=moving,
        events=(moving or telling) and command.real_broker,
    )


async def review(command: Command, engine: "Engine", plan: Any, values: dict[str, Any]) -> int:
    """Save the plan if wanted, then show it (dry run) or carry it out."""
    from astra_tui.cli.carry import carry_out, print_plan

    if plan.moves and (values.get("preflight") or not values.get("dry_run")):
        plan = await engine.preflight(plan)
    if values.get("save"):
        await engine.workspace.save_plan(plan)
        command.out.say(f"Saved as plan {plan.plan_id}; `astra plan submit {plan.plan_id}`.")
    if values.get("dry_run"):
        print_plan(command, plan, engine.settings.max_deletes)
        return Exit.DONE
    return await carry_out(
        command, engine, plan, yes=values["yes"], priority=values.get("priority", 0)
    )
