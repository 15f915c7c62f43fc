"""Which keys Azure can hold exactly.

Blob names travel in the path of a URL, and the service reads that path as paths are read: dot
segments climb (out of the container, too), a backslash is a slash, a dot before a slash is lost.
"""

import unicodedata

MAX_KEY = 1024  # UTF-16 code units
_SEGMENTS = 254


def key_problem(key: str, *, directories: bool | None = False) -> str:
    """Why the key cannot be held, "" if it can.

    `directories` tells whether the account has a hierarchical namespace, whose folders are no
    part of a name; None where that is not known.
    """
    if not key:
        return "a key must not be empty"
    try:
        length = len(key.encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        return "blob names are Unicode, and this name is not"
    if length > MAX_KEY:
        return f"the key has {length:,} characters, and {MAX_KEY:,} are allowed"
    if not key.isprintable() and any(unicodedata.category(char) == "Cc" for char in key):
        return "Azure takes no control characters in names"
    if "\\" in key:
        return "Azure stores a backslash as a /"
    segments = key.split("/")
    if any(segment.endswith(".") for segment in segments):
        return "Azure does not keep . and .. as a name, nor a dot at the end of one"
    if len(segments) > _SEGMENTS:
        return f"the key has {len(segments)} names between slashes, and {_SEGMENTS} are allowed"
    if directories is not False and "" in segments:
        why = "" if directories else "it is not known that this account has none: "
        return f"{why}in a hierarchical namespace no name begins or ends with / or has // in it"
    return ""


def is_risky(key: str) -> bool:
    """Whether only accounts without a hierarchical namespace keep the key exactly."""
    return "" in key.split("/")
