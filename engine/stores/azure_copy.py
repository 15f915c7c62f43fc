"""Copies that the service makes itself, within one account, of exactly one version."""

from engine.errors import BadResponse, NotSupported, StoreError
from engine.model import ObjectMeta, VersionPin
from engine.stores.azure_blocks import Blocks, written_pin
from engine.stores.azure_client import SLOW, AzureClient
from engine.stores.azure_headers import CONTENT, match_value, read_head, write_headers
from engine.stores.azure_reader import match_header
from engine.stores.base import Part, Written
from engine.stores.s3_reader import check_pin

COPY_LIMIT = 256 * 1024**2  # bytes that Copy Blob From URL takes
_LONGEST = 2048  # characters of the URL of the source
_REFUSED = ("CannotVerifyCopySource", "InvalidSourceBlobUrl", "UnsupportedHeader")

Place = tuple[str, str]  # container and key


class ServerCopy:
    """Copy Blob From URL and Put Block From URL, each on condition of the source's version."""

    def __init__(self, client: AzureClient, blocks: Blocks) -> None:
        self._client = client
        self._blocks = blocks

    async def copy(
        self,
        source: Place,
        target: Place,
        *,
        pin: VersionPin,
        size: int,
        meta: ObjectMeta,
        storage_class: str,
        condition: dict[str, str],
    ) -> Written:
        """Copy a whole blob. Raises NotSupported, with nothing written, if that is not exact."""
        at = self._client.at(*target)
        if size > COPY_LIMIT:
            raise _inexact(f"more than {COPY_LIMIT:,} bytes are copied in parts", at)
        headers = write_headers(meta, storage_class, at)
        await self._check_source(source, pin, size, meta)
        sent = {name: value for name, value in headers.items() if name[:10] != "x-ms-blob-"}
        sent |= await self._whence(source, pin)
        sent |= {**condition, "x-ms-requires-sync": "true"}
        try:
            reply = await self._client.call("PUT", *target, headers=sent, patience=SLOW)
        except StoreError as error:
            raise _translated(error, at) from error
        if reply.headers.get("x-ms-copy-status", "") != "success":
            raise BadResponse("The service does not say that the copy is done.", subject=at)
        return Written(written_pin(reply.headers, size, at))

    async def copy_part(
        self,
        source: Place,
        target: Place,
        upload_id: str,
        number: int,
        *,
        pin: VersionPin,
        start: int,
        stop: int,
    ) -> Part:
        """Make a block of bytes start ≤ i < stop of that version."""
        whence = await self._whence(source, pin)
        whence["x-ms-source-range"] = f"bytes={start}-{stop - 1}"
        try:
            return await self._blocks.put_from(*target, upload_id, number, stop - start, whence)
        except StoreError as error:
            raise _translated(error, self._client.at(*target)) from error

    async def _whence(self, source: Place, pin: VersionPin) -> dict[str, str]:
        # The ETag pins the source; a grant of ours does not open a version by its id.
        at = self._client.at(*source)
        match_header(pin, at)
        named = await self._client.source(*source)
        if len(named["x-ms-copy-source"]) > _LONGEST:
            raise _inexact("the source's name is too long for it", at)
        return {**named, "x-ms-source-if-match": match_value(pin)}

    async def _check_source(
        self, source: Place, pin: VersionPin, size: int, meta: ObjectMeta
    ) -> None:
        """A copy gets the content headers (and without any, the metadata) of its source."""
        at = self._client.at(*source)
        reply = await self._client.call("HEAD", *source, headers=match_header(pin, at))
        length = reply.headers.get("content-length", "")
        found = read_head(source[1], int(length) if length.isdigit() else -1, reply.headers)
        check_pin(found.pin, pin, at)
        if any(getattr(found.meta, name) != getattr(meta, name) for name in CONTENT.values()):
            raise _inexact("it keeps the content headers of the source", at)
        if not (meta.user or meta.modified):
            raise _inexact("it keeps the metadata of the source where none is given", at)
        if reply.headers.get("x-ms-blob-type", "") != "BlockBlob" or found.size != size:
            raise _inexact("the source is no block blob of that size", at)


def _translated(error: StoreError, at: str) -> StoreError:
    """NotSupported where the service says that it does not make this copy."""
    if error.code not in _REFUSED and error.status != 501:
        return error
    return _inexact(f"it refuses the source ({error.code or error.status})", at)


def _inexact(why: str, at: str) -> NotSupported:
    return NotSupported(
        f"The service does not make this copy itself: {why}.",
        subject=at,
        safe="Nothing was written.",
    )
