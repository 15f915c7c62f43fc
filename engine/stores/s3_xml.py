"""Reading and writing the XML of S3. Whatever does not fit raises BadResponse."""

import re
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import repeat
from typing import NamedTuple

from engine.errors import BadResponse
from engine.model import ListEntry
from engine.stores.base import Part, UploadInfo
from engine.stores.s3_page import columns

_ENCODING = re.compile(rb"<\?xml[^>]*encoding=[\"']([^\"']+)")

_FIELDS = {"Key": None, "Size": None, "LastModified": None, "ETag": "", "StorageClass": ""}

# A token with an entity of its own or beyond ASCII is left to the parser.
_TOKEN = re.compile(rb"<NextContinuationToken>([!-%'-;=?-~]+)</NextContinuationToken>")


class Listing(NamedTuple):
    """One page of ListObjectsV2; `token` is empty on the last."""

    entries: list[ListEntry]
    token: str


def parse(data: bytes, at: str, *roots: str) -> ElementTree.Element:
    """The root element, which must be one of `roots`.

    A document type is refused before the parser sees it: without one there are no entities to
    expand. That needs the text to be what it looks like, so it must be UTF-8.
    """
    data = data.lstrip()
    declared = _ENCODING.match(data)
    if (
        b"\0" in data
        or b"<!DOCTYPE" in data
        or (declared and declared[1].lower() not in (b"utf-8", b"us-ascii"))
    ):
        raise _bad("it is not plain XML", at)
    try:
        data.decode()
        root = ElementTree.fromstring(data)
    except (UnicodeDecodeError, ElementTree.ParseError) as error:
        raise _bad(f"its XML is damaged ({error})", at) from error
    if local_name(root) not in roots:
        raise _bad(f"it holds {local_name(root)[:40]!r}", at)
    return root


def local_name(element: ElementTree.Element) -> str:
    """The tag without its namespace."""
    return str(element.tag).rpartition("}")[2]


def text(element: ElementTree.Element, name: str) -> str:
    """The text of a child, "" if there is none."""
    return element.findtext("{*}" + name) or ""


def listing(data: bytes, at: str) -> Listing:
    """A page of ListObjectsV2. Times in epoch seconds, ETags without quotes."""
    plain = columns(data)
    root = parse(data if plain is None else plain.rest, at, "ListBucketResult")
    if plain is not None and sum(item.tag.endswith("Contents") for item in root) != 1:
        plain, root = None, parse(data, at, "ListBucketResult")  # they stand elsewhere
    decode = decoder(root)
    try:
        found = _rows(root) if plain is None else plain.fields
        keys = list(map(decode, found["Key"]))
        entries = list(
            map(
                ListEntry,
                keys,
                map(int, found["Size"]),
                _times(found["LastModified"]),
                map(bare_etag, found.get("ETag") or repeat("")),
                found.get("StorageClass") or repeat(""),
            )
        )
    except (KeyError, ValueError) as error:
        raise _bad(f"one entry is incomplete ({error})", at) from error
    token = text(root, "NextContinuationToken")
    more = text(root, "IsTruncated")
    if more not in ("true", "false") or (more == "true" and not token):
        raise _bad("it does not say how the listing goes on", at)
    return Listing(entries, token if more == "true" else "")


def _rows(root: ElementTree.Element) -> Mapping[str, Sequence[str]]:
    """The columns of a page that the parser read. Raises KeyError of what an entry lacks."""
    found: dict[str, list[str]] = {name: [] for name in _FIELDS}
    for item in root:
        if item.tag.endswith("Contents"):
            entry = {child.tag.rpartition("}")[2]: child.text or "" for child in item}
            for name, default in _FIELDS.items():
                found[name].append(entry[name] if default is None else entry.get(name, default))
    return found


def _times(values: Sequence[str]) -> list[float]:
    """Epoch seconds. Raises ValueError."""
    return [timestamp(value) for value in values]


def glimpse_token(data: bytes) -> str:
    """The token for the next page, as far as it can be seen without reading the page: "" if it
    cannot. Only `listing` tells whether it is right."""
    found = _TOKEN.search(data)
    return found[1].decode() if found else ""


