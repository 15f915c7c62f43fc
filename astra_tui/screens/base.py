"""What all full screens share: which actions are valid on them, footer, caption, snapshots."""

from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from textual import events, on
from textual.app import ComposeResult

from astra_tui.keymap import SCOPES, Action, Context
from astra_tui.screens.question import Question
from engine.model import Snapshot
from widgets.caption import Caption
from widgets.glyphs import ASCII, current
from widgets.key_help import KeyHint, KeyLine
from widgets.pane import FilterPane
from widgets.text import visible

if TYPE_CHECKING:
    from astra_tui.app import AstraApp

ResultT = TypeVar("ResultT")

_TINY = 16  # lines, below which a screen keeps its list and leaves out what lies around it
_ALWAYS = 20  # actions with this `footer` or more keep their place when room gets short


class AstraScreen(Question[ResultT], Generic[ResultT], inherit_bindings=False):
    """A full screen. A subclass names its `SCOPE` of the keymap, composes its body and has a
    method `do_<action id>` for each action that it can carry out itself."""

    SCOPE: ClassVar[str] = "reader"

    DEFAULT_CSS = """
    AstraScreen { layout: vertical; overflow: hidden hidden; }
    """

    @property
    def astra(self) -> "AstraApp":
        """The app, as what it is."""
        return cast("AstraApp", self.app)

    def compose(self) -> ComposeResult:
        yield from self.compose_body()
        yield Caption(id="caption")
        yield KeyLine(id="keys")

    def compose_body(self) -> ComposeResult:
        """Everything above the footer."""
        yield from ()

    def launch(self, work: Coroutine[Any, Any, object], doing: str) -> None:
        """Run work whose answer is shown here, and nowhere once this screen was left."""
        self.astra.launch(work, doing, self)

    def contexts(self) -> tuple[Context, ...]:
        """The contexts whose keys work here, whatever has the focus."""
        return SCOPES[self.SCOPE]

    def footer_contexts(self) -> tuple[Context, ...]:
        """The contexts that the footer tells about; fewer where panels differ."""
        return self.contexts()

    def help_contexts(self) -> tuple[Context, ...]:
        """The contexts that the help tells about, the nearest first."""
        return (*(c for c in self.contexts() if c is not Context.GLOBAL), Context.GLOBAL)

    def help_notes(self) -> Sequence[tuple[str, str, str]]:
        """What the help tells beside the keys: (heading, word, sentence)."""
        return ()

    def why_not(self, action: Action) -> str:
        """Why this action cannot be taken now, in a sentence; "" if it can."""
        return ""

    def settling(self, action: Action) -> Coroutine[Any, Any, object] | None:
        """What has to end before this action means what is on the screen, None if nothing."""
        return None

    def label(self, action: Action) -> str:
        """The word of the footer for an action, where the usual one does not say it."""
        return action.label

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Draw what a new snapshot changed; the footer is refreshed after it."""

    def on_screen_resume(self) -> None:
        self.show_caption(self.astra.caption_text)
        if self.is_mounted:
            self.show_snapshot(self.astra.snapshot)
        self.refresh_footer()

    def on_resize(self) -> None:
        self.set_class(self.size.height < _TINY, "-tiny")
        self.refresh_footer()

    def show_caption(self, text: str) -> None:
        """Show a line of narration above the footer; an empty one hides it."""
        for caption in self.query(Caption):
            caption.show(text)

    def note_key(self, text: str) -> None:
        """Say something about a key in the footer; "" shows the keys again."""
        for line in self.query(KeyLine):
            line.note(text)

    async def go_to_match(self, pane: FilterPane, by: int) -> None:
        """Go to the next line (1) that was searched for, or the one before (-1). Without a
        search every line that shows fits the filter."""
        if not pane.search_text:
            rows = pane.pane_list()
            rows.move_cursor(rows.cursor + by)
        elif not await pane.search_on(by):
            self.note_key(f"Nothing here has {visible(pane.search_text, width=40)}.")

    def show_strokes(self, strokes: str) -> None:
        """Show in the footer what was struck and waits for the next key."""
        for line in self.query(KeyLine):
            line.waits(strokes)

    def hints(self) -> list[KeyHint]:
        """The keys for the footer, in its order; dim where they would only say why not."""
        app = self.astra
        actions = [a for a in app.keymap.valid_in(self.footer_contexts()) if a.footer]
        actions.sort(key=lambda action: action.footer)
        signs = current() is not ASCII
        return [
            KeyHint(
                key=app.keymap.key_of(action.id, short=signs),
                label=self.label(action),
                enabled=not (reason := app.why_not_on(self, action)),
                why_not=reason,
                action=action.id,
            )
            for action in actions
        ]

    def refresh_footer(self) -> None:
        """Draw the keys that matter here; what does not fit is left out before `? help`."""
        if not self.is_mounted:
            return
        footer_of = {action.id: action.footer for action in self.astra.keymap.actions}
        hints = self.hints()
        room = self.size.width - 1
        while hints and sum(len(h.key) + len(h.label) + 3 for h in hints) - 2 > room:
            spare = [hint for hint in hints if footer_of[hint.action] < _ALWAYS]
            last = hints[-1]
            hints.remove(last if last.action == "close" or not spare else spare[-1])
        for line in self.query(KeyLine):
            line.show(hints)

    @on(KeyLine.Pressed)
    def _key_clicked(self, event: KeyLine.Pressed) -> None:
        event.stop()
        self.astra.action_perform(event.hint.action)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.refresh_footer()

    def leave(self) -> None:
        """Close this page."""
        self.dismiss(None)

    def do_back(self) -> None:
        self.leave()

    def do_close(self) -> Coroutine[Any, Any, None] | None:
        """Close the page with all that is open on it; what it returns is work still to do."""
        self.leave()
        return None
