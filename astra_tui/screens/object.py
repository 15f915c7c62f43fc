"""One object: what it is, how it is read, what it costs in each class, what happened to it."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from astra_tui import flows
from astra_tui.keymap import Action
from astra_tui.screens.availability import cloud_reason
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.preview import PreviewScreen
from astra_tui.screens.title import TitleLine
from astra_tui.screens.versions import VersionsScreen
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
        card, keys = self.query_one(ObjectCard), self.astra.keymap
        card.name_keys(keys.key_of("unfold"), keys.key_of("weeks"))
        card.focus()

    def on_screen_resume(self) -> None:
        # Also on the way back from a dialog or a plan: what was done shows.
        self.launch(self._read(), "read the object")

    async def _read(self) -> None:
        try:
            detail = await self.astra.engine.inspect(self.address)
        except AstraError:
            if self.query_one(ObjectCard).detail is None:
                self.dismiss(None)  # nothing to show; the app tells why
            raise
        self.query_one(ObjectCard).show(detail)
        self.refresh_footer()

    def why_not(self, action: Action) -> str:
        card = self.query_one(ObjectCard) if self.is_mounted else None
        if card is not None and card.detail is not None:
            match action.id:
                case "inspect" | "next-job" | "previous-job" if not card.jobs:
                    return "No job was about this object so far."
                case "unfold" if not card.folds:
                    return "All of it shows."
                case "weeks" if not any(card.detail.daily_reads):
                    return "No read of it is known."
        elif action.id in ("inspect", "next-job", "previous-job", "unfold", "weeks"):
            return "The object is still being read."
        return cloud_reason(self.astra.snapshot, action, self.address.cloud)

    def label(self, action: Action) -> str:
        shape = self.query_one(ObjectCard).shape if self.is_mounted else None
        if action.id == "unfold" and shape is not None and shape.unfolded:
            return "fold"
        if action.id == "weeks" and shape is not None:
            return f"{self.query_one(ObjectCard).next_unit}s"
        return "open job" if action.id == "inspect" else action.label

    def do_inspect(self) -> None:
        self._open(self.query_one(ObjectCard).cursor_job)

    @on(ObjectCard.JobChosen)
    def _job_chosen(self, event: ObjectCard.JobChosen) -> None:
        self._open(event.job_id)

    def _open(self, job_id: str) -> None:
        from astra_tui.screens.job import JobScreen  # which opens objects in its turn

        if job_id:
            self.app.push_screen(JobScreen(job_id))

    def do_next_job(self) -> None:
        self.query_one(ObjectCard).move_cursor(1)

    def do_previous_job(self) -> None:
        self.query_one(ObjectCard).move_cursor(-1)

    def do_unfold(self) -> None:
        self.query_one(ObjectCard).fold()
        self.refresh_footer()

    def do_weeks(self) -> None:
        self.query_one(ObjectCard).turn_unit()
        self.refresh_footer()

    def do_preview(self) -> None:
        self.app.push_screen(PreviewScreen(self.address))

    def do_versions(self) -> None:
        self.app.push_screen(VersionsScreen(self.address))

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
