"""Conditions on writes: sent where the server honours them, asked before where it does not."""

from collections.abc import Awaitable, Callable
from dataclasses import replace as replace_fields

from engine.errors import BadResponse, NotFound, PreconditionFailed
from engine.model import ObjectHead, VersionPin
from engine.stores.base import Written
from engine.stores.s3_client import S3Client
from engine.stores.s3_probe import ALL, ConditionProbe, Conditions
from engine.stores.s3_reader import match_header

Head = Callable[..., Awaitable[ObjectHead]]


class WriteConditions:
    """What each bucket of one endpoint honours, and how to write there all the same.

    `head` is the store's own; a `trusted` endpoint needs no canary.
    """

    def __init__(self, client: S3Client, head: Head, *, trusted: bool, read_only: bool) -> None:
        self._client = client
        self._head = head
        self._trusted = trusted
        self._read_only = read_only
        self._probe = ConditionProbe(client)

    async def honoured(self, bucket: str) -> Conditions:
        """Which conditions the bucket really honours. Nothing is known of a read-only cloud."""
        if self._trusted:
            return ALL
        return Conditions() if self._read_only else await self._probe.conditions(bucket)

    async def header(
        self, bucket: str, key: str, replace: VersionPin | None, *, completing: bool = False
    ) -> dict[str, str]:
        """The header that makes a write conditional.

        Where the server is not known to honour it, the same is asked by a HEAD just before:
        not as good, but better than to overwrite blindly. The canary was written in one
        request and says nothing of a completion.
        """
        found = await self.honoured(bucket)
        ask = completing and not self._trusted
        if replace is not None:
            if ask or not found.replace:
                await self._head(bucket, key, pin=replace)
            header = match_header(replace, self._client.at(bucket, key))
            return header if found.replace or not found.known else {}
        if (ask or not found.create) and await self._exists(bucket, key):
            raise self._changed(bucket, key, "An object of this name is already there.")
        return {"If-None-Match": "*"} if found.create or not found.known else {}

    async def settled(self, bucket: str, key: str, written: Written) -> Written:
        """A completed upload with the pin that the server will give it from now on.

        Some answer a completion with the ETag made of the parts, and later give the MD5 of the
        whole. So does a server where another client has just written as many bytes: such a
        change is passed on as not `sure`.
        """
        if self._trusted:
            return written
        pin, found = written.pin, (await self._head(bucket, key)).pin
        if not found.etag:
            at = self._client.at(bucket, key)
            raise BadResponse("The server gave no ETag for the object.", subject=at)
        if found.etag == pin.etag:
            return replace_fields(written, pin=found)
        if found.size == pin.size and "-" in pin.etag and "-" not in found.etag:
            return replace_fields(written, pin=found, sure=False)
        raise self._changed(bucket, key, "Somebody else wrote the object just after this upload.")

    async def _exists(self, bucket: str, key: str) -> bool:
        try:
            await self._client.call("HEAD", bucket, key)
        except NotFound:
            return False
        return True

    def _changed(self, bucket: str, key: str, what: str) -> PreconditionFailed:
        at = self._client.at(bucket, key)
        safe = "What is there is left alone."
        return PreconditionFailed(what, subject=at, safe=safe, code="Changed")
