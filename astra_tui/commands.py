"""The command palette: what can be done here now. Why a key does nothing, the key itself says."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.screen import Screen

from astra_tui.keymap import Action
from astra_tui.screens.base import AstraScreen

if TYPE_CHECKING:
    from astra_tui.app import AstraApp


def commands_of(app: "AstraApp", screen: Screen[Any]) -> Iterator[tuple[Action, str, str]]:
    """Action, name with keys, and help of what can be done on that screen now."""
    if not isinstance(screen, AstraScreen):
        return
    for action in app.keymap.valid_in(screen.contexts()):
        if action.palette and not app.why_not_on(screen, action):
            yield action, f"{action.label}  {app.keymap.keys_of(action.id)}", action.help


class KeymapCommands(Provider):
    """The actions of the keymap as commands."""

    def _commands(self) -> Iterator[tuple[Action, str, str]]:
        return commands_of(cast("AstraApp", self.app), self.screen)

    async def discover(self) -> Hits:
        for action, name, text in self._commands():
            yield DiscoveryHit(Content(name), partial(self._run, action), text=name, help=text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action, name, text in self._commands():
            score = max(matcher.match(name), matcher.match(action.help) * 0.6)
            if score > 0:
                yield Hit(
                    score, matcher.highlight(name), partial(self._run, action), text=name, help=text
                )

    def _run(self, action: Action) -> None:
        cast("AstraApp", self.app).action_perform(action.id)
