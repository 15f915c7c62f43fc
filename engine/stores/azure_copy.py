"""Copies that the service makes itself, within one account, of exactly one version."""

import asyncio
from collections.abc import Mapping

from engine.errors import BadResponse, NotSupported, StoreError
from engine.model import ObjectMeta, VersionPin
from engine.stores.azure_blocks import Blocks, written_pin
from engine.stores.azure_client import SLOW, AzureClient
from engine.stores.azure_headers import match_value, read_head, write_headers
from engine.stores.azure_reader import match_header, version_query
from engine.stores.base import Part, Written
from engine.stores.s3_reader import check_pin

COPY_LIMIT = 256 * 1024**2  # bytes that one request copies
_PART = 256 * 1024**2
_MAX_PARTS = 50_000
_AT_ONCE = 4
_REFUSED = ("CannotVerifyCopySource", "InvalidSourceBlobUrl", "UnsupportedHeader", "NotImplemented")

Place = tuple[str, str]  # container and key


async def copy_blob(
    client: AzureClient,
    blocks: Blocks,
    source: Place,
    destination: Place,
    pin: VersionPin,
    size: int,
    meta: ObjectMeta,
    storage_class: str,
    condition: Mapping[str, str],
) -> Written:
    """Copy Blob From URL, or Put Block From URL where that is too small.

    Each request carries the condition on the source's version. Raises NotSupported, nothing
    being written, where the copy would not be exact.
    """
    at = client.at(*destination)
    headers = write_headers(meta, storage_class, at)
    await _check_source(client, source, pin, size, meta)
    whence = await client.source(*source, version_query(pin))
    whence["x-ms-source-if-match"] = match_value(pin)
    try:
        if size <= COPY_LIMIT:
            return await _copy_whole(client, destination, size, headers, whence, condition)
        return await _copy_in_blocks(
            client, blocks, source, destination, pin, size, meta, storage_class, condition
        )
    except StoreError as error:
        if error.code in _REFUSED or error.status == 501:
            raise NotSupported(
                f"The service does not copy this itself ({error.code}).",
                subject=at,
                safe="Nothing was written.",
                status=error.status,
                code=error.code,
            ) from error
        raise


async def _check_source(
    client: AzureClient, source: Place, pin: VersionPin, size: int, meta: ObjectMeta
) -> None:
    """A copy takes the content headers of its source, and only of a block blob."""
    at = client.at(*source)
    reply = await client.call(
        "HEAD", *source, query=version_query(pin), headers=match_header(pin, at)
    )
    length = reply.headers.get("content-length", "")
    found = read_head(source[1], int(length) if length.isdigit() else -1, reply.headers)
    check_pin(found, pin, at)
    theirs, ours = found.meta, meta
    same = all(
        getattr(theirs, name) == getattr(ours, name)
        for name in (
            "content_type",
            "content_encoding",
            "content_language",
            "content_disposition",
            "cache_control",
        )
    )
    plain = reply.headers.get("x-ms-blob-type", "") == "BlockBlob"
    if not same or not plain or found.size != size or (theirs.user and not ours.user):
        raise NotSupported(
            "The service's own copy would not be what was asked for.",
            subject=at,
            safe="Nothing was written.",
        )


async def _copy_whole(
    client: AzureClient,
    destination: Place,
    size: int,
    headers: Mapping[str, str],
    whence: Mapping[str, str],
    condition: Mapping[str, str],
) -> Written:
    at = client.at(*destination)
    own = {name: value for name, value in headers.items() if not name.startswith("x-ms-blob-")}
    sent = {**own, **whence, **condition, "x-ms-requires-sync": "true"}
    reply = await client.call("PUT", *destination, headers=sent, patience=SLOW)
    if reply.headers.get("x-ms-copy-status", "") != "success":
        raise BadResponse("The service does not say that the copy is done.", subject=at)
    return Written(written_pin(reply.headers, size, at))


async def _copy_in_blocks(
    client: AzureClient,
    blocks: Blocks,
    source: Place,
    destination: Place,
    pin: VersionPin,
    size: int,
    meta: ObjectMeta,
    storage_class: str,
    condition: Mapping[str, str],
) -> Written:
    part = max(_PART, -(-size // _MAX_PARTS))
    upload_id = await blocks.begin(*destination, meta, storage_class)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def fetch(number: int, start: int) -> Part:
        count = min(part, size - start)
        async with gate:
            whence = await client.source(*source, version_query(pin))  # a grant lasts an hour
            whence["x-ms-source-if-match"] = match_value(pin)
            whence["x-ms-source-range"] = f"bytes={start}-{start + count - 1}"
            return await blocks.put_from(*destination, upload_id, number, count, whence)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(fetch(number, start))
                for number, start in enumerate(range(0, size, part), 1)
            ]
        parts = [task.result() for task in tasks]
        return await blocks.complete(*destination, upload_id, parts, condition)
    except BaseExceptionGroup as errors:
        await blocks.abort(*destination, upload_id)
        raise errors.exceptions[0] from None
    except BaseException:
        await blocks.abort(*destination, upload_id)
        raise
