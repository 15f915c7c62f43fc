"""The plan under review: what would move, why, what it saves and costs, what may go wrong."""

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.strip import Strip
from textual.widgets import Input

from astra_tui import mark_flows, plan_flows
from astra_tui.keymap import Action
from astra_tui.plan_rows import PlanRows
from astra_tui.plan_summary import options_words
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.title import TitleLine
from engine.model import Grouping, MoveKind, MoveOrder, MovePick, PlanQuery, PlanView, RiskKind
from widgets.cells import Cell, Name, Part
from widgets.glyphs import current
from widgets.line_view import LineView
from widgets.lines import plain_cell
from widgets.move_card import MoveCard
from widgets.pane import FilterInput
from widgets.plan_notes import PlanNotes
from widgets.plan_risks import RiskList
from widgets.plan_table import ORDER_OF, PlanTable
from widgets.plan_words import expected_text, payback_text
from widgets.text import bytes_text, count_text, counted, money_text, visible
from widgets.virtual_list import VirtualList

_TALL = 30
_NOTES, _NOTES_LOW = 4, 2  # lines of what the plan has to say
_ORDERS, _GROUPINGS = tuple(MoveOrder), tuple(Grouping)
_OFFERED = {"edit", "save", "export-plan", "filter", "sort", "reverse", "group-by"}


class Totals(LineView, can_focus=False):
    """The sums over what is taken, and how it will be done: three lines."""

    DEFAULT_CSS = "Totals { height: 3; overflow-y: hidden; }"

    def __init__(self) -> None:
        super().__init__()
        self._view: PlanView | None = None

    def show(self, view: PlanView) -> None:
        """Show the sums of this view."""
        if view != self._view:
            self._view = view
            self.refresh()

    def render_line(self, y: int) -> Strip:
        if self._view is None:
            return Strip.blank(self.line_width, self.style_of())
        lines = (self._money, self._moves, self._how)
        line: Cell = lines[y](self._view) if y < len(lines) else ""
        return self.draw_line([(line, self.line_width, False)])

    def _money(self, view: PlanView) -> list[Part]:
        saving, once = view.totals.saving_per_month, view.totals.one_time_cost
        style = "good" if saving is not None and saving > 0 else "warn"
        line: list[Part] = [
            " ",
            (money_text(saving, currency=True, signed=True), style),
            ("/mo saving", "dim"),
            f"   {money_text(once, currency=True)}",
            (" once", "dim"),
            f"   {payback_text(saving, once)}",
            (" payback", "dim"),
        ]
        expected = expected_text(saving, view.totals.expected_saving, view.policy)
        if expected:  # in as many words as there is room for; never a figure cut in two
            room = self.line_width - cell_len(plain_cell(line)) - 3
            forms = (
                expected,
                expected.removeprefix("policy "),
                expected[expected.index("expects") :],
            )
            shown = next((form for form in forms if cell_len(form) <= room), "")
            line.append((f"   {shown}" if shown else "", "dim"))
        return line

    def _moves(self, view: PlanView) -> list[Part]:
        totals, dot = view.totals, current().dot
        taken = f" {count_text(totals.moves)} of {count_text(view.possible)} moves"
        line: list[Part] = [taken, f" {dot} {bytes_text(totals.size)}"]
        if totals.refused:
            line.append((f" {dot} {count_text(totals.refused)} refused", "bad"))
        kinds = sum(1 for r in view.risks if r.moves and r.kind is not RiskKind.REFUSED)
        if kinds:
            line.append((f" {dot} {counted(kinds, 'kind')} of risk", "warn"))
        if view.query.text or view.query.risk is not None:
            line.append((f" {dot} {count_text(view.shown)} shown", "accent"))
        return line

    def _how(self, view: PlanView) -> list[Part]:
        parts: list[Part] = [" "]
        if view.place is not None:
            parts += [("to ", "dim"), Name(str(view.place)), (f" {current().dot} ", "dim")]
        words = []
        if MoveKind.MOVE in view.kinds:
            words.append(f"deletes {counted(view.deletes, 'source')}")
        if MoveKind.COPY in view.kinds:
            words.append("keeps the sources")
        words += options_words(view.options, view.priority)
        parts.append((f" {current().dot} ".join(words), "dim"))
        return parts


