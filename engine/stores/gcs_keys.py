"""Which object names Google Cloud Storage holds exactly, and how they stand in a path.

A name is percent-encoded as one path segment, so that neither `/` nor a dot segment in it can
make the path mean another resource.
"""

import re
import urllib.parse

from engine.errors import KeyNotSupported

MAX_KEY = 1024  # bytes of UTF-8
UPLOADS = ".astra-uploads/"  # one small object for each unfinished upload
PARTS = ".astra-parts/"  # what was sent of it so far
_OURS = re.compile(r"\.astra-(uploads/[0-9a-f]{32}|parts/[0-9a-f]{32}/[0-9a-z-]{5,20})")


def is_ours(key: str) -> bool:
    """Whether this names a piece of an unfinished upload; such names are never listed."""
    return _OURS.fullmatch(key) is not None


def key_problem(key: str) -> str:
    """Why the name cannot be held exactly, "" if it can."""
    if not key:
        return "a key must not be empty"
    try:
        raw = key.encode()
    except UnicodeEncodeError:
        return "names in Google Cloud Storage are UTF-8, and this one is not"
    if len(raw) > MAX_KEY:
        return f"the key has {len(raw):,} bytes, and {MAX_KEY:,} are allowed"
    if key in (".", "..") or "\r" in key or "\n" in key:
        return "Google Cloud Storage refuses it: no line breaks, and not . or .. alone"
    if key.startswith(".well-known/acme-challenge/"):
        return "Google Cloud Storage reserves .well-known/acme-challenge/"
    if is_ours(key):
        return "Astra keeps the parts of unfinished uploads under such names"
    return ""


def encode_name(key: str, at: str) -> str:
    """The name as one path segment. Raises KeyNotSupported for one that could mean another."""
    try:
        text = urllib.parse.quote(key.encode(), safe="")
    except UnicodeEncodeError:
        text = ""
    if text in ("", ".", ".."):
        raise KeyNotSupported(
            "No object can have this name in Google Cloud Storage.",
            subject=at,
            safe="Nothing was sent.",
        )
    return text
