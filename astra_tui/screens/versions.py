"""The versions of one key that its store keeps; any of them may be previewed, none is changed."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from astra_tui import flows
from astra_tui.keymap import Action
from astra_tui.report import describe
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.preview import PreviewScreen
from astra_tui.screens.title import TitleLine
from engine.errors import AstraError
from engine.model import Address
from widgets.version_list import VersionList


class VersionsScreen(AstraScreen[None]):
    """Asks once when it opens."""

    SCOPE: ClassVar[str] = "versions"

    DEFAULT_CSS = "VersionsScreen VersionList { padding: 1 1; }"

    def __init__(self, address: Address) -> None:
        super().__init__()
        self.address = address
        self.asking = False

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Versions", self.address.key, self.address.cloud)
        yield VersionList(id="versions")

    @property
    def list(self) -> VersionList:
        """The versions."""
        return self.query_one(VersionList)

    def on_mount(self) -> None:
        self.list.focus()
        self._ask()

    def _ask(self) -> None:
        if not self.asking:
            self.asking = True
            self.launch(self._read(), "list the versions")

    async def _read(self) -> None:
        try:
            self.list.show(await self.astra.engine.versions(self.address))
        except AstraError as error:
            text = describe(error, self.astra.log_file.path)
            again = f"Press {self.astra.keymap.key_of('reload')} to try again."
            lines = (text.what, text.safe, text.todo, again)
            self.list.show_failed(tuple(line for line in lines if line))
        finally:
            self.asking = False
        self.query_one(TitleLine).show(self.address.key, self.list.summary or self.address.cloud)
        self.refresh_footer()

    def why_not(self, action: Action) -> str:
        row = self.list.cursor_row if self.is_mounted else None
        if action.id in ("preview", "inspect"):
            if row is None:
                return "There is no version to look at."
            if row.marker:
                return "A delete marker has no bytes."
        if action.id == "copy" and row is None:
            return "There is no version to name."
        return ""

    @on(VersionList.CursorMoved)
    def _moved(self) -> None:
        self.refresh_footer()

    @on(VersionList.Chosen)
    def _chosen(self) -> None:
        self.astra.action_perform("preview")

    def do_inspect(self) -> None:
        self.do_preview()

    def do_preview(self) -> None:
        row = self.list.cursor_row
        if row is not None and not row.marker:
            self.app.push_screen(PreviewScreen(self.address, row.pin))

    def do_reload(self) -> None:
        self._ask()

    def do_copy(self) -> None:
        row = self.list.cursor_row
        if row is not None:
            flows.copy_text(self.astra, f"{self.address} version {row.name}")
