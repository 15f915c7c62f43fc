"""Places that are kept under a name and a letter, and jumping to them and to panels."""

import string
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from astra_tui.screens.bookmarks import BookmarkList, looks, place_text
from astra_tui.screens.dialogs import Confirm, Prompt, field
from astra_tui.screens.jump import Jump, Target
from engine.model import Address, Bookmark
from widgets.text import name_text, visible

if TYPE_CHECKING:
    from astra_tui.screens.console import ConsoleScreen
    from widgets.cloud_pane import CloudPane

_SIGNS = string.digits[1:] + string.ascii_uppercase
_NAME_LENGTH = 60


def place_of(pane: "CloudPane | None") -> Bookmark | None:
    """The place that a pane shows, as it would be kept; None while it shows none."""
    status = pane.status if pane is not None else None
    if pane is None or status is None or not status.bucket:
        return None
    query = pane.listing_query
    mark = Bookmark("", Address(status.name, status.bucket, status.prefix), query)
    name = " ".join(part for part in (place_text(mark), looks(query)) if part)
    return replace(mark, name=name[:_NAME_LENGTH])


async def bookmarks(screen: "ConsoleScreen") -> None:
    """Show the kept places until one is gone to, or the list is left."""
    app, workspace = screen.astra, screen.astra.engine.workspace
    at = ""
    while True:
        kept, here = await workspace.bookmarks(), place_of(screen.pane)
        clouds = [cloud.name for cloud in app.snapshot.clouds]
        wish = await app.ask(BookmarkList(kept, clouds, here.name if here else "", at))
        if wish is None:
            return
        mark = wish.bookmark
        if wish.verb == "go" and mark is not None:
            screen.show_place(mark)
            return
        if wish.verb == "save" and here is not None:
            at = await _save(screen, here, kept) or at
        elif wish.verb == "rename" and mark is not None:
            at = await _rename(screen, mark, kept) or at
        elif wish.verb == "letter" and mark is not None:
            at = await _letter(screen, mark, kept) or at
        elif wish.verb == "delete" and mark is not None:
            lines = [field("place", name_text(place_text(mark), width=60))]
            title = f"Delete the bookmark {visible(mark.name, width=30)}?"
            if await app.ask(Confirm(title, lines, yes="Delete")):
                await workspace.delete_bookmark(mark.name)


async def _save(screen: "ConsoleScreen", here: Bookmark, kept: Sequence[Bookmark]) -> str:
    app = screen.astra
    name = await app.ask(
        Prompt(
            "Keep this place",
            _name_reader(kept),
            lines=[field("place", name_text(place_text(here), width=60)), "Under which name?"],
            value=here.name,
        )
    )
    if name is None:
        return ""
    letter = await _ask_letter(screen, replace(here, name=name), kept)
    if letter is None:
        return ""
    await app.engine.workspace.save_bookmark(replace(here, name=name, letter=letter))
    jump = f"; {app.keymap.key_of('jump')} {letter} goes there" if letter else ""
    app.say(f"Kept as {visible(name)}{jump}.")
    return name


async def _rename(screen: "ConsoleScreen", mark: Bookmark, kept: Sequence[Bookmark]) -> str:
    others = [other for other in kept if other.name != mark.name]
    name = await screen.astra.ask(Prompt("Rename", _name_reader(others), value=mark.name))
    if name is None or name == mark.name:
        return ""
    workspace = screen.astra.engine.workspace
    await workspace.save_bookmark(replace(mark, name=name))
    await workspace.delete_bookmark(mark.name)
    return name


async def _letter(screen: "ConsoleScreen", mark: Bookmark, kept: Sequence[Bookmark]) -> str:
    letter = await _ask_letter(screen, mark, kept)
    if letter is not None:
        await screen.astra.engine.workspace.save_bookmark(replace(mark, letter=letter))
    return mark.name


async def _ask_letter(
    screen: "ConsoleScreen", mark: Bookmark, kept: Sequence[Bookmark]
) -> str | None:
    taken = {other.letter: other.name for other in kept if other.name != mark.name}

    def read(text: str) -> str:
        text = text.strip()
        if text and (len(text) > 1 or not text.isprintable() or text in string.digits):
            raise ValueError("Write one character that is no digit, or nothing.")
        if text and text in taken:
            raise ValueError(f"{text} goes to {taken[text]}.")
        return text

    title = f"A letter for {visible(mark.name, width=40)}"
    key = screen.astra.keymap.key_of("jump")
    line = f"Which letter after {key} shall go there? Nothing for none."
    return await screen.astra.ask(Prompt(title, read, lines=[line], value=mark.letter))


def _name_reader(others: Sequence[Bookmark]) -> Callable[[str], str]:
    taken = {other.name for other in others}

    def read(text: str) -> str:
        text = text.strip()
        if not text:
            raise ValueError("Write a name.")
        if text in taken:
            raise ValueError("There is one of that name.")
        return text

    return read


async def jump(screen: "ConsoleScreen") -> None:
    """Show where one can jump to, and go where the next key says."""
    kept = await screen.astra.engine.workspace.bookmarks()
    clouds = {cloud.name for cloud in screen.astra.snapshot.clouds}
    marks = {m.letter: m for m in kept if m.letter and m.address.cloud in clouds}
    panels = screen.panels
    free = [sign for sign in _SIGNS if sign not in marks]
    numbers = dict(zip(free, range(len(panels.panels)), strict=False))
    targets = [
        Target(
            *(sign, panels.names[number].removeprefix(":")),
            "hidden" if number in panels.hidden else "",
            panels.panels[number].region if number in panels.shown else None,
        )
        for sign, number in numbers.items()
    ]
    targets += [Target(letter, m.name, place_text(m)) for letter, m in sorted(marks.items())]
    key = await screen.astra.ask(Jump(targets, screen.astra.keymap.key_of("bookmarks")))
    if key is None:
        return
    if key in marks:
        screen.show_place(marks[key])
    else:
        screen.do_panel(numbers[key] + 1)
