"""Uploads in blocks: begin, send, list, commit, abort.

Nothing here ever touches a committed blob but the commit itself, which is conditional. Azure
cannot throw uncommitted blocks away except by writing (or writing and deleting) the blob, which
others would see, which a retention policy may make permanent, and which a kill in the middle
would leave behind as an empty object. So an abort only marks the upload as given up; the service
drops uncommitted blocks a week after the last of them, or when the blob is next written.
"""

import time
from collections.abc import AsyncGenerator, Mapping, Sequence

from engine.errors import BadResponse, NotFound, StoreError
from engine.model import ObjectMeta, VersionPin
from engine.stores import azure_xml as xml
from engine.stores.azure_client import SLOW, AzureClient
from engine.stores.azure_headers import write_headers
from engine.stores.azure_sign import md5_header
from engine.stores.azure_upload_id import ABORTED, BEGUN, UploadId, gone, split_name
from engine.stores.base import Part, UploadInfo, Written
from engine.stores.body import Pieces
from engine.stores.s3_headers import http_time
from engine.stores.s3_xml import bare_etag

_MARK = b"\0"


class Blocks:
    """The operations on blocks of one account."""

    def __init__(self, client: AzureClient) -> None:
        self._client = client
        self._aborted = set[bytes]()  # tokens given up here: a late part must not follow

    async def begin(self, bucket: str, key: str, meta: ObjectMeta, storage_class: str) -> str:
        """Begin an upload with a mark among the blocks, so that it can be found."""
        at = self._client.at(bucket, key)
        upload = UploadId.new(write_headers(meta, storage_class, at), time.time())
        await self._put(bucket, key, upload.block(BEGUN), _MARK)
        return str(upload)

    async def put(
        self, bucket: str, key: str, upload_id: str, number: int, data: bytes | Pieces, md5: str
    ) -> Part:
        """Send one part."""
        upload = self._parse(bucket, key, upload_id)
        name = upload.block(number)
        await self._put(bucket, key, name, data, md5)
        return Part(number, name, len(data), md5)

    async def put_from(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        size: int,
        source: Mapping[str, str],
    ) -> Part:
        """Let the service fetch one part itself; `source` are the headers that say whence."""
        name = self._parse(bucket, key, upload_id).block(number)
        query = [("comp", "block"), ("blockid", name)]
        await self._client.call("PUT", bucket, key, query=query, headers=source, patience=SLOW)
        return Part(number, name, size)

    async def parts(self, bucket: str, key: str, upload_id: str) -> list[Part]:
        """All parts that arrived, by number. Raises NotFound if the upload is gone."""
        upload = self._parse(bucket, key, upload_id)
        at = self._client.at(bucket, key)
        found = _numbers(await self._uncommitted(bucket, key), upload.token)
        if BEGUN not in found or ABORTED in found:
            raise gone(at)
        return [
            Part(number, upload.block(number), size)
            for number, size in sorted(found.items())
            if number != BEGUN
        ]

    async def complete(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        parts: Sequence[Part],
        condition: Mapping[str, str],
    ) -> Written:
        """Commit exactly these parts, which the service must hold in the sizes we sent."""
        upload, at = self._parse(bucket, key, upload_id), self._client.at(bucket, key)
        held = {part.number: part.size for part in await self.parts(bucket, key, upload_id)}
        for part in parts:
            if held.get(part.number) != part.size:
                raise StoreError(
                    f"The service does not hold part {part.number} as it was sent.",
                    subject=at,
                    safe="Nothing was written.",
                    status=400,
                    code="InvalidPart",
                )
        try:
            reply = await self._client.call(
                "PUT",
                bucket,
                key,
                query=[("comp", "blocklist")],
                headers={**upload.headers, **condition, "Content-Type": "application/xml"},
                body=xml.block_list(upload.block(part.number) for part in parts),
                patience=SLOW,
            )
        except StoreError as error:
            if error.code != "InvalidBlockList":
                raise
            await self.parts(bucket, key, upload_id)  # somebody wrote the blob: then it is gone
            raise
        size = sum(part.size for part in parts)
        return Written(written_pin(reply.headers, size, at))

    async def abort(self, bucket: str, key: str, upload_id: str) -> None:
        """Give an upload up: mark it, for the service to drop. Absent is fine."""
        try:
            upload = UploadId.parse(upload_id, self._client.at(bucket, key))
            self._aborted.add(upload.token)
            found = _numbers(await self._uncommitted(bucket, key), upload.token)
        except NotFound:
            return
        if not found or ABORTED in found:
            return
        try:
            await self._put(bucket, key, upload.block(ABORTED), _MARK)
        except StoreError as error:
            if error.retryable:
                raise
            # A lease or a policy forbids even the mark. The blocks go by themselves all the same.

    async def uploads(self, bucket: str, prefix: str) -> list[UploadInfo]:
        """Astra's own unfinished uploads of keys that start with `prefix`.

        Of blobs that are there already only the one named exactly so is asked: a listing shows
        their blocks nowhere.
        """
        found = list[UploadInfo]()
        rows = list[xml.Listed]()
        async for page in self.pages(bucket, prefix, [("include", "uncommittedblobs")]):
            rows += [row for row in page if _may_hold_blocks(row) or row.entry.key == prefix]
        for row in rows:
            entry = row.entry
            try:
                blocks = await self._uncommitted(bucket, entry.key)
            except NotFound:
                continue  # deleted meanwhile
            tokens = {split[0] for block in blocks if (split := split_name(block.name))}
            for token in sorted(tokens):
                numbers = _numbers(blocks, token)
                if BEGUN in numbers and ABORTED not in numbers:
                    upload = UploadId(token)
                    found.append(UploadInfo(entry.key, str(upload), upload.begun))
        return found

    async def pages(
        self, bucket: str, prefix: str, extra: Sequence[tuple[str, str]] = ()
    ) -> AsyncGenerator[list[xml.Listed], None]:
        """The pages of List Blobs; raises rather than end early.

        A page may be empty and yet not be the last.
        """
        at, marker, seen = self._client.at(bucket, prefix), "", set[str]()
        while True:
            query = [("restype", "container"), ("comp", "list"), ("maxresults", "5000"), *extra]
            query += [("prefix", prefix)] if prefix else []
            query += [("marker", marker)] if marker else []
            reply = await self._client.call("GET", bucket, query=query)
            page = xml.listing(reply.body, at)
            yield [row for row in page.rows if row.entry.key.startswith(prefix)]
            if not page.marker:
                return
            if page.marker in seen:
                raise BadResponse("The listing goes in a circle.", subject=at)
            seen.add(marker := page.marker)

    async def _put(
        self, bucket: str, key: str, name: str, data: bytes | Pieces, md5: str = ""
    ) -> None:
        query = [("comp", "block"), ("blockid", name)]
        await self._client.call("PUT", bucket, key, query=query, headers=md5_header(md5), body=data)

    async def _uncommitted(self, bucket: str, key: str) -> list[xml.Block]:
        query = [("comp", "blocklist"), ("blocklisttype", "uncommitted")]
        reply = await self._client.call("GET", bucket, key, query=query)
        return xml.uncommitted(reply.body, self._client.at(bucket, key))

    def _parse(self, bucket: str, key: str, upload_id: str) -> UploadId:
        at = self._client.at(bucket, key)
        upload = UploadId.parse(upload_id, at)
        if upload.token in self._aborted:
            raise gone(at)
        return upload


def written_pin(headers: Mapping[str, str], size: int, at: str) -> VersionPin:
    """The pin of what was just written, from the answer. Raises BadResponse without an ETag."""
    etag = bare_etag(headers.get("etag", ""))
    if not etag:
        raise BadResponse("The server gave no ETag for the blob.", subject=at)
    modified = http_time(headers.get("last-modified", ""))
    return VersionPin(etag, modified, size, headers.get("x-ms-version-id", ""))


def _may_hold_blocks(row: xml.Listed) -> bool:
    """Blobs that were only begun are listed without bytes, and without an MD5 of them."""
    return not row.entry.size and not row.properties.get("Content-MD5")


def _numbers(blocks: Sequence[xml.Block], token: bytes) -> dict[int, int]:
    """Sizes of the blocks of one upload, by number."""
    found = {}
    for block in blocks:
        split = split_name(block.name)
        if split is not None and split[0] == token:
            found[split[1]] = block.size
    return found
