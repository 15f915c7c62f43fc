"""Short questions over the screen: a choice, a value, a confirmation, an error.

Every text is a plain string or a Rich `Text`; nothing is read as markup.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from rich.style import Style
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from astra_tui.screens.hanging import Hanging, Hung
from astra_tui.screens.question import Question
from widgets.glyphs import current
from widgets.text import visible

ResultT = TypeVar("ResultT")
ValueT = TypeVar("ValueT")

Line = str | Text

_REVERSE = Style(reverse=True)
_LOW = 16  # lines of a terminal, below which a dialog leaves out its hint
_LINES_AT_MOST = 18
_LABEL = 9  # cells of a field's name


class Dialog(Question[ResultT], ModalScreen[ResultT], Generic[ResultT], inherit_bindings=False):
    """A box in the middle of the screen. Escape leaves it with `None` or the safe answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("q", "leave", show=False, id="close"),
        Binding("tab", "app.focus_next", show=False),
        Binding("shift+tab", "app.focus_previous", show=False),
    ]

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $background 55%;
        &:ansi { background: transparent; }
        & > .box {
            width: 76;
            max-width: 94%;
            height: auto;
            max-height: 92%;
            padding: 0 1;
            background: $surface;
            border: round $border;
            border-title-color: $text-primary;
            border-title-style: bold;
        }
        & .lines { height: auto; max-height: 14; margin-bottom: 1; }
        & .lines Static { width: 100%; height: auto; }
        & .hint { color: $text-muted; height: auto; width: 100%; margin-top: 1; }
        &.-low .hint { display: none; }
        &.-low .lines { margin-bottom: 0; }
    }
    """

    def __init__(self, title: str, lines: Sequence[Line] = (), *, hint: str = "") -> None:
        super().__init__()
        self._title = title
        self._lines = tuple(lines)
        self._hint = hint

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(f" {visible(self._title, width=66)} ")
            if self._lines:
                with VerticalScroll(classes="lines", can_focus=False):
                    for line in self._lines:
                        if isinstance(line, Hung):
                            yield Static(Hanging(line, self.app.console), markup=False)
                        else:
                            yield Static(line, markup=False)
            yield from self.compose_answer()
            if self._hint:
                yield Static(self._hint, markup=False, classes="hint")

    def compose_answer(self) -> ComposeResult:
        """The widgets that take the answer."""
        yield from ()

    def answer_height(self) -> int:
        """How many lines the answer needs at least."""
        return 1

    def on_resize(self) -> None:
        """The lines give way, so that what takes the answer always shows."""
        height = self.app.size.height
        low = height < _LOW
        self.set_class(low, "-low")
        around = 2 if low else 3 + 2 * bool(self._hint)  # border, and what stands below
        room = height * 92 // 100 - around - self.answer_height()
        for lines in self.query(".lines"):
            lines.styles.max_height = max(min(room, _LINES_AT_MOST), 1)

    def action_leave(self) -> None:
        self.dismiss(None)


@dataclass(frozen=True, slots=True)
class Choosable(Generic[ValueT]):
    """One line of a choice. With `why_not` it shows, cannot be taken, and says why."""

    value: ValueT
    label: Line
    detail: str = ""
    why_not: str = ""


class Options(OptionList):
    """An option list with the vim keys, whose cursor shows without colour too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g", "first", show=False),
        Binding("G", "last", show=False),
    ]

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        line = self.scroll_offset.y + y
        here = line < len(self._lines) and self._lines[line][0] == self.highlighted
        # The themes of terminal colours ask for reverse, which visual styles do not know.
        return strip.apply_style(_REVERSE) if here and self.app.native_ansi_color else strip


class Choice(Dialog[Choosable[ValueT] | None], Generic[ValueT]):
    """Pick one of a few lines: arrows and enter, or the number in front of the line. Leaves with
    the line itself, so that its value may be None."""

    DEFAULT_CSS = """
    Choice OptionList {
        height: auto;
        max-height: 14;
        border: none;
        padding: 0;
        background: transparent;
        &:focus { border: none; }
    }
    """

    def __init__(
        self,
        title: str,
        choices: Sequence[Choosable[ValueT]],
        *,
        lines: Sequence[Line] = (),
        hint: str = "",
        start: int = 0,
    ) -> None:
        super().__init__(title, lines, hint=hint or "enter take it   esc leave")
        self._choices = tuple(choices)
        self._start = start

    def compose_answer(self) -> ComposeResult:
        yield Options(*(self._option(i) for i in range(len(self._choices))), markup=False)

    def answer_height(self) -> int:
        return min(len(self._choices), 3 if self.app.size.height < _LOW else 14)

    def _option(self, index: int) -> Option:
        choice = self._choices[index]
        number = f"{index + 1} " if index < 9 else "  "
        text = Text(no_wrap=True, overflow="ellipsis")
        faint = "" if choice.why_not else "dim"  # what cannot be taken is faint as a whole
        text.append(number, faint)
        text.append(choice.label if isinstance(choice.label, Text) else visible(choice.label))
        detail = choice.why_not or choice.detail
        if detail:
            text.append(f"  {visible(detail)}", faint)
        return Option(text, disabled=bool(choice.why_not))

    def on_mount(self) -> None:
        options = self.query_one(Options)
        enabled = [i for i, choice in enumerate(self._choices) if not choice.why_not]
        if enabled:
            options.highlighted = self._start if self._start in enabled else enabled[0]
        options.focus()

    @on(OptionList.OptionSelected)
    def _taken(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._choices[event.option_index])

    def on_key(self, event: events.Key) -> None:
        if event.character and event.character.isdigit():
            index = int(event.character) - 1
            if 0 <= index < min(len(self._choices), 9) and not self._choices[index].why_not:
                event.stop()
                self.dismiss(self._choices[index])


