"""One cloud: its objects, what they cost and where they belong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rich.text import Text
from textual.message import Message

from engine.model import Address, CloudStatus, ListingQuery, ListingState, ListingView, SortKey
from widgets.cells import Cell, Name
from widgets.glyphs import current
from widgets.object_list import SORT_COLUMN, ObjectList
from widgets.pane import FilterPane
from widgets.text import bytes_text, count_text, money_text, name_text, size_text, wrap
from widgets.virtual_list import VirtualList

_SORT_ORDER = tuple(SortKey)
_LARGEST_FIRST = frozenset(
    {SortKey.SIZE, SortKey.AGE, SortKey.COST, SortKey.ACCESSES, SortKey.IDLE}
)
_MARK_CHUNK = 20_000
_MARKS_CHECKED = 256  # for each view that is shown
Found = Mapping[str, int | None]  # keys, and where they are in a view


class CloudPane(FilterPane):
    """The pane of one cloud. Draws what it is shown and posts what the operator wants.

    Marks and the cursor stay with their keys when the view is replaced; a filter hides marks
    but does not remove them.
    """

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

    def __init__(self, cloud: str, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.cloud = cloud
        self.status: CloudStatus | None = None
        self.listing_query = ListingQuery()
        self._marks: dict[str, int] = {}  # key to size
        self._marked_bytes = 0
        self._unchecked: list[str] = []  # marks to look up in the next views
        self._objects = ObjectList(self._marks, self._placeholder)

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
        self.status = status
        self._objects.placeholder_changed()
        self._show_titles()

    async def look_up(self, view: ListingView) -> Found:
        """What `show_view` has to know of a view: where the cursor's key is, and which marks are
        still listed; what will show is loaded. Of very many marks a few are checked each time.
        """
        objects, key = self._objects, self.cursor_key
        if not view.query.text and self._ready and not self._unchecked:
            self._unchecked = list(self._marks)
        marks = self._unchecked[-_MARKS_CHECKED:] if not view.query.text and self._ready else []
        keys = [*([] if key is None else [key]), *marks]
        found = dict(zip(keys, await view.find(keys), strict=True))
        del self._unchecked[len(self._unchecked) - len(marks) :]
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
        row = objects.cursor_row if before is not None else None
        offset = objects.cursor - objects.top
        objects.show(view)
        gone = [key for key, place in found.items() if place is None and key in self._marks]
        if gone and not view.query.text and self._ready:
            for key in gone:
                del self._marks[key]
            self._marks_changed()
        if before is not None and objects.query_shown != view.query:
            objects.header_changed()
        objects.query_shown = view.query
        position = found.get(row.key) if row is not None else None
        if position is None:
            objects.rows_changed(cursor=objects.cursor if same_query else 0)
        else:
            objects.rows_changed(cursor=position, top=max(position - offset, 0))
        self._show_titles()

    @property
    def _ready(self) -> bool:
        return self.status is not None and self.status.state in (
            ListingState.READY,
            ListingState.EMPTY,
        )

    # -- what is selected ----------------------------------------------------------------

    @property
    def marked(self) -> frozenset[str]:
        """Keys that carry a mark."""
        return frozenset(self._marks)

    @property
    def cursor_key(self) -> str | None:
        """The key under the cursor."""
        row = self._objects.cursor_row
        return None if row is None else row.key

    def selection(self) -> list[Address]:
        """The marked objects in the order they were marked, else the one under the cursor."""
        bucket = self.status.bucket if self.status is not None else ""
        keys: Sequence[str] = list(self._marks)
        if not keys:
            key = self.cursor_key
            keys = [] if key is None else [key]
        return [Address(self.cloud, bucket, key) for key in keys]

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
        self.run_worker(self.mark_matching("", mark=None), group="marks", exclusive=True)

    def action_clear_marks(self) -> None:
        """Unmark everything."""
        self.workers.cancel_group(self, "marks")
        if self._marks:
            self._marks.clear()
            self._marks_changed()

    def action_sort(self) -> None:
        """Sort by the next column."""
        at = _SORT_ORDER.index(self.listing_query.sort)
        self._sort_by(_SORT_ORDER[(at + 1) % len(_SORT_ORDER)])

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._ask(replace(self.listing_query, descending=not self.listing_query.descending))

    def action_inspect(self) -> None:
        """Ask to see the object under the cursor."""
        key = self.cursor_key
        if key is not None and self.status is not None:
            self.post_message(self.Inspect(self, Address(self.cloud, self.status.bucket, key)))

    def action_reload(self) -> None:
        """Ask for a new listing."""
        self.post_message(self.Reload(self))

    def look_at(self, query: ListingQuery) -> None:
        """Ask for another order and filter at once."""
        self.filter_text = query.text
        self.set_filter(query.text)
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

    def _toggle(self, index: int) -> None:
        row = self._objects.row(index) if index < self._objects.count() else None
        if row is None:
            return
        if self._marks.pop(row.key, None) is None:
            self._marks[row.key] = row.size
        self._marks_changed(index)

    async def mark_matching(self, text: str, *, mark: bool | None = True) -> tuple[int, int]:
        """Mark (unmark, or with None turn round) what a filter text means in the view: how many
        rows it means, and of how many. Goes in chunks, so that the screen stays alive."""
        view, found = self._objects.view, 0
        if view is None:
            return 0, 0
        for chunk in _chunks(len(view)):
            picked = await view.pick(text, *chunk)
            found += len(picked.keys)
            for key, size in zip(picked.keys, picked.sizes, strict=True):
                if mark is False or (mark is None and key in self._marks):
                    self._marks.pop(key, None)
                else:
                    self._marks[key] = size
        self._marks_changed()
        return found, len(view)

    def _marks_changed(self, index: int | None = None) -> None:
        self._marked_bytes = sum(self._marks.values())
        if index is None:
            self._objects.rows_marked(0, self._objects.count())
        else:
            self._objects.rows_marked(index)
        self._show_titles()
        self.post_message(self.MarksChanged(self, len(self._marks)))

    def on_resize(self) -> None:
        self._show_titles()

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
        self._banner.show(self._warning())
        room = max(self.size.width - 2, 10)
        self.set_titles(self._title(room), self._subtitle(room))

    def _warning(self) -> str:
        status = self.status
        if status is None or status.state is not ListingState.FAILED or not self._objects.count():
            return ""
        return f"{current().bad} FAILED, r lists again: {status.error}"

    def _title(self, room: int) -> Text:
        title = name_text(self.cloud, width=16, style="bold")
        status = self.status
        if status is None:
            return title
        place = Text()
        if status.region:
            place.append_text(name_text(status.region, width=20))
            place.append(f" {current().here} ")
        place.append_text(name_text(status.bucket, width=40))
        if status.prefix:
            place.append("/").append_text(name_text(status.prefix, width=30, cut="left"))
        if status.read_only:
            place.append("  read-only")
        left = room - title.cell_len - 2
        if place.cell_len > left and status.region:
            place = name_text(status.bucket, width=max(left, 4))
        return Text.assemble(title, "  ", place)

    def _subtitle(self, room: int) -> Text:
        status = self.status
        if status is None:
            return Text()
        glyphs = current()
        view = self._objects.view
        parts: list[Text] = []
        if self._marks:
            size = bytes_text(self._marked_bytes)
            parts.append(Text(f"{glyphs.mark} {count_text(len(self._marks))} marked {size}"))
        if status.state is ListingState.FAILED:
            parts.append(Text("FAILED", "bold"))
        elif status.state is ListingState.LOADING:
            parts.append(Text(f"listing{glyphs.ellipsis} {count_text(status.objects)}"))
        filtered = bool(self.listing_query.text)
        if view is not None and (filtered or len(view)):
            total = f" of {count_text(status.objects)}" if filtered else ""
            parts.append(Text(f"{count_text(len(view))}{total} objects"))
            parts.append(Text(size_text(view.total_bytes)))
            parts.append(Text(f"{money_text(view.total_cost_month, currency=True)}/mo"))
        if filtered:
            parts.append(Text("/").append_text(name_text(self.listing_query.text, width=16)))
        sort = self.listing_query.sort
        if sort is not SortKey.NAME or self.listing_query.descending:
            sign = glyphs.down if self.listing_query.descending else glyphs.up
            parts.append(Text(f"by {sort.value} {sign}"))
        line = Text()
        for part in parts:
            if line.cell_len + part.cell_len + 3 > room:
                continue
            if line:
                line.append(f" {glyphs.dot} ")
            line.append_text(part)
        return line

    def _placeholder(self, width: int) -> list[Cell]:
        """What stands where rows would: each state has its own words."""
        status, glyphs = self.status, current()
        inner = max(width - 4, 8)
        if status is None or status.state is ListingState.IDLE:
            return [_line(("Not listed yet.", "strong")), _line(("Press r to list it.", "dim"))]
        if status.state is ListingState.FAILED:
            lines: list[Cell] = [_line((f"{glyphs.bad} FAILED: not listed", "bad"))]
            lines += [_line(Name(text)) for text in wrap(status.error or "no reason given", inner)]
            lines += [_line(Name(text, "dim")) for text in wrap(status.error_todo, inner)]
            return [*lines, "", _line(("Press r to try again.", "strong"))]
        if status.state is ListingState.LOADING and not status.objects:
            return [_line((f"Listing{glyphs.ellipsis}", "strong"), " no objects so far")]
        if self.listing_query.text and status.objects:
            shown = Name(self.listing_query.text, "strong")
            return [
                _line("No name has ", shown, "."),
                _line((f"{count_text(status.objects)} objects; / then esc shows them.", "dim")),
            ]
        if status.state is ListingState.LOADING:
            return [
                _line((f"Listing{glyphs.ellipsis}", "strong"),
                      f" {count_text(status.objects)} objects so far"),
            ]  # fmt: skip
        if status.state is ListingState.EMPTY or not status.objects:
            return [
                _line(("Empty.", "strong"), " The listing came through"),
                _line("and holds no object."),
            ]
        return [_line((f"{count_text(status.objects)} objects", "dim"))]


def _line(*parts: str | tuple[str, str] | Name) -> Cell:
    return ["  ", *parts]


def _chunks(total: int) -> Iterator[tuple[int, int]]:
    for start in range(0, total, _MARK_CHUNK):
        yield start, min(start + _MARK_CHUNK, total)
