"""Usage: what each folder holds and costs a month, the dearest first; `du` with money."""

from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from astra_tui.keymap import Action
from astra_tui.latest import Latest
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.object import ObjectScreen
from astra_tui.screens.title import TitleLine
from engine.model import (
    Address,
    CloudStatus,
    ListingQuery,
    ListingState,
    ListingView,
    ObjectRow,
    Snapshot,
    SortKey,
)
from engine.model.folders import parent_of
from widgets.cells import Cell, Name
from widgets.crumbs import Crumbs
from widgets.glyphs import current
from widgets.text import bytes_text, count_text, counted, money_text, wrap
from widgets.usage_table import COLUMN_OF, UsageTable
from widgets.virtual_list import VirtualList

_ORDERS = tuple(COLUMN_OF)
_REASON = 70  # cells of a line that says why
Seen = tuple[ListingView, int | None]


class UsageScreen(AstraScreen[None]):
    """One cloud's folders by cost, size, objects or reads. Left without an answer; what the
    operator goes to in the pane is told to `go`."""

    SCOPE: ClassVar[str] = "usage"

    DEFAULT_CSS = "UsageScreen Crumbs { border-bottom: none; }"

    def __init__(self, cloud: str, folder: str | None = None) -> None:
        """`folder`: where to begin; None for the top of what is listed."""
        super().__init__()
        self.cloud = cloud
        self.chosen: tuple[str, str] | None = None  # a cloud and folder to show in its pane
        self._begin = folder
        self.wanted = ListingQuery(SortKey.COST, True, "", folder or "", mixed=True)
        self._land: str | None = None
        self._generation = -1
        self._place = ("", "")
        self._views: Latest[tuple[str, ListingQuery], Seen] = Latest(self._look, self._seen)

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Usage")
        yield Crumbs()
        yield UsageTable(id="usage")

    def on_mount(self) -> None:
        self.table.focus()
        status = self.status
        if status is not None:
            self._start(status, self._begin)
        self.show_snapshot(self.astra.snapshot)

    @property
    def table(self) -> UsageTable:
        """The lines."""
        return self.query_one(UsageTable)

    @property
    def status(self) -> CloudStatus | None:
        """The cloud that is looked at."""
        clouds = self.astra.snapshot.clouds
        return next((cloud for cloud in clouds if cloud.name == self.cloud), None)

    def _start(self, status: CloudStatus, folder: str | None) -> None:
        """Begin with a folder; by size where the prices are not all known."""
        if folder is None or not folder.startswith(status.prefix):
            folder = status.prefix
        sort = SortKey.SIZE if status.cost_month is None and status.objects else self.wanted.sort
        self.wanted = replace(self.wanted, sort=sort, folder=folder)
        self._place = (status.bucket, status.prefix)

    # -- drawing ------------------------------------------------------------------------

    def show_snapshot(self, snapshot: Snapshot) -> None:
        status = self.status
        if status is None:
            return
        if self._place != (status.bucket, status.prefix):
            self._start(status, None)
        if self._generation != status.generation:
            self._generation = status.generation
            self._ask()
        self._show_words()

    def _ask(self) -> None:
        if self._views.request((self.cloud, self.wanted)):
            self.launch(self._views.run(), f"add up {self.cloud}")

    async def _look(self, question: tuple[str, ListingQuery]) -> Seen:
        cloud, query = question
        view = await self.astra.engine.view(cloud, query)
        row, table = self.table.cursor_row, self.table
        same = table.shown.folder == query.folder and table.view is not None
        key = self._land if self._land is not None else row.key if same and row else None
        place = (await view.find([key]))[0] if key is not None else None
        if place is None:
            place = table.cursor if same else 0
        top = max(place - table.visible_count, 0)
        await view.load(top, place + max(table.visible_count, 1))
        return view, place

    def _seen(self, seen: Seen) -> None:
        self._land = None
        self.table.show(*seen)
        self._show_words()
        self.refresh_footer()

    def _show_words(self) -> None:
        status, view = self.status, self.table.view
        if status is None or not self.is_mounted:
            return
        parts = []
        if status.state is ListingState.LOADING:
            parts.append(f"listing, {count_text(status.objects)} so far")
        elif status.state is ListingState.FAILED:
            again = self.astra.keymap.key_of("reload")
            parts.append(f"FAILED, {again} lists again; so far:" if status.objects else "FAILED")
        if view is not None and (status.objects or status.state is not ListingState.FAILED):
            parts.append(counted(view.total_objects, "object"))
            parts.append(bytes_text(view.total_bytes))
            cost = view.total_cost_month
            price = "cost unknown" if cost is None else f"{money_text(cost, currency=True)}/mo"
            parts.append(price)
        self.query_one(TitleLine).show(f"{self.cloud}:{status.bucket}", "  ".join(parts))
        self.query_one(Crumbs).show(status.bucket, status.prefix, self.wanted.folder)
        self.table.say(_instead(status, self.astra.keymap.key_of("reload")))

    # -- keys ---------------------------------------------------------------------------

    def label(self, action: Action) -> str:
        if action.id == "inspect" and (row := self.row) is not None and row.objects is not None:
            return "open"
        return action.label

    def why_not(self, action: Action) -> str:
        row = self.row
        if action.id in ("inspect", "open-folder") and row is None:
            return "Nothing is listed here."
        if action.id == "open-folder" and row is not None and row.objects is None:
            return f"This is an object; {self.astra.keymap.key_of('inspect')} shows it."
        if action.id == "up-folder" and self._at_top:
            return "This is the top of what is listed."
        if action.id in ("next-cloud", "previous-cloud") and len(self.astra.snapshot.clouds) < 2:
            return "There is only one cloud."
        if action.id == "reload" and self._listing:
            return "It is being listed already."
        return ""

    @property
    def _listing(self) -> bool:
        status = self.status
        return status is not None and status.state is ListingState.LOADING

    @property
    def row(self) -> ObjectRow | None:
        """The line at the cursor."""
        return self.table.cursor_row

    @property
    def _at_top(self) -> bool:
        status = self.status
        return status is None or self.wanted.folder == status.prefix

    def do_inspect(self) -> None:
        row, status = self.row, self.status
        if row is None or status is None:
            return
        if row.objects is not None:
            self._visit(row.key)
        else:
            self.app.push_screen(ObjectScreen(Address(self.cloud, status.bucket, row.key)))

    def do_reload(self) -> None:
        """List the cloud again, where it stands."""
        self.astra.engine.scan(self.cloud)

    def do_open_folder(self) -> None:
        self.do_inspect()

    def do_up_folder(self) -> None:
        folder, status = self.wanted.folder, self.status
        if folder is not None and status is not None and not self._at_top:
            self._visit(parent_of(folder, status.prefix), folder)

    def _visit(self, folder: str, key: str | None = None) -> None:
        self._land = key
        self._change(replace(self.wanted, folder=folder))

    def _change(self, query: ListingQuery) -> None:
        self.wanted = query
        self._ask()
        self._show_words()

    def do_sort(self) -> None:
        at = _ORDERS.index(self.wanted.sort)
        self._sort_by(_ORDERS[(at + 1) % len(_ORDERS)])

    def _sort_by(self, key: SortKey) -> None:
        self._change(replace(self.wanted, sort=key, descending=key is not SortKey.NAME))

    def do_reverse(self) -> None:
        self._change(replace(self.wanted, descending=not self.wanted.descending))

    def do_next_cloud(self) -> None:
        self._turn(1)

    def do_previous_cloud(self) -> None:
        self._turn(-1)

    def _turn(self, by: int) -> None:
        names = [cloud.name for cloud in self.astra.snapshot.clouds]
        self.cloud = names[(names.index(self.cloud) + by) % len(names)]
        self.wanted = replace(self.wanted, sort=SortKey.COST, descending=True)
        if (status := self.status) is not None:
            self._start(status, None)
            self._generation = status.generation
        self._change(self.wanted)

    def do_show_there(self) -> None:
        """Leave, and let the cloud's pane show this folder."""
        self.chosen = (self.cloud, self.wanted.folder or "")
        self.dismiss(None)

    @on(Crumbs.Picked)
    def _picked(self, event: Crumbs.Picked) -> None:
        self._visit(event.folder)

    @on(VirtualList.Chosen)
    def _chosen(self) -> None:
        self.do_inspect()

    @on(VirtualList.CursorMoved)
    def _moved(self) -> None:
        self.refresh_footer()

    @on(VirtualList.HeaderClicked)
    def _head_clicked(self, event: VirtualList.HeaderClicked) -> None:
        for key, column in COLUMN_OF.items():
            if column == event.key:
                if key is self.wanted.sort:
                    self.do_reverse()
                else:
                    self._sort_by(key)


def _instead(status: CloudStatus, reload: str) -> list[Cell]:
    """What stands where lines would: each state has its own words."""
    match status.state:
        case ListingState.LOADING:
            return [("Listing; nothing came so far.", "strong")]
        case ListingState.FAILED:
            reasons = [Name(text) for text in wrap(status.error or "no reason given", _REASON)]
            todo = [Name(text, "dim") for text in wrap(status.error_todo, _REASON)]
            again: Cell = (f"Press {reload} to list it again.", "strong")
            return [(f"{current().bad} FAILED: not listed", "bad"), *reasons, *todo, "", again]
        case ListingState.IDLE:
            again = (f"Press {reload} to list it.", "dim")
            return [("Not listed yet.", "strong"), again]
        case _:
            words = "Nothing lies here." if status.objects else "Empty: it holds no object."
            return [(words, "strong")]
