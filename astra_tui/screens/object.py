"""One object: what it is, how it is read, what it costs in each class, what happened to it."""

from typing import ClassVar

from textual.app import ComposeResult

from astra_tui import flows
from astra_tui.keymap import Action
from astra_tui.screens.availability import cloud_reason
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.title import TitleLine
from engine.errors import AstraError
from engine.model import Address
from widgets.object_card import ObjectCard


class ObjectScreen(AstraScreen[None]):
    """Inspect one object, and start from here what a cloud pane can start for it."""

    SCOPE: ClassVar[str] = "object"

    DEFAULT_CSS = "ObjectScreen ObjectCard { padding: 1 2; }"

    def __init__(self, address: Address) -> None:
        super().__init__()
        self.address = address

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Object", self.address.key, self.address.cloud)
        yield ObjectCard(id="card")

    def on_mount(self) -> None:
        self.query_one(ObjectCard).focus()

    def on_screen_resume(self) -> None:
        # Also on the way back from a dialog or a plan: what was done shows.
        self.astra.launch(self._read(), "read the object")

    async def _read(self) -> None:
        try:
            detail = await self.astra.engine.inspect(self.address)
        except AstraError:
            if self.query_one(ObjectCard).detail is None:
                self.dismiss(None)  # nothing to show; the app tells why
            raise
        self.query_one(ObjectCard).show(detail)

    def why_not(self, action: Action) -> str:
        return cloud_reason(self.astra.snapshot, action, self.address.cloud)

    async def do_migrate(self) -> None:
        await flows.migrate(self.astra, [self.address])

    async def do_tier(self) -> None:
        await flows.change_tier(self.astra, [self.address])

    async def do_age(self) -> None:
        await flows.age(self.astra, [self.address])

    async def do_access(self) -> None:
        await flows.access(self.astra, [self.address])

    def do_copy_url(self) -> None:
        flows.copy_urls(self.astra, [self.address])

    def do_copy(self) -> None:
        flows.copy_text(self.astra, str(self.address))
