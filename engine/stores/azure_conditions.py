"""Conditions on writes: sent where the server honours them, asked before where it does not."""

from collections.abc import Awaitable, Callable

from engine.errors import NotFound, PreconditionFailed
from engine.model import ObjectHead, VersionPin
from engine.stores.azure_client import AzureClient
from engine.stores.azure_probe import AzureProbe
from engine.stores.azure_reader import match_header
from engine.stores.s3_probe import Conditions

_EMULATOR = "Azurite-Blob/"  # the Server header of one that is known to honour them on writes
Head = Callable[..., Awaitable[ObjectHead]]


class WriteConditions:
    """What each container honours, and how to write there all the same.

    `head` is the store's own; Azure itself is `trusted`.
    """

    def __init__(self, client: AzureClient, head: Head, *, trusted: bool, read_only: bool) -> None:
        self._client = client
        self._head = head
        self._trusted = trusted
        self._read_only = read_only
        self._probe = AzureProbe(client, trusted=trusted)

    async def honoured(self, bucket: str) -> Conditions:
        """What the container honours, and whether tags work. Nothing is written to a read-only
        cloud to find out."""
        if self._read_only:
            return Conditions(create=self._trusted, replace=self._trusted, delete=self._trusted)
        return await self._probe.conditions(bucket)

    async def header(self, bucket: str, key: str, replace: VersionPin | None) -> dict[str, str]:
        """The header that makes a write conditional.

        Where the server does not honour it, the same is asked just before: not as good, but
        better than to overwrite blindly.
        """
        at = self._client.at(bucket, key)
        if not self._trusted and not self._client.server.startswith(_EMULATOR):
            found = await self.honoured(bucket)
            if replace is not None and not found.replace:
                await self._head(bucket, key, pin=replace)
            if replace is None and not found.create and await self._exists(bucket, key):
                raise PreconditionFailed(
                    "A blob of this name is already there.",
                    subject=at,
                    safe="What is there is left alone.",
                    code="Changed",
                )
        return {"If-None-Match": "*"} if replace is None else match_header(replace, at)

    async def must_exist(self, bucket: str, key: str) -> None:
        """Raises NotFound if there is no such blob: a condition on none fails as well."""
        await self._client.call("HEAD", bucket, key)

    async def _exists(self, bucket: str, key: str) -> bool:
        try:
            await self.must_exist(bucket, key)
        except NotFound:
            return False
        return True
