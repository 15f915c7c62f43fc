"""Object metadata as S3 headers, and back."""

import base64
import binascii
import functools
import re
import time
import urllib.parse
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from engine.errors import BadResponse, NotSupported
from engine.model import Checksum, ObjectHead, ObjectMeta, RestoreState, VersionPin
from engine.stores.s3_classes import ARCHIVES, StorageClasses
from engine.stores.s3_xml import bare_etag

_META = "x-amz-meta-"
_MTIME = "mtime"  # seconds as a decimal, as rclone keeps the original modification time
_CONTENT = {
    "content-type": "content_type",
    "content-encoding": "content_encoding",
    "content-language": "content_language",
    "content-disposition": "content_disposition",
    "cache-control": "cache_control",
}
_EXPIRES = "expires"
_REDIRECT = "x-amz-website-redirect-location"
_ENCRYPTION = "x-amz-server-side-encryption"
_KMS = (f"{_ENCRYPTION}-aws-kms-key-id", f"{_ENCRYPTION}-bucket-key-enabled")
_LOCK = "x-amz-object-lock-"  # shown, never set: who may lock decides that
_ABOUT_ITSELF = frozenset({"x-amz-request-id", "x-amz-id-2"})
_TELLING = frozenset({*_CONTENT, "etag", "last-modified", "expires"})
_UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # in a header's value
_TOKEN = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_WORD = re.compile(r"=\?utf-8\?(b|q)\?([^?]*)\?=", re.IGNORECASE)
_WORDS = re.compile(r"=\?utf-8\?[bq]\?[^?]*\?=(\s+=\?utf-8\?[bq]\?[^?]*\?=)*", re.IGNORECASE)
_WORD_BYTES = 45  # of UTF-8 in one encoded word, whose length RFC 2047 limits to 75
_SECONDS = re.compile(r"-?[0-9]{1,12}(\.[0-9]{0,12})?")
_HEX_MD5 = re.compile(r"[0-9a-f]{32}")
_PARTS_ETAG = re.compile(r"([0-9a-f]{32})-([0-9]{1,5})")


def write_headers(meta: ObjectMeta, wire_class: str, at: str) -> dict[str, str]:
    """The headers that give a new object this metadata and storage class.

    Raises NotSupported for a name or value that no header can carry.
    """
    headers = meta_headers(meta, at)
    headers |= special_headers(meta, at)
    if wire_class:
        headers["x-amz-storage-class"] = wire_class
    if meta.tags:
        headers["x-amz-tagging"] = urllib.parse.urlencode(meta.tags, quote_via=urllib.parse.quote)
    return headers


def meta_headers(meta: ObjectMeta, at: str) -> dict[str, str]:
    """Content headers and user metadata. The original modification time is kept as `mtime`."""
    headers = {}
    for header, field in _CONTENT.items():
        value: str = getattr(meta, field)
        if value:
            if _UNFIT.search(value):
                raise _unfit(header, at)
            headers[header] = value
    for name, value in meta.user:
        if not _TOKEN.fullmatch(name):
            raise _unfit(name, at)
        headers[_META + name] = encode_value(value)
    if meta.modified and _META + _MTIME not in headers:
        headers[_META + _MTIME] = f"{meta.modified:.9f}".rstrip("0").rstrip(".")
    return headers


def special_headers(meta: ObjectMeta, at: str) -> dict[str, str]:
    """Expires, website redirect and KMS key, for a new object in the same account and region."""
    headers = {}
    for name, value in meta.special:
        if not name.startswith(_LOCK):
            if not (value.isascii() and value.isprintable()):
                raise _unfit(name, at)
            headers[name] = value
    return headers


