"""Changing the storage class of an object by copying it onto itself."""

from engine.errors import BadResponse, StoreError
from engine.model import ObjectHead, VersionPin
from engine.stores import s3_xml as xml
from engine.stores.base import Part
from engine.stores.s3_client import SLOW, S3Client
from engine.stores.s3_errors import raise_hidden_error
from engine.stores.s3_headers import meta_headers, special_headers
from engine.stores.s3_multipart import Multipart
from engine.stores.s3_reader import version_query
from engine.stores.sigv4 import encode_key

COPY_LIMIT = 5 * 1024**3  # bytes; more than that is copied in parts
_PART = 512 * 1024**2
_MAX_PARTS = 10_000


async def copy_onto_itself(
    client: S3Client,
    multipart: Multipart,
    bucket: str,
    head: ObjectHead,
    wire_class: str,
) -> str:
    """Give the pinned object of `head` another class; returns the copy's ETag, "" if unknown.

    Both sides of the copy carry the condition that nothing changed meanwhile.
    """
    if head.size > COPY_LIMIT:
        return await _copy_in_parts(client, multipart, bucket, head, wire_class)
    headers = {**_source(bucket, head), "x-amz-metadata-directive": "COPY"}
    headers["x-amz-storage-class"] = wire_class or "STANDARD"
    # The key and the redirect are not of the metadata that a copy keeps by itself.
    headers |= special_headers(head.meta, client.at(bucket, head.key))
    headers["If-Match"] = f'"{head.pin.etag}"'
    while True:
        try:
            return await _copy(client, bucket, head.key, headers)
        except StoreError as error:
            if error.status == 501 and "If-Match" in headers:
                del headers["If-Match"]  # the condition on the source remains
            elif error.status == 400 and headers["x-amz-metadata-directive"] == "COPY":
                # Some servers copy an object onto itself only with its metadata given anew.
                headers |= meta_headers(head.meta, client.at(bucket, head.key))
                headers["x-amz-metadata-directive"] = "REPLACE"
            else:
                raise


async def _copy(client: S3Client, bucket: str, key: str, headers: dict[str, str]) -> str:
    at = client.at(bucket, key)
    reply = await client.call("PUT", bucket, key, headers=headers, patience=SLOW)
    raise_hidden_error(reply, "CopyObjectResult", "PUT", at)
    root = xml.parse(reply.body, at, "CopyObjectResult")
    return xml.bare_etag(xml.text(root, "ETag"))


async def _copy_in_parts(
    client: S3Client, multipart: Multipart, bucket: str, head: ObjectHead, wire_class: str
) -> str:
    at = client.at(bucket, head.key)
    # With the part sizes it has now the object keeps its ETag.
    sizes = await multipart.part_sizes(bucket, head.key, head.pin, head.part_count)
    if not sizes:
        part = max(_PART, -(-head.size // _MAX_PARTS))
        sizes = tuple(min(part, head.size - start) for start in range(0, head.size, part))
    upload_id = await multipart.begin(bucket, head.key, head.meta, wire_class or "STANDARD")
    try:
        parts, start = [], 0
        for number, size in enumerate(sizes, 1):
            span = f"bytes={start}-{start + size - 1}"
            reply = await client.call(
                "PUT",
                bucket,
                head.key,
                query=[("partNumber", str(number)), ("uploadId", upload_id)],
                headers={**_source(bucket, head), "x-amz-copy-source-range": span},
                patience=SLOW,
            )
            raise_hidden_error(reply, "CopyPartResult", "PUT", at)
            parts.append(Part(number, _etag(reply.body, "CopyPartResult", at), size))
            start += size
        done = await multipart.complete(
            bucket, head.key, upload_id, parts, {"If-Match": f'"{head.pin.etag}"'}
        )
    except BaseException:
        await multipart.abort(bucket, head.key, upload_id)
        raise
    return done.pin.etag


def _source(bucket: str, head: ObjectHead) -> dict[str, str]:
    version = "".join(f"?{name}={value}" for name, value in version_query(head.pin))
    return {
        "x-amz-copy-source": f"/{bucket}/{encode_key(head.key)}{version}",
        "x-amz-copy-source-if-match": f'"{head.pin.etag}"',
    }


def _etag(body: bytes, root: str, at: str) -> str:
    etag = xml.bare_etag(xml.text(xml.parse(body, at, root), "ETag"))
    if not etag:
        raise BadResponse("The server gave no ETag for the copy.", subject=at)
    return etag


def pin_after(pin: VersionPin, etag: str) -> VersionPin:
    """What the object's version must look like after the copy, as far as is known."""
    return VersionPin(etag=etag or pin.etag, size=pin.size)
