"""What a program wrote to a terminal, as one SVG that plays it.

Each row's content is drawn once for each stretch of time in which it stood still; a clock of
SVG's own (SMIL) shows and hides them. No script, no font and nothing from elsewhere is needed.
"""

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from tests.terminal.emulator import Terminal

STEP = 1.0  # seconds between two pictures
CELL = (8.4, 18.0)  # width and height of a cell
FONT = "'DejaVu Sans Mono', ui-monospace, Menlo, Consolas, monospace"
INK, PAPER = "#c5c8c6", "#121212"
_NAMED = {
    "black": "#000000", "red": "#cc555a", "green": "#98a84b", "brown": "#d0b344",
    "blue": "#608ab1", "magenta": "#98729f", "cyan": "#68a0b3", "white": "#c5c8c6",
}  # fmt: skip


class Run(NamedTuple):
    """Cells side by side that look alike."""

    column: int
    text: str
    ink: str
    paper: str
    bold: bool


Row = tuple[Run, ...]


def moving_picture(output: Sequence[tuple[float, str]], width: int, height: int) -> str:
    """The SVG; `output` is (seconds, text) in order. It begins anew when it has ended."""
    length = output[-1][0] + STEP
    stretches = _stretches(list(_pictures(output, width, height)), length)
    across, down = width * CELL[0], height * CELL[1]
    inks: dict[tuple[str, bool], str] = {}
    groups: list[str] = []
    for row, begin, end, runs in stretches:
        drawn = _drawn(runs, row, across, inks)
        if drawn and begin <= 0 and end >= length:
            groups.append(drawn)
        elif drawn:
            shown = f'begin="play.begin+{begin:g}s" dur="{end - begin:g}s"'
            groups.append(
                f'<g visibility="hidden"><set attributeName="visibility" to="visible" {shown}/>'
                f"{drawn}</g>"
            )
    style = "".join(
        f".{name}{{fill:{ink}{';font-weight:bold' if bold else ''}}}"
        for (ink, bold), name in inks.items()
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across:.0f} {down:.0f}" '
            f'font-family="{FONT}" font-size="14">',
            f"<style>text{{white-space:pre}}{style}</style>",
            f'<rect width="100%" height="100%" fill="{PAPER}">',
            '<animate id="play" attributeName="x" from="0" to="0" begin="0;play.end" '
            f'dur="{length:g}s"/>',
            "</rect>",
            *groups,
            "</svg>",
            "",
        ]
    )


def _pictures(
    output: Sequence[tuple[float, str]], width: int, height: int
) -> Iterator[tuple[float, list[Row]]]:
    """What stood on the screen at each step in which anything was written."""
    terminal, due = Terminal(width, height), STEP
    for at, text in output:
        while at >= due:
            yield round(due - STEP, 3), _rows(terminal)
            due += STEP
        terminal.feed(text)
    yield round(due - STEP, 3), _rows(terminal)


def _stretches(
    pictures: list[tuple[float, list[Row]]], length: float
) -> list[tuple[int, float, float, Row]]:
    """(row, begin, end, content) of whatever stood still."""
    made: list[tuple[int, float, float, Row]] = []
    for row in range(len(pictures[0][1])):
        begin, content = pictures[0][0], pictures[0][1][row]
        for at, rows in pictures[1:]:
            if rows[row] != content:
                made.append((row, begin, at, content))
                begin, content = at, rows[row]
        made.append((row, begin, length, content))
    return made


def _rows(terminal: Terminal) -> list[Row]:
    screen = terminal.screen
    return [tuple(_runs(screen.buffer[y], screen.columns)) for y in range(screen.lines)]


def _runs(cells: dict[int, object], width: int) -> Iterator[Run]:
    begin, text, look = 0, "", ("", "", False)
    for column in range(width):
        char: object = cells[column]
        data, mine = _look(char)
        if data.isspace() and mine[1] == look[1] and text:
            mine = look  # a blank has no ink
        if mine != look and text:
            yield Run(begin, text, *look)
            text = ""
        if not text:
            begin, look = column, mine
        text += data
    if text:
        yield Run(begin, text, *look)


def _look(char: object) -> tuple[str, tuple[str, str, bool]]:
    data, ink, paper, bold, *_ = char  # type: ignore[misc]
    ink, paper = _colour(ink, INK), _colour(paper, PAPER)
    if getattr(char, "reverse", False):
        ink, paper = paper, ink
    return data, (ink, paper, bold)


def _colour(name: str, default: str) -> str:
    if name == "default":
        return default
    return _NAMED.get(name, f"#{name}" if len(name) == 6 else default)


def _drawn(runs: Row, row: int, across: float, inks: dict[tuple[str, bool], str]) -> str:
    """A row: the papers that differ, then all its text, as wide as its cells are."""
    top, papers, text = row * CELL[1], "", ""
    for run in runs:
        if run.paper != PAPER:
            x, wide = run.column * CELL[0], len(run.text) * CELL[0]
            shape = f"M{x:.0f} {top:g}h{wide:.0f}v{CELL[1]:g}h-{wide:.0f}z"
            papers += f'<path d="{shape}" fill="{run.paper}"/>'
        name = inks.setdefault((run.ink, run.bold), f"i{len(inks)}")
        text += f'<tspan class="{name}">{escape(run.text, quote=False)}</tspan>'
    if not any(run.text.strip() for run in runs):
        return papers
    return (
        f'{papers}<text y="{top + CELL[1] * 0.75:g}" textLength="{across:.0f}" '
        f'xml:space="preserve">{text}</text>'
    )
