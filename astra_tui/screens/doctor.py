"""The doctor: what is wrong, and the one thing to do. Results show as they come."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.worker import Worker

from astra_tui import flows, health
from astra_tui.keymap import Action
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.dialogs import Confirm, Tell
from astra_tui.screens.title import TitleLine
from engine.model import Check, CheckState
from widgets.check_list import CheckCard, CheckList, as_text
from widgets.glyphs import current
from widgets.text import visible
from widgets.virtual_list import VirtualList


class DoctorScreen(AstraScreen[None]):
    """Looks without writing as it opens; writing canaries is another key, and a question."""

    SCOPE: ClassVar[str] = "doctor"

    DEFAULT_CSS = "DoctorScreen CheckList { padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Check] = []
        self.running = False
        self._work: Worker[None] | None = None

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Doctor", "looking")
        yield CheckList(id="checks")
        yield CheckCard(id="card")

    def on_mount(self) -> None:
        self.query_one(CheckList).focus()
        self._begin(write=False)

    def _begin(self, *, write: bool) -> None:
        if self._work is not None:
            self._work.cancel()  # canaries of it are removed all the same
        self.found, self.running = [], True
        self._show()
        # A worker of the screen: it ends with it.
        self._work = self.run_worker(self._guarded(write), exit_on_error=False)

    async def _guarded(self, write: bool) -> None:
        await self.astra._guarded(self._look(write), "check")

    async def _look(self, write: bool) -> None:
        try:
            async for check in health.look(self.astra, write=write):
                self.found.append(check)
                self._show()
        except Exception:
            self._ended()
            raise
        # One that was cancelled shows nothing more: the screen is gone, or another one looks.
        self._ended()
        self.astra.know_health(self.found)

    def _ended(self) -> None:
        self.running = False
        self._show()

    def _show(self) -> None:
        waiting = f"Looking {current().ellipsis}" if self.running else ""
        checks = self.query_one(CheckList)
        checks.show(self.found, waiting=waiting)
        states = [check.state for check in self.found]
        failed, warned, well = (
            states.count(state) for state in (CheckState.FAILED, CheckState.WARNING, CheckState.OK)
        )
        words = [f"{failed} failed"] if failed else []
        words += [f"{warned} to look at"] if warned else []
        words += [f"{well} ok"]
        note = f"looking {current().ellipsis} " if self.running else ""
        self.query_one(TitleLine).show(", ".join(words), note)
        self._show_card()
        self.refresh_footer()

    @on(VirtualList.CursorMoved)
    def _show_card(self) -> None:
        self.query_one(CheckCard).show(self.query_one(CheckList).cursor_row)

    @on(VirtualList.Chosen)
    def _row_chosen(self) -> None:
        self.do_details()

    def why_not(self, action: Action) -> str:
        if action.id in ("details", "copy") and not self.found:
            return "Nothing was checked yet."
        if action.id == "check-writing" and self.running:
            return "Wait until it has looked."
        return ""

    # -- keys ---------------------------------------------------------------------------

    def do_check(self) -> None:
        """Look again."""
        self._begin(write=False)

    async def do_check_writing(self) -> None:
        """Write a canary to each cloud, after a question."""
        clouds = [cloud.name for cloud in self.astra.snapshot.clouds if not cloud.read_only]
        if not clouds:
            self.astra.say("Every cloud is read-only; there is nowhere to write.", "warning")
            return
        lines = [
            visible(", ".join(clouds), width=200),
            "",
            "One small object named .astra-doctor-… is written to the default bucket of each,",
            "read back, and removed again at once.",
        ]
        question = Confirm("Check writing?", lines, yes="Write and remove")
        if await self.astra.ask(question):
            self._begin(write=True)

    def do_details(self) -> None:
        """The whole of one check, however long."""
        check = self.query_one(CheckList).cursor_row
        if check is not None:
            lines = [visible(check.detail), *([""] if check.todo else []), visible(check.todo)]
            bad = check.state is CheckState.FAILED
            self.app.push_screen(Tell(f"{check.subject}: {check.name}", lines, bad=bad))

    def do_copy(self) -> None:
        """All checks as text."""
        flows.copy_text(self.astra, as_text(self.found))
