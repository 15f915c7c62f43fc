"""The keys: those of the screen the operator came from, with what cannot be done now and why."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult

from astra_tui.keymap import Context
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.title import TitleLine
from widgets.key_help import KeyHelp, KeyHint


class HelpScreen(AstraScreen[None]):
    """Help for one screen."""

    SCOPE: ClassVar[str] = "reader"

    DEFAULT_CSS = "HelpScreen KeyHelp { padding: 1 2; }"

    def __init__(self, of: AstraScreen[Any]) -> None:
        super().__init__()
        self._hints = self._rows(of)

    @staticmethod
    def _rows(of: AstraScreen[Any]) -> Sequence[KeyHint]:
        app = of.astra
        hints: list[KeyHint] = []
        seen: set[str] = set()
        for context in of.help_contexts():
            for action in app.keymap.valid_in([context]):
                if action.id in seen:
                    continue
                seen.add(action.id)
                key, text = app.keymap.keys_of(action.id), action.help
                if action.id.startswith("panel-"):
                    if action.id != "panel-1":
                        continue
                    key, text = app.keymap.panel_keys, "Jump to a panel by its number."
                group = "in lists" if context is Context.LIST else context.value
                why_not = app.why_not_on(of, action).removeprefix(f"{action.label}: ")
                hints.append(KeyHint(key, text, not why_not, why_not, group, action.id))
        notes = of.help_notes()
        return hints + [KeyHint(word, text, group=group) for group, word, text in notes]

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Keys", "dim ones say why they cannot be used now")
        yield KeyHelp(id="help")

    def do_help(self) -> None:
        self.leave()  # the same key opens and closes

    def on_mount(self) -> None:
        table = self.query_one(KeyHelp)
        table.show(self._hints)
        table.focus()
