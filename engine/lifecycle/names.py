"""Globs of names as what providers can filter by: the beginning or the end of a whole key."""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from engine.tiering.shape import Policy

MAX_SPELLINGS = 49  # Google: 50 beginnings and endings in a rule, and one is the export's own
_KELVIN = "\u212a"  # the one character beside capital letters whose lower case is ASCII
_DOTTED_I = "\u0130"  # the one whose lower case only begins with ASCII, with an i


def of_policy(policy: Policy) -> list[str]:
    """The patterns of names that a policy knows, whatever it does with them."""
    found: list[str] = []
    for name in ("names", "limits", "holds", "pins"):
        rules = policy.parameters.get(name, ())
        if isinstance(rules, Sequence) and not isinstance(rules, str):
            found += [_glob(rule) for rule in rules]
    return list(dict.fromkeys(found))


def _glob(rule: Any) -> str:
    """The pattern of a rule: a text, a table with `glob`, or a pair that begins with it."""
    if isinstance(rule, str):
        return rule
    return str(rule["glob"] if isinstance(rule, Mapping) else rule[0])


def sample(glob: str) -> str:
    """A key that fits the glob, which means all keys below it if it ends with `/`."""
    whole = f"{glob}*" if glob.endswith("/") else glob
    return whole.replace("*", "0").replace("?", "0")


def suffixes(glob: str) -> tuple[str, ...] | None:
    """The endings that say exactly what the glob says of a key's last segment, regardless of
    case; None where endings cannot.

    `*.log` is all spellings of `.log`. `backup_*` is none: only the whole key can be compared
    from its beginning, and the last segment may begin anywhere in it. ASCII only, since it takes
    all characters that have the same lower case.
    """
    if not re.fullmatch(r"\*[^*?/]+", glob, re.ASCII) or not glob.isascii():
        return None
    return _all_spellings(glob[1:], MAX_SPELLINGS)


def prefixes(glob: str, limit: int) -> tuple[str, ...] | None:
    """The beginnings that say exactly what the glob says of a whole key, regardless of case, if
    `limit` are enough; None where beginnings cannot.

    `2024/` and `2024/*` are `2024/`; a glob without a `/` is about the last segment.
    """
    begin = glob.removesuffix("*")
    if "/" not in glob or (begin == glob and not glob.endswith("/")) or not begin.isascii():
        return None
    return None if re.search(r"[*?]", begin) else _all_spellings(begin, limit, more=True)


def _all_spellings(text: str, limit: int, *, more: bool = False) -> tuple[str, ...] | None:
    """All texts whose lower case is that of the text, or begins with it if `more` may follow."""
    spellings = [_spellings(char) for char in text.lower()]
    if more and text[-1:] in ("i", "I"):
        spellings[-1] += (_DOTTED_I,)
    count = 1
    for some in spellings:
        count *= len(some)
        if count > limit:
            return None
    return tuple("".join(chars) for chars in product(*spellings))


def _spellings(char: str) -> tuple[str, ...]:
    """All characters whose lower case is this one."""
    if not char.isalpha():
        return (char,)
    return (char, char.upper(), _KELVIN) if char == "k" else (char, char.upper())
