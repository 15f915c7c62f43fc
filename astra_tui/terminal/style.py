"""How a cell looks (SGR state and hyperlink), and the shortest way from one look to another.

Codes as in ECMA-48 §8.3.117 and xterm's control sequences.
"""

from dataclasses import dataclass, field
from functools import lru_cache

RESET = "\x1b[0m"
NO_LINK = "\x1b]8;;\x1b\\"

# SGR code that switches an attribute on -> the code that switches it off. Bold and dim share
# one, so do the two underlines.
_OFF: dict[str, str] = {
    "1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "6": "25", "7": "27", "8": "28",
    "9": "29", "21": "24", "51": "54", "52": "54", "53": "55",
}  # fmt: skip
_GROUPS: dict[str, frozenset[str]] = {
    off: frozenset(on for on, its_off in _OFF.items() if its_off == off) for off in _OFF.values()
}
# Attributes that a blank does not show; all others leave ink in it, or turn its colours round.
_UNSEEN = frozenset(("1", "2", "3"))
_FOREGROUND = frozenset(str(n) for n in (*range(30, 38), *range(90, 98)))
_BACKGROUND = frozenset(str(n) for n in (*range(40, 48), *range(100, 108)))
_KNOWN_STYLES = 8192  # more than that are forgotten: animations make new colours all the time


@dataclass(frozen=True, slots=True, eq=False)
class Style:
    """One look, compared by identity: `style()` gives the same object for the same look.

    `fg`, `bg` and `extra` are SGR parameters ("38;2;1;2;3"), empty for the terminal's own;
    `extra` holds what is not understood here, in the order it came. `link` is the body of an
    OSC 8 sequence ("id=1;https://…"), empty for none.
    """

    attributes: frozenset[str]
    fg: str
    bg: str
    link: str
    extra: str
    blank: "Style" = field(init=False)  # the least style in which a blank looks the same

    def parameters(self) -> list[str]:
        """SGR parameters that make this look out of the terminal's own."""
        return [
            *sorted(self.attributes, key=int),
            *(part for part in (self.fg, self.bg, self.extra) if part),
        ]


_styles: dict[tuple[frozenset[str], str, str, str, str], Style] = {}


def style(
    attributes: frozenset[str] = frozenset(),
    fg: str = "",
    bg: str = "",
    link: str = "",
    extra: str = "",
) -> Style:
    """The one object for this look."""
    key = (attributes, fg, bg, link, extra)
    found = _styles.get(key)
    if found is None:
        if len(_styles) >= _KNOWN_STYLES:
            # Equal looks may be two objects from here on: sent once more, never wrong.
            _styles.clear()
        found = _styles[key] = Style(*key)
        simple = not link and not extra and attributes <= _UNSEEN
        plain = found if not simple or not (attributes or fg) else style(bg=bg)
        object.__setattr__(found, "blank", plain)
    return found


PLAIN = style()


@lru_cache(maxsize=4096)
def selected(before: Style, parameters: str) -> Style:
    """The look after an SGR sequence with these parameters."""
    parts = parameters.split(";")
    attributes, fg, bg = before.attributes, before.fg, before.bg
    extra = before.extra
    at = 0
    while at < len(parts):
        code = parts[at]
        at += 1
        if not code or not code.strip("0"):
            attributes, fg, bg, extra = frozenset(), "", "", ""
        elif code in _OFF:
            attributes |= {code}
        elif code in _GROUPS:
            attributes -= _GROUPS[code]
        elif code in _FOREGROUND:
            fg = code
        elif code in _BACKGROUND:
            bg = code
        elif code == "39":
            fg = ""
        elif code == "49":
            bg = ""
        elif code in ("38", "48", "58"):
            size = {"5": 2, "2": 4}.get(parts[at] if at < len(parts) else "", 0)
            colour = ";".join((code, *parts[at : at + size]))
            at += size
            if code == "38":
                fg = colour
            elif code == "48":
                bg = colour
            else:
                extra = f"{extra};{colour}" if extra else colour
        else:
            extra = f"{extra};{code}" if extra else code
    return style(attributes, fg, bg, before.link, extra)


def linked(before: Style, link: str) -> Style:
    """The look after an OSC 8 sequence with this body; one without an address ends the link."""
    url = link.partition(";")[2]
    return style(before.attributes, before.fg, before.bg, link if url else "", before.extra)


@lru_cache(maxsize=4096)
def change(before: Style | None, after: Style) -> str:
    """The shortest sequence from one look to another; from an unknown look if None."""
    if before is after:
        return ""
    link = ""
    if before is None or before.link != after.link:
        link = f"\x1b]8;{after.link}\x1b\\" if after.link else NO_LINK
    parameters = after.parameters()
    whole = f"\x1b[{';'.join(('0', *parameters))}m" if parameters else "\x1b[m"
    if before is None or before.extra != after.extra or before.extra:
        return link + whole
    steps: list[str] = []
    kept = before.attributes
    for off in sorted({_OFF[code] for code in before.attributes - after.attributes}):
        steps.append(off)
        kept -= _GROUPS[off]
    steps += sorted(after.attributes - kept, key=int)
    if before.fg != after.fg:
        steps.append(after.fg or "39")
    if before.bg != after.bg:
        steps.append(after.bg or "49")
    if not steps:
        return link
    delta = f"\x1b[{';'.join(steps)}m"
    return link + (delta if len(delta) < len(whole) else whole)
