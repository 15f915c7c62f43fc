"""What every part of the door stands on: settings, what was saved, the parts once they are open."""

import asyncio
import time
from typing import TYPE_CHECKING

from engine.adoption import Adoption
from engine.errors import StateError
from engine.model import FeedSource, KafkaState, KafkaStatus, Snapshot
from engine.notices import NoFeed, Notices
from engine.refusals import only_looks
from engine.settings import EngineSettings
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.events.feed import EventFeed
    from engine.parts import Parts


class Door:
    """The state of an engine that is open, or not yet."""

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self.workspace = Workspace(settings.state_dir / "workspace.json")
        self.feed: FeedSource = NoFeed()
        self._open: Parts | None = None
        self._changing = asyncio.Lock()
        self._policy = Adoption(settings, self.workspace)
        self._notices = Notices()
        self._replays: dict[str, EventFeed] = {}
        self._last = Snapshot(0, time.time(), (), KafkaStatus(KafkaState.OFF))

    @property
    def _parts(self) -> "Parts":
        if self._open is None:
            raise StateError("The engine is not running.", todo="Start it first.")
        return self._open

    @property
    def _owned(self) -> "Parts":
        parts = self._parts
        if not parts.owner:
            raise only_looks(self.settings)
        return parts
