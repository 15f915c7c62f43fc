"""The signs that widgets draw: one set for UTF-8 terminals, one in plain ASCII."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Glyphs:
    """Every sign, each one cell wide (`bars` holds one sign a character). Compared by identity."""

    cursor: str = "▸"
    mark: str = "●"
    here: str = "▸"  # between region and bucket
    arrow: str = "→"
    ellipsis: str = "…"
    minus: str = "−"
    dot: str = "·"
    on: str = "●"
    off: str = "○"
    wait: str = "◐"
    bad: str = "✗"
    good: str = "✓"
    warn: str = "!"
    up: str = "▲"
    down: str = "▼"
    step_done: str = "●"
    step_now: str = "◐"
    step_todo: str = "○"
    step_bad: str = "✗"
    open_mark: str = "⟨"
    close_mark: str = "⟩"
    space: str = "␣"
    controls: bool = True  # control pictures (U+2400) may be used
    bars: str = " ▁▂▃▄▅▆▇█"
    bar_full: str = "█"
    bar_empty: str = "░"
    rule: str = "─"


UNICODE = Glyphs()
ASCII = Glyphs(
    cursor=">",
    mark="*",
    here=">",
    arrow=">",
    ellipsis="~",
    minus="-",
    dot="-",
    on="*",
    off="o",
    wait="~",
    bad="x",
    good="+",
    warn="!",
    up="^",
    down="v",
    step_done="#",
    step_now=">",
    step_todo=".",
    step_bad="x",
    open_mark="<",
    close_mark=">",
    space="_",
    controls=False,
    bars=" .:-=+*#@",
    bar_full="#",
    bar_empty=".",
    rule="-",
)

_PLAIN_TERMINALS = frozenset({"linux", "dumb", "vt100", "vt102", "vt220", "ansi", "cons25"})


def detect(environ: Mapping[str, str] | None = None, encoding: str | None = None) -> Glyphs:
    """The set that this terminal can show, from TERM and the encoding of standard output."""
    environ = os.environ if environ is None else environ
    if encoding is None:
        encoding = getattr(sys.__stdout__, "encoding", None) or "ascii"
    if environ.get("TERM", "") in _PLAIN_TERMINALS:
        return ASCII
    return UNICODE if encoding.lower().replace("-", "").startswith("utf8") else ASCII


_current = UNICODE


def current() -> Glyphs:
    """The set in use."""
    return _current


def use(glyphs: Glyphs) -> None:
    """Choose the set, once, before the first frame."""
    global _current
    _current = glyphs
