"""Reading and writing the XML of the Blob service. Whatever does not fit raises BadResponse."""

import base64
import binascii
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from xml.sax.saxutils import escape

from engine.errors import BadResponse
from engine.model import ListEntry
from engine.stores.s3_headers import http_time
from engine.stores.s3_xml import bare_etag, local_name, parse, text


class Listed(NamedTuple):
    """One row of a listing, and what its properties say besides."""

    entry: ListEntry
    properties: Mapping[str, str]  # as the service names them


class Listing(NamedTuple):
    """One page of List Blobs; `marker` is empty on the last."""

    rows: list[Listed]
    marker: str


class Block(NamedTuple):
    """One uncommitted block. `name` is the decoded id."""

    name: bytes
    size: int


def listing(data: bytes, at: str) -> Listing:
    """A page of List Blobs. Times in epoch seconds, ETags without quotes.

    Directories, which accounts with a hierarchical namespace list too, are no objects.
    """
    root = parse(data, at, "EnumerationResults")
    blobs = root.find("{*}Blobs")
    marker = root.find("{*}NextMarker")
    if blobs is None or marker is None:
        raise _bad("it does not say how the listing goes on", at)
    rows = []
    for item in blobs:
        if local_name(item) != "Blob":
            continue
        properties = item.find("{*}Properties")
        if properties is None:
            raise _bad("one entry has no properties", at)
        found = {local_name(child): child.text or "" for child in properties}
        if found.get("ResourceType") == "directory":
            continue
        try:
            entry = ListEntry(
                blob_name(item),
                int(found["Content-Length"]),
                http_time(found.get("Last-Modified", "")),
                bare_etag(found.get("Etag", "")),
                found.get("AccessTier", "") or "Hot",
            )
        except (KeyError, ValueError) as error:
            raise _bad(f"one entry is incomplete ({error})", at) from error
        if not entry.key:
            raise _bad("one entry has no name", at)
        rows.append(Listed(entry, found))
    return Listing(rows, marker.text or "")


def blob_name(item: ElementTree.Element) -> str:
    """The name; what XML cannot carry comes percent-encoded, and says so."""
    element = item.find("{*}Name")
    if element is None:
        return ""
    name = element.text or ""
    if element.get("Encoded", "").lower() == "true":
        return urllib.parse.unquote_to_bytes(name).decode("utf-8", "surrogateescape")
    return name


def containers(data: bytes, at: str) -> tuple[list[str], str]:
    """Names of a page of List Containers, and the marker of the next."""
    root = parse(data, at, "EnumerationResults")
    names = [text(item, "Name") for item in root.iterfind("{*}Containers/{*}Container")]
    return names, text(root, "NextMarker")


def uncommitted(data: bytes, at: str) -> list[Block]:
    """The uncommitted blocks of Get Block List."""
    root = parse(data, at, "BlockList")
    blocks = []
    for item in root.iterfind("{*}UncommittedBlocks/{*}Block"):
        try:
            name = base64.b64decode(text(item, "Name"), validate=True)
            blocks.append(Block(name, int(text(item, "Size"))))
        except (binascii.Error, ValueError) as error:
            raise _bad(f"one block is incomplete ({error})", at) from error
    return blocks


def block_list(ids: Iterable[str]) -> bytes:
    """The body of Put Block List: these uncommitted blocks, in this order."""
    rows = "".join(f"<Uncommitted>{escape(name)}</Uncommitted>" for name in ids)
    return f'<?xml version="1.0" encoding="utf-8"?><BlockList>{rows}</BlockList>'.encode()


def tags(data: bytes, at: str) -> tuple[tuple[str, str], ...]:
    """The tags of Get Blob Tags, by name."""
    root = parse(data, at, "Tags")
    found = root.iterfind("{*}TagSet/{*}Tag")
    return tuple(sorted((text(item, "Key"), text(item, "Value")) for item in found))


def _bad(why: str, at: str) -> BadResponse:
    return BadResponse(f"The server's answer cannot be used: {why}.", subject=at)
