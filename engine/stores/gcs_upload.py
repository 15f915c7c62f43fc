"""Writing an object in one request: its resource and its bytes, and what came of them."""

import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from uuid import uuid4

import google_crc32c

from engine.errors import NotFound, NotSupported, PreconditionFailed, TruncatedBody, Unavailable
from engine.stores.base import Written
from engine.stores.body import CHUNK, Body, Pieces, pieces_of
from engine.stores.gcs_client import GCSClient, Payload, Resource, as_object
from engine.stores.gcs_endpoint import Query
from engine.stores.gcs_resource import (
    check_resource,
    checksums,
    condition,
    from_base64,
    generations,
    pin_of,
    to_base64,
)

_SMALL = 128 * 1024  # bytes; up to here an MD5 costs next to nothing


class _Envelope:
    """The frame of a multipart/related body: the resource, the bytes, the end."""

    def __init__(self, resource: Resource) -> None:
        self._boundary = uuid4().hex + uuid4().hex
        kind = resource.get("contentType", "application/octet-stream")
        self.head = (
            f"--{self._boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"
            f"{json.dumps(resource)}\r\n--{self._boundary}\r\nContent-Type: {kind}\r\n\r\n"
        ).encode()
        self.tail = f"\r\n--{self._boundary}--\r\n".encode()

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Type": f"multipart/related; boundary={self._boundary}"}

    def around(self, pieces: AsyncIterator[bytes], size: int, at: str) -> Body:
        return Body(self._framed(pieces), len(self.head) + size + len(self.tail), at=at)

    async def _framed(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        yield self.head
        async for piece in pieces:
            yield piece
        yield self.tail


class _Counted:
    """Bytes of a source, counted and summed up as they pass."""

    def __init__(self, source: AsyncIterator[bytes], size: int, at: str) -> None:
        self.crc32c = 0
        self._source = source
        self._size = size
        self._at = at

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = 0
        async for piece in self._source:
            count += len(piece)
            if count > self._size:
                break
            self.crc32c = google_crc32c.extend(self.crc32c, piece)
            yield piece
        if count != self._size:
            raise TruncatedBody(
                f"{count:,} bytes came to be written where {self._size:,} were announced.",
                subject=self._at,
                safe="Nothing was written.",
            )


async def put_stream(
    client: GCSClient,
    bucket: str,
    resource: Resource,
    source: AsyncIterator[bytes],
    size: int,
    *,
    query: Query,
    md5: str = "",
) -> Resource:
    """Write `size` bytes of `source` as the object that `resource` names."""
    at = client.at(bucket, resource["name"])
    if size <= CHUNK:
        data = await Body(source, size, at=at).whole()
        if size <= _SMALL and not md5:
            md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        return await put_bytes(client, bucket, resource, data, query=query, md5=md5)
    if md5:
        resource = {**resource, "md5Hash": to_base64(md5)}
    counted = _Counted(source, size, at)
    envelope = _Envelope(resource)
    body = envelope.around(aiter(counted), size, at)
    found = await _send(client, bucket, resource["name"], envelope, body, query)
    await _check(client, bucket, found, size, f"{counted.crc32c:08x}", md5)
    await _check_class(client, bucket, found, resource)
    return found


async def put_bytes(
    client: GCSClient,
    bucket: str,
    resource: Resource,
    data: bytes | Pieces,
    *,
    query: Query,
    md5: str = "",
) -> Resource:
    """Write bytes at hand; their checksums travel with them for the server to compare."""
    crc = 0
    for piece in pieces_of(data):
        crc = google_crc32c.extend(crc, piece)
    crc32c = f"{crc:08x}"
    resource = {**resource, "crc32c": to_base64(crc32c)}
    if md5:
        resource["md5Hash"] = to_base64(md5)
    envelope = _Envelope(resource)
    framed = (envelope.head, *pieces_of(data), envelope.tail)
    body = Pieces(framed) if len(data) > CHUNK // 2 else b"".join(framed)
    found = await _send(client, bucket, resource["name"], envelope, body, query)
    await _check(client, bucket, found, len(data), crc32c, md5)
    await _check_class(client, bucket, found, resource)
    return found


def written(resource: Resource) -> Written:
    """What a finished write gave."""
    return Written(pin_of(resource), checksums(resource))


async def delete_version(client: GCSClient, bucket: str, resource: Resource) -> None:
    """Remove exactly the version that a write of ours made. Absent is fine."""
    key = resource["name"]
    at = client.at(bucket, key)
    generation, _ = generations(pin_of(resource), at)
    query = [("generation", generation), *condition(generation, "")]
    with suppress(NotFound, PreconditionFailed):
        await client.call("DELETE", client.endpoint.object(bucket, key, query, at), at=at)


async def _send(
    client: GCSClient,
    bucket: str,
    key: str,
    envelope: _Envelope,
    body: Payload,
    query: Query,
) -> Resource:
    at = client.at(bucket, key)
    url = client.endpoint.upload(bucket, [("uploadType", "multipart"), *query])
    reply = await client.call("POST", url, at=at, headers=envelope.headers, body=body)
    return check_resource(as_object(reply.body, at), bucket, key, at)


async def _check(
    client: GCSClient, bucket: str, found: Resource, size: int, crc32c: str, md5: str
) -> None:
    """What the server says it stored must be what was sent; else it is removed again."""
    theirs = from_base64(str(found.get("crc32c") or ""))
    theirs_md5 = from_base64(str(found.get("md5Hash") or ""))
    same = theirs in ("", crc32c) and (not md5 or theirs_md5 in ("", md5))
    if same and found["size"] == str(size):
        return
    await delete_version(client, bucket, found)
    raise Unavailable(
        "The store received other bytes than were sent.",
        subject=client.at(bucket, found["name"]),
        safe="What was written was removed again.",
        code="BadDigest",
    )


async def _check_class(client: GCSClient, bucket: str, found: Resource, wanted: Resource) -> None:
    """Raises NotSupported, with nothing left, where the bucket decides the class itself."""
    if not is_in_class(found, wanted):
        await delete_version(client, bucket, found)
        raise wrong_class(found, wanted, client.at(bucket, found["name"]))


def is_in_class(found: Resource, wanted: Resource) -> bool:
    """Whether an object is in the class that was asked for, if one was."""
    asked = wanted.get("storageClass", "")
    return not asked or found.get("storageClass", "STANDARD") == asked


def wrong_class(found: Resource, wanted: Resource, at: str) -> NotSupported:
    return NotSupported(
        f"The server took the object into {found.get('storageClass')} instead of"
        f" {wanted['storageClass']}.",
        subject=at,
        safe="What was written was removed again.",
        todo="Leave the class out where the bucket chooses it (Autoclass).",
    )
