"""Finding out whether a server honours If-Match on DELETE, with an object of our own."""

import asyncio
from uuid import uuid4

from engine.errors import AccessDenied, NotFound, NotSupported, PreconditionFailed
from engine.model import VersionPin
from engine.stores.s3_client import S3Client
from engine.stores.s3_reader import version_query
from engine.stores.s3_xml import bare_etag

CANARY = ".astra-canary-"
_OTHER_ETAG = '"00000000000000000000000000000000"'


class DeleteProbe:
    """Asks each bucket once; an answer that could not be had is asked for again."""

    def __init__(self, client: S3Client) -> None:
        self._client = client
        self._known: dict[str, bool] = {}
        self._lock = asyncio.Lock()

    async def guards(self, bucket: str) -> bool:
        """Whether a conditional delete of another version left a canary alive.

        A bucket that may not be written counts as unguarded.
        """
        async with self._lock:
            if bucket not in self._known:
                self._known[bucket] = await self._ask(bucket)
            return self._known[bucket]

    async def _ask(self, bucket: str) -> bool:
        key = CANARY + uuid4().hex
        try:
            reply = await self._client.call("PUT", bucket, key, body=b"astra")
        except (AccessDenied, NotSupported):
            return False
        etag = bare_etag(reply.headers.get("etag", ""))
        pin = VersionPin(etag, version_id=reply.headers.get("x-amz-version-id", ""))
        try:
            await self._client.call("DELETE", bucket, key, headers={"If-Match": _OTHER_ETAG})
        except PreconditionFailed:
            return await self._alive(bucket, key)
        except (AccessDenied, NotSupported):
            return False
        else:
            return False
        finally:
            await self._remove(bucket, key, pin)

    async def _alive(self, bucket: str, key: str) -> bool:
        try:
            await self._client.call("HEAD", bucket, key)
        except NotFound:
            return False
        return True

    async def _remove(self, bucket: str, key: str, pin: VersionPin) -> None:
        try:
            await self._client.call("DELETE", bucket, key, query=version_query(pin))
        except (NotFound, AccessDenied):
            return
