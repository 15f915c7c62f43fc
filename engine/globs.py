"""Globs over object keys, one key at a time; `engine.keytext` asks many keys at once.

Case never matters. `*` stands for anything, `/` too; `?` for one character.
"""

import re
from functools import lru_cache


def name_fits(key: str, glob: str) -> bool:
    """Whether the last segment of a key fits the glob."""
    return pattern(glob.lower()).fullmatch(key.rpartition("/")[2].lower()) is not None


def key_fits(key: str, glob: str) -> bool:
    """Whether a key fits a glob: whole if the glob has a `/` (which may end a prefix), else by
    its last segment."""
    if "/" not in glob:
        return name_fits(key, glob)
    whole = f"{glob}*" if glob.endswith("/") else glob
    return pattern(whole.lower()).fullmatch(key.lower()) is not None


def text_fits(key: str, text: str) -> bool:
    """Whether a filter text means this key: a part of it, or a glob if it has `*` or `?`. The
    glob must fit the whole key, or its last segment if the glob has no `/`."""
    key, text = key.lower(), text.lower()
    if "*" not in text and "?" not in text:
        return text in key
    fits = pattern(text).fullmatch
    return bool(fits(key) or ("/" not in text and fits(key.rpartition("/")[2])))


@lru_cache(maxsize=64)
def pattern(glob: str) -> re.Pattern[str]:
    """A glob as a regular expression; it is taken as it is, so lower both or neither."""
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(c) or re.escape(c) for c in glob), re.DOTALL)
