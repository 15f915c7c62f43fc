"""Blob metadata as headers, and back.

Azure takes only identifiers (letters, digits, underscores) as names of metadata. Any other name
is written as `astra_n_` and the name, in which `_xx` stands for the character with that code;
names that begin so themselves are written that way too, so that no two names become one.
"""

import base64
import binascii
import re
import urllib.parse
from collections.abc import Mapping

from engine.errors import NotSupported
from engine.model import Checksum, ObjectHead, ObjectMeta, RestoreState, VersionPin
from engine.stores.mtime import read_mtime, write_mtime
from engine.stores.s3_headers import decode_value, encode_value, http_time
from engine.stores.s3_xml import bare_etag

DEFAULT_CLASS = "Hot"
ARCHIVE = "Archive"
_META = "x-ms-meta-"
_MTIME = "mtime"  # the original modification time
CONTENT = {
    "content-type": "content_type",
    "content-encoding": "content_encoding",
    "content-language": "content_language",
    "content-disposition": "content_disposition",
    "cache-control": "cache_control",
}
_TOKEN = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_ESCAPED = "astra_n_"
_EMPTY = "=?UTF-8?B??="  # an empty value, which a signature might not survive
_TAG = re.compile(r"[A-Za-z0-9 +\-./:=_]*")


def write_headers(meta: ObjectMeta, storage_class: str, at: str) -> dict[str, str]:
    """The headers that give a new blob this metadata, its tags and its tier.

    Raises NotSupported for what the service does not take.
    """
    headers = meta_headers(meta, at)
    for header, field in CONTENT.items():
        value: str = getattr(meta, field)
        if value:
            if not value.isascii() or not value.isprintable():
                raise _unfit(f"No HTTP header can carry the metadata {header!r} as it is", at)
            headers[f"x-ms-blob-{header}"] = value
    if storage_class:
        headers["x-ms-access-tier"] = storage_class
    if meta.tags:
        headers["x-ms-tags"] = tag_header(meta.tags, at)
    return headers


def meta_headers(meta: ObjectMeta, at: str) -> dict[str, str]:
    """User metadata, and the original modification time as `mtime`."""
    headers = {}
    for name, value in meta.user:
        if not _TOKEN.fullmatch(name):
            raise _unfit(f"No HTTP header can carry the metadata {name!r} as it is", at)
        headers[_META + encode_name(name)] = encode_value(value) or _EMPTY
    if meta.modified and _META + _MTIME not in headers:
        headers[_META + _MTIME] = write_mtime(meta.modified)
    return headers


def tag_header(tags: tuple[tuple[str, str], ...], at: str) -> str:
    """Blob index tags. Raises NotSupported for what they cannot be."""
    for name, value in tags:
        fits = 0 < len(name) <= 128 and len(value) <= 256 and len(tags) <= 10
        if not fits or not _TAG.fullmatch(name) or not _TAG.fullmatch(value):
            raise _unfit(
                f"Azure takes no tag {name!r} with this value: ten at most, of letters, digits,"
                " spaces and + - . / : = _",
                at,
            )
    return urllib.parse.urlencode(tags, quote_via=urllib.parse.quote, safe="")


def encode_name(name: str) -> str:
    """The name of user metadata as Azure takes it."""
    if _PLAIN.fullmatch(name) and not name.startswith(_ESCAPED):
        return name
    plain = "".join(char if char.isalnum() else f"_{ord(char):02x}" for char in name)
    return _ESCAPED + plain


def decode_name(name: str) -> str:
    """What `encode_name` made; anything else stays as it is."""
    name = name.lower()
    if not name.startswith(_ESCAPED):
        return name
    rest = name.removeprefix(_ESCAPED)
    found = re.sub(r"_([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), rest)
    return found if _TOKEN.fullmatch(found) and encode_name(found) == name else name


def read_head(
    key: str,
    size: int,
    headers: Mapping[str, str],
    *,
    ranged: bool = False,
    tags: tuple[tuple[str, str], ...] = (),
) -> ObjectHead:
    """A blob from the headers of Get Blob (Properties), by lower-case name."""
    modified = http_time(headers.get("last-modified", ""))
    tier = headers.get("x-ms-access-tier", "") or DEFAULT_CLASS
    pin = VersionPin(
        bare_etag(headers.get("etag", "")), modified, size, headers.get("x-ms-version-id", "")
    )
    pending = headers.get("x-ms-archive-status", "").startswith("rehydrate-pending")
    return ObjectHead(
        key=key,
        size=size,
        pin=pin,
        storage_class=tier,
        meta=read_meta(headers, modified, tags),
        checksums=read_checksums(headers, ranged=ranged),
        archived=tier == ARCHIVE or pending,
        restore=RestoreState.ONGOING if pending else RestoreState.NONE,
    )


def read_meta(
    headers: Mapping[str, str], modified: float, tags: tuple[tuple[str, str], ...]
) -> ObjectMeta:
    """Metadata; without an `mtime` of its own the blob's Last-Modified is the original time."""
    user = {
        decode_name(name[len(_META) :]): decode_value(value)
        for name, value in headers.items()
        if name.startswith(_META)
    }
    if seconds := read_mtime(user.get(_MTIME, "")):
        modified = seconds
        del user[_MTIME]
    return ObjectMeta(
        content_type=headers.get("content-type", ""),
        content_encoding=headers.get("content-encoding", ""),
        content_language=headers.get("content-language", ""),
        content_disposition=headers.get("content-disposition", ""),
        cache_control=headers.get("cache-control", ""),
        user=tuple(sorted(user.items())),
        tags=tags,
        modified=modified,
    )


def read_checksums(headers: Mapping[str, str], *, ranged: bool) -> tuple[Checksum, ...]:
    """The MD5 that is kept with the blob.

    Whoever committed blocks or changed properties may have written it, and nobody checked it
    then; the service does not tell. So it is never taken for the provider's own.
    """
    value = headers.get("x-ms-blob-content-md5", "") or (
        "" if ranged else headers.get("content-md5", "")
    )
    digest = md5_of(value)
    return (Checksum("md5", digest, computed_by_provider=False),) if digest else ()


def md5_of(value: str) -> str:
    """The hex digest of a Content-MD5, "" if it is none."""
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if len(raw) == 16 else ""


def match_value(pin: VersionPin) -> str:
    """A pin's ETag as conditions want it."""
    return f'"{pin.etag}"'


def _unfit(what: str, at: str) -> NotSupported:
    return NotSupported(
        f"{what}.",
        subject=at,
        safe="Nothing was written.",
        todo="Rename or remove it at the source, or move to another kind of store.",
    )
