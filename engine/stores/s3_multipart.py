"""Multipart uploads: begin, send, list, complete, abort, and the parts of finished objects."""

import asyncio
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence

from engine.errors import BadResponse, NotFound, NotSupported, StoreError
from engine.model import ObjectMeta, VersionPin
from engine.stores import s3_xml as xml
from engine.stores.base import Part, UploadInfo, Written
from engine.stores.body import Pieces
from engine.stores.s3_client import SLOW, Query, S3Client, md5_header
from engine.stores.s3_errors import raise_hidden_error
from engine.stores.s3_headers import http_time, read_checksums, write_headers
from engine.stores.s3_reader import version_query

_ASKED = 32  # parts asked one by one; of more, so many are asked
_AT_ONCE = 8


class Multipart:
    """The multipart operations of one endpoint."""

    def __init__(self, client: S3Client, *, trusted: bool) -> None:
        self._client = client
        self._trusted = trusted

    async def begin(self, bucket: str, key: str, meta: ObjectMeta, wire_class: str) -> str:
        """Begin an upload; its id is never empty."""
        at = self._client.at(bucket, key)
        headers = write_headers(meta, wire_class, at)
        reply = await self._client.call(
            "POST", bucket, key, query=[("uploads", "")], headers=headers
        )
        root = xml.parse(reply.body, at, "InitiateMultipartUploadResult", "InitiateMultipartUpload")
        upload_id = xml.text(root, "UploadId")
        if not upload_id:
            raise BadResponse("The server named no upload id.", subject=at)
        return upload_id

    async def put(
        self, bucket: str, key: str, upload_id: str, number: int, data: bytes | Pieces, md5: str
    ) -> Part:
        """Send one part."""
        reply = await self._client.call(
            "PUT",
            bucket,
            key,
            query=[("partNumber", str(number)), ("uploadId", upload_id)],
            headers=md5_header(md5),
            body=data,
        )
        etag = xml.bare_etag(reply.headers.get("etag", ""))
        if not etag:
            raise BadResponse(
                "The server gave no ETag for the part.", subject=self._client.at(bucket, key)
            )
        return Part(number, etag, len(data), md5)

    async def parts(self, bucket: str, key: str, upload_id: str) -> list[Part]:
        """All parts that arrived, by number."""
        at, marker, found = self._client.at(bucket, key), "", list[Part]()
        seen = set[str]()
        while True:
            query = [("uploadId", upload_id), ("max-parts", "1000")]
            if marker:
                query.append(("part-number-marker", marker))
            reply = await self._client.call("GET", bucket, key, query=query)
            page, following = xml.parts(reply.body, at)
            found += page
            if not following:
                return sorted(found, key=lambda part: part.number)
            if following in seen:
                raise BadResponse("The list of parts goes in a circle.", subject=at)
            seen.add(marker := following)

    async def complete(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        parts: Sequence[Part],
        condition: Mapping[str, str],
    ) -> Written:
        """Make the object. The body of a 200 is read: it may hold an error."""
        at = self._client.at(bucket, key)
        headers = {**condition, "Content-Type": "application/xml"}
        reply = await self._client.call(
            "POST",
            bucket,
            key,
            query=[("uploadId", upload_id)],
            headers=headers,
            body=xml.completion(parts),
            patience=SLOW,
        )
        raise_hidden_error(reply, "CompleteMultipartUploadResult", "POST", at)
        root = xml.parse(reply.body, at, "CompleteMultipartUploadResult")
        etag = xml.bare_etag(xml.text(root, "ETag"))
        if not etag:
            raise BadResponse("The server gave no ETag for the object.", subject=at)
        size = sum(part.size for part in parts)
        version = reply.headers.get("x-amz-version-id", "")
        pin = VersionPin(etag, http_time(reply.headers.get("last-modified", "")), size, version)
        headers = {**reply.headers, "etag": etag}
        headers |= _checksum_elements(root)
        return Written(pin, read_checksums(headers, trusted=self._trusted))

    async def abort(self, bucket: str, key: str, upload_id: str) -> None:
        """Throw an upload away. Absent is fine."""
        try:
            await self._client.call("DELETE", bucket, key, query=[("uploadId", upload_id)])
        except NotFound:
            return

    async def uploads(self, bucket: str, prefix: str) -> list[UploadInfo]:
        """Unfinished uploads of keys that start with `prefix`."""
        at, found = self._client.at(bucket, prefix), list[UploadInfo]()
        markers: list[tuple[str, str]] = []
        seen = set[tuple[str, str]]()
        while True:
            query = [("uploads", ""), ("encoding-type", "url"), ("prefix", prefix), *markers]
            reply = await self._client.call("GET", bucket, query=query)
            page = xml.uploads(reply.body, at)
            found += [upload for upload in page.found if upload.key.startswith(prefix)]
            if not page.key_marker:
                return found
            following = (page.key_marker, page.id_marker)
            if following in seen:
                raise BadResponse("The list of uploads goes in a circle.", subject=at)
            seen.add(following)
            markers = [("key-marker", page.key_marker), ("upload-id-marker", page.id_marker)]

    async def part_sizes(
        self, bucket: str, key: str, pin: VersionPin, count: int
    ) -> tuple[int, ...]:
        """Sizes of the parts that the object was made of, () where the server cannot tell.

        Of more than 32 parts only some are asked: if all of those but the last are equal, and
        the sum fits, so are the others; if not, every part is asked.
        """
        if count < 1 or pin.size < 0:
            return ()
        if count > _ASKED:
            numbers = sorted({1 + index * (count - 1) // (_ASKED - 1) for index in range(_ASKED)})
            some = await self._sizes(bucket, key, pin, numbers, count)
            if not some:
                return ()
            if len(set(some[:-1])) == 1 and some[0] * (count - 1) + some[-1] == pin.size:
                return (some[0],) * (count - 1) + (some[-1],)
        sizes = await self._sizes(bucket, key, pin, range(1, count + 1), count)
        return sizes if sum(sizes) == pin.size else ()

    async def _sizes(
        self, bucket: str, key: str, pin: VersionPin, numbers: Sequence[int], count: int
    ) -> tuple[int, ...]:
        sizes: list[int] = []
        try:
            for start in range(0, len(numbers), _AT_ONCE):
                async with asyncio.TaskGroup() as group:
                    asked = [
                        group.create_task(self._size(bucket, key, pin, number, count))
                        for number in numbers[start : start + _AT_ONCE]
                    ]
                sizes += [task.result() for task in asked]
        except ExceptionGroup as errors:
            if errors.split(NotSupported)[1] is None:
                return ()
            raise errors.exceptions[0] from None
        return tuple(sizes)

    async def _size(self, bucket: str, key: str, pin: VersionPin, number: int, count: int) -> int:
        at = self._client.at(bucket, key)
        query: Query = [*version_query(pin), ("partNumber", str(number))]
        try:
            reply = await self._client.call("HEAD", bucket, key, query=query)
        except StoreError as error:
            if error.status in (400, 416, 501):
                raise NotSupported("Parts cannot be told apart.", subject=at) from error
            raise
        # Not asked by If-Match: some servers compare that with the part's own ETag.
        same = xml.bare_etag(reply.headers.get("etag", "")) == pin.etag
        if not same or (count > 1 and reply.headers.get("x-amz-mp-parts-count") != str(count)):
            raise NotSupported("Parts cannot be told apart.", subject=at)
        return int(reply.headers.get("content-length", "0"))


def _checksum_elements(root: ElementTree.Element) -> dict[str, str]:
    """Checksums stand in the body of a completion, and in headers everywhere else."""
    found = {}
    for item in root:
        name = xml.local_name(item)
        if name.startswith("Checksum") and name != "ChecksumType" and item.text:
            found[f"x-amz-checksum-{name.removeprefix('Checksum').lower()}"] = item.text
    return found
