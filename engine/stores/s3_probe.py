"""Finding out which conditions a server honours, with an object of our own."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from engine.errors import AccessDenied, NotFound, NotSupported, PreconditionFailed, StoreError
from engine.model import VersionPin
from engine.stores import s3_xml as xml
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
from engine.stores.s3_client import S3Client
from engine.stores.s3_reader import version_query

_OTHER = {"If-Match": '"00000000000000000000000000000000"'}
_TAG = {"x-amz-tagging": "astra=canary"}


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a bucket honours: If-None-Match:* and If-Match on writes, If-Match on deletes.

    `tags` tells whether tags given with a write are kept. `known` is False where nothing of
    this could be found out, since the bucket may not be written.
    """

    create: bool = False
    replace: bool = False
    delete: bool = False
    tags: bool = False
    known: bool = False


ALL = Conditions(create=True, replace=True, delete=True, tags=True, known=True)


class ConditionProbe:
    """Asks each bucket once; an answer that could not be had is asked for again."""

    def __init__(self, client: S3Client) -> None:
        self._client = client
        self._asked = AskedOnce(self._ask)

    async def conditions(self, bucket: str) -> Conditions:
        """Write a canary, try to overwrite and delete it under false conditions, remove it."""
        return await self._asked.of(bucket)

    async def _ask(self, bucket: str) -> Conditions:
        key, pins = new_canary(), list[VersionPin]()
        try:
            tagged = await self._put_tagged(bucket, key, pins)
        except (AccessDenied, NotSupported):
            return Conditions()
        try:
            tags = tagged and await self._keeps_tags(bucket, key)
            create = await self._refuses_write(bucket, key, {"If-None-Match": "*"}, pins)
            replace = await self._refuses_write(bucket, key, _OTHER, pins)
            delete = await self._refuses_delete(bucket, key)
        finally:
            await self._remove(bucket, key, pins)
        await self._clear(bucket, pins[0].etag, guarded=delete)
        return Conditions(create, replace, delete, tags, known=True)

    async def _put_tagged(self, bucket: str, key: str, pins: list[VersionPin]) -> bool:
        try:
            pins.append(await self._put(bucket, key, _TAG))
        except StoreError as error:
            if error.status not in (400, 403, 501):
                raise
            pins.append(await self._put(bucket, key, {}))  # without: perhaps only tags may not be
            return False
        return True

    async def _keeps_tags(self, bucket: str, key: str) -> bool:
        try:
            reply = await self._client.call("GET", bucket, key, query=[("tagging", "")])
            return bool(xml.tags(reply.body, self._client.at(bucket, key)))
        except StoreError as error:
            if error.retryable:
                raise
            return False

    async def _put(self, bucket: str, key: str, headers: Mapping[str, str]) -> VersionPin:
        reply = await self._client.call("PUT", bucket, key, headers=headers, body=BODY)
        etag = xml.bare_etag(reply.headers.get("etag", ""))
        return VersionPin(etag, version_id=reply.headers.get("x-amz-version-id", ""))

    async def _refuses_write(
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
        for query in {tuple(version_query(pin)) for pin in pins}:
            try:
                await self._client.call("DELETE", bucket, key, query=query)
            except (NotFound, AccessDenied):
                continue

    async def _clear(self, bucket: str, etag: str, *, guarded: bool) -> None:
        """Remove canaries of processes that were killed in the middle of this.

        Only what has the whole name, the size and the ETag of one; `etag` is what this server
        just gave ours. Where ETags are not made of the bytes alone, none is ever removed.
        """
        try:
            query = [("list-type", "2"), ("prefix", CANARY), ("encoding-type", "url")]
            reply = await self._client.call("GET", bucket, query=query)
            now = time.time() + clock_offset(reply.headers)
            for entry in xml.listing(reply.body, bucket).entries:
                if left_behind(entry.key, entry.size, entry.modified, now):
                    await self._remove_old(bucket, entry.key, etag, guarded=guarded)
        except AccessDenied:
            return  # may not be listed, or not be deleted: nothing more to do

    async def _remove_old(self, bucket: str, key: str, etag: str, *, guarded: bool) -> None:
        try:
            headers = (await self._client.call("HEAD", bucket, key)).headers
            found = xml.bare_etag(headers.get("etag", ""))
            if found != etag or headers.get("content-length") != str(len(BODY)):
                return
            query = version_query(VersionPin(version_id=headers.get("x-amz-version-id", "")))
            condition = {"If-Match": f'"{etag}"'} if guarded and not query else {}
            await self._client.call("DELETE", bucket, key, query=query, headers=condition)
        except (NotFound, PreconditionFailed):
            return  # somebody was faster
