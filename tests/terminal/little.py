"""A small app on a terminal, with our driver or Textual's: `python -m tests.terminal.little`."""

from textual import events
from textual.app import App, ComposeResult
from textual.driver import Driver
from textual.widgets import Input, OptionList, Static

from astra_tui.driver import driver_class
from tests.console.world import HOSTILE
from widgets.text import visible


class Little(App[None]):
    CSS = """
    Static { width: 30; height: 3; border: round green; background: $surface; }
    OptionList { width: 50; height: 12; }
    """
    BINDINGS = [("f2", "quit", "Quit")]  # noqa: RUF012

    def get_driver_class(self) -> type[Driver]:
        return driver_class(super().get_driver_class())

    def compose(self) -> ComposeResult:
        yield Static("漢字 and e\u0301 and [b]bold[/b]")
        yield OptionList(*(visible(name) for name in HOSTILE), markup=False)
        field = Input(placeholder="type here")
        field.cursor_blink = False
        yield field

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def on_ready(self) -> None:
        self.query_one(Static).border_title = "ready"

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.query_one(Static).border_subtitle = type(event.widget).__name__

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one(Static).update(f"typed: {event.value}")


if __name__ == "__main__":
    Little().run()