class PlanScreen(AstraScreen[bool]):
    """Review a plan. Nothing in it happens before it is approved here; leaves with whether it
    was started."""

    SCOPE: ClassVar[str] = "plan"

    DEFAULT_CSS = """
    PlanScreen {
        & RiskList { border-top: solid $foreground 30%; }
        & RiskList:focus { border-top: solid $primary; }
        & PlanTable { height: 1fr; border-top: solid $foreground 30%; }
        & PlanTable:focus { border-top: solid $primary; }
        & FilterInput {
            height: 1; display: none; padding: 0 1; background: $foreground 8%;
            &.-open { display: block; }
        }
        & MoveCard {
            height: 11; padding: 0 1; border-top: solid $foreground 30%;
        }
        &.-low MoveCard { height: 6; }
        &.-tiny MoveCard { display: none; }
        &.-low PlanTable { border-top: none; }
        &.-low RiskList { display: none; max-height: 50%; }
        &.-low.-risks RiskList { display: block; }
        &.-low.-risks MoveCard { display: none; }
        &.-ascii RiskList, &.-ascii PlanTable, &.-ascii MoveCard {
            border-top: ascii $foreground 30%;
        }
        &.-ascii.-low PlanTable { border-top: none; }
    }
    """

    def __init__(self, view: PlanView) -> None:
        super().__init__()
        self.view = view
        self.rows: PlanRows | None = None
        self._submitting = False
        self._wanted = view.query
        self._following = False

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Plan", self.view.title, self._note())
        yield Totals()
        yield PlanNotes(id="warnings")
        yield PlanTable(id="moves")
        yield FilterInput("filter: part of a name, or a glob like *.csv")
        yield RiskList(id="risks")
        card = MoveCard(id="move")
        card.can_focus = False
        yield card

    def _note(self) -> str:
        words = [f"policy {visible(self.view.policy)}"] if self.view.policy else []
        query = self.view.query
        if query.grouping is not Grouping.ROUTE:
            words.append(f"by {query.grouping.value}")
        if self.view.edited:
            words.append("edited")
        return ", ".join(words)

    def on_resize(self) -> None:
        self.set_class(self.size.height < _TALL, "-low")
        super().on_resize()
        self._show_notes()

    @property
    def table(self) -> PlanTable:
        """The table of moves."""
        return self.query_one(PlanTable)

    @property
    def risks(self) -> RiskList:
        """The list of risks."""
        return self.query_one(RiskList)

    def on_mount(self) -> None:
        self.table.focus()
        self.astra.hold_keys(self._begin(), "show the plan")

    async def _begin(self) -> None:
        await self.show_view(self.view, cursor=1 if self.view.lines > 1 else 0)

    # -- showing -------------------------------------------------------------------------

    async def show_view(self, view: PlanView, *, cursor: int | None = None) -> None:
        """Show this state of the review once its lines are here."""
        table = self.table
        rows = PlanRows(self.astra.engine, view, self.launch, self._rows_came)
        at = table.top if cursor is None else max(cursor - table.visible_count, 0)
        await rows.load(at, at + 2 * max(table.visible_count, 20))
        if not self.is_mounted:
            return
        self.view, self.rows = view, rows
        query = view.query
        back = self.astra.keymap.key_of("back")
        nothing = f"No move fits; {back} shows all." if query.text or query.risk else ""
        table.show(
            rows,
            order=query.order,
            descending=query.descending,
            nothing=nothing or "Nothing to move.",
            cursor=cursor,
        )
        self.risks.show(view.risks, query.risk)
        self.query_one(Totals).show(view)
        self.query_one(TitleLine).show(view.title, self._note())
        self._show_notes()
        self._show_move()
        self.refresh_footer()

    def _show_notes(self) -> None:
        most = _NOTES_LOW if self.has_class("-low") else _NOTES
        for notes in self.query(PlanNotes):
            notes.show((*self.view.changes, *self.view.warnings), most)

    def show_busy(self, busy: bool) -> None:
        """Say that the plan is being planned anew."""
        title = self.query_one(TitleLine)
        title.show(self.view.title, f"planning anew {current().ellipsis}" if busy else self._note())

    def _rows_came(self) -> None:
        if self.is_mounted:
            self.table.rows_changed()
            self._show_move()

    @on(VirtualList.CursorMoved)
    def _show_move(self) -> None:
        self.query_one(MoveCard).show(self.table.current_move)

    def settling(self, action: Action) -> Coroutine[Any, Any, object] | None:
        """A key about a line means the one that shows once it is here."""
        rows = self.rows
        here = self.table.cursor_row is not None or not self.table.count()
        return None if rows is None or here else rows.settled()

    async def _ask(self, query: PlanQuery) -> None:
        """Let the review show so; the newest question counts."""
        self._wanted = query
        if self._following:
            return
        self._following = True
        try:
            while (wanted := self._wanted) != self.view.query:
                view = await self.astra.engine.show_plan(self.view.review, wanted)
                await self.show_view(view, cursor=0)
                if self.view.query != wanted:
                    return  # the engine shows something else, or the screen is left
        finally:
            self._following = False

    # -- keys ----------------------------------------------------------------------------

    @property
    def on_risks(self) -> bool:
        """Whether the keys mean the risks."""
        return self.risks.has_focus

    def label(self, action: Action) -> str:
        query = self.view.query
        if action.id == "back" and (query.text or query.risk is not None):
            return "show all"
        if action.id == "fold" and self.on_risks:
            return "only these"
        if action.id == "mark" and self.on_risks:
            return "take out/in"
        return action.label

    def why_not(self, action: Action) -> str:
        if action.id == "approve":
            if self._submitting:
                return "The plan is being started."
            if not self.view.totals.moves:
                return self._none_taken()
        if action.id in _OFFERED and not self.view.moves:
            return "There is nothing to move."
        if action.id in ("save", "export-plan") and not self.view.totals.moves:
            return self._none_taken()
        return ""

    def _none_taken(self) -> str:
        key = self.astra.keymap.key_of("mark")
        return f"No move is taken; press {key} on those that shall be."

    async def do_mark(self) -> None:
        if self.on_risks:
            await self._mark_risk()
            return
        row = self.table.cursor_row
        if row is None:
            return
        pick = MovePick(group=row.group) if row.move is None else MovePick(number=row.number)
        self.table.action_cursor_down()
        await self.take(pick)

    async def _mark_risk(self) -> None:
        risk = self.risks.cursor_risk
        if risk is None or risk.kind is RiskKind.REFUSED:
            self.astra.say("Refused moves are never taken.", "warning")
            return
        await self.take(MovePick(risk=risk.kind), not risk.moves)

    async def take(self, pick: MovePick, taken: bool | None = None) -> None:
        """Take moves or leave them out; None turns them."""
        view = await self.astra.engine.take_moves(self.view.review, pick, taken)
        await self.show_view(view)

    async def do_mark_all(self) -> None:
        await self.take(MovePick())

    async def do_fold(self) -> None:
        if self.on_risks:
            risk = self.risks.cursor_risk
            if risk is not None:
                only = None if self.view.query.risk is risk.kind else risk.kind
                await self._ask(replace(self.view.query, risk=only))
            return
        row = self.table.cursor_row
        if row is None or self.view.query.grouping is Grouping.NONE:
            return
        engine = self.astra.engine
        view = await engine.fold_plan(self.view.review, row.group)
        line = await engine.find_line(view.review, row.group, -1)
        await self.show_view(view, cursor=line)

    async def do_group_by(self) -> None:
        query = self.view.query
        following = _GROUPINGS[(_GROUPINGS.index(query.grouping) + 1) % len(_GROUPINGS)]
        await self._ask(replace(query, grouping=following))

    async def do_sort(self) -> None:
        query = self.view.query
        following = _ORDERS[(_ORDERS.index(query.order) + 1) % len(_ORDERS)]
        await self._ask(replace(query, order=following))

    async def do_reverse(self) -> None:
        await self._ask(replace(self.view.query, descending=not self.view.query.descending))

    def do_risks(self) -> None:
        self.set_class(not self.on_risks, "-risks")
        (self.table if self.on_risks else self.risks).focus()

    async def do_mark_pattern(self) -> None:
        await self._take_by_pattern(mark=True)

    async def do_unmark_pattern(self) -> None:
        await self._take_by_pattern(mark=False)

    async def _take_by_pattern(self, *, mark: bool) -> None:
        async def work(text: str) -> tuple[int, int]:
            await self.take(MovePick(text=text), mark)
            return self.view.picked, self.view.shown

        await mark_flows.by_pattern(
            *(self.astra, work), mark=mark, noun="move",
            verbs=("taken in", "left out"), where="of the plan",
        )  # fmt: skip

    def leave(self) -> None:
        self.dismiss(False)

    def do_back(self) -> None:
        query = self.view.query
        if query.text or query.risk is not None:
            line = self.query_one(FilterInput)
            line.value = ""
            line.remove_class("-open")
            self.astra.hold_keys(self._ask(replace(query, text="", risk=None)), "show all")
        elif self.on_risks:
            self.do_risks()
        else:
            self.leave()

    async def do_approve(self) -> None:
        if self._submitting:
            return
        self._submitting = True
        try:
            if await plan_flows.approve(self.astra, self.view):
                self.dismiss(True)
        finally:
            self._submitting = False

    async def do_edit(self) -> None:
        await plan_flows.edit(self.astra, self)

    async def do_save(self) -> None:
        await plan_flows.save(self.astra, self.view)

    async def do_export_plan(self) -> None:
        await plan_flows.export(self.astra, self.view)

    # -- the filter and the mouse --------------------------------------------------------

    def do_search(self) -> None:
        self.do_filter()

    def do_filter(self) -> None:
        line = self.query_one(FilterInput)
        line.add_class("-open")
        line.focus()

    @on(Input.Changed)
    def _filter_changed(self, event: Input.Changed) -> None:
        event.stop()
        query = replace(self._wanted, text=event.value)
        if query != self._wanted:
            self.launch(self._ask(query), "filter the plan")

    @on(Input.Submitted)
    @on(FilterInput.Left)
    def _filter_kept(self) -> None:
        line = self.query_one(FilterInput)
        line.set_class(bool(line.value), "-open")
        self.table.focus()

    @on(FilterInput.Dismissed)
    def _filter_left(self) -> None:
        line = self.query_one(FilterInput)
        line.value = ""
        line.remove_class("-open")
        self.table.focus()

    @on(VirtualList.MarkClicked)
    def _mark_clicked(self, event: VirtualList.MarkClicked) -> None:
        event.stop()
        if event.list is self.risks:
            self.astra.hold_keys(self._mark_risk(), "mark")
            return
        row = self.table.row(event.index)
        if row is not None:
            pick = MovePick(group=row.group) if row.move is None else MovePick(number=row.number)
            self.astra.hold_keys(self.take(pick), "mark")

    @on(VirtualList.Chosen)
    def _row_chosen(self, event: VirtualList.Chosen) -> None:
        event.stop()
        self.astra.hold_keys(self.do_fold(), "fold")

    @on(VirtualList.HeaderClicked)
    def _header_clicked(self, event: VirtualList.HeaderClicked) -> None:
        event.stop()
        order = ORDER_OF.get(event.key)
        if order is not None:
            query = self.view.query
            turned = query.order is order and not query.descending
            asked = self._ask(replace(query, order=order, descending=turned))
            self.astra.hold_keys(asked, "sort")
