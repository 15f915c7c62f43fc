"""Sets of keys for hands that know other programs. Each names only what differs from `astra`.

In every flavour escape, ctrl+q and ctrl+c lead out, and no single key destroys anything.
"""

from collections.abc import Mapping

DEFAULT = "astra"
Keys = Mapping[str, tuple[str, ...]]

COUNTS = frozenset({"vim"})
"""The flavours where digits are a count for the movement that follows."""

_VIM: Keys = {
    **{f"panel-{number}": (f"g {number}",) for number in range(1, 10)},
    "show-panels": ("g 0",),
    "search": ("/",),
    "filter": ("&",),
    "page-down": ("pagedown", "ctrl+f"),  # ctrl+b is tmux's own
    "first": ("home", "g g"),
    "open-folder": ("l", "right"),
    "up-folder": ("h", "left", "backspace"),
    "pan-left": ("h", "left"),
    "pan-right": ("l", "right"),
    "next-panel": ("tab", "g t", "ctrl+w w"),
    "previous-panel": ("shift+tab", "g T", "ctrl+w W"),
    "lab": ("g l",),
    "marks-back": ("M", "g v"),
    "close": ("q", "Z Z"),
}
# As in mc and far: arrows move, function keys act, insert marks. Letters still act, none moves.
_ARROWS: Keys = {
    "up": ("up",),
    "down": ("down",),
    "first": ("home",),
    "last": ("end",),
    "help": ("f1", "?"),
    "palette": ("f2", "f9", ":", "ctrl+p"),
    "preview": ("f3", "v"),
    "tier": ("f4", "t"),
    "migrate": ("f5", "f6", "m"),
    "filter": ("f7", "/"),
    "cancel": ("f8", "c"),
    "close": ("f10", "q"),
    "mark": ("insert", "space"),
}

FLAVOURS: Mapping[str, Keys] = {DEFAULT: {}, "vim": _VIM, "arrows": _ARROWS}
