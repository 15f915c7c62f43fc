"""Signing requests to Azure Storage with the account's key ("Shared Key"), and nothing else.

The path is signed as it is sent, byte for byte; query values are signed decoded.
"""

import base64
import hashlib
import hmac
import urllib.parse
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from engine.settings import Secret

VERSION = "2023-11-03"  # x-ms-version of every request
_SAFE = "-._~"
_STANDARD = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


def encode_path(text: str) -> str:
    """A container or blob name in a path: everything but unreserved characters and `/`."""
    return urllib.parse.quote(text, safe=f"/{_SAFE}")


def encode_query(query: Iterable[tuple[str, str]]) -> str:
    """The query string that is sent."""
    quote = urllib.parse.quote
    return "&".join(f"{quote(n, safe=_SAFE)}={quote(v, safe=_SAFE)}" for n, v in query)


def http_date(now: datetime) -> str:
    """A moment as HTTP writes it."""
    return format_datetime(now, usegmt=True)


def string_to_sign(
    account: str,
    method: str,
    path: str,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
) -> str:
    """What is signed. `path` is encoded, `query` holds plain names and values.

    `headers` are all that will be sent; a Content-Length of 0 counts as none.
    """
    sent = {name.lower(): value.strip() for name, value in headers.items()}
    if sent.get("content-length") == "0":
        del sent["content-length"]
    own = sorted((name for name in sent if name.startswith("x-ms-")), key=_order)
    values = dict[str, list[str]]()
    for name, value in query:
        values.setdefault(name.lower(), []).append(value)
    return "\n".join(
        [
            method,
            *(sent.get(name, "") for name in _STANDARD),
            *(f"{name}:{sent[name]}" for name in own),
            f"/{account}{path}",
            *(f"{name}:{','.join(sorted(values[name]))}" for name in sorted(values)),
        ]
    )


def signature(text: str, key: Secret) -> str:
    """The signature of a text by an account key, in base64."""
    secret = base64.b64decode(key.reveal())
    return base64.b64encode(hmac.digest(secret, text.encode(), "sha256")).decode()


def read_grant(account: str, container: str, blob: str, key: Secret, now: datetime) -> str:
    """A query string that lets the service itself read one blob for an hour (a service SAS).

    A copy within an account needs one for its source. It is a secret while it lasts.
    """
    start, end = (
        (now.astimezone(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for minutes in (-15, 60)
    )
    # permission, start, expiry, resource, identifier, address, protocol, version, kind, snapshot,
    # encryption scope, and five response headers
    fields = ["r", start, end, f"/blob/{account}/{container}/{blob}", "", "", "", VERSION, "b"]
    fields += [""] * 7
    signed = signature("\n".join(fields), key)
    query = [("sp", "r"), ("st", start), ("se", end), ("sv", VERSION), ("sr", "b")]
    return encode_query([*query, ("sig", signed)])


def md5_header(digest: str) -> dict[str, str]:
    """Content-MD5 for a digest in hex; nothing for ""."""
    return {"Content-MD5": base64.b64encode(bytes.fromhex(digest)).decode()} if digest else {}


def md5_hex(data: bytes) -> str:
    """The MD5 of bytes at hand."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _order(name: str) -> str:
    # The service sorts by its culture's rules: an underscore comes before digits.
    return name.replace("_", "/")
