"""The command palette: what can be done here now. Why a key does nothing, the key itself says."""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.screen import Screen

from astra_tui.keymap import Action
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.bookmarks import place_text
from astra_tui.screens.console import ConsoleScreen
from engine.errors import AstraError
from engine.model import Bookmark
from widgets.text import visible

if TYPE_CHECKING:
    from astra_tui.app import AstraApp

log = logging.getLogger("astra.console")

Run = Callable[[], None]
_MEANT = 100.0  # a word that means exactly one thing comes first


def commands_of(app: "AstraApp", screen: Screen[Any]) -> Iterator[tuple[Action, str, str]]:
    """Action, name with keys, and help of what can be done on that screen now."""
    if not isinstance(screen, AstraScreen):
        return
    for action in app.keymap.valid_in(screen.contexts()):
        if action.palette and not app.why_not_on(screen, action):
            yield action, f"{action.label}  {app.keymap.keys_of(action.id)}", action.help


WORDS = {
    # what hands type that come from a shell, vim, k9s or a file manager
    "migrate": "mv move cp rsync",
    "usage": "du ncdu",
    "open": "cd",
    "inspect": "describe cat",
    "filter": "grep",
    "search": "find",
    "reload": "refresh",
    "copy": "yank",
    "quit": "q exit wq qa q!",
    "notices": "logs",
    "bookmarks": "favourites",
}


def places_of(screen: Screen[Any], kept: Sequence[Bookmark]) -> Iterator[tuple[Run, str, str]]:
    """What to run, name and help of each panel and each kept place that can be gone to."""
    if not isinstance(screen, ConsoleScreen):
        return
    for number, name in enumerate(screen.panels.names, 1):
        hidden = number - 1 in screen.panels.hidden
        text = "Show this hidden panel again." if hidden else "Go to this panel."
        yield partial(screen.do_panel, number), name.removeprefix(":"), text
    clouds = {pane.cloud for pane in screen.panes}
    for mark in kept:
        if mark.address.cloud in clouds:
            text = f"Go to {visible(place_text(mark), width=60)}."
            yield partial(screen.show_place, mark), visible(mark.name, width=40), text


class KeymapCommands(Provider):
    """The actions of the keymap as commands; a search finds panels and kept places too."""

    _kept: Sequence[Bookmark] = ()

    async def startup(self) -> None:
        app = cast("AstraApp", self.app)
        if app.started:
            try:
                self._kept = await app.engine.workspace.bookmarks()
            except AstraError as error:
                log.warning("no bookmarks among the commands: %s", error)

    def _commands(self) -> Iterator[tuple[Action, str, str]]:
        return commands_of(cast("AstraApp", self.app), self.screen)

    async def discover(self) -> Hits:
        for action, name, text in self._commands():
            yield DiscoveryHit(Content(name), partial(self._run, action), text=name, help=text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        found: list[tuple[Run, str, str, str]] = [
            (partial(self._run, action), name, text, action.id)
            for action, name, text in self._commands()
        ]
        found += [(run, name, text, "") for run, name, text in places_of(self.screen, self._kept)]
        for run, name, text, action_id in found:
            score = max(matcher.match(name), matcher.match(text) * 0.6)
            if query.strip().lower() in WORDS.get(action_id, "").split():
                score = max(score, _MEANT)
            if score > 0:
                yield Hit(score, matcher.highlight(name), run, text=name, help=text)

    def _run(self, action: Action) -> None:
        cast("AstraApp", self.app).action_perform(action.id)
