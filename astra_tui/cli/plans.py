"""`astra plan`: plans that were kept in the workspace."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli import options
from astra_tui.cli.context import DONE, Command, verb
from astra_tui.cli.migrate import run_moving
from astra_tui.cli.output import usd
from astra_tui.cli.planview import plan_json
from astra_tui.cli.running import confirm
from engine.errors import Refused, UsageError

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Move, Plan, SavedPlan

_PAGE = 500  # moves written in one go


@click.group("plan")
def plan() -> None:
    """List, show, export, run or forget plans that were saved with --save or in the console."""


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


async def found(engine: "Engine", name: str) -> "Plan":
    """A saved plan by its id or the beginning of it, or a plan in a file that was exported as
    JSON. Raises UsageError if there is none, or more than one."""
    path = Path(name)
    if await asyncio.to_thread(path.is_file):
        from engine.plan_files import read_plan

        return await asyncio.to_thread(read_plan, path)
    alike = [p.plan_id for p in await engine.saved_plans() if p.plan_id.startswith(name)]
    if len(alike) > 1 and name not in alike:
        raise UsageError(
            f"{len(alike)} saved plans begin so: {', '.join(alike[:5])}.", subject=name
        )
    if not alike:
        raise UsageError(
            "There is no saved plan whose id begins so, and no such file.",
            subject=name,
            safe="Nothing was changed.",
            todo="`astra plan list` names the saved ones; a file is named by its path.",
        )
    return await engine.workspace.plan(alike[0] if len(alike) == 1 else name)


async def checked(command: Command, engine: "Engine", plan: "Plan") -> "Plan":
    """The plan as it is now; what became otherwise is told."""
    plan, changes = await engine.check_plan(plan)
    for text in changes:
        command.out.say(f"Since it was saved: {text}")
    return plan


@verb("show", group=plan)
@click.argument("plan_id", metavar="PLAN")
@click.option("--check", is_flag=True, help="As it would be now: what is gone or changed shows.")
def show(command: Command, plan_id: str, check: bool) -> int:
    """Show one plan with every move: its id or the beginning of it, or an exported file."""

    async def work(engine: "Engine") -> int:
        from astra_tui.cli.carry import print_plan

        plan = await found(engine, plan_id)
        if check:
            plan = await checked(command, engine, plan)
        print_plan(command, plan, engine.settings.max_deletes)
        return DONE

    return command.run(work, look=True)


force_option = click.option("--force", is_flag=True, help="Replace what is there; do not ask.")


async def _replace(what: str, which: str, *, force: bool) -> None:
    """Ask before something is replaced. Raises Refused unless that is wanted."""
    if force:
        return
    from widgets.text import visible

    if not sys.stdin.isatty():
        raise Refused(
            f"{what} is there already.",
            subject=which,
            safe="Nothing was changed.",
            todo="Add --force to replace it, or choose another.",
        )
    await confirm(f"{what} is there already ({visible(which)}). Replace it?", yes=False)


def _about(saved: "SavedPlan") -> str:
    from widgets.text import date_text

    return f"{saved.title}, made {date_text(saved.created)}"


@verb("save", group=plan)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@force_option
def save(command: Command, file: str, force: bool) -> int:
    """Keep a plan that was exported as JSON among the saved ones.

    Where another plan is saved under its id, it asks before it replaces that one.
    """

    async def work(engine: "Engine") -> int:
        plan = await found(engine, file)
        saved = {item.plan_id: item for item in await engine.saved_plans()}
        if (before := saved.get(plan.plan_id)) is not None:
            await _replace(f"The saved plan {plan.plan_id}", _about(before), force=force)
        await engine.workspace.save_plan(plan)
        command.out.emit({"plan_id": plan.plan_id, "saved": True})
        command.out.say(f"Saved as plan {plan.plan_id}; `astra plan run {plan.plan_id}`.")
        return DONE

    return command.run(work)


@verb("export", group=plan)
@click.argument("plan_id", metavar="PLAN")
@click.option(
    "--format", "form", type=click.Choice(("text", "csv", "json")), default="json",
    show_default=True, help="json is exact: `astra plan run FILE` carries it out.",
)  # fmt: skip
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="A file, else stdout.")
@force_option
def export(command: Command, plan_id: str, form: str, output: str | None, force: bool) -> int:
    """Write a plan to a file, as the console does. It asks before it replaces a file."""

    async def work(engine: "Engine") -> int:
        from astra_tui.job_report import write_pieces
        from astra_tui.plan_report import lines
        from engine.migration.review import Review

        plan = await found(engine, plan_id)
        if output is not None and await asyncio.to_thread(Path(output).exists):
            await _replace("The file", output, force=force)
        review = await asyncio.to_thread(Review, plan, max_deletes=engine.settings.max_deletes)
        view = review.view()

        async def pages() -> "AsyncIterator[Sequence[Move]]":
            for page in review.pages(_PAGE):
                yield page

        pieces = lines(plan, view, pages(), form)
        if output is None:
            async for piece in pieces:
                command.out.raw(piece)
            return DONE
        path = await write_pieces(pieces, Path(output))
        command.out.emit({"plan_id": plan.plan_id, "path": str(path), "moves": view.totals.moves})
        command.out.say(f"{view.totals.moves:,} moves in {path}")
        return DONE

    return command.run(work, look=True)


def _submit(command: Command, plan_id: str, yes: bool, **values: Any) -> int:
    command.forbid_read_only("carrying out a plan")

    async def work(engine: "Engine") -> int:
        from astra_tui.cli.carry import carry_out

        plan = await checked(command, engine, await found(engine, plan_id))
        plan = await engine.preflight(plan)
        priority = values["priority"] or plan.priority
        return await carry_out(command, engine, plan, yes=yes, priority=priority)

    return run_moving(command, work, values)


@verb("run", group=plan)
@click.argument("plan_id", metavar="PLAN")
@options.run_options
@options.submit_options
@options.yes_option
def run(command: Command, plan_id: str, yes: bool, **values: Any) -> int:
    """Check a saved or exported plan again, review it, ask, and carry it out."""
    return _submit(command, plan_id, yes, **values)


@verb("submit", group=plan)
@click.argument("plan_id", metavar="PLAN")
@options.run_options
@options.submit_options
@options.yes_option
def submit(command: Command, plan_id: str, yes: bool, **values: Any) -> int:
    """The same as run."""
    return _submit(command, plan_id, yes, **values)


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