def read_special(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What an object has beyond its metadata, as a HEAD shows it. ACLs are not among it."""
    found = [(name, headers[name]) for name in (_EXPIRES, _REDIRECT) if headers.get(name)]
    if headers.get(_ENCRYPTION, "").startswith("aws:"):
        found += [(name, headers[name]) for name in (_ENCRYPTION, *_KMS) if headers.get(name)]
    found += sorted([(name, value) for name, value in headers.items() if name.startswith(_LOCK)])
    return tuple(found)


def encode_value(value: str) -> str:
    """A metadata value as a header carries it: RFC 2047 words where it is not plain ASCII.

    Amazon decodes such words when it stores a value and encodes them when it gives it back.
    """
    plain = value.isascii() and value.isprintable() and value == value.strip()
    if plain and "=?" not in value:
        return value
    pieces, piece = [], b""
    for char in value:
        raw = char.encode("utf-8", "surrogateescape")
        if len(piece) + len(raw) > _WORD_BYTES:
            pieces.append(piece)
            piece = b""
        piece += raw
    pieces.append(piece)
    return " ".join(f"=?UTF-8?B?{base64.b64encode(part).decode()}?=" for part in pieces)


def decode_value(value: str) -> str:
    """What `encode_value` encoded; anything else stays as it is."""
    if not _WORDS.fullmatch(value):
        return value
    try:
        raw = b"".join(_decode_word(word[1], word[2]) for word in _WORD.finditer(value))
        return raw.decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return value


def _decode_word(encoding: str, text: str) -> bytes:
    if encoding.lower() == "b":
        return base64.b64decode(text, validate=True)
    return binascii.a2b_qp(text, header=True)


def read_head(
    key: str,
    size: int,
    headers: Mapping[str, str],
    classes: StorageClasses,
    *,
    trusted: bool,
    tags: tuple[tuple[str, str], ...] = (),
) -> ObjectHead:
    """An object from the headers of a HEAD or GET (lower-case names).

    `trusted` tells whether x-amz-checksum headers are known to be checked by this provider.
    """
    # Several looks follow; most of what a server sends is about the connection or itself.
    headers = {
        name: value
        for name, value in headers.items()
        if name in _TELLING or (name[:2] == "x-" and name not in _ABOUT_ITSELF)
    }
    etag = bare_etag(headers.get("etag", ""))
    modified = http_time(headers.get("last-modified", ""))
    wire = headers.get("x-amz-storage-class", "")
    state, until = read_restore(headers.get("x-amz-restore", ""))
    archived = wire in ARCHIVES or bool(headers.get("x-amz-archive-status"))
    parts = _PARTS_ETAG.fullmatch(etag)
    return ObjectHead(
        key=key,
        size=size,
        pin=VersionPin(etag, modified, size, headers.get("x-amz-version-id", "")),
        storage_class=classes.from_wire(wire),
        meta=read_meta(headers, modified, tags),
        checksums=read_checksums(headers, trusted=trusted),
        archived=archived and state is not RestoreState.AVAILABLE,
        restore=state,
        restored_until=until,
        part_count=int(parts[2]) if parts else 0,
    )


def read_pin(size: int, headers: Mapping[str, str]) -> VersionPin:
    """Which version the headers of a HEAD or GET are about."""
    modified = http_time(headers.get("last-modified", ""))
    etag = bare_etag(headers.get("etag", ""))
    return VersionPin(etag, modified, size, headers.get("x-amz-version-id", ""))


def read_meta(
    headers: Mapping[str, str], modified: float, tags: tuple[tuple[str, str], ...]
) -> ObjectMeta:
    """Metadata; without an `mtime` of its own the object's Last-Modified is the original time."""
    user = {
        name[len(_META) :]: decode_value(value) if "=?" in value else value
        for name, value in headers.items()
        if name.startswith(_META)
    }
    mtime = user.get(_MTIME, "")
    if mtime and _SECONDS.fullmatch(mtime):
        modified = float(mtime)
        del user[_MTIME]
    content = {field: headers.get(header, "") for header, field in _CONTENT.items()}
    if content["content_encoding"]:
        # aws-chunked describes how the bytes were sent, not what they are.
        encodings = [part.strip() for part in content["content_encoding"].split(",")]
        content["content_encoding"] = ",".join(part for part in encodings if part != "aws-chunked")
    return ObjectMeta(
        **content,
        user=tuple(sorted(user.items())),
        tags=tags,
        modified=modified,
        special=read_special(headers),
    )


def read_checksums(headers: Mapping[str, str], *, trusted: bool) -> tuple[Checksum, ...]:
    """All checksums that the headers carry, the ETag's MD5 first where it is one."""
    found = []
    etag = bare_etag(headers.get("etag", ""))
    encryption = headers.get("x-amz-server-side-encryption", "")
    customer = headers.get("x-amz-server-side-encryption-customer-algorithm", "")
    if not encryption.startswith("aws:") and not customer:
        if _HEX_MD5.fullmatch(etag):
            found.append(Checksum("md5", etag))
        elif parts := _PARTS_ETAG.fullmatch(etag):
            found.append(Checksum("md5", parts[1], parts=int(parts[2])))
    for name, value in headers.items():
        if not name.startswith("x-amz-checksum-"):
            continue
        algorithm = name.removeprefix("x-amz-checksum-")
        if algorithm not in ("type", "mode", "algorithm"):
            text, dash, count = value.partition("-")
            if digest := _hex(text):
                number = int(count) if dash and count.isdigit() else 0
                found.append(Checksum(algorithm, digest, number, computed_by_provider=trusted))
    hashes = headers.get("x-goog-hash", "")
    for item in hashes.split(",") if hashes else ():
        algorithm, _, text = item.strip().partition("=")
        if algorithm == "crc32c" and (digest := _hex(text)):
            found.append(Checksum("crc32c", digest))
    return tuple(found)


def read_restore(value: str) -> tuple[RestoreState, float]:
    """State and expiry of a restored copy, from x-amz-restore."""
    if 'ongoing-request="true"' in value:
        return RestoreState.ONGOING, 0.0
    if 'ongoing-request="false"' not in value:
        return RestoreState.NONE, 0.0
    expiry = re.search(r'expiry-date="([^"]*)"', value)
    until = http_time(expiry[1]) if expiry else 0.0
    if until and until < time.time():
        return RestoreState.NONE, 0.0
    return RestoreState.AVAILABLE, until


@functools.lru_cache(maxsize=4096)
def http_time(value: str) -> float:
    """Epoch seconds of an HTTP date, 0 if it is none."""
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError):
        return 0.0


def content_range(value: str, at: str) -> tuple[int, int, int]:
    """Start, stop (exclusive) and total of a Content-Range. Raises BadResponse."""
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", value)
    if not match:
        raise BadResponse("The answer does not say which bytes it holds.", subject=at)
    return int(match[1]), int(match[2]) + 1, int(match[3])


def _hex(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).hex()
    except binascii.Error:
        return ""


def _unfit(name: str, at: str) -> NotSupported:
    return NotSupported(
        f"No HTTP header can carry the metadata {name!r} as it is.",
        subject=at,
        safe="Nothing was written.",
        todo="Rename or remove it at the source, or move to another kind of store.",
    )
