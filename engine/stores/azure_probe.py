"""Finding out which conditions a server honours and whether tags work, with a blob of our own.

Azure itself is known to honour its conditions; an emulator or a gateway is asked. Tags need a
permission of their own and are absent in accounts with a hierarchical namespace: always asked.
"""

import hashlib
import time
from collections.abc import Mapping
from contextlib import suppress

from engine.errors import AccessDenied, NotFound, NotSupported, PreconditionFailed, StoreError
from engine.model import VersionPin
from engine.stores import azure_xml as xml
from engine.stores.azure_blocks import written_pin
from engine.stores.azure_client import AzureClient
from engine.stores.azure_headers import md5_of
from engine.stores.azure_reader import match_header, version_query
from engine.stores.canary import (
    BODY,
    CANARY,
    AskedOnce,
    left_behind,
    new_canary,
    refuses,
    refuses_delete,
)
from engine.stores.error_answers import clock_offset
from engine.stores.s3_probe import Conditions

_MD5 = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
_OTHER = {"If-Match": '"0x8D0000000000000"'}


class AzureProbe:
    """Asks each container once; an answer that could not be had is asked for again."""

    def __init__(self, client: AzureClient, *, trusted: bool) -> None:
        self._client = client
        self._trusted = trusted
        self._asked = AskedOnce(self._ask)

    async def conditions(self, bucket: str) -> Conditions:
        """Write a canary, try to overwrite and delete it under false conditions, remove it."""
        return await self._asked.of(bucket)

    async def _ask(self, bucket: str) -> Conditions:
        key, pins = new_canary(), list[VersionPin]()
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
        reply = await self._client.call("PUT", bucket, key, headers=sent, body=BODY)
        return written_pin(reply.headers, len(BODY), self._client.at(bucket, key))

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
        async def write() -> None:
            pins.append(await self._put(bucket, key, headers))

        return await refuses(write)

    async def _refuses_delete(self, bucket: str, key: str) -> bool:
        return await refuses_delete(
            lambda: self._client.call("DELETE", bucket, key, headers=_OTHER),
            lambda: self._client.call("HEAD", bucket, key),
        )

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
                same = md5_of(properties.get("Content-MD5", "")) == _MD5
                if same and left_behind(entry.key, entry.size, entry.modified, now):
                    await self._remove(bucket, entry.key, [VersionPin(entry.etag)])
        except AccessDenied:
            return  # may not be listed: nothing more to do
