"""`astra jobs`, `resume`, `retry`, `cancel`: what the ledger holds, and going on with it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli import options
from astra_tui.cli.context import DONE, Command, verb
from astra_tui.cli.migrate import run_moving
from astra_tui.cli.output import address_text, counted
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import JobState, JobView

_STATES = (
    *("queued", "restoring", "copying", "verifying", "switching"),
    *("completed", "failed", "cancelled"),
)


class ListFirst(click.RichGroup):
    """`astra jobs …` is `astra jobs list …` unless it names another verb."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        helps = ctx.help_option_names
        if not args or (args[0] not in self.commands and args[0] not in helps):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("jobs", cls=ListFirst)
def jobs() -> None:
    """List migrations of the ledger (`astra jobs --state failed`), or show one."""


@verb("list", group=jobs)
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only these.")
@click.option("--text", default="", help="Only with this text in source or destination.")
@click.option("--jobset", default="", help="Only of this job set.")
@click.option("--filter", "terms", default="", help="The console's filter: docs/jobs.md.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the latest so many.")
def list_jobs(
    command: Command, states: Sequence[str], text: str, jobset: str, terms: str, limit: int | None
) -> int:
    """List jobs, oldest first."""

    async def work(engine: "Engine") -> int:
        from engine.model import JobState, job_fits, parse_job_filter

        try:
            filters = parse_job_filter(terms)
        except ValueError as error:
            raise UsageError(f"--filter: {error}.") from error
        wanted = [JobState(state) for state in states]
        found = await engine.jobs(jobset=jobset, states=wanted, text=text)
        found = [job for job in found if job_fits(filters, job)]
        _print_jobs(command, found[-limit:] if limit else found)
        return DONE

    # The runner marks what a killed process left behind.
    return command.run(work, runner=True, look=True)


@verb("show", group=jobs)
@click.argument("job_id")
def show(command: Command, job_id: str) -> int:
    """Show one job: steps with their times, digests, proof, error."""

    async def work(engine: "Engine") -> int:
        _print_job(command, await engine.job(job_id))
        return DONE

    return command.run(work, runner=True, look=True)


@verb("priority", group=jobs)
@click.argument("priority", type=options.Priority(), metavar="low|normal|high|NUMBER")
@click.argument("job_ids", nargs=-1, metavar="[JOB]...")
@click.option("--jobset", default="", help="Every unfinished job of this set.")
def prioritise(command: Command, priority: int, job_ids: Sequence[str], jobset: str) -> int:
    """Let unfinished jobs run sooner or later than others."""
    if bool(jobset) == bool(job_ids):
        raise UsageError("Name the jobs, or their set with --jobset.")

    async def work(engine: "Engine") -> int:
        await _check(engine, job_ids)
        count = await engine.prioritise(priority, jobset=jobset, job_ids=job_ids)
        command.out.emit({"changed": count, "priority": priority})
        command.out.say(f"{counted(count, 'job')} changed." if count else "No unfinished job fits.")
        return DONE

    return command.run(work)


@verb("resume")
@click.argument("job_ids", nargs=-1, metavar="[JOB]...")
@options.run_options
def resume(command: Command, job_ids: Sequence[str], **values: Any) -> int:
    """Go on with paused and interrupted jobs, all if none is named."""
    from engine.model import FINAL_STATES, JobState

    unfinished = [state for state in JobState if state not in FINAL_STATES]
    return _again(command, job_ids, unfinished, "resume", values)


@verb("retry")
@click.argument("job_ids", nargs=-1, metavar="[JOB]...")
@options.run_options
def retry(command: Command, job_ids: Sequence[str], **values: Any) -> int:
    """Try failed jobs again (all if none is named), and cancelled ones that are named."""
    from engine.model import JobState

    states = [JobState.FAILED, *([JobState.CANCELLED] if job_ids else [])]
    return _again(command, job_ids, states, "retry", values)


def _again(
    command: Command,
    job_ids: Sequence[str],
    states: "Sequence[JobState]",
    action: str,
    values: dict[str, Any],
) -> int:
    command.forbid_read_only("resuming jobs" if action == "resume" else "retrying jobs")

    async def work(engine: "Engine") -> int:
        from astra_tui.cli.carry import Tally, follow, nothing

        await _check(engine, job_ids)
        tally = Tally()
        found = await engine.jobs(states=states)
        wanted = [job.job_id for job in found if not job_ids or job.job_id in job_ids]
        if not wanted:
            command.out.say(f"There is no job to {action}.")
            command.out.emit(nothing(tally, engine))
            return DONE
        command.out.keep_going = True
        await (engine.resume(wanted) if action == "resume" else engine.retry(wanted))
        return await follow(command, engine, tally, job_ids=wanted)

    return run_moving(command, work, values, files=True)


