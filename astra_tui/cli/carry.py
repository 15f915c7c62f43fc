"""Carrying out: show the plan, ask, submit, follow the jobs, sum up. Shared by the verbs."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from astra_tui.cli.context import Command
from astra_tui.cli.exits import Exit
from astra_tui.cli.narrator import Narrator, flow_json
from astra_tui.cli.output import address_text, counted
from astra_tui.cli.planview import plan_json, show_plan
from astra_tui.cli.progress import Progress
from astra_tui.cli.running import confirm
from astra_tui.job_report import job_json
from engine.errors import StateError
from engine.model import FINAL_STATES, JobState, JobView, MoveKind, NoticeLevel, Plan

if TYPE_CHECKING:
    from engine.engine import Engine

_TICK = 0.25
_FAILURES = 50  # told one by one; the ledger has them all


@dataclass(slots=True)
class Tally:
    """What became of the jobs of one run of a verb."""

    successful: int = 0
    failed: int = 0
    cancelled: int = 0
    refused: int = 0  # moves of the plan that were never tried
    stopped: bool = False  # all jobs stand still, without a signal
    pending: int = 0  # neither ended nor given up: `astra resume` goes on
    bytes: int = 0
    started: float = field(default_factory=time.time)
    advice: bool = True  # the ledger outlives the verb: `astra retry` and `resume` go on

    def add(self, job: JobView) -> None:
        if job.state is JobState.COMPLETED:
            self.successful += 1
            self.bytes += job.spec.size
        elif job.state is JobState.FAILED:
            self.failed += 1
        elif job.state is JobState.CANCELLED:
            self.cancelled += 1
        else:
            self.pending += 1

    def to_json(self, jobset: str, *, interrupted: bool) -> dict[str, Any]:
        attempted = self.successful + self.failed
        return {
            "summary": {
                "jobset": jobset or None,
                "attempted": attempted,
                "successful": self.successful,
                "failed": self.failed,
                "cancelled": self.cancelled,
                "refused": self.refused,
                "pending": self.pending,
                "success_rate": self.successful / attempted if attempted else None,
                "bytes": self.bytes,
                "seconds": round(time.time() - self.started, 3),
                "interrupted": interrupted,
            }
        }

    @property
    def code(self) -> Exit:
        if self.pending:
            return Exit.FAILED if self.stopped else Exit.INTERRUPTED
        return Exit.FAILED if self.failed or self.cancelled or self.refused else Exit.DONE


def print_plan(command: Command, plan: Plan, most: int | None = None) -> None:
    """The whole plan as data on stdout; `most` deletes are allowed."""
    if command.out.json:
        for line in plan_json(plan, most):
            command.out.emit(line)
    else:
        show_plan(command.out, plan, err=False, every=True, most=most)


async def carry_out(
    command: Command, engine: "Engine", plan: Plan, *, yes: bool, priority: int = 0
) -> int:
    """Review, confirm, submit and follow a plan; returns the exit code."""
    if not plan.moves:
        command.out.say(
            "There is nothing to do: no object is there, or none passes the filters. If that is"
            " a surprise, check the addresses with `astra ls`."
        )
        command.out.emit(nothing(Tally(), engine))
        return Exit.DONE
    show_plan(command.out, plan, err=True, most=engine.settings.max_deletes)
    totals = plan.totals()
    engine.check_deletes(plan)
    if totals.moves:
        await confirm(_question(plan, totals.moves), yes=yes)
    command.out.keep_going = True
    tally = Tally(refused=totals.refused)
    for move in plan.moves:
        if move.refused:
            command.out.emit(refused_json(plan, move))
    if not totals.moves:
        command.out.emit(nothing(tally, engine))
        command.out.say("Nothing was tried: every move was refused.")
        return Exit.REFUSED
    jobset = await engine.submit(plan, priority=priority)
    return await follow(command, engine, tally, jobset=jobset, total=totals.moves)


def nothing(tally: Tally, engine: "Engine") -> dict[str, Any]:
    """The summary of a plan that starts no job, in the shape of every other."""
    summary = tally.to_json("", interrupted=False)
    summary["summary"] |= flow_json(engine.snapshot())
    return summary


def _question(plan: Plan, count: int) -> str:
    from widgets.text import bytes_text

    kinds = {move.kind for move in plan.moves if not move.refused}
    routes = sorted({move.route for move in plan.moves if not move.refused})
    what = counted(count, "object")
    what += f" ({bytes_text(plan.totals().size)}; {', '.join(routes)})"
    if kinds == {MoveKind.TIER}:
        return f"Change the class of {what}?"
    if kinds == {MoveKind.COPY}:
        return f"Copy {what} and keep the sources?"
    return f"Move {what} and delete each source once its copy is verified?"


def refused_json(plan: Plan, move: Any) -> dict[str, Any]:
    return {
        "job_id": None,
        "job_key": None,
        "source": str(move.source),
        "destination": str(move.destination),
        "state": "refused",
        "step": 0,
        "bytes": move.size,
        "checksum": {"algorithm": plan.options.checksum, "source": None, "destination": None},
        "evidence": None,
        "guarded": None,
        "server_copy": False,
        "compress": plan.options.compress or None,
        "error": move.refused,
    }


async def follow(
    command: Command,
    engine: "Engine",
    tally: Tally,
    *,
    jobset: str = "",
    job_ids: Collection[str] = (),
    total: int = 0,
    show: Callable[[JobView], dict[str, Any]] = job_json,
    before_end: Callable[[], Awaitable[None]] | None = None,
) -> int:
    """Wait for the jobs of a set (or for these ones), tell each as it ends, then sum up.
    `show` makes the line that a job prints; `before_end` runs when all have ended.

    Interrupted, it still prints the summary; the engine's stop then leaves every unfinished
    job in the ledger. Raises StateError, after the summary, once the ledger cannot be written.
    """
    wanted = frozenset(job_ids)
    told: set[str] = set()

    def ours(job: JobView) -> bool:
        return job.jobset == jobset if jobset else job.job_id in wanted

    def tell(job: JobView) -> None:
        if job.job_id in told:
            return
        told.add(job.job_id)
        tally.add(job)
        command.out.emit(show(job))
        if job.state is JobState.FAILED and tally.failed <= _FAILURES:
            command.out.say(_failure(job))

    interrupted = True
    narrator = Narrator(command.out.say)
    with Progress(total or len(wanted), data_too=command.out.json) as progress:
        try:
            async with _waiting(engine.wait(jobset)) as ended:
                while not ended():
                    await asyncio.sleep(_TICK)
                    snapshot = engine.snapshot()
                    for job in snapshot.jobs:
                        # A finished job of an earlier attempt shows until it is started again.
                        fresh = job.state in FINAL_STATES and job.finished >= tally.started
                        if fresh and ours(job):
                            tell(job)
                    narrator.tell(snapshot)
                    progress.show(tally.successful, tally.failed, snapshot)
            interrupted = False
        finally:
            cut = False
            with contextlib.suppress(asyncio.CancelledError):
                try:
                    for job in await engine.jobs(jobset=jobset):
                        if ours(job) and (job.state in FINAL_STATES or not interrupted):
                            tell(job)
                        elif ours(job):
                            tally.pending += 1
                except StateError:  # the ledger cannot even be read; the reason is told above
                    tally.pending = (total or len(wanted)) - len(told)
                if before_end is not None and not interrupted:
                    try:
                        await before_end()
                    except asyncio.CancelledError:
                        interrupted = cut = True
                summary = tally.to_json(jobset, interrupted=interrupted)
                summary["summary"] |= flow_json(engine.snapshot())
                command.out.emit(summary)
                if tally.pending and not interrupted:
                    tally.stopped = True
                    _tell_trouble(command, engine)
                command.out.say(_sentence(tally))
            if cut:
                raise asyncio.CancelledError
    if command.out.failed and tally.code is Exit.DONE:
        return Exit.FAILED
    return tally.code


@asynccontextmanager
async def _waiting(work: Any) -> AsyncIterator[Callable[[], bool]]:
    """Run `work` beside the block; its error comes out at the end of the block."""
    task = asyncio.ensure_future(work)
    try:
        yield task.done
        await task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(task, return_exceptions=True)


def _tell_trouble(command: Command, engine: "Engine") -> None:
    """Why jobs stand still though nobody stopped them: the ledger cannot be written."""
    from widgets.text import visible

    engine.snapshot()
    for _, notice in engine.notices():
        if notice.level is NoticeLevel.ERROR:
            command.out.say(f"Error: {visible(notice.text)}\n  Next: {visible(notice.todo)}")


def _failure(job: JobView) -> str:
    from widgets.text import visible

    todo = f" {job.error_todo}" if job.error_todo else ""
    return f"Failed: {address_text(job.spec.source)}: {visible(job.error + todo)}"


def _sentence(tally: Tally) -> str:
    from widgets.text import bytes_text, duration_text

    parts = [f"{tally.successful:,} successful ({bytes_text(tally.bytes)})"]
    for name in ("failed", "cancelled", "refused", "pending"):
        if count := getattr(tally, name):
            parts.append(f"{count:,} {name}")
    text = f"{', '.join(parts)} in {duration_text(time.time() - tally.started)}."
    if not tally.advice:
        return text
    if tally.failed:
        text += " `astra jobs --state failed` says why; `astra retry` tries again."
    if tally.pending:
        text += " `astra resume` goes on with what is pending."
    return text
