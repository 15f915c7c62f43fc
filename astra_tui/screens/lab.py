"""The lab: policies replayed over a history of accesses, what each would have cost, and which
of them shall decide from now on."""

import asyncio
import logging
import string
from contextlib import aclosing
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.worker import Worker

from astra_tui import lab_flows
from astra_tui.keymap import Action
from astra_tui.lab_flows import Setting
from astra_tui.report import describe
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.title import TitleLine
from engine.errors import AstraError
from engine.model import LabChoices, LabRequest, LabResult, Snapshot
from engine.model.lab import OPTIMUM
from widgets.glyphs import current
from widgets.lab_note import LabNote, LabSetting
from widgets.lab_table import STYLES, LabLine, LabTable
from widgets.line_chart import LineChart, Series
from widgets.text import bytes_text, count_text
from widgets.virtual_list import VirtualList

log = logging.getLogger(__name__)

_TALL = 30
_LETTERS = string.ascii_letters
_LEARNING = ("cost", "proactive")  # they take some seconds more
_DRAWN_EVERY = 0.1  # seconds between two looks of the bar


class LabScreen(AstraScreen[None]):
    """Set up a run, follow it, look at its result. Nothing here changes an object."""

    SCOPE: ClassVar[str] = "lab"

    DEFAULT_CSS = """
    LabScreen {
        & LineChart { height: 1fr; border-top: solid $foreground 30%; }
        & LabTable { height: 16; border-top: solid $foreground 30%; }
        & LabNote { height: 3; }
        &.-low LineChart { border-top: none; }
        &.-low LabTable { height: 9; border-top: none; }
        &.-low LabNote { height: 2; }
        &.-tiny LineChart, &.-tiny LabNote { display: none; }
        &.-tiny LabTable { height: 1fr; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.setting = Setting()
        self.choices: LabChoices | None = None
        self.result: LabResult | None = None
        self._problem: list[str] = []
        self._cancelled = False
        self._run: Worker[None] | None = None
        self._first = False  # whether the result follows none
        self._then: tuple[str, ...] = ()  # what is replayed after the run that is under way
        self._left_out: set[str] = set()
        self._signs: dict[str, tuple[str, str]] = {}

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Lab")
        yield LabSetting(id="setting")
        yield LineChart(id="chart")
        yield LabTable(id="policies")
        yield LabNote(id="note")

    def on_mount(self) -> None:
        self.table.focus()
        self.setting = lab_flows.first_setting(self.astra)
        self._show()
        self.launch(self._begin(), "look what the lab can do")

    async def _begin(self) -> None:
        self._problem = []
        try:
            await self._look(self.setting)
        except AstraError as error:
            self._fail(error)
            return
        if self.astra.is_demo:
            # The first look shows what it is about: soon without those that learn, then with them.
            taken = self.table.taken
            self._then = taken
            self._start(tuple(name for name in taken if name not in _LEARNING))

    @property
    def table(self) -> LabTable:
        """The policies."""
        return self.query_one(LabTable)

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._run is not None and not self._run.is_finished

    def on_resize(self) -> None:
        self.set_class(self.size.height < _TALL, "-low")

    # -- the run ------------------------------------------------------------------------

    async def _look(self, setting: Setting) -> None:
        """Take a setting if it makes sense. Raises AstraError, and then keeps the one before."""
        choices = await self.astra.engine.lab_choices(setting.request)
        if setting.request != self.setting.request:
            self.result, self._problem, self._cancelled = None, [], False
        self.setting, self.choices = setting, choices
        self._show()

    def do_run(self) -> None:
        if self.running:
            return
        if self.choices is None:
            self.launch(self._begin(), "look what the lab can do")
            return
        self._then = ()
        self._start(self.table.taken)

    def _start(self, policies: tuple[str, ...]) -> None:
        """Replay these; the result of before shows until theirs is there."""
        self._problem, self._cancelled = [], False
        request = replace(self.setting.request, policies=policies)
        self._run = self.run_worker(self._replay(request), name="lab", exit_on_error=False)
        self._show()

    async def _replay(self, request: LabRequest) -> None:
        drawn = 0.0
        note, loop = self.query_one(LabNote), asyncio.get_running_loop()
        try:
            async with aclosing(self.astra.engine.lab_steps(request)) as steps:
                async for step in steps:
                    if step.result is not None:
                        self._first = self.result is None
                        self.result = step.result
                    elif loop.time() - drawn >= _DRAWN_EVERY:
                        drawn = loop.time()
                        note.progress(step.what or "reading", step.share)
        except AstraError as error:
            self._fail(error)
        except Exception as error:  # the last guard, as for all work of the console
            log.exception("lab")
            self._fail(error)
        except asyncio.CancelledError:
            self._cancelled, self._then = True, ()
            raise
        finally:
            if self.is_mounted:
                self.call_later(self._ended)

    def _fail(self, error: Exception) -> None:
        text = describe(error, self.astra.log_file.path)
        lines = (text.what, text.subject, text.safe, text.todo, text.log)
        self._problem, self.result, self._then = [line for line in lines if line], None, ()
        self._show()

    def _ended(self) -> None:
        self._run = None
        self._show()
        if self._then and self.result is not None:
            then, self._then = self._then, ()
            self._start(then)
        if self.result is not None and self._first:
            active = self.astra.snapshot.policy
            names = [cost.policy for cost in self.result.policies]
            self.table.go_to(active if active in names else names[0] if names else "")
            self._show_chart()
            self._show_note()

    # -- drawing ------------------------------------------------------------------------

    def show_snapshot(self, snapshot: Snapshot) -> None:
        self._show()

    def _show(self) -> None:
        request, choices, result = self.setting.request, self.choices, self.result
        snapshot = self.astra.snapshot
        active = f"policy {snapshot.policy}" if snapshot.policy else ""
        self.query_one(TitleLine).show(self.setting.name, active)
        days = f"{request.first or 'second half'} to {request.last or 'its end'}"
        if request.first is None and request.last is None:
            days = "the second half"
        size = ""
        if result is not None:
            days = f"{result.first} to {result.last}"
            size = f"{count_text(result.objects)} in {bytes_text(result.size)}"
        place = _place(choices) if choices is not None else ""
        first = [("days", days), ("prices", place), ("objects", size)]
        self.query_one(LabSetting).show(tuple(pair for pair in first if pair[1]), _classes(choices))
        self.table.show(self._lines())
        self._show_chart()
        self._show_note()
        self.refresh_footer()

    def _lines(self) -> list[LabLine]:
        """The policies that can be run, with the figures of those that were."""
        result, choices = self.result, self.choices
        costs = {cost.policy: cost for cost in result.policies} if result is not None else {}
        names = [*(choices.policies if choices is not None else ()), *self.setting.added]
        self._signs = {}
        letters = iter(_LETTERS)
        for cost in sorted(costs.values(), key=lambda cost: cost.total):
            number = len(self._signs)
            best = cost.policy == OPTIMUM
            sign = "*" if best else next(letters, "?")
            self._signs[cost.policy] = (sign, "" if best else STYLES[number % len(STYLES)])
        active = self.astra.snapshot.policy
        return [
            LabLine(
                name,
                name not in self._left_out,
                name == active,
                *self._signs.get(name, ("", "")),
                costs.get(name),
            )
            for name in dict.fromkeys([*names, *costs])
        ]

    @on(VirtualList.CursorMoved)
    def _cursor_moved(self) -> None:
        self._show_chart()
        self._show_note()
        self.refresh_footer()

    @on(LabTable.Changed)
    def _table_changed(self) -> None:
        self._left_out = {line.policy for line in self.table.lines if not line.taken}
        self._show_chart()
        self.refresh_footer()

    def _show_chart(self) -> None:
        chart, result = self.query_one(LineChart), self.result
        if result is None:
            chart.show_instead(self._instead())
            return
        ordered = sorted(result.policies, key=lambda cost: cost.total)
        series = []
        for cost in ordered:
            sign, style = self._signs[cost.policy]
            series.append(Series(sign, cost.cumulative, style))
        front = self._signs.get(self.table.policy, ("", ""))[0]
        chart.show(series, (str(result.first), str(result.last)), front=front)

    def _instead(self) -> list[tuple[str, str]]:
        """What stands where the chart will be: (text, style)."""
        key = self.astra.keymap.key_of
        if self.running:
            end = f"{key('back')} ends it; nothing is changed."
            return [(f"Replaying, day by day {current().ellipsis}", "strong"), (end, "dim")]
        if self._problem:
            head, *rest = self._problem
            again = f"Press {key('run')} to try again, {key('set-up')} to choose something else."
            return [(f"FAILED: {head}", "bad"), *((text, "") for text in rest), (again, "dim")]
        if self.choices is None:
            text = f"Looking what can be replayed {current().ellipsis}"
        elif not self.choices.allowed:
            text = f"No class of {self.choices.provider} has known prices: nothing to replay."
        elif self._cancelled:
            text = "The run was ended before its end. Nothing was changed."
        else:
            text = "Nothing was replayed yet."
        more = (
            f"{key('run')} replays the marked policies over the history: what each would have cost "
            f"by each day. {key('set-up')} chooses history, prices, classes and days."
        )
        return [(text, "strong"), (more, "dim")]

    def _show_note(self) -> None:
        if self.running:
            return
        note, result, policy = self.query_one(LabNote), self.result, self.table.policy
        if result is None or result.cost(policy) is None:
            note.say(self._why_no_money(), "dim")
        else:
            notes = f" {' '.join(result.notes)}" if result.notes else ""
            note.say(result.regret(policy) + notes)

    def _why_no_money(self) -> str:
        """Why no cost stands at the foot."""
        key, choices, policy = self.astra.keymap.key_of, self.choices, self.table.policy
        if choices is not None and not choices.allowed:
            return (
                f"No cost can be told: no price is known for any class of {_place(choices)}. "
                f"{key('set-up')} chooses another provider; own prices go into a price file."
            )
        if self.result is not None and policy:
            return f"What {policy} would have cost is not known: it was not in this run."
        return "" if self._problem else f"What they would have cost: {key('run')} replays them."

    # -- keys ---------------------------------------------------------------------------

    def why_not(self, action: Action) -> str:
        key = self.astra.keymap.key_of
        match action.id:
            case "run" if self.running:
                return f"A run is under way; {key('back')} ends it."
            case "run" if self.choices is None and not self._problem:
                return "It is not known yet what can be replayed."
            case "run" if self.choices is not None and not self.choices.allowed:
                where = _place(self.choices)
                return f"No price is known for {where}; {key('set-up')} chooses another."
            case "run" if self.choices is not None and not self.table.taken:
                return f"No policy is marked; {key('mark')} marks one."
            case "set-up" | "mark" | "mark-all" if self.running:
                return f"{action.label}: a run is under way; {key('back')} ends it."
            case "set-up" if self.choices is None:
                return "It is not known yet what can be replayed."
            case "adopt":
                return self._why_not_adopt()
            case "export" if self.result is None:
                return "write: there is no result yet."
        return ""

    def _why_not_adopt(self) -> str:
        policy = self.table.policy
        if self.choices is None or not policy:
            return "adopt: there is no policy at the cursor."
        if policy not in self.choices.adoptable:
            own = ", ".join(self.choices.adoptable)
            return f"adopt: {policy} can only be replayed. Astra decides by {own}."
        return ""

    def label(self, action: Action) -> str:
        return "end run" if action.id == "back" and self.running else action.label

    def do_back(self) -> None:
        if self._run is not None and self.running:
            self._run.cancel()
        else:
            self.leave()

    def do_close(self) -> None:
        self.do_back()  # a run ends first; leaving does not end it

    def do_mark(self) -> None:
        self.table.action_mark()

    def do_mark_all(self) -> None:
        self.table.action_mark_all()

    def do_sort(self) -> None:
        self.table.action_sort()

    def do_reverse(self) -> None:
        self.table.action_reverse()

    async def do_set_up(self) -> None:
        if self.choices is None:
            return
        setting = await lab_flows.set_up(self.astra, self.setting, self.choices)
        if setting is not None:
            await self._look(setting)

    async def do_adopt(self) -> None:
        await lab_flows.adopt(self.astra, self.table.policy)

    async def do_export(self) -> None:
        if self.result is not None:
            await lab_flows.write_result(self.astra, self.result)


def _place(choices: LabChoices) -> str:
    return f"{choices.provider} {choices.region}".rstrip()


def _classes(choices: LabChoices | None) -> tuple[tuple[str, str], ...]:
    """The class that objects start in and those allowed, or why there is none."""
    if choices is None:
        return ()
    if not choices.allowed:
        return (("classes", "none with known prices"),)
    return (("start", choices.start_class), ("classes", ", ".join(choices.allowed)))