class Prompt(Dialog[ValueT | None], Generic[ValueT]):
    """Ask for one line. `read` turns the text into the value or raises ValueError saying why
    it cannot; the reason shows under the line while it is typed."""

    DEFAULT_CSS = """
    Prompt {
        & Input { height: 1; border: none; padding: 0; background: $panel; }
        & Input:focus { border: none; }
        & .problem { color: $text-error; height: 1; }
    }
    """

    def __init__(
        self,
        title: str,
        read: Callable[[str], ValueT],
        *,
        lines: Sequence[Line] = (),
        value: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(title, lines, hint=hint or "enter go on   esc leave")
        self._read = read
        self._value = value

    def compose_answer(self) -> ComposeResult:
        field = Input(self._value, select_on_focus=True)
        field.cursor_blink = False  # an idle console sends nothing
        yield field
        yield Static("", markup=False, classes="problem")

    def answer_height(self) -> int:
        return 2

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._judge(event.value)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        value = self._judge(event.value)
        if value is not None:
            self.dismiss(value)

    def _judge(self, text: str) -> ValueT | None:
        problem = ""
        value = None
        try:
            value = self._read(text)
        except ValueError as error:
            problem = visible(str(error))
        self.query_one(".problem", Static).update(problem)
        return value


class _Answers(Dialog[ResultT], Generic[ResultT]):
    """A row of answers; the first has the focus, and is the safe one. Up and down scroll the
    lines above where not all of them show, and else go between the answers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "app.focus_previous", show=False),
        Binding("right,l", "app.focus_next", show=False),
        Binding("up,k", "go(-1)", show=False),
        Binding("down,j", "go(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
    ]

    DEFAULT_CSS = """
    _Answers {
        & .answers { height: 1; width: 100%; align-horizontal: right; }
        & Button {
            height: 1;
            min-width: 10;
            border: none;
            margin-left: 2;
            padding: 0 1;
            background: $panel;
            color: $foreground;
            text-style: none;
        }
        & Button:focus {
            background: $primary;
            background-tint: $foreground 0%;
            color: $background;
            text-style: bold;
        }
        & Button:focus:nocolor, & Button:focus:ansi { text-style: bold reverse; }
    }
    """

    def __init__(
        self,
        title: str,
        lines: Sequence[Line],
        answers: Sequence[tuple[str, ResultT]],
        *,
        hint: str = "",
    ) -> None:
        super().__init__(title, lines, hint=hint)
        self._answers = tuple(answers)

    def compose_answer(self) -> ComposeResult:
        with Horizontal(classes="answers"):
            for index, (label, _) in enumerate(self._answers):
                yield Button(Content(label), id=f"answer-{index}", compact=True)

    def on_mount(self) -> None:
        self.query(Button).first().focus()

    def action_go(self, by: int) -> None:
        for lines in self.query(VerticalScroll):
            if lines.max_scroll_y > 0:
                lines.scroll_relative(y=by, animate=False)
                return
        if by > 0:
            self.focus_next()
        else:
            self.focus_previous()

    def action_page(self, by: int) -> None:
        for lines in self.query(VerticalScroll):
            lines.scroll_relative(y=by * max(lines.size.height - 1, 1), animate=False)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        _, _, index = (event.button.id or "").partition("-")
        self.dismiss(self._answers[int(index)][1])


class Confirm(_Answers[bool]):
    """A question before something that cannot be taken back. No is the default, and escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("n", "answer(False)", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[Line], *, yes: str = "Yes") -> None:
        answers = (("No", False), (yes, True))
        super().__init__(title, lines, answers, hint="y yes   n or esc no")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)

    def action_leave(self) -> None:
        self.dismiss(False)


class Tell(_Answers[str]):
    """Something to read, with one or two ways to go on: (label, answer). Escape answers "".

    `keys` are further keys that answer at once.
    """

    DEFAULT_CSS = """
    Tell.bad > .box { border: round $error; border-title-color: $text-error; }
    """

    def __init__(
        self,
        title: str,
        lines: Sequence[Line],
        *,
        answers: Sequence[tuple[str, str]] = (("Close", ""),),
        keys: Mapping[str, str] | None = None,
        bad: bool = False,
    ) -> None:
        super().__init__(title, lines, answers)
        self._keys = dict(keys or {})
        self.set_class(bad, "bad")

    def on_key(self, event: events.Key) -> None:
        for name in (event.character, event.key):
            if name in self._keys:
                event.stop()
                self.dismiss(self._keys[name])
                return

    def action_leave(self) -> None:
        self.dismiss("")


def field(name: str, value: str | Text) -> Text:
    """A line of a dialog: a dim word, then what it is."""
    text = Hung()
    text.indent = _LABEL
    text.append(name.ljust(_LABEL), "dim")
    text.append(value if isinstance(value, Text) else visible(value))
    return text


def bullet(value: str) -> Text:
    """A line of a dialog that belongs to a list."""
    text = Hung(f"{current().dot} {visible(value)}")
    text.indent = 2
    return text
