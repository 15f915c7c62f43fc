"""One Kafka message: where it stood, what was made of it, and its bytes, made harmless."""

import json
from typing import ClassVar

from textual.app import ComposeResult

from astra_tui import flows
from astra_tui.screens.base import AstraScreen
from astra_tui.screens.title import TitleLine
from engine.model import EventOutcome, EventRow
from widgets.cells import Cell, Name
from widgets.lines import Lines, field, heading, paragraph
from widgets.text import bytes_text, date_text, wrap

_MOST_BYTES = 256 * 1024  # of a payload that is laid out; the rest is only counted
_MOST_LINES = 4000


def payload_text(raw: bytes) -> tuple[str, str]:
    """A payload as text, and what it is: indented JSON, text, or a hex dump."""
    head = raw[:_MOST_BYTES]
    if len(raw) <= _MOST_BYTES:
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            pass
        else:
            return json.dumps(value, indent=2, ensure_ascii=False), "JSON"
    try:
        return head.decode("utf-8"), "text"
    except UnicodeDecodeError:
        return _hex(head), "bytes"


def _hex(raw: bytes) -> str:
    lines = []
    for at in range(0, len(raw), 16):
        part = raw[at : at + 16]
        signs = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        lines.append(f"{at:06x}  {part.hex(' '):<47}  {signs}")
    return "\n".join(lines)


class MessageCard(Lines):
    """The page of one message."""

    def __init__(self, row: EventRow) -> None:
        super().__init__(id="card")
        self.row = row

    def build(self, width: int) -> list[Cell]:
        row = self.row
        text, kind = payload_text(row.raw)
        rejected = row.outcome is EventOutcome.REJECTED
        place = f"{row.topic}  partition {row.partition}  offset {row.offset}"
        lines: list[Cell] = [
            field("topic", Name(place)),
            field("time", date_text(row.time)),
            field("outcome", (row.outcome.value, "bad" if rejected else "good")),
            field("operation", Name(row.operation)),
            field("subject", Name(row.subject)),
        ]
        if row.detail:
            label = ("why" if rejected else "detail").ljust(14)
            style = "bad" if rejected else ""
            lines += paragraph(row.detail, width, first=[(label, "dim")], indent=14, style=style)
        lines += ["", heading(f"payload  {kind}, {bytes_text(len(row.raw))}")]
        for line in text.split("\n")[:_MOST_LINES]:
            bare = line.lstrip(" ")
            indent = min(len(line) - len(bare), max(width - 20, 0))
            pieces = wrap(bare, max(width - indent, 8)) or [""]
            lines += [[" " * indent, Name(piece)] for piece in pieces]
        if len(row.raw) > _MOST_BYTES:
            lines.append((f"only the first {bytes_text(_MOST_BYTES)} are shown", "dim"))
        return lines


class MessageScreen(AstraScreen[None]):
    """Inspect one message of the feed."""

    SCOPE: ClassVar[str] = "message"

    DEFAULT_CSS = "MessageScreen MessageCard { padding: 1 2; }"

    def __init__(self, row: EventRow) -> None:
        super().__init__()
        self.row = row

    def compose_body(self) -> ComposeResult:
        yield TitleLine("Message", self.row.subject, f"no. {self.row.number}")
        yield MessageCard(self.row)

    def on_mount(self) -> None:
        self.query_one(MessageCard).focus()

    def do_copy(self) -> None:
        flows.copy_text(self.astra, self.row.raw.decode("utf-8", "replace"))
