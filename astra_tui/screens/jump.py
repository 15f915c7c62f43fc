"""Signs over the panels and a list of kept places: the next key goes to one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.widgets import Static

from astra_tui.screens.question import Question
from widgets.text import visible


@dataclass(frozen=True, slots=True)
class Target:
    """Where one can jump to by `key`. With a `region` its sign stands there, else in the list."""

    key: str
    name: str
    detail: str = ""
    region: Region | None = None


class Sign(Static):
    """A target that can be clicked."""

    def __init__(self, target: Target) -> None:
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f" {visible(target.key)} ", "bold reverse")
        if target.region is None:  # a panel has its name beside the sign
            text.append(f" {visible(target.name, width=30)} ")
        if target.detail and target.region is None:
            text.append(f" {visible(target.detail, width=60)}", "dim")
        super().__init__(text, markup=False)
        self.target = target
        self.set_class(target.region is not None, "-over")

    def on_mount(self) -> None:
        if (region := self.target.region) is not None:
            self.styles.offset = (region.x, region.y)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.screen.dismiss(self.target.key)


class Jump(Question[str], ModalScreen[str], inherit_bindings=False):
    """Leaves with the key of a target, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    DEFAULT_CSS = """
    Jump {
        background: $background 40%;
        align: center middle;
        &:ansi { background: transparent; }
        & > .-over {
            position: absolute; width: auto; max-width: 34; height: 1;
            background: $panel; color: $foreground;
        }
        & > .box {
            width: 76; max-width: 94%; height: auto; max-height: 80%; padding: 0 1;
            background: $surface; border: round $border;
            border-title-color: $text-primary; border-title-style: bold;
        }
        & VerticalScroll { height: auto; }
        & Sign { height: 1; }
        & .hint { color: $text-muted; height: auto; }
    }
    """

    def __init__(self, targets: Sequence[Target], keeps: str = "B") -> None:
        """`keeps`: the key that keeps places."""
        super().__init__()
        self._keeps = keeps
        self._targets = tuple(targets)

    def compose(self) -> ComposeResult:
        for target in self._targets:
            if target.region is not None:
                yield Sign(target)
        listed = [target for target in self._targets if target.region is None]
        with Vertical(classes="box") as box:
            box.border_title = Content(" Jump ")
            with VerticalScroll(can_focus=False):
                for target in listed:
                    yield Sign(target)
            what = "a panel's sign" if not listed else "a sign"
            hint = (
                f"Press {what}; esc leaves. {self._keeps} keeps places, with a letter to jump to."
            )
            yield Static(hint, markup=False, classes="hint")

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            return
        event.stop()
        key = event.character or ""
        if any(target.key == key for target in self._targets):
            self.dismiss(key)
        elif key:
            text = f"Nothing is at {visible(key)}; press one of the signs, or esc."
            self.query_one(".hint", Static).update(text)

    def action_leave(self) -> None:
        self.dismiss(None)
