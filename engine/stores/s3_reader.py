"""Reading an S3 object, pinned, ranged and counted."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from engine.errors import BadResponse, PreconditionFailed, UsageError
from engine.model import ObjectHead, VersionPin
from engine.stores import s3_xml as xml
from engine.stores.base import Fetched, check_range
from engine.stores.http_answer import Incoming
from engine.stores.s3_classes import StorageClasses
from engine.stores.s3_client import S3Client
from engine.stores.s3_headers import content_range, read_head, read_pin


class S3Reader:
    """An open download. `size` is the number of bytes this read will give."""

    def __init__(self, incoming: Incoming, head: ObjectHead, size: int) -> None:
        self.head = head
        self.size = size
        self._incoming = incoming

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Chunks of 1 MiB. Raises TruncatedBody if the count is wrong at the end."""
        return self._incoming.chunks(self.size)


@asynccontextmanager
async def open_reader(
    client: S3Client,
    classes: StorageClasses,
    bucket: str,
    key: str,
    pin: VersionPin,
    start: int,
    stop: int | None,
    *,
    trusted: bool,
    query: list[tuple[str, str]] | None = None,
) -> AsyncGenerator[S3Reader, None]:
    """GET bytes start ≤ i < stop of the pinned version; the answer must prove all of it.

    `query` names the version otherwise than `version_query` does.
    """
    at = client.at(bucket, key)
    headers = {"Accept-Encoding": "gzip"} if client.endpoint.is_gcs else {}
    headers |= match_header(pin, at)
    headers["x-amz-checksum-mode"] = "ENABLED"
    ranged = start > 0 or stop is not None
    if ranged:
        if pin.size >= 0:
            check_range(pin.size, start, stop, at)
        if stop == start or start == pin.size:
            raise UsageError("The range is empty: there is nothing to read.", subject=at)
        headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
    query = version_query(pin) if query is None else query
    async with client.get(bucket, key, query=query, headers=headers) as incoming:
        total, size = _check_span(incoming, start, stop, ranged=ranged, at=at)
        head = read_head(key, total, incoming.headers, classes, trusted=trusted)
        check_pin(head.pin, pin, at)
        yield S3Reader(incoming, head, size)


async def fetch(
    client: S3Client,
    classes: StorageClasses,
    bucket: str,
    key: str,
    pin: VersionPin,
    *,
    trusted: bool,
    describe: bool,
) -> Fetched:
    """The pinned version, all that HEAD would tell and its bytes, by one GET."""
    at, query = client.at(bucket, key), version_query(pin)
    headers = match_header(pin, at)
    if client.endpoint.is_gcs:
        headers["Accept-Encoding"] = "gzip"
    headers["x-amz-checksum-mode"] = "ENABLED"
    reply = await client.call("GET", bucket, key, query=query, headers=headers, size=pin.size)
    if reply.status != 200:
        raise BadResponse("The answer does not announce the whole object.", subject=at)
    if not describe:
        found = read_pin(len(reply.body), reply.headers)
        check_pin(found, pin, at)
        return Fetched(ObjectHead(key, len(reply.body), found, ""), reply.body)
    tags: tuple[tuple[str, str], ...] = ()
    if reply.headers.get("x-amz-tagging-count", "0") != "0":
        tagging = await client.call("GET", bucket, key, query=[("tagging", ""), *query])
        tags = xml.tags(tagging.body, at)
    head = read_head(key, len(reply.body), reply.headers, classes, trusted=trusted, tags=tags)
    check_pin(head.pin, pin, at)
    return Fetched(head, reply.body)


def _check_span(
    incoming: Incoming, start: int, stop: int | None, *, ranged: bool, at: str
) -> tuple[int, int]:
    """The object's size and that of this answer. Raises BadResponse if it is not what we want."""
    if not ranged:
        if incoming.status != 200 or incoming.length is None:
            raise BadResponse("The answer does not announce the whole object.", subject=at)
        return incoming.length, incoming.length
    span = incoming.headers.get("content-range", "")
    if incoming.status != 206 and not span:  # some servers answer a range with 200
        raise BadResponse("The server ignored the range that was asked for.", subject=at)
    first, end, total = content_range(span, at)
    if first != start or end != (total if stop is None else stop):
        raise BadResponse("The answer holds other bytes than were asked for.", subject=at)
    if incoming.length is not None and incoming.length != end - first:
        raise BadResponse("Content-Length and Content-Range contradict each other.", subject=at)
    return total, end - first


def match_header(pin: VersionPin, at: str) -> dict[str, str]:
    """If-Match for a pin. Raises UsageError for one that pins nothing."""
    if pin.etag:
        return {"If-Match": f'"{pin.etag}"'}
    if pin.version_id:
        return {}
    raise UsageError("The version is not known: there is neither ETag nor version id.", subject=at)


def version_query(pin: VersionPin) -> list[tuple[str, str]]:
    """versionId, where the pin has one that never means anything else."""
    fixed = pin.version_id not in ("", "null")
    return [("versionId", pin.version_id)] if fixed else []


def check_pin(found: VersionPin, pin: VersionPin, at: str) -> None:
    """Raises PreconditionFailed if the store described another version than the pinned one."""
    if not pin.matches(found):
        raise PreconditionFailed(
            "The object is not the version that was asked for.",
            subject=at,
            safe="Nothing was changed.",
            code="Changed",
        )
