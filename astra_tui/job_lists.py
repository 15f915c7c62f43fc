"""What the keys of the jobs screen do to many jobs at once: which ones, then one question.

Each returns whether it was done: who says no keeps the marks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from astra_tui import job_flows
from astra_tui.job_flows import jobs_text
from astra_tui.screens.dialogs import Choice, Choosable, Confirm, Line, Prompt
from engine.model import JobChange, JobView, parse_priority, priority_text
from widgets.text import counted, visible

if TYPE_CHECKING:
    from astra_tui.app import AstraApp

_DONE = {
    JobChange.PAUSE: "paused; finished parts stay",
    JobChange.RESUME: "going on",
    JobChange.CANCEL: "cancelled; the sources are kept",
    JobChange.RETRY: "queued again",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The jobs that a key may be about: marked ones, else the one at the cursor, or all that fit
    the filter `text`, `matching` of which the change meant when they were listed.

    `every`: all that fit carry a mark, those of `but` do not; only the engine can count them.
    """

    marked: Sequence[str]
    cursor: JobView | None
    cursor_fits: bool
    text: str
    matching: int
    every: bool = False
    but: Sequence[str] = ()


async def _which(app: "AstraApp", title: str, scope: Scope) -> Sequence[str] | None:
    """Ids of the jobs that are meant, none for all that fit the filter; None if nobody answers."""
    if scope.marked or scope.every:
        return scope.marked
    one = scope.cursor if scope.cursor_fits else None
    if one is None or scope.matching <= 1:
        return [one.job_id] if one is not None else []
    what = f"that fit {visible(scope.text, width=40)}" if scope.text else "of all job sets"
    choices = (
        Choosable([one.job_id], "This one", visible(one.spec.source.key, width=50)),
        Choosable(list[str](), f"All {jobs_text(scope.matching)}", what),
    )
    chosen = await app.ask(Choice(title, choices))
    return None if chosen is None else chosen.value


async def _number(app: "AstraApp", change: JobChange, scope: Scope) -> int:
    """How many of all that fit are meant; says so where there are none."""
    number = await app.engine.count_jobs(change, scope.text, scope.but)
    if not number:
        fits = "failed or was cancelled" if change is JobChange.RETRY else "is unfinished"
        app.say(f"None of {'the marked' if scope.every else 'these'} jobs {fits}.", "warning")
    return number


async def _cancelled(app: "AstraApp", scope: Scope) -> int:
    """How many of them were cancelled, and would run after all."""
    text = f"{scope.text} state:cancelled"
    return await app.engine.count_jobs(JobChange.RETRY, text, scope.but)


def _more(app: "AstraApp", asked: int, now: int, what: str) -> bool:
    """Whether more are meant now than were asked about: then nothing is done, and it is said."""
    if now > asked:
        app.say(
            f"Meanwhile {jobs_text(now)} {what}, not {asked:,}: nothing was done; ask again.",
            "warning",
        )
    return now > asked


def _meant(scope: Scope, all_of_them: str) -> str:
    fit = f"All that fit: {visible(scope.text, width=60)}" if scope.text else all_of_them
    return f"{fit}, {counted(len(scope.but), 'unmarked one')} left out" if scope.but else fit


async def retry(app: "AstraApp", scope: Scope) -> bool:
    """Queue failed and cancelled jobs again: marked ones, one, or, after one more question, all
    that fit."""
    ids = await _which(app, "Try again which jobs?", scope)
    if ids is None:
        return False
    if ids:
        await job_flows.retry(app, ids)
        return True
    number = await _number(app, JobChange.RETRY, scope)
    if not number:
        return False
    cancelled = await _cancelled(app, scope)
    lines: list[Line] = [_meant(scope, "All of all job sets"), ""]
    if cancelled:
        lines.append(f"{jobs_text(cancelled)} of them, once cancelled, will run after all.")
    lines.append("Each move deletes its source once the copy is proved.")
    title = f"Try {jobs_text(number)} again?"
    if not await app.ask(Confirm(title, lines, yes="Try again")):
        return False
    now = await app.engine.count_jobs(JobChange.RETRY, scope.text, scope.but)
    if _more(app, number, now, "would run again") or _more(
        app, cancelled, await _cancelled(app, scope), "that were cancelled would run"
    ):
        return False
    await change(app, JobChange.RETRY, scope.text, scope.but)
    return True


async def cancel(app: "AstraApp", scope: Scope) -> bool:
    """Cancel unfinished jobs, after one more question."""
    ids = await _which(app, "Cancel which jobs?", scope)
    if ids is None:
        return False
    if ids:
        return await job_flows.cancel(app, ids)
    number = await _number(app, JobChange.CANCEL, scope)
    if not number:
        return False
    what = _meant(scope, "All unfinished jobs")
    lines: list[Line] = [what, "", "What they wrote is removed again; every source is kept."]
    if not await app.ask(Confirm(f"Cancel {jobs_text(number)}?", lines, yes="Cancel them")):
        return False
    now = await app.engine.count_jobs(JobChange.CANCEL, scope.text, scope.but)
    if _more(app, number, now, "would be cancelled"):
        return False
    await change(app, JobChange.CANCEL, scope.text, scope.but)
    return True


async def prioritise(app: "AstraApp", scope: Scope) -> bool:
    """Let jobs run sooner or later."""
    ids = await _which(app, "Which jobs?", scope)
    if ids is None:
        return False
    if ids:
        return await job_flows.prioritise(app, ids)
    number = await _number(app, JobChange.PRIORITISE, scope)
    if not number:
        return False
    priority = await app.ask(
        Prompt(
            f"Priority of {jobs_text(number)}",
            parse_priority,
            lines=["low, normal, high, or a number from -100 to 100; higher runs first."],
            value="normal",
        )
    )
    if priority is None:
        return False
    number = await app.engine.change_jobs(
        JobChange.PRIORITISE, scope.text, priority=priority, but=scope.but
    )
    app.say(f"{jobs_text(number)} with priority {priority_text(priority)}.")
    return True


async def pause_or_resume(app: "AstraApp", scope: Scope, *, resume: bool) -> None:
    """Pause marked jobs, or all that fit the filter; or let them go on."""
    if scope.marked:
        await job_flows.pause_or_resume(app, scope.marked, resume=resume)
    else:
        what = JobChange.RESUME if resume else JobChange.PAUSE
        await change(app, what, scope.text, scope.but)


async def change(app: "AstraApp", what: JobChange, text: str, but: Sequence[str] = ()) -> None:
    """Do it to all that fit, those of `but` left out, and say to how many."""
    number = await app.engine.change_jobs(what, text, but=but)
    app.say(f"{jobs_text(number)} {_DONE[what]}.")
