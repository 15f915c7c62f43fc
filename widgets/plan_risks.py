"""The risks of a plan under review, one kind a line."""

from collections.abc import Sequence
from typing import ClassVar

from engine.model import PlanRisk, RiskKind
from widgets.cells import Cell, Name
from widgets.columns import Column
from widgets.glyphs import current
from widgets.plan_words import GRAVE, risk_count, risk_detail, risk_title
from widgets.virtual_list import VirtualList


class RiskList(VirtualList[PlanRisk]):
    """Kinds of risks with how many moves have them; the one that the moves are filtered by
    carries the mark."""

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

    def show(self, risks: Sequence[PlanRisk], only: RiskKind | None = None) -> None:
        """Show these; `only` is the one whose moves show."""
        if (tuple(risks), only) != (tuple(self.risks), self._only):
            self.risks, self._only = tuple(risks), only
            self.rows_changed()

    def count(self) -> int:
        return len(self.risks)

    def fetch(self, start: int, stop: int) -> Sequence[PlanRisk]:
        return self.risks[start:stop]

    def is_marked(self, row: PlanRisk) -> bool:
        return row.kind is self._only

    def placeholder(self, width: int) -> Sequence[Cell]:
        return [[" ", (f"{current().good} No risk is known.", "dim")]]

    def row_style(self, row: PlanRisk) -> str:
        return "" if row.moves else "dim"

    def cell(self, row: PlanRisk, key: str, width: int) -> Cell:
        style = _style(row)
        match key:
            case "sign":
                sign = {"bad": current().bad, "warn": current().warn}.get(style, current().dot)
                return (sign, style)
            case "title":
                return (risk_title(row.kind), style)
            case "moves":
                return (risk_count(row), style)
            case _:
                return Name(risk_detail(row), "dim" if style != "bad" else style, "right")


def _style(risk: PlanRisk) -> str:
    if not risk.moves:
        return "dim"
    if risk.over or risk.kind is RiskKind.REFUSED:
        return "bad"
    return "warn" if risk.kind in GRAVE else ""
