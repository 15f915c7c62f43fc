"""Finding out which conditions a server honours, with an object of our own.

Google honours them all. Emulators do not, and a condition that is ignored looks like one that
held.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

import google_crc32c

from engine.errors import AccessDenied, NotFound, NotSupported, PreconditionFailed, StoreError
from engine.stores.gcs_client import GCSClient, Resource
from engine.stores.gcs_endpoint import Query
from engine.stores.gcs_keys import encode_name
from engine.stores.gcs_reader import describe
from engine.stores.gcs_resource import condition, from_base64
from engine.stores.gcs_upload import delete_version, put_bytes
from engine.stores.mtime import timestamp

CANARY = ".astra-canary-"
_OWN = re.compile(re.escape(CANARY) + "[0-9a-f]{32}")
_BODY = b"astra"
_LEFT_BEHIND = 600.0  # seconds: an older canary belongs to a process that was killed
_WRONG = condition("1", "")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a bucket honours: conditions on new and on replaced objects, on deletes, on
    composed objects and on rewrites. `known` is False where it may not be written."""

    create: bool = False
    replace: bool = False
    delete: bool = False
    compose: bool = False
    rewrite: bool = False
    known: bool = False


ALL = Conditions(create=True, replace=True, delete=True, compose=True, rewrite=True, known=True)


class ConditionProbe:
    """Asks each bucket once; an answer that could not be had is asked for again."""

    def __init__(self, client: GCSClient) -> None:
        self._client = client
        self._found: dict[str, Conditions] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def conditions(self, bucket: str) -> Conditions:
        """Write a canary, try to change and delete it under false conditions, remove it."""
        if bucket not in self._found:
            async with self._locks.setdefault(bucket, asyncio.Lock()):
                if bucket not in self._found:
                    self._found[bucket] = await self._ask(bucket)
        return self._found[bucket]

    async def _ask(self, bucket: str) -> Conditions:
        key = CANARY + uuid4().hex
        try:
            await self._put(bucket, key, [])
        except (AccessDenied, NotSupported):
            return Conditions()
        try:
            found = Conditions(
                create=await self._refused(lambda: self._put(bucket, key, condition("0", ""))),
                replace=await self._refused(lambda: self._put(bucket, key, _WRONG)),
                compose=await self._refused(lambda: self._compose(bucket, key)),
                rewrite=await self._refused(lambda: self._rewrite(bucket, key)),
                delete=await self._refuses_delete(bucket, key),
                known=True,
            )
        finally:
            await self._remove(bucket, key)
        await self._clear(bucket)
        return found

    async def _put(self, bucket: str, key: str, query: Query) -> None:
        await put_bytes(self._client, bucket, {"name": key}, _BODY, query=query)

    async def _compose(self, bucket: str, key: str) -> None:
        at = self._client.at(bucket, key)
        url = self._client.endpoint.object(bucket, key, _WRONG, at, then="/compose")
        send: Resource = {"sourceObjects": [{"name": key}], "destination": {}}
        await self._client.ask("POST", url, at=at, send=send)

    async def _rewrite(self, bucket: str, key: str) -> None:
        at = self._client.at(bucket, key)
        then = f"/rewriteTo/b/{bucket}/o/{encode_name(key, at)}"
        url = self._client.endpoint.object(bucket, key, _WRONG, at, then=then)
        await self._client.ask("POST", url, at=at, send={})

    async def _refused(self, change: Callable[[], Awaitable[None]]) -> bool:
        try:
            await change()
        except PreconditionFailed:
            return True
        except StoreError as error:
            if error.retryable and error.status != 500:
                raise
        return False  # done all the same, or not to be had at all

    async def _refuses_delete(self, bucket: str, key: str) -> bool:
        at = self._client.at(bucket, key)
        url = self._client.endpoint.object(bucket, key, _WRONG, at)

        async def delete() -> None:
            await self._client.call("DELETE", url, at=at)

        if not await self._refused(delete):
            return False
        try:
            await describe(self._client, bucket, key)
        except NotFound:
            return False
        return True

    async def _remove(self, bucket: str, key: str) -> None:
        """Remove the canary in every generation that was made of it."""
        at = self._client.at(bucket, key)
        query = [("prefix", key), ("versions", "true"), ("fields", "items(name,generation)")]
        listed = await self._client.ask("GET", self._client.endpoint.objects(bucket, query), at=at)
        for item in listed.get("items") or []:
            if item.get("name") != key:
                continue
            url = self._client.endpoint.object(
                bucket, key, [("generation", str(item["generation"]))], at
            )
            try:
                await self._client.call("DELETE", url, at=at)
            except (NotFound, AccessDenied):
                continue

    async def _clear(self, bucket: str) -> None:
        """Remove canaries of processes that were killed in the middle of this.

        Only what has the whole name, the size and the checksum of one.
        """
        at, endpoint = self._client.at(bucket), self._client.endpoint
        ours = f"{google_crc32c.value(_BODY):08x}"
        try:
            listed = await self._client.ask(
                "GET", endpoint.objects(bucket, [("prefix", CANARY)]), at=at
            )
            now = time.time() + self._client.clock_offset
            for item in listed.get("items") or []:
                if (
                    _OWN.fullmatch(str(item.get("name")))
                    and item.get("size") == str(len(_BODY))
                    and from_base64(str(item.get("crc32c") or "")) == ours
                    and now - timestamp(str(item.get("updated"))) > _LEFT_BEHIND
                ):
                    await delete_version(self._client, bucket, item)
        except AccessDenied:
            return  # may not be listed, or not be deleted: nothing more to do
