"""The risks of a plan under review: a line a kind, and as many as it takes for a grave one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from engine.model import PlanRisk, RiskKind
from widgets.cells import Cell, Name
from widgets.columns import Column
from widgets.glyphs import current
from widgets.plan_words import GRAVE, risk_count, risk_detail, risk_title
from widgets.text import wrap
from widgets.virtual_list import VirtualList

_LINES_AT_MOST = 7  # of the list; it scrolls
_UNSEEN = 80  # cells of a list that has no place yet


@dataclass(frozen=True, slots=True)
class RiskLine:
    """One line of the list: a risk, or more of its text."""

    risk: PlanRisk
    text: str
    first: bool = True


class RiskList(VirtualList[RiskLine]):
    """Kinds of risks with how many moves have them; the one that the moves are filtered by
    carries the mark. The cursor goes from risk to risk; what is grave is never cut."""

    HEADER: ClassVar[bool] = False
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("sign", "", 1),
        Column("title", "risk", 20),
        Column("moves", "moves", 9, right=True),
        Column("detail", "what", 20, flex=1),
    )

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.risks: Sequence[PlanRisk] = ()
        self._only: RiskKind | None = None
        self._lines: Sequence[RiskLine] = ()
        self._laid_for = -1

    def show(self, risks: Sequence[PlanRisk], only: RiskKind | None = None) -> None:
        """Show these; `only` is the one whose moves show."""
        if (tuple(risks), only) != (tuple(self.risks), self._only):
            held = self.cursor_risk
            self.risks, self._only = tuple(risks), only
            self._lay_out(held)

    @property
    def cursor_risk(self) -> PlanRisk | None:
        """The risk under the cursor, None if there is none."""
        line = self.cursor_row
        return line.risk if line is not None else None

    def on_resize(self) -> None:
        if self._laid_for != self._text_width:
            self._lay_out(self.cursor_risk)

    def count(self) -> int:
        return len(self._lines)

    def fetch(self, start: int, stop: int) -> Sequence[RiskLine]:
        return self._lines[start:stop]

    def is_marked(self, row: RiskLine) -> bool:
        return row.first and row.risk.kind is self._only

    def placeholder(self, width: int) -> Sequence[Cell]:
        return [[" ", (f"{current().good} No risk is known.", "dim")]]

    def row_style(self, row: RiskLine) -> str:
        return "" if row.risk.moves else "dim"

    def cell(self, row: RiskLine, key: str, width: int) -> Cell:
        style = _style(row.risk)
        if key == "detail":
            shown = "" if style == "warn" else style or "dim"
            return (row.text, shown) if row.risk.kind in GRAVE else Name(row.text, shown, "right")
        if not row.first:
            return ""
        match key:
            case "sign":
                sign = {"bad": current().bad, "warn": current().warn}.get(style, current().dot)
                return (sign, style)
            case "title":
                return (risk_title(row.risk.kind), style)
            case _:
                return (risk_count(row.risk), style)

    # -- lines ---------------------------------------------------------------------------

    @property
    def _text_width(self) -> int:
        width = self.line_width or _UNSEEN
        placed = (one for one in self._columns(width) if one.column.key == "detail")
        return next((one.width for one in placed), 1)

    def _lay_out(self, held: PlanRisk | None) -> None:
        width = self._laid_for = self._text_width
        self._lines = [line for risk in self.risks for line in _lines(risk, width)]
        kinds = [line.risk.kind for line in self._lines]
        at = kinds.index(held.kind) if held is not None and held.kind in kinds else 0
        self.styles.height = min(max(len(self._lines), 1), _LINES_AT_MOST) + 1  # and its border
        self.rows_changed(cursor=at)

    def action_cursor_down(self) -> None:
        after = range(self.cursor + 1, self.count())
        self.move_cursor(next((n for n in after if self._lines[n].first), self.cursor))

    def action_cursor_up(self) -> None:
        before = range(self.cursor - 1, -1, -1)
        self.move_cursor(next((n for n in before if self._lines[n].first), self.cursor))

    def _show_cursor(self) -> None:
        last = self.cursor + 1  # the rest of the text shows with its first line
        while last < self.count() and not self._lines[last].first:
            last += 1
        if last > self.top + self.visible_count > 0:
            self._scroll_rows(min(self.cursor, last - self.visible_count))
        super()._show_cursor()


def _lines(risk: PlanRisk, width: int) -> list[RiskLine]:
    text = risk_detail(risk)
    if risk.kind not in GRAVE:
        return [RiskLine(risk, text)]
    told = wrap(text, width) or [""]
    return [RiskLine(risk, line, number == 0) for number, line in enumerate(told)]


def _style(risk: PlanRisk) -> str:
    if not risk.moves:
        return "dim"
    if risk.over or risk.kind is RiskKind.REFUSED:
        return "bad"
    return "warn" if risk.kind in GRAVE else ""
