"""The page of a preview: what was read and what it cost, then the bytes."""

from engine.model import PREVIEW_BYTES, Preview, PreviewKind, PreviewState
from widgets.cells import Cell, Name, Part
from widgets.glyphs import current
from widgets.lines import Lines, field, heading, long_field, paragraph
from widgets.object_list import TIER_STYLE
from widgets.preview_lines import body_lines, column_count
from widgets.text import bytes_text, count_text, date_text, money_text


class PreviewCard(Lines):
    """Shows a preview; while there is none, that it is read, or why it could not be."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.preview: Preview | None = None
        self.as_bytes = False
        self.limit = PREVIEW_BYTES
        self.read_key = "v"
        self._column = 0
        self._failed: tuple[str, ...] = ()

    def show(self, preview: Preview) -> None:
        """Show this one, from its first column on."""
        if preview != self.preview:
            self._column = 0
        self.preview, self._failed = preview, ()
        self.lines_changed()

    def show_reading(self) -> None:
        """Say that the store is asked, unless something shows already."""
        self._failed = ()
        self.lines_changed()

    def show_failed(self, lines: tuple[str, ...]) -> None:
        """Say why nothing can be shown."""
        self.preview, self._failed = None, lines
        self.lines_changed()

    def turn(self) -> None:
        """Bytes instead of text, and back."""
        self.as_bytes = not self.as_bytes
        self.scroll_home(animate=False)
        self.lines_changed()

    def pan(self, step: int) -> None:
        """Begin a table with a column further right, or left."""
        columns = column_count(self.preview) if self.preview is not None else 0
        column = min(max(self._column + step, 0), max(columns - 1, 0))
        if column != self._column:
            self._column = column
            self.lines_changed()

    def build(self, width: int) -> list[Cell]:
        preview = self.preview
        if self._failed:
            first, *rest = self._failed
            lines = paragraph(f"FAILED: {first}", width, style="bad")
            return lines + [line for text in rest for line in paragraph(text, width)]
        if preview is None:
            return [(f"Reading{current().ellipsis}", "dim")]
        lines = [*facts(preview, width)]
        match preview.state:
            case PreviewState.PRICED:
                lines += ["", *self._priced(preview, width)]
            case PreviewState.ARCHIVED:
                lines += ["", *_archived(preview, width)]
            case PreviewState.READ if preview.kind is PreviewKind.EMPTY:
                lines += ["", ("The object is empty: it has no bytes.", "dim")]
            case PreviewState.READ:
                lines += ["", heading(_what(preview, as_bytes=self.as_bytes))]
                lines += body_lines(preview, width, as_bytes=self.as_bytes, column=self._column)
                if not preview.whole:
                    lines.append((f"{current().ellipsis} more follows, and was not read", "dim"))
        return lines

    def _priced(self, preview: Preview, width: int) -> list[Cell]:
        much = bytes_text(min(self.limit, preview.size))
        text = f"Nothing was read yet: reading from {preview.storage_class} is billed."
        cost = "an unknown amount" if preview.cost is None else _usd(preview.cost)
        ask = f"Press {self.read_key} to read {much} for {cost}."
        return [*paragraph(text, width, style="warn"), *paragraph(ask, width, style="strong")]


def facts(preview: Preview, width: int) -> list[Cell]:
    """Which version this is, how much of it was read, and what that costs."""
    lines = long_field("object", str(preview.address), width)
    if preview.pin.version_id:
        lines += long_field("version", preview.pin.version_id, width)
    tier: list[Part] = [(preview.tier.value, TIER_STYLE[preview.tier]), "  "]
    lines.append(field("tier", *tier, Name(preview.storage_class, "dim")))
    size = f"{bytes_text(preview.size)}, {date_text(preview.pin.modified)}"
    lines.append(field("stored", size))
    if preview.state is PreviewState.READ and preview.size:
        whole = "all of it" if preview.read == preview.size else "its beginning"
        lines.append(field("read", f"{bytes_text(preview.read)}, {whole}"))
    if preview.costs or preview.cost is None:
        named = ", ".join(f"{name} {_usd(cost)}" for name, cost in preview.costs)
        known = "unknown" if preview.cost is None else _usd(preview.cost)
        restore = preview.state is PreviewState.ARCHIVED
        label = "restoring" if restore else "reading"
        lines += long_field(label, f"{known}  ({named})" if named else known, width)
    for name, value in preview.facts:
        lines += long_field(name, value, width)
    if preview.note:
        lines += paragraph(preview.note, width, style="warn")
    return lines


def _archived(preview: Preview, width: int) -> list[Cell]:
    lines = paragraph(
        "Archived: it cannot be read before it is restored. Nothing was read or asked for.",
        width,
        style="warn",
    )
    if preview.hours:
        text = f"A standard restore takes about {preview.hours:g} hours."
        lines += paragraph(text, width)
    text = "Plan another tier for it (t) or move it (m): the plan restores it, and says the price."
    return lines + paragraph(text, width, style="dim")


def _what(preview: Preview, *, as_bytes: bool) -> str:
    """`text, utf-8, unpacked from gzip`."""
    words = [preview.kind.value]
    if as_bytes and preview.kind is not PreviewKind.BINARY:
        words.append("its bytes")
    elif preview.encoding:
        words.append(preview.encoding + (" (a guess)" if preview.guessed else ""))
    if preview.packed:
        words.append(f"{count_text(len(preview.data))} bytes unpacked from {preview.packed}")
    return ", ".join(words)


def _usd(cost: float) -> str:
    return money_text(cost, currency=True)
