"""The console: clouds, events, migrations; where is my data, what does it cost, what happens."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult

from astra_tui import event_flows, flows, job_flows, mark_flows, place_flows
from astra_tui.keymap import SCOPES, Action, Context
from astra_tui.latest import Latest
from astra_tui.screens.availability import ROWLESS, console_reason
from astra_tui.screens.dashboard import DashboardScreen
from astra_tui.screens.job import JobScreen
from astra_tui.screens.job_set import JobSetScreen
from astra_tui.screens.jobs import JobsScreen
from astra_tui.screens.lab import LabScreen
from astra_tui.screens.message import MessageScreen
from astra_tui.screens.object import ObjectScreen
from astra_tui.screens.panels import Panels, Tabs
from astra_tui.screens.places import PlaceScreen
from astra_tui.screens.preview import PreviewScreen
from astra_tui.screens.rejected import RejectedScreen
from astra_tui.screens.topics import TopicsScreen
from engine.model import (
    Address,
    Bookmark,
    ListingQuery,
    ListingState,
    ListingView,
    PanelLayout,
    Snapshot,
)
from engine.model.jobfilter import FILTER_HELP
from engine.model.panels import EVENTS, MIGRATIONS
from widgets.board import MigrationBoard
from widgets.cloud_pane import CloudPane, Found
from widgets.event_feed import EventFeed
from widgets.glyphs import current
from widgets.key_help import KeyHint
from widgets.pane import FilterInput, FilterPane
from widgets.status_line import StatusLine
from widgets.trail import Spot


class ConsoleScreen(PlaceScreen):
    """The first screen. The panel with the focus is the one that most keys are about."""

    SCOPE: ClassVar[str] = "console"

    def compose_body(self) -> ComposeResult:
        self.panes = [
            CloudPane(cloud.name, id=f"cloud-{number}")
            for number, cloud in enumerate(self.astra.snapshot.clouds)
        ]
        self.feed = EventFeed(id="feed")
        self.board = MigrationBoard(id="board")
        panels = {pane.cloud: pane for pane in self.panes}
        self.panels = Panels({**panels, EVENTS: self.feed, MIGRATIONS: self.board}, len(panels))
        self._layouts: Latest[PanelLayout, None] = Latest(self._keep_layout, lambda _: None)
        self._views = {pane.cloud: self._asker(pane) for pane in self.panes}
        self._generations: dict[str, int] = {}
        self._checked = {}
        yield StatusLine(id="status")
        yield Tabs()
        yield self.panels

    def on_mount(self) -> None:
        self.show_snapshot(self.astra.snapshot)
        self.panel.focus()

    # -- panels -------------------------------------------------------------------------

    @property
    def panel(self) -> FilterPane:
        """The panel that has, or had last, the focus."""
        panel = self.panels.panels[self.panels.current]
        assert isinstance(panel, FilterPane)
        return panel

    @property
    def pane(self) -> CloudPane | None:
        """The current panel if it is a cloud."""
        return panel if isinstance(panel := self.panel, CloudPane) else None

    @property
    def panel_context(self) -> Context:
        """What kind of panel the current one is."""
        return self.context_of(self.panels.current)

    def context_of(self, number: int) -> Context:
        """What kind of panel that is."""
        panel = self.panels.panels[number]
        if panel is self.feed:
            return Context.FEED
        return Context.BOARD if panel is self.board else Context.PANE

    def go_to(self, number: int) -> None:
        """Show a panel and give it the focus."""
        self.panels.go_to(number)
        # At once, so that what was typed ahead meets the right panel.
        self.set_focus(self.panel.pane_list(), scroll_visible=False)
        self._show_tabs()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        for node in event.widget.ancestors_with_self:
            if node in self.panels.panels:
                self.panels.go_to(self.panels.panels.index(node))
                break
        self._show_tabs()
        self.refresh_footer()

    def on_panels_arranged(self) -> None:
        self._show_tabs()
        self.refresh_footer()

    def on_tabs_picked(self, event: Tabs.Picked) -> None:
        self.do_panel(event.number + 1)

    def _show_tabs(self) -> None:
        snapshot, glyphs = self.astra.snapshot, current()
        failed = [c.name for c in snapshot.clouds if c.state is ListingState.FAILED]
        running, hidden = job_flows.running(snapshot), self.panels.hidden
        signs = dict.fromkeys(failed, glyphs.bad) | {MIGRATIONS: str(running or "")}
        names = enumerate(self.panels.names)
        tabs = self.query_one(Tabs)
        tabs.display = len(self.panels.shown) < len(self.panels.panels)
        tabs.show(
            [(name.removeprefix(":"), signs.get(name, ""), n in hidden) for n, name in names],
            self.panels.current,
        )

    # -- drawing ------------------------------------------------------------------------

    def show_snapshot(self, snapshot: Snapshot) -> None:
        self.query_one(StatusLine).show(snapshot, self.astra.trouble)
        by_name = {cloud.name: cloud for cloud in snapshot.clouds}
        for pane in self.panes:
            status = by_name.get(pane.cloud)
            if status is None:
                continue
            pane.show_status(status)
            if self.astra.started and self._generations.get(pane.cloud) != status.generation:
                self._generations[pane.cloud] = status.generation
                self._ask(pane, pane.listing_query)
        self.feed.show(snapshot.kafka, self.astra.engine.feed)
        self.board.show(snapshot.jobs, snapshot)
        self.check_places()
        self.places_changed()
        self._show_tabs()

    def _asker(self, pane: CloudPane) -> Latest[ListingQuery, tuple[ListingView, Found]]:
        async def look(query: ListingQuery) -> tuple[ListingView, Found]:
            view = await self.astra.engine.view(pane.cloud, query)
            return view, await pane.look_up(view)

        def show(seen: tuple[ListingView, Found]) -> None:
            pane.show_view(*seen)
            self.refresh_footer()

        return Latest(look, show)

    def _ask(self, pane: CloudPane, query: ListingQuery) -> None:
        if self._views[pane.cloud].request(query):
            self.astra.launch(self._views[pane.cloud].run(), f"list {pane.cloud}")

    def settling(self, action: Action) -> Coroutine[Any, Any, object] | None:
        """A key that follows a filter means the rows that it leaves, not those before it."""
        pane = self.pane
        if pane is None or Context.PANE not in action.contexts or action.id in ROWLESS:
            return None
        views = self._views[pane.cloud]
        if views.busy:
            return views.settled()
        return pane.range.settled() if pane.range.busy else None

    @on(CloudPane.QueryChanged)
    def _query_changed(self, event: CloudPane.QueryChanged) -> None:
        if self.astra.started:
            self._ask(event.pane, event.query)
            self.places_changed()
        self.refresh_footer()

    # -- keys ---------------------------------------------------------------------------

    def footer_contexts(self) -> tuple[Context, ...]:
        return (Context.GLOBAL, Context.CONSOLE, self.panel_context)

    def help_contexts(self) -> tuple[Context, ...]:
        here = self.panel_context
        apart = (here, Context.GLOBAL)
        return (here, *(c for c in SCOPES[self.SCOPE] if c not in apart), Context.GLOBAL)

    def help_notes(self) -> Sequence[tuple[str, str, str]]:
        if self.panel_context is not Context.BOARD:
            return ()
        return [("filter of jobs", word, text) for word, text in FILTER_HELP]

    def why_not(self, action: Action) -> str:
        return console_reason(self, action)

    def hints(self) -> list[KeyHint]:
        """Leaving stands first where there is something to leave, and else nowhere."""
        # A preview is one key further on the page of an object, where there is room to say so.
        hints = [hint for hint in super().hints() if hint.action not in ("back", "preview")]
        if self._to_undo():
            back = self.astra.keymap["back"]
            key = self.astra.keymap.key_of("back")
            hints.insert(0, KeyHint(key, self.label(back), action="back"))
        return hints

    def label(self, action: Action) -> str:
        if action.id == "back":
            return self._to_undo() or action.label
        if action.id == "close":
            return "quit"
        if action.id == "mark-range" and self.pane is not None and self.pane.range.on:
            return "end marking"
        if action.id == "follow":
            return "hold" if self.feed.following else "follow"
        if action.id == "inspect" and self.pane is not None and self.pane.cursor_folder is not None:
            return "open"
        if action.id == "pause":
            return "resume" if job_flows.would_resume(self.astra.snapshot) else "pause"
        return action.label

    def selection(self) -> list[Address]:
        """The objects that the keys are about: marked ones, else the one at the cursor."""
        return self.pane.selection() if self.pane is not None else []

    @on(CloudPane.MarksChanged)
    @on(MigrationBoard.MarksChanged)
    @on(EventFeed.Followed)
    def _changed(self) -> None:
        self.refresh_footer()

    @on(CloudPane.Inspect)
    def _inspect_object(self, event: CloudPane.Inspect) -> None:
        self.app.push_screen(ObjectScreen(event.address))

    @on(EventFeed.Inspect)
    def _inspect_message(self, event: EventFeed.Inspect) -> None:
        self.app.push_screen(MessageScreen(event.row))

    @on(MigrationBoard.Inspect)
    def _inspect_job(self, event: MigrationBoard.Inspect) -> None:
        self.app.push_screen(JobScreen(event.job_id))

    @on(CloudPane.Reload)
    def _reload(self, event: CloudPane.Reload) -> None:
        self.astra.engine.scan(event.pane.cloud)

    def do_panel(self, number: int) -> None:
        hidden = number - 1 in self.panels.hidden
        self.go_to(number - 1)
        if hidden:
            self.keep_layout()

    def do_next_panel(self) -> None:
        self.go_to(self._around(1))

    def do_previous_panel(self) -> None:
        self.go_to(self._around(-1))

    def _around(self, by: int) -> int:
        """The panel after (1) or before (-1) the current one, in a circle, without hidden ones."""
        shown = [n for n in range(len(self.panels.panels)) if n not in self.panels.hidden]
        return shown[(shown.index(self.panels.current) + by) % len(shown)]

    def do_move_left(self) -> None:
        self._rearranged(lambda: self.panels.swap(-1))

    def do_move_right(self) -> None:
        self._rearranged(lambda: self.panels.swap(1))

    def do_smaller(self) -> None:
        self._rearranged(lambda: self.panels.grow(-1))

    def do_larger(self) -> None:
        self._rearranged(lambda: self.panels.grow(1))

    def do_hide_panel(self) -> None:
        self._rearranged(self.panels.hide)

    def do_show_panels(self) -> None:
        self._rearranged(self.panels.show_all)

    def _rearranged(self, change: Callable[[], None]) -> None:
        """Change where panels stand, and keep it for the next start."""
        change()
        self.go_to(self.panels.current)
        self.keep_layout()

    def keep_layout(self) -> None:
        """Remember in the workspace how the panels stand."""
        if self.astra.started and self._layouts.request(self.panels.as_left):
            self.astra.launch(self._layouts.run(), "remember how the panels stand")

    async def _keep_layout(self, layout: PanelLayout) -> None:
        await self.astra.engine.workspace.save_layout(layout)

    async def restore(self) -> None:
        """Let the panels stand as they were left, once the workspace can be asked."""
        layout = await self.astra.engine.workspace.layout()
        if layout == self.panels.as_left or not layout.order:
            return
        focused = self.panel.has_focus_within
        before = self.panel
        self.panels.set_out(layout)
        if focused and self.panel is not before:
            self.go_to(self.panels.current)
        self._show_tabs()

    def do_zoom(self) -> None:
        self.panels.zoom(not self.panels.zoomed)

    def _to_undo(self) -> str:
        """What leaving would undo here, in two words; "" if there is nothing."""
        panel = self.panel
        if self.panels.zoomed:
            return "leave zoom"
        if panel.filter_text:
            return "show all"
        if isinstance(panel, CloudPane) and panel.range.on:
            return "end marking"
        return (
            "drop marks"
            if isinstance(panel, CloudPane | MigrationBoard) and panel.mark_count
            else ""
        )

    def do_back(self) -> None:
        """Undo one thing: the zoom, else the filter, else the marks."""
        panel = self.panel
        if self.panels.zoomed:
            self.panels.zoom(False)
        elif panel.filter_text:
            panel.action_clear_filter()
        elif isinstance(panel, CloudPane) and panel.range.on:
            panel.range.end()
        elif isinstance(panel, CloudPane | MigrationBoard):
            mark_flows.drop(self.astra, panel)

    async def do_close(self) -> None:
        await self.astra.do_quit()

    def do_marks_back(self) -> None:
        panel = self.panel
        if isinstance(panel, CloudPane | MigrationBoard):
            mark_flows.bring_back(self.astra, panel)

    def do_inspect(self) -> None:
        panel: Any = self.panel
        panel.action_inspect()

    def do_preview(self) -> None:
        pane = self.pane
        key = pane.cursor_key if pane is not None else None
        if pane is not None and key is not None and pane.status is not None:
            place = Address(pane.cloud, pane.status.bucket, key)
            self.app.push_screen(PreviewScreen(place))

    def do_filter(self) -> None:
        self.panel.action_filter()
        pane = self.pane
        if pane is not None and pane.folder is None and self.astra.started:
            self.launch(self.astra.engine.prepare_filter(pane.cloud), "get ready to filter")
        # At once: what is typed next must not be taken for keys.
        self.set_focus(self.panel.query_one(FilterInput), scroll_visible=False)

    def do_search(self) -> None:
        if not self.panel.SEARCHES:
            self.do_filter()
            return
        self.panel.action_search()
        self.set_focus(self.panel.query_one(FilterInput), scroll_visible=False)

    def do_mark(self) -> None:
        panel: Any = self.panel
        panel.action_mark()

    async def do_mark_all(self) -> None:
        panel = self.panel
        if isinstance(panel, CloudPane):
            await panel.invert_marks()  # a key that comes at once means all that are marked by it
        elif isinstance(panel, MigrationBoard):
            if panel.marked:
                panel.action_clear_marks()
            else:
                panel.action_mark_all()

    def do_mark_range(self) -> None:
        if (pane := self.pane) is not None:
            pane.range.end() if pane.range.on else pane.range.begin()

    def do_mark_down(self) -> None:
        if self.pane is not None:
            self.pane.range.extend(1)

    def do_mark_up(self) -> None:
        if self.pane is not None:
            self.pane.range.extend(-1)

    async def do_mark_pattern(self) -> None:
        await self._mark_by_pattern(mark=True)

    async def do_unmark_pattern(self) -> None:
        await self._mark_by_pattern(mark=False)

    async def _mark_by_pattern(self, *, mark: bool) -> None:
        pane = self.pane
        if pane is not None:
            await mark_flows.by_pattern(
                *(self.astra, lambda text: pane.mark_matching(text, mark=mark)), mark=mark,
                noun="object", verbs=("marked", "unmarked"), where="that are shown here",
            )  # fmt: skip

    async def do_next_match(self) -> None:
        await self.go_to_match(self.panel, 1)

    async def do_previous_match(self) -> None:
        await self.go_to_match(self.panel, -1)

    def do_sort(self) -> None:
        if self.pane is not None:
            self.pane.action_sort()

    def do_reverse(self) -> None:
        if self.pane is not None:
            self.pane.action_reverse()

    def do_reload(self) -> None:
        if self.pane is not None:
            self.pane.action_reload()

    def do_follow(self) -> None:
        self.feed.action_pause()

    def do_topics(self) -> None:
        self.app.push_screen(TopicsScreen(self.feed))

    def do_rejected(self) -> None:
        self.app.push_screen(RejectedScreen())

    async def do_replay(self) -> None:
        row = self.feed.pane_list().cursor_row
        await event_flows.replay(self.astra, row=row if row is not None and row.topic else None)

    def do_dashboard(self) -> None:
        self.app.push_screen(DashboardScreen())

    def do_jobs(self) -> None:
        self.app.push_screen(JobsScreen())

    def do_last_run(self) -> None:
        self.app.push_screen(JobSetScreen(self.astra.snapshot.ended[-1].jobset))

    def do_lab(self) -> None:
        self.app.push_screen(LabScreen())

    async def do_open(self) -> None:
        if self.pane is not None and self.pane.status is not None:
            await flows.open_place(self.astra, self.pane.status)

    async def do_migrate(self) -> None:
        pane = self.pane
        if pane is not None and await flows.migrate(self.astra, *pane.chosen().parts):
            pane.action_clear_marks()

    async def do_tier(self) -> None:
        pane = self.pane
        if pane is not None and await flows.change_tier(self.astra, *pane.chosen().parts):
            pane.action_clear_marks()

    async def do_engine(self) -> None:
        await flows.run_engine(self.astra)

    async def do_policy(self) -> None:
        await flows.choose_policy(self.astra)

    async def do_plan(self) -> None:
        await flows.plan_decisions(self.astra)

    async def do_saved_plans(self) -> None:
        await flows.saved_plans(self.astra)

    async def do_age(self) -> None:
        await flows.age(self.astra, self.selection())

    async def do_access(self) -> None:
        await flows.access(self.astra, self.selection())

    async def do_pause(self) -> None:
        panel = self.panel
        marked = sorted(panel.marked) if isinstance(panel, MigrationBoard) else []
        await job_flows.pause_or_resume(self.astra, marked)

    async def do_retry(self) -> None:
        await job_flows.retry(self.astra, self.board.selected_ids())

    async def do_cancel(self) -> None:
        await job_flows.cancel(self.astra, self.board.selected_ids())

    async def do_report(self) -> None:
        if job_ids := self.board.selected_ids():
            await job_flows.report(self.astra, job_ids[0])

    async def do_priority(self) -> None:
        await job_flows.prioritise(self.astra, self.board.selected_ids())

    async def do_limits(self) -> None:
        await job_flows.change_limits(self.astra)

    async def do_bookmarks(self) -> None:
        await place_flows.bookmarks(self)

    async def do_jump(self) -> None:
        await place_flows.jump(self)

    def show_place(self, mark: Bookmark) -> None:
        """Let the pane of the place's cloud show it the way it was kept, and go there."""
        pane = next(pane for pane in self.panes if pane.cloud == mark.address.cloud)
        status, place = pane.status, mark.address
        if status is None or (status.bucket, status.prefix) != (place.bucket, place.key):
            pane.arrive(Spot(place.bucket, place.key, mark.query.folder))
            self.astra.engine.scan(pane.cloud, bucket=place.bucket, prefix=place.key)
        pane.look_at(mark.query)
        self.do_panel(self.panels.panels.index(pane) + 1)

    def do_copy_url(self) -> None:
        flows.copy_urls(self.astra, self.selection())

    def do_copy(self) -> None:
        flows.copy_text(self.astra, self._copyable())

    def _copyable(self) -> str:
        panel = self.panel
        if isinstance(panel, CloudPane):
            return "\n".join(str(address) for address in panel.selection())
        if isinstance(panel, EventFeed):
            row = panel.pane_list().cursor_row
            if row is None:
                return ""
            subject: str = row.subject or row.raw.decode("utf-8", "replace")
            return subject  # of a rejected message the whole, for it has none
        sources = {job.job_id: job.spec.source for job in self.astra.snapshot.jobs}
        return "\n".join(str(sources[i]) for i in self.board.selected_ids() if i in sources)
