"""The words around a pane's rows: its titles, and what stands where rows would."""

from rich.text import Text

from engine.model import CloudStatus, ListingQuery, ListingState, ListingView, SortKey
from widgets.cells import Cell, Name
from widgets.glyphs import current
from widgets.key_names import key_of
from widgets.marks import Marks
from widgets.text import bytes_text, count_text, counted, money_text, name_text, size_text, wrap


def warning(status: CloudStatus | None, rows: int) -> str:
    """What is wrong while old rows still show, "" if nothing is."""
    if status is None or status.state is not ListingState.FAILED or not rows:
        return ""
    return f"{current().bad} FAILED, {key_of('reload')} lists again: {status.error}"


def title(cloud: str, status: CloudStatus | None, room: int) -> Text:
    """The cloud and its place, at most `room` cells."""
    head = name_text(cloud, width=16, style="bold")
    if status is None:
        return head
    place = Text()
    if status.region:
        place.append_text(name_text(status.region, width=20))
        place.append(f" {current().here} ")
    place.append_text(name_text(status.bucket, width=40))
    if status.prefix:
        place.append("/").append_text(name_text(status.prefix, width=30, cut="left"))
    if status.read_only:
        place.append("  read-only")
    left = room - head.cell_len - 2
    if place.cell_len > left and status.region:
        place = name_text(status.bucket, width=max(left, 4))
    return Text.assemble(head, "  ", place)


def subtitle(
    status: CloudStatus | None,
    view: ListingView | None,
    query: ListingQuery,
    marks: Marks,
    room: int,
    *,
    ranging: bool = False,
) -> Text:
    """Marks, state, totals, filter and order, as far as there is room."""
    if status is None:
        return Text()
    glyphs = current()
    parts: list[Text] = [Text("MARKING", "bold")] if ranging else []
    if marks:
        size = bytes_text(marks.bytes)
        folders = f", {counted(len(marks.folders), 'folder')}" if marks.folders else ""
        parts.append(Text(f"{glyphs.mark} {count_text(marks.count)} marked{folders} {size}"))
    if status.state is ListingState.FAILED:
        parts.append(Text("FAILED", "bold"))
    elif status.state is ListingState.LOADING:
        parts.append(Text(f"listing{glyphs.ellipsis} {count_text(status.objects)}"))
    filtered = bool(query.text)
    if view is not None and (filtered or len(view)):
        if view.query.folder is not None:
            parts.append(Text(_held(view)))
        else:
            among = f"{count_text(len(view))} of " if filtered else ""
            whole = status.objects if filtered else len(view)
            parts.append(Text(f"{among}{counted(whole, 'object')}"))
        parts.append(Text(size_text(view.total_bytes)))
        parts.append(Text(f"{money_text(view.total_cost_month, currency=True)}/mo"))
    if filtered:
        parts.append(Text("/").append_text(name_text(query.text, width=16)))
    sort = query.sort
    if sort is not SortKey.NAME or query.descending:
        sign = glyphs.down if query.descending else glyphs.up
        parts.append(Text(f"by {sort.value} {sign}"))
    line = Text()
    for part in parts:
        if line.cell_len + part.cell_len + 3 > room:
            continue
        if line:
            line.append(f" {glyphs.dot} ")
        line.append_text(part)
    return line


def _held(view: ListingView) -> str:
    """`3 folders, 12 objects`: the lines of a folder."""
    objects = len(view) - view.folders
    folders = counted(view.folders, "folder")
    if not view.folders:
        return counted(objects, "object")
    return f"{folders}, {counted(objects, 'object')}" if objects else folders


def placeholder(status: CloudStatus | None, query: ListingQuery, width: int) -> list[Cell]:
    """What stands where rows would: each state has its own words."""
    glyphs = current()
    inner = max(width - 4, 8)
    if status is None or status.state is ListingState.IDLE:
        again = f"Press {key_of('reload')} to list it."
        return [_line(("Not listed yet.", "strong")), _line((again, "dim"))]
    if status.state is ListingState.FAILED:
        lines: list[Cell] = [_line((f"{glyphs.bad} FAILED: not listed", "bad"))]
        lines += [_line(Name(text)) for text in wrap(status.error or "no reason given", inner)]
        lines += [_line(Name(text, "dim")) for text in wrap(status.error_todo, inner)]
        return [*lines, "", _line((f"Press {key_of('reload')} to try again.", "strong"))]
    if status.state is ListingState.LOADING and not status.objects:
        return [_line((f"Listing{glyphs.ellipsis}", "strong"), " no objects so far")]
    if query.text and status.objects:
        shown = Name(query.text, "strong")
        back = f"{key_of('filter')} then esc shows them."
        return [
            _line("No name has ", shown, "."),
            _line((f"{counted(status.objects, 'object')}; {back}", "dim")),
        ]
    if status.state is ListingState.LOADING:
        return [
            _line((f"Listing{glyphs.ellipsis}", "strong"),
                  f" {counted(status.objects, 'object')} so far"),
        ]  # fmt: skip
    if status.state is ListingState.EMPTY or not status.objects:
        return [
            _line(("Empty.", "strong"), " The listing came through"),
            _line("and holds no object."),
        ]
    if query.folder is not None:
        return [
            _line(("Nothing lies in this folder.", "strong")),
            _line((f"{key_of('up-folder')} goes up.", "dim")),
        ]
    return [_line((counted(status.objects, "object"), "dim"))]


def _line(*parts: str | tuple[str, str] | Name) -> Cell:
    return ["  ", *parts]
