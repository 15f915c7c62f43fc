"""One move of a plan, whole: why, what it costs, what is lost, what may go wrong."""

from engine.model import Move
from widgets.cells import Cell, Name
from widgets.glyphs import current
from widgets.lines import Lines, field, long_field, paragraph
from widgets.object_list import TIER_STYLE
from widgets.plan_words import expected_text, payback_text
from widgets.text import bytes_text, money_text


class MoveCard(Lines):
    """What stands behind one line of the plan table."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.move: Move | None = None

    def show(self, move: Move | None) -> None:
        """Show this move; None leaves the card empty."""
        if move != self.move:
            self.move = move
            self.lines_changed()

    def build(self, width: int) -> list[Cell]:
        move, glyphs = self.move, current()
        if move is None:
            return [("A move shows its reason, costs and risks here.", "dim")]
        lines: list[Cell] = []
        if move.refused:
            lead = [(f"{glyphs.bad} refused  ", "bad")]
            lines += paragraph(move.refused, width, first=lead, indent=11, style="bad")
        lines += [
            *long_field("from", str(move.source), width),
            *long_field("to", str(move.destination), width),
            field(
                "class",
                (move.from_tier.value, TIER_STYLE[move.from_tier]),
                " ",
                Name(move.from_class, "dim"),
                f" {glyphs.arrow} ",
                (move.to_tier.value, TIER_STYLE[move.to_tier]),
                " ",
                Name(move.to_class, "dim"),
                f"  {bytes_text(move.size)}",
            ),
        ]
        if move.reason:
            lines += long_field("why", move.reason, width)
        saving = money_text(move.saving_per_month, currency=True, signed=True)
        once = money_text(move.one_time_cost, currency=True)
        payback = payback_text(move.saving_per_month, move.one_time_cost)
        lines.append(field("money", f"{saving}/mo, once {once}, pays back: {payback}"))
        expected = expected_text(move.saving_per_month, move.expected_saving)
        if expected:
            text = f"at the last 30 days' reads; its {expected}. {move.assumption}"
            lines += long_field("", text, width)
        for label, cost in move.cost_lines:
            lines.append(["  ", ("  once ", "dim"), f"{money_text(cost, currency=True):>9} ",
                          Name(label, "dim")])  # fmt: skip
        for risk in move.risks:
            lines += paragraph(risk, width, first=[(f"{glyphs.warn} risk ", "warn")], indent=7)
        for loss in move.losses:
            lines += paragraph(loss, width, first=[(f"{glyphs.warn} lost ", "warn")], indent=7)
        return lines
