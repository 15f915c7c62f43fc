"""Versions and snapshots of one blob, and reading them.

A snapshot has no version id: the pin carries `snapshot:` and the time that names it.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from xml.etree.ElementTree import Element

from engine.errors import BadResponse, StoreError
from engine.model import ObjectHead, VersionPin
from engine.model.preview import ObjectVersion
from engine.stores import azure_xml as xml
from engine.stores.azure_client import AzureClient
from engine.stores.azure_headers import read_head
from engine.stores.azure_reader import AzureReader, match_header, open_reader
from engine.stores.s3_headers import http_time
from engine.stores.s3_reader import check_pin
from engine.stores.s3_xml import bare_etag, local_name, parse, text
from engine.stores.versions import MOST, Kept, newest_first

_SNAPSHOT = "snapshot:"
_WANTED = ("versions,snapshots", "snapshots")  # accounts with directories know no versions


def exact(pin: VersionPin) -> tuple[list[tuple[str, str]], VersionPin]:
    """The query that names the version or snapshot, and what its answer must match."""
    if pin.version_id.startswith(_SNAPSHOT):
        moment = pin.version_id.removeprefix(_SNAPSHOT)
        return [("snapshot", moment)], replace(pin, version_id="")
    return ([("versionid", pin.version_id)] if pin.version_id else []), pin


async def list_versions(client: AzureClient, container: str, key: str) -> Kept:
    """List Blobs with versions and snapshots, for that very name."""
    for include in _WANTED:
        try:
            return await _listed(client, container, key, include)
        except StoreError as error:
            if error.status != 400 or include == _WANTED[-1]:
                raise
    raise AssertionError("one of them returns")


async def _listed(client: AzureClient, container: str, key: str, include: str) -> Kept:
    at, marker, seen = client.at(container, key), "", set[str]()
    found: list[ObjectVersion] = []
    while True:
        query = [("restype", "container"), ("comp", "list"), ("maxresults", str(MOST))]
        query += [("include", include), ("prefix", key)]
        query += [("marker", marker)] if marker else []
        reply = await client.call("GET", container, query=query)
        root = parse(reply.body, at, "EnumerationResults")
        items = list(root.iterfind("{*}Blobs/{*}Blob"))
        ours = [item for item in items if xml.blob_name(item) == key]
        found += [_version(item, at) for item in ours]
        marker = text(root, "NextMarker")
        if not marker or len(ours) < len(items) or len(found) >= MOST:
            more = bool(marker) and len(ours) == len(items)
            return newest_first(_with_current(found), more=more)
        if marker in seen:
            raise BadResponse("The listing of versions goes in a circle.", subject=at)
        seen.add(marker)


def _with_current(found: list[ObjectVersion]) -> list[ObjectVersion]:
    """Without versions the blob itself is the one that is neither version nor snapshot."""
    if any(item.current for item in found):
        return found
    return [
        replace(item, current=True) if not item.pin.version_id and not item.snapshot else item
        for item in found
    ]


def _version(item: Element, at: str) -> ObjectVersion:
    properties = item.find("{*}Properties")
    found = {
        local_name(child): child.text or ""
        for child in (properties if properties is not None else ())
    }
    moment = text(item, "Snapshot")
    try:
        pin = VersionPin(
            bare_etag(found.get("Etag", "")),
            http_time(found.get("Last-Modified", "")),
            int(found["Content-Length"]),
            _SNAPSHOT + moment if moment else text(item, "VersionId"),
        )
    except (KeyError, ValueError) as error:
        raise BadResponse(f"One version is incomplete ({error}).", subject=at) from error
    return ObjectVersion(
        pin,
        found.get("AccessTier", "") or "Hot",
        current=text(item, "IsCurrentVersion") == "true",
        snapshot=bool(moment),
    )


async def describe(client: AzureClient, container: str, key: str, pin: VersionPin) -> ObjectHead:
    """Get Blob Properties of exactly that version or snapshot, without its tags."""
    at = client.at(container, key)
    query, wanted = exact(pin)
    reply = await client.call("HEAD", container, key, query=query, headers=match_header(pin, at))
    length = reply.headers.get("content-length", "")
    if not length.isdigit():
        raise BadResponse("The server does not say how long the blob is.", subject=at)
    found = read_head(key, int(length), reply.headers)
    found = replace(found, pin=replace(found.pin, version_id=""))
    check_pin(found.pin, wanted, at)
    return replace(found, pin=replace(found.pin, version_id=pin.version_id))


@asynccontextmanager
async def read_version(
    client: AzureClient, container: str, key: str, pin: VersionPin, stop: int | None
) -> AsyncGenerator[AzureReader, None]:
    """Get Blob of exactly that version or snapshot."""
    query, wanted = exact(pin)
    span = (container, key, wanted, 0, stop)
    async with open_reader(client, *span, query=query) as reader:
        yield reader
