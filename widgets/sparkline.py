"""A small chart of counts in block characters."""

from collections.abc import Sequence

from widgets.glyphs import current


def resample(values: Sequence[float], columns: int) -> list[float]:
    """The same sums over `columns` equal spans (fewer values stay as they are)."""
    if len(values) <= columns or columns <= 0:
        return list(values)
    spans = [0.0] * columns
    for index, value in enumerate(values):
        spans[index * columns // len(values)] += value
    return spans


def bars(values: Sequence[float], *, width: int, height: int = 1) -> list[str]:
    """Bars from the top line to the bottom one, at most `width` columns.

    The largest value fills the height; a value above 0 is never drawn as nothing.
    """
    glyphs = current().bars
    levels = len(glyphs) - 1
    columns = resample(values, width)
    most = max(columns, default=0.0)
    filled = []
    for value in columns:
        eighths = round(value / most * height * levels) if most > 0 else 0
        filled.append(max(eighths, 1) if value > 0 else 0)
    lines = []
    for line in range(height - 1, -1, -1):
        floor = line * levels
        lines.append("".join(glyphs[min(max(level - floor, 0), levels)] for level in filled))
    return lines
