"""Finding out which conditions a server honours when it copies, with objects of our own."""

from dataclasses import dataclass

from engine.errors import NotFound, PreconditionFailed, StoreError
from engine.model import VersionPin
from engine.stores import s3_xml as xml
from engine.stores.canary import BODY, AskedOnce, new_canary
from engine.stores.s3_client import S3Client
from engine.stores.s3_errors import raise_hidden_error
from engine.stores.s3_reader import version_query
from engine.stores.sigv4 import encode_key

_WRONG = '"00000000000000000000000000000000"'


@dataclass(frozen=True, slots=True)
class CopyConditions:
    """What copies into a bucket honour: the condition on the source, If-None-Match:* and
    If-Match on the destination. Nothing of it where copying did not work at all."""

    source: bool = False
    create: bool = False
    replace: bool = False


class CopyProbe:
    """Asks each bucket once; an answer that could not be had is asked for again.

    Amazon is asked like all others: it honours conditions on the destination of a copy since
    October 2025, and few servers followed.
    """

    def __init__(self, client: S3Client) -> None:
        self._client = client
        self._asked = AskedOnce(self._ask)

    async def conditions(self, bucket: str) -> CopyConditions:
        """Copy a canary under false conditions, remove it. Raises retryable StoreErrors."""
        return await self._asked.of(bucket)

    async def _ask(self, bucket: str) -> CopyConditions:
        keys = [new_canary() for _ in range(3)]
        made: list[tuple[str, str]] = []  # key and version id
        try:
            return await self._try(bucket, keys, made)
        except StoreError as error:
            if error.retryable:
                raise
            return CopyConditions()
        finally:
            for key, version in set(made):
                await self._remove(bucket, key, version)

    async def _try(
        self, bucket: str, keys: list[str], made: list[tuple[str, str]]
    ) -> CopyConditions:
        first, second, third = keys
        reply = await self._client.call("PUT", bucket, first, body=BODY)
        made.append((first, reply.headers.get("x-amz-version-id", "")))
        etag = f'"{xml.bare_etag(reply.headers.get("etag", ""))}"'

        async def copied(key: str, source: str, **condition: str) -> bool | None:
            headers = {
                "x-amz-copy-source": f"/{bucket}/{encode_key(first)}",
                "x-amz-copy-source-if-match": source,
                "x-amz-metadata-directive": "REPLACE",
            }
            headers |= {name.replace("_", "-"): value for name, value in condition.items()}
            return await self._copied(bucket, key, headers, made)

        source = await copied(second, _WRONG) is False and not await self._is_there(bucket, second)
        # Onto a free key the condition must hold, or nothing could ever be copied under it.
        works = await copied(third, etag, If_None_Match="*") is True
        create = works and await copied(third, etag, If_None_Match="*") is False
        fits = works and await copied(third, etag, If_Match=etag) is True
        replace = fits and await copied(third, etag, If_Match=_WRONG) is False
        return CopyConditions(source, create, replace)

    async def _copied(
        self, bucket: str, key: str, headers: dict[str, str], made: list[tuple[str, str]]
    ) -> bool | None:
        """Whether it was copied (True) or the condition refused (False); None: neither."""
        try:
            reply = await self._client.call("PUT", bucket, key, headers=headers)
            raise_hidden_error(reply, "CopyObjectResult", "PUT", self._client.at(bucket, key))
        except PreconditionFailed:
            return False
        except StoreError as error:
            if error.retryable:
                raise
            return None
        made.append((key, reply.headers.get("x-amz-version-id", "")))
        return True

    async def _is_there(self, bucket: str, key: str) -> bool:
        try:
            await self._client.call("HEAD", bucket, key)
        except NotFound:
            return False
        return True

    async def _remove(self, bucket: str, key: str, version: str) -> None:
        try:
            query = version_query(VersionPin(version_id=version))
            await self._client.call("DELETE", bucket, key, query=query)
        except StoreError as error:
            if error.retryable:
                raise
