"""Marking by pattern: ask for a text or glob, mark what it means, say how many that were."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from astra_tui.screens.dialogs import Prompt
from widgets.text import count_text, counted, visible

if TYPE_CHECKING:
    from astra_tui.app import AstraApp

Work = Callable[[str], Awaitable[tuple[int, int]]]


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
