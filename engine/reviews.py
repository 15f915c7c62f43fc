"""Plans that are under review: kept here, so that a console holds what it shows and no more."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from engine.errors import Refused, UsageError
from engine.migration.watch import Watch
from engine.model import Address, Plan, PlanView

if TYPE_CHECKING:
    from engine.migration.review import Review

T = TypeVar("T")

_KEPT = 8  # reviews; a console that died leaves its own behind
_MANY = 5_000  # moves, from which on a thread does the work
PAGE = 500  # moves of a page


@dataclass(slots=True)
class _Kept:
    review: "Review"
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    watch: Watch | None = None  # of an edit that is being planned


class Reviews:
    """Reviews by their handle. The one that was not used for longest goes first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def open(
        self, plan: Plan, max_deletes: int | None, changes: Sequence[str] = ()
    ) -> PlanView:
        """Keep a plan for review."""
        handle = uuid4().hex[:12]
        review = await asyncio.to_thread(_review, plan, handle, max_deletes, changes)
        self._kept[handle] = _Kept(review)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return review.view()

    def close(self, handle: str) -> None:
        """Forget a review; one that is gone already is no error."""
        self._kept.pop(handle, None)

    async def ask(self, handle: str, work: "Callable[[Review], T]") -> T:
        """Do something with a review, one after the other. Raises UsageError if it is gone."""
        kept = self._get(handle)
        async with kept.lock:
            if len(kept.review.plan.moves) < _MANY:
                return work(kept.review)
            return await asyncio.to_thread(work, kept.review)

    async def change(self, handle: str, work: "Callable[[Review], object]") -> PlanView:
        """The same for what changes it. Raises Refused once it is approved."""

        def changed(review: "Review") -> PlanView:
            if review.approved:
                raise approved()
            work(review)
            return review.view()

        return await self.ask(handle, changed)

    async def put(self, handle: str, plan: Plan, base: Plan, max_deletes: int | None) -> PlanView:
        """Let the review go on with another plan, made of `base`; what is left out stays so, also
        what was left out meanwhile. Raises UsageError if it is not at `base` any more."""
        kept = self._get(handle)
        async with kept.lock:
            before = kept.review
            if before.approved:
                raise approved()
            if before.plan is not base:
                raise UsageError(
                    "The plan was edited meanwhile by somebody else.",
                    safe="That edit stays; this one was not made.",
                    todo="Look at it again, then edit it.",
                )
            if plan.moves is before.plan.moves:
                before.exchange(plan)
                return before.view()
            left_out = await asyncio.to_thread(before.left_out)
            review = await asyncio.to_thread(
                _review, plan, handle, max_deletes, before.changes, left_out
            )
            review.revision, review.edited = before.revision + 1, True
            kept.review = review
            return await asyncio.to_thread(lambda: review.show(before.query).view())

    @contextmanager
    def watching(self, handle: str) -> Iterator[Watch]:
        """An edit that begins; `progress` tells how far it is. Raises UsageError if the review is
        gone."""
        kept = self._get(handle)
        kept.watch = watch = Watch()
        try:
            yield watch
        finally:
            if kept.watch is watch:
                kept.watch = None

    def progress(self, handle: str) -> float:
        """How far its edit is, from 0 to 1; 0 where there is none."""
        kept = self._kept.get(handle)
        return kept.watch.share if kept is not None and kept.watch is not None else 0.0

    def _get(self, handle: str) -> _Kept:
        kept = self._kept.get(handle)
        if kept is None:
            raise UsageError(
                "That plan is not open any more.",
                safe="Nothing was changed.",
                todo="Plan again, or open it among the saved plans.",
            )
        self._kept.move_to_end(handle)
        return kept


def approved() -> Refused:
    """What is said to whoever would change a plan that was approved."""
    return Refused(
        "This plan was approved; it stays as it was.",
        safe="Its jobs do what was approved.",
        todo="Plan again to move something else.",
    )


def _review(
    plan: Plan,
    handle: str,
    max_deletes: int | None,
    changes: Sequence[str] = (),
    left_out: frozenset[Address] = frozenset(),
) -> "Review":
    from engine.memory import without_collecting
    from engine.migration.review import Review

    with without_collecting():
        return Review(plan, handle, max_deletes=max_deletes, changes=changes, left_out=left_out)
