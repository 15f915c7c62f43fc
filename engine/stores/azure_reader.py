"""Reading a blob, pinned, ranged and counted."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from engine.errors import BadResponse, UsageError
from engine.model import ObjectHead, VersionPin
from engine.stores.azure_client import AzureClient
from engine.stores.azure_headers import match_value, read_head
from engine.stores.base import check_range
from engine.stores.http_answer import Incoming
from engine.stores.s3_headers import content_range
from engine.stores.s3_reader import check_pin


class AzureReader:
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
    client: AzureClient,
    container: str,
    key: str,
    pin: VersionPin,
    start: int,
    stop: int | None,
    *,
    query: list[tuple[str, str]] | None = None,
) -> AsyncGenerator[AzureReader, None]:
    """Get Blob, bytes start ≤ i < stop of the pinned version; the answer must prove all of it.

    `query` names the version otherwise than `version_query` does.
    """
    at = client.at(container, key)
    headers = match_header(pin, at)
    ranged = start > 0 or stop is not None
    if ranged:
        if pin.size >= 0:
            check_range(pin.size, start, stop, at)
        if stop == start or start == pin.size:
            raise UsageError("The range is empty: there is nothing to read.", subject=at)
        headers["x-ms-range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
    query = version_query(pin) if query is None else query
    async with client.get(container, key, query=query, headers=headers) as incoming:
        total, size = _check_span(incoming, start, stop, ranged=ranged, at=at)
        head = read_head(key, total, incoming.headers, ranged=ranged)
        check_pin(head.pin, pin, at)
        yield AzureReader(incoming, head, size)


def _check_span(
    incoming: Incoming, start: int, stop: int | None, *, ranged: bool, at: str
) -> tuple[int, int]:
    """The blob's size and that of this answer. Raises BadResponse if it is not what we want."""
    if not ranged:
        if incoming.status != 200 or incoming.length is None:
            raise BadResponse("The answer does not announce the whole blob.", subject=at)
        return incoming.length, incoming.length
    span = incoming.headers.get("content-range", "")
    if incoming.status != 206:
        raise BadResponse("The server ignored the range that was asked for.", subject=at)
    first, end, total = content_range(span, at)
    if first != start or end != (total if stop is None else stop):
        raise BadResponse("The answer holds other bytes than were asked for.", subject=at)
    if incoming.length is not None and incoming.length != end - first:
        raise BadResponse("Content-Length and Content-Range contradict each other.", subject=at)
    return total, end - first


def match_header(pin: VersionPin, at: str) -> dict[str, str]:
    """If-Match for a pin. Raises UsageError for one that pins nothing."""
    if not pin.etag:
        raise UsageError("The version is not known: there is no ETag.", subject=at)
    return {"If-Match": match_value(pin)}


def version_query(pin: VersionPin) -> list[tuple[str, str]]:
    """versionid, where the account has versions."""
    return [("versionid", pin.version_id)] if pin.version_id else []
