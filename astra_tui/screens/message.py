"""One Kafka message: where it stood, what was made of it, what it did, and its bytes."""

from typing import ClassVar

from textual.app import ComposeResult

from astra_tui import flows
from astra_tui.keymap import Action
from astra_tui.payload import MOST_BYTES, MOST_LINES, payload_text
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.dialogs import Choice, Choosable
from astra_tui.screens.object import ObjectScreen
from astra_tui.screens.title import TitleLine
from engine.model import Address, EventOutcome, EventRow, MessageDetail, MessageEffect
from engine.model.events import LIVE
from widgets.cells import Cell, Name, Part
from widgets.lines import Lines, field, heading, long_field, paragraph
from widgets.object_list import TIER_SHORT, TIER_STYLE
from widgets.text import bytes_text, count_text, counted, date_text, wrap

_HEADERS = 50  # that are shown
_LATE = 1.0  # seconds between Kafka's time and ours that are worth a word


class MessageCard(Lines):
    """The page of one message; `detail` may come later, or never."""

    def __init__(self, row: EventRow) -> None:
        super().__init__(id="card")
        self.row = row
        self.detail: MessageDetail | None = None
        self.gone = False

    def show(self, row: EventRow, detail: MessageDetail | None, *, gone: bool = False) -> None:
        """Show what is known of a message."""
        other = row.number != self.row.number
        self.row, self.detail, self.gone = row, detail, gone
        self.lines_changed()
        if other:
            self.scroll_home(animate=False)

    def build(self, width: int) -> list[Cell]:
        row, detail = self.row, self.detail
        rejected = row.outcome is EventOutcome.REJECTED
        place = f"{row.topic}  partition {row.partition}  offset {row.offset}"
        lines: list[Cell] = [
            field("topic", Name(place)),
            *long_field("key", row.key.decode("utf-8", "backslashreplace") or "none", width),
            *self._times(),
            field("outcome", (row.outcome.value, "bad" if rejected else "good")),
        ]
        if not rejected:
            lines.append(field("operation", Name(row.operation)))
            lines += long_field("subject", row.subject, width)
        if row.detail:
            style = "bad" if rejected else ""
            lines += long_field("why" if rejected else "detail", row.detail, width, style=style)
        if detail is not None:
            lines += long_field("read as", detail.form, width)
            lines += self._effects(detail, width)
            lines += self._headers(detail, width)
        elif self.gone:
            text = "It has left the feed: what it did is no longer known."
            lines += paragraph(text, width, first=[("did".ljust(14), "dim")], indent=14)
        return [*lines, "", *self._payload(width)]

    def _times(self) -> list[Cell]:
        row, detail = self.row, self.detail
        if detail is None:
            return [field("time", date_text(row.time))]
        times = [("time", row.time), ("in Kafka", detail.stamp), ("arrived", detail.arrived)]
        return [
            field(label, date_text(when), *_apart(when - row.time))
            for number, (label, when) in enumerate(times)
            if number == 0 or abs(when - row.time) >= _LATE
        ]

    def _effects(self, detail: MessageDetail, width: int) -> list[Cell]:
        lines: list[Cell] = []
        for number, effect in enumerate(detail.effects):
            lines += long_field("" if number else "did", effect.what, width)
            if effect.address is not None:
                lines.append(_object(effect))
        if detail.more_effects:
            lines.append(field("", (f"and {count_text(detail.more_effects)} more", "dim")))
        return lines

    def _headers(self, detail: MessageDetail, width: int) -> list[Cell]:
        if not detail.headers:
            return []
        lines: list[Cell] = ["", heading(f"headers  {len(detail.headers)}")]
        for name, value in detail.headers[:_HEADERS]:
            text = f"{name} = {value.decode('utf-8', 'backslashreplace')}"
            lines += paragraph(text, width, indent=2, strip=False)
        return lines

    def _payload(self, width: int) -> list[Cell]:
        row = self.row
        size = self.detail.size if self.detail is not None else len(row.raw)
        text, kind = payload_text(row.raw, size)
        lines: list[Cell] = [heading(f"payload  {kind}, {bytes_text(size)}")]
        for line in text.split("\n")[:MOST_LINES]:
            bare = line.lstrip(" ")
            indent = min(len(line) - len(bare), max(width - 20, 0))
            pieces = wrap(bare, max(width - indent, 8)) or [""]
            lines += [[" " * indent, Name(piece)] for piece in pieces]
            if len(lines) > MOST_LINES:
                lines = [*lines[:MOST_LINES], ("more lines are left out", "dim")]
                break
        shown = min(len(row.raw), MOST_BYTES)
        if shown < size:
            lines.append((f"only the first {bytes_text(shown)} are shown", "dim"))
        return lines


