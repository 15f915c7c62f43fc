"""Finding out which conditions a server honours and whether tags work, with a blob of our own.

Azure itself is known to honour its conditions; an emulator or a gateway is asked. Tags need a
permission of their own and are absent in accounts with a hierarchical namespace: always asked.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from uuid import uuid4

from engine.errors import AccessDenied, NotFound, NotSupported, PreconditionFailed, StoreError
from engine.model import VersionPin
from engine.stores import azure_xml as xml
from engine.stores.azure_blocks import written_pin
from engine.stores.azure_client import AzureClient
from engine.stores.azure_headers import md5_of
from engine.stores.azure_reader import match_header, version_query
from engine.stores.s3_errors import clock_offset
from engine.stores.s3_probe import CANARY, Conditions

_OWN = re.compile(re.escape(CANARY) + "[0-9a-f]{32}")
_BODY = b"astra"
_MD5 = hashlib.md5(_BODY, usedforsecurity=False).hexdigest()
_OTHER = {"If-Match": '"0x8D0000000000000"'}
_LEFT_BEHIND = 600.0  # seconds: an older canary belongs to a process that was killed


class AzureProbe:
    """Asks each container once; an answer that could not be had is asked for again."""

    def __init__(self, client: AzureClient, *, trusted: bool) -> None:
        self._client = client
        self._trusted = trusted
        self._found: dict[str, Conditions] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def conditions(self, bucket: str) -> Conditions:
        """Write a canary, try to overwrite and delete it under false conditions, remove it."""
        if bucket not in self._found:
            async with self._locks.setdefault(bucket, asyncio.Lock()):
                if bucket not in self._found:
                    self._found[bucket] = await self._ask(bucket)
        return self._found[bucket]

    async def _ask(self, bucket: str) -> Conditions:
        key, pins = CANARY + uuid4().hex, list[VersionPin]()
        sure = self._trusted
        try:
            pins.append(await self._put(bucket, key, {}))
        except (AccessDenied, NotSupported):
            return Conditions(create=sure, replace=sure, delete=sure)
        try:
            tags = await self._keeps_tags(bucket, key)
            create = sure or await self._refuses(bucket, key, {"If-None-Match": "*"}, pins)
            replace = sure or await self._refuses(bucket, key, _OTHER, pins)
            delete = sure or await self._refuses_delete(bucket, key)
        finally:
            await self._remove(bucket, key, pins)
        await self._clear(bucket)
        return Conditions(create, replace, delete, tags, known=True)

    async def _put(self, bucket: str, key: str, headers: Mapping[str, str]) -> VersionPin:
        sent = {"x-ms-blob-type": "BlockBlob", **headers}
        reply = await self._client.call("PUT", bucket, key, headers=sent, body=_BODY)
        return written_pin(reply.headers, len(_BODY), self._client.at(bucket, key))

    async def _keeps_tags(self, bucket: str, key: str) -> bool:
        body = b"<Tags><TagSet><Tag><Key>astra</Key><Value>canary</Value></Tag></TagSet></Tags>"
        query = [("comp", "tags")]
        try:
            sent = {"Content-Type": "application/xml"}
            await self._client.call("PUT", bucket, key, query=query, headers=sent, body=body)
            reply = await self._client.call("GET", bucket, key, query=query)
            return bool(xml.tags(reply.body, self._client.at(bucket, key)))
        except StoreError as error:
            if error.retryable:
                raise
            return False

    async def _refuses(
        self, bucket: str, key: str, headers: Mapping[str, str], pins: list[VersionPin]
    ) -> bool:
        try:
            pins.append(await self._put(bucket, key, headers))
        except PreconditionFailed:
            return True
        except StoreError as error:
            if error.retryable:
                raise
        return False  # written all the same, or the header itself is refused

    async def _refuses_delete(self, bucket: str, key: str) -> bool:
        try:
            await self._client.call("DELETE", bucket, key, headers=_OTHER)
        except PreconditionFailed:
            pass  # as it should be, if the blob is still there
        except StoreError as error:
            if error.retryable:
                raise
            return False
        else:
            return False
        try:
            await self._client.call("HEAD", bucket, key)
        except NotFound:
            return False
        return True

    async def _remove(self, bucket: str, key: str, pins: list[VersionPin]) -> None:
        """Remove what was written; where the account keeps versions, those too."""
        headers = match_header(pins[-1], self._client.at(bucket, key))
        with suppress(NotFound, AccessDenied, PreconditionFailed):
            await self._client.call("DELETE", bucket, key, headers=headers)
        for query in {tuple(version_query(pin)) for pin in pins} - {()}:
            with suppress(NotFound, AccessDenied, NotSupported):
                await self._client.call("DELETE", bucket, key, query=query)

    async def _clear(self, bucket: str) -> None:
        """Remove canaries of processes that were killed in the middle of this.

        Only what has the whole name, the size and the MD5 of one.
        """
        query = [("restype", "container"), ("comp", "list"), ("prefix", CANARY)]
        try:
            reply = await self._client.call("GET", bucket, query=query)
            now = time.time() + clock_offset(reply.headers)
            for entry, properties in xml.listing(reply.body, bucket).rows:
                if (
                    _OWN.fullmatch(entry.key)
                    and entry.size == len(_BODY)
                    and md5_of(properties.get("Content-MD5", "")) == _MD5
                    and now - entry.modified > _LEFT_BEHIND
                ):
                    await self._remove(bucket, entry.key, [VersionPin(entry.etag)])
        except AccessDenied:
            return  # may not be listed: nothing more to do
