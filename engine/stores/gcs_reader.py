"""Describing and reading one version of an object: pinned, ranged and counted."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from engine.errors import BadResponse, NotFound, PreconditionFailed, UsageError
from engine.model import Checksum, ObjectHead, ObjectMeta, VersionPin
from engine.stores.base import check_range
from engine.stores.gcs_client import GCSClient, Resource
from engine.stores.gcs_endpoint import Query
from engine.stores.gcs_resource import check_resource, condition, from_base64, generations, pin_of
from engine.stores.http_answer import Incoming
from engine.stores.s3_headers import content_range

GONE = "NoSuchVersion"  # code of the error for a generation that is not there any more


async def describe(
    client: GCSClient, bucket: str, key: str, pin: VersionPin | None = None
) -> Resource:
    """The object's resource. Raises NotFound, PreconditionFailed for another version."""
    at = client.at(bucket, key)
    generation, query = "", list[tuple[str, str]]()
    if pin is not None:
        generation, metageneration = generations(pin, at)
        query = version_query(generation, metageneration)
    try:
        found = await client.ask("GET", client.endpoint.object(bucket, key, query, at), at=at)
    except NotFound as error:
        if not generation:
            raise
        raise await gone_or_changed(client, bucket, key, error) from error
    check_resource(found, bucket, key, at)
    if pin is not None and not pin.matches(pin_of(found)):
        raise another_version(at)
    return found


async def gone_or_changed(
    client: GCSClient, bucket: str, key: str, error: NotFound
) -> NotFound | PreconditionFailed:
    """What it means that a generation is not found: no object, or another generation of it."""
    try:
        await describe(client, bucket, key)
    except NotFound:
        return error
    return another_version(client.at(bucket, key), GONE)


def version_query(generation: str, metageneration: str) -> Query:
    """The query that names exactly this version, and nothing for one that is not known.

    A generation never means anything else; the metageneration is a condition on it.
    """
    if not generation:
        return []
    return [("generation", generation), *condition("", metageneration)]


def another_version(at: str, code: str = "Changed") -> PreconditionFailed:
    """The store has the object, and not the version that was asked for."""
    return PreconditionFailed(
        "The object is not the version that was asked for.",
        subject=at,
        safe="Nothing was changed.",
        code=code,
    )


class GCSReader:
    """An open download. `size` is the number of bytes this read will give."""

    def __init__(self, incoming: Incoming, head: ObjectHead, size: int) -> None:
        self.head = head
        self.size = size
        self._incoming = incoming

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Chunks of 1 MiB. Raises TruncatedBody if the count is wrong at the end."""
        async for chunk in self._incoming.chunks(self.size):
            yield chunk


@asynccontextmanager
async def open_reader(
    client: GCSClient, bucket: str, key: str, pin: VersionPin, start: int, stop: int | None
) -> AsyncGenerator[GCSReader, None]:
    """GET bytes start ≤ i < stop of the pinned version; the answer must prove all of it."""
    at = client.at(bucket, key)
    ranged, headers = start > 0 or stop is not None, dict[str, str]()
    if ranged:
        if pin.size >= 0:
            check_range(pin.size, start, stop, at)
        if stop == start or start == pin.size:
            raise UsageError("The range is empty: there is nothing to read.", subject=at)
        headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
    generation, metageneration = generations(pin, at)
    if not generation:
        found = pin_of(await describe(client, bucket, key, pin))
        generation, metageneration = generations(found, at)
    query = version_query(generation, metageneration)
    try:
        async with client.get(bucket, key, query=query, headers=headers) as incoming:
            _check_version(incoming, generation, metageneration, at)
            total, size = _check_span(incoming, start, stop, ranged=ranged, at=at)
            if pin.size >= 0 and total != pin.size:
                raise another_version(at)
            yield GCSReader(incoming, _head(key, total, incoming, generation), size)
    except NotFound as error:
        if error.code == GONE:
            raise
        raise await gone_or_changed(client, bucket, key, error) from error


def _check_version(incoming: Incoming, generation: str, metageneration: str, at: str) -> None:
    """The answer must be of this version, and its bytes as they are stored."""
    headers = incoming.headers
    if headers.get("x-goog-generation") != generation:
        raise BadResponse("The server gave another version than was asked for.", subject=at)
    if metageneration and headers.get("x-goog-metageneration", metageneration) != metageneration:
        raise another_version(at)
    stored = headers.get("x-goog-stored-content-encoding", "")
    if (stored == "gzip") != (headers.get("content-encoding", "") == "gzip") and stored in (
        *("gzip", "identity"),
    ):
        raise BadResponse("The server changed the bytes on their way (gzip).", subject=at)


def _check_span(
    incoming: Incoming, start: int, stop: int | None, *, ranged: bool, at: str
) -> tuple[int, int]:
    """The object's size and that of this answer. Raises BadResponse if it is not what we want."""
    stored = incoming.headers.get("x-goog-stored-content-length", "")
    if not ranged:
        if incoming.status != 200 or (incoming.length is None and not stored.isdigit()):
            raise BadResponse("The answer does not announce the whole object.", subject=at)
        total = size = int(stored) if incoming.length is None else incoming.length
    else:
        if incoming.status != 206:
            raise BadResponse("The server ignored the range that was asked for.", subject=at)
        first, end, total = content_range(incoming.headers.get("content-range", ""), at)
        size = end - first
        if first != start or end != (total if stop is None else stop):
            raise BadResponse("The answer holds other bytes than were asked for.", subject=at)
        if incoming.length is not None and incoming.length != size:
            raise BadResponse("Content-Length and Content-Range contradict each other.", subject=at)
    if stored and stored != str(total):
        raise BadResponse("The answer has another length than the stored object.", subject=at)
    return total, size


def _head(key: str, total: int, incoming: Incoming, generation: str) -> ObjectHead:
    """What the headers of a download tell; all the metadata stands in the resource alone."""
    headers, found = incoming.headers, list[Checksum]()
    for item in headers.get("x-goog-hash", "").split(","):
        algorithm, _, text = item.strip().partition("=")
        if algorithm in ("crc32c", "md5") and (value := from_base64(text)):
            found.append(Checksum(algorithm, value))
    metageneration = headers.get("x-goog-metageneration", "")
    etag = f"{generation}-{metageneration}" if metageneration else ""
    return ObjectHead(
        key=key,
        size=total,
        pin=VersionPin(etag, size=total, version_id=generation),
        storage_class=headers.get("x-goog-storage-class", ""),
        meta=ObjectMeta(
            content_type=headers.get("content-type", ""),
            content_encoding=headers.get("content-encoding", ""),
        ),
        checksums=tuple(found),
    )
