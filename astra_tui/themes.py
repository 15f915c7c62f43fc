"""The looks of the console: dark, light, high contrast, and the terminal's own colours.

Every theme defines the four tier colours beside Textual's own; a colour only repeats what a
letter or sign already says.
"""

from collections.abc import Mapping
from typing import Final

from textual.theme import Theme

DARK: Final = "astra-dark"
LIGHT: Final = "astra-light"
CONTRAST: Final = "astra-contrast"
TERMINAL: Final = "astra-terminal"
TERMINAL_LIGHT: Final = "astra-terminal-light"

ALIASES: Final[Mapping[str, str]] = {
    "dark": DARK,
    "light": LIGHT,
    "contrast": CONTRAST,
    "high-contrast": CONTRAST,
    "terminal": TERMINAL,
    "ansi": TERMINAL,
    "terminal-light": TERMINAL_LIGHT,
}


def _tiers(hot: str, warm: str, cold: str, archive: str) -> dict[str, str]:
    return {"tier-hot": hot, "tier-warm": warm, "tier-cold": cold, "tier-archive": archive}


_ANSI_TIERS: Final = _tiers("ansi_red", "ansi_yellow", "ansi_cyan", "ansi_magenta")

THEMES: Final[tuple[Theme, ...]] = (
    Theme(
        name=DARK,
        primary="#7aa2f7",
        secondary="#a99bdb",
        accent="#e8b56a",
        warning="#e8b56a",
        error="#f07f86",
        success="#86c98f",
        foreground="#cdd5e3",
        background="#10141c",
        surface="#151b26",
        panel="#1c2431",
        variables={
            **_tiers("#f2936b", "#e3c26f", "#74b8e8", "#a99bdb"),
            "text-muted": "#7f8a9f",
            "text-dim": "#9aa5b8",
            "text-disabled": "#828da2",
            "text-primary": "#8fb2fa",
            "text-secondary": "#b8aae6",
            "text-accent": "#e8b56a",
            "text-warning": "#e8b56a",
            "text-error": "#f58a91",
            "text-success": "#8fd299",
            "primary-muted": "#26344f",
            "border": "#7aa2f7",
            "border-blurred": "#2c3648",
            "block-cursor-background": "#26344f",
            "block-cursor-foreground": "#e6ecf7",
            "input-selection-background": "#7aa2f7 35%",
            "button-focus-text-style": "bold",
            "footer-background": "#151b26",
            "footer-key-foreground": "#e8b56a",
            "footer-description-foreground": "#9aa5ba",
            "scrollbar": "#2c3648",
            "scrollbar-hover": "#3a465c",
            "scrollbar-active": "#7aa2f7",
            "scrollbar-background": "#10141c",
            "scrollbar-background-hover": "#10141c",
            "scrollbar-background-active": "#10141c",
        },
    ),
    Theme(
        name=LIGHT,
        dark=False,
        primary="#2456c5",
        secondary="#6a4bb0",
        accent="#9a5b00",
        warning="#915700",
        error="#b4232f",
        success="#1f7a37",
        foreground="#1d2530",
        background="#fbfbf9",
        surface="#f2f2ee",
        panel="#e8e8e2",
        variables={
            **_tiers("#a93b0d", "#8a6100", "#0b6699", "#6a4bb0"),
            "text-muted": "#5d6673",
            "text-dim": "#565e69",
            "text-disabled": "#646c78",
            "text-primary": "#1f4cb0",
            "text-secondary": "#5d40a0",
            "text-accent": "#8a5200",
            "text-warning": "#855000",
            "text-error": "#a81f2b",
            "text-success": "#1a6b30",
            "primary-muted": "#d3e0fb",
            "border": "#2456c5",
            "border-blurred": "#cfcfc6",
            "block-cursor-background": "#d3e0fb",
            "block-cursor-foreground": "#10151c",
            "button-focus-text-style": "bold",
            "footer-background": "#f2f2ee",
            "footer-key-foreground": "#8a5200",
            "footer-description-foreground": "#4a525e",
            "scrollbar": "#cfcfc6",
            "scrollbar-hover": "#b9b9ae",
            "scrollbar-active": "#2456c5",
            "scrollbar-background": "#fbfbf9",
            "scrollbar-background-hover": "#fbfbf9",
            "scrollbar-background-active": "#fbfbf9",
        },
    ),
    Theme(
        name=CONTRAST,
        primary="#6fc3ff",
        secondary="#e0a8ff",
        accent="#ffd84d",
        warning="#ffd84d",
        error="#ff7b7b",
        success="#6dff8a",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#1a1a1a",
        variables={
            **_tiers("#ffb07a", "#ffd84d", "#9ad6ff", "#e8bfff"),
            "text": "#ffffff",
            "text-muted": "#d0d0d0",
            "text-dim": "#c8c8c8",
            "text-disabled": "#c8c8c8",
            "text-primary": "#8fd0ff",
            "text-secondary": "#e8bfff",
            "text-accent": "#ffd84d",
            "text-warning": "#ffd84d",
            "text-error": "#ffa8a8",
            "text-success": "#7dff97",
            "primary-muted": "#002f6b",
            "border": "#ffd84d",
            "border-blurred": "#8c8c8c",
            "block-cursor-background": "#002f6b",
            "block-cursor-foreground": "#ffffff",
            "input-selection-background": "#002f6b",
            "button-focus-text-style": "bold",
            "footer-background": "#000000",
            "footer-key-foreground": "#ffd84d",
            "footer-description-foreground": "#ffffff",
            "scrollbar": "#8c8c8c",
            "scrollbar-background": "#000000",
        },
    ),
    Theme(
        name=TERMINAL,
        ansi=True,
        primary="ansi_blue",
        secondary="ansi_magenta",
        accent="ansi_yellow",
        warning="ansi_yellow",
        error="ansi_red",
        success="ansi_green",
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        boost="ansi_default",
        variables={
            **_ANSI_TIERS,
            "ansi-background": "ansi_black",
            "ansi-foreground": "ansi_white",
            "text-muted": "ansi_bright_black",
            "text-dim": "ansi_default",
            "text-disabled": "ansi_bright_black",
            "primary-muted": "ansi_default",
            "border": "ansi_bright_blue",
            "border-blurred": "ansi_bright_black",
            "block-cursor-foreground": "ansi_default",
            "block-cursor-background": "ansi_default",
            "block-cursor-text-style": "reverse",
            "footer-key-foreground": "ansi_yellow",
            "input-cursor-text-style": "reverse",
            "scrollbar": "ansi_bright_black",
            "scrollbar-background": "ansi_default",
        },
    ),
    Theme(
        name=TERMINAL_LIGHT,
        ansi=True,
        dark=False,
        primary="ansi_blue",
        secondary="ansi_magenta",
        accent="ansi_magenta",
        warning="ansi_magenta",
        error="ansi_red",
        success="ansi_green",
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        boost="ansi_default",
        variables={
            **_tiers("ansi_red", "ansi_magenta", "ansi_blue", "ansi_bright_black"),
            "ansi-background": "ansi_white",
            "ansi-foreground": "ansi_black",
            "text-muted": "ansi_bright_black",
            "text-dim": "ansi_default",
            "text-disabled": "ansi_bright_black",
            "primary-muted": "ansi_default",
            "border": "ansi_blue",
            "border-blurred": "ansi_bright_black",
            "block-cursor-foreground": "ansi_default",
            "block-cursor-background": "ansi_default",
            "block-cursor-text-style": "reverse",
            "footer-key-foreground": "ansi_magenta",
            "input-cursor-text-style": "reverse",
            "scrollbar": "ansi_bright_black",
            "scrollbar-background": "ansi_default",
        },
    ),
)

NAMES: Final[tuple[str, ...]] = tuple(theme.name for theme in THEMES)
# What a theme that is not ours falls back to for the tiers and for what is less important.
DEFAULT_VARIABLES: Final[Mapping[str, str]] = {**_ANSI_TIERS, "text-dim": "ansi_default"}


def choose(wanted: str, *, no_color: bool = False) -> tuple[str, str]:
    """The theme to start with, and a warning if `wanted` names none ("" wants the usual one).

    Without colour the terminal's own theme is used: it leans on reverse and bold alone.
    """
    warning = ""
    name = ALIASES.get(wanted.strip().lower(), wanted.strip().lower())
    if name and name not in NAMES:
        known = ", ".join(sorted(ALIASES))
        warning = f"theme: there is no theme {wanted!r}; known are {known}."
        name = ""
    if no_color:
        return TERMINAL, warning
    return name or DARK, warning


def following(name: str) -> str:
    """The theme after this one, in a circle."""
    return NAMES[(NAMES.index(name) + 1) % len(NAMES)] if name in NAMES else DARK