@verb("cancel")
@click.argument("job_ids", nargs=-1, metavar="[JOB]...")
@click.option("--all", "every", is_flag=True, help="Every unfinished job.")
@options.yes_option
def cancel(command: Command, job_ids: Sequence[str], every: bool, yes: bool) -> int:
    """Cancel unfinished jobs: what they wrote is rolled back, every source is kept."""
    from engine.model import FINAL_STATES, JobState

    command.forbid_read_only("cancelling jobs")
    if every == bool(job_ids):
        raise UsageError("Name the jobs to cancel, or say --all.")
    unfinished = [state for state in JobState if state not in FINAL_STATES]

    async def work(engine: "Engine") -> int:
        from astra_tui.cli.running import confirm
        from astra_tui.job_report import job_json

        await _check(engine, job_ids)
        found = await engine.jobs(states=unfinished)
        wanted = [job.job_id for job in found if every or job.job_id in job_ids]
        if not wanted:
            command.out.say("There is no unfinished job to cancel.")
            return DONE
        jobs = counted(len(wanted), "job")
        await confirm(f"Cancel {jobs} and roll back what was written?", yes=yes)
        command.out.keep_going = True
        count = await engine.cancel(wanted)
        await engine.wait()
        for job in await engine.jobs():
            if job.job_id in wanted:
                command.out.emit(job_json(job))
        command.out.say(f"{counted(count, 'job')} cancelled; every source is kept.")
        return DONE

    return run_moving(command, work, {}, files=True)


async def _check(engine: "Engine", job_ids: Sequence[str]) -> None:
    """Raises UsageError for an id that the ledger does not know."""
    for job_id in job_ids:
        await engine.job(job_id)


def _print_jobs(command: Command, found: "Sequence[JobView]") -> None:
    from astra_tui.job_report import job_json
    from widgets.text import bytes_text, visible

    if command.out.json:
        for job in found:
            command.out.emit(job_json(job))
        return
    rows = (
        (
            job.job_id,
            f"{job.state.value}, paused" if job.paused else job.state.value,
            f"{int(job.step)}/5",
            bytes_text(job.spec.size),
            job.evidence.value or "-",
            {None: "-", True: "guarded", False: "unguarded"}[job.guarded],
            f"{address_text(job.spec.source)} → {address_text(job.spec.destination)}"
            + (f"  {visible(job.error)}" if job.error else ""),
        )
        for job in found
    )
    columns = ("job", "state", ">step", ">size", "evidence")
    command.out.table((*columns, "delete", "object"), rows)
    if not found:
        command.out.say("No job fits.")


def _print_job(command: Command, job: "JobView") -> None:
    from astra_tui.job_report import digests, job_details
    from engine.model import STEPS, priority_text
    from widgets.text import bytes_text, date_text, duration_text, visible

    seconds = {step.name.lower(): job.step_seconds[step - 1] for step in STEPS}
    command.out.emit(job_details(job))
    algorithm, source, destination = digests(job)
    guarded = {None: "no delete yet", True: "guarded", False: "unguarded"}[job.guarded]
    lines = (
        ("job", f"{job.job_id} of set {job.jobset}, {job.spec.kind.value}"),
        ("source", address_text(job.spec.source)),
        ("destination", address_text(job.spec.destination)),
        ("size", bytes_text(job.spec.size)),
        ("class", f"{job.spec.from_class or '-'} → {job.spec.to_class or 'default'}"),
        ("state", f"{job.state.value}{', paused' if job.paused else ''}, attempt {job.attempt}"),
        ("priority", priority_text(job.priority)),
        ("created", date_text(job.created)),
        ("finished", date_text(job.finished) if job.finished else "not yet"),
        ("steps", ", ".join(f"{name} {duration_text(value)}" for name, value in seconds.items())),
        (algorithm, f"{source or '?'} source"),
        ("", f"{destination or '?'} destination"),
        ("evidence", f"{job.evidence.value or 'none yet'}; source {job.source_proof or '?'}"),
        ("delete", guarded),
        *(("note", visible(note)) for note in job.notes),
        *((("error", visible(f"{job.error} {job.error_todo}".strip())),) if job.error else ()),
    )
    for name, text in lines:
        command.out.line(f"{name:>12}  {text}")
