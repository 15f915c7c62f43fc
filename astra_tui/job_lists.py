"""What the keys of the jobs screen do to many jobs at once: which ones, then one question."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from astra_tui import job_flows
from astra_tui.job_flows import jobs_text
from astra_tui.screens.dialogs import Choice, Choosable, Confirm, Line, Prompt
from engine.model import JobChange, JobView, parse_priority, priority_text
from widgets.text import visible

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
    the filter `text`, `matching` of which the change means; `cancelled` of them were cancelled."""

    marked: Sequence[str]
    cursor: JobView | None
    cursor_fits: bool
    text: str
    matching: int
    cancelled: int = 0


async def _which(app: "AstraApp", title: str, scope: Scope) -> Sequence[str] | None:
    """Ids of the jobs that are meant, none for all that fit the filter; None if nobody answers."""
    if scope.marked:
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


async def retry(app: "AstraApp", scope: Scope) -> None:
    """Queue failed and cancelled jobs again: marked ones, one, or, after one more question, all
    that fit."""
    ids = await _which(app, "Try again which jobs?", scope)
    if ids is None:
        return
    if ids:
        await job_flows.retry(app, ids)
        return
    fit = f"All that fit: {visible(scope.text, width=60)}" if scope.text else "All of all job sets"
    lines: list[Line] = [fit, ""]
    if scope.cancelled:
        lines.append(f"{jobs_text(scope.cancelled)} of them, once cancelled, will run after all.")
    lines.append("Each move deletes its source once the copy is proved.")
    title = f"Try {jobs_text(scope.matching)} again?"
    if await app.ask(Confirm(title, lines, yes="Try again")):
        await change(app, JobChange.RETRY, scope.text)


async def cancel(app: "AstraApp", scope: Scope) -> None:
    """Cancel unfinished jobs, after one more question."""
    ids = await _which(app, "Cancel which jobs?", scope)
    if ids is None:
        return
    if ids:
        await job_flows.cancel(app, ids)
        return
    what = f"All that fit: {visible(scope.text, width=60)}" if scope.text else "All unfinished jobs"
    lines: list[Line] = [what, "", "What they wrote is removed again; every source is kept."]
    title = f"Cancel {jobs_text(scope.matching)}?"
    if await app.ask(Confirm(title, lines, yes="Cancel them")):
        await change(app, JobChange.CANCEL, scope.text)


async def prioritise(app: "AstraApp", scope: Scope) -> None:
    """Let jobs run sooner or later."""
    ids = await _which(app, "Which jobs?", scope)
    if ids is None:
        return
    if ids:
        await job_flows.prioritise(app, ids)
        return
    priority = await app.ask(
        Prompt(
            f"Priority of {jobs_text(scope.matching)}",
            parse_priority,
            lines=["low, normal, high, or a number from -100 to 100; higher runs first."],
            value="normal",
        )
    )
    if priority is not None:
        number = await app.engine.change_jobs(JobChange.PRIORITISE, scope.text, priority=priority)
        app.say(f"{jobs_text(number)} with priority {priority_text(priority)}.")


async def pause_or_resume(app: "AstraApp", scope: Scope, *, resume: bool) -> None:
    """Pause marked jobs, or all that fit the filter; or let them go on."""
    if scope.marked:
        await job_flows.pause_or_resume(app, scope.marked, resume=resume)
    else:
        await change(app, JobChange.RESUME if resume else JobChange.PAUSE, scope.text)


async def change(app: "AstraApp", what: JobChange, text: str) -> None:
    """Do it to all that fit, and say to how many."""
    number = await app.engine.change_jobs(what, text)
    app.say(f"{jobs_text(number)} {_DONE[what]}.")
