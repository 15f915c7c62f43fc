"""The door: plans under review. They stay in the engine, so that one of a million moves is as
quick to look at as one of ten."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.door import Door
from engine.errors import StateError
from engine.model import (
    Approved,
    JobState,
    JobView,
    Move,
    MovePick,
    Plan,
    PlanEdit,
    PlanLine,
    PlanQuery,
    PlanRequest,
    PlanView,
    SavedPlan,
)
from engine.refusals import refuse_deletes, refuse_read_only
from engine.reviews import PAGE, Reviews, approved

if TYPE_CHECKING:
    from engine.migration.review import Review

_WINDOW = 2000  # lines of one answer at most
_AT_WORK = (
    *(JobState.QUEUED, JobState.RESTORING, JobState.COPYING),
    *(JobState.VERIFYING, JobState.SWITCHING),
)


class Reviewing(Door):
    """Plans that are looked at, edited, saved and approved."""

    @property
    def _reviews(self) -> Reviews:
        found: Reviews | None = getattr(self, "_kept_reviews", None)
        if found is None:
            found = self._kept_reviews = Reviews()
        return found

    async def open_plan(self, request: PlanRequest) -> PlanView:
        """Make a plan, or open one that was saved, and keep it for review.

        Raises UsageError for what cannot be planned; StateError for a file that is no plan.
        """
        from engine import replanner

        planner, most = self._parts.planner, self.settings.max_deletes
        if request.saved or request.file:
            if request.saved:
                plan = await self.workspace.plan(request.saved)
            else:
                from engine.plan_files import read_plan

                plan = await asyncio.to_thread(read_plan, Path(request.file))
            found = await replanner.checked_again(planner, plan)
            changes = found.changes or ("Nothing changed since it was saved.",)
            return await self._reviews.open(found.plan, most, changes)
        return await self._reviews.open(await replanner.planned(planner, request), most)

    async def check_plan(self, plan: Plan) -> tuple[Plan, tuple[str, ...]]:
        """A plan that was made before, as it would be now, and what became otherwise; what is
        gone or another version is refused in it."""
        from engine import replanner

        found = await replanner.checked_again(self._parts.planner, plan)
        return found.plan, found.changes

    async def show_plan(self, review: str, query: PlanQuery) -> PlanView:
        """Group, sort and filter a review so."""
        return await self._reviews.ask(review, lambda it: it.show(query).view())

    async def fold_plan(self, review: str, group: int) -> PlanView:
        """Fold or unfold a group; -1 all."""
        return await self._reviews.ask(review, lambda it: it.fold(group).view())

    async def take_moves(self, review: str, pick: MovePick, taken: bool | None = None) -> PlanView:
        """Take moves or leave them out; None turns them. Raises Refused once it is approved."""
        return await self._reviews.change(review, lambda it: it.take(pick, taken))

    async def plan_lines(self, review: str, start: int, stop: int) -> list[PlanLine]:
        """Lines start ≤ i < stop as they show, at most 2,000."""
        stop = min(stop, start + _WINDOW)
        return await self._reviews.ask(review, lambda it: it.lines(start, stop))

    async def find_line(self, review: str, group: int, number: int) -> int:
        """The line of a move, or of its group's head where it does not show."""
        return await self._reviews.ask(review, lambda it: it.place_of(group=group, number=number))

    async def edit_plan(self, review: str, edit: PlanEdit) -> PlanView:
        """Change what a plan asks for, and plan its moves again.

        A caller that is cancelled leaves the plan as it is. Raises Refused once it is approved,
        UsageError for what it cannot become.
        """
        from engine import replanner

        done, plan = await self._reviews.ask(review, lambda it: (it.approved, it.plan))
        if done:
            raise approved()
        with self._reviews.watching(review) as watch:
            made = await replanner.edited(self._parts.planner, plan, edit, watch)
        return await self._reviews.put(review, made, plan, self.settings.max_deletes)

    async def plan_progress(self, review: str) -> float:
        """How far the edit of a review is, from 0 to 1; 0 where none is made."""
        return self._reviews.progress(review)

    async def keep_plan(self, review: str) -> str:
        """Save what is taken in the workspace; returns the plan's id."""
        plan = await self._reviews.ask(review, lambda it: it.selected())
        await self.workspace.save_plan(plan)
        return plan.plan_id

    async def approve_plan(self, review: str, revision: int) -> Approved:
        """Put what is taken into the ledger and start it.

        Raises Refused in read-only mode, for too many deletes, and if the review is not any more
        what was approved (`revision`).
        """
        refuse_read_only(self.settings)
        parts = self._owned

        def take(it: "Review") -> Plan:
            if it.approved:
                raise approved()
            if it.revision != revision:
                raise StateError(
                    "The plan changed while it was being approved.",
                    safe="Nothing was started.",
                    todo="Look at it again, then approve it.",
                )
            it.approved = True
            return it.selected()

        plan = await self._reviews.ask(review, take)
        try:
            refuse_deletes(self.settings, plan.deletes())
            at_work = await self._at_work(plan)
            jobset = await parts.planner.submit(plan)
        except BaseException:
            await self._reviews.ask(review, _reopen)
            raise
        return Approved(jobset, len(plan.moves) - at_work, at_work)

    async def _at_work(self, plan: Plan) -> int:
        """How many of the plan's moves have a job that is queued or running: no second is made."""
        jobs = await self._parts.ledger.views(states=_AT_WORK)
        return already(plan, [job for job in jobs if not job.paused])

    async def plan_moves(self, review: str) -> AsyncIterator[Sequence[Move]]:
        """What is taken, page by page."""
        pages = await self._reviews.ask(review, lambda it: it.pages(PAGE))
        for page in pages:
            yield page

    async def plan_header(self, review: str) -> Plan:
        """The plan without its moves, for an export."""
        return await self._reviews.ask(review, lambda it: replace(it.plan, moves=()))

    async def close_plan(self, review: str) -> None:
        """Forget a review; what was approved or saved of it stays."""
        self._reviews.close(review)

    async def saved_plans(self) -> list[SavedPlan]:
        """The plans of the workspace without their moves, oldest first."""
        return [
            SavedPlan(
                plan.plan_id,
                plan.title,
                plan.created,
                plan.totals(),
                plan.priority,
                tuple(dict.fromkeys(move.kind for move in plan.moves)),
            )
            for plan in await self.workspace.plans()
        ]


def already(plan: Plan, jobs: Sequence[JobView]) -> int:
    """How many of the plan's moves one of these jobs carries out."""
    moving = {
        (job.spec.kind, job.spec.source, job.spec.pin, job.spec.destination, job.spec.to_class)
        for job in jobs
    }
    return sum(
        (move.kind, move.source, move.pin, move.destination, move.to_class) in moving
        for move in plan.moves
    )


def _reopen(review: "Review") -> None:
    review.approved = False
