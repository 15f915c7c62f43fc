"""One cloud: its objects, what they cost and where they belong."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from textual.app import ComposeResult
from textual.message import Message
from textual.worker import Worker, WorkerCancelled

from engine.model import Address, CloudStatus, ListingQuery, ListingState, ListingView, SortKey
from engine.model.folders import folder_of, parent_of, path_to
from widgets import pane_words
from widgets.cells import Cell
from widgets.crumbs import Crumbs
from widgets.mark_range import MarkRange
from widgets.marks import Chosen, Marks, only_objects
from widgets.object_list import SORT_COLUMN, ObjectList
from widgets.pane import FilterPane
from widgets.trail import Spot, Trail
from widgets.virtual_list import VirtualList

_SORT_ORDER = tuple(key for key in SortKey if key is not SortKey.OBJECTS)
_LARGEST_FIRST = frozenset(
    {SortKey.SIZE, SortKey.AGE, SortKey.COST, SortKey.ACCESSES, SortKey.IDLE}
)
_MARK_CHUNK = 20_000
_SEARCH_FIRST = 256  # lines that a search asks for at first
_MARKS_CHECKED = 256  # for each view that is shown
Found = Mapping[str, int | None]  # keys, and where they are in a view


class CloudPane(FilterPane):
    """The pane of one cloud. Draws what it is shown and posts what the operator wants.

    Marks and the cursor stay with their keys when the view is replaced; a filter hides marks
    but does not remove them.
    """

    SEARCHES = True
    FILTER_HINT = "filter: part of a name, or a pattern such as *.csv"

    class PaneMessage(Message):
        """Something the operator did in a pane."""

        def __init__(self, pane: "CloudPane") -> None:
            super().__init__()
            self.pane = pane

        @property
        def control(self) -> "CloudPane":
            return self.pane

    class QueryChanged(PaneMessage):
        """Another sort order or filter is wanted; answer with `show_view`."""

        def __init__(self, pane: "CloudPane", query: ListingQuery) -> None:
            super().__init__(pane)
            self.query = query

    class Inspect(PaneMessage):
        """The operator wants to see one object."""

        def __init__(self, pane: "CloudPane", address: Address) -> None:
            super().__init__(pane)
            self.address = address

    class MarksChanged(PaneMessage):
        """Other objects are marked now, `count` of them."""

        def __init__(self, pane: "CloudPane", count: int) -> None:
            super().__init__(pane)
            self.count = count

    class Reload(PaneMessage):
        """The operator wants the cloud listed again."""

    class Visit(PaneMessage):
        """The operator goes to another place of the cloud; it has to be listed."""

        def __init__(self, pane: "CloudPane", bucket: str, prefix: str) -> None:
            super().__init__(pane)
            self.bucket = bucket
            self.prefix = prefix

    class Told(PaneMessage):
        """Why something was not done."""

        def __init__(self, pane: "CloudPane", text: str) -> None:
            super().__init__(pane)
            self.text = text

    def __init__(self, cloud: str, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.cloud = cloud
        self.status: CloudStatus | None = None
        self.listing_query = ListingQuery()
        self.trail = Trail()
        self._marks = Marks()
        self._unchecked: list[str] = []  # marks to look up in the next views
        self._crumbs = Crumbs()
        self._left_folder: str | None = None  # shown before the folders were put away
        self._landing: tuple[str | None, str] | None = None  # a folder, and the line to go to there
        self._arriving: Spot | None = None  # a place that is being listed to go back to
        self._objects = ObjectList(self._marks, self._placeholder)
        self.range = MarkRange(
            *(self._objects, self._marks),
            changed=self._marks_changed,
            launch=lambda work: self.run_worker(work, group="marks"),
        )

    def compose(self) -> ComposeResult:
        yield self._crumbs
        yield from super().compose()

    def pane_list(self) -> VirtualList[Any]:
        return self._objects

    @property
    def objects(self) -> ObjectList:
        """The list inside, for its movement actions and focus."""
        return self._objects

    def on_mount(self) -> None:
        self._show_titles()

    # -- showing -------------------------------------------------------------------------

    def show_status(self, status: CloudStatus) -> None:
        """Show the cloud's state and totals."""
        if status == self.status:
            return
        before, self.status = self.status, status
        if before is not None and (before.bucket, before.prefix) != (status.bucket, status.prefix):
            self._moved(before)
        self._objects.placeholder_changed()
        self._show_titles()

    async def look_up(self, view: ListingView) -> Found:
        """What `show_view` has to know of a view: where the cursor's key is, and which marks are
        still listed; what will show is loaded. Of very many marks a few are checked each time.
        """
        objects, key = self._objects, self._anchor(view)
        if self._ready and not view.query.text and not self._unchecked:
            self._unchecked = [*self._marks.objects, *self._marks.folders]
        marks = self._unchecked[-_MARKS_CHECKED:] if self._ready and not view.query.text else []
        del self._unchecked[len(self._unchecked) - len(marks) :]
        marks = [mark for mark in marks if self._lies_in(mark, view)]
        keys = [key for key in (key, self.range.key) if key is not None] + marks
        found = dict(zip(keys, await view.find(keys), strict=True))
        offset = objects.cursor - objects.top
        at = found.get(key) if key is not None else None
        if at is None:
            same = objects.view is not None and objects.view.query == view.query
            at = min(objects.cursor, max(len(view) - 1, 0)) if same else 0
        top = max(at - offset, 0)
        await view.load(top, top + max(objects.visible_count, 1))
        return found

    def show_view(self, view: ListingView, found: Found | None = None) -> None:
        """Show these rows; the cursor and the marks stay with their keys, as far as `found`
        (of `look_up`) knows them."""
        objects, found = self._objects, found or {}
        before = objects.view
        if before is view:
            return
        same_query = before is not None and before.query == view.query
        key = self._anchor(view) if before is not None else None
        offset = objects.cursor - objects.top
        if self._landing is not None and self._landing[0] == view.query.folder:
            self._landing = None
        objects.show(view)
        if not view.query.text and self._ready:
            self._drop_gone([key for key, place in found.items() if place is None], view)
        objects.query_is(view.query)
        position = found.get(key) if key is not None else None
        if position is None:
            objects.rows_changed(cursor=objects.cursor if same_query else 0)
        else:
            objects.rows_changed(cursor=position, top=max(position - offset, 0))
        self.range.shown(found.get(self.range.key or "") if same_query else None)
        self._show_titles()

    def _anchor(self, view: ListingView) -> str | None:
        """The key that the cursor shall be on in this view, if it is there."""
        if self._landing is not None and self._landing[0] == view.query.folder:
            return self._landing[1]
        before = self._objects.view
        if before is not None and before.query.folder != view.query.folder:
            return None
        return self.cursor_key

    def _lies_in(self, key: str, view: ListingView) -> bool:
        """Whether a marked object, or folder, should be a line of this view."""
        folder = view.query.folder
        if folder is None:
            return key in self._marks.objects
        if key in self._marks.folders and parent_of(key, self.top) == folder:
            return True
        return key in self._marks.objects and folder_of(key, self.top) == folder

    def _drop_gone(self, keys: Sequence[str], view: ListingView) -> None:
        """Unmark what should be in this view and is not."""
        gone = [key for key in keys if self._lies_in(key, view)]
        if not gone:
            return
        here = view.query.folder
        folders = {key for key in gone if here is not None and key != here and key.endswith("/")}
        self._marks.drop(folders, folders=True)
        self._marks.drop((key for key in gone if key not in folders), folders=False)
        self._marks_changed()

    @property
    def _ready(self) -> bool:
        return self.status is not None and self.status.state in (
            ListingState.READY,
            ListingState.EMPTY,
        )

    # -- what is selected ----------------------------------------------------------------

    @property
    def marked(self) -> frozenset[str]:
        """Keys of objects that carry a mark of their own."""
        return frozenset(self._marks.objects)

    @property
    def mark_count(self) -> int:
        """How many lines carry a mark of their own."""
        return self._marks.lines

    @property
    def dropped(self) -> int:
        """How many marks were dropped last and can be brought back."""
        return self._marks.dropped

    @property
    def marked_folders(self) -> frozenset[str]:
        """Folders that are marked, with all that is in them."""
        return frozenset(self._marks.folders)

    @property
    def cursor_key(self) -> str | None:
        """The key, or folder, under the cursor."""
        row = self._objects.cursor_row
        return None if row is None else row.key

    @property
    def cursor_folder(self) -> str | None:
        """The folder under the cursor, None if there is an object or nothing."""
        row = self._objects.cursor_row
        return None if row is None or row.objects is None else row.key

    @property
    def hides_part(self) -> bool:
        """Whether the next key would mean the folder under the cursor, while a filter shows only
        a part of what is in it."""
        filtered = bool(self.listing_query.text)
        return filtered and not self._marks and self.cursor_folder is not None

    def chosen(self) -> Chosen:
        """What is marked, else what is under the cursor."""
        bucket = self.status.bucket if self.status is not None else ""
        if self._marks:
            return self._marks.chosen(self.cloud, bucket)
        row = self._objects.cursor_row
        if row is None:
            return Chosen()
        address = (Address(self.cloud, bucket, row.key),)
        return Chosen(address, (), 1) if row.objects is None else Chosen((), address, row.objects)

    def selection(self) -> list[Address]:
        """The same as addresses, a folder as the prefix that it is."""
        return self.chosen().addresses

    # -- folders ---------------------------------------------------------------------------

    @property
    def top(self) -> str:
        """The folder above all that is listed."""
        return self.status.prefix if self.status is not None else ""

    @property
    def folder(self) -> str | None:
        """The folder that is shown; None while all objects are one list."""
        return self.listing_query.folder

    def action_folders(self) -> None:
        """Show folders, or all objects in one list; the line of the cursor stays if it can."""
        key = self.cursor_key
        if self.folder is not None:
            self._left_folder = self.folder
            self.visit(None, key if self.cursor_folder is None else None)
            return
        folder = self._left_folder if self._left_folder is not None else self.top
        below = None if key is None else next(path_to(key, folder), key)
        self.visit(folder, below if key is not None and key.startswith(folder) else None)

    def visit(self, folder: str | None, key: str | None = None, *, remember: bool = True) -> None:
        """Show a folder (None: all objects in one list) with the cursor on that line."""
        if folder == self.folder:
            return
        if remember:
            self.trail.leave(self._here())
        self._landing = None if key is None else (folder, key)
        self._ask(replace(self.listing_query, folder=folder))

    def action_open_folder(self) -> None:
        """Show what is in the folder under the cursor."""
        if self.cursor_folder is not None:
            self.visit(self.cursor_folder)

    def action_up_folder(self) -> None:
        """Show the folder around this one, with the cursor on this one."""
        if self.folder is not None and self.folder != self.top:
            self.visit(parent_of(self.folder, self.top), self.folder)

    def action_place_back(self) -> None:
        """Go where the pane was before."""
        self._go(self.trail.back(self._here()))

    def action_place_forward(self) -> None:
        """Undo that."""
        self._go(self.trail.forward(self._here()))

    def _here(self) -> Spot:
        bucket = self.status.bucket if self.status is not None else ""
        return Spot(bucket, self.top, self.folder, self.cursor_key or "")

    def _go(self, spot: Spot | None) -> None:
        if spot is None or self.status is None:
            return
        if (spot.bucket, spot.prefix) == (self.status.bucket, self.status.prefix):
            self.visit(spot.folder, spot.key or None, remember=False)
        else:
            self._arriving = spot
            self.post_message(self.Visit(self, spot.bucket, spot.prefix))

    def _moved(self, before: CloudStatus) -> None:
        """Another place of the cloud is listed now."""
        spot, status = self._arriving, self.status
        assert status is not None
        if spot is not None and (spot.bucket, spot.prefix) == (status.bucket, status.prefix):
            self._arriving = None
            folder, self._landing = spot.folder, (spot.folder, spot.key)
        else:
            if before.bucket and spot is None:
                self.trail.leave(replace(self._here(), bucket=before.bucket, prefix=before.prefix))
            folder, self._landing = (None if self.folder is None else self.top), None
        self._left_folder = None
        self.action_clear_marks()
        self._marks.forget()
        self._ask(replace(self.listing_query, folder=folder))

    def on_crumbs_picked(self, event: Crumbs.Picked) -> None:
        event.stop()
        self.visit(event.folder)

    # -- actions -------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Mark or unmark the row under the cursor and go down."""
        self._toggle(self._objects.cursor)
        self._objects.action_cursor_down()

    def action_mark_all(self) -> None:
        """Mark every row of the view."""
        self.run_worker(self.mark_matching(""), group="marks", exclusive=True)

    def action_invert_marks(self) -> None:
        """Mark what is not marked in the view, unmark what is."""
        self._begin_inverting()

    async def invert_marks(self) -> None:
        """The same, until it is done: what is asked for next means the marks as they are then."""
        with contextlib.suppress(WorkerCancelled):  # they were cleared meanwhile
            await self._begin_inverting().wait()

    def _begin_inverting(self) -> "Worker[tuple[int, int]]":
        work = self.mark_matching("", mark=None)
        return self.run_worker(work, group="marks", exclusive=True)

    def action_clear_marks(self) -> None:
        """Unmark everything."""
        self.range.end()
        self.workers.cancel_group(self, "marks")
        if self._marks:
            self._marks.clear()
            self._marks_changed()

    def action_marks_back(self) -> None:
        """Mark again what was marked before; what is listed no more is found out as usual."""
        self._marks.back()
        self._marks_changed()

    def action_sort(self) -> None:
        """Sort by the next column."""
        by = self.listing_query.sort
        at = _SORT_ORDER.index(by) if by in _SORT_ORDER else -1
        self._sort_by(_SORT_ORDER[(at + 1) % len(_SORT_ORDER)])

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._ask(replace(self.listing_query, descending=not self.listing_query.descending))

    def action_inspect(self) -> None:
        """Ask to see the object under the cursor, or open the folder."""
        key = self.cursor_key
        if self.cursor_folder is not None:
            self.action_open_folder()
        elif key is not None and self.status is not None:
            self.post_message(self.Inspect(self, Address(self.cloud, self.status.bucket, key)))

    def action_reload(self) -> None:
        """Ask for a new listing."""
        self.post_message(self.Reload(self))

    def look_at(self, query: ListingQuery) -> None:
        """Ask for another order, filter and folder at once."""
        if query.folder != self.folder:
            self.trail.leave(self._here())
        self.filter_text = query.text
        self.set_filter(query.text)
        self._ask(query)

    @property
    def arriving(self) -> bool:
        """Whether another place is on its way."""
        return self._arriving is not None

    def arrive(self, spot: Spot) -> None:
        """What to show once the place is listed that was asked for."""
        self._arriving = spot

    def restore(self, bucket: str, prefix: str, query: ListingQuery, *, here: bool) -> None:
        """Look at a place as it was left: at once if it is the one `here`, else when it comes."""
        if not here:
            self._arriving = Spot(bucket, prefix, query.folder)
            query = replace(query, folder=self.folder)
        self._ask(query)

    def filter_changed(self) -> None:
        self._ask(replace(self.listing_query, text=self.filter_text))

    def _sort_by(self, key: SortKey) -> None:
        self._ask(replace(self.listing_query, sort=key, descending=key in _LARGEST_FIRST))

    def _ask(self, query: ListingQuery) -> None:
        if query == self.listing_query:
            return
        self.listing_query = query
        self._show_titles()
        self.post_message(self.QueryChanged(self, query))

    async def find_row(self, text: str, start: int, step: int) -> int | None:
        view = self._objects.view
        if view is None:
            return None
        for low, high in _spans_around(len(view), start, step):
            picked = await view.pick(text, low, high)
            if picked.keys:
                return (await view.find([picked.keys[0 if step > 0 else -1]]))[0]
        return None

    def _toggle(self, index: int) -> None:
        row = self._objects.row(index) if index < self._objects.count() else None
        if row is None:
            return
        around = self._marks.covering(row.key, folder=row.objects is not None)
        if around is not None:
            self._tell(f"It is marked with its folder {around}; unmark that one.")
        elif row.objects is not None and self.listing_query.text:
            self._tell("A marked folder means all that is in it; clear the filter first.")
        else:
            self._marks.toggle(row)
            self._marks_changed(index)

    def _tell(self, text: str) -> None:
        self.post_message(self.Told(self, text))

    async def mark_matching(self, text: str, *, mark: bool | None = True) -> tuple[int, int]:
        """Mark (unmark, or with None turn round) what a filter text means in the view: how many
        rows it means, and of how many. Goes in chunks, so that the screen stays alive."""
        view, found = self._objects.view, 0
        if view is None:
            return 0, 0
        filtered = bool(view.query.text) and view.folders > 0
        for chunk in _chunks(len(view)):
            picked = await view.pick(text, *chunk)
            if filtered:
                picked = only_objects(picked)
            found += len(picked.keys)
            self._marks.take(picked, mark)
        self._marks.settle()
        self._marks_changed()
        if filtered:
            self._tell("Folders were left out: marked ones mean all that is in them, and a filter"
                       " is on.")  # fmt: skip
        return found, len(view)

    def _marks_changed(self, index: int | None = None) -> None:
        if index is None:
            self._objects.rows_marked(0, self._objects.count())
        else:
            self._objects.rows_marked(index)
        self._show_titles()
        self.post_message(self.MarksChanged(self, self._marks.count))

    def on_resize(self) -> None:
        self._show_titles()

    def on_virtual_list_cursor_moved(self, event: VirtualList.CursorMoved) -> None:
        event.stop()
        self.range.moved()

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        event.stop()
        self.action_inspect()

    def on_virtual_list_mark_clicked(self, event: VirtualList.MarkClicked) -> None:
        event.stop()
        self._toggle(event.index)

    def on_virtual_list_header_clicked(self, event: VirtualList.HeaderClicked) -> None:
        event.stop()
        for key, column in SORT_COLUMN.items():
            if column == event.key:
                if key is self.listing_query.sort:
                    self.action_reverse()
                else:
                    self._sort_by(key)

    # -- drawing -------------------------------------------------------------------------

    def _show_titles(self) -> None:
        if not self.is_mounted:
            return
        status, query = self.status, self.listing_query
        self._banner.show(pane_words.warning(status, self._objects.count()))
        room = max(self.title_room, 10)
        self.set_titles(
            pane_words.title(self.cloud, status, room),
            pane_words.subtitle(
                *(status, self._objects.view, query, self._marks, room), ranging=self.range.on
            ),
        )
        if status is not None:
            self._crumbs.show(status.bucket, self.top, query.folder)

    def _placeholder(self, width: int) -> list[Cell]:
        return pane_words.placeholder(self.status, self.listing_query, width)


def _spans_around(total: int, start: int, step: int) -> Iterator[tuple[int, int]]:
    """All lines from `start` on (1) or back (-1), round to the other end, in growing pieces."""
    if not total:
        return
    start %= total
    size, left = _SEARCH_FIRST, total
    while left > 0:
        if step > 0:
            span = (start, min(start + min(size, left), total))
            start = span[1] % total
        else:
            span = (max(start + 1 - min(size, left), 0), start + 1)
            start = (span[0] - 1) % total
        yield span
        left -= span[1] - span[0]
        size = min(size * 4, _MARK_CHUNK)


def _chunks(total: int) -> Iterator[tuple[int, int]]:
    for start in range(0, total, _MARK_CHUNK):
        yield start, min(start + _MARK_CHUNK, total)
