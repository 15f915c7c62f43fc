"""Marking while moving: what lies between where it began and the cursor is marked."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from engine.model import ListingView, Picked
from widgets.marks import Marks, only_objects, picked_rows
from widgets.object_list import ObjectList

Span = tuple[int, int]
"""Lines start ≤ i < stop."""

_AT_ONCE = 500  # lines that are marked without asking the engine, where they are loaded
_CHUNK = 20_000


class MarkRange:
    """From an anchor to the cursor of one list. Lines that the cursor leaves again are marked as
    they were before.

    `changed` is called when marks changed, `launch` runs what has to ask the engine.
    """

    def __init__(
        self,
        rows: ObjectList,
        marks: Marks,
        *,
        changed: Callable[[], None],
        launch: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._rows = rows
        self._marks = marks
        self._changed = changed
        self._launch = launch
        self._at_rest = asyncio.Event()
        self._at_rest.set()
        self._due: deque[tuple[ListingView, Span, bool]] = deque()
        self.key: str | None = None  # of the anchor's line; None while nothing is marked so
        self._held = False
        self._anchor = self._expected = 0
        self._covered: Span = (0, 0)
        self._objects: dict[str, int] = {}  # marked before
        self._folders: dict[str, tuple[int, int]] = {}

    @property
    def on(self) -> bool:
        """Whether every movement marks."""
        return self.key is not None and not self._held

    @property
    def busy(self) -> bool:
        """Whether lines that the cursor went over are still to be marked."""
        return not self._at_rest.is_set()

    async def settled(self) -> None:
        """Wait until they are."""
        await self._at_rest.wait()

    def begin(self, *, held: bool = False) -> None:
        """Begin at the cursor; `held` ends with the first movement that is no `extend`."""
        row = self._rows.cursor_row
        if row is None:
            return
        self._anchor = self._expected = self._rows.cursor
        self._covered = (self._anchor, self._anchor)
        self.key, self._held = row.key, held
        self._objects, self._folders = dict(self._marks.objects), dict(self._marks.folders)
        self._follow()

    def extend(self, by: int) -> None:
        """Mark this line and go on by so many; going back unmarks."""
        if self.key is None:
            self.begin(held=True)
        if self.key is not None:
            rows = self._rows
            self._expected = min(max(rows.cursor + by, 0), max(rows.count() - 1, 0))
            rows.move_cursor(self._expected)
            self._follow()

    def moved(self) -> None:
        """The cursor is elsewhere."""
        if self._held and self._rows.cursor != self._expected:
            self.end()
        elif self.key is not None:
            self._follow()

    def end(self) -> None:
        """Nothing more is marked by moving; the marks stay."""
        if self.key is not None:
            self.key, self._held = None, False
            self._objects, self._folders = {}, {}
            self._changed()

    def shown(self, anchor: int | None) -> None:
        """Other lines are shown: the anchor's is there now, None if it is gone."""
        if self.key is None:
            return
        if anchor is None:
            self.end()
        else:
            cursor = self._expected = self._rows.cursor
            self._anchor = anchor
            self._covered = (min(anchor, cursor), max(anchor, cursor) + 1)

    def _follow(self) -> None:
        """Mark up to the cursor: at once where the lines are here, else as they come."""
        cursor, before, view = self._rows.cursor, self._covered, self._rows.view
        if view is None:
            return
        wanted = (min(self._anchor, cursor), max(self._anchor, cursor) + 1)
        self._covered = wanted
        # With the view: a line has another object on it once other lines are shown.
        self._due += [(view, span, True) for span in _without(wanted, before)]
        self._due += [(view, span, False) for span in _without(before, wanted)]
        if self.busy or not self._due:
            return
        while self._due and self._done_at_once(*self._due[0]):
            self._due.popleft()
        if self._due:
            self._at_rest.clear()
            self._launch(self._work())
        else:
            self._settled()

    def _done_at_once(self, view: ListingView, span: Span, mark: bool) -> bool:
        if span[1] - span[0] > _AT_ONCE:
            return False
        rows = [row for row in view.rows(*span) if row is not None]
        if len(rows) < span[1] - span[0]:
            return False
        self._take(picked_rows(rows), mark)
        return True

    async def _work(self) -> None:
        try:
            while self._due:
                view, (start, stop), mark = self._due.popleft()
                for low in range(start, stop, _CHUNK):
                    self._take(await view.pick("", low, min(low + _CHUNK, stop)), mark)
            self._settled()
        finally:
            self._due.clear()
            self._at_rest.set()

    def _take(self, picked: Picked, mark: bool) -> None:
        if self._rows.query_shown.text:  # a marked folder would mean all that is in it
            picked = only_objects(picked)
        if mark:
            self._marks.take(picked, True)
        else:
            self._marks.put_back(picked, self._objects, self._folders)

    def _settled(self) -> None:
        self._marks.settle()
        self._changed()


def _without(span: Span, other: Span) -> Iterator[Span]:
    """The parts of a span that do not lie in the other."""
    start, stop = span
    low, high = max(start, other[0]), min(stop, other[1])
    parts = [span] if low >= high else [(start, low), (high, stop)]
    yield from ((first, last) for first, last in parts if first < last)
