"""Marking by pattern: ask for a text or glob, mark what it means, say how many that were."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from astra_tui.screens.dialogs import Prompt
from widgets.text import count_text, counted, visible

if TYPE_CHECKING:
    from astra_tui.app import AstraApp

Work = Callable[[str], Awaitable[tuple[int, int]]]


class Marked(Protocol):
    """A panel whose lines can be marked."""

    @property
    def mark_count(self) -> int:
        """How many lines carry a mark."""
        ...

    @property
    def dropped(self) -> int:
        """How many marks were dropped last and can be brought back."""
        ...

    def action_clear_marks(self) -> None: ...

    def action_marks_back(self) -> None: ...


def drop(app: "AstraApp", panel: Marked) -> None:
    """Unmark everything, and say how to take that back."""
    if marks := panel.mark_count:
        panel.action_clear_marks()
        key = app.keymap.key_of("marks-back")
        app.say(f"{counted(marks, 'mark')} dropped; {key} brings {_them(marks)} back.")


def bring_back(app: "AstraApp", panel: Marked) -> None:
    """Mark again what was marked before."""
    before = panel.mark_count
    panel.action_marks_back()
    app.say(f"{counted(panel.mark_count - before, 'mark')} back.")


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


async def by_pattern(
    app: "AstraApp", work: Work, *, mark: bool, noun: str, verbs: tuple[str, str], where: str
) -> None:
    """Ask for a pattern and let `work` mark (or unmark) what it means.

    `work` returns how many it meant and of how many; `verbs` say what was done to them.
    """

    def read(text: str) -> str:
        if not text:
            raise ValueError("Write a part of a name, or a pattern such as *.csv")
        return text

    text = await app.ask(
        Prompt(
            f"{'Mark' if mark else 'Unmark'} by pattern",
            read,
            lines=[f"Which {noun}s {where}? A part of the name, or a pattern such as *.csv"],
            value="*",
        )
    )
    if text is None:
        return
    found, among = await work(text)
    done = verbs[0] if mark else verbs[1]
    if found:
        app.say(f"{visible(text, width=40)}: {counted(found, noun)} {done} of {count_text(among)}.")
    else:
        app.say(f"{visible(text, width=40)} fits none of {counted(among, noun)}.", "warning")
