"""The door: a look into one object, and at what it was before. Nothing is changed."""

from engine.door import Door
from engine.model import PREVIEW_BYTES, Address, ObjectVersions, Preview, VersionPin


class Objects(Door):
    """One object, closer."""

    async def preview(
        self,
        address: Address,
        *,
        pin: VersionPin | None = None,
        limit: int = PREVIEW_BYTES,
        paid: bool = False,
    ) -> Preview:
        """The first `limit` bytes of an object (of that version), unpacked, and what they are.

        Reads nothing of what is archived, nor, unless `paid`, where a retrieval is billed.
        Raises UsageError for more bytes than `PREVIEW_MOST`, StoreError.
        """
        from engine.preview.reading import preview

        return await preview(self._parts, address, pin=pin, limit=limit, paid=paid)

    async def versions(self, address: Address) -> ObjectVersions:
        """The versions of one key that its store keeps, the newest first."""
        from engine.preview.reading import versions

        return await versions(self._parts, address)
