"""Globs of names as what providers can filter by: the beginning or the end of a whole key."""

import re
from itertools import product

MAX_SUFFIXES = 50  # Google: prefixes and suffixes of one rule together are limited
_KELVIN = "\u212a"  # the one character beside capital letters whose lower case is ASCII


def sample(glob: str) -> str:
    """A name that fits the glob."""
    return glob.replace("*", "0").replace("?", "0")


def suffixes(glob: str) -> tuple[str, ...] | None:
    """The endings that say exactly what the glob says of a key's last segment, regardless of
    case; None where endings cannot.

    `*.log` is all spellings of `.log`. `backup_*` is none: only the whole key can be compared
    from its beginning, and the last segment may begin anywhere in it. ASCII only, since it takes
    all characters that have the same lower case.
    """
    if not re.fullmatch(r"\*[^*?/]+", glob, re.ASCII) or not glob.isascii():
        return None
    spellings = [_spellings(char) for char in glob[1:].lower()]
    count = 1
    for some in spellings:
        count *= len(some)
        if count > MAX_SUFFIXES:
            return None
    return tuple("".join(chars) for chars in product(*spellings))


def _spellings(char: str) -> tuple[str, ...]:
    """All characters whose lower case is this one."""
    if not char.isalpha():
        return (char,)
    return (char, char.upper(), _KELVIN) if char == "k" else (char, char.upper())
