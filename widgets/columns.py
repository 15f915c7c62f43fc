"""Columns that fit a width: the important ones first, the names get what is left."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Widths in cells.

    `priority` 0 is always shown, higher numbers come in ascending order as room allows. `wide`
    is a roomier width, taken at `wide_priority`. A column with `flex` > 0 shares what is left,
    and optional ones only come in while it keeps `comfort` cells.
    """

    key: str
    title: str
    width: int
    priority: int = 0
    right: bool = False
    wide: int = 0
    wide_priority: int = 1
    flex: int = 0
    comfort: int = 0


@dataclass(frozen=True, slots=True)
class Placed:
    """A column with the width it got."""

    column: Column
    width: int


GAP = 1


def fit(columns: Sequence[Column], width: int) -> tuple[Placed, ...]:
    """Choose and size the columns for a line of `width` cells, in their given order."""
    chosen = {column.key: column.width for column in columns if column.priority == 0}
    comfort = {column.key: max(column.comfort, column.width) for column in columns if column.flex}
    upgrades: list[tuple[int, Column, int]] = []
    for column in columns:
        if column.priority > 0:
            upgrades.append((column.priority, column, column.width))
        if column.wide > column.width:
            upgrades.append((column.wide_priority, column, column.wide))
    upgrades.sort(key=lambda item: item[0])

    def needed(widths: dict[str, int]) -> int:
        cells = sum(max(cells, comfort.get(key, 0)) for key, cells in widths.items())
        return cells + GAP * (len(widths) - 1)

    for _, column, cells in upgrades:
        larger = {**chosen, column.key: cells}
        if needed(larger) > width:
            break
        chosen = larger

    flexible = [column for column in columns if column.flex and column.key in chosen]
    left = width - sum(chosen.values()) - GAP * (len(chosen) - 1)
    for column in reversed(columns):  # too narrow even so: the fixed ones go, the last first
        if left < 0 and flexible and column.key in chosen and not column.flex:
            left += chosen.pop(column.key) + GAP
    for column in reversed(flexible):  # and then the flexible ones give way
        give = min(max(-left, 0), chosen[column.key] - 1)
        chosen[column.key] -= give
        left += give
    if flexible and left > 0:
        shares = sum(column.flex for column in flexible)
        rest = left
        for column in flexible:
            extra = left * column.flex // shares
            chosen[column.key] += extra
            rest -= extra
        chosen[flexible[0].key] += rest
    return tuple(Placed(c, chosen[c.key]) for c in columns if c.key in chosen)
