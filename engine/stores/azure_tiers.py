"""Tiers: changed in place, and brought back from the archive.

Set Blob Tier takes no condition. So the version is looked at before and after, and where the
account keeps versions its id is in the request.
"""

from collections.abc import Awaitable, Callable

from engine.errors import Archived, NotSupported
from engine.model import ObjectHead, RestoreState, VersionPin
from engine.stores.azure_client import AzureClient
from engine.stores.azure_errors import ROOT_VERSION
from engine.stores.azure_headers import DEFAULT_CLASS
from engine.stores.azure_reader import version_query

Head = Callable[..., Awaitable[ObjectHead]]


class Tiers:
    """Set Blob Tier of one account; `head` is the store's own."""

    def __init__(self, client: AzureClient, head: Head) -> None:
        self._client = client
        self._head = head

    async def change(self, bucket: str, key: str, pin: VersionPin, tier: str) -> ObjectHead:
        """Give the pinned version another tier. Bytes, ETag and metadata stay as they are."""
        before, at = await self._head(bucket, key, pin=pin), self._client.at(bucket, key)
        if before.storage_class == tier:
            return before
        if before.archived:
            raise Archived(
                "The blob is archived and must be restored before its tier can be chosen.",
                subject=at,
                safe="Nothing was changed.",
            )
        await self._set(bucket, key, pin, {"x-ms-access-tier": tier})
        after = await self._head(bucket, key, pin=pin)
        if after.storage_class != tier:
            raise NotSupported(
                f"The server accepted the change and keeps the blob in {after.storage_class}.",
                subject=at,
                safe="The blob's bytes are unchanged.",
            )
        return after

    async def restore(self, bucket: str, key: str, pin: VersionPin, speed: str) -> None:
        """Bring an archived blob back to Hot; again while that is under way does nothing."""
        found = await self._head(bucket, key, pin=pin)
        if found.restore is RestoreState.ONGOING:
            return
        if not found.archived:
            raise NotSupported(
                f"The blob is in {found.storage_class} and can be read as it is.",
                subject=self._client.at(bucket, key),
            )
        priority = "High" if speed.lower() == "expedited" else "Standard"
        headers = {"x-ms-access-tier": DEFAULT_CLASS, "x-ms-rehydrate-priority": priority}
        await self._set(bucket, key, pin, headers)

    async def _set(self, bucket: str, key: str, pin: VersionPin, headers: dict[str, str]) -> None:
        query, version = [("comp", "tier")], version_query(pin)
        try:
            await self._client.call("PUT", bucket, key, query=[*query, *version], headers=headers)
        except NotSupported as error:
            if not version or error.code != ROOT_VERSION:
                raise
            await self._client.call("PUT", bucket, key, query=query, headers=headers)
