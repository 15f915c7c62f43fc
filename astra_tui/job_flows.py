"""What the keys do with plans and jobs: approve, pause, go on, retry, cancel, leave."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from astra_tui.screens.dialogs import Confirm, Line, bullet, field
from engine.model import JobState, MoveKind, Plan, PlanTotals, Snapshot
from widgets.text import bytes_text, count_text, money_text, visible

if TYPE_CHECKING:
    from astra_tui.app import AstraApp

RUNNING = (JobState.RESTORING, JobState.COPYING, JobState.VERIFYING, JobState.SWITCHING)


def running(snapshot: Snapshot) -> int:
    """How many jobs are at work."""
    return sum(snapshot.count(state) for state in RUNNING)


def waiting(snapshot: Snapshot) -> int:
    """How many jobs will start by themselves (paused ones are counted apart)."""
    return snapshot.count(JobState.QUEUED)


def unfinished(snapshot: Snapshot) -> int:
    """How many jobs are not at their end."""
    return running(snapshot) + waiting(snapshot) + snapshot.count("paused")


def would_resume(snapshot: Snapshot) -> bool:
    """Whether the pause key lets jobs go on: everything that is left is paused."""
    at_work = running(snapshot) + waiting(snapshot)
    return snapshot.paused or (snapshot.count("paused") > 0 and not at_work)


def jobs_text(number: int) -> str:
    """`1 job`, `12 jobs`."""
    return "1 job" if number == 1 else f"{count_text(number)} jobs"


def approval_lines(plan: Plan, totals: PlanTotals) -> list[Line]:
    """What an approval does, in numbers: moves, bytes, routes, deletes, money."""
    routes = sorted({move.route for move in plan.moves})
    shown = ", ".join(routes[:3]) + (f" and {len(routes) - 3} more" if len(routes) > 3 else "")
    kinds = [move.kind for move in plan.moves]
    deletes = kinds.count(MoveKind.MOVE)
    changes = kinds.count(MoveKind.TIER)
    lines: list[Line] = [
        field("moves", f"{count_text(totals.moves)} objects, {bytes_text(totals.size)}"),
        field("route", shown),
    ]
    if deletes:
        lines.append(
            field("deletes", f"{count_text(deletes)} sources, each after its copy is proved equal")
        )
    if changes:
        lines.append(field("changes", f"the storage class of {count_text(changes)} objects"))
    if not deletes:
        lines.append(field("deletes", "nothing"))
    once = money_text(totals.one_time_cost, currency=True)
    saving = money_text(totals.saving_per_month, currency=True, signed=True)
    lines.append(field("money", f"{once} once, {saving} a month"))
    risks = sum(1 for move in plan.moves if move.risks or move.losses)
    if risks:
        lines.append(field("risks", f"{count_text(risks)} moves have some; see the plan"))
    if plan.options.overwrite:
        lines += ["", Text("Objects at the destination will be overwritten.", "bold")]
    lines += ["", "Start these jobs?"]
    return lines


async def approve(app: "AstraApp", plan: Plan, totals: PlanTotals) -> bool:
    """Ask once more, then start the jobs. True if they started."""
    yes = await app.ask(Confirm("Approve the plan", approval_lines(plan, totals), yes="Start"))
    if not yes:
        return False
    await app.engine.submit(plan)
    app.say(f"{jobs_text(totals.moves)} queued.")
    return True


async def pause_or_resume(
    app: "AstraApp", job_ids: Sequence[str] = (), *, resume: bool | None = None
) -> None:
    """Pause these jobs (none named: all) or let them go on.

    Without `resume` the state decides: if all that is left is paused, it goes on.
    """
    if would_resume(app.snapshot) if resume is None else resume:
        number = await app.engine.resume(job_ids)
        app.say(f"{jobs_text(number)} going on.")
    else:
        number = await app.engine.pause(job_ids)
        app.say(f"{jobs_text(number)} paused; nothing that is done is lost.")


async def retry(app: "AstraApp", job_ids: Sequence[str]) -> None:
    """Queue failed and cancelled jobs again."""
    number = await app.engine.retry(job_ids)
    app.say(f"{jobs_text(number)} queued again.")


async def cancel(app: "AstraApp", job_ids: Sequence[str]) -> None:
    """Ask, then cancel jobs."""
    names = {job.job_id: str(job.spec.source) for job in app.snapshot.jobs}
    lines: list[Line] = [bullet(visible(names.get(i, i), width=66)) for i in job_ids[:5]]
    if len(job_ids) > 5:
        lines.append(bullet(f"and {count_text(len(job_ids) - 5)} more"))
    lines += ["", "What they wrote is removed again; every source is kept."]
    title = f"Cancel {jobs_text(len(job_ids))}?"
    if await app.ask(Confirm(title, lines, yes="Cancel them")):
        number = await app.engine.cancel(job_ids)
        app.say(f"{jobs_text(number)} cancelled; the sources are kept.")


async def save_plan(app: "AstraApp", plan: Plan) -> None:
    """Keep a plan in the workspace."""
    await app.engine.workspace.save_plan(plan)
    app.say(f"Plan saved: {plan.title}")


def resume_hint(snapshot: Snapshot, command: str) -> str:
    """What the shell shows after leaving with unfinished jobs, "" if there are none."""
    number = unfinished(snapshot)
    if not number or not command:
        return ""
    they = "it" if number == 1 else "them"
    return f"{jobs_text(number)} unfinished; go on with {they} by: {command}"


async def quit_console(app: "AstraApp") -> None:
    """Leave; ask first while jobs run."""
    if app.leaving or app.asking_to_quit:
        return
    snapshot = app.snapshot
    at_work = running(snapshot) + waiting(snapshot)
    if at_work:
        app.asking_to_quit = True
        work = [f"{jobs_text(running(snapshot))} running"]
        if waiting(snapshot):
            work.append(f"{count_text(waiting(snapshot))} waiting")
        if snapshot.bytes_left:
            work.append(f"{bytes_text(snapshot.bytes_left)} left")
        lines: list[Line] = [
            f"{', '.join(work)}.",
            "",
            Text.assemble(
                "Running requests end or roll back first; no source is lost.",
                *(
                    (" The jobs wait in the ledger: go on with ", (app.resume_command, "bold"), ".")
                    if app.resume_command
                    else ()
                ),
            ),
        ]
        try:
            yes = await app.ask(Confirm("Leave while jobs run?", lines, yes="Leave"))
        finally:
            app.asking_to_quit = False
        if not yes:
            return
    await app.stop_and_exit(message=resume_hint(snapshot, app.resume_command))
