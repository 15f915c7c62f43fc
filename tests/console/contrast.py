"""The contrast of all text that is really drawn, as WCAG 2.2 counts it."""

from collections.abc import Iterator
from typing import Any

from rich.color import Color, ColorType
from rich.segment import Segment
from textual.geometry import Region

from astra_tui import themes

ENOUGH = {themes.DARK: 4.5, themes.LIGHT: 4.5, themes.CONTRAST: 7.0}
"""WCAG 2.2: 4.5 for text (AA), 7 for the theme of high contrast (AAA)."""
LINES = {chr(code) for code in (*range(0x2500, 0x25A0), *range(0x2800, 0x2900))} | {" "}
"""Borders, bars and charts: they repeat what is written, and are no text."""


def luminance(color: tuple[int, int, int]) -> float:
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (value / 255 for value in color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def rgb(color: Color | None) -> tuple[int, int, int] | None:
    if color is None or color.type is not ColorType.TRUECOLOR or color.triplet is None:
        return None
    return tuple(color.triplet)  # type: ignore[return-value]


def segments(app: Any, region: Region | None) -> Iterator[Segment]:
    """What is drawn now, as it is drawn; only that in the region, if one is given."""
    for y, strip in enumerate(app.screen._compositor.render_strips()):
        if region is None:
            yield from strip
        elif region.y <= y < region.bottom:
            yield from strip.crop(region.x, region.right)


def box(app: Any) -> Region | None:
    """Where the dialog on top is; None without one."""
    boxes = list(app.screen.query(".box"))
    return boxes[0].region if boxes else None


def too_faint(app: Any, enough: float, region: Region | None = None) -> list[str]:
    """The texts whose contrast is too low, with it and their colours."""
    found: dict[str, str] = {}
    for text, style, _ in segments(app, region):
        if style is None or not set(text) - LINES:
            continue
        front, back = rgb(style.color), rgb(style.bgcolor)
        if front is None or back is None:
            continue
        if style.reverse:
            front, back = back, front
        value = contrast(front, back)
        if style.dim:
            value /= 2
        if value < enough:
            colors = f"{style.color.name} on {style.bgcolor.name}"  # type: ignore[union-attr]
            found.setdefault(colors, f"{text.strip()[:24]!r} {value:.2f} {colors}")
    return sorted(found.values())