def _apart(seconds: float) -> list[Part]:
    if abs(seconds) < _LATE:
        return []
    return [(f"  {abs(seconds):,.0f} s {'later' if seconds > 0 else 'earlier'}", "dim")]


def _object(effect: MessageEffect) -> Cell:
    """`aws:data/a.csv  HOT  STANDARD  12 reads in 30 days`."""
    assert effect.address is not None
    parts: list[Part] = [Name(str(effect.address))]
    if effect.tier is not None:
        parts += ["  ", (TIER_SHORT[effect.tier], TIER_STYLE[effect.tier])]
        parts += ["  ", Name(effect.storage_class, "dim")]
    elif not effect.listed:
        parts.append(("  not listed", "dim"))
    parts.append((f"  {counted(effect.reads_30d, 'read')} in 30 days", "dim"))
    return field("", *parts)


class MessageScreen(AstraScreen[None]):
    """Inspect one message of a feed, and go on to its key's others or to the object."""

    SCOPE: ClassVar[str] = "event"

    DEFAULT_CSS = "MessageScreen MessageCard { padding: 1 2; }"

    def __init__(self, row: EventRow, feed: str = LIVE) -> None:
        super().__init__()
        self.row = row
        self.feed = feed
        self.detail: MessageDetail | None = None

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Message", self.row.subject or self.row.detail, f"no. {self.row.number}")
        yield MessageCard(self.row)

    def on_mount(self) -> None:
        self.query_one(MessageCard).focus()
        self.launch(self._read(self.row.number), "read the message")

    async def _read(self, number: int) -> None:
        detail = await self.astra.engine.message(number, self.feed)
        if not self.is_mounted:
            return
        if detail is not None:
            self.row = detail.row
        elif number != self.row.number:
            self.astra.say("That message is no longer kept.", "warning")
            return
        self.detail = detail
        row = self.row
        self.query_one(TitleLine).show(row.subject or row.detail, f"no. {row.number}")
        self.query_one(MessageCard).show(row, detail, gone=detail is None)
        self.refresh_footer()

    def why_not(self, action: Action) -> str:
        detail = self.detail
        match action.id:
            case "next-message" if detail is None or not detail.following:
                return "There is no later message with this key in the feed."
            case "previous-message" if detail is None or not detail.previous:
                return "There is no earlier message with this key in the feed."
            case "to-object" if not self._addresses():
                return "This message is about no object."
        return ""

    def _addresses(self) -> list[Address]:
        effects = self.detail.effects if self.detail is not None else ()
        return [effect.address for effect in effects if effect.address is not None]

    async def do_next_message(self) -> None:
        if self.detail is not None:
            await self._read(self.detail.following)

    async def do_previous_message(self) -> None:
        if self.detail is not None:
            await self._read(self.detail.previous)

    async def do_to_object(self) -> None:
        addresses = self._addresses()
        address = addresses[0]
        if len(addresses) > 1:
            choices = [Choosable(each, str(each)) for each in addresses]
            chosen = await self.astra.ask(Choice("Which object?", choices))
            if chosen is None:
                return
            address = chosen.value
        self.app.push_screen(ObjectScreen(address))

    def do_copy(self) -> None:
        flows.copy_text(self.astra, self.row.raw.decode("utf-8", "replace"))
