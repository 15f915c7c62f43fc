"""Finding out which conditions a server honours, with an object of our own.

Google honours them all. Emulators do not, and a condition that is ignored looks like one that
held.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import google_crc32c

from engine.errors import AccessDenied, NotFound, NotSupported
from engine.stores.canary import (
    BODY,
    CANARY,
    AskedOnce,
    left_behind,
    new_canary,
    refuses,
    refuses_delete,
)
from engine.stores.gcs_client import GCSClient, Resource
from engine.stores.gcs_endpoint import Query
from engine.stores.gcs_keys import encode_name
from engine.stores.gcs_reader import describe
from engine.stores.gcs_resource import condition, from_base64
from engine.stores.gcs_upload import delete_version, put_bytes
from engine.stores.mtime import timestamp

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
        self._asked = AskedOnce(self._ask)

    async def conditions(self, bucket: str) -> Conditions:
        """Write a canary, try to change and delete it under false conditions, remove it."""
        return await self._asked.of(bucket)

    async def _ask(self, bucket: str) -> Conditions:
        key = new_canary()
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
        await put_bytes(self._client, bucket, {"name": key}, BODY, query=query)

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
        return await refuses(change, broken=500)

    async def _refuses_delete(self, bucket: str, key: str) -> bool:
        at = self._client.at(bucket, key)
        url = self._client.endpoint.object(bucket, key, _WRONG, at)

        return await refuses_delete(
            lambda: self._client.call("DELETE", url, at=at),
            lambda: describe(self._client, bucket, key),
            broken=500,
        )

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
        ours = f"{google_crc32c.value(BODY):08x}"
        try:
            listed = await self._client.ask(
                "GET", endpoint.objects(bucket, [("prefix", CANARY)]), at=at
            )
            now = time.time() + self._client.clock_offset
            for item in listed.get("items") or []:
                name, size = str(item.get("name")), int(item.get("size") or 0)
                same = from_base64(str(item.get("crc32c") or "")) == ours
                if same and left_behind(name, size, timestamp(str(item.get("updated"))), now):
                    await delete_version(self._client, bucket, item)
        except AccessDenied:
            return  # may not be listed, or not be deleted: nothing more to do
