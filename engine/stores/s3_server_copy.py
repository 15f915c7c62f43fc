"""Copies that the provider makes by itself, from one key to another, of one pinned version."""

from contextlib import suppress

from engine.errors import AccessDenied, BadResponse, NotFound, NotSupported, PreconditionFailed
from engine.model import ObjectMeta, VersionPin
from engine.stores import s3_xml as xml
from engine.stores.base import Part, Written
from engine.stores.http_answer import Reply
from engine.stores.s3_client import SLOW, S3Client
from engine.stores.s3_copy import COPY_LIMIT
from engine.stores.s3_copy_probe import CopyProbe
from engine.stores.s3_errors import raise_hidden_error
from engine.stores.s3_headers import http_time, read_checksums, write_headers
from engine.stores.s3_reader import match_header, version_query
from engine.stores.sigv4 import encode_key


def copy_source(bucket: str, key: str, pin: VersionPin, at: str) -> dict[str, str]:
    """The headers that name exactly that version as the source. Raises UsageError without pin."""
    version = "".join(f"?{name}={value}" for name, value in version_query(pin))
    match = match_header(pin, at)
    headers = {"x-amz-copy-source": f"/{bucket}/{encode_key(key)}{version}"}
    if match:
        headers["x-amz-copy-source-if-match"] = match["If-Match"]
    return headers


class ServerCopy:
    """CopyObject and UploadPartCopy of one endpoint, where they hold to the pin."""

    def __init__(self, client: S3Client, *, trusted: bool) -> None:
        self._client = client
        self._trusted = trusted
        self._probe = CopyProbe(client)

    async def copy(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        *,
        pin: VersionPin,
        size: int,
        meta: ObjectMeta,
        wire_class: str,
        replace: VersionPin | None,
    ) -> Written:
        """One CopyObject from bucket and key `source` to `target`. See `ObjectStore.copy`."""
        at = self._client.at(*target)
        if size > COPY_LIMIT:
            raise _inexact(f"more than {COPY_LIMIT:,} bytes are copied in parts", at)
        found = await self._probe.conditions(target[0])
        versioned = bool(version_query(pin))
        if not found.source and not versioned:
            raise _inexact("the server ignores which version shall be copied", at)
        if not (found.create if replace is None else found.replace):
            raise _inexact("the server ignores conditions on the copy's destination", at)
        headers = {
            **copy_source(*source, pin, at),
            **write_headers(meta, wire_class or "STANDARD", at),
            "x-amz-metadata-directive": "REPLACE",
        }
        if meta.tags:
            headers["x-amz-tagging-directive"] = "REPLACE"
        headers |= match_header(replace, at) if replace else {"If-None-Match": "*"}
        reply = await self._send(target, [], headers, "CopyObjectResult")
        root = xml.parse(reply.body, at, "CopyObjectResult")
        etag = xml.bare_etag(xml.text(root, "ETag"))
        if not etag:
            raise BadResponse("The server gave no ETag for the copy.", subject=at)
        written = VersionPin(etag, 0.0, size, reply.headers.get("x-amz-version-id", ""))
        if not found.source:
            copied = reply.headers.get("x-amz-copy-source-version-id", "")
            await self._prove_version(target, written, copied, pin)
        modified = http_time(reply.headers.get("last-modified", ""))
        pin = VersionPin(etag, modified, size, written.version_id)
        return Written(pin, read_checksums({"etag": etag}, trusted=self._trusted))

    async def pins_source(self, bucket: str) -> bool:
        """Whether copies into the bucket hold to the source's ETag."""
        return (await self._probe.conditions(bucket)).source

    async def copy_part(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        upload_id: str,
        number: int,
        *,
        pin: VersionPin,
        start: int,
        stop: int,
    ) -> Part:
        """One UploadPartCopy. See `PartCopier`."""
        at = self._client.at(*target)
        if not await self.pins_source(target[0]):
            raise _inexact("the server ignores which version shall be copied", at)
        headers = copy_source(*source, pin, at)
        headers["x-amz-copy-source-range"] = f"bytes={start}-{stop - 1}"
        query = [("partNumber", str(number)), ("uploadId", upload_id)]
        reply = await self._send(target, query, headers, "CopyPartResult")
        etag = xml.bare_etag(xml.text(xml.parse(reply.body, at, "CopyPartResult"), "ETag"))
        if not etag:
            raise BadResponse("The server gave no ETag for the part.", subject=at)
        return Part(number, etag, stop - start)

    async def _send(
        self,
        target: tuple[str, str],
        query: list[tuple[str, str]],
        headers: dict[str, str],
        answer: str,
    ) -> Reply:
        at = self._client.at(*target)
        try:
            reply = await self._client.call(
                "PUT", *target, query=query, headers=headers, patience=SLOW
            )
        except AccessDenied as error:
            # These credentials may write here and not read there; reading there has its own.
            raise _inexact(f"it is not allowed ({error.code or error.status})", at) from error
        raise_hidden_error(reply, answer, "PUT", at)
        return reply

    async def _prove_version(
        self, target: tuple[str, str], written: VersionPin, copied: str, pin: VersionPin
    ) -> None:
        """Raises NotSupported, our copy removed, unless the server says which version it took."""
        if copied == pin.version_id:
            return
        query = version_query(written)
        headers = {} if query else match_header(written, "")
        with suppress(NotFound, PreconditionFailed):  # somebody was faster
            await self._client.call("DELETE", *target, query=query, headers=headers)
        raise _inexact("the server does not say which version it copied", self._client.at(*target))


def _inexact(why: str, at: str) -> NotSupported:
    return NotSupported(
        f"The provider cannot copy this object exactly: {why}.",
        subject=at,
        safe="Nothing was written.",
        todo="The bytes are copied through this machine instead.",
    )
