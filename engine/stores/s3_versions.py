"""ListObjectVersions of one key, and reading what was there before."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from xml.etree.ElementTree import Element

from engine.errors import BadResponse, NotFound, PreconditionFailed, StoreError
from engine.model import ObjectHead, VersionPin
from engine.model.preview import ObjectVersion
from engine.stores import s3_xml as xml
from engine.stores.s3_classes import StorageClasses
from engine.stores.s3_client import S3Client
from engine.stores.s3_headers import read_head
from engine.stores.s3_reader import S3Reader, check_pin, match_header, open_reader
from engine.stores.versions import MOST, Kept, newest_first

_NULL = "null"  # the version that was written before the bucket kept versions


def _named(pin: VersionPin) -> list[tuple[str, str]]:
    return [("versionId", pin.version_id)] if pin.version_id else []


async def list_versions(client: S3Client, classes: StorageClasses, bucket: str, key: str) -> Kept:
    """Versions and delete markers of that key. Others that begin so are not asked for further."""
    at, markers, seen = client.at(bucket, key), list[tuple[str, str]](), set[tuple[str, ...]]()
    found: list[ObjectVersion] = []
    while True:
        query = [("versions", ""), ("prefix", key), ("encoding-type", "url"), *markers]
        reply = await client.call("GET", bucket, query=query)
        root = xml.parse(reply.body, at, "ListVersionsResult")
        ours, others = _page(root, key, classes, at)
        found += ours
        following = (xml.text(root, "NextKeyMarker"), xml.text(root, "NextVersionIdMarker"))
        more = xml.text(root, "IsTruncated") == "true" and not others
        if not more or len(found) >= MOST:
            return newest_first(found, more=more)
        if not following[0] or following in seen:
            raise BadResponse("The listing of versions goes in a circle.", subject=at)
        seen.add(following)
        names = ("key-marker", "version-id-marker")
        markers = [pair for pair in zip(names, following, strict=True) if pair[1]]
        markers[0] = ("key-marker", xml.decoder(root)(following[0]))


def _page(
    root: Element, key: str, classes: StorageClasses, at: str
) -> tuple[list[ObjectVersion], bool]:
    """The versions of the key, and whether there are any of other keys."""
    decode, found, others = xml.decoder(root), list[ObjectVersion](), False
    for item in root:
        kind = xml.local_name(item)
        if kind not in ("Version", "DeleteMarker"):
            continue
        if decode(xml.text(item, "Key")) != key:
            others = True
            continue
        marker = kind == "DeleteMarker"
        try:
            pin = VersionPin(
                xml.bare_etag(xml.text(item, "ETag")),
                xml.timestamp(xml.text(item, "LastModified")),
                0 if marker else int(xml.text(item, "Size")),
                xml.text(item, "VersionId"),
            )
        except ValueError as error:
            raise BadResponse(f"One version is incomplete ({error}).", subject=at) from error
        wire = "" if marker else classes.from_wire(xml.text(item, "StorageClass"))
        current = xml.text(item, "IsLatest") == "true"
        found.append(ObjectVersion(pin, wire, current=current, marker=marker))
    return found, others


async def describe(
    client: S3Client,
    classes: StorageClasses,
    bucket: str,
    key: str,
    pin: VersionPin,
    *,
    trusted: bool,
) -> ObjectHead:
    """HEAD of exactly that version, without its tags."""
    place = (client, classes, bucket, key, pin)
    if pin.version_id != _NULL:
        return await _described(*place, _named(pin), trusted=trusted)
    # The current one may be it, and servers without versions know no other way to ask for it:
    # its ETag tells.
    try:
        return await _described(*place, [], trusted=trusted)
    except (NotFound, PreconditionFailed) as error:
        try:
            return await _described(*place, _named(pin), trusted=trusted)
        except StoreError:
            raise error from None


async def _described(
    client: S3Client,
    classes: StorageClasses,
    bucket: str,
    key: str,
    pin: VersionPin,
    query: list[tuple[str, str]],
    *,
    trusted: bool,
) -> ObjectHead:
    at = client.at(bucket, key)
    reply = await client.call("HEAD", bucket, key, query=query, headers=match_header(pin, at))
    length = reply.headers.get("content-length", "")
    if not length.isdigit():
        raise BadResponse("The server does not say how long the object is.", subject=at)
    found = read_head(key, int(length), reply.headers, classes, trusted=trusted)
    found = replace(found, pin=_same(found.pin, pin))
    check_pin(found.pin, pin, at)
    return found


def _same(found: VersionPin, pin: VersionPin) -> VersionPin:
    """Servers without versions name none; the ETag was asked for."""
    unnamed = pin.version_id == _NULL and not found.version_id
    return replace(found, version_id=_NULL) if unnamed else found


@asynccontextmanager
async def read_version(
    client: S3Client,
    classes: StorageClasses,
    bucket: str,
    key: str,
    pin: VersionPin,
    stop: int | None,
    *,
    trusted: bool,
) -> AsyncGenerator[S3Reader, None]:
    """GET of exactly that version."""
    span, entered = (bucket, key, pin, 0, stop), False
    first = [] if pin.version_id == _NULL else _named(pin)
    try:
        async with open_reader(client, classes, *span, trusted=trusted, query=first) as reader:
            entered = True
            yield reader
    except (NotFound, PreconditionFailed):
        if entered or first == _named(pin):
            raise
    else:
        return
    async with open_reader(client, classes, *span, trusted=trusted, query=_named(pin)) as reader:
        yield reader
