"""Object resources of the JSON API as values of the model, and back."""

import base64
import binascii
import re
from typing import Any

from engine.errors import BadResponse, NotSupported, UsageError
from engine.model import Checksum, ListEntry, ObjectHead, ObjectMeta, VersionPin
from engine.stores.gcs_client import Resource
from engine.stores.gcs_endpoint import Query
from engine.stores.mtime import SECONDS, read_mtime, timestamp, write_mtime
from engine.stores.s3_headers import decode_value, encode_value

ROW = "items(name,size,updated,generation,metageneration,storageClass),nextPageToken"
_MTIME = "mtime"  # RFC 3339, as rclone keeps it here; as a decimal it was copied from S3
_METADATA_CASE = "x-goog-metadata-case"  # names that differ from their lower-case form
_CUSTOM_TIME = "x-goog-custom-time"  # lifecycle rules act on it: kept between Googles alone
_GSUTIL_MTIME = "goog-reserved-file-mtime"  # whole seconds
_CONTENT = {
    "contentType": "content_type",
    "contentEncoding": "content_encoding",
    "contentLanguage": "content_language",
    "contentDisposition": "content_disposition",
    "cacheControl": "cache_control",
}
_TOKEN = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_ETAG = re.compile(r"([0-9]+)-([0-9]+)")


def etag_of(resource: Resource) -> str:
    """Generation and metageneration: new bytes change the one, new metadata the other.

    The server's own ETag is opaque, and with some servers an MD5, which the same bytes
    written again would keep.
    """
    return f"{resource.get('generation', '')}-{resource.get('metageneration', '')}"


def check_resource(resource: Resource, bucket: str, key: str, at: str) -> Resource:
    """The resource, if it is one, and of this very object. Raises BadResponse."""
    numbers = (resource.get(name) for name in ("generation", "metageneration", "size"))
    if resource.get("name") != key or resource.get("bucket", bucket) != bucket:
        raise BadResponse("The server answered for another object.", subject=at)
    if not all(isinstance(number, str) and number.isdigit() for number in numbers):
        raise BadResponse("The server's description of the object is not whole.", subject=at)
    return resource


def pin_of(resource: Resource) -> VersionPin:
    """What pins the version that the resource describes."""
    return VersionPin(
        etag_of(resource),
        timestamp(resource.get("updated", "")),
        int(resource["size"]),
        resource["generation"],
    )


def generations(pin: VersionPin, at: str) -> tuple[str, str]:
    """Generation and metageneration of a pin, "" for what it does not know.

    A pin that was made of another store's ETag has neither. Raises UsageError for one that
    pins nothing at all.
    """
    if not pin.etag and not pin.version_id:
        raise UsageError("The version is not known: there is no generation.", subject=at)
    match = _ETAG.fullmatch(pin.etag)
    if match:
        return pin.version_id or match[1], match[2]
    return ("" if pin.etag else pin.version_id), ""


def condition(generation: str, metageneration: str, *, source: bool = False) -> Query:
    """The query that makes a request conditional on that version; what is "" is left out."""
    infix = "Source" if source else ""
    pairs = [
        (f"if{infix}GenerationMatch", generation),
        (f"if{infix}MetagenerationMatch", metageneration),
    ]
    return [(name, value) for name, value in pairs if value]


def row(item: Any, at: str) -> ListEntry:
    """One row of a listing. Raises BadResponse."""
    try:
        return ListEntry(
            item["name"],
            int(item["size"]),
            timestamp(item["updated"]),
            f"{item['generation']}-{item['metageneration']}",
            item.get("storageClass", "STANDARD"),
        )
    except (TypeError, KeyError, ValueError) as error:
        raise BadResponse("A row of the listing is not whole.", subject=at) from error


def read_head(resource: Resource) -> ObjectHead:
    """An object as its resource describes it."""
    return ObjectHead(
        key=resource["name"],
        size=int(resource["size"]),
        pin=pin_of(resource),
        storage_class=resource.get("storageClass", "STANDARD"),
        meta=read_meta(resource),
        checksums=checksums(resource),
    )


def read_meta(resource: Resource) -> ObjectMeta:
    """Metadata; without an `mtime` of its own the time of creation is the original one."""
    user = {
        str(name).lower(): decode_value(str(value))
        for name, value in (resource.get("metadata") or {}).items()
    }
    modified = timestamp(resource.get("timeCreated", ""))
    if found := SECONDS.fullmatch(user.get(_GSUTIL_MTIME, "")):
        modified = float(found[0])
    if seconds := read_mtime(user.get(_MTIME, "")):
        modified = seconds
        del user[_MTIME]
    content: dict[str, Any] = {
        field: str(resource.get(name) or "") for name, field in _CONTENT.items()
    }
    special = [(_CUSTOM_TIME, str(resource["customTime"]))] if resource.get("customTime") else []
    cased = [str(name) for name in resource.get("metadata") or {} if name != str(name).lower()]
    if cased:  # elsewhere they are headers, whose names have no case
        special.append((_METADATA_CASE, ", ".join(sorted(cased))))
    return ObjectMeta(
        **content, user=tuple(sorted(user.items())), modified=modified, special=tuple(special)
    )


def write_resource(meta: ObjectMeta, storage_class: str, at: str) -> Resource:
    """What a new object's resource says. Raises NotSupported for what cannot be kept."""
    resource: Resource = {}
    for name, field in _CONTENT.items():
        value: str = getattr(meta, field)
        if not value:
            continue
        if any(ord(char) < 32 or char == "\x7f" or _lone(char) for char in value):
            raise _unfit(name, at)
        resource[name] = value
    user = {}
    for name, value in meta.user:
        if not _TOKEN.fullmatch(name):
            raise _unfit(name, at)
        user[name] = _kept_value(value)
    if meta.modified and _MTIME not in user:
        user[_MTIME] = write_mtime(meta.modified)
    if user:
        resource["metadata"] = user
    if custom := dict(meta.special).get(_CUSTOM_TIME):
        resource["customTime"] = custom
    if storage_class:
        resource["storageClass"] = storage_class
    return resource


def same_metadata(resource: Resource) -> Resource:
    """What a rewrite must be told for the copy to keep the metadata exactly."""
    names = (*_CONTENT, "metadata", "customTime")
    return {name: resource[name] for name in names if resource.get(name)}


def checksums(resource: Resource) -> tuple[Checksum, ...]:
    """The provider's own: crc32c of every object, MD5 of those that were written in one go."""
    found = []
    for name, algorithm, digits in (("md5Hash", "md5", 32), ("crc32c", "crc32c", 8)):
        value = from_base64(str(resource.get(name) or ""))
        if len(value) == digits:
            found.append(Checksum(algorithm, value))
    return tuple(found)


def to_base64(hexadecimal: str) -> str:
    """A digest as the API writes it."""
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def from_base64(text: str) -> str:
    """A digest of the API in hex, "" if it is none."""
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        return ""


def _lone(char: str) -> bool:
    return "\ud800" <= char <= "\udfff"


def _kept_value(value: str) -> str:
    """Text as it is; what a header could not carry is encoded, as the S3 kind does."""
    plain = value.isprintable() and value == value.strip() and "=?" not in value
    return value if plain and not any(map(_lone, value)) else encode_value(value)


def _unfit(name: str, at: str) -> NotSupported:
    return NotSupported(
        f"Google Cloud Storage cannot keep the metadata {name!r} as it is.",
        subject=at,
        safe="Nothing was written.",
        todo="Rename or remove it at the source, or move to another kind of store.",
    )
