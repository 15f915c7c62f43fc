"""Which keys an S3 server can hold exactly.

Amazon holds any UTF-8 of up to 1,024 bytes. Servers that keep objects as files cannot hold
every key, and some store another one instead without a word; the Server header tells them.
"""

MAX_KEY = 1024  # bytes of UTF-8
FILE_SERVER = "seaweedfs"
_PLACES = frozenset((b"", b".", b".."))  # what is no name in a path
_FILE_SERVERS = (FILE_SERVER, "rclone", "minio")


def key_problem(key: str, max_bytes: int, *, server: str = "", gcs: bool = False) -> str:
    """Why the key cannot be held, "" if it can as far as is known."""
    if not key:
        return "a key must not be empty"
    try:
        raw = key.encode()
    except UnicodeEncodeError:
        return "S3 keys are UTF-8, and this name is not"
    if len(raw) > max_bytes:
        return f"the key has {len(raw):,} bytes, and {max_bytes:,} are allowed"
    if gcs:
        return _gcs_problem(key)
    name = server.partition("/")[0].partition(" ")[0].lower()
    if name in _FILE_SERVERS:
        return _path_problem(raw, name)
    return ""


def _gcs_problem(key: str) -> str:
    if key in (".", "..") or "\r" in key or "\n" in key:
        return "Google Cloud Storage refuses it: no line breaks, and not . or .. alone"
    if key.startswith(".well-known/acme-challenge/"):
        return "Google Cloud Storage reserves .well-known/acme-challenge/"
    return ""


def _path_problem(raw: bytes, server: str) -> str:
    segments = raw.split(b"/")
    if b"\\" in raw and server == FILE_SERVER:
        return "SeaweedFS stores a backslash as a /"
    if not _PLACES.isdisjoint(segments):
        return f"{server} keeps keys as paths: no / at an end, no //, no . or .. as a name"
    if max(map(len, segments)) > 255:
        return f"{server} keeps keys as paths: at most 255 bytes between two /"
    if b"\0" in raw:
        return f"{server} keeps keys as paths, which hold no NUL"
    return ""
