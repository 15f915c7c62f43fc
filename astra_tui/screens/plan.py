"""The plan under review: what would move, why, what it saves and costs, what may go wrong."""

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.strip import Strip
from textual.widgets import Static

from astra_tui import job_flows, mark_flows
from astra_tui.keymap import Action
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.title import TitleLine
from engine.model import Plan, PlanTotals
from widgets.cells import Cell
from widgets.glyphs import current
from widgets.line_view import LineView
from widgets.move_card import MoveCard
from widgets.plan_table import PlanTable, payback_text
from widgets.text import bytes_text, count_text, money_text, visible
from widgets.virtual_list import VirtualList

_TALL = 30


class Totals(LineView, can_focus=False):
    """The sums over what is taken: two lines."""

    DEFAULT_CSS = "Totals { height: 2; overflow-y: hidden; }"

    def __init__(self) -> None:
        super().__init__()
        self._totals: PlanTotals | None = None
        self._possible = 0

    def show(self, totals: PlanTotals, possible: int) -> None:
        """Show these sums; `possible` counts the moves that are not refused."""
        if (totals, possible) != (self._totals, self._possible):
            self._totals, self._possible = totals, possible
            self.refresh()

    def render_line(self, y: int) -> Strip:
        totals = self._totals
        if totals is None:
            return Strip.blank(self.line_width, self.style_of())
        saving, once = totals.saving_per_month, totals.one_time_cost
        style = "good" if saving is not None and saving > 0 else "warn"
        if y == 0:
            line: Cell = [
                " ",
                (money_text(saving, currency=True, signed=True), style),
                ("/mo saving", "dim"),
                f"   {money_text(once, currency=True)}",
                (" once", "dim"),
                f"   {payback_text(saving, once)}",
                (" payback", "dim"),
            ]
        else:
            taken = f" {count_text(totals.moves)} of {count_text(self._possible)} moves"
            line = [taken, f" {current().dot} {bytes_text(totals.size)}"]
            if totals.refused:
                line.append((f" {current().dot} {count_text(totals.refused)} refused", "bad"))
        return self.draw_line([(line, self.line_width, False)])


def warning_text(plan: Plan) -> Text:
    """What the plan has to say as a whole, one line each."""
    text = Text(style="", no_wrap=True, overflow="ellipsis")
    for number, warning in enumerate(plan.warnings):
        text.append("\n" if number else "").append(f" {current().warn} ", "bold")
        text.append(visible(warning, width=200, cut="right"))
    return text


class PlanScreen(AstraScreen[bool]):
    """Review a plan. Nothing in it happens before it is approved here; leaves with whether it
    was started."""

    SCOPE: ClassVar[str] = "plan"

    DEFAULT_CSS = """
    PlanScreen {
        & #warnings { height: auto; max-height: 3; color: $text-warning; }
        & PlanTable { height: 1fr; margin-top: 1; }
        & MoveCard {
            height: 11; padding: 0 1; border-top: solid $foreground 30%;
        }
        &.-low MoveCard { height: 6; }
        &.-low PlanTable { margin-top: 0; }
    }
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self._submitting = False

    def compose_body(self) -> ComposeResult:
        policy = f"policy {self.plan.policy}" if self.plan.policy else ""
        yield TitleLine("Plan", self.plan.title, policy)
        yield Totals()
        if self.plan.warnings:
            yield Static(warning_text(self.plan), markup=False, id="warnings")
        yield PlanTable(id="moves")
        card = MoveCard(id="move")
        card.can_focus = False
        yield card

    def on_resize(self) -> None:
        self.set_class(self.size.height < _TALL, "-low")

    @property
    def table(self) -> PlanTable:
        """The table of moves."""
        return self.query_one(PlanTable)

    def on_mount(self) -> None:
        self.table.show(self.plan)
        self.table.focus()
        self.table.move_cursor(1)
        self._show_move()

    @on(PlanTable.SelectionChanged)
    def _selection_changed(self) -> None:
        totals = self.table.totals
        self.query_one(Totals).show(totals, len(self.plan.moves) - totals.refused)
        self._show_move()
        self.refresh_footer()

    @on(VirtualList.CursorMoved)
    def _show_move(self) -> None:
        self.query_one(MoveCard).show(self.table.current_move)

    def why_not(self, action: Action) -> str:
        if action.id == "approve":
            if self._submitting:
                return "The plan is being started."
            if not self.table.totals.moves:
                return "No move is taken; press space on those that shall be."
        return ""

    def do_mark(self) -> None:
        self.table.action_mark()

    def do_mark_all(self) -> None:
        totals = self.table.totals
        if totals.moves == len(self.plan.moves) - totals.refused:
            self.table.action_include_none()
        else:
            self.table.action_include_all()

    async def do_mark_pattern(self) -> None:
        await self._take_by_pattern(mark=True)

    async def do_unmark_pattern(self) -> None:
        await self._take_by_pattern(mark=False)

    async def _take_by_pattern(self, *, mark: bool) -> None:
        plan = self.plan

        async def work(text: str) -> tuple[int, int]:
            found = await mark_flows.matching_moves(plan, text)
            self.table.take(found, taken=mark)
            return len(found), len(plan.moves)

        await mark_flows.by_pattern(
            *(self.astra, work), mark=mark, noun="move",
            verbs=("taken in", "left out"), where="of the plan",
        )  # fmt: skip

    def do_back(self) -> None:
        self.dismiss(False)

    def do_fold(self) -> None:
        self.table.action_fold()

    async def do_approve(self) -> None:
        plan = self.table.selected
        if plan is None or self._submitting:
            return
        self._submitting = True
        try:
            if await job_flows.approve(self.astra, plan, self.table.totals):
                self.dismiss(True)
        finally:
            self._submitting = False

    async def do_save(self) -> None:
        plan = self.table.selected
        if plan is not None:
            await job_flows.save_plan(self.astra, plan)
