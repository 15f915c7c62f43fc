"""What the keys do with jobs: pause, go on, retry, cancel, leave."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from astra_tui.job_report import write_report
from astra_tui.screens.dialogs import Choice, Choosable, Confirm, Line, Prompt, bullet, field
from engine.model import (
    JobState,
    Limits,
    Snapshot,
    Timetable,
    parse_bandwidth,
    parse_priority,
    priority_text,
)
from widgets.text import (
    bytes_text,
    clock_text,
    count_text,
    counted,
    rate_text,
    visible,
)

if TYPE_CHECKING:
    from astra_tui.app import AstraApp

_JOBS_AT_MOST = 256
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
    return counted(number, "job")


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
        app.say(f"{jobs_text(number)} paused; finished parts stay; a part half sent is sent again.")


async def retry(app: "AstraApp", job_ids: Sequence[str]) -> None:
    """Queue failed and cancelled jobs again."""
    number = await app.engine.retry(job_ids)
    app.say(f"{jobs_text(number)} queued again.")


async def prioritise(app: "AstraApp", job_ids: Sequence[str]) -> bool:
    """Ask for a priority, then let jobs run sooner or later; whether that was done."""
    known = [job.priority for job in app.snapshot.jobs if job.job_id in set(job_ids)]
    priority = await app.ask(
        Prompt(
            f"Priority of {jobs_text(len(job_ids))}",
            parse_priority,
            lines=["low, normal, high, or a number from -100 to 100; higher runs first."],
            value=priority_text(known[0]) if known else "normal",
        )
    )
    if priority is None:
        return False
    number = await app.engine.prioritise(priority, job_ids=job_ids)
    app.say(f"{jobs_text(number)} with priority {priority_text(priority)}.")
    return True


async def change_limits(app: "AstraApp") -> None:
    """Ask how many objects move at once, and how many bytes a second."""
    limits = app.snapshot.limits

    def read(text: str) -> int:
        if not text.strip().isdecimal() or not 1 <= int(text) <= _JOBS_AT_MOST:
            raise ValueError(f"Write a number from 1 to {_JOBS_AT_MOST}.")
        return int(text)

    jobs = await app.ask(
        Prompt("How many at once", read, lines=_store_lines(app.snapshot), value=f"{limits.jobs}")
    )
    if jobs is None:
        return
    lines: list[Line] = ["A size such as 20MiB, off, or a timetable: 08:00,5MiB 19:00,off"]
    if limits.timetable:
        lines += [
            Text(limits_text(limits)),
            Text(f"Timetable: {limits.timetable}"),
            "A size holds until the timetable's next entry.",
        ]
    following = limits.timetable and not limits.by_hand
    limit = await app.ask(
        Prompt(
            "Bytes a second",
            parse_bandwidth,
            lines=lines,
            value=limits.timetable if following else size_word(limits.bwlimit),
        )
    )
    if limit is None:
        return
    app.engine.set_limits(jobs=jobs, bwlimit=limit)
    told = limit.text if isinstance(limit, Timetable) else rate_text(limit) or "no limit"
    app.say(f"{counted(jobs, 'object')} at once, {told}.")


def _store_lines(snapshot: Snapshot) -> list[Line]:
    """Objects at once, and what stores in trouble take."""
    lines: list[Line] = ["So many objects are moved at once, over all clouds."]
    return lines + [Text(store.text) for store in snapshot.stores if store.text]


def limits_text(limits: Limits) -> str:
    """`8 at once, 5.0 MiB/s until 19:00`."""
    words = f"{limits.jobs} at once"
    if limits.bwlimit or limits.timetable:
        words += f", {rate_text(limits.bwlimit) or 'no limit'}"
    if limits.by_hand:
        words += " by hand"
    if limits.until:
        words += f" until {clock_text(limits.until, seconds=False)}"
    return words


def size_word(limit: int) -> str:
    """Bytes as they are typed: `20MiB`, `off`."""
    for unit, factor in (("MiB", 1024**2), ("KiB", 1024)):
        if limit and limit % factor == 0:
            return f"{limit // factor}{unit}"
    return f"{limit}B" if limit else "off"


async def cancel(app: "AstraApp", job_ids: Sequence[str]) -> bool:
    """Ask, then cancel jobs; whether that was done."""
    names = {job.job_id: str(job.spec.source) for job in app.snapshot.jobs}
    lines: list[Line] = [bullet(visible(names.get(i, i), width=66)) for i in job_ids[:5]]
    if len(job_ids) > 5:
        lines.append(bullet(f"and {count_text(len(job_ids) - 5)} more"))
    lines += ["", "What they wrote is removed again; every source is kept."]
    title = f"Cancel {jobs_text(len(job_ids))}?"
    yes = "Cancel it" if len(job_ids) == 1 else "Cancel them"
    if not await app.ask(Confirm(title, lines, yes=yes)):
        return False
    number = await app.engine.cancel(job_ids)
    app.say(f"{jobs_text(number)} cancelled; the sources are kept.")
    return True


async def report(app: "AstraApp", job_id: str) -> None:
    """Ask for the format, then write the report of the job's set and say where it is."""
    job = next((job for job in app.snapshot.jobs if job.job_id == job_id), None)
    await report_set(app, (job or await app.engine.job(job_id)).jobset)


