"""The beginning of an object, read-only: text, a table, JSON, facts of a picture, or bytes."""

from typing import ClassVar

from textual.app import ComposeResult

from astra_tui import flows
from astra_tui.keymap import Action
from astra_tui.report import describe
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.title import TitleLine
from engine.errors import AstraError
from engine.model import Address, Preview, PreviewKind, PreviewState, VersionPin
from widgets.preview_card import PreviewCard
from widgets.preview_lines import column_count
from widgets.text import bytes_text

_STEP = 1  # columns of a table


class PreviewScreen(AstraScreen[None]):
    """Reads once when it opens; where that costs a retrieval, only when asked again."""

    SCOPE: ClassVar[str] = "preview"

    DEFAULT_CSS = "PreviewScreen PreviewCard { padding: 1 2; }"

    def __init__(self, address: Address, pin: VersionPin | None = None) -> None:
        super().__init__()
        self.address = address
        self.pin = pin
        self.reading = False

    def compose_body(self) -> ComposeResult:
        limit = self.astra.console_settings.preview_bytes
        yield TitleLine("Preview", self.address.key, f"{self.address.cloud}  {bytes_text(limit)}")
        yield PreviewCard(id="card")

    def on_mount(self) -> None:
        card = self.card
        card.limit = self.astra.console_settings.preview_bytes
        card.read_key = self.astra.keymap.key_of("preview")
        card.focus()
        self._ask(paid=False)

    @property
    def card(self) -> PreviewCard:
        """The page."""
        return self.query_one(PreviewCard)

    @property
    def preview(self) -> Preview | None:
        """What was read."""
        return self.card.preview

    def _ask(self, *, paid: bool) -> None:
        if not self.reading:
            self.reading = True
            self.card.show_reading()
            self.launch(self._read(paid=paid), "read the object")

    async def _read(self, *, paid: bool) -> None:
        limit = self.astra.console_settings.preview_bytes
        try:
            self.card.show(
                await self.astra.engine.preview(self.address, pin=self.pin, limit=limit, paid=paid)
            )
        except AstraError as error:
            text = describe(error, self.astra.log_file.path)
            again = f"Press {self.astra.keymap.key_of('reload')} to try again."
            lines = (text.what, text.safe, text.todo, again)
            self.card.show_failed(tuple(line for line in lines if line))
        finally:
            self.reading = False
        self.refresh_footer()

    def why_not(self, action: Action) -> str:
        preview = self.preview if self.is_mounted else None
        match action.id:
            case "preview":
                if preview is None:
                    return "Nothing is known of the object yet."
                if preview.state is not PreviewState.PRICED:
                    return "There is no price to accept: what can be read shows already."
            case "bytes":
                if preview is None or not preview.data:
                    return "Nothing was read."
                if preview.kind in (PreviewKind.BINARY, PreviewKind.PICTURE):
                    return "These are its bytes already."
            case "pan-left" | "pan-right":
                if preview is None or column_count(preview) < 2:
                    return "Only a table has columns."
            case "reload" if self.reading:
                return "It is being read."
        return ""

    def label(self, action: Action) -> str:
        if action.id == "bytes" and self.is_mounted and self.card.as_bytes:
            return "text"
        return "read" if action.id == "preview" else action.label

    def do_preview(self) -> None:
        self._ask(paid=True)

    def do_reload(self) -> None:
        preview = self.preview
        self._ask(paid=preview is not None and preview.read > 0)

    def do_bytes(self) -> None:
        self.card.turn()
        self.refresh_footer()

    def do_pan_left(self) -> None:
        self.card.pan(-_STEP)

    def do_pan_right(self) -> None:
        self.card.pan(_STEP)

    def do_copy(self) -> None:
        flows.copy_text(self.astra, str(self.address))
