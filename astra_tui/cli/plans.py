"""`astra plan`: plans that were kept in the workspace."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli import options
from astra_tui.cli.context import DONE, Command, verb
from astra_tui.cli.migrate import run_moving
from astra_tui.cli.output import usd
from astra_tui.cli.planview import plan_json

if TYPE_CHECKING:
    from engine.engine import Engine


@click.group("plan")
def plan() -> None:
    """Show, submit or forget plans that were saved with --save or in the console."""


@verb("list", group=plan)
def list_plans(command: Command) -> int:
    """List saved plans, oldest first."""

    async def work(engine: "Engine") -> int:
        from widgets.text import bytes_text, date_text, visible

        plans = await engine.workspace.plans()
        command.tell_notices(engine)
        rows = []
        for item in plans:
            *_, last = plan_json(item)
            command.out.emit({"created": item.created, **last["plan"]})
            totals = item.totals()
            rows.append(
                (
                    item.plan_id,
                    date_text(item.created),
                    f"{totals.moves:,}",
                    bytes_text(totals.size),
                    usd(totals.saving_per_month),
                    visible(item.title),
                )
            )
        columns = ("plan", "created", ">moves", ">size")
        command.out.table((*columns, ">saves $/month", "title"), rows)
        if not plans:
            command.out.say("No plan is saved.")
        return DONE

    return command.run(work, look=True)


@verb("show", group=plan)
@click.argument("plan_id")
def show(command: Command, plan_id: str) -> int:
    """Show one saved plan with every move."""

    async def work(engine: "Engine") -> int:
        from astra_tui.cli.carry import print_plan

        plan = await engine.workspace.plan(plan_id)
        print_plan(command, plan, engine.settings.max_deletes)
        return DONE

    return command.run(work, look=True)


@verb("submit", group=plan)
@click.argument("plan_id")
@options.run_options
@options.submit_options
@options.yes_option
def submit(command: Command, plan_id: str, yes: bool, **values: Any) -> int:
    """Review a saved plan once more, ask, and carry it out."""
    command.forbid_read_only("carrying out a plan")

    async def work(engine: "Engine") -> int:
        from astra_tui.cli.carry import carry_out

        plan = await engine.preflight(await engine.workspace.plan(plan_id))
        return await carry_out(command, engine, plan, yes=yes, priority=values["priority"])

    return run_moving(command, work, values)


@verb("delete", group=plan)
@click.argument("plan_id")
def delete(command: Command, plan_id: str) -> int:
    """Forget a saved plan; its jobs, if it was submitted, stay in the ledger."""

    async def work(engine: "Engine") -> int:
        if not await engine.workspace.delete_plan(plan_id):
            await engine.workspace.plan(plan_id)  # raises, naming what is missing
        command.out.emit({"plan_id": plan_id, "deleted": True})
        command.out.say(f"Plan {plan_id} is forgotten.")
        return DONE

    return command.run(work)
