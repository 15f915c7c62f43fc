"""The command palette: every action that means something here; those that cannot be taken now
say why."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from astra_tui.keymap import Action, display
from astra_tui.screens.base import AstraScreen

if TYPE_CHECKING:
    from astra_tui.app import AstraApp


class KeymapCommands(Provider):
    """The actions of the keymap as commands."""

    def _commands(self) -> Iterator[tuple[Action, str, str]]:
        """Action, name and help of each command; those that can be taken first."""
        app = cast("AstraApp", self.app)
        screen = self.screen
        if not isinstance(screen, AstraScreen):
            return
        actions = [a for a in app.keymap.valid_in(screen.contexts()) if a.palette]
        reasons = {action.id: app.why_not_on(screen, action) for action in actions}
        for action in sorted(actions, key=lambda action: bool(reasons[action.id])):
            keys = " ".join(display(key) for key in action.keys)
            reason = reasons[action.id]
            text = f"not now: {reason}" if reason else action.help
            yield action, f"{action.label}  {keys}", text

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
