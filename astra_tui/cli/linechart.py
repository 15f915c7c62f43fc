"""Lines in a grid of letters: a chart that any terminal can show, colour or not."""

from collections.abc import Sequence


def line_chart(
    series: Sequence[tuple[str, Sequence[float]]],
    ends: tuple[str, str],
    *,
    width: int,
    height: int = 12,
) -> list[str]:
    """Lines of text for (sign, values) pairs on one scale from 0; where two meet, the first shows.

    A sign is one character. `ends` are the words below the first and the last value.
    """
    top = max((max(values, default=0.0) for _, values in series), default=0.0)
    places = 0 if top >= 100 else 2 if top >= 1 else 4
    labels = [f"${top * row / (height - 1):,.{places}f}" for row in range(height - 1, -1, -1)]
    margin = max(map(len, labels))
    columns = max(width - margin - 3, 10)
    grid = [[" "] * columns for _ in range(height)]
    for sign, values in reversed(series):
        for column in range(columns if values else 0):
            value = values[round(column * (len(values) - 1) / (columns - 1))]
            row = round(value / top * (height - 1)) if top > 0 else 0
            grid[height - 1 - row][column] = sign
    lines = []
    for row, cells in enumerate(grid):
        label = labels[row] if row % 3 == 0 or row == height - 1 else ""
        lines.append(f"{label:>{margin}} |{''.join(cells)}".rstrip())
    lines.append(f"{'':>{margin}} +{'-' * columns}")
    lines.append(f"{'':>{margin}}  {ends[0]}{ends[1]:>{max(columns - len(ends[0]), 0)}}".rstrip())
    return lines