class Uploads(NamedTuple):
    """One page of unfinished uploads; the markers are empty on the last."""

    found: list[UploadInfo]
    key_marker: str
    id_marker: str


def uploads(data: bytes, at: str) -> Uploads:
    """A page of ListMultipartUploads."""
    root = parse(data, at, "ListMultipartUploadsResult")
    decode = decoder(root)
    found = []
    for item in root.iterfind("{*}Upload"):
        key, upload_id = decode(text(item, "Key")), text(item, "UploadId")
        if not key or not upload_id:
            raise _bad("one upload is incomplete", at)
        initiated = text(item, "Initiated")
        found.append(UploadInfo(key, upload_id, timestamp(initiated) if initiated else 0.0))
    if text(root, "IsTruncated") != "true":
        return Uploads(found, "", "")
    key_marker = decode(text(root, "NextKeyMarker"))
    if not key_marker:
        raise _bad("it does not say how the listing goes on", at)
    return Uploads(found, key_marker, text(root, "NextUploadIdMarker"))


def parts(data: bytes, at: str) -> tuple[list[Part], str]:
    """A page of ListParts, and the marker for the next ("" on the last)."""
    root = parse(data, at, "ListPartsResult", "ListPartsResponse")
    try:
        found = [
            Part(
                int(text(item, "PartNumber")),
                bare_etag(text(item, "ETag")),
                int(text(item, "Size")),
            )
            for item in root.iterfind("{*}Part")
        ]
    except ValueError as error:
        raise _bad(f"one part is incomplete ({error})", at) from error
    if text(root, "IsTruncated") != "true":
        return found, ""
    marker = text(root, "NextPartNumberMarker")
    if not marker:
        raise _bad("it does not say how the list of parts goes on", at)
    return found, marker


def buckets(data: bytes, at: str) -> list[str]:
    """Names of ListBuckets."""
    root = parse(data, at, "ListAllMyBucketsResult")
    return sorted(text(item, "Name") for item in root.iterfind("{*}Buckets/{*}Bucket"))


def tags(data: bytes, at: str) -> tuple[tuple[str, str], ...]:
    """The tags of GetObjectTagging, by name."""
    root = parse(data, at, "Tagging")
    found = root.iterfind("{*}TagSet/{*}Tag")
    return tuple(sorted((text(item, "Key"), text(item, "Value")) for item in found))


def completion(parts_done: Iterable[Part]) -> bytes:
    """The body of CompleteMultipartUpload."""
    rows = "".join(
        f"<Part><PartNumber>{part.number}</PartNumber><ETag>&quot;{escape(part.etag)}&quot;</ETag></Part>"
        for part in parts_done
    )
    return f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()


def restore_request(days: int, speed: str) -> bytes:
    """The body of RestoreObject; `speed` is Standard, Bulk or Expedited."""
    tier = f"<GlacierJobParameters><Tier>{escape(speed)}</Tier></GlacierJobParameters>"
    return f"<RestoreRequest><Days>{days}</Days>{tier}</RestoreRequest>".encode()


def location(region: str) -> bytes:
    """The body of CreateBucket; empty for the region where there must be none."""
    if region in ("", "us-east-1"):
        return b""
    place = f"<LocationConstraint>{escape(region)}</LocationConstraint>"
    return f"<CreateBucketConfiguration>{place}</CreateBucketConfiguration>".encode()


def timestamp(value: str) -> float:
    """Epoch seconds of an ISO 8601 time. Raises ValueError."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return moment.timestamp()


def bare_etag(value: str) -> str:
    """Without quotes and weak mark."""
    return value.removeprefix("W/").strip('"')


def decoder(root: ElementTree.Element) -> Callable[[str], str]:
    """How the names of this answer are written."""
    return _unquote if text(root, "EncodingType") == "url" else str


def _unquote(value: str) -> str:
    if "%" not in value and "+" not in value:
        return value
    raw = urllib.parse.unquote_to_bytes(value.replace("+", " "))
    return raw.decode("utf-8", "surrogateescape")


def _bad(why: str, at: str) -> BadResponse:
    return BadResponse(f"The server's answer cannot be used: {why}.", subject=at)


def escape(text: str) -> str:
    """Text between two tags. (The library's own loads a web client.)"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
