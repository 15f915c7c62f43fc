"""The console's way about folders and places, and how it finds back to them at the next start."""

import asyncio
import logging

from textual import on
from textual.timer import Timer

from astra_tui.screens.base import AstraScreen
from astra_tui.screens.panels import Panels
from astra_tui.screens.usage import UsageScreen
from engine.errors import AstraError
from engine.model import (
    CloudStatus,
    ConsolePlaces,
    ListingQuery,
    ListingState,
    PanePlace,
    SortKey,
)
from widgets.cloud_pane import CloudPane
from widgets.text import visible

log = logging.getLogger(__name__)

SORTS = {key.value: key for key in SortKey}
_KEPT_AFTER = 2.0  # seconds without another move
_LEAVING = 2.0  # seconds that leaving waits for it at most


class PlaceScreen(AstraScreen[None]):
    """The part of the console that is about where its panes are."""

    panes: list[CloudPane]
    panels: Panels
    _places_timer: Timer | None = None
    _places_kept: ConsolePlaces | None = None
    _checked: dict[str, PanePlace]

    @property
    def pane(self) -> CloudPane | None:
        """The current panel if it is a cloud."""
        raise AssertionError("the console says which")

    def go_to(self, number: int) -> None:
        """Show a panel and give it the focus."""
        raise AssertionError("the console knows how")

    # -- keys -----------------------------------------------------------------------------

    def do_folders(self) -> None:
        if self.pane is not None:
            self.pane.action_folders()

    def do_open_folder(self) -> None:
        if self.pane is not None:
            self.pane.action_open_folder()

    def do_up_folder(self) -> None:
        if self.pane is not None:
            self.pane.action_up_folder()

    def do_place_back(self) -> None:
        if self.pane is not None:
            self.pane.action_place_back()

    def do_place_forward(self) -> None:
        if self.pane is not None:
            self.pane.action_place_forward()

    def do_usage(self) -> None:
        pane = self.pane or (self.panes[0] if self.panes else None)
        if pane is not None:
            screen = UsageScreen(pane.cloud, pane.folder)
            self.app.push_screen(screen, lambda _: self._show_there(screen.chosen))

    def _show_there(self, chosen: tuple[str, str] | None) -> None:
        """Let the pane of a cloud show a folder, and go there."""
        if chosen is None:
            return
        cloud, folder = chosen
        pane = next(pane for pane in self.panes if pane.cloud == cloud)
        pane.visit(folder)
        self.go_to(self.panels.panels.index(pane))

    @on(CloudPane.Visit)
    def _visit(self, event: CloudPane.Visit) -> None:
        self.astra.engine.scan(event.pane.cloud, bucket=event.bucket, prefix=event.prefix)

    @on(CloudPane.Told)
    def _told(self, event: CloudPane.Told) -> None:
        self.astra.say(event.text, "warning")

    # -- where the console was left ---------------------------------------------------------

    @property
    def places(self) -> ConsolePlaces:
        """Where the panes are now."""
        return ConsolePlaces(
            tuple(
                PanePlace(
                    pane.cloud,
                    pane.status.bucket,
                    pane.status.prefix,
                    pane.folder,
                    pane.listing_query.sort.value,
                    pane.listing_query.descending,
                )
                for pane in self.panes
                if pane.status is not None
            ),
            self.panels.current,
        )

    def places_changed(self) -> None:
        """Keep where the panes are, once nobody has moved for a while."""
        if not self.astra.console_settings.restore or self._places_kept is None:
            return
        if self._places_timer is not None:
            self._places_timer.stop()
            self._places_timer = None
        if self.places != self._places_kept:
            self._places_timer = self.set_timer(_KEPT_AFTER, self._keep)

    def _keep(self) -> None:
        self._places_timer = None
        if self.astra.started:
            self.astra.launch(self.keep_places(), "remember where the panes are")

    async def keep_places(self) -> None:
        """Write down where the panes are, if that changed."""
        places = self.places
        if self._places_kept is None or places == self._places_kept:
            return
        if any(pane.arriving for pane in self.panes):
            return  # what is there now is not where it was left
        self._places_kept = places
        await self.astra.engine.workspace.save_places(places)

    async def keep_places_at_last(self) -> None:
        """The same on leaving: an engine that is gone or slow does not keep anybody here."""
        try:
            async with asyncio.timeout(_LEAVING):
                await self.keep_places()
        except (AstraError, TimeoutError) as error:
            log.info("where the panes were is not kept: %s", error)

    async def restore_places(self) -> None:
        """List every cloud that nobody listed yet, where its pane was left, and let the panes
        look at what they looked at. After an engine that ended: where they are now."""
        again = self._places_kept is not None
        found = self.places if again else await self._left()
        left = {place.cloud: place for place in found.panes}
        statuses = {status.name: status for status in self.astra.engine.snapshot().clouds}
        for pane in self.panes:
            if (status := statuses.get(pane.cloud)) is not None:
                self._restore(pane, status, left.get(pane.cloud))
        if not again and 0 < found.panel < len(self.panels.panels):
            self.go_to(found.panel)
        if not again:
            self._places_kept = self.places

    async def _left(self) -> ConsolePlaces:
        if not self.astra.console_settings.restore:
            return ConsolePlaces()
        return await self.astra.engine.workspace.places() or ConsolePlaces()

    def _restore(self, pane: CloudPane, status: CloudStatus, place: PanePlace | None) -> None:
        scan = self.astra.engine.scan
        idle = status.state is ListingState.IDLE  # an engine that runs has it listed already
        if place is None or not place.bucket:
            if idle:
                scan(pane.cloud)
            return
        same = (place.bucket, place.prefix) == (status.bucket, status.prefix)
        if idle and same:
            scan(pane.cloud)
        elif idle:
            scan(pane.cloud, bucket=place.bucket, prefix=place.prefix)
        elif not same:
            return  # the engine shows another place: so it stays, others may look at it
        sort = SORTS.get(place.sort, SortKey.NAME)
        folder = place.folder
        if folder is not None and not folder.startswith(place.prefix):
            folder = place.prefix
        query = ListingQuery(sort, place.descending, pane.filter_text, folder)
        pane.restore(place.bucket, place.prefix, query, here=same)
        self._checked[pane.cloud] = place

    def check_places(self) -> None:
        """What is gone since the last time falls back, and says so. Called with every snapshot."""
        for pane in self.panes:
            place, status = self._checked.get(pane.cloud), pane.status
            if place is None or status is None:
                continue
            if (status.bucket, status.prefix) != (place.bucket, place.prefix):
                continue  # not begun yet, or somebody went elsewhere
            if status.state is ListingState.FAILED:
                del self._checked[pane.cloud]
                if status.gone:
                    self._fall_back(pane, place)
            elif status.state in (ListingState.READY, ListingState.EMPTY):
                del self._checked[pane.cloud]
                if pane.folder is not None and pane.folder != pane.top:
                    self.astra.launch(self._check_folder(pane, pane.folder), "look for a folder")

    def _fall_back(self, pane: CloudPane, place: PanePlace) -> None:
        settings = self.astra.engine.settings.cloud(pane.cloud)
        if settings is None or (settings.bucket, settings.prefix) == (place.bucket, place.prefix):
            return
        where = visible(f"{pane.cloud}:{place.bucket}/{place.prefix}")
        self.astra.say(f"{where}, where this pane was left, is gone; showing its usual place.",
                       "warning")  # fmt: skip
        self.astra.engine.scan(pane.cloud, bucket=settings.bucket, prefix=settings.prefix)

    async def _check_folder(self, pane: CloudPane, folder: str) -> None:
        view = await self.astra.engine.view(pane.cloud, ListingQuery(folder=folder))
        if not view.total_objects and pane.folder == folder:
            self.astra.say(
                f"{visible(folder)}, where {pane.cloud} was left, is gone; showing all folders.",
                "warning",
            )
            pane.visit(pane.top, remember=False)