async def report_set(app: "AstraApp", jobset: str) -> None:
    """Ask for the format, then write the report of a job set and say where it is."""
    forms = (("text", "failures first, in words"), ("csv", "one row an object, for spreadsheets"),
             ("json", "one JSON object a line, for programs"))  # fmt: skip
    lines: list[Line] = [field("job set", visible(jobset, width=40)), "", "In which form?"]
    choices = [Choosable(name, name.upper() if name != "text" else name, detail)
               for name, detail in forms]  # fmt: skip
    chosen = await app.ask(Choice("Write the report of a job set", choices, lines=lines))
    if chosen is None:
        return
    summary = await app.engine.summary(jobset)
    done = await write_report(app.engine, summary, chosen.value)
    failed = f", {count_text(done.failed)} failed" if done.failed else ""
    app.say(f"Report of {jobs_text(done.jobs)}{failed}: {done.path}")


def resume_hint(snapshot: Snapshot, command: str, *, detached: bool = False) -> str:
    """What the shell shows after leaving with unfinished jobs, "" if there are none."""
    number = unfinished(snapshot)
    if not number or not command:
        return ""
    if detached:
        return f"{jobs_text(number)} unfinished in the engine; come back with: {command}"
    they = "it" if number == 1 else "them"
    return f"{jobs_text(number)} unfinished; go on with {they} by: {command}"


def leaving_text(command: str) -> Text:
    """What becomes of unfinished jobs when the console is left."""
    if not command:
        return Text("The demo world is removed when you leave, and its jobs with it.")
    return Text.assemble(
        "Running requests end or roll back first; no source is lost.",
        " The jobs wait in the ledger: go on with ",
        (visible(command), "bold"),
        ".",
    )


async def quit_console(app: "AstraApp") -> None:
    """Leave; ask first while jobs run that would stop."""
    if app.leaving or app.asking_to_quit:
        return
    if app.detachable and app.started:
        await _detach(app)
        return
    snapshot = app.snapshot
    at_work = running(snapshot) + waiting(snapshot)
    if at_work:
        app.asking_to_quit = True
        lines: list[Line] = [_work_left(snapshot), "", leaving_text(app.resume_command)]
        try:
            yes = await app.ask(Confirm("Leave while jobs run?", lines, yes="Leave"))
        finally:
            app.asking_to_quit = False
        if not yes:
            return
    await app.stop_and_exit(message=resume_hint(snapshot, app.resume_command))


async def _detach(app: "AstraApp") -> None:
    """Leave an engine that goes on; while jobs run, say so and offer to stop it as well."""
    snapshot, stop = app.snapshot, False
    if running(snapshot) + waiting(snapshot):
        app.asking_to_quit = True
        lines: list[Line] = [
            _work_left(snapshot),
            "",
            Text.assemble(
                "The engine goes on with them; come back with ",
                (visible(app.attach_command), "bold"),
                ".",
            ),
        ]
        choices = (
            Choosable("go on", "Leave", "the jobs go on in the engine"),
            Choosable("stop", "Leave and stop the engine", "the jobs wait in the ledger"),
        )
        try:
            chosen = await app.ask(Choice("Leave while jobs run?", choices, lines=lines))
        finally:
            app.asking_to_quit = False
        if chosen is None:
            return
        stop = chosen.value == "stop"
    if stop:
        await app.stop_engine()
        await app.stop_and_exit(message=resume_hint(snapshot, app.resume_command))
    else:
        hint = resume_hint(snapshot, app.attach_command, detached=True)
        await app.stop_and_exit(message=hint)


def _work_left(snapshot: Snapshot) -> str:
    work = [f"{jobs_text(running(snapshot))} running"]
    if waiting(snapshot):
        work.append(f"{count_text(waiting(snapshot))} waiting")
    if snapshot.bytes_left:
        work.append(f"{bytes_text(snapshot.bytes_left)} left")
    return f"{', '.join(work)}."
